# SPDX-License-Identifier: GPL-3.0-or-later
"""Quality codes: what is put into visibilities is what lowers a code, and noise alone does not."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from difxnb.quality.material import Material
from difxnb.reports.ivs_codes import code_of, letter_of, quality_codes
from tests.injected_fringes import Band, Station, injected, regular

STATIONS = {"AA": Station(), "BB": Station(delay=40e-9), "CC": Station(delay=-25e-9, rate=3e-12)}
BANDS = (Band(8400e6), Band(8440e6), Band(8500e6), Band(8560e6))
SCANS = (("No0001", "SRCA", regular(20, 0.5)), ("No0002", "SRCB", regular(20, 0.5, 60.0)))


def signal(**options: object) -> xr.Dataset:
    return injected(STATIONS, bands=BANDS, scans=SCANS, **{"amplitude": 0.5} | options)


def codes(dataset: xr.Dataset) -> pd.DataFrame:
    return quality_codes(Material("injected_1", dataset))


def code(table: pd.DataFrame, scan: str, baseline: str) -> str:
    (found,) = table[(table["scan"] == scan) & (table["baseline"] == baseline)]["code"]
    return str(found)


def rows_of(dataset: xr.Dataset, scan: str) -> np.ndarray:
    return np.flatnonzero(dataset["scan_name"].values == scan)


def test_sound_fringes_have_the_best_code() -> None:
    table = codes(signal())
    assert list(table["code"]) == ["9"] * 6
    assert (table["letter"] == "X").all()
    assert (table["snr"] > 30).all()


def test_noise_has_the_code_0_whatever_is_drawn() -> None:
    """The strongest scan lends its phases to the others only where it has a fringe: else noise would find itself."""
    found = [code for seed in range(4) for code in codes(signal(amplitude=0.0, seed=seed))["code"]]
    assert found == ["0"] * 24


@pytest.mark.parametrize("amplitude", [0.05, 0.1, 0.2])
def test_weak_fringes_are_not_blamed_for_noise(amplitude: float) -> None:
    found = [code for seed in range(3) for code in codes(signal(amplitude=amplitude, seed=seed))["code"]]
    assert set(found) <= {"0", "9"}


def test_a_phase_that_wanders_is_a_fault() -> None:
    """Station BB swings by ±0.5 rad within the second scan: 0.5/√2 rms on its baselines, above the first limit."""
    dataset = signal(amplitude=1.0)
    mine = rows_of(dataset, "No0002")
    swing = 0.5 * np.sin(np.linspace(0, 4 * np.pi, mine.size, endpoint=False))
    with_bb = np.array(["BB" in str(name) for name in dataset["baseline"].values])
    turned = dataset["VISIBILITY"].values
    sign = np.where(dataset["antenna2_name"].values == "BB", 1.0, -1.0) * with_bb
    turned[mine] *= np.exp(1j * swing[:, None] * sign)[:, :, None, None, None]
    table = codes(dataset)
    assert [code(table, "No0002", name) for name in ("AA-BB", "AA-CC", "BB-CC")] == ["8", "9", "8"]
    wandering = table[(table["scan"] == "No0002") & (table["baseline"] == "AA-BB")]["time_phase_rms"].iloc[0]
    assert 0.25 < wandering < 0.4
    assert set(table[table["scan"] == "No0001"]["code"]) == {"9"}


def test_phases_of_bands_that_stay_are_no_fault_and_such_that_change_are() -> None:
    dataset = signal(amplitude=1.0)
    values = dataset["VISIBILITY"].values
    values[:, :, 1] *= np.exp(1.2j)  # what a manual phase calibration takes out
    assert set(codes(dataset)["code"]) == {"9"}
    second = rows_of(dataset, "No0002")
    values[second[:, None], :, [0, 3]] *= np.exp(0.9j)
    table = codes(dataset)
    faulty = table[table["band_phase_rms"] > 0.2]
    assert len(faulty) == 3
    assert set(faulty["code"]) <= {"7", "8"}


def test_a_band_without_data_and_a_weak_band_have_their_letters() -> None:
    dataset = signal(amplitude=1.0)
    first = rows_of(dataset, "No0001")
    dataset["VISIBILITY"].values[first, 0, 2] = np.nan
    dataset["WEIGHT"].values[first, 0, 2] = 0.0
    dataset["VISIBILITY"].values[first, 1, 3] *= 0.2
    table = codes(dataset)
    assert code(table, "No0001", "AA-BB") == "D"
    assert code(table, "No0001", "AA-CC") == "G"
    assert code(table, "No0001", "BB-CC") == "9"


def test_ranges_of_frequencies_have_codes_of_their_own() -> None:
    bands = (Band(2225e6), Band(2265e6), Band(8400e6), Band(8440e6))
    dataset = injected(STATIONS, bands=bands, scans=SCANS, amplitude=0.5)
    dataset["VISIBILITY"].values[:, :, :2] = injected(STATIONS, bands=bands, scans=SCANS, amplitude=0.0)[
        "VISIBILITY"
    ].values[:, :, :2]
    table = codes(dataset).groupby("letter", sort=False)["code"].agg(set)
    assert dict(table) == {"S": {"0"}, "X": {"9"}}


def test_a_job_without_cross_correlations_has_no_codes() -> None:
    only_autos = signal(autos=True).isel(baseline=[-1])
    assert codes(only_autos).empty
    assert codes(signal().isel(channel=[3])).empty
    assert quality_codes(Material("nothing")).empty


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "9"),
        ({"scatters": (0.21, 0.0, 0.0, 0.0)}, "8"),
        ({"scatters": (0.41, 0.0, 0.0, 0.21)}, "6"),
        ({"scatters": (9.0, 9.0, 9.0, 9.0)}, "1"),
        ({"scatters": (float("nan"),) * 4}, "9"),
        ({"probability": 2e-4}, "0"),
        ({"probability": float("nan")}, "0"),
        ({"at_edge": True}, "E"),
        ({"weakest": 0.4}, "G"),
        ({"weakest": 0.4, "snr": 19.0}, "9"),
        ({"lacks_band": True, "probability": 1.0}, "D"),
    ],
)
def test_a_code_is_what_the_legend_says(changes: dict[str, object], expected: str) -> None:
    sound = {
        "probability": 1e-9,
        "snr": 50.0,
        "at_edge": False,
        "lacks_band": False,
        "weakest": 0.9,
        "scatters": (0.0, 0.0, 0.0, 0.0),
    }
    assert code_of(**sound | changes) == expected  # type: ignore[arg-type]


def test_letters_are_those_of_the_ranges() -> None:
    at = {
        2.2e9: "S",
        5e9: "C",
        8.4e9: "X",
        22e9: "K",
        32e9: "A",
        43e9: "Q",
        86e9: "W",
        1.4e9: "L",
        0.3e9: "P",
    }
    assert {frequency: letter_of(frequency) for frequency in at} == at
