# SPDX-License-Identifier: GPL-3.0-or-later
"""Check `imaginary`: what must vanish in autocorrelations."""

from __future__ import annotations

import numpy as np
import pytest

from difxnb.quality.verdict import Verdict
from tests.quality.made_material import GOOD, of_job
from tests.quality.spoiled_spectra import checked, place, spoiled, values


@pytest.mark.parametrize("job", GOOD, ids=lambda job: job.stem)
def test_autocorrelations_of_good_jobs_are_real(job):
    check = checked("imaginary", of_job(job))
    assert check.verdict is Verdict.GO
    assert check.value < 1e-7


@pytest.mark.parametrize(
    ("share", "verdict"), [(1e-5, Verdict.GO), (1e-3, Verdict.LOOK), (0.05, Verdict.NO_GO)]
)
def test_an_imaginary_part_has_its_size(share, verdict):
    def turn(data):
        chosen = values(data)[place(data, "BB-BB", 1, "LL")]
        chosen[..., 7] += 1j * share * chosen.real.mean()

    check = checked("imaginary", spoiled(turn))
    assert check.value == pytest.approx(share, rel=0.01)
    assert check.verdict is verdict
    assert ("BB" in check.text) == (verdict is not Verdict.GO)


def test_cross_hands_that_are_no_conjugates_are_seen():
    def grow(data):
        values(data)[place(data, "CC-CC", 0, "LR")] *= 1.5

    material = spoiled(grow)
    check = checked("imaginary", material)
    assert check.verdict is Verdict.NO_GO
    assert check.evidence.iloc[0][["antenna", "band", "polarization"]].tolist() == ["CC", 0, "LR RL"]
    hands, powers = (
        [values(material.dataset)[place(material.dataset, "CC-CC", 0, hand)].mean(axis=0) for hand in pair]
        for pair in (("LR", "RL"), ("RR", "LL"))
    )
    wanted = np.abs(hands[0] - np.conj(hands[1])).max() / np.mean(powers).real
    assert check.value == pytest.approx(wanted, rel=0.02)  # this mean is one without weights


def test_a_band_without_power_is_left_to_other_checks():
    def kill(data):
        values(data)[place(data, "AA-AA", 0, None)] = 0

    assert checked("imaginary", spoiled(kill)).verdict is Verdict.GO
