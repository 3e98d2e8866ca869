# SPDX-License-Identifier: GPL-3.0-or-later
"""Check `interference`: lines are found where they are put, tones are none, and noise has none."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from difxnb.quality.verdict import Verdict
from tests.quality.made_material import GOOD, LIMITS, of_data, of_job, visibilities
from tests.quality.spoiled_spectra import ALPHA, USB, checked, place, spoiled, values

LIMIT = LIMITS["interference"]
EDGE = round(LIMIT["edge"] * 64)


@pytest.mark.parametrize("job", GOOD, ids=lambda job: job.stem)
def test_good_jobs_have_no_lines_but_tones(job):
    check = checked("interference", of_job(job))
    assert check.verdict is Verdict.GO
    assert check.value == 0.0


@pytest.mark.parametrize("height", [0.5, 3.0])
@pytest.mark.parametrize("channel", [EDGE, 31, 63 - EDGE])
def test_a_line_has_its_place_and_height(channel, height):
    def disturb(data):
        values(data)[(*place(data, "CC-CC", 1, "LL"), channel)] *= 1 + height

    material = spoiled(disturb, USB)
    check = checked("interference", material)
    assert check.verdict is Verdict.LOOK
    assert check.value == pytest.approx(1 / (64 - 2 * EDGE))
    row = check.evidence.iloc[0]
    assert row[["antenna", "band", "polarization", "lines"]].tolist() == ["CC", 1, "LL", 1]
    assert row["frequency_mhz"] * 1e6 == material.dataset["frequency"].values[1, channel]
    assert row["excess"] == pytest.approx(height, rel=0.15)
    assert "lines at CC" in check.text
    assert "the source" not in check.text


def test_much_interference_is_no_go():
    def disturb(data):
        values(data)[(*place(data, "CC-CC"), slice(8, 56, 6))] *= 3

    assert checked("interference", spoiled(disturb, USB)).verdict is Verdict.NO_GO


def test_lines_at_the_edges_are_left_out():
    def disturb(data):
        values(data)[..., [0, EDGE - 1, -EDGE, -1]] *= 5

    assert checked("interference", spoiled(disturb, USB)).verdict is Verdict.GO


def test_a_line_that_all_antennas_have_may_be_the_source():
    def disturb(data):
        for name in ("AA-AA", "BB-BB", "CC-CC"):
            values(data)[(*place(data, name), 40)] *= 2

    assert "it may be the source" in checked("interference", spoiled(disturb, USB)).text


def untold(material):
    """The same job with an .input that says nothing of tones, though one antenna has them."""
    streams = [replace(stream, phase_cal_int_mhz=0.0) for stream in material.input.datastreams]
    material.input = replace(material.input, datastreams=streams)
    return material


def test_tones_that_nobody_extracts_are_known_by_their_comb():
    assert checked("interference", untold(of_job(ALPHA))).verdict is Verdict.GO


def test_half_a_comb_is_interference():
    def remove(data):
        """One of two tones per band, by its frequency."""
        for band, tone in ((0, 8401e6), (1, 8410e6)):
            channel = int(np.abs(data["frequency"].values[band] - tone).argmin())
            values(data)[(*place(data, "BB-BB", band, None), slice(channel - 1, channel + 2))] = 4.08

    check = checked("interference", untold(spoiled(remove)))
    assert check.verdict is Verdict.LOOK
    assert "lines at BB" in check.text
    assert checked("interference", spoiled(remove)).verdict is Verdict.GO  # with the .input they are tones


def test_noise_has_no_lines_however_strong_it_is():
    """Hundreds of spectra with a scatter far above the least height of a line."""
    rng = np.random.default_rng(5)
    data = visibilities(USB)
    lines = 0
    for _ in range(20):
        values(data)[:] = 4.3 * (1 + 0.1 * rng.standard_normal(values(data).shape[1:]))
        lines += checked("interference", of_data(data)).evidence["lines"].sum()
    assert lines == 0


def test_what_is_left_of_a_dead_band_is_no_interference():
    def kill(data):
        values(data)[place(data, "AA-AA")] *= 1e-3
        values(data)[(*place(data, "AA-AA"), slice(20, 24))] *= 10

    assert checked("interference", spoiled(kill, USB)).verdict is Verdict.GO


def test_bands_of_few_channels_are_not_judged():
    material = of_job(ALPHA)
    material.dataset = material.dataset.isel(channel=slice(0, 10)).load()
    material.dataset["n_channels"] = material.dataset["n_channels"] * 0 + 10
    assert checked("interference", material).verdict is Verdict.NOT_APPLICABLE
