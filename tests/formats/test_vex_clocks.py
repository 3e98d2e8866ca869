# SPDX-License-Identifier: GPL-3.0-or-later
"""Clocks of a .vex: units, times and what may be left out, and new ones in place of them."""

from __future__ import annotations

import numpy as np
import pytest

from difxnb.errors import FileFormatError
from difxnb.formats.clock_change import ClockChange
from difxnb.formats.vex_clocks import clock_in_force, station_clocks, vex_mjd, vex_time, vex_with_clocks
from difxnb.formats.vex_text import LONGEST_COMMENT, parse_vex_text

DAY = 60310  # 2024y001d
EPOCH = np.datetime64("2024-01-02T06:00:00")


def vex(*statements: str, link: bool = True, revision: str = "1.5") -> str:
    """A .vex with one station, Aa, and its clock."""
    reference, name = (" ref $CLOCK = c;\n", "c") if link else ("", "Aa")
    clocks = "".join(f"  {statement};\n" for statement in statements)
    return (
        f"VEX_rev = {revision};\n$STATION;\ndef Aa;\n ref $SITE = s;\n{reference}enddef;\n"
        f"$CLOCK;\ndef {name};\n{clocks}enddef;\n"
    )


def early(offset: str, rest: str = ": 2024y001d : 0", valid: str = "2024y001d") -> str:
    return f"clock_early = {valid} : {offset} {rest}"


@pytest.mark.parametrize(
    ("offset", "seconds"),
    [
        ("-1.5 usec", 1.5e-6),
        ("2.5e-6 sec", -2.5e-6),
        ("+7 nsec", -7e-9),
        (".5 msec", -5e-4),
        ("3. psec", -3e-12),
    ],
)
def test_an_offset_is_early_in_any_unit(offset: str, seconds: float) -> None:
    (found,) = station_clocks(parse_vex_text(vex(early(offset))), "aa")
    assert found.clock.coefficients[0] == pytest.approx(seconds, rel=1e-12)


@pytest.mark.parametrize(
    ("rate", "expected"),
    [
        ("2e-12", -2e-12),
        ("2e-6 usec/sec", -2e-12),
        ("2 psec/sec", -2e-12),
        ("2e-18 sec/usec", -2e-12),
        ("0.1728 usec/day", -2e-12),
        ("-7.2 nsec/hr", 2e-12),
        ("", 0.0),
    ],
)
def test_a_rate_is_in_any_units_or_none(rate: str, expected: float) -> None:
    text = vex(early("0 sec", f": 2024y001d12h : {rate}"))
    (found,) = station_clocks(parse_vex_text(text), "AA")
    assert found.clock.epoch_mjd == DAY + 0.5
    assert found.clock.coefficients[1] == pytest.approx(expected, rel=1e-12)


def test_terms_of_higher_order_turn_their_sign_too() -> None:
    text = vex(early("1 usec", ": 2024y001d : 2e-12 : 3e-9 usec/sec^2 : 4e-15 usec/sec^3"))
    (found,) = station_clocks(parse_vex_text(text), "Aa")
    assert found.clock.coefficients == pytest.approx((-1e-6, -2e-12, -3e-15, -4e-21))


def test_a_clock_without_an_epoch_has_no_rate() -> None:
    (found,) = station_clocks(parse_vex_text(vex("clock_early = : 1 usec")), "Aa")
    assert found.valid_from_mjd == -np.inf
    assert found.clock.coefficients == (-1e-6, 0.0)
    # A clock of vex2difx without an epoch counts from here; with no rate it does not matter.
    assert found.clock.epoch_mjd == 50000


@pytest.mark.parametrize("link", [True, False])
def test_a_clock_is_found_by_its_link_or_under_the_name_of_the_station(link: bool) -> None:
    text = vex(early("1 usec"), link=link)
    assert len(station_clocks(parse_vex_text(text), "AA")) == 1


def test_of_several_clocks_the_last_one_written_that_is_valid_counts() -> None:
    text = vex(
        early("3 usec", valid="2024y003d"),
        early("1 usec", valid="2024y001d"),
        early("2 usec", valid="2024y002d"),
    )
    clocks = station_clocks(parse_vex_text(text), "Aa")
    offsets = {day: clock_in_force(clocks, DAY + day) for day in (-1.0, 0.5, 1.5, 2.5)}
    assert offsets[-1.0] is None
    assert [one.offset.value for one in offsets.values() if one] == pytest.approx([1e-6, 2e-6, 2e-6])


@pytest.mark.parametrize(
    "statement",
    [
        "clock_early = 2024y001d : 1",
        "clock_early = 2024y001d",
        "clock_early = 2024y001d : 1 usec/sec",
        "clock_early = 2024y001d : 1 furlong",
        "clock_early = 2024y001d : 1e99999 usec",
        "clock_early = 2024y001d : nan usec",
        "clock_early = 2024y001d : 1 usec : soon : 0",
        "clock_early = 2024y001d : 1 usec : 2024y001d : 1 2 3",
        "clock_early = 2024y001d : 1 usec : 2024y001d : 1 usec/sec^4",
        "clock_early = yesterday : 1 usec",
    ],
)
def test_a_clock_that_cannot_be_read_is_refused_with_its_line(statement: str) -> None:
    with pytest.raises(FileFormatError, match=r"x\.vex, line 9"):
        station_clocks(parse_vex_text(vex(statement)), "Aa", "x.vex")


def test_a_station_that_is_not_there_is_named_with_those_that_are() -> None:
    with pytest.raises(ValueError, match="no station BB; it has Aa"):
        station_clocks(parse_vex_text(vex(early("1 usec"))), "BB")


@pytest.mark.parametrize(
    ("text", "mjd"),
    [
        ("2024y001d12h00m00s", DAY + 0.5),
        ("2024y001d00h00m43.2s", DAY + 0.0005),
        ("2024y366d", DAY + 365),
        ("60310.25", DAY + 0.25),
        ("2024y001d12", None),
        ("0000y001d", None),
        ("1e999", None),
        ("2024-01-01", None),
    ],
)
def test_times(text: str, mjd: float | None) -> None:
    assert vex_mjd(text) == mjd
    if mjd is not None:
        assert vex_mjd(vex_time(mjd)) == pytest.approx(mjd, abs=0.51 / 86400)


@pytest.mark.parametrize("revision", ["1.5", "2.0"])
@pytest.mark.parametrize("sign", [1, -1])
def test_a_new_clock_is_the_old_one_carried_forward_less_the_residual(revision: str, sign: int) -> None:
    text = vex(early("-20 usec", ": 2024y001d00h00m00s : 1e-12"), revision=revision)
    change = ClockChange("AA", sign * 0.25e-6, sign * 3e-12, EPOCH)
    after, notes = vex_with_clocks(parse_vex_text(text), [change])
    assert notes == []
    # Early by -20 µs + 1e-12 · 108000 s at the epoch; late by the residual means early by less: the sign turns.
    offset = -20 + 0.108 + sign * 0.25
    lines = [line.strip() for line in after.splitlines()]
    (new,) = (line for line in lines if line.startswith("clock_early"))
    said = " ".join(line.removeprefix("* ") for line in lines if line.startswith("*"))
    assert said == (
        "clock_early = 2024y001d : -20 usec : 2024y001d00h00m00s : 1e-12; (before the fringes of 2024-01-02T06:00:00)"
    )
    assert new == f"clock_early = 2024y001d : {offset:.3f} usec : 2024y002d06h00m00s : {1 + 3 * sign}e-12;"
    (kept,) = (line for line in text.splitlines() if "clock_early" in line)
    untouched = [line for line in text.splitlines() if line != kept]
    assert [line for line in after.splitlines() if line in untouched] == untouched


def test_the_unit_of_an_old_clock_stays() -> None:
    text = vex(early("-2.0e-5 sec", ": 2024y002d06h00m00s : 0.5 nsec/hr"))
    after, _ = vex_with_clocks(parse_vex_text(text), [ClockChange("Aa", 1e-6, 1e-9 / 3600, EPOCH)])
    assert "clock_early = 2024y001d : -1.9e-05 sec : 2024y002d06h00m00s : 1.5 nsec/hr;" in after


def test_an_accelerating_clock_is_carried_forward_with_all_its_terms() -> None:
    text = vex(early("1 usec", ": 2024y001d : 2e-12 : 3e-9 usec/sec^2"))
    (before,) = station_clocks(parse_vex_text(text), "Aa")
    change = ClockChange("Aa", -4e-8, 5e-13, EPOCH)
    after, _ = vex_with_clocks(parse_vex_text(text), [change])
    (now,) = station_clocks(parse_vex_text(after), "Aa")
    for mjd in (DAY, DAY + 1.25, DAY + 2):
        residual = change.delay_s + change.delay_rate * (mjd - change.epoch_mjd) * 86400
        assert now.clock.at(mjd) == pytest.approx(before.clock.at(mjd) - residual, abs=1e-14)


def test_of_several_clocks_the_one_of_the_fringes_changes_and_that_is_said() -> None:
    text = vex(early("1 usec"), early("5 usec", valid="2024y010d"))
    after, (note,) = vex_with_clocks(parse_vex_text(text), [ClockChange("Aa", 1e-6, 0.0, EPOCH)])
    assert "  clock_early = 2024y010d : 5 usec : 2024y001d : 0;\n" in after
    assert "clock_early = 2024y001d : 2.0 usec :" in after
    assert "only the clock that is valid at 2024y002d06h00m00s was changed, of 2" in note


@pytest.mark.parametrize(
    "text", [vex(early("1 usec", valid="2024y010d")), vex().replace("$CLOCK;", "$CLOCKS;"), vex()]
)
def test_where_there_is_no_clock_to_change_the_way_out_is_named(text: str) -> None:
    with pytest.raises(ValueError, match=r"Aa has no clock_early that is valid at .*give the \.v2d too"):
        vex_with_clocks(parse_vex_text(text), [ClockChange("Aa", 1e-6, 0.0, EPOCH)])


def test_a_clock_in_the_middle_of_a_line_keeps_its_neighbours() -> None:
    text = vex("x = 1; clock_early = 2024y001d :\n   1 usec; y = 2").replace("\n", "\r\n")
    after, _ = vex_with_clocks(parse_vex_text(text), [ClockChange("Aa", 1e-6, 0.0, EPOCH)])
    assert "\n" not in after.replace("\r\n", "")
    clock = parse_vex_text(after).block("CLOCK")
    assert clock is not None
    assert [one.words[0] for one in clock.definitions[0].statements] == ["x", "clock_early", "y"]
    assert "* clock_early = 2024y001d : 1 usec; (before the fringes of 2024-01-02T06:00:00)" in after


def test_no_comment_is_longer_than_vex2difx_bears() -> None:
    text = vex(early("1 usec", ": 2024y001d00h00m00s : 2.123456789012e-12 : 3.123456789012e-9 usec/sec^2"))
    after, _ = vex_with_clocks(parse_vex_text(text), [ClockChange("Aa", 1e-6, 0.0, EPOCH)])
    comments = [line.strip() for line in after.splitlines() if line.strip().startswith("*")]
    assert len(comments) > 1
    assert all(len(line) <= LONGEST_COMMENT for line in comments)


def test_a_clock_that_stations_share_is_not_changed_for_one_of_them() -> None:
    text = vex(early("1 usec")).replace("$CLOCK;", "def Bb; ref $CLOCK = c; enddef;\n$CLOCK;")
    with pytest.raises(ValueError, match="Aa, Bb share one clock_early"):
        vex_with_clocks(parse_vex_text(text), [ClockChange("Bb", 1e-6, 0.0, EPOCH)])
