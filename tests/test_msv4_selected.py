# SPDX-License-Identifier: GPL-3.0-or-later
"""Measurement Sets of selections, means and coefficients, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

import difxnb
from difxnb.visibility.msv4.labels import unix_seconds
from tests.msv4_sets import opened, require_valid

pytestmark = [
    pytest.mark.usefixtures("zarr_awake", "without_threads"),
    pytest.mark.filterwarnings("ignore::difxnb.errors.DoubtfulAutocorrelations"),
]


def test_of_one_channel_there_is_a_measurement_set_too() -> None:
    dataset = opened("alpha_1").load()
    mean = dataset.difx.mean_over("channel")
    for one, width in (
        (mean, 2e6),
        (dataset.isel(channel=7), 2e6 / 32),
        (dataset.isel(channel=[7]), 2e6 / 32),
    ):
        tree = difxnb.to_msv4(one)
        require_valid(tree)
        for band, node in enumerate(tree.children.values()):
            assert node["VISIBILITY"].shape == (8, 6, 1, 4)
            spectra = one["VISIBILITY"].isel(band=band).squeeze()
            np.testing.assert_array_equal(node["VISIBILITY"].values[:, :, 0], spectra.values)
            assert node["frequency"].values == one["frequency"].values[band]
            assert node["frequency"].attrs["channel_width"]["data"] == pytest.approx(width)
    chunked = difxnb.to_msv4(mean.chunk(time=3))["alpha_1_band0"]
    np.testing.assert_array_equal(chunked["VISIBILITY"], difxnb.to_msv4(mean)["alpha_1_band0"]["VISIBILITY"])


def test_means_and_coefficients_say_what_they_are() -> None:
    dataset = opened("alpha_1").load()
    scans = difxnb.to_msv4(dataset.difx.mean_over("scan"))
    require_valid(scans)
    node = scans["alpha_1_band0"]
    assert node["time"].attrs["integration_time"]["data"] == pytest.approx(8 * 0.512)
    np.testing.assert_array_equal(node["UVW"].values, -dataset.difx.mean_over("scan")["UVW"].values)
    rho = difxnb.to_msv4(dataset.difx.normalized())
    require_valid(rho)
    assert (
        rho["alpha_1_band0"]["VISIBILITY"].attrs["long_name"]
        == "Visibility values (correlation coefficients)"
    )
    assert "coefficients" in rho["alpha_1_band0"].attrs["data_groups"]["base"]["description"]
    turned = difxnb.to_msv4(dataset.difx.baseline("BB", "AA"))["alpha_1_band0"]
    straight = difxnb.to_msv4(dataset.difx.baseline("AA", "BB"))["alpha_1_band0"]
    np.testing.assert_array_equal(turned["UVW"].values, -straight["UVW"].values)
    swapped = straight["VISIBILITY"].sel(polarization=["RR", "LL", "LR", "RL"]).values
    hands = turned["VISIBILITY"].sel(polarization=["RR", "LL", "RL", "LR"])
    np.testing.assert_array_equal(hands.values, swapped.conj())


def test_bands_without_channels_and_axes_without_meaning() -> None:
    dataset = opened("alpha_1").load()
    frequency = dataset["frequency"].where(dataset["band"] == 0)
    assert list(difxnb.to_msv4(dataset.assign_coords(frequency=frequency)).children) == ["alpha_1_band0"]
    with pytest.raises(ValueError, match="nothing to make a Measurement Set of"):
        difxnb.to_msv4(dataset.isel(channel=slice(0, 0)))
    for odd, axis in (
        (dataset.expand_dims(epoch=2), "epoch"),
        (dataset.rename(channel="chan"), "chan"),
        (dataset.stack(product=("baseline", "polarization")), "product"),
    ):
        with pytest.raises(ValueError, match=f"no place for an axis {axis}; select along it, or rename it"):
            difxnb.to_msv4(odd)


def test_a_selected_phase_centre_or_bin_stays_what_it_is() -> None:
    both = difxnb.to_msv4(opened("zeta_1"))
    one = difxnb.to_msv4(opened("zeta_1").sel(phase_center=1))
    assert list(one.children) == ["zeta_1_band0_center1", "zeta_1_band1_center1"]
    for name, node in one.children.items():
        assert "EFFECTIVE_INTEGRATION_TIME" not in node
        for variable in ("VISIBILITY", "UVW", "field_name"):
            np.testing.assert_array_equal(node[variable].values, both[name][variable].values)
    node = difxnb.to_msv4(opened("epsilon_1").sel(pulsar_bin=2, band=1))["epsilon_1_band1_bin2"]
    assert node.attrs["difx"]["pulsar_bin"] == 2


def test_a_selection_may_have_lost_axes() -> None:
    dataset = opened("alpha_1")
    one = dataset.sel(baseline="BB-CC", polarization="RL", band=1).isel(time=3)
    tree = difxnb.to_msv4(one)
    node = tree["alpha_1_band1"]
    require_valid(tree)
    assert node["VISIBILITY"].shape == (1, 1, 32, 1)
    np.testing.assert_array_equal(node["VISIBILITY"].values.ravel(), one["VISIBILITY"].values)
    np.testing.assert_array_equal(node["UVW"].values.ravel(), -one["UVW"].values)
    assert node["time"].values.tolist() == unix_seconds(one["time"].values).tolist()
    hands = node["antenna_xds"]["polarization_type"]
    assert (hands.sel(antenna_name="BB").item(), hands.sel(antenna_name="CC").item()) == ("R", "L")
