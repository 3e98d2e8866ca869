# SPDX-License-Identifier: GPL-3.0-or-later
"""Trends: a value unlike those of the jobs before it is found with its size, and jobs stay in order of time."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from difxnb.catalogue import open_jobs
from difxnb.formats.input import read_input
from difxnb.quality.checks import CHECKS
from difxnb.quality.limits import default_limits
from difxnb.quality.report import check_quality
from difxnb.quality.trend import QualityHistory, deviations_from_earlier, history_of
from difxnb.quality.verdict import Verdict
from tests.stored_jobs import ALPHA, encoded, made_job, records_of

LIMIT = default_limits()["trend"]
ROW = pd.DataFrame(
    [("weights", "go", 1.0, "", "", "")],
    columns=["check", "verdict", "value", "limit", "unit", "text"],
)


def test_a_step_is_found_with_its_size():
    rng = np.random.default_rng(1)
    values = rng.normal(100, 5, 60)
    values[59] += 60
    counts, medians, deviations = deviations_from_earlier(values, LIMIT)
    earlier = values[39:59]
    assert counts[59] == len(earlier) == LIMIT["window"]
    assert medians[59] == np.median(earlier)
    assert deviations[59] == pytest.approx(60 / 5, rel=0.5)
    assert np.abs(deviations[LIMIT["window"] : 59]).max() < LIMIT["deviations"]


def test_earlier_outliers_do_not_hide_a_later_one():
    rng = np.random.default_rng(2)
    values = rng.normal(100, 5, 21)
    values[[3, 7, 12, 15]] += 500
    values[20] -= 100
    assert deviations_from_earlier(values, LIMIT)[2][20] < -LIMIT["deviations"]


def test_deviations_of_normal_values_are_normal():
    rng = np.random.default_rng(3)
    limits = {**LIMIT, "window": 100, "floor": 0.0}
    found = np.concatenate(
        [deviations_from_earlier(rng.normal(50, 3, 220), limits)[2][120:] for _ in range(20)]
    )
    assert np.std(found) == pytest.approx(1.0, abs=0.1)
    assert abs(np.mean(found)) < 0.1


def test_a_slow_drift_is_followed_and_a_sudden_one_is_not():
    slow = 100 + 0.5 * np.arange(60) + np.random.default_rng(4).normal(0, 5, 60)
    assert np.nanmax(np.abs(deviations_from_earlier(slow, LIMIT)[2])) < LIMIT["deviations"]


def test_few_earlier_values_are_no_measure():
    counts, medians, deviations = deviations_from_earlier(np.array([1.0, 1.0, np.nan, 50.0, 1.0]), LIMIT)
    assert counts.tolist() == [0, 1, 2, 2, 3]
    assert np.isnan(deviations).all()
    assert np.isnan(medians).all()


def test_values_that_never_move_do_not_alarm_at_rounding():
    values = np.full(20, 7.0)
    values[19] = 7.0001
    assert abs(deviations_from_earlier(values, LIMIT)[2][19]) < 1
    zeros = np.zeros(20)
    assert (deviations_from_earlier(zeros, LIMIT)[2][10:] == 0).all()
    zeros[19] = 3
    assert deviations_from_earlier(zeros, LIMIT)[2][19] == np.inf


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Five sessions of the same job a day apart, of which the last lost an antenna for half of its time."""
    folder = tmp_path_factory.mktemp("sessions")
    records = records_of(ALPHA)
    late = sorted({record.seconds for record in records})[4:]
    kept = [
        record
        for record in records
        if record.seconds not in late or 1 not in (record.antenna1, record.antenna2)
    ]
    for day in range(5):
        job = read_input(ALPHA)
        job.start_mjd += day
        chosen = records if day < 4 else kept
        # Names run against the order of time, which is that of the observations.
        made_job(folder, encoded(chosen, mjd=job.start_mjd), name=f"s{9 - day}_1", job=job)
    return folder


@pytest.fixture(scope="module")
def history(folder):
    return check_quality(open_jobs(folder))


def test_a_catalogue_has_a_row_for_every_job_and_check(history):
    frame = history.frame()
    assert len(frame) == 5 * len(CHECKS)
    assert list(dict.fromkeys(frame["job"])) == [f"s{9 - day}_1" for day in range(5)]
    assert frame["start"].is_monotonic_increasing
    assert frame["start"].dt.normalize().nunique() == 5
    wide = history.verdicts()
    assert wide.shape == (5, len(CHECKS))
    assert list(wide) == list(CHECKS)


def test_the_job_that_fell_off_is_told_by_its_trend(history):
    far = history.outliers()
    assert set(far["job"]) == {"s5_1"}
    missing = far[far["check"] == "missing"].iloc[0]
    assert missing["value"] == 0.5
    assert missing["median"] == 0
    assert missing["earlier"] == 4
    assert history.verdict is Verdict.NO_GO
    assert any(line.split()[:2] == ["✗", "no-go"] and "s5_1" in line for line in repr(history).splitlines())
    steady = history.frame().query("job != 's5_1'")
    assert set(steady["trend"]) <= {"go", "not applicable"}


def test_only_the_last_jobs_are_looked_at_when_asked(folder):
    found = history_of(open_jobs(folder), lambda job: ROW, LIMIT, last=2)
    assert found.frame()["job"].tolist() == ["s6_1", "s5_1"]
    with pytest.raises(ValueError, match="from 1"):
        check_quality(open_jobs(folder), last=0)


def test_a_job_that_cannot_be_checked_is_a_row_that_says_why(tmp_path):
    made_job(tmp_path, {}, name="never_1").with_suffix(".difx").rmdir()
    (tmp_path / "broken_1.input").write_text("no input at all\n")
    history = check_quality(open_jobs(tmp_path))
    frame = history.frame()
    broken = frame[frame["job"] == "broken_1"]
    assert len(broken) == 1
    assert broken["verdict"].tolist() == ["no-go"]
    assert "broken_1.input" in broken["text"].iloc[0]
    assert len(frame) == 1 + len(CHECKS)
    assert "broken_1  could not be checked" in repr(history)
    never = frame[frame["job"] == "never_1"]
    assert set(never["verdict"]) == {"not applicable"}


def test_it_is_shown_as_text_html_picture_and_json(history):
    assert "5 jobs" in repr(history)
    page = history._repr_html_()
    assert "✗ no-go" in page
    figure = history.figure()
    assert {axes.get_title() for axes in figure.axes} >= {"weights", "missing", "fringes"}
    told = json.loads(json.dumps(history.to_dict(), allow_nan=False))
    assert len(told["rows"]) == len(history.frame())


def test_an_empty_catalogue_has_no_history(tmp_path):
    empty = check_quality(open_jobs(str(tmp_path / "*.input")))
    assert isinstance(empty, QualityHistory)
    assert empty.verdict is Verdict.NOT_APPLICABLE
    assert empty.frame().empty
    assert "0 jobs" in repr(empty)
    assert empty.figure() is not None
    assert empty._repr_html_()


def test_names_are_escaped(folder):
    rows = pd.DataFrame(
        [("<b>", "go", 1.0, "", "", "<script>")],
        columns=["check", "verdict", "value", "limit", "unit", "text"],
    )
    page = history_of(open_jobs(folder)[:1], lambda job: rows, LIMIT)._repr_html_()
    assert "<b>" not in page
