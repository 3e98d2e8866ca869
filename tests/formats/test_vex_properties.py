# SPDX-License-Identifier: GPL-3.0-or-later
"""Schedules of any shape: damaged ones, ones in any layout, and edits that leave what they do not name."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from difxnb.errors import FileFormatError
from difxnb.formats import vex_quantities as quantities
from difxnb.formats.calc_model import Eop
from difxnb.formats.vex import Vex, parse_vex
from difxnb.formats.vex_eop import eop_text, eops
from difxnb.formats.vex_text import parse_vex_text
from tests.formats.vex_samples import SMALL

TABLES = ("scans", "scan_stations", "stations", "sources", "modes", "bands", "clocks", "eop")
ALPHABET = "aA1 =:;$*\"&'\n\r\té.+-\x00dhms"
# Of the small one: where a damage is likely to matter.
PLACES = st.integers(0, len(SMALL) - 1)


def every_table_or_an_error(vex: Vex) -> None:
    """Whatever stands there, each table comes with its columns, or says which line cannot be read."""
    for name in TABLES:
        try:
            table = vex.frame(name)
        except FileFormatError as error:
            assert name in ("clocks", "eop")
            assert error.where.startswith("line ")  # noqa: PT017
        else:
            assert isinstance(table, pd.DataFrame)
    assert isinstance(vex.own_problems(), list)
    assert repr(vex).startswith("<Vex ")


@given(st.lists(st.tuples(PLACES, st.integers(0, 12), st.text(ALPHABET, max_size=8)), min_size=1, max_size=4))
@settings(max_examples=80, deadline=None)
def test_a_damaged_schedule_is_read_or_refused(damages: list[tuple[int, int, str]]) -> None:
    text = SMALL
    for place, length, put in damages:
        text = text[:place] + put + text[place + length :]
    try:
        vex = parse_vex(text)
    except FileFormatError as error:
        assert error.where.startswith("line ")  # noqa: PT017
    else:
        assert vex.text == text
        every_table_or_an_error(vex)


@given(st.text(ALPHABET, max_size=60))
@settings(max_examples=100, deadline=None)
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        vex = parse_vex(f"VEX_rev = 1.5;{text}")
    except FileFormatError:
        return
    every_table_or_an_error(vex)


GAPS = st.sampled_from(["", " ", "\t", "\n  ", " * : a; comment\n"])
SECONDS = st.integers(0, 86399)
ROWS = st.lists(
    st.tuples(
        SECONDS,
        st.lists(
            st.tuples(st.sampled_from(["Aa", "Bb", "Cc"]), st.integers(0, 9), st.integers(10, 999)),
            max_size=4,
        ),
    ),
    max_size=5,
)


@given(ROWS, st.data())
@settings(max_examples=60, deadline=None)
def test_scans_in_any_layout_are_read(rows: list, data: st.DataObject) -> None:
    def gap() -> str:
        return data.draw(GAPS)

    text = "VEX_rev = 1.5;\n$SCHED;\n"
    for number, (second, lines) in enumerate(rows):
        time = f"2024y032d{second // 3600:02}h{second // 60 % 60:02}m{second % 60:02}s"
        text += f"scan s{number};{gap()}start{gap()}={time};"
        text += "".join(
            f"{gap()}station{gap()}={gap()}{name}:{gap()}{start}{data.draw(st.sampled_from(['', ' ']))}sec:{gap()}"
            f"{stop} sec{gap()}: : : {gap()}:1;"
            for name, start, stop in lines
        )
        text += f"{gap()}endscan;{gap()}\n"
    vex = parse_vex(text)
    table = vex.scan_stations()
    wanted = [(f"s{number}", *line) for number, (_, lines) in enumerate(rows) for line in lines]
    found = table[["scan", "station", "data_start", "data_stop"]].itertuples(index=False, name=None)
    assert list(found) == wanted
    day = np.datetime64("2024-02-01", "ns")
    for scan, (second, lines) in zip(vex.scans().to_dict("records"), rows, strict=True):
        first = min((start for _, start, _ in lines), default=0)
        assert scan["start"] == day + np.timedelta64(second + first, "s")
        assert pd.isna(scan["stop"]) == (not lines)
        assert text.split("\n")[scan["line"] - 1].lstrip().startswith("scan ")


@given(
    st.lists(
        st.tuples(
            st.integers(40000, 70000),
            st.integers(0, 40),
            st.floats(-1, 1, width=32),
            st.floats(-2, 2, width=32),
            st.floats(-2, 2, width=32),
        ),
        min_size=1,
        max_size=6,
        unique_by=lambda one: one[0],
    ),
    st.sampled_from(["\n", "\r\n"]),
)
@settings(max_examples=60, deadline=None)
def test_earth_orientation_that_is_written_is_read_again(values: list, end: str) -> None:
    wanted = [Eop(*one) for one in values]
    text = f"VEX_rev = 1.5;{end}$EOP;{end}{eop_text(wanted, end)}{end}"
    found = eops(parse_vex_text(text))
    assert [one.mjd for one in found] == sorted(one.mjd for one in wanted)
    for one, other in zip(found, sorted(wanted, key=lambda eop: eop.mjd), strict=True):
        assert one.tai_utc_s == other.tai_utc_s
        assert one.ut1_utc_s == pytest.approx(other.ut1_utc_s, abs=1e-9)
        assert one.x_pole_arcsec == pytest.approx(other.x_pole_arcsec, abs=1e-9)
        assert one.y_pole_arcsec == pytest.approx(other.y_pole_arcsec, abs=1e-9)


@given(
    st.sampled_from(["Aa", "Bb", "Cc"]),
    st.floats(-0.1, 0.1),
    st.floats(-1e-6, 1e-6),
    st.integers(0, 86399),
    st.sampled_from(["\n", "\r\n"]),
)
@settings(max_examples=25, deadline=None)
def test_a_clock_that_is_set_is_read_again(
    station: str, offset: float, rate: float, second: int, end: str
) -> None:
    vex = parse_vex(SMALL.replace("\n", end))
    epoch = np.datetime64("2024-01-01") + np.timedelta64(second, "s")
    new = vex.with_clock(station, offset=offset, rate=rate, epoch=epoch)
    clock = new.clocks().set_index("station").loc[station]
    assert clock["offset"] == pytest.approx(offset, abs=2e-15)
    assert clock["rate"] == pytest.approx(rate, rel=1e-9, abs=1e-22)
    assert clock["epoch"] == epoch
    assert new.text.count("\r\n") == (new.text.count("\n") if end == "\r\n" else 0)
    others = vex.clocks()[lambda table: table["station"] != station]
    assert len(new.clocks()) == len(others) + 1
    for name in ("scan_stations", "stations", "sources", "modes", "bands", "eop"):
        pd.testing.assert_frame_equal(new.frame(name), vex.frame(name))


@given(st.tuples(*[st.floats(-7e6, 7e6)] * 3), st.floats(-10, 10), st.tuples(*[st.floats(-1e-8, 1e-8)] * 3))
@settings(max_examples=50, deadline=None)
def test_a_site_that_is_set_is_read_again(position: tuple, offset: float, velocity: tuple) -> None:
    new = parse_vex(SMALL).with_site("Cc", position=position, axis_offset=offset, velocity=velocity)
    row = new.stations().set_index("station").loc["Cc"]
    assert [row["x"], row["y"], row["z"]] == pytest.approx(list(position), abs=1e-6)
    assert [row["vx"], row["vy"], row["vz"]] == pytest.approx(list(velocity), abs=1e-13)
    assert row["axis_offset"] == pytest.approx(offset, abs=1e-6)


@given(ROWS.filter(len), st.sets(st.integers(0, 4)), st.booleans())
@settings(max_examples=50, deadline=None)
def test_what_is_taken_out_leaves_the_rest(rows: list, chosen: set[int], is_one_line: bool) -> None:
    gap = " " if is_one_line else "\n"
    text = "VEX_rev = 1.5;\n$SCHED;\n" + gap.join(
        f"scan s{number};{gap} start = 2024y032d; * of it\n"
        + "".join(f" station = {name} : {start} sec : {stop} sec;{gap}" for name, start, stop in lines)
        + "endscan;"
        for number, (_, lines) in enumerate(rows)
    )
    vex = parse_vex(text)
    names = [f"s{number}" for number in range(len(rows)) if number in chosen]
    if not names:
        with pytest.raises(ValueError, match="no scan would be left"):
            vex.only_scans(names)
        return
    new = vex.only_scans(names)
    assert new.scans()["scan"].to_list() == names
    kept = vex.scan_stations()[lambda table: table["scan"].isin(names)].reset_index(drop=True)
    pd.testing.assert_frame_equal(new.scan_stations(), kept)
    assert vex.text.replace("*", "").split() == new.text.replace("*", "").split()


@given(st.floats(-1e6, 1e6), st.sampled_from(sorted(quantities.LENGTH_UNITS)), st.sampled_from(["", " "]))
def test_a_length_is_the_same_in_any_unit(value: float, unit: str, gap: str) -> None:
    words = f"{value!r}{gap}{unit}".split()
    found = quantities.quantity(words, quantities.LENGTH_UNITS)
    assert found is not None
    assert found.value == pytest.approx(value * quantities.LENGTH_UNITS[unit], rel=1e-15, abs=1e-300)


@given(st.text("0123456789.eE+-dhms'\" ", max_size=30))
def test_any_words_are_a_value_or_none(text: str) -> None:
    for value in (quantities.number(text), quantities.right_ascension(text), quantities.declination(text)):
        assert value is None or math.isfinite(value)
    for units in (quantities.TIME_UNITS, quantities.ANGLE_UNITS):
        found = quantities.quantity(text.split(), units, 1.0)
        assert found is None or math.isfinite(found.value)
    moment = quantities.vex_moment(text)
    assert moment is None or 0 <= moment.second < 86400


@given(st.integers(0, 80000), st.integers(0, 86399))
def test_a_time_that_is_written_is_read_again(day: int, second: int) -> None:
    moment = quantities.vex_moment(quantities.vex_time(day + second / 86400))
    assert moment == quantities.Moment(day, float(second))


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2016y366d23h59m59.5s", (57753, 86399.5)),
        ("2017y001d00h00m60s", (57754, 60.0)),
        ("2024y032d", (60341, 0.0)),
        ("2024y032d06h", (60341, 21600.0)),
        ("60341.25", (60341, 21600.0)),
        ("0000y001d", None),
        ("2024-02-01", None),
        ("", None),
    ],
)
def test_times(text: str, moment: tuple[int, float] | None) -> None:
    assert quantities.vex_moment(text) == moment


def test_halves_of_characters_are_kept() -> None:
    vex = parse_vex(SMALL.replace("OJ287", '"OJ\udc80"'))
    assert vex.sources()["name"].to_list() == ['"OJ\udc80"']
    assert "\udc80" not in repr(vex)
    every_table_or_an_error(vex)
