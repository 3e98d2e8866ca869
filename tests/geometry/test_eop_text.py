# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables of Earth orientation in all their forms."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from difxnb.errors import FileFormatError
from difxnb.geometry.eop_text import OWN_HEAD, EopDay, format_own, parse_eop
from tests.geometry import eop_texts
from tests.geometry.eop_texts import LEAP_MJD, pole, tai_utc, ut1_utc

FIRST, LAST = LEAP_MJD - 6, LEAP_MJD + 9


def require_truth(days: list[EopDay], *, ut1_s: float = 1e-7, pole_arcsec: float = 1e-6) -> None:
    assert [day.mjd for day in days] == list(range(FIRST, LAST + 1))
    for day in days:
        assert day.tai_utc_s == tai_utc(day.mjd)
        assert day.ut1_utc_s == pytest.approx(ut1_utc(day.mjd), abs=ut1_s)
        assert (day.x_pole_arcsec, day.y_pole_arcsec) == pytest.approx(pole(day.mjd), abs=pole_arcsec)


def test_finals_are_read_by_columns_bulletin_b_before_a() -> None:
    days = parse_eop(eop_texts.finals(FIRST, LAST, final_to=LEAP_MJD, rapid_to=LEAP_MJD + 4))
    qualities = {day.mjd: day.quality for day in days}
    assert [qualities[LEAP_MJD + n] for n in (0, 1, 4, 5)] == ["final", "rapid", "rapid", "predicted"]
    assert len(days) == LAST - FIRST + 1  # and not the day for which nothing is predicted
    for day in days:
        off = 0.0 if day.quality == "final" else 1e-5
        assert day.ut1_utc_s == pytest.approx(ut1_utc(day.mjd) + off, abs=1e-7)
        assert day.x_pole_arcsec == pytest.approx(pole(day.mjd)[0] + 10 * off, abs=1e-6)


@pytest.mark.parametrize("hours", [True, False])
def test_c04_is_read_with_and_without_an_hour(hours: bool) -> None:
    days = parse_eop(eop_texts.c04(FIRST, LAST, hours=hours))
    require_truth(days)
    assert {day.quality for day in days} == {"final"}


def test_the_form_with_semicolons_is_read_by_names_of_columns() -> None:
    days = parse_eop(eop_texts.semicolons(FIRST, LAST, final_to=LEAP_MJD))
    require_truth(days)
    assert [day.quality for day in days] == ["final"] * 7 + ["predicted"] * 9


def test_usno_finals_are_ut1_minus_tai_in_microseconds_and_tenths_of_arcseconds() -> None:
    days = parse_eop(eop_texts.erp(FIRST, LAST, last_real=LEAP_MJD + 3))
    require_truth(days, ut1_s=6e-7, pole_arcsec=6e-6)
    assert [day.quality for day in days] == ["final"] * 10 + ["predicted"] * 6
    assert {day.quality for day in parse_eop(eop_texts.erp(FIRST, LAST))} == {""}


def test_lines_of_the_real_usno_finals_give_what_a_schedule_took_from_them(shared: Path) -> None:
    schedule = shared / "data/difx-samples/public/autozoom-case2/Jan13B1e.vex.obs"
    text = schedule.read_text()
    lines = [line.strip(" *") for line in text.splitlines() if line.startswith("  * 24571")]
    assert len(lines) == 5
    from_erp = parse_eop("EOP-MOD Ver 2.0  2457109.5   1.0  5  UT1-TAI   UNDEF\n" + "\n".join(lines))
    from_vex = [day for day in parse_eop(text, schedule) if day.mjd >= 57109]
    assert [day.mjd for day in from_vex] == [day.mjd for day in from_erp] == list(range(57109, 57114))
    for vex, mod in zip(from_vex, from_erp, strict=True):
        assert vex.tai_utc_s == mod.tai_utc_s == 35
        assert vex.ut1_utc_s == pytest.approx(mod.ut1_utc_s, abs=1e-9)
        assert vex.x_pole_arcsec == pytest.approx(mod.x_pole_arcsec, abs=1e-9)
        assert vex.y_pole_arcsec == pytest.approx(mod.y_pole_arcsec, abs=1e-9)


def test_blocks_of_a_v2d_are_read() -> None:
    require_truth(parse_eop(eop_texts.v2d(FIRST, LAST)))


def test_real_tables_of_the_iers_agree_where_both_have_a_day() -> None:
    spec = importlib.util.find_spec("astropy_iers_data")
    if spec is None or spec.origin is None:
        pytest.skip("no tables of the IERS on this machine (astropy-iers-data)")
    data = Path(spec.origin).parent / "data"
    finals = parse_eop((data / "finals2000A.all").read_text(), "finals2000A.all")
    series = {day.mjd: day for day in parse_eop((data / "eopc04.1962-now").read_text(), "eopc04")}
    assert finals[0].mjd == 41684
    assert min(series) == 41317
    assert [day.mjd for day in finals] == list(range(41684, finals[-1].mjd + 1))
    recent = [day for day in finals if day.mjd > 57754 and day.mjd in series and day.quality == "final"]
    assert len(recent) > 1000
    apart = np.array(
        [
            (day.ut1_utc_s - series[day.mjd].ut1_utc_s, day.x_pole_arcsec - series[day.mjd].x_pole_arcsec)
            for day in recent
        ]
    )
    print(
        "finals2000A - C04, UT1 (s) and x (arcsec): median",
        np.median(np.abs(apart), axis=0),
        np.abs(apart).max(0),
    )
    assert (np.median(np.abs(apart), axis=0) < [3e-5, 2e-4]).all()
    assert (np.abs(apart) < 1e-3).all()
    assert finals[-1].quality == "predicted"


@given(
    st.lists(
        st.builds(
            EopDay,
            st.integers(41317, 100_000),
            st.integers(10, 60).map(float),
            st.integers(-9 * 10**8, 9 * 10**8).map(lambda n: n / 1e9),
            st.integers(-(10**9), 10**9).map(lambda n: n / 1e9),
            st.integers(-(10**9), 10**9).map(lambda n: n / 1e9),
            st.sampled_from(["final", "rapid", "predicted", ""]),
        ),
        min_size=1,
        unique_by=lambda day: day.mjd,
    ),
    st.text(max_size=30),
)
def test_what_is_written_is_read_again(days: list[EopDay], source: str) -> None:
    assert parse_eop(format_own(days, source, "2026-01-01")) == sorted(days, key=lambda day: day.mjd)


FORMS = (
    eop_texts.finals(FIRST, LAST, final_to=LEAP_MJD, rapid_to=LEAP_MJD + 4),
    eop_texts.c04(FIRST, LAST, hours=True),
    eop_texts.c04(FIRST, LAST, hours=False),
    eop_texts.semicolons(FIRST, LAST, final_to=LEAP_MJD),
    eop_texts.erp(FIRST, LAST, last_real=LEAP_MJD),
    eop_texts.v2d(FIRST, LAST),
    f"{OWN_HEAD}\n57754,37,0.59,0.08,0.27,final\n",
)


def days_or_none(text: str) -> list[EopDay]:
    """Read a text; its documented error, and no other, counts as none."""
    try:
        return parse_eop(text, "table.txt")
    except FileFormatError:
        return []


@given(st.sampled_from(FORMS), st.integers(0, 3000), st.integers(0, 40), st.text(max_size=20))
def test_damaged_tables_give_possible_days_or_an_error(text: str, at: int, gone: int, put: str) -> None:
    damaged = text[: at % len(text)] + put + text[at % len(text) + gone :]
    days = days_or_none(damaged)
    assert all(abs(day.ut1_utc_s) <= 10 and 0 <= day.tai_utc_s <= 1000 for day in days)


@given(st.text())
def test_any_text_is_a_table_or_an_error(text: str) -> None:
    days_or_none(text)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "no table"),
        ("<!DOCTYPE html>\n<html>log in</html>\n", "web page"),
        (FORMS[1].replace(f"{LEAP_MJD + 1}.00", f"{LEAP_MJD + 1}.50"), "0h of a day"),
        (FORMS[1] + FORMS[1].splitlines()[-1], "twice"),
        (FORMS[4].replace("UT1-TAI", "UT1R-TAI"), "UT1R-TAI"),
        (f"{OWN_HEAD}\n57754,37,nan,0.08,0.27,final\n", "line 2"),
        (f"{OWN_HEAD}\n57754,37,55.0,0.08,0.27,final\n", "impossible"),
        ("EOP 57754 { xPole=0.1 yPole=0.2 ut1_utc=0.3 }\n", "tai_utc"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(text: str, problem: str) -> None:
    with pytest.raises(FileFormatError, match=problem):
        parse_eop(text, "table.txt")
