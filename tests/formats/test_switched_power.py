# SPDX-License-Identifier: GPL-3.0-or-later
"""Switched power: rows per band with names, joined over datastreams, and every kind of damage."""

from __future__ import annotations

import json
import shutil
from contextlib import suppress
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import difxnb
from difxnb.errors import DamagedData, FileFormatError, OutputNotFound
from difxnb.formats.switched_power import parse_switched_power

ALPHA = Path(__file__).parents[1] / "reference/mpifxcorr-output/alpha_1"
TEXT = """\
# switched power
60310.5 60310.50001157407 4.1 0.01 4.0 0.02 4.3 0.01 4.2 0.02 5.1 0.1 5 0.2 5.3 0.1 nan 0.2
60310.50001157407 60310.50002314815 4.5 0.01 4.4 0.02 4.7 0.01 4.6 0.02 5.5 0.1 5.4 0.2 5.7 0.1 5.6 0.2
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copy(ALPHA / "alpha_1.input", tmp_path)
    made = tmp_path / "alpha_1.difx"
    made.mkdir()
    for stream in (1, 2):
        (made / f"SWITCHEDPOWER_60310_43200_{stream}").write_text(TEXT.replace(" 4.1", f" 4.1{stream}"))
    return made


def test_a_row_per_interval_and_band_with_names(folder: Path) -> None:
    frame = difxnb.read_switched_power(folder)
    assert len(frame) == 2 * 2 * 4
    first = frame.iloc[0]
    assert (first["antenna"], first["datastream"], first["recorded_band"]) == ("BB", 1, 0)
    assert frame["antenna"].tolist()[:8] == ["BB"] * 4 + ["CC"] * 4
    assert frame["band"].tolist()[:4] == [0, 0, 1, 1]
    assert frame["polarization"].tolist()[:4] == ["R", "L", "R", "L"]
    assert frame["power_on"].tolist()[:4] == [4.11, 4.3, 5.1, 5.3]
    assert frame["power_off_error"].tolist()[:4] == [0.02, 0.02, 0.2, 0.2]
    assert pd.isna(frame["power_off"][3])
    assert first["start"] == pd.Timestamp("2024-01-01 12:00:00")
    assert abs(first["time"] - pd.Timestamp("2024-01-01 12:00:00.5")) < pd.Timedelta("1us")
    assert abs(first["stop"] - pd.Timestamp("2024-01-01 12:00:01")) < pd.Timedelta("1us")
    assert frame["time"].is_monotonic_increasing
    assert frame.attrs["skipped"] == ""


def test_without_an_input_bands_and_antennas_have_no_names(folder: Path) -> None:
    (folder.parent / "alpha_1.input").unlink()
    frame = difxnb.read_switched_power(folder / "SWITCHEDPOWER_60310_43200_2")
    assert frame["antenna"].isna().all()
    assert frame["band"].tolist() == [-1] * 8
    assert frame["datastream"].tolist() == [2] * 8
    named = difxnb.read_switched_power(folder / "SWITCHEDPOWER_60310_43200_2", input=ALPHA / "alpha_1.input")
    assert set(named["antenna"]) == {"CC"}
    other = (folder / "SWITCHEDPOWER_60310_43200_2").rename(folder / "power.txt")
    assert difxnb.read_switched_power(other, input=ALPHA / "alpha_1.input")["datastream"].tolist() == [-1] * 8


def test_power_of_another_job_is_refused(folder: Path) -> None:
    (folder / "SWITCHEDPOWER_60310_43200_7").write_text(TEXT)
    with pytest.raises(FileFormatError, match="4 bands of datastream 7, which alpha_1 does not have"):
        difxnb.read_switched_power(folder)


def test_no_files_and_empty_ones(tmp_path: Path) -> None:
    with pytest.raises(OutputNotFound, match="holds no SWITCHEDPOWER_"):
        difxnb.read_switched_power(ALPHA / "alpha_1.difx")
    (tmp_path / "SWITCHEDPOWER_60310_43200_0").write_text("# nothing yet\n")
    frame = difxnb.read_switched_power(tmp_path)
    assert frame.empty
    assert list(frame)[:4] == ["time", "start", "stop", "antenna"]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("60310.5 60310.6 1 2 3", "not 5"),
        ("60310.5", "not 1"),
        ("60310.5 x 1 2 3 4", "expected when it began"),
        ("60310.5 60310.4 1 2 3 4", "expected when it began"),
        ("-1 60310.4 1 2 3 4", "expected when it began"),
        ("60310.5 60310.6 1 2 3 four", "expected a power, found 'four'"),
        ("\0\0", "not 1"),
    ],
)
def test_damage_is_named_or_skipped(folder: Path, line: str, problem: str) -> None:
    path = folder / "SWITCHEDPOWER_60310_43200_1"
    path.write_text(TEXT + line + "\n" + TEXT)
    with pytest.raises(FileFormatError, match=f"line 4: .*{problem}"):
        difxnb.read_switched_power(path)
    with pytest.warns(DamagedData, match="1 lines of switched power were skipped"):
        frame = difxnb.read_switched_power(path, on_error="skip")
    assert len(frame) == 16
    assert json.loads(frame.attrs["skipped"])[0]["line"] == 4


def test_a_last_line_without_end_is_not_believed() -> None:
    with pytest.raises(FileFormatError, match="line 3: the last line is cut"):
        parse_switched_power(TEXT[:-2])
    assert len(parse_switched_power(TEXT[:-2], growing=True).rows) == 4


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 250), st.integers(0, 30), st.text(max_size=4)), max_size=5))
def test_a_damaged_file_is_read_or_refused(damage: list[tuple[int, int, str]]) -> None:
    text = TEXT
    for place, removed, inserted in damage:
        text = text[:place] + inserted + text[place + removed :]
    with suppress(FileFormatError):
        parse_switched_power(text)
    file = parse_switched_power(text, on_error="skip")
    assert len({row.line for row in file.rows} | {line for line, _ in file.skipped}) <= text.count("\n") + 1
