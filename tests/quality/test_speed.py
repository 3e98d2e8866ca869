# SPDX-License-Identifier: GPL-3.0-or-later
"""Check `speed`: observed time over wall time, where it can be told."""

from __future__ import annotations

from pathlib import Path

import pytest

from difxnb.quality.checks.speed import check_speed
from difxnb.quality.limits import limits_with
from difxnb.quality.material import Material
from difxnb.quality.verdict import Verdict
from difxnb.tables.difxlog import JobLog, read_difxlog

LOG = Path(__file__).parents[1] / "reference/mpifxcorr-output/alpha_1/alpha_1.difxlog"
LIMITS = limits_with(None)["speed"]
OBSERVED_S = read_difxlog(LOG).reports[-1].observed_s


def taking(wall_s: float) -> Material:
    """The job of the reference log, had it taken so long."""
    log = read_difxlog(LOG)
    wall = f"**{log.reports[-1].facts.wall_time_s:g}**"
    text = LOG.read_text()
    assert text.count(wall) == 1
    return Material("alpha_1", log=JobLog(text.replace(wall, f"**{wall_s:g}**"), LOG, log.input))


@pytest.mark.parametrize(
    ("speed_up", "verdict"),
    [
        (1.2 * LIMITS["look"], Verdict.GO),
        (0.8 * LIMITS["look"], Verdict.LOOK),
        (0.8 * LIMITS["no_go"], Verdict.NO_GO),
    ],
)
def test_speed_up_decides(speed_up: float, verdict: Verdict) -> None:
    check = check_speed(taking(OBSERVED_S / speed_up), LIMITS)
    assert check.verdict is verdict
    assert check.value == pytest.approx(speed_up, rel=1e-4)
    assert check.evidence["verdict"].tolist() == [str(verdict)]


def test_short_jobs_tell_nothing_of_speed() -> None:
    check = check_speed(taking(LIMITS["least_seconds"] / 2), LIMITS)
    assert check.verdict is Verdict.NOT_APPLICABLE
    assert "too short" in check.text


def test_only_the_latest_run_is_judged() -> None:
    text = LOG.read_text()
    both = Material(log=JobLog(text + text, LOG, read_difxlog(LOG).input))
    assert len(both.log.runs) == 2
    check = check_speed(both, {**LIMITS, "least_seconds": 1.0})
    assert check.evidence["run"].tolist() == [2, 1]
    assert check.evidence["verdict"].tolist() == [str(check.verdict), str(Verdict.NOT_APPLICABLE)]


def test_unknown_speed_is_not_judged() -> None:
    check = check_speed(Material(missing_parts={"log": "nobody wrote one"}), LIMITS)
    assert (check.verdict, check.text) == (Verdict.NOT_APPLICABLE, "nobody wrote one")
    never_begun = check_speed(Material(log=JobLog("")), LIMITS)
    assert never_begun.verdict is Verdict.NOT_APPLICABLE
    aborted = read_difxlog(LOG.parents[1] / "eta_1/eta_1.difxlog")
    assert check_speed(Material(log=aborted), LIMITS).verdict is Verdict.NOT_APPLICABLE
