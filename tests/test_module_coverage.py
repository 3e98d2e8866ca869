# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a schedule was recorded: scans against directories of mk5dir, and lists as vex2difx reads them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from difxnb.aio.recorder_frames import directory_frame
from difxnb.errors import FileFormatError
from difxnb.formats.module_directory import ModuleScan, directory_of, parse_module_directory
from difxnb.tables.module_coverage import module_coverage
from difxnb.tables.recording_list import recording_list_frame

DAY = 57024
ZERO = pd.Timestamp("2015-01-02")
"""Midnight of that day."""

# In the columns that mk5dir writes: No0001 whole, No0002 begins 40 s late, No0004 under its name at another time.
DIRECTORY = f"""\
NRAO+321 4 B 3631746956 1 2 RT
             0   115679249104 {DAY} 1000 0 6400   120.000000   5032      0  8 3 EX01_AA_No0001
  115679249104    23187365424 {DAY} 2040 0 6400    80.000000   5032      8  8 3 EX01_AA_No0002
  138866614528            100 {DAY} 3424 0 6400     0.000000   5032      0  8 -4 Unknown Error='scan is too short'
  138866614628            100 {DAY} 9000 0 6400   120.000000   5032      0  8 3 EX01_AA_No0004
"""


@dataclass(frozen=True)
class Scans:
    """A schedule, as far as it is asked."""

    table: pd.DataFrame

    def scan_stations(self) -> pd.DataFrame:
        return self.table


def scans(*rows: tuple[str, str, float, float], records: bool = True) -> Scans:
    """Of (scan, station, second of the day, seconds)."""
    start = ZERO + pd.to_timedelta([row[2] for row in rows], unit="s")
    length = [row[3] for row in rows]
    table = pd.DataFrame(
        {
            "scan": [row[0] for row in rows],
            "station": [row[1] for row in rows],
            "start": np.asarray(start, dtype="datetime64[ns]"),
            "stop": np.asarray(start + pd.to_timedelta(length, unit="s"), dtype="datetime64[ns]"),
            "records": records,
        }
    )
    return Scans(table)


def module(text: str = DIRECTORY) -> pd.DataFrame:
    """As `Recorder.directory` gives it."""
    directory = parse_module_directory(text, "NRAO+321.dir")
    frame = directory_frame(directory)
    frame.attrs["vsn"] = directory.vsn
    return frame


FOUR = scans(
    ("No0001", "Aa", 1000, 120),
    ("No0002", "Aa", 2000, 120),
    ("No0003", "Aa", 3000, 120),
    ("No0004", "Aa", 4000, 120),
    ("No0001", "Bb", 1000, 120),
)


def test_scans_against_the_directory_of_a_module() -> None:
    table = module_coverage(FOUR, {"Aa": [module()]})
    assert table.columns.tolist() == [
        "scan", "station", "start", "stop", "needed", "recorded", "share", "media", "state", "note",
    ]  # fmt: skip
    aa = table[table["station"] == "Aa"]
    assert aa["state"].tolist() == ["complete", "partly", "missing", "missing"]
    assert aa["recorded"].tolist() == [120.0, 80.0, 0.0, 0.0]
    assert aa["share"].tolist() == pytest.approx([1.0, 80 / 120, 0.0, 0.0])
    assert aa["media"].tolist() == ["NRAO+321", "NRAO+321", "", ""]
    assert "begins 40.0 s late" in aa["note"].iloc[1]
    assert "1 recordings of the station have no times" in aa["note"].iloc[2]
    assert "EX01_AA_No0004 begins at 2015-01-02 02:30:00; is the clock" in aa["note"].iloc[3]
    bb = table[table["station"] == "Bb"].iloc[0]
    assert (bb["state"], bb["media"], np.isnan(bb["share"]), bb["needed"]) == (
        "nothing known",
        "",
        True,
        120.0,
    )


def test_a_module_that_is_empty_is_something_known() -> None:
    empty = module("NRAO+321 0 A\n")
    table = module_coverage(FOUR, {"Aa": [empty], "Bb": []})
    assert dict(zip(table["station"], table["state"], strict=True)) == {
        "Aa": "missing",
        "Bb": "nothing known",
    }


def test_a_list_of_files_counts_each_second_once() -> None:
    """Files of several threads lie over each other, and a hole between two stays one."""
    begin, second = 57024 + 1000 / 86400, 1 / 86400
    text = "".join(
        f"/d/{name} {begin + first * second:.9f} {begin + last * second:.9f}\n"
        for name, first, last in [
            ("a.vdif", 0, 50),
            ("b.vdif", 0, 50),
            ("c.vdif", 40, 60),
            ("d.vdif", 90, 400),
        ]
    )
    files = recording_list_frame(f"# made by hand\n\n{text}/d/e.vdif\n", "list")
    assert files["file"].tolist()[-1] == "/d/e.vdif"
    # Nine digits of a day are worth a tenth of a millisecond.
    assert files["start"][0] == ZERO + pd.Timedelta(seconds=1000)
    assert files["start"].isna().tolist() == [False] * 4 + [True]
    row = module_coverage(scans(("No0001", "Aa", 1000, 120)), {"AA": [files]}).iloc[0]
    assert row["recorded"] == pytest.approx(90.0, abs=0.01)
    assert row["media"] == "/d/a.vdif, /d/b.vdif, /d/c.vdif, /d/d.vdif"
    assert row["note"].startswith("30.0 s are missing within")
    assert row["state"] == "partly"


def test_what_may_be_missing_is_said_by_the_caller() -> None:
    one = scans(("No0002", "Aa", 2036, 84))
    assert module_coverage(one, {"Aa": [module()]})["state"].tolist() == ["complete"]
    assert module_coverage(one, {"Aa": [module()]}, slack=3.9)["state"].tolist() == ["partly"]
    assert module_coverage(one, {"Aa": [module()]}, slack=4.0)["state"].tolist() == ["complete"]
    # A short scan of which there is nothing is missing, however much may be.
    nothing = scans(("No0003", "Aa", 3000, 4))
    assert module_coverage(nothing, {"Aa": [module()]}, slack=60)["state"].tolist() == ["missing"]


def test_a_station_that_does_not_record_misses_nothing() -> None:
    idle = module_coverage(replace(FOUR, table=FOUR.table.assign(records=False)), {"Aa": [module()]})
    assert set(idle["state"]) == {"complete"}
    assert idle["needed"].sum() == 0
    assert idle["share"].isna().all()
    assert set(idle["note"]) == {"the station does not record this scan"}


def test_a_directory_and_a_list_of_one_station_are_added() -> None:
    rest = recording_list_frame(f"/d/x.vdif {DAY + 2000 / 86400:.9f} {DAY + 2040 / 86400:.9f}\n", "list")
    table = module_coverage(scans(("No0002", "Aa", 2000, 120)), {"Aa": [module(), rest]})
    assert table["state"].tolist() == ["complete"]
    assert table["media"].tolist() == ["/d/x.vdif, NRAO+321"]


def test_mistakes_of_the_caller() -> None:
    with pytest.raises(ValueError, match="no station 'Zz' in the schedule; there are Aa, Bb"):
        module_coverage(FOUR, {"Zz": [module()]})
    with pytest.raises(ValueError, match="a directory of Aa is a table with start and stop; it has no stop"):
        module_coverage(FOUR, {"Aa": [module().drop(columns="stop")]})
    for slack in (-1.0, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="slack"):
            module_coverage(FOUR, {}, slack=slack)


SPANS = st.lists(st.tuples(st.integers(0, 300), st.integers(0, 100)), max_size=12)


@given(SPANS, st.integers(0, 300), st.integers(1, 150))
@settings(max_examples=200)
def test_each_second_is_counted_once(spans: list[tuple[int, int]], start: int, length: int) -> None:
    """Against counting one second after the other."""
    frame = directory_frame(
        directory_of("X", "A", [ModuleScan("a", 0, 1, DAY, begin, float(long)) for begin, long in spans])
    )
    row = module_coverage(scans(("s", "Aa", start, length)), {"Aa": [frame]}, slack=0.0).iloc[0]
    seconds = {second for begin, long in spans for second in range(begin, begin + long)}
    counted = len(seconds & set(range(start, start + length)))
    assert row["recorded"] == pytest.approx(counted)
    assert row["state"] == ("missing" if not counted else "complete" if counted == length else "partly")


@pytest.mark.parametrize("text", ["/d/a 1\n", "/d/a x y\n", "/d/a 57000 nan\n", "\n/d/a inf inf\n"])
def test_a_line_that_is_no_recording_is_named(text: str) -> None:
    with pytest.raises(FileFormatError) as caught:
        recording_list_frame(text, "wz.filelist")
    assert caught.value.where == f"line {text.count(chr(10))}"


@given(st.text(max_size=200))
@settings(max_examples=150)
def test_any_text_is_a_list_or_a_format_error(text: str) -> None:
    try:
        frame = recording_list_frame(text, "x")
    except FileFormatError:
        return
    assert frame.columns.tolist() == ["file", "start", "stop"]
    assert (frame["start"].isna() == frame["stop"].isna()).all()
    assert str(frame["start"].dtype) == "datetime64[ns]"


def test_lists_that_a_real_session_used_are_read(shared) -> None:  # type: ignore[no-untyped-def]
    path = shared / "data/difx-samples/vex2difx-output/feat/wz.filelist"
    frame = recording_list_frame(path.read_text(), path)
    assert len(frame) > 0
    assert frame["file"].str.len().min() > 0
