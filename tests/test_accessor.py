# SPDX-License-Identifier: GPL-3.0-or-later
"""Selections by the words of the field: what is left, what is said where nothing is, and that nothing is read."""

from __future__ import annotations

import doctest
import pickle
import sys
from importlib.metadata import entry_points
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from difxnb.visibility import DifxArray, DifxDataset, VisibilitySeries, open_visibilities, save_netcdf
from difxnb.visibility.accessor.selections import Selections
from difxnb.visibility.live.offer import Offer
from difxnb.wire.monitor import VisibilityBlock
from tests.made_visibilities import HANDS, made, waiting
from tests.monitor_lists import SCAN, plain, wrong_list

REFERENCE = Path(__file__).parent / "reference"
ALPHA = REFERENCE / "mpifxcorr-output" / "alpha_1" / "alpha_1.input"
ZETA = REFERENCE / "mpifxcorr-output" / "zeta_1" / "zeta_1.input"
CROSS, AUTO = ["AA-BB", "AA-CC", "BB-CC"], ["AA-AA", "BB-BB", "CC-CC"]


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture(name="ds", scope="module")
def _ds():
    return made()


def names(data, name="baseline"):
    return np.atleast_1d(data[name].values).tolist()


# --- what is left -----------------------------------------------------------------------------------------

SELECTIONS = {
    "cross": (lambda x: x.cross(), "baseline", CROSS),
    "auto": (lambda x: x.auto(), "baseline", AUTO),
    "baseline": (lambda x: x.baseline("BB", "CC"), "baseline", ["BB-CC"]),
    "baseline in one": (lambda x: x.baseline("aa-cc"), "baseline", ["AA-CC"]),
    "autocorrelation": (lambda x: x.baseline("CC", "CC"), "baseline", ["CC-CC"]),
    "turned": (lambda x: x.baseline("CC", "BB"), "baseline", ["CC-BB"]),
    "antenna": (lambda x: x.antenna("BB"), "baseline", ["AA-BB", "BB-CC", "BB-BB"]),
    "antennas": (lambda x: x.antenna("AA", "C*"), "baseline", ["AA-BB", "AA-CC", "BB-CC", "AA-AA", "CC-CC"]),
    "scan": (lambda x: x.scan("No0002"), "scan_name", ["No0002"] * 2),
    "scan number": (lambda x: x.scan(1), "scan_name", ["No0001"] * 4),
    "scans": (lambda x: x.scan(2, "no*1"), "scan_name", ["No0001"] * 4 + ["No0002"] * 2),
    "source": (lambda x: x.source("srca"), "field_name", ["SRCA"] * 4),
    "band": (lambda x: x.band(3), "band", [3]),
    "bands": (lambda x: x.band(3, 0), "band", [0, 3]),
    "frequency": (lambda x: x.band(frequency=8401e6), "band", [0]),
    "megahertz": (lambda x: x.band(frequency=(8421, 8430)), "band", [3]),
    "open range": (lambda x: x.band(frequency=slice(8402e6, None)), "band", [0, 3]),
    "touching": (lambda x: x.band(frequency=(8402.5e6, 8420e6)), "band", []),
    "within a channel": (lambda x: x.band(frequency=(8421.01e6, 8421.02e6)), "band", [3]),
    "polarization": (lambda x: x.polarization("LL", "RR"), "polarization", ["RR", "LL"]),
    "parallel": (lambda x: x.parallel(), "polarization", ["RR", "LL"]),
    "crosshands": (lambda x: x.crosshands(), "polarization", ["RL", "LR"]),
}


@pytest.mark.parametrize("name", [name for name in SELECTIONS if name != "touching"])
def test_what_is_selected(ds, name):
    select, coordinate, wanted = SELECTIONS[name]
    found = select(ds.difx)
    assert names(found, coordinate) == wanted
    assert set(found.sizes) == set(ds.sizes)
    assert set(found.coords) == set(ds.coords)
    assert found.attrs == ds.attrs
    array = select(ds.VISIBILITY.difx)
    assert array.name == "VISIBILITY"
    xr.testing.assert_identical(array, found.VISIBILITY)


def test_the_accessor_says_what_it_can(ds):
    assert repr(ds.difx).startswith("<difx of a Dataset: antenna, auto, band, baseline, cross,")
    assert "lags, mean_over, normalized" in repr(ds.VISIBILITY.difx)


def test_selections_follow_each_other(ds):
    found = ds.difx.baseline("AA", "CC").difx.scan(2).difx.band(0).difx.polarization("LR")
    assert dict(found.VISIBILITY.sizes) == {
        "time": 2,
        "baseline": 1,
        "band": 1,
        "polarization": 1,
        "channel": 32,
    }
    np.testing.assert_array_equal(found.VISIBILITY.values.ravel(), ds.VISIBILITY[4:, 1, 0, 3].values.ravel())


@pytest.mark.parametrize(
    ("select", "text"),
    [
        (lambda x: x.baseline("AA", "ZZ"), r"no baseline 'AA-ZZ'; there are AA-BB, AA-CC, BB-CC, AA-AA"),
        (lambda x: x.baseline("AA"), r'a baseline is "AA", "BB" or "AA-BB"; got \'AA\'; there are AA-BB'),
        (lambda x: x.baseline("AA", "*"), r"'AA-\*' means several baselines: there are AA-BB, AA-CC, AA-AA"),
        (lambda x: x.antenna("ZZ"), r"no antenna 'ZZ'; there are AA, BB, CC$"),
        (lambda x: x.antenna(), r"no antenna is named; there are AA, BB, CC$"),
        (lambda x: x.scan("No3"), r"no scan 'No3'; there are No0001, No0002$"),
        (lambda x: x.scan(3), r"no scan has the number 3; there are No0001, No0002$"),
        (lambda x: x.source("M87"), r"no source 'M87'; there are SRCA, SRCB$"),
        (lambda x: x.band(7), r"no band 7; there are band 0: 8400\.\d+ to 8402\.\d+ MHz, band 3: 84"),
        (lambda x: x.band(), r"bands are named by rows or by frequency="),
        (lambda x: x.band(0, frequency=8401), r"bands are named by rows or by frequency="),
        (SELECTIONS["touching"][0], r"no band at \(8402500000.0, 8420000000.0\); there are band 0: 8400"),
        (lambda x: x.polarization("XX"), r"no polarization 'XX'; there are RR, LL, RL, LR$"),
        (lambda x: x.cross().difx.auto(), r"no autocorrelations here; the baselines: there are AA-BB"),
        (lambda x: x.auto().difx.cross(), r"no cross-correlations here; the baselines: there are AA-AA"),
        (lambda x: x.parallel().difx.crosshands(), r"no cross hands here; there are RR, LL$"),
    ],
)
def test_what_is_not_there_is_said(ds, select, text):
    with pytest.raises(ValueError, match=text):
        select(ds.difx)


@pytest.mark.parametrize(
    "select",
    [lambda x: x.antenna(1), lambda x: x.scan(1.5), lambda x: x.scan(True), lambda x: x.band("8400")],
)
def test_the_wrong_kind_of_value_is_a_type_error(ds, select):
    with pytest.raises(TypeError):
        select(ds.difx)


def test_a_number_that_several_scans_have_is_refused(ds):
    doubled = ds.assign_coords(scan_name=("time", ["A1"] * 3 + ["B1"] * 3))
    with pytest.raises(ValueError, match="several scans have the number 1; there are A1, B1"):
        doubled.difx.scan(1)


def test_coordinates_that_are_not_there_are_named(ds):
    with pytest.raises(ValueError, match="no 'scan_name'; there are"):
        ds.drop_vars("scan_name").difx.scan(1)
    assert names(ds.drop_vars(["antenna1_name", "antenna2_name"]).difx.cross()) == CROSS


# --- the other way round ----------------------------------------------------------------------------------


def test_a_turned_baseline_is_what_the_antennas_give_in_that_order():
    """The same voltages multiplied in both orders; the Dataset has one of them, the other is asked for."""
    forth = made(pairs=[("AA", "BB"), ("AA", "CC"), ("CC", "CC")])
    back = made(pairs=[("BB", "AA"), ("CC", "AA"), ("CC", "CC")])
    for one, other in (("BB", "AA"), ("CC", "AA")):
        turned, wanted = forth.difx.baseline(one, other), back.difx.baseline(one, other)
        for name in ("baseline", "antenna1_name", "antenna2_name", "polarization", "is_autocorrelation"):
            xr.testing.assert_equal(turned[name], wanted[name])
        np.testing.assert_allclose(turned.VISIBILITY, wanted.VISIBILITY, rtol=1e-6)
        np.testing.assert_array_equal(turned.UVW, -forth.difx.baseline(other, one).UVW)
        np.testing.assert_array_equal(turned.WEIGHT, 1)
        xr.testing.assert_identical(turned.difx.baseline(other, one), forth.difx.baseline(other, one))


def test_letters_change_places_also_where_the_set_is_not_closed(ds):
    turned = ds.difx.polarization("RR", "RL").difx.baseline("BB-AA")
    assert names(turned, "polarization") == ["RR", "LR"]
    scalar = ds.sel(polarization="RL").difx.baseline("BB-AA")
    assert scalar.polarization.item() == "LR"
    np.testing.assert_array_equal(scalar.VISIBILITY[:, 0], ds.sel(polarization="RL").VISIBILITY[:, 0].conj())


def test_the_weights_of_each_product_go_with_it(ds):
    marked = ds.assign(WEIGHT=ds.WEIGHT * xr.DataArray([0.1, 0.2, 0.3, 0.4], dims="polarization"))
    turned = marked.difx.baseline("BB-AA")
    np.testing.assert_allclose(turned.WEIGHT[0, 0, 0], [0.1, 0.2, 0.4, 0.3], rtol=1e-6)
    assert names(turned, "polarization") == list(HANDS)


def test_lag_functions_are_not_turned(ds):
    with pytest.raises(ValueError, match="before lags"):
        ds.difx.lags(padding=1).difx.baseline("BB", "AA")


# --- nothing is read --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [name for name in SELECTIONS if name != "touching"])
def test_selecting_reads_nothing(ds, name):
    lazy, _ = waiting(ds, "VISIBILITY", "WEIGHT", "UVW", forbidden=True)
    SELECTIONS[name][0](lazy.difx)
    SELECTIONS[name][0](lazy.VISIBILITY.difx)


def test_a_turned_baseline_is_read_when_it_is_used_and_no_more_than_it(ds):
    lazy, arrays = waiting(ds, "VISIBILITY")
    turned = lazy.difx.baseline("CC", "BB").difx.polarization("LR").isel(band=0, time=slice(1, 3))
    assert not arrays["VISIBILITY"].read
    values = turned.VISIBILITY.values
    assert arrays["VISIBILITY"].read == [2 * 32]
    np.testing.assert_array_equal(
        values[:, 0, 0], ds.VISIBILITY.sel(baseline="BB-CC", polarization="RL")[1:3, 0].values.conj()
    )


def test_files_and_dask_arrays_stay_what_they_are():
    dask = pytest.importorskip("dask")
    whole = open_visibilities(ALPHA)
    eager = whole.load()
    for source in (open_visibilities(ALPHA), open_visibilities(ALPHA, chunks={"time": 3})):
        turned = source.difx.baseline("BB", "AA")
        again = pickle.loads(pickle.dumps(turned))
        for one in (turned, again):
            with dask.config.set(scheduler="synchronous"):
                np.testing.assert_array_equal(one.VISIBILITY, eager.difx.baseline("BB", "AA").VISIBILITY)
                np.testing.assert_array_equal(one.UVW, eager.difx.baseline("BB", "AA").UVW)
    assert source.difx.cross().VISIBILITY.chunks is not None
    assert turned.VISIBILITY.chunks is not None


# --- wherever the Dataset has been ------------------------------------------------------------------------


def test_it_works_after_netcdf(ds, tmp_path):
    save_netcdf(ds, tmp_path / "kept.nc")
    with xr.open_dataset(tmp_path / "kept.nc", engine="netcdf4", auto_complex=True) as kept:
        for name in ("cross", "turned", "scan number", "frequency", "crosshands", "source"):
            select, coordinate, wanted = SELECTIONS[name]
            assert names(select(kept.difx), coordinate) == wanted
        np.testing.assert_array_equal(
            kept.difx.baseline("BB", "AA").VISIBILITY, ds.difx.baseline("BB", "AA").VISIBILITY
        )


def test_it_works_where_axes_are_gone(ds):
    one = ds.isel(baseline=0, band=0, time=0, polarization=2)
    assert one.difx.cross().baseline.item() == "AA-BB"
    assert one.difx.scan(1).difx.band(0).difx.polarization("RL").difx.antenna("BB").VISIBILITY.shape == (32,)
    assert one.difx.baseline("BB", "AA").polarization.item() == "LR"
    with pytest.raises(ValueError, match="no autocorrelations here"):
        one.difx.auto()


def test_it_works_on_what_was_joined(ds):
    parts = [ds.difx.cross(), ds.difx.antenna("CC")]
    for part, seconds in zip(parts, (0, 100), strict=True):
        part["time"] = part.time + np.timedelta64(seconds, "s")
    joined = xr.concat(
        parts,
        "time",
        join="outer",
        data_vars="all",
        coords="different",
        compat="equals",
        combine_attrs="override",
    )
    assert joined.antenna1_name.ndim == 2
    assert names(joined.difx.cross()) == sorted(CROSS)
    assert names(joined.difx.antenna("CC")) == ["AA-CC", "BB-CC", "CC-CC"]
    bands = xr.concat(
        [ds.difx.band(3), ds.difx.band(0)],
        "band",
        data_vars="minimal",
        coords="minimal",
        compat="override",
        join="override",
    )
    assert names(bands.difx.band(frequency=8401e6), "band") == [0]


def test_it_works_on_live_visibilities():
    job = plain(int_time=0.5)
    offer = Offer(wrong_list(job), [SCAN], job)
    series = VisibilitySeries(job, offer.choose(None), scans=offer.scans)
    for second in (0, 1, 2):
        for one in series.watched.products:
            spectrum = np.full(16, 4.0 if one.baseline is None else 1.0, np.complex64)
            series.add(VisibilityBlock(one.number, 16, second, 0, "No0000", "SRC0", spectrum, None))
    live = series.dataset()
    rho = live.difx.normalized().difx.cross().difx.mean_over("scan", "channel")
    np.testing.assert_allclose(rho.VISIBILITY, 0.25)
    assert rho.n_averaged.values.tolist() == [[48, 48]]
    np.testing.assert_array_equal(rho.WEIGHT, 1)
    assert "weights        AA not known; BB not known; CC not known" in repr(live.difx.summary())


def test_phase_centres_are_sources():
    dataset = open_visibilities(ZETA)
    second = dataset.difx.source("SRCA-2")
    assert second.sizes["phase_center"] == 1
    xr.testing.assert_identical(second, dataset.isel(phase_center=[1]))
    assert dataset.difx.source("SRCA*").sizes == dataset.sizes


def test_the_engine_brings_the_accessor_with_it():
    """So xarray.open_dataset(path, engine="difx") does, without an import of this package."""
    (engine,) = entry_points(group="xarray.backends", name="difx")
    outer = engine.load().__module__.split(".")[:2]
    package = sys.modules[".".join(outer)]
    assert xr.Dataset.difx is vars(package)["DifxDataset"]  # importing a module imports its package
    assert xr.DataArray.difx is vars(package)["DifxArray"]


def test_skipped_and_refresh_are_handed_on(ds):
    assert isinstance(ds.difx.skipped(), pd.DataFrame)
    opened = open_visibilities(ALPHA)
    xr.testing.assert_identical(opened.difx.refresh().load(), opened.load())
    with pytest.raises(ValueError, match="does not know from which files"):
        ds.difx.refresh()


@pytest.mark.parametrize("kind", [Selections, DifxDataset, DifxArray])
def test_the_examples_are_right(kind, ds):
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    examples = 0
    for test in doctest.DocTestFinder(recurse=True).find(kind, globs={"ds": made()}):
        examples += len(test.examples)
        runner.run(test)
    assert examples
    assert runner.summarize(verbose=False).failed == 0
