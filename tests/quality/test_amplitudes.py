# SPDX-License-Identifier: GPL-3.0-or-later
"""Check `amplitudes`: factors that are put in come out, of the antenna or baseline they were put at."""

from __future__ import annotations

import numpy as np
import pytest

from difxnb.quality.verdict import Verdict
from tests.quality.made_amplitudes import network
from tests.quality.made_material import GOOD, of_data, of_fringes, of_job, visibilities
from tests.quality.spoiled_spectra import BETA, LSB_ONE_BIT, checked, place, spoiled, values

ANTENNAS = ("AA", "BB", "CC", "DD", "EE")
GAINS = {"AA": 0.4, "BB": 1.0, "CC": 2.5, "DD": 0.1, "EE": 0.9}


def amplitude(first, second, band, hand):
    """Antennas of unlike sensitivity, bands of unlike flux."""
    return GAINS[first] * GAINS[second] * (1.0 + band) * 0.1


def of_kind(check, kind):
    return check.evidence[check.evidence["kind"] == kind]


@pytest.mark.parametrize("job", [*GOOD, BETA], ids=lambda job: job.stem)
def test_good_jobs_have_no_odd_scale(job):
    check = checked("amplitudes", of_job(job))
    assert check.verdict is Verdict.GO
    assert check.value < 1.02


def test_unlike_antennas_and_bands_are_nothing_odd():
    check = checked("amplitudes", of_fringes(network(ANTENNAS, amplitude)))
    assert check.verdict is Verdict.GO
    assert check.value == pytest.approx(1.0)
    assert len(of_kind(check, "gain")) == len(ANTENNAS) * 4
    assert len(of_kind(check, "closure")) == 4


@pytest.mark.parametrize(
    ("factor", "verdict"), [(1.5, Verdict.GO), (0.4, Verdict.LOOK), (8.0, Verdict.NO_GO)]
)
@pytest.mark.parametrize("antennas", [ANTENNAS, ANTENNAS[:3]])
def test_a_gain_that_is_off_in_one_band_and_hand_has_its_factor(factor, verdict, antennas):
    def scaled(first, second, band, hand):
        return amplitude(first, second, band, hand) * (
            factor if "BB" in (first, second) and (band, hand) == (1, "LL") else 1
        )

    check = checked("amplitudes", of_fringes(network(antennas, scaled)))
    assert check.verdict is verdict
    worst = of_kind(check, "gain").iloc[0]
    assert worst[["of", "band", "polarization"]].tolist() == ["BB", 1, "LL"]
    assert worst["factor"] == pytest.approx(max(factor, 1 / factor))
    others = of_kind(check, "gain").iloc[1:]["factor"]
    assert others.max() == pytest.approx(1.0)
    assert ("the gain of BB" in check.text and "band 1 LL" in check.text) or verdict is Verdict.GO


@pytest.mark.parametrize(
    ("factor", "verdict"), [(1.5, Verdict.GO), (3.0, Verdict.LOOK), (0.1, Verdict.NO_GO)]
)
def test_a_baseline_that_does_not_close_has_its_factor(factor, verdict):
    def scaled(first, second, band, hand):
        return amplitude(first, second, band, hand) * (factor if (first, second) == ("BB", "DD") else 1)

    check = checked("amplitudes", of_fringes(network(ANTENNAS, scaled)))
    assert check.verdict is verdict
    closures = of_kind(check, "closure")
    assert set(closures["of"]) == {"BB-DD"}
    assert closures["factor"].to_numpy() == pytest.approx(max(factor, 1 / factor))


def test_of_four_antennas_either_of_two_baselines_may_be_the_one():
    def scaled(first, second, band, hand):
        return amplitude(first, second, band, hand) * (3 if (first, second) == ("BB", "DD") else 1)

    check = checked("amplitudes", of_fringes(network(ANTENNAS[:4], scaled)))
    assert set(of_kind(check, "closure")["of"]) == {"AA-CC or BB-DD"}
    assert check.value == pytest.approx(3.0)


def test_noise_of_strong_fringes_makes_no_alarm():
    rng = np.random.default_rng(3)
    for _ in range(4):
        table = network(ANTENNAS, amplitude, bands=range(6), snr=25.0)
        table["amplitude"] *= 1 + rng.standard_normal(len(table)) / 25
        assert checked("amplitudes", of_fringes(table)).verdict is Verdict.GO


def test_correlation_above_one_is_a_wrong_scale():
    table = network(ANTENNAS, amplitude).assign(correlation=0.3)
    assert checked("amplitudes", of_fringes(table)).verdict is Verdict.GO
    table.loc[table["baseline"] == "AA-CC", "correlation"] = 1.3
    check = checked("amplitudes", of_fringes(table))
    assert check.verdict is Verdict.NO_GO
    assert "the correlation coefficient of AA-CC is 1.3" in check.text
    assert (
        checked("amplitudes", of_fringes(table.assign(snr=25.0))).verdict is Verdict.LOOK
    )  # it may be noise


@pytest.mark.parametrize(
    ("factor", "verdict"), [(1.1, Verdict.GO), (1.6, Verdict.LOOK), (0.1, Verdict.NO_GO)]
)
def test_a_power_that_jumps_has_its_factor_and_time(factor, verdict):
    def jump(data):
        values(data)[5:, *place(data, "CC-CC", 1, "LL")[1:]] *= factor

    material = spoiled(jump)
    check = checked("amplitudes", material)
    assert check.verdict is verdict
    worst = of_kind(check, "power").iloc[0]
    assert worst[["of", "band", "polarization"]].tolist() == ["CC", 1, "LL"]
    assert worst["factor"] == pytest.approx(max(factor, 1 / factor), rel=0.01)
    if verdict is not Verdict.GO:
        assert f"the power of CC jumps by a factor of {worst['factor']:.2g}" in check.text
        assert f"near {worst['where']}" in check.text
    times = material.dataset["time"].dt.strftime("%H:%M:%S").values
    assert worst["where"] in times[5:]


def test_powers_may_differ_from_scan_to_scan():
    def change(data):
        values(data)[(data["scan_name"] == "No0002").values] *= 3

    assert checked("amplitudes", spoiled(change, LSB_ONE_BIT)).verdict is Verdict.GO


def test_a_short_part_without_strong_fringes_says_so():
    data = visibilities(LSB_ONE_BIT).isel(time=slice(0, 2))
    check = checked("amplitudes", of_data(data))
    assert check.verdict is Verdict.NOT_APPLICABLE
    assert "nothing to be compared" in check.text
