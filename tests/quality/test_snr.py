# SPDX-License-Identifier: GPL-3.0-or-later
"""Check `snr`: what is weaker than the rest leads to expect is found, with how much weaker it is."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from difxnb.quality.checks.snr import check_snr
from difxnb.quality.material import Material
from difxnb.quality.verdict import Verdict
from tests.quality.made_material import GOOD, LIMITS, of_data, of_fringes, of_job, visibilities

LIMIT = LIMITS["snr"]
ANTENNAS = ("AA", "BB", "CC", "DD")
SCANS = {"No0001": 1.0, "No0002": 0.2, "No0003": 5.0, "No0004": 1.0}  # strengths of sources
SENSITIVITY = {"AA": 1.0, "BB": 0.5, "CC": 2.0, "DD": 1.0}


def table(scatter=0.05, seed=1):
    """Fringes of a network with antennas and sources of different strengths."""
    rng = np.random.default_rng(seed)
    pairs = [(a, b) for i, a in enumerate(ANTENNAS) for b in ANTENNAS[i + 1 :]]
    rows = [
        (scan, f"{a}-{b}", a, b, band, hand, 300 * flux * SENSITIVITY[a] * SENSITIVITY[b], 10)
        for scan, flux in SCANS.items()
        for a, b in pairs
        for band in range(4)
        for hand in ("RR", "LL")
    ]
    names = [
        "scan",
        "baseline",
        "antenna1_name",
        "antenna2_name",
        "band",
        "polarization",
        "snr",
        "n_integrations",
    ]
    frame = pd.DataFrame(rows, columns=names)
    frame["snr"] *= np.exp(rng.normal(0, scatter, len(frame)))
    return frame


def weakened(frame, factor, **where):
    rows = np.logical_and.reduce([frame[name] == value for name, value in where.items()])
    return frame.assign(snr=np.where(rows, frame["snr"] * factor, frame["snr"]))


@pytest.mark.parametrize("job", GOOD, ids=lambda job: job.stem)
def test_good_jobs_are_as_strong_as_expected(job):
    assert check_snr(of_job(job), LIMIT).verdict is Verdict.GO


def test_sources_and_antennas_may_be_strong_or_weak():
    check = check_snr(of_fringes(table()), LIMIT)
    assert check.verdict is Verdict.GO


@pytest.mark.parametrize(("factor", "verdict"), [(0.4, Verdict.LOOK), (0.1, Verdict.NO_GO)])
def test_a_band_that_falls_off_is_found(factor, verdict):
    weak = weakened(table(), factor, scan="No0003", baseline="AA-BB", band=2, polarization="LL")
    check = check_snr(of_fringes(weak), LIMIT)
    assert check.verdict is verdict
    assert check.value == pytest.approx(factor, rel=0.25)
    assert "AA-BB band 2 LL in No0003" in check.text
    assert (check.evidence["verdict"] != "go").sum() == 1


def test_an_antenna_that_falls_off_in_one_scan_is_found_on_its_baselines():
    weak = table()
    hit = (weak["scan"] == "No0003") & weak["baseline"].str.contains("DD")
    check = check_snr(of_fringes(weak.assign(snr=weak["snr"] * np.where(hit, 0.3, 1))), LIMIT)
    assert check.verdict is Verdict.LOOK
    bad = check.evidence[check.evidence["verdict"] != "go"]
    assert set(bad["of"]) == {"AA-DD", "BB-DD", "CC-DD"}
    assert set(bad["scan"]) == {"No0003"}
    np.testing.assert_allclose(bad["ratio"], 0.3, rtol=0.25)


def test_an_antenna_that_is_always_far_weaker_is_worth_a_look():
    weak = table()
    factor = np.where(weak["baseline"].str.contains("AA"), 0.04, 1.0)
    check = check_snr(of_fringes(weak.assign(snr=weak["snr"] * factor * 5)), LIMIT)
    assert check.verdict is Verdict.LOOK
    assert "antenna AA" in check.text


def test_of_weak_fringes_nothing_is_said():
    check = check_snr(of_fringes(table().assign(snr=5.0)), LIMIT)
    assert check.verdict is Verdict.NOT_APPLICABLE
    assert f"{LIMIT['least_expected']:g}" in check.text


def test_bandwidth_and_time_are_allowed_for():
    """A band half as wide has 1/√2 of the SNR of the others and is as good."""
    data = visibilities()
    narrow = data.isel(channel=slice(0, 8)).assign_coords(n_channels=("band", [8, 8]))
    narrow = narrow.assign_coords(bandwidth=data["bandwidth"] / 4)
    both = pd.concat([of_data(data).fringes.query("band == 0"), of_data(narrow).fringes.query("band == 1")])
    mixed = data.assign_coords(
        bandwidth=("band", [data["bandwidth"][0].item(), narrow["bandwidth"][1].item()])
    )
    check = check_snr(of_fringes(both, mixed), LIMIT)
    assert check.verdict is Verdict.GO
    assert check.value > 0.7


def test_one_product_has_nothing_to_be_compared_with():
    one = table().query("scan == 'No0003' and baseline == 'AA-CC' and band == 0 and polarization == 'RR'")
    assert check_snr(of_fringes(one), LIMIT).verdict is Verdict.NOT_APPLICABLE
    assert check_snr(Material(), LIMIT).verdict is Verdict.NOT_APPLICABLE
