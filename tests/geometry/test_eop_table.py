# SPDX-License-Identifier: GPL-3.0-or-later
"""What a table of Earth orientation says between its days, and how schedules and jobs get it."""

from __future__ import annotations

from pathlib import Path

import erfa
import numpy as np
import pytest

from difxnb.errors import OutputExists
from difxnb.formats.v2d import read_v2d
from difxnb.formats.vex import Vex, read_vex
from difxnb.geometry import EopTable, read_eop
from difxnb.geometry.eop_text import EopDay, parse_eop
from tests.geometry import eop_texts
from tests.geometry.eop_texts import LEAP_MJD, pole, tai_utc, ut1_utc

FIRST, LAST = LEAP_MJD - 20, LEAP_MJD + 30
FETCHED = np.datetime64("2017-01-20T00:00")


@pytest.fixture(scope="module")
def table() -> EopTable:
    text = eop_texts.finals(FIRST, LAST, final_to=LEAP_MJD - 10, rapid_to=LEAP_MJD + 15)
    return EopTable("made up", FETCHED, parse_eop(text.replace("0.0000100", "0.0000100")))


def exact() -> EopTable:
    days = [EopDay(mjd, tai_utc(mjd), ut1_utc(mjd), *pole(mjd), "final") for mjd in range(FIRST, LAST + 1)]
    return EopTable("exact", FETCHED, days)


@pytest.mark.parametrize("hours", [-30.0, -12.0, -6.0, -0.5, 0.0, 0.5, 12.0, 31.0])
def test_ut1_is_interpolated_over_a_leap_second_as_if_there_were_none(hours: float) -> None:
    mjd = LEAP_MJD + hours / 24
    when = np.datetime64("2017-01-01T00:00:00", "ns") + np.timedelta64(round(hours * 3600e9), "ns")
    found = exact().at(when)
    assert found["tai_utc"] == tai_utc(mjd)
    # The wave of 14 days is met to 1 µs by polynomials through four days.
    assert found["ut1_utc"] == pytest.approx(ut1_utc(mjd), abs=1e-6)
    assert found["x_pole"] == pytest.approx(pole(mjd)[0] * erfa.DAS2R, abs=1e-15)
    assert found["y_pole"] == pytest.approx(pole(mjd)[1] * erfa.DAS2R, abs=1e-15)


def test_at_midnight_the_table_itself_is_given(table: EopTable) -> None:
    rows = table.table.set_index("mjd")
    for mjd in (FIRST, LEAP_MJD - 1, LEAP_MJD, LAST):
        found = table.at(rows.loc[mjd, "time"])
        assert found["ut1_utc"] == pytest.approx(rows.loc[mjd, "ut1_utc"], abs=1e-12)
        assert found["quality"] == rows.loc[mjd, "quality"]


def test_the_quality_between_two_days_is_the_worse(table: EopTable) -> None:
    assert table.at("2016-12-22T12:00")["quality"] == "rapid"  # between the last final day and the next
    assert table.at("2017-01-16T12:00")["quality"] == "predicted"
    assert table.last_measured == np.datetime64("2017-01-16")
    assert table.predicted_days("2017-01-26") == 10.0
    assert table.predicted_days("2017-01-02") == 0.0


@pytest.mark.parametrize("when", ["2016-11-01", "2017-01-31T00:00:01", "2020-01-01"])
def test_times_outside_of_the_table_are_refused_with_its_days(table: EopTable, when: str) -> None:
    with pytest.raises(ValueError, match=r"2016-12-12 \(MJD 57734\) to 2017-01-31 \(MJD 57784\)"):
        table.at(when)


def test_a_gap_between_days_is_not_bridged() -> None:
    days = [EopDay(mjd, 37, 0.5, 0.1, 0.2, "final") for mjd in (57760, 57761, 57763, 57764)]
    gapped = EopTable("gapped", FETCHED, days)
    assert gapped.at("2017-01-07T12:00")["ut1_utc"] == pytest.approx(0.5)
    with pytest.raises(ValueError, match="57761 to 57762"):
        gapped.at("2017-01-08T12:00")


def test_days_are_those_of_a_job(table: EopTable) -> None:
    days = exact().days(LEAP_MJD - 2)
    assert [day.mjd for day in days] == list(range(LEAP_MJD - 2, LEAP_MJD + 3))
    assert [day.tai_utc_s for day in days] == [36, 36, 37, 37, 37]
    assert days[2].ut1_utc_s == ut1_utc(LEAP_MJD)
    assert days[2].x_pole_arcsec == pole(LEAP_MJD)[0]
    assert exact().around("2017-01-01T23:59") == days
    with pytest.raises(ValueError, match="not all in it"):
        table.days(LAST - 1)
    with pytest.raises(ValueError, match="number of days"):
        table.days(LEAP_MJD, 0)


def test_the_table_is_a_frame_of_its_own(table: EopTable) -> None:
    frame = table.table
    assert list(frame) == ["mjd", "time", "tai_utc", "ut1_utc", "x_pole", "y_pole", "quality"]
    assert frame.dtypes.astype(str).tolist()[:6] == ["int64", "datetime64[ns]", *["float64"] * 4]
    frame.loc[:, "ut1_utc"] = 0.0
    assert (table.table["ut1_utc"] != 0).all()
    assert "51 days" in repr(table)
    assert "51 days" in table._repr_html_()


def test_small_numbers_are_shown_with_their_digits() -> None:
    """A pole of a third of a second of arc is 1.6e-6 rad, which six places after the point make 0.000002."""
    days = [EopDay(57760 + n, 37, 0.1234567, 0.04, 0.33, quality) for n, quality in enumerate(("final", ""))]
    shown = repr(EopTable("small", FETCHED, days))
    assert "0.1234567" in shown
    assert "1.5999e-06" in shown
    assert "measured to 2017-01-08" in shown  # as counts what is not said to be predicted
    assert "not said what is measured" in repr(EopTable("vex", FETCHED, days[1:]))


def test_days_begin_at_a_number(table: EopTable) -> None:
    with pytest.raises(TypeError, match=r"a whole number, not '2017-01-02'; around\(\) takes a time"):
        table.days("2017-01-02")  # type: ignore[arg-type]


def test_the_age_is_counted_from_the_last_measured_day() -> None:
    today = int((np.datetime64("now") - np.datetime64("1858-11-17")) / np.timedelta64(1, "D"))
    days = [EopDay(today + n, 37, 0.1, 0.1, 0.2, "predicted" if n > -3 else "rapid") for n in range(-10, 10)]
    assert 2.9 < EopTable("made up", FETCHED, days).age_days < 4.1
    only_predicted = EopTable("made up", FETCHED, days[-5:])
    assert np.isnan(only_predicted.age_days)
    assert only_predicted.predicted_days("2017-01-01") == float("inf")
    with pytest.raises(ValueError, match="no days"):
        EopTable("made up", FETCHED, [])


def test_a_written_table_is_read_again_and_not_overwritten(tmp_path: Path, table: EopTable) -> None:
    path = table.write(tmp_path / "eop.csv")
    again = read_eop(path)
    assert again == table
    assert again.source == str(path)
    with pytest.raises(OutputExists, match=r"eop\.csv"):
        table.write(path)
    assert read_eop(table.write(path, overwrite=True)) == table


@pytest.fixture(scope="module")
def schedule(shared: Path) -> Vex:
    return read_vex(shared / "data/difx-samples/public/ma008/ma008.vex.difx")


def table_around(schedule: Vex) -> EopTable:
    mjd = int((schedule.start - np.datetime64("1858-11-17", "ns")) / np.timedelta64(1, "D"))
    days = [EopDay(mjd + n, 37, 0.4 + n / 1000, 0.1 + n / 100, 0.3 - n / 100, "final") for n in range(-9, 9)]
    return EopTable("made up", FETCHED, days)


def test_a_schedule_gets_the_days_around_its_start(schedule: Vex) -> None:
    new = table_around(schedule).to_vex(schedule)
    rows = new.eop()
    assert list(rows["ut1_utc"].round(9)) == [0.398, 0.399, 0.400, 0.401, 0.402]
    np.testing.assert_allclose(
        rows["x_pole"], np.array([0.08, 0.09, 0.10, 0.11, 0.12]) * erfa.DAS2R, rtol=1e-9
    )
    assert rows["mjd"].iloc[2] == int(
        (schedule.start - np.datetime64("1858-11-17", "ns")) / np.timedelta64(1, "D")
    )
    assert new.scans().equals(schedule.scans())
    assert schedule.eop()["ut1_utc"].iloc[0] != 0.398


def test_a_v2d_gets_the_days_around_the_start_of_its_schedule(shared: Path, schedule: Vex) -> None:
    v2d = read_v2d(shared / "data/difx-samples/public/ma008/ma008.v2d")
    new = table_around(schedule).to_v2d(v2d, days=3, vex=schedule)
    assert [day.ut1_utc_s for day in parse_eop(new.text)] == pytest.approx([0.399, 0.400, 0.401])
    assert [day.y_pole_arcsec for day in parse_eop(new.text)] == pytest.approx([0.31, 0.30, 0.29])
