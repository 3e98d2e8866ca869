# SPDX-License-Identifier: GPL-3.0-or-later
"""Check `weights`: the mean weight of every antenna and scan, of visibilities or of the log."""

from __future__ import annotations

import numpy as np
import pytest

from difxnb.quality.checks.weights import check_weights
from difxnb.quality.material import Material
from difxnb.quality.verdict import Verdict
from difxnb.tables.difxlog import read_difxlog
from tests.quality.made_material import GOOD, LIMITS, of_data, of_job, sides, visibilities
from tests.stored_jobs import ALPHA

LIMIT = LIMITS["weights"]


@pytest.mark.parametrize("job", GOOD, ids=lambda job: job.stem)
def test_good_jobs_have_good_weights(job):
    assert check_weights(of_job(job), LIMIT).verdict is Verdict.GO


@pytest.mark.parametrize(("factor", "verdict"), [(0.8, Verdict.LOOK), (0.4, Verdict.NO_GO)])
def test_an_antenna_with_invalid_data_is_named(factor, verdict):
    good = visibilities()
    is_cc = good["baseline"].copy(data=sides(good, "CC") != 0) | (good["baseline"] == "CC-CC")
    before = check_weights(of_data(good), LIMIT).evidence.set_index("antenna")["weight"]
    check = check_weights(
        of_data(good.assign(WEIGHT=good["WEIGHT"].where(~is_cc, good["WEIGHT"] * factor))), LIMIT
    )
    assert check.verdict is verdict
    assert check.value == pytest.approx(before["CC"] * factor, rel=1e-5)
    assert "CC" in check.text
    after = check.evidence.set_index("antenna")["weight"]
    np.testing.assert_allclose(after[["AA", "BB"]], before[["AA", "BB"]])


def test_without_autocorrelations_an_antenna_has_the_weights_of_its_baselines():
    good = visibilities()
    cross = good.isel(baseline=np.flatnonzero(~good["is_autocorrelation"]))
    cross["WEIGHT"] = cross["WEIGHT"].where(cross["baseline"] == "AA-BB", 0.2)
    found = check_weights(of_data(cross), LIMIT).evidence.set_index("antenna")["weight"]
    assert found["CC"] == pytest.approx(
        0.2 * (7 + 1 / good["WEIGHT"].isel(time=-1).max().item()) / 8, abs=0.02
    )
    assert found["CC"] < found["AA"]


def test_a_last_integration_that_the_scan_cuts_short_is_no_loss():
    """The job with the shortest last integrations has full weights."""
    job = next(job for job in GOOD if job.stem == "lsb1bit")
    material = of_job(job)
    assert material.attendance.highest.min() < 0.8
    assert check_weights(material, LIMIT).value == 1.0


def test_missing_integrations_are_not_counted_as_invalid_ones():
    good = visibilities()
    gone = good["WEIGHT"].where(np.arange(good.sizes["time"])[:, None, None, None] != 1, 0.0)
    before, after = (
        check_weights(of_data(one), LIMIT).evidence.set_index("antenna")["weight"]
        for one in (good, good.assign(WEIGHT=gone))
    )
    assert after["BB"] == before["BB"] == 1.0


def test_live_data_are_judged_by_the_log():
    good = visibilities()
    live = of_data(good.assign(WEIGHT=good["WEIGHT"] * np.nan))
    live.running = True
    unknown = check_weights(live, LIMIT)
    assert unknown.verdict is Verdict.NOT_APPLICABLE
    assert "no weights are known so far" in unknown.text
    live.log = read_difxlog(ALPHA.with_suffix(".difxlog"))
    check = check_weights(live, LIMIT)
    wanted = live.log.weights().mean("time")
    assert check.verdict is Verdict.GO
    assert check.value == pytest.approx(wanted.min().item())
    assert check.text.endswith("so far")


def test_nothing_to_judge_says_why():
    assert check_weights(Material(), LIMIT).verdict is Verdict.NOT_APPLICABLE
