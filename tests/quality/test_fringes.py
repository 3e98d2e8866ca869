# SPDX-License-Identifier: GPL-3.0-or-later
"""Check `fringes`: antennas and baselines without a signal are named, whatever the number of their products."""

from __future__ import annotations

import numpy as np
import pytest

from difxnb.quality.checks.fringes import check_fringes
from difxnb.quality.material import Material
from difxnb.quality.verdict import Verdict
from tests.quality.made_material import (
    GOOD,
    LIMITS,
    noise_like,
    of_data,
    of_fringes,
    of_job,
    sides,
    visibilities,
)

LIMIT = LIMITS["fringes"]


@pytest.mark.parametrize("job", GOOD, ids=lambda job: job.stem)
def test_good_jobs_have_fringes_everywhere(job):
    check = check_fringes(of_job(job), LIMIT)
    assert check.verdict is Verdict.GO
    assert check.value == 1.0


def test_an_antenna_without_a_signal_is_named():
    good = visibilities()
    has_bb = good["baseline"].copy(data=sides(good, "BB") != 0)
    check = check_fringes(of_data(noise_like(good, has_bb)), LIMIT)
    assert check.verdict is Verdict.NO_GO
    assert check.value == pytest.approx(1 / 3)
    assert "none with BB" in check.text
    assert set(check.evidence.loc[~check.evidence["found"], "baseline"]) == {"AA-BB", "BB-CC"}
    assert check.evidence["verdict"].tolist() == ["no-go", "no-go", "go"]


def test_one_baseline_without_fringes_is_worth_a_look():
    good = visibilities()
    check = check_fringes(of_data(noise_like(good, good["baseline"] == "AA-CC")), LIMIT)
    assert check.verdict is Verdict.LOOK
    assert "none on AA-CC" in check.text


def test_two_antennas_without_fringes_cannot_be_told_apart():
    good = visibilities()
    pair = good.isel(baseline=np.flatnonzero(good["baseline"].isin(["AA-AA", "BB-BB", "AA-BB"])))
    check = check_fringes(of_data(noise_like(pair, pair["baseline"] == "AA-BB")), LIMIT)
    assert check.verdict is Verdict.NO_GO
    assert check.value == 0
    assert "none with" not in check.text
    assert "clock" in check.text


def test_only_expected_baselines_count():
    good = visibilities()
    has_bb = good["baseline"].copy(data=sides(good, "BB") != 0)
    material = of_data(noise_like(good, has_bb))
    material.expected = ("AA-CC",)
    assert check_fringes(material, LIMIT).verdict is Verdict.GO
    material.expected = ("AA-BB",)
    assert check_fringes(material, LIMIT).verdict is Verdict.NO_GO


def test_an_expected_baseline_without_data_was_not_found():
    good = visibilities()
    two = of_data(good.isel(baseline=np.flatnonzero(good["baseline"] != "BB-CC")))
    two.expected = ("AA-BB", "BB-CC")
    check = check_fringes(two, LIMIT)
    assert check.value == 0.5
    assert check.evidence.iloc[0]["baseline"] == "BB-CC"


def test_the_probability_is_that_of_the_whole_baseline():
    """Of noise, as many baselines pass as the limit says, however many products each has had a chance with."""
    rng = np.random.default_rng(1)
    limit = {**LIMIT, "false_alarm_probability": 0.1}
    one = of_job(GOOD[0]).fringes.iloc[[0]]
    count, products = 2000, 8
    noise = one.loc[one.index.repeat(count * products)].reset_index(drop=True)
    noise["baseline"] = np.repeat([f"S{k}-T{k}" for k in range(count)], products)
    noise["antenna1_name"] = np.repeat([f"S{k}" for k in range(count)], products)
    noise["antenna2_name"] = np.repeat([f"T{k}" for k in range(count)], products)
    noise["false_alarm_probability"] = rng.uniform(
        size=len(noise)
    )  # what it is where there is nothing but noise
    share = check_fringes(of_fringes(noise), limit).value
    passing = 1 - (1 - 0.1 / products) ** products
    assert abs(share - passing) < 4 * np.sqrt(passing / count)


def test_a_fringe_at_the_edge_of_the_search_is_worth_a_look():
    fringes = of_job(GOOD[0]).fringes
    flagged = fringes.assign(flags=np.where(fringes["baseline"] == "AA-CC", "few_channels window_edge", ""))
    check = check_fringes(of_fringes(flagged), LIMIT)
    assert check.verdict is Verdict.LOOK
    assert "edge of the searched delays or rates on AA-CC" in check.text


def test_nothing_to_judge_says_why():
    assert (
        check_fringes(Material(missing_parts={"dataset": "it was not run"}), LIMIT).text == "it was not run"
    )
    good = visibilities()
    autos = of_data(good.isel(baseline=np.flatnonzero(good["is_autocorrelation"])))
    assert check_fringes(autos, LIMIT).verdict is Verdict.NOT_APPLICABLE
