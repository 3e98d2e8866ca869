# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with a schedule: rows with what, where, and whether vex2difx would stop at it."""

from __future__ import annotations

from pathlib import Path

import pytest

from difxnb.formats import vex_problems
from difxnb.formats.vex import parse_vex
from tests.formats.vex_samples import SMALL, public_schedules, read

COLUMNS = ["severity", "kind", "where", "line", "name", "text", "fix"]


def rows(text: str, kind: str, mode: str | None = None) -> list[dict]:
    table = parse_vex(text).problems(mode)
    assert list(table.columns) == COLUMNS
    assert str(table["line"].dtype) == "Int64"
    return table[table["kind"] == kind].to_dict("records")


def test_public_schedules_pass_but_for_the_one_of_dos(shared: Path) -> None:
    for path in public_schedules(shared):
        found = [one for one in read(path).own_problems() if one.severity == "error"]
        if path.name == "Jan13B1e.vex.obs":
            (only,) = found
            assert (only.kind, only.line) == ("dos line ends", 1)
        else:
            assert not found, path


def test_pyvexfile_warns_at_most(shared: Path) -> None:
    (path,) = [path for path in public_schedules(shared) if path.name == "dq601.vex.obs"]
    table = read(path).problems()
    found = table[table["kind"] == "verify"]
    assert set(found["severity"]) == {"warning"}
    assert found["line"].to_list() == [1021, 1022, 1599]
    assert "LO frequency must be positive" in found["text"].iloc[0]
    assert table.attrs["passed"]


def test_the_small_one_has_its_known_faults() -> None:
    table = parse_vex(SMALL).problems()
    assert table.attrs["passed"]
    kinds = set(table["kind"]) - {"verify"}
    assert kinds == {"not recorded", "no clock", "no eop", "short line", "source name"}
    assert rows(SMALL, "no clock")[0]["text"] == "no clock for Bb, Cc"


@pytest.mark.parametrize(
    ("old", "new", "kind", "where", "text"),
    [
        ("mode = m; source = S;", "mode = mm; source = S;", "missing mode", "$SCHED No0001", "mode mm is not in"),
        ("mode = m; source = S;", "source = S;", "missing mode", "$SCHED No0001", "(none)"),
        ("source = S;\n  station = Aa : 0 sec : 300", "source = T;\n  station = Aa : 0 sec : 300",
         "unknown source", "$SCHED No0001", "source T is not in $SOURCE"),
        ("station = Bb : 10 sec", "station = Bx : 10 sec", "unknown station", "$SCHED No0001", "station Bx"),
        ("start = 2024y001d12h00m00s", "start = today", "bad value", "$SCHED No0001", "its start is missing"),
        ("300 sec", "300 furlongs", "bad value", "$SCHED No0001", "times of Aa"),
        ("site_position = 4000 km", "site_position = 4000 sec", "bad value", "$SITE SA", "position of Aa"),
        ("4000 km : 500000 m : 4.9e6 m", "4000 : 500 : 4900", "bad value", "$SITE SA", "position of Aa"),
        ("4000 km : 500000 m : 4.9e6 m", "4000 m : 500 m : 4900 m", "bad value", "$SITE SA", "Aa is 6.34508 km from"),
        ("ref $SITE = SB;", "ref $SITE = SX;", "unknown definition", "$STATION Bb", "not in $SITE"),
        ("ra = 08h00m00.0s", "ra = 8.5", "bad value", "$SOURCE S", "right ascension"),
        ("= J2000", "= B1950", "bad value", "$SOURCE S", "J2000 only"),
        ("ref $FREQ = g : Cc", "ref $FREQ = h : Cc", "unknown definition", "$MODE m", "$FREQ has no definition h"),
        (": 8400.0 MHz : U : 4 MHz : &CH02", ": 8400.0 MHz : U : 5 MHz : &CH02", "bad value", "$MODE m", "wider"),
        (": 8400.0 MHz : U : 4 MHz : &CH02", ": 8400.0 : U : 4 MHz : &CH02", "bad value", "$MODE m", "lacks"),
        ("&B2 : 2 : &IFB", "&B2 : 2 : &IFX", "no polarization", "$MODE m", "leads to no IF"),
        ("clock_early = : 1 usec", "clock_early = : 1 m", "bad value", "$CLOCK", "clock of Aa cannot be read"),
        ("def Cc;", "def AA;", "given twice", "$STATION AA", "AA and another station differ"),
        ("$SOURCE;", "$SOURCES;", "missing block", "$SOURCE", "there is no $SOURCE"),
        ("exper_name = X1;", 'exper_name = "' + "x" * 130 + '";', "long word", "$EXPER", "132 characters"),
        ("* short", "* " + "x" * 130, "long comment", "", "132 characters"),
    ],
)  # fmt: skip
def test_errors_say_where_they_are(old: str, new: str, kind: str, where: str, text: str) -> None:
    assert old in SMALL
    changed = SMALL.replace(old, new, 1)
    found = [row for row in rows(changed, kind) if text in row["text"]]
    assert len(found) == 1, rows(changed, kind)
    assert (found[0]["severity"], found[0]["where"]) == ("error", where)
    assert not parse_vex(changed).problems().attrs["passed"]
    if kind not in ("missing block", "given twice") and found[0]["line"] is not None:
        line = changed.split("\n")[found[0]["line"] - 1]
        block = where.removeprefix("$").split(" ")[-1]
        assert new.split("\n")[0] in line or block in line or "chan_def" in line


def test_a_mode_that_is_needed_has_to_be_there_and_used() -> None:
    assert not rows(SMALL, "missing mode", "m")
    (row,) = rows(SMALL, "missing mode", "mm")
    assert row["text"] == "there is no mode mm; the schedule has m"
    assert row["fix"] == "is it m?"
    unused = SMALL.replace("$STATION;", "def n;\nenddef;\n$STATION;", 1)
    (row,) = rows(unused, "missing mode", "n")
    assert row["text"] == "no scan is in mode n"


@pytest.mark.parametrize(
    ("position", "fix"),
    [
        ("4000 m : 500 m : 4900 m", "its numbers are in km: write that unit behind them"),
        ("4000000 km : 500000 km : 4900000 km", "its numbers are in m: write that unit behind them"),
        ("40000 km : 0 m : 0 m", "look the position up"),
    ],
)
def test_a_site_that_is_not_on_the_earth_is_told_unless_it_flies(position: str, fix: str) -> None:
    far = SMALL.replace("4000 km : 500000 m : 4.9e6 m", position)
    (row,) = rows(far, "bad value")
    assert (row["severity"], row["name"], row["fix"]) == ("error", "site_position", fix)
    assert not rows(far.replace("site_ID = Aa;", "site_ID = Aa; site_type = earth_orbit;"), "bad value")


def test_the_nearest_name_is_offered() -> None:
    (row,) = rows(SMALL.replace("station = Bb : 10", "station = Bbb : 10"), "unknown station")
    assert row["fix"] == "is it Bb?"


@pytest.mark.parametrize(
    ("old", "new", "kind", "severity"),
    [
        ("sample_rate = 8 Ms/sec", "sample_rate = 16 Ms/sec", "bandwidth", "warning"),
        ("ref $FREQ = g : Cc;", "", "no setup", "warning"),
        ("ref $TRACKS = t : Aa : Bb;", "", "no format", "warning"),
        ("  station = Bb : 0 sec : 60 sec : 0 GB : : : 1;\n", "", "no baseline", "note"),
        ("def SB;", "def SA; enddef; def SB;", "given twice", "warning"),
        ("ref $TRACKS = t : Aa : Bb;", "ref $TRACKS = t : Aa : Bb : Zz;", "unknown station", "note"),
        ("axis_offset = 250 cm;", "", "bad value", "warning"),
        ("def m; *", "def n; ref $FREQ = no; enddef;\ndef m; *", "unknown definition", "warning"),
        ("def Cc;", "def Dd; ref $SITE = no; ref $ANTENNA = AN; enddef;\ndef Cc;", "unknown definition", "warning"),
        ("ref $IF = i;", "ref $IF = i; ref $ROLL = NoRoll;", "unknown definition", "note"),
    ],
)  # fmt: skip
def test_what_vex2difx_gets_along_with_is_told_too(old: str, new: str, kind: str, severity: str) -> None:
    assert old in SMALL
    text = SMALL.replace(old, new, 1)
    assert severity in {row["severity"] for row in rows(text, kind)}
    assert parse_vex(text).problems().attrs["passed"]


def test_earth_orientation_of_other_days_is_told() -> None:
    eop = (
        "$EOP;\ndef E;\n TAI-UTC = 37 sec; eop_ref_epoch = 2023y001d; num_eop_points = 1; ut1-utc = 0 sec;\n"
        " x_wobble = 0 asec; y_wobble = 0 asec;\nenddef;\n"
    )
    (row,) = rows(SMALL + eop, "eop elsewhere")
    assert row["text"] == "Earth orientation of MJD 59945 to 59945 does not cover the schedule"
    assert rows(SMALL + eop, "few eop")
    (row,) = rows(SMALL + eop.replace("= 0 sec", "= 0 m"), "bad value")
    assert (row["severity"], row["where"]) == ("error", "$EOP")


def test_very_many_rows_of_a_kind_are_counted() -> None:
    scans = "".join(f"scan s{number}; endscan;\n" for number in range(500))
    found = rows(f"VEX_rev = 1.5;\n$SCHED;\n{scans}", "missing mode")
    assert len(found) == 200
    assert found[-1]["text"] == "and 301 more of this kind"


def test_what_pyvexfile_cannot_read_is_a_note(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(text: str) -> list:
        raise RecursionError("too deep")

    monkeypatch.setattr(vex_problems, "_verified", fails)
    (row,) = rows(SMALL, "verify")
    assert (row["severity"], row["text"]) == ("note", "pyvexfile cannot read it: RecursionError: too deep")
    monkeypatch.setattr(vex_problems, "_MOST_LINES", 3)
    (row,) = rows(SMALL, "verify")
    assert row["text"] == "pyvexfile is not asked of 5 lines of 3 stations and 21 definitions"
