# SPDX-License-Identifier: GPL-3.0-or-later
"""How often noise alone looks like a fringe of several bands, against what is stated."""

from __future__ import annotations

import numpy as np
import pytest

from difxnb.fringe import Block, false_alarm_probability, fit_jointly
from difxnb.fringe.joint.detection import SearchedWindow, joint_false_alarm

EVEN = [8.4e9 + step * 32e6 for step in range(4)]
UNEVEN = [8.21e9 + offset for offset in (0.0, 10e6, 40e6)]
SETS = {
    "even": (EVEN, [0] * 4, 1, 14, 5000, {}),
    "uneven": (UNEVEN, [0] * 3, 3, 9, 5000, {}),
    "phases free": (EVEN[:3], [0, 1, 2], 3, 9, 2500, {}),
    "two polarizations": (EVEN[:2] * 2, [0, 0, 1, 1], 3, 10, 2500, {}),
    "small window": (
        EVEN,
        [0] * 4,
        3,
        10,
        2500,
        {"delay_window": (-60e-9, 90e-9), "rate_window": (-3e-11, 2e-11)},
    ),
}


@pytest.mark.parametrize(("name", "noise"), [*((name, None) for name in SETS), ("even", 1.0)])
def test_noise_is_taken_for_a_fringe_as_often_as_stated(name, noise):
    low_edges, groups, integrations, channels, trials, windows = SETS[name]
    rng = np.random.default_rng(channels + len(groups))
    shape = (trials, integrations, channels)
    blocks = [
        Block((rng.normal(size=shape) + 1j * rng.normal(size=shape)), low + 0.5e6 * np.arange(channels))
        for low in low_edges
    ]
    fringe = fit_jointly(
        blocks, np.arange(integrations), groups=groups, edge_channels=0, noise=noise, **windows
    )
    for level in (0.3, 0.1, 0.03, 0.01):
        chance = np.sqrt(level * (1 - level) / trials)
        seen = np.mean(fringe.false_alarm_probability < level)
        # peaks that repeat after an ambiguity, and noise of few samples, make the statement too careful, never bold
        assert (0.4 if noise is None else 0.55) * level - 3 * chance < seen < 1.05 * level + 3 * chance


@pytest.mark.parametrize("integrations", [1, 12])
def test_one_group_is_the_case_of_one_band(integrations):
    channels, width, spacing, sky = 64, 0.5e6, 1.0, 8.4e9
    snr = np.linspace(0.5, 12, 60)
    spread = np.zeros((60, 2, 2))
    spread[:, 0, 0] = np.var(np.arange(channels)) * width**2
    spread[:, 1, 1] = np.var(np.arange(integrations)) * (spacing * sky) ** 2
    window = SearchedWindow(
        spread=spread,
        within=spread[:, 0, 0],
        period=np.full(60, np.nan),
        delay=1 / width,
        rate=np.full(60, 1 / (spacing * sky) if integrations > 1 else 0.0),
        borders=(False, False),
    )
    found = joint_false_alarm(snr**2, np.ones(60, dtype=int), np.full(60, np.inf), window)
    np.testing.assert_allclose(found, false_alarm_probability(snr, channels, integrations), rtol=1e-6)
    assert np.all(np.diff(found) <= 0)


def test_more_groups_need_more_power():
    window = SearchedWindow(
        spread=np.tile(np.diag([1e12, 1e18]), (4, 1, 1)),
        within=np.full(4, 1e12),
        period=np.full(4, np.nan),
        delay=1e-6,
        rate=np.full(4, 1e-9),
        borders=(True, True),
    )
    groups = np.array([1, 2, 4, 16])
    found = joint_false_alarm(np.full(4, 60.0), groups, np.full(4, np.inf), window)
    assert np.all(np.diff(found) > 0)
    rough = joint_false_alarm(np.full(4, 60.0), groups, np.full(4, 30.0), window)
    assert np.all(rough >= found)
    assert np.isnan(joint_false_alarm(np.full(4, np.nan), groups, np.full(4, np.inf), window)).all()
