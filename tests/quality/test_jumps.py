# SPDX-License-Identifier: GPL-3.0-or-later
"""Check `jumps`: steps of an antenna are found with their size and time; rates and atmospheres are none."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from difxnb.quality.checks.jumps import check_jumps
from difxnb.quality.material import Material
from difxnb.quality.verdict import Verdict
from tests.made_visibilities import BANDS, made
from tests.quality.made_material import GOOD, LIMITS, of_data, of_job, sides, turned, visibilities

LIMIT = LIMITS["jumps"]


def quiet(scans=(("No0001", "SRCA", 16), ("No0002", "SRCB", 8)), seed=1):
    return made(scans=scans, bands=BANDS[:1], seed=seed).difx.parallel()


def late(dataset, count):
    """1 from an integration on."""
    return along_time(dataset, np.arange(dataset.sizes["time"]) >= count)


def along_time(dataset, values):
    return xr.DataArray(values, {"time": dataset["time"].values}, "time")


def side(dataset, antenna="BB"):
    return dataset["baseline"].copy(data=sides(dataset, antenna))


@pytest.mark.parametrize("job", GOOD, ids=lambda job: job.stem)
def test_good_jobs_do_not_jump(job):
    assert check_jumps(of_job(job), LIMIT).verdict is Verdict.GO


def test_a_quiet_signal_does_not_jump():
    check = check_jumps(of_data(quiet()), LIMIT)
    assert check.verdict is Verdict.GO
    assert len(check.evidence)


@pytest.mark.parametrize("degrees", [60, -120, 180])
def test_a_phase_jump_of_an_antenna_is_found_with_its_size_and_time(degrees):
    data = quiet()
    bad = turned(data, side(data) * late(data, 8) * degrees / 360)
    check = check_jumps(of_data(bad), LIMIT)
    assert check.verdict is Verdict.LOOK
    assert check.text.startswith("BB jumps")
    assert "in No0001" in check.text
    jumped = check.evidence[check.evidence["verdict"] == "look"]
    assert set(jumped["baseline"]) == {"AA-BB", "BB-CC"}
    before, after = data["time"].values[[7, 8]]
    assert ((jumped["time"] > before) & (jumped["time"] < after)).all()
    sign = np.where(jumped["baseline"] == "AA-BB", 1, -1)
    apart = np.angle(np.exp(1j * (jumped["phase_step"] * sign - np.radians(degrees))))
    assert np.abs(apart).max() < 0.15


def test_a_jump_in_the_middle_of_a_part_is_found_too():
    data = quiet()
    assert check_jumps(of_data(turned(data, side(data) * late(data, 9) * 0.3)), LIMIT).verdict is Verdict.LOOK


def test_a_delay_jump_is_found_with_its_size():
    data, jump_s = quiet(), 400e-9
    offset = data["frequency"] - data["frequency"].mean(
        "channel"
    )  # of the phase at the middle nothing is seen
    bad = turned(data, side(data) * late(data, 8) * offset * jump_s)
    check = check_jumps(of_data(bad), LIMIT)
    assert check.verdict is Verdict.LOOK
    jumped = check.evidence[check.evidence["verdict"] == "look"]
    sign = np.where(jumped["baseline"] == "AA-BB", 1, -1)
    np.testing.assert_allclose(jumped["delay_step"] * sign, jump_s, rtol=0.2)


@pytest.mark.parametrize("rate", [3e-12, -6e-11, 9e-11])
def test_a_rate_is_no_jump(rate):
    """Also one whose phase turns by more than half a turn from part to part."""
    data = quiet()
    seconds = along_time(data, (data["time"] - data["time"][0]).values.astype(float) * 1e-9)
    bad = turned(data, side(data) * data["frequency"] * rate * seconds)
    assert check_jumps(of_data(bad), LIMIT).verdict is Verdict.GO


def test_a_rate_is_no_jump_across_integrations_that_are_missing():
    data = quiet((("No0001", "SRCA", 12),))
    seconds = along_time(data, (data["time"] - data["time"][0]).values.astype(float) * 1e-9)
    bad = turned(data, side(data) * data["frequency"] * 4e-11 * seconds)
    gap = bad.isel(time=[0, 1, 2, 3, 4, 7, 8, 10, 11])
    assert check_jumps(of_data(gap), LIMIT).verdict is Verdict.GO


def test_an_atmosphere_that_wanders_is_no_jump():
    rng = np.random.default_rng(5)
    data = quiet()
    walk = np.cumsum(rng.normal(0, 0.02, data.sizes["time"]))  # turns; 10 degrees from part to part
    wander = side(data) * along_time(data, walk)
    assert check_jumps(of_data(turned(data, wander)), LIMIT).verdict is Verdict.GO


def test_noise_raises_no_alarm_more_often_than_its_limit_says():
    """Fringes just strong enough to be followed: of some hundreds of steps none is beyond six errors."""
    steps, alarms = 0, 0
    for seed in range(2):
        data = quiet(tuple((f"No{scan}", "SRCA", 16) for scan in range(5)), seed=10 + seed)
        rng = np.random.default_rng(seed)
        noise = rng.normal(size=(*data["VISIBILITY"].shape, 2)) @ np.array([1, 1j])
        noisy = data.assign(
            VISIBILITY=(data["VISIBILITY"].dims, (data["VISIBILITY"].values + 4 * noise).astype("c8"))
        )
        check = check_jumps(of_data(noisy), LIMIT)
        steps += len(check.evidence)
        alarms += int((check.evidence["verdict"] == "look").sum()) if len(check.evidence) else 0
    assert steps > 200
    assert alarms == 0


def test_weak_fringes_and_short_scans_are_not_followed():
    two = visibilities().isel(time=[0, 1])
    assert check_jumps(of_data(two), LIMIT).verdict is Verdict.NOT_APPLICABLE
    assert check_jumps(Material(), LIMIT).verdict is Verdict.NOT_APPLICABLE
