# SPDX-License-Identifier: GPL-3.0-or-later
"""Gaps within integrations, whose places nothing tells: errors of rates and phases must allow for them."""

from __future__ import annotations

import numpy as np
import pytest

from difxnb.visibility import fringe_fit
from tests.injected_fringes import Band, Station, injected, regular

RATE, LENGTH_S, COUNT, SCANS = 4e-12, 0.5, 8, 300
MISSING = np.array([0.0, 0.3, 0.0, 0.1, 0.0, 0.0, 0.4, 0.0])  # share of each integration


def turning(rate: float, *, multiband: bool = False):
    """Fits of many scans, in each of which gaps lie elsewhere: pulls of the rate and of the phase."""
    rng = np.random.default_rng(7)
    scans = [(f"No{n:04d}", "SRCA", regular(COUNT, LENGTH_S, 10.0 * n)) for n in range(SCANS)]
    weight = np.tile(1.0 - MISSING, SCANS)[:, None, None, None]
    bands = (Band(), Band(8440e6)) if multiband else (Band(),)
    made = injected(
        {"AA": Station(), "BB": Station(rate=rate)},
        bands=bands, hands=("RR",), scans=scans, integration_s=LENGTH_S, weight=weight, noise=0.005,
    )  # fmt: skip
    gap = np.tile(MISSING, SCANS) * LENGTH_S
    place = rng.uniform(-1, 1, gap.size) * (LENGTH_S - gap) / 2  # of the middle of the gap
    moved = -gap / (LENGTH_S - gap) * place
    turns = rate * moved[:, None, None] * made["frequency"].values
    made["VISIBILITY"] = made["VISIBILITY"] * np.exp(2j * np.pi * turns)[:, None, :, None, :]
    table = fringe_fit(made, multiband=multiband)
    middles = np.array([scan[2].mean() for scan in scans])
    phase = 2 * np.pi * table["reference_frequency"] * rate * middles
    off = np.angle(np.exp(1j * (table["phase"] - phase)))
    return (table["delay_rate"] - rate) / table["delay_rate_error"], off / table["phase_error"], table


@pytest.mark.parametrize("multiband", [False, True])
def test_errors_of_rates_and_phases_allow_for_gaps(multiband):
    of_rate, of_phase, table = turning(RATE, multiband=multiband)
    for pulls in (of_rate, of_phase):
        assert abs(pulls.mean()) < 0.2
        assert 0.85 < pulls.std() < 1.15
    still = turning(0.0, multiband=multiband)[2]
    assert (table["delay_rate_error"] > 3 * still["delay_rate_error"].median()).all()
    assert table["delay_error"].median() == pytest.approx(still["delay_error"].median(), rel=0.01)


def test_the_end_of_a_scan_is_no_gap():
    """It moves the last integration by a known amount, which is taken into account as it is."""
    weight = np.ones(COUNT)
    weight[-1] = 0.4
    stations = {"AA": Station(), "BB": Station(rate=RATE)}
    cut = injected(stations, bands=(Band(),), hands=("RR",), weight=weight[:, None, None, None], noise=0.05)
    whole = injected(stations, bands=(Band(),), hands=("RR",), noise=0.05)
    errors = [fringe_fit(made)["delay_rate_error"][0] for made in (cut, whole)]
    assert errors[0] < 1.4 * errors[1]
