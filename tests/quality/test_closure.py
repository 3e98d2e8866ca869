# SPDX-License-Identifier: GPL-3.0-or-later
"""Check `closure`: an error of one baseline opens its triangle by as much; errors of antennas open none."""

from __future__ import annotations

import numpy as np
import pytest

from difxnb.quality.checks.closure import check_closure
from difxnb.quality.material import Material
from difxnb.quality.verdict import Verdict
from tests.quality.made_material import GOOD, LIMITS, of_data, of_job, sides, turned, visibilities

LIMIT = LIMITS["closure"]
DELAY = 60e-9
TURN = 0.25


@pytest.mark.parametrize("job", GOOD, ids=lambda job: job.stem)
def test_good_jobs_close(job):
    check = check_closure(of_job(job), LIMIT)
    assert check.verdict is (Verdict.NOT_APPLICABLE if job.stem == "lsb1bit" else Verdict.GO)


def test_a_delay_of_one_baseline_opens_its_triangles_by_as_much():
    good = visibilities()
    bad = turned(good, good["frequency"] * DELAY * (good["baseline"] == "AA-CC"))
    check = check_closure(of_data(bad), LIMIT)
    assert check.verdict is Verdict.NO_GO
    delays = check.evidence.query("kind == 'delay'")
    assert (delays["verdict"] == "look").all()
    assert (np.abs(delays["value"] + DELAY) < 3 * delays["error"]).all()
    assert "AA-BB-CC" in check.text


def test_a_phase_of_one_band_of_a_baseline_opens_one_in_many():
    good = visibilities()
    at = (good["baseline"] == "BB-CC") & (good["band"] == 1) & (good["polarization"] == "RR")
    check = check_closure(of_data(turned(good, TURN * at)), LIMIT)
    assert check.verdict is Verdict.LOOK
    bad = check.evidence[check.evidence["verdict"] == "look"]
    assert bad[["kind", "band", "polarization"]].to_numpy().tolist() == [["phase", 1, "RR"]]
    assert abs(bad["value"].iloc[0] - 2 * np.pi * TURN) < 5 * bad["error"].iloc[0]
    assert f"{360 * TURN:+.0f}°" in check.text


def test_errors_of_antennas_drop_out():
    good = visibilities()
    side = good["baseline"].copy(data=sides(good, "BB"))
    check = check_closure(of_data(turned(good, side * (good["frequency"] * DELAY + TURN))), LIMIT)
    assert check.verdict is Verdict.GO


def test_without_triangles_it_says_so():
    good = visibilities()
    pair = of_data(good.isel(baseline=np.flatnonzero(good["baseline"].isin(["AA-BB", "AA-CC"]))))
    assert check_closure(pair, LIMIT).verdict is Verdict.NOT_APPLICABLE
    assert check_closure(Material(), LIMIT).verdict is Verdict.NOT_APPLICABLE
