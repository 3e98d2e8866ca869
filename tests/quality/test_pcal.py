# SPDX-License-Identifier: GPL-3.0-or-later
"""Check `pcal`: every tone of a made-up comb is spoiled in just one way."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import xarray as xr

from difxnb.quality.material import Material
from difxnb.quality.tones import expected_tones
from difxnb.quality.verdict import Verdict
from tests.quality.made_material import ALPHA, GOOD, LIMITS, of_job
from tests.quality.spoiled_spectra import checked

TIMES, STEP_NS = 24, 512_000_000
SPACING_MHZ = 0.125
DELAYS = {"AA": 30e-9, "BB": -3.1e-6, "CC": 90e-6}
EDGE = LIMITS["pcal"]["edge"]


def job(spacing_mhz=SPACING_MHZ) -> Material:
    """The reference job with tones that all of its antennas are to have."""
    material = of_job(ALPHA)
    streams = [replace(stream, phase_cal_int_mhz=spacing_mhz) for stream in material.input.datastreams]
    material.input = replace(material.input, datastreams=streams)
    return material


def tones(noise=0.02, seed=1) -> xr.Dataset:
    """Tones of all antennas, bands and letters, with delays, a slow drift of phase, and noise."""
    material = job()
    keys = expected_tones(material.input, material.samplings, EDGE)
    bands = sorted({band for _, band, _ in keys})
    comb = {band: next(found for key, found in keys.items() if key[1] == band) for band in bands}
    frequency = np.concatenate([comb[band] for band in bands])
    rng = np.random.default_rng(seed)
    seconds = np.arange(TIMES) * STEP_NS / 1e9
    delay = np.array(list(DELAYS.values()))[None, :, None, None] + 1e-13 * seconds[:, None, None, None]
    values = np.exp(2j * np.pi * frequency * delay) * np.ones((1, 1, 2, 1))
    values = values + noise * (rng.standard_normal(values.shape) + 1j * rng.standard_normal(values.shape))
    return xr.Dataset(
        {
            "PHASE_CAL": (("time", "antenna", "polarization", "tone"), (0.2 * values).astype(np.complex64)),
            "INTEGRATION_TIME": ("time", np.full(TIMES, STEP_NS / 1e9)),
        },
        {
            "time": np.datetime64("2024-01-01T12:00:00", "ns")
            + np.arange(TIMES) * np.timedelta64(STEP_NS, "ns"),
            "antenna": list(DELAYS),
            "polarization": ["R", "L"],
            "tone_frequency": ("tone", frequency),
            "band": ("tone", np.repeat(bands, [len(comb[band]) for band in bands])),
        },
    )


def judged(change, **limits):
    """What the check says of tones (time, antenna, polarization, tone) that somebody changed in place."""
    material, data = job(), tones()
    change(data["PHASE_CAL"].values)
    material.pcal = data
    return checked("pcal", material, **limits)


def states(check):
    """Places of everything that is not fine: antenna, letter, MHz."""
    bad = check.evidence[check.evidence["state"] != "fine"]
    return {
        (row.antenna, row.polarization, row.frequency_mhz): row.state for row in bad.itertuples(index=False)
    }


def test_good_tones_are_fine():
    check = judged(lambda values: None)
    assert check.verdict is Verdict.GO
    assert check.value == 0.0
    assert len(check.evidence) == tones()["PHASE_CAL"].size / TIMES
    assert states(check) == {}


def test_tones_of_a_real_correlator_are_fine():
    check = checked("pcal", of_job(ALPHA))
    assert check.verdict is Verdict.GO
    assert check.text == "8 tones of BB, all fine"


@pytest.mark.parametrize("name", [one for one in GOOD if one.stem != "alpha_1"], ids=lambda one: one.stem)
def test_jobs_without_tones_are_not_judged(name):
    check = checked("pcal", of_job(name))
    assert check.verdict is Verdict.NOT_APPLICABLE
    assert "extracts no tones" in check.text


def faint(values):
    values *= 0.3


def strong(values):
    values *= 5


def gone(values):
    values[:] = np.nan


def noise_alone(values):
    rng = np.random.default_rng(2)
    values[:] = 0.2 * np.exp(2j * np.pi * rng.random(values.shape))


def something_else(values):
    values *= np.exp(2j)


@pytest.mark.parametrize(
    ("spoil", "state"),
    [
        (faint, "weak"), (strong, "strong"), (gone, "missing"), (noise_alone, "missing"),
        (something_else, "off in phase"),
    ],
)  # fmt: skip
def test_a_tone_is_named_with_what_is_wrong_with_it(spoil, state):
    check = judged(lambda values: spoil(values[:, 1, 1, 3]))
    frequency = tones()["tone_frequency"].values[3] / 1e6
    assert states(check) == {("BB", "L", frequency): state}
    assert check.verdict is Verdict.LOOK
    assert check.value == pytest.approx(1 / (tones().sizes["tone"] * 2))
    assert f"of BB {state}: {frequency:.10g} MHz L" in check.text


@pytest.mark.parametrize("spoil", [gone, noise_alone])
def test_an_antenna_without_tones_is_no_go(spoil):
    check = judged(lambda values: spoil(values[:, 2]))
    assert check.verdict is Verdict.NO_GO
    assert check.value == 1.0
    assert f"all {tones().sizes['tone'] * 2} tones of CC missing" in check.text
    assert set(check.evidence.loc[check.evidence["verdict"] == "no-go", "antenna"]) == {"CC"}


def test_a_band_without_tones_is_held_against_the_others():
    band = tones()["band"].values == 1
    check = judged(
        lambda values: np.multiply(values, 0.05, out=values, where=band & (np.arange(3) == 0)[:, None, None])
    )
    assert {antenna for antenna, *_ in states(check)} == {"AA"}
    assert set(states(check).values()) <= {"missing", "weak"}
    assert len(states(check)) == 2 * band.sum()


@pytest.mark.parametrize("degrees", [-90.0, 60.0])
def test_a_jump_of_phase_has_its_size_and_time(degrees):
    def jump(values):
        values[10:, 1] *= np.exp(1j * np.radians(degrees))

    check = judged(jump)
    jumps = check.evidence[check.evidence["state"] == "phase jump"]
    assert check.verdict is Verdict.LOOK
    assert len(jumps) == 4  # two bands, two letters
    assert set(jumps["antenna"]) == {"BB"}
    np.testing.assert_allclose(np.degrees(jumps["phase_step"].astype(float)), degrees, atol=3)
    middle = tones()["time"].values[9] + np.timedelta64(STEP_NS // 2, "ns")
    assert set(jumps["time"]) == {middle}
    assert f"phases of BB jump by {abs(round(degrees))}°" in check.text


def test_small_steps_and_gaps_are_no_jumps():
    assert (
        judged(lambda values: np.multiply(values[10:], np.exp(0.3j), out=values[10:])).verdict is Verdict.GO
    )
    material, data = job(), tones()
    data["PHASE_CAL"].values[10:] *= np.exp(1.5j)
    data["time"] = data["time"] + np.where(
        np.arange(TIMES) >= 10, np.timedelta64(60, "s"), np.timedelta64(0, "s")
    )
    material.pcal = data
    assert checked("pcal", material).verdict is Verdict.GO


def test_noisy_tones_make_no_alarm():
    material = job()
    for seed in range(5):
        material.pcal = tones(noise=0.2, seed=seed)
        assert checked("pcal", material).verdict is Verdict.GO


def test_tones_that_were_to_be_extracted_and_have_no_files_are_no_go():
    material = job()
    material.pcal, material.missing_parts["pcal"] = None, "the job has written no files of tones"
    check = checked("pcal", material)
    assert check.verdict is Verdict.NO_GO
    assert "AA, BB, CC" in check.text
    material.running = True
    assert checked("pcal", material).verdict is Verdict.NOT_APPLICABLE


def test_without_an_input_what_was_measured_is_judged():
    material, data = job(), tones()
    data["PHASE_CAL"].values[:, 1, 1, 3] *= 0.3
    material.pcal, material.input = data, None
    check = checked("pcal", material)
    assert set(states(check).values()) == {"weak"}
    material.pcal = None
    assert checked("pcal", material).verdict is Verdict.NOT_APPLICABLE


def test_single_integrations_are_judged_by_amplitude_alone():
    material, data = job(), tones().isel(time=slice(0, 1))
    data["PHASE_CAL"].values[:, 0, 0, 2] *= 0.1
    material.pcal = data
    check = checked("pcal", material)
    assert set(states(check).values()) == {"missing"}
