# SPDX-License-Identifier: GPL-3.0-or-later
"""Questions to Datasets that have been through xarray: axes selected, dropped, stacked, renamed, emptied."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

import difxnb.visibility.msv4.tree
from tests.made_visibilities import made, waiting


@pytest.fixture(name="ds", scope="module")
def _ds():
    return made(samples=16)


# --- fringes of what isel and sel leave -------------------------------------------------------------------


@pytest.fixture(name="fringes", scope="module")
def _fringes(ds):
    return ds.difx.fringes()


@pytest.mark.parametrize(
    "where",
    [
        {"baseline": "AA-CC"},
        {"band": 3},
        {"polarization": "RL"},
        {"baseline": "BB-CC", "band": 3, "polarization": "LR"},
    ],
    ids=str,
)
def test_one_value_of_an_axis_has_the_fringes_that_it_has_in_the_whole(ds, fringes, where):
    wanted = fringes
    for axis, value in where.items():
        wanted = wanted[wanted[axis] == value]
    lazy, _ = waiting(ds, "VISIBILITY", "WEIGHT")
    found = lazy.sel(where).difx.fringes()
    assert len(found) == len(wanted)
    for name in ("scan", "source", "baseline", "band", "polarization", "n_integrations"):
        assert found[name].tolist() == wanted[name].tolist()
    np.testing.assert_allclose(found["delay"], wanted["delay"])
    np.testing.assert_allclose(found["phase"], wanted["phase"])


def test_a_single_time_and_data_without_names_or_weights_have_fringes(ds, fringes):
    assert len(ds.isel(time=4).difx.fringes()) == 3 * 2 * 4
    np.testing.assert_allclose(ds.drop_vars("WEIGHT").difx.fringes()["delay"], fringes["delay"])
    unnamed = ds.isel(time=slice(4)).drop_vars(["scan_name", "field_name"]).difx.fringes()
    np.testing.assert_allclose(unnamed["delay"], fringes["delay"][fringes["scan"] == "No0001"])
    assert set(unnamed["scan"]) == {""}
    assert len(ds.difx.mean_over("time").difx.fringes()) == 3 * 2 * 4


def test_without_channels_there_are_no_fringes(ds):
    with pytest.raises(ValueError, match="no axis 'channel'; there are time, baseline, band"):
        ds.isel(channel=3).difx.fringes()
    with pytest.raises(ValueError, match="no 'baseline'; there are"):
        ds.isel(baseline=0, drop=True).difx.fringes()


# --- what names no longer tell ----------------------------------------------------------------------------


@pytest.mark.parametrize("ask", ["cross", "auto", "parallel", "normalized", "summary"])
def test_stacked_products_are_not_taken_for_one(ds, ask):
    stacked = ds.stack(product=("baseline", "polarization"))
    with pytest.raises(
        ValueError, match="differs along product, where these visibilities should have it along"
    ):
        getattr(stacked.difx, ask)()


def test_a_renamed_axis_of_channels_is_not_taken_for_further_bands(ds):
    with pytest.raises(ValueError, match="'frequency' differs along chan"):
        ds.rename(channel="chan").difx.band(frequency=8401)
    one = ds.isel(band=0)
    swapped = one.swap_dims(channel="frequency")
    assert swapped.difx.band(frequency=8401).sizes == swapped.sizes
    np.testing.assert_array_equal(swapped.difx.normalized().VISIBILITY, one.difx.normalized().VISIBILITY)
    assert swapped.difx.mean_over("scan").WEIGHT.dims == ("time", "baseline", "polarization")


def test_bands_that_lie_elsewhere_at_other_times_are_refused(ds):
    moved = ds.assign_coords(frequency=ds.frequency + 1e6)
    both = xr.concat(
        [ds, moved.assign_coords(time=ds.time + np.timedelta64(1, "h"))],
        "time",
        coords="different",
        compat="equals",
    )
    assert both.frequency.ndim == 3
    with pytest.raises(ValueError, match="'frequency' differs along time"):
        both.difx.lags()


def test_times_that_nobody_knows_are_asked_for(ds):
    for ask in ("scan", "10s", "time"):
        with pytest.raises(ValueError, match="no 'time'; there are"):
            ds.drop_vars("time").difx.mean_over(ask)
    with pytest.raises(ValueError, match="no 'time'; there are"):
        ds.isel(time=0, drop=True).difx.summary()


# --- the other way round ----------------------------------------------------------------------------------


def test_a_baseline_is_turned_with_what_names_there_are(ds):
    wanted = ds.difx.baseline("BB", "AA")
    by_label = ds.drop_vars(["antenna1_name", "antenna2_name"]).difx.baseline("BB", "AA")
    xr.testing.assert_identical(by_label, wanted.drop_vars(["antenna1_name", "antenna2_name"]))
    dropped = ds.sel(polarization="RR", drop=True).difx.baseline("BB", "AA")
    np.testing.assert_array_equal(dropped.VISIBILITY, wanted.sel(polarization="RR").VISIBILITY)
    with pytest.raises(ValueError, match="which polarization is which"):
        ds.drop_vars("polarization").difx.baseline("BB", "AA")


# --- nothing left -----------------------------------------------------------------------------------------


def test_bands_without_channels_are_named(ds):
    beyond = ds.isel(channel=slice(20, 30))
    with pytest.raises(ValueError, match="band 3: no channels"):
        beyond.difx.band(frequency=8421)
    assert beyond.difx.band(frequency=8402).band.values.tolist() == [0]
    assert np.isnan(beyond.difx.summary().bands()["first_channel"]).tolist() == [False, True]
    rho = beyond.difx.normalized().VISIBILITY
    np.testing.assert_array_equal(rho, ds.difx.normalized().VISIBILITY[..., 20:30])
    with pytest.raises(ValueError, match="band 0: no channels, band 3: no channels"):
        ds.isel(channel=slice(0, 0)).difx.band(frequency=8401)
    assert "no integrations" in repr(ds.isel(time=slice(0, 0)).difx.summary())


def test_without_any_autocorrelation_of_their_hands_nothing_is_normalized_in_silence(ds):
    with pytest.raises(
        ValueError, match="no autocorrelations of RR to normalize by; normalize before selecting"
    ):
        ds.difx.polarization("RL").difx.normalized()
    with pytest.raises(ValueError, match="no autocorrelations of AA to normalize by"):
        ds.difx.baseline("AA", "BB").difx.normalized(ds.difx.baseline("CC", "CC"))
    found = ds.difx.polarization("RL").difx.normalized(ds)
    np.testing.assert_array_equal(found.VISIBILITY, ds.difx.normalized().difx.polarization("RL").VISIBILITY)


def test_lags_need_channels_from_the_first_on(ds):
    backwards = ds.isel(channel=slice(None, None, -1))
    with pytest.raises(ValueError, match="from the first of a band on"):
        backwards.difx.lags()


# --- means ------------------------------------------------------------------------------------------------


def test_longer_integrations_count_for_longer():
    """Noise of 1/length in variance: the mean weighted with lengths is that of all the samples."""
    ds = made(samples=4)
    lengths = xr.DataArray([1.0, 1, 2, 2, 4, 1], dims="time")
    ds = ds.assign_coords(integration_time=lengths)
    whole = ds.difx.mean_over("time")
    np.testing.assert_allclose(whole.VISIBILITY, ds.VISIBILITY.weighted(lengths).mean("time"), rtol=1e-5)
    assert whole.n_averaged.item() == lengths.sum() / ds.attrs["integration_time"]
    in_steps = ds.difx.mean_over("scan").difx.mean_over("time")
    np.testing.assert_allclose(in_steps.VISIBILITY, whole.VISIBILITY, rtol=1e-5)
    assert in_steps.n_averaged.item() == whole.n_averaged.item()
    assert abs(in_steps.time - whole.time) <= np.timedelta64(2, "ns")


@pytest.mark.parametrize(
    "what", [("time",), ("scan",), ("1s", "channel"), ("channel",), ("polarization",)], ids=str
)
def test_of_what_waits_in_a_file_little_is_in_memory_at_a_time(ds, monkeypatch, what):
    monkeypatch.setattr(
        "difxnb.visibility.accessor.means._BLOCK_BYTES", 2 * ds.VISIBILITY.nbytes // ds.sizes["time"]
    )
    lazy, arrays = waiting(ds, "VISIBILITY")
    found = lazy.difx.mean_over(*what)
    assert max(arrays["VISIBILITY"].read) <= 2 * ds.VISIBILITY[0].size
    assert sum(arrays["VISIBILITY"].read) == ds.VISIBILITY.size
    monkeypatch.undo()
    xr.testing.assert_allclose(found, ds.difx.mean_over(*what), rtol=1e-6)


# --- what is typed in a hurry -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ask", "kind", "text"),
    [
        (lambda ds: ds.difx.mean_over("10"), ValueError, "over '10'; there are time, channel, .*, or '10s'"),
        (lambda ds: ds.difx.mean_over(10), TypeError, "by their names, as 'time', '10s'; got 10"),
        (lambda ds: ds.difx.mean_over(["time"]), TypeError, r"got \['time'\]"),
        (
            lambda ds: ds.difx.antenna(["AA"]),
            TypeError,
            r"antenna are text, one after the other; got \['AA'\]",
        ),
        (lambda ds: ds.difx.lags(padding="2"), ValueError, "padding is a whole number from 1 on; got '2'"),
        (lambda ds: ds.difx.lags(edge_channels=1.5), ValueError, "edge_channels is a whole number; got 1.5"),
        (
            lambda ds: ds.difx.lags(padding=1).difx.lags(),
            ValueError,
            "no VISIBILITY here; there are WEIGHT, UVW, LAG",
        ),
        (lambda ds: ds.difx.normalized(ds.VISIBILITY), TypeError, "are a Dataset; got DataArray"),
        (lambda ds: ds[["WEIGHT"]].difx.normalized(), ValueError, "no VISIBILITY here; there are WEIGHT"),
        (
            lambda ds: difxnb.visibility.msv4.tree.to_msv4(ds.VISIBILITY),
            TypeError,
            "made of a Dataset; got DataArray",
        ),
    ],
)
def test_what_is_typed_in_a_hurry_is_explained(ds, ask, kind, text):
    with pytest.raises(kind, match=text):
        ask(ds)
