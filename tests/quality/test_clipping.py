# SPDX-License-Identifier: GPL-3.0-or-later
"""Check `clipping`: what the power of 2-bit samples says of the voltage, against samples that are made here."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import ndtri

from difxnb.quality.checks.clipping import snr_share
from difxnb.quality.verdict import Verdict
from tests.quality.made_material import GOOD, of_data, of_job, visibilities
from tests.quality.spoiled_spectra import LSB_ONE_BIT, checked, place, spoiled, values

OUTER = 3.3359
NOISE = ndtri((np.arange(200_000) + 0.5) / 200_000)
"""Gaussian noise of rms 1, evenly over its distribution."""


def quantised(threshold):
    """Levels of the noise with a threshold in units of its rms."""
    return np.sign(NOISE) * np.where(np.abs(NOISE) > threshold, OUTER, 1.0)


def sensitivity(threshold):
    """Correlation of the levels with the noise: what is left of the SNR of a weak signal."""
    levels = quantised(threshold)
    return np.mean(levels * NOISE) / np.sqrt(np.mean(levels**2))


THRESHOLDS = np.linspace(0.6, 1.5, 181)
BEST = THRESHOLDS[np.argmax([sensitivity(one) for one in THRESHOLDS])]


@pytest.mark.parametrize("job", [job for job in GOOD if job.stem != "lsb1bit"], ids=lambda job: job.stem)
def test_good_samplers_lose_nothing(job):
    check = checked("clipping", of_job(job))
    assert check.verdict is Verdict.GO
    assert check.value == pytest.approx(1.0, abs=1e-4)


@pytest.mark.parametrize("voltage", [0.35, 0.6, 0.8, 1.0, 1.5, 3.0, 12.0])
def test_voltage_and_loss_are_those_of_samples_made_here(voltage):
    power = np.mean(quantised(BEST / voltage) ** 2)

    def set_level(data):
        for hand in ("RR", "LL"):
            chosen = values(data)[place(data, "CC-CC", 1, hand)]
            chosen *= power / chosen.real.mean()

    check = checked("clipping", spoiled(set_level))
    row = check.evidence.set_index(["antenna", "band", "polarization"]).loc[("CC", 1, "RR")]
    assert row["voltage"] == pytest.approx(voltage, rel=0.01)
    assert row["snr_share"] == pytest.approx(sensitivity(BEST / voltage) / sensitivity(BEST), abs=1e-3)
    share = row["snr_share"]
    wanted = Verdict.GO if share >= 0.97 else Verdict.LOOK if share >= 0.88 else Verdict.NO_GO
    assert check.verdict is wanted
    if wanted is not Verdict.GO:
        assert check.value == pytest.approx(share, abs=1e-3)
        assert check.text.startswith("samplers of CC are badly set")


def test_powers_that_two_bits_cannot_have_are_no_go():
    assert snr_share(np.array([-0.1, 0.0, 1.0, 1.5])).tolist() == [0.0] * 4

    def kill(data):
        values(data)[place(data, "AA-AA")] *= 0.01

    check = checked("clipping", spoiled(kill))
    assert check.verdict is Verdict.NO_GO
    assert check.value == 0.0
    assert "AA band 0 RR has a power of 0.043" in check.text


def test_one_bit_says_nothing_of_the_voltage():
    check = checked("clipping", of_job(LSB_ONE_BIT))
    assert check.verdict is Verdict.NOT_APPLICABLE
    assert "1-bit" in check.text


def test_some_channels_say_nothing_of_the_whole_band():
    material = of_job(GOOD[0])
    material.dataset = material.dataset.isel(channel=slice(4, 20))
    check = checked("clipping", material)
    assert check.verdict is Verdict.NOT_APPLICABLE
    assert "some channels" in check.text


def test_bits_are_not_guessed():
    check = checked("clipping", of_data(visibilities()))
    assert check.verdict is Verdict.NOT_APPLICABLE
    assert "how many bits" in check.text


@pytest.mark.parametrize(
    ("changes", "why"),
    [({"tsys": 40.0}, "temperature"), ({"quantisation_bits": 8}, "8-bit"), ({"bands": []}, "part")],
)
def test_antennas_of_other_kinds_are_left_out_and_named(changes, why):
    material = of_job(GOOD[0])
    streams = material.input.datastreams
    material.input = replace(material.input, datastreams=[replace(streams[0], **changes), *streams[1:]])
    check = checked("clipping", material)
    assert check.verdict is Verdict.GO
    assert why in check.text
    assert set(check.evidence["antenna"]) == {"BB", "CC"}
