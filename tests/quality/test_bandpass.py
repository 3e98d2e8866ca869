# SPDX-License-Identifier: GPL-3.0-or-later
"""Check `bandpass`, and the mean autocorrelations that it and others look at."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from difxnb.quality import spectra as spectra_module
from difxnb.quality.spectra import auto_spectra
from difxnb.quality.verdict import Verdict
from tests.quality.made_material import GOOD, LIMITS, of_data, of_job, visibilities
from tests.quality.spoiled_spectra import BETA, LSB_ONE_BIT, USB, checked, place, spoiled, values

LIMIT = LIMITS["bandpass"]


def autos(job):
    data = visibilities(job)
    return data.isel(baseline=np.flatnonzero(data["is_autocorrelation"]))


@pytest.mark.parametrize("job", GOOD, ids=lambda job: job.stem)
def test_good_jobs_have_good_bandpasses(job):
    check = checked("bandpass", of_job(job))
    assert check.verdict is Verdict.GO
    assert check.value == 0.0


@pytest.mark.parametrize("name", ["bandpass", "clipping", "interference", "imaginary"])
def test_autocorrelations_that_are_mixed_up_are_not_judged(name):
    check = checked(name, of_job(BETA))
    assert check.verdict is Verdict.NOT_APPLICABLE
    assert "stitched" in check.text


@pytest.mark.parametrize("name", ["bandpass", "clipping", "interference", "imaginary"])
def test_without_autocorrelations_there_is_nothing_to_judge(name):
    data = visibilities()
    check = checked(name, of_data(data.isel(baseline=np.flatnonzero(~data["is_autocorrelation"]))))
    assert check.verdict is Verdict.NOT_APPLICABLE
    assert "no autocorrelations" in check.text


@pytest.mark.parametrize("name", ["bandpass", "interference", "imaginary", "amplitudes"])
def test_visibilities_without_any_integration_are_no_trouble(name):
    check = checked(name, of_data(visibilities().isel(time=slice(0, 0))))
    assert check.verdict is Verdict.NOT_APPLICABLE


@pytest.mark.parametrize("factor", [0.0, 1e-3])
def test_a_dead_band_is_named(factor):
    def kill(data):
        values(data)[place(data, "BB-BB", 1, "LL")] *= factor

    check = checked("bandpass", spoiled(kill))
    assert check.verdict is Verdict.NO_GO
    assert check.value == 1.0
    assert check.text.startswith("no power: BB band 1 LL")
    bad = check.evidence[check.evidence["verdict"] != "go"]
    assert bad[["antenna", "band", "polarization"]].to_numpy().tolist() == [["BB", 1, "LL"]]


def test_a_dead_antenna_is_held_against_the_others():
    def kill(data):
        for band in (0, 1):
            values(data)[place(data, "CC-CC", band, None)] *= 1e-3

    check = checked("bandpass", spoiled(kill))
    assert set(check.evidence.loc[check.evidence["verdict"] == "no-go", "antenna"]) == {"CC"}


def test_powers_of_other_units_are_not_compared():
    """An antenna whose amplitudes are scaled by its system temperature."""

    def scale(data):
        for band in (0, 1):
            values(data)[place(data, "CC-CC", band, None)] *= 1e-3

    material = spoiled(scale)
    streams = [
        replace(stream, tsys=40.0 if material.input.telescopes[stream.telescope_index].name == "CC" else 0.0)
        for stream in material.input.datastreams
    ]
    material.input = replace(material.input, datastreams=streams)
    assert checked("bandpass", material).verdict is Verdict.GO


@pytest.mark.parametrize("share", [0.1, 0.4])
def test_channels_without_power_are_counted(share):
    edge = round(LIMIT["edge"] * 64)
    inside = 64 - 2 * edge
    holes = round(share * inside)

    def punch(data):
        values(data)[(*place(data, "AA-AA"), slice(edge + 2, edge + 2 + holes))] = 0

    check = checked("bandpass", spoiled(punch, USB))
    assert check.value == pytest.approx(holes / inside)
    assert check.verdict is (Verdict.NO_GO if holes / inside > LIMIT["no_go"] else Verdict.LOOK)
    assert "AA band 0 RR" in check.text


def test_edges_of_a_band_may_be_empty():
    edge = round(LIMIT["edge"] * 64)

    def cut(data):
        values(data)[..., :edge] = 0
        values(data)[..., -edge:] = 0

    assert checked("bandpass", spoiled(cut, USB)).verdict is Verdict.GO


@pytest.mark.parametrize("fall", [-20.0, 5.0, 20.0])
def test_slopes_have_their_size_and_sign(fall):
    ramp_db = np.linspace(0, fall, 64)

    def tilt(data):
        values(data)[place(data, "BB-BB", 1, "LL")] *= 10 ** (ramp_db / 10)

    check = checked("bandpass", spoiled(tilt, USB))
    edge = round(LIMIT["edge"] * 64)
    quarters = np.array_split(ramp_db[edge:-edge], 4)
    wanted = np.median(quarters[-1]) - np.median(quarters[0])
    rows = check.evidence.set_index(["antenna", "band", "polarization"])
    assert rows.loc[("BB", 1, "LL"), "slope"] == pytest.approx(wanted, abs=0.1)
    assert check.verdict is (Verdict.LOOK if abs(wanted) > LIMIT["slope"] else Verdict.GO)


def test_means_do_not_depend_on_how_much_is_read_at_once(monkeypatch):
    data = autos(LSB_ONE_BIT)
    whole = auto_spectra(data)
    monkeypatch.setattr(spectra_module, "_BLOCK_BYTES", 1)
    pieces = auto_spectra(data)
    np.testing.assert_allclose(pieces.mean, whole.mean, rtol=1e-6)
    np.testing.assert_array_equal(pieces.level, whole.level)
    assert whole.part == ["No0001", "No0002"]


def test_scans_are_taken_together_where_their_means_would_be_too_large(monkeypatch):
    data = autos(LSB_ONE_BIT)
    monkeypatch.setattr(spectra_module, "_MEANS_BYTES", 1)
    joined = auto_spectra(data)
    assert joined.part == ["No0001 to No0002"]
    weight = data["WEIGHT"].where(data["WEIGHT"] > 0, 0.0)
    wanted = (data["VISIBILITY"] * weight).sum("time") / weight.sum("time")
    np.testing.assert_allclose(
        joined.mean[0], wanted.transpose("baseline", "band", "polarization", "channel"), rtol=1e-5
    )


def test_spectra_that_hold_no_numbers_are_left_out():
    data = autos(USB)
    values(data)[1, 0, 0, 0, 5] = np.nan
    found = auto_spectra(data)
    assert np.isfinite(found.mean).all()
    assert found.n_integrations[0, 0, 0, 0] == auto_spectra(autos(USB)).n_integrations[0, 0, 0, 0] - 1
    assert np.isnan(found.level[1, 0, 0, 0])


def test_unknown_weights_count_alike():
    data = autos(LSB_ONE_BIT)
    data["WEIGHT"] = data["WEIGHT"] * np.float32(np.nan)
    first = data["VISIBILITY"].isel(time=np.flatnonzero(data["scan_name"] == "No0001"))
    np.testing.assert_allclose(auto_spectra(data).mean[0], first.mean("time").values, rtol=1e-5)


@pytest.mark.parametrize("value", [0.0, -1.0, 3e38, np.inf, np.nan])
@pytest.mark.parametrize("name", ["bandpass", "clipping", "interference", "imaginary", "amplitudes"])
def test_numbers_that_no_correlator_writes_are_no_trouble(name, value):
    data = autos(USB)
    values(data)[:] = value
    check = checked(name, of_data(data))
    assert check.value is None or np.isfinite(check.value)
    if name == "bandpass" and value <= 0:
        assert check.verdict is Verdict.NO_GO
