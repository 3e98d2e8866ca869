# SPDX-License-Identifier: GPL-3.0-or-later
"""New clocks in an .input, and how edits are shown and written."""

from __future__ import annotations

import datetime as dt
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from difxnb.clock.edits import ClockEdit, edits_of
from difxnb.errors import FileChanged, FileFormatError, OutputExists
from difxnb.formats.clock_change import Clock, ClockChange, decimal_delay, decimal_rate, distinct
from difxnb.formats.input import parse_input, read_input
from difxnb.formats.mjd import DAY_S

ALPHA = Path(__file__).parents[1] / "reference/mpifxcorr-output/alpha_1/alpha_1.input"
EPOCH = np.datetime64("2024-01-01T12:00:02")


def residual(change: ClockChange, mjd: float) -> float:
    return change.delay_s + change.delay_rate * (mjd - change.epoch_mjd) * DAY_S


def clocks(text: str) -> dict[str, Clock]:
    return {
        one.name: Clock(one.clock_ref_mjd, tuple(value * 1e-6 for value in one.clock_coeffs))
        for one in parse_input(text).telescopes
    }


@pytest.mark.parametrize("delay", [81e-9, -125e-9])
@pytest.mark.parametrize("rate", [12e-12, -3e-12, 0.0])
def test_an_input_gets_the_clock_less_the_residual_and_stays_else(delay: float, rate: float) -> None:
    names = [telescope.name for telescope in read_input(ALPHA).telescopes]
    change = ClockChange(names[1].lower(), delay, rate, EPOCH)
    (edit,) = edits_of([change], input=ALPHA)
    before, after = clocks(edit.before), clocks(edit.after)
    for mjd in (60310.5, 60310.6):
        moved = [after[name].at(mjd) - before[name].at(mjd) for name in names]
        assert moved == pytest.approx([0.0, -residual(change, mjd), *[0.0] * (len(names) - 2)], abs=2e-15)
    old, new = edit.before.splitlines(), edit.after.splitlines()
    changed = [line for line, now in zip(old, new, strict=True) if line != now]
    assert [line.partition(":")[0] for line in changed] == ["CLOCK COEFF 1/0", "CLOCK COEFF 1/1"][
        : 1 + bool(rate)
    ]


def test_a_clock_without_a_rate_gets_one_where_it_has_to(tmp_path: Path) -> None:
    path = tmp_path / "flat.input"
    lines = (
        ALPHA.read_text().replace("CLOCK POLY ORDER 0: 1", "CLOCK POLY ORDER 0: 0").splitlines(keepends=True)
    )
    path.write_text("".join(line for line in lines if not line.startswith("CLOCK COEFF 0/1")))
    name = read_input(path).telescopes[0].name
    (edit,) = edits_of([ClockChange(name, 0.0, 5e-12, EPOCH)], input=path)
    old, new = edit.before.splitlines(), edit.after.splitlines()
    assert len(new) == len(old) + 1
    assert "CLOCK POLY ORDER 0: 1" in new
    assert [one.strip() for one in new if one.startswith("CLOCK COEFF 0/1")] == [
        "CLOCK COEFF 0/1:    -5.000000000000000e-06"
    ]
    assert clocks(edit.after)[name].at(60311) == pytest.approx(
        -residual(ClockChange(name, 0, 5e-12, EPOCH), 60311)
    )
    (edit,) = edits_of([ClockChange(name, 1e-9, 0.0, EPOCH)], input=path)
    assert len(edit.after.splitlines()) == len(old)


def test_a_station_that_is_not_there_is_named_with_those_that_are() -> None:
    with pytest.raises(ValueError, match="no station ZZ; it has AA, BB, CC"):
        edits_of([ClockChange("ZZ", 1e-9, 0.0, EPOCH)], input=ALPHA)


def test_files_have_to_be_named() -> None:
    with pytest.raises(ValueError, match=r"input=, v2d= or vex="):
        edits_of([])


@given(
    coefficients=st.lists(st.floats(-1e-4, 1e-4), min_size=2, max_size=4),
    shift=st.floats(-3e3, 3e3),
    at=st.floats(-1e3, 1e3),
)
@settings(max_examples=60, deadline=None)
def test_a_clock_about_another_time_is_the_same_clock(
    coefficients: list[float], shift: float, at: float
) -> None:
    scaled = tuple(value / 1e5**power for power, value in enumerate(coefficients))
    clock = Clock(60000.0, scaled)
    moved = clock.about(60000 + shift / DAY_S)
    mjd = 60000 + at / DAY_S
    assert moved.at(mjd) == pytest.approx(clock.at(mjd), rel=1e-9, abs=1e-15)


def test_no_digits_are_written_that_nothing_can_see() -> None:
    assert decimal_delay(1.75e-6 - 35e-9) == "1.715"
    assert decimal_delay(-0.0) == "0.0"
    assert decimal_rate(-2.5e-12 - 4e-15) == "-2.504e-06"
    assert decimal_delay(2e-6, 1.0) == "2e-06"


@pytest.mark.parametrize(
    ("antenna", "delay", "rate", "epoch", "problem"),
    [
        ("", 0.0, 0.0, EPOCH, "without the name"),
        ("AA", float("nan"), 0.0, EPOCH, "a delay of nan"),
        ("AA", 11.0, 0.0, EPOCH, "a delay of 11"),
        ("AA", 0.0, float("inf"), EPOCH, "a delay rate of inf"),
        ("AA", 0.0, -0.1, EPOCH, "a delay rate of -0.1"),
        ("AA", 0.0, 0.0, np.datetime64("NaT"), "NaT is no time"),
        ("AA", 0.0, 0.0, np.datetime64("3000-01-01"), "3000-01-01 is no time"),
        ("AA", 0.0, 0.0, "noon", "'noon' is no time"),
        ("AA", 0.0, 0.0, 60310.5, "60310.5 is no time"),
    ],
)
def test_what_no_clock_can_have_is_refused(
    antenna: str, delay: float, rate: float, epoch: np.datetime64, problem: str
) -> None:
    with pytest.raises(ValueError, match=problem):
        ClockChange(antenna, delay, rate, epoch)


@pytest.mark.parametrize(
    "epoch",
    [
        "2024-01-01T12:00:02",
        "2024-01-01T13:00:02+01:00",
        pd.Timestamp("2024-01-01T12:00:02"),
        dt.datetime(2024, 1, 1, 7, 0, 2, tzinfo=dt.timezone(dt.timedelta(hours=-5))),
    ],
)
def test_a_time_is_understood_in_any_form(epoch: str | dt.datetime) -> None:
    assert ClockChange("AA", 0.0, 0.0, epoch) == ClockChange("AA", 0.0, 0.0, EPOCH)


def test_one_change_for_each_station_and_none_for_those_of_zero() -> None:
    zero, one = ClockChange("AA", 0.0, 0.0, EPOCH), ClockChange("BB", 0.0, 1e-12, EPOCH)
    assert distinct([zero, one]) == [one]
    with pytest.raises(ValueError, match="two changes for the clock of AA"):
        distinct([zero, ClockChange("aa", 1e-9, 0.0, EPOCH)])


@pytest.fixture
def edit(tmp_path: Path) -> ClockEdit:
    path = tmp_path / "job.input"
    path.write_bytes(ALPHA.read_bytes())
    (made,) = edits_of([ClockChange("BB", 81e-9, 0.0, EPOCH)], input=path)
    return made


def test_the_difference_is_shown_before_anything_is_written(edit: ClockEdit) -> None:
    lines = edit.diff.splitlines()
    removed, added = ([line for line in lines[2:] if line.startswith(sign)] for sign in "-+")
    assert removed == ["-CLOCK COEFF 1/0:    1.250000000000000e+00"]
    assert added == ["+CLOCK COEFF 1/0:    1.169000000000000e+00"]
    assert repr(edit) == edit.diff
    page = edit._repr_html_()
    assert all(line.split(":")[0] in page for line in (*removed, *added))
    assert edit.path.read_text() == edit.before


def test_what_is_shown_acts_on_no_page_and_no_terminal() -> None:
    odd = ClockEdit(Path("<b>.v2d"), "a\x1b[2J\n", "<script>\n", ("<i>",))
    assert "\x1b" not in repr(odd)
    page = odd._repr_html_()
    assert "<script>" not in page
    assert "<b>" not in page
    assert "<i>" not in page


def test_no_change_says_so(tmp_path: Path) -> None:
    edits = edits_of([], input=ALPHA)
    assert repr(edits) == f"{ALPHA}: no clock changes"
    assert "no clock changes" in edits._repr_html_()
    assert edits.write() == []


def test_writing_refuses_what_is_there_unless_asked(edit: ClockEdit, tmp_path: Path) -> None:
    with pytest.raises(OutputExists, match="overwrite=True"):
        edit.write()
    assert edit.path.read_text() == edit.before
    other = edit.write(tmp_path / "new.input")
    assert other.read_text() == edit.after
    with pytest.raises(OutputExists):
        edit.write(other)
    os.chmod(edit.path, 0o640)
    assert edit.write(overwrite=True) == edit.path.resolve()
    assert edit.path.read_text() == edit.after
    assert edit.path.stat().st_mode & 0o777 == 0o640
    assert sorted(one.name for one in tmp_path.iterdir()) == ["job.input", "new.input"]


def test_writing_refuses_a_file_that_changed_meanwhile(edit: ClockEdit) -> None:
    edit.path.write_text(edit.before + "\n")
    with pytest.raises(FileChanged, match="make the edits anew"):
        edit.write(overwrite=True)
    assert edit.path.read_text() == edit.before + "\n"


def test_writing_refuses_protected_files_and_places_that_are_none(edit: ClockEdit, tmp_path: Path) -> None:
    edit.path.chmod(0o444)
    with pytest.raises(PermissionError, match="protected against writing"):
        edit.write(overwrite=True)
    assert edit.path.read_text() == edit.before
    with pytest.raises(IsADirectoryError, match="name the file"):
        edit.write(tmp_path, overwrite=True)
    with pytest.raises(FileNotFoundError, match="make it first"):
        edit.write(tmp_path / "none" / "new.input")


def test_a_link_stays_a_link(edit: ClockEdit, tmp_path: Path) -> None:
    link = tmp_path / "link.input"
    link.symlink_to(edit.path)
    (through,) = edits_of([ClockChange("BB", 81e-9, 0.0, EPOCH)], input=link)
    through.write(overwrite=True)
    assert link.is_symlink()
    assert edit.path.read_text() == edit.after


def test_all_files_are_written_at_one_word_or_none(edit: ClockEdit, tmp_path: Path) -> None:
    (tmp_path / "x.v2d").write_text("vex = x.vex\nANTENNA BB { clockOffset = 1.25 }\n")
    edits = edits_of([ClockChange("BB", 81e-9, 0.0, EPOCH)], input=edit.path, v2d=tmp_path / "x.v2d")
    assert edits.vex is None
    with pytest.raises(OutputExists):
        edits.write()
    (tmp_path / "x.v2d").write_text("vex = x.vex\nANTENNA BB { clockOffset = 1 }\n")
    with pytest.raises(FileChanged):
        edits.write(overwrite=True)
    assert edit.path.read_text() == edit.before
    (tmp_path / "x.v2d").write_text("vex = x.vex\nANTENNA BB { clockOffset = 1.25 }\n")
    assert [path.name for path in edits.write(overwrite=True)] == ["job.input", "x.v2d"]
    assert [path.read_text() for path in (edit.path, tmp_path / "x.v2d")] == [one.after for one in edits]


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.vex"
    path.write_bytes(b"\x00\xff binary")
    for kind in ("input", "vex"):
        with pytest.raises(FileFormatError):
            edits_of([ClockChange("BB", 81e-9, 0.0, EPOCH)], **{kind: path})
