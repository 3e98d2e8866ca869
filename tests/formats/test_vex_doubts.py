# SPDX-License-Identifier: GPL-3.0-or-later
"""Values of schedules that can be read but are hardly meant, and texts that would be read in part only."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from difxnb.errors import FileFormatError
from difxnb.formats.v2d import parse_v2d, read_v2d
from difxnb.formats.vex import Vex, parse_vex, read_vex
from difxnb.making.drafting import drawn_up
from tests.formats.vex_samples import public_schedules, read
from tests.making.schedules import observed_at

VEX = observed_at("Aa", "Bb")
CLOCK = "clock_early = 2024y001d00h00m00s : 0.5 usec : 2024y001d00h00m00s : 1e-12;"
DOUBTS = ("odd time", "odd clock", "late clock", "odd eop")
V2D = """\
vex = e.vex
SETUP default { tInt = 1 nChan = 32 subintNS = 100000000 doPolar = False }
ANTENNA Aa { file = /data/aa.vdif }
ANTENNA Bb { file = /data/bb.vdif }
"""


def doubts(vex: Vex) -> list[str]:
    table = vex.problems()
    return table["text"][table["kind"].isin(DOUBTS)].tolist()


@pytest.mark.parametrize(
    ("start", "read_as"),
    [
        ("2024y001d12h75m00s", "2024y001d13h15m00s"),
        ("2024y001d24h00m00s", "2024y002d00h00m00s"),
        ("2023y366d12h00m00s", "2024y001d12h00m00s"),
        ("2024y000d12h00m00s", "2023y365d12h00m00s"),
        ("2024y001d23h59m60s", "2024y002d00h00m00s; leap seconds are not counted"),
        ("9999y999d00h00m00s", "MJD 2.97"),
        ("2024y366d12h00m00.5s", None),
        ("2024y001d", None),
    ],
)
def test_a_start_beyond_its_range_is_doubtful(start: str, read_as: str | None) -> None:
    vex = parse_vex(VEX.replace("start = 2024y001d12h00m00s", f"start = {start}"))
    told = [text for text in doubts(vex) if "clock" not in text]
    assert len(told) == (read_as is not None)
    if read_as is not None:
        assert told[0].startswith(f"its start {start} is read as {read_as}")


@pytest.mark.parametrize(
    ("new", "told"),
    [
        (CLOCK.replace("1e-12", "1e-6"), "the clock of Aa is off by 5e-07 s and runs off by 1e-06 s/s"),
        (CLOCK.replace("usec", "min"), "the clock of Aa is off by 30 s"),
        (CLOCK.replace("1e-12", "-1e-6 usec/sec"), None),
        (CLOCK + CLOCK.replace("y001d00h", "y001d12h"), None),
        (CLOCK.replace("y001d00h", "y001d12h") + CLOCK, "the one that is written last counts"),
        (CLOCK.replace("y001d00h", "y001d12h"), None),
        (
            CLOCK.replace("y001d00h", "y002d00h"),
            "no clock of Aa is valid yet when it begins at 2024y001d12h00m00s",
        ),
    ],
)
def test_clocks_that_can_hardly_be_meant(new: str, told: str | None) -> None:
    found = doubts(parse_vex(VEX.replace(CLOCK, new, 1)))
    assert len(found) == (told is not None)
    if told is not None:
        assert told in found[0]


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (
            "eop_ref_epoch= 2024y001d;",
            "eop_ref_epoch= 2024y001d12h;",
            "of 2024y001d12h00m00s is taken for that of 0h",
        ),
        ("-0.0087 sec", "-8.7 sec", "UT1-UTC -8.7 s"),
        ("37 sec", "3.7 sec", "TAI-UTC is 3.7 s"),
        ("0.13 asec", "0.13 amin", "the pole at 7.8 and 0.2 arc seconds"),
        ("-0.0087 sec", "-8.7 msec", None),
    ],
)
def test_earth_orientation_that_can_hardly_be_meant(old: str, new: str, told: str | None) -> None:
    assert old in VEX
    found = doubts(parse_vex(VEX.replace(old, new)))
    assert bool(found) == (told is not None)
    if told is not None:
        assert told in found[0]


def test_a_day_of_earth_orientation_that_is_there_twice_is_told() -> None:
    table = parse_vex(VEX.replace("eop_ref_epoch= 2024y001d;", "eop_ref_epoch= 2024y002d;")).problems()
    assert table["text"].tolist() == ["Earth orientation of MJD 60311 is there 2 times"]


def test_a_job_before_its_clock_says_so() -> None:
    late = parse_vex(VEX.replace(CLOCK, CLOCK.replace("y001d00h", "y001d12h06m").replace("m00m", "m"), 1))
    plan = drawn_up(late, V2D, "e", lambda name: "")
    assert plan.notes == ("e_1: no clock of AA is valid yet, so it is taken for 0",)


def test_rates_without_a_unit_are_doubtful_in_one_public_schedule(shared: Path) -> None:
    """gk022 surely means us/s; vex2difx reads s/s."""
    found = [
        (path.name, one.kind, one.text.split()[3])
        for path in public_schedules(shared)
        for one in read(path).own_problems()
        if one.kind in DOUBTS
    ]
    assert {(name, kind) for name, kind, _ in found} == {("gk022.vix", "odd clock")}
    assert [station for _, _, station in found][:4] == ["Eb", "Wb", "On", "Mc"]


@pytest.mark.parametrize("spelt", ["aa", "AA", "aA"])
def test_stations_of_scans_are_found_in_any_case(spelt: str) -> None:
    """As in vex2difx, which knows them in upper case only."""
    vex = parse_vex(VEX.replace("station = Aa", f"station = {spelt}"))
    plain = parse_vex(VEX)
    for table in ("scans", "scan_stations", "stations", "modes"):
        assert getattr(vex, table)().equals(getattr(plain, table)()), table
    assert vex.problems().attrs["passed"]
    assert [one.name for one in drawn_up(vex, V2D, "e", lambda name: "").drafts] == ["e_1"]


def test_lines_that_end_in_cr_alone_are_refused(tmp_path: Path, shared: Path) -> None:
    """Else the first comment would hold the rest of the file, which would be read as an empty one."""
    for path in public_schedules(shared):
        text = re.sub(rb"\r?\n", b"\r", path.read_bytes())
        (tmp_path / "e.vex").write_bytes(text)
        if b"*" in text:
            with pytest.raises(FileFormatError, match="CR without a line feed"):
                read_vex(tmp_path / "e.vex")
    with pytest.raises(FileFormatError, match="CR without a line feed"):
        parse_v2d(f"# mine\n{V2D}".replace("\n", "\r"))
    assert parse_v2d(f"# mine\n{V2D}".replace("\n", "\r\r\n")).antennas == parse_v2d(V2D).antennas


def test_a_byte_order_mark_is_refused_by_name(tmp_path: Path) -> None:
    for name, text, reader in (("e.vex", VEX, read_vex), ("e.v2d", V2D, read_v2d)):
        (tmp_path / name).write_text(text, encoding="utf-8-sig")
        with pytest.raises(FileFormatError, match="byte order mark"):
            reader(tmp_path / name)
