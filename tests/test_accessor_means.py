# SPDX-License-Identifier: GPL-3.0-or-later
"""Means: the same as a plain loop over all cells, the same in two steps as in one, less noisy as the weights say."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from difxnb.visibility import fringe_fit, open_visibilities, save_netcdf
from tests.made_visibilities import START, Band, dataset, made, normal

ALPHA = Path(__file__).parent / "reference" / "mpifxcorr-output" / "alpha_1" / "alpha_1.input"
EPSILON = Path(__file__).parent / "reference" / "mpifxcorr-output" / "epsilon_1" / "epsilon_1.input"
AXES = ("time", "baseline", "band", "polarization", "channel")


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))


def noise(seed, *, scans, bands, pairs=(("AA", "BB"), ("AA", "CC")), hands=2, holes=True):
    """Noise of variance 1/weight, with weights from 0 (missing) to 1, some of them not known."""
    rng = np.random.default_rng(seed)
    times = sum(count for _, _, count in scans)
    shape = (times, len(pairs), len(bands), hands)
    weight = rng.choice([0.0, 0.25, 0.7, 1.0, np.nan], size=shape) if holes else rng.uniform(0.1, 1, shape)
    known = np.where(np.isnan(weight), 1, weight)
    spectra = normal(rng, (*shape, max(band.channels for band in bands)))
    spectra /= np.sqrt(np.where(known > 0, known, 1))[..., None]
    spectra[weight == 0] = np.nan
    for place, band in enumerate(bands):
        spectra[:, :, place, :, band.channels :] = np.nan
    made_of = dataset(spectra, scans, bands, list(pairs), rng)
    return made_of.assign(WEIGHT=(made_of.WEIGHT.dims, weight.astype(np.float32)))


def bands_of(draw_channels):
    return [Band(row, 8.4e9 + row * 1e7, 2e6, channels) for row, channels in enumerate(draw_channels)]


JOBS = st.builds(
    noise,
    st.integers(0, 2**32 - 1),
    scans=st.lists(st.integers(1, 4), min_size=1, max_size=2).map(
        lambda counts: [(f"No{k}", f"SRC{k % 2}", count) for k, count in enumerate(counts)]
    ),
    bands=st.lists(st.sampled_from([4, 6]), min_size=1, max_size=3).map(bands_of),
    pairs=st.sampled_from([[("AA", "BB")], [("AA", "BB"), ("AA", "CC")]]),
    hands=st.integers(1, 2),
)


def plainly(source, axes):
    """The mean as its definition says it, a cell at a time: visibilities, fraction of valid data."""
    values = source.VISIBILITY.transpose(*AXES).values.astype(complex)
    weight = source.WEIGHT.transpose(*AXES[:-1]).values.astype(float)
    there = np.isfinite(source.frequency.values)
    shape = values.shape
    left = [1 if axis in axes else size for axis, size in zip(AXES, shape, strict=True)]
    total, share = np.zeros(left, complex), np.zeros(left)
    cells, valid = np.zeros(left[:-1]), np.zeros(left[:-1])
    for t, b, f, p in product(*map(range, shape[:-1])):
        w = 1.0 if np.isnan(weight[t, b, f, p]) else weight[t, b, f, p]
        has_any = False
        for c in range(shape[-1]):
            place = tuple(0 if axis in axes else k for axis, k in zip(AXES, (t, b, f, p, c), strict=True))
            if np.isfinite(values[t, b, f, p, c]):
                total[place] += w * values[t, b, f, p, c]
                share[place] += w
                has_any = True
                if "channel" in axes:
                    valid[place[:-1]] += w
            if "channel" in axes:
                cells[place[:-1]] += there[f, c]
        if "channel" not in axes:
            place = place[:-1]
            cells[place] += 1
            valid[place] += w * has_any
    with np.errstate(invalid="ignore", divide="ignore"):
        return total / share, valid / cells, cells


def dropped(array, axes, all_axes):
    return array.squeeze(tuple(k for k, axis in enumerate(all_axes) if axis in axes))


def same_bands(source):
    return len(set(source.n_channels.values)) == 1


@given(JOBS, st.sets(st.sampled_from(AXES), min_size=1), st.floats(0, 0.3))
@settings(max_examples=12)
def test_a_mean_is_what_its_definition_says(source, axes, spoilt):
    rng = np.random.default_rng(1)
    source = source.assign(VISIBILITY=source.VISIBILITY.where(rng.random(source.VISIBILITY.shape) >= spoilt))
    if "band" in axes and "channel" not in axes and not same_bands(source):
        with pytest.raises(ValueError, match="bands have different channels"):
            source.difx.mean_over(*axes)
        return
    found = source.difx.mean_over(*axes)
    mean, fraction, cells = plainly(source, axes)
    np.testing.assert_allclose(found.VISIBILITY, dropped(mean, axes, AXES), rtol=2e-5, atol=2e-6)
    np.testing.assert_allclose(found.WEIGHT, dropped(fraction, axes, AXES[:-1]), rtol=1e-5)
    counts = found.n_averaged.broadcast_like(found.WEIGHT).transpose(*found.WEIGHT.dims)
    np.testing.assert_allclose(counts, dropped(cells, axes, AXES[:-1]))
    assert found.VISIBILITY.dims == tuple(axis for axis in AXES if axis not in axes)
    assert found.VISIBILITY.dtype == np.complex64
    assert found.WEIGHT.dtype == np.float32


@given(JOBS, st.permutations([axis for axis in AXES if axis != "band"]), st.integers(1, 3), st.booleans())
@settings(max_examples=12)
def test_a_mean_of_means_is_one_mean(source, order, first, by_scan):
    """Also where scans and bands differ in length; only single missing channels may make a difference."""
    step = "scan" if by_scan else "time"
    steps = [step if axis == "time" else axis for axis in order]
    one = source.difx.mean_over(*order, "band")
    two = source.difx.mean_over(*steps[:first]).difx.mean_over(
        *steps[first:], "band", *(["time"] if by_scan and step in steps[:first] else [])
    )
    if by_scan and step in steps[first:]:
        two = two.difx.mean_over("time")
    np.testing.assert_allclose(two.VISIBILITY, one.VISIBILITY, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(two.WEIGHT, one.WEIGHT, rtol=1e-5)
    for name in ("n_averaged", "frequency"):
        np.testing.assert_allclose(two[name], one[name], rtol=1e-12)
    assert abs(two.time - one.time) <= np.timedelta64(2, "ns")


@given(JOBS, st.booleans())
@settings(max_examples=6)
def test_baseline_vectors_are_weighted_with_what_there_is(source, by_scan):
    found = source.difx.mean_over("scan" if by_scan else "time", "polarization").UVW
    groups = (
        [source.scan_name == name for name in dict.fromkeys(source.scan_name.values)] if by_scan else [None]
    )
    for k, mask in enumerate(groups):
        part = source if mask is None else source.isel(time=np.flatnonzero(mask))
        weight = part.WEIGHT.fillna(1).astype(float).sum(("band", "polarization")).values
        for b in range(part.sizes["baseline"]):
            used = weight[:, b] if weight[:, b].sum() else np.ones(len(weight))
            wanted = np.average(part.UVW.values[:, b], axis=0, weights=used)
            np.testing.assert_allclose(found.isel(time=k)[b] if by_scan else found[b], wanted, rtol=1e-9)
    twice = source.difx.mean_over("scan").difx.mean_over("time").UVW
    if (source.WEIGHT.fillna(1).sum(("band", "polarization")).groupby("scan_name").sum() > 0).all():
        np.testing.assert_allclose(twice, source.difx.mean_over("time").UVW, rtol=1e-6, atol=0.02)


def test_noise_falls_as_the_weights_say():
    """Noise of variance 1/w into 120 means of 500 cells each: their scatter is known to 5 %, one sigma."""
    source = noise(7, scans=[("No1", "A", 25)], bands=bands_of([20]), hands=2, holes=False)
    rng = np.random.default_rng(3)
    spread = 1 / np.sqrt(source.WEIGHT.values)[..., None]
    weighted, plain = [], []
    for _ in range(30):
        drawn = (normal(rng, source.VISIBILITY.shape) * spread).astype(np.complex64)
        found = source.assign(VISIBILITY=(source.VISIBILITY.dims, drawn)).difx.mean_over("time", "channel")
        weighted.append(np.abs(found.VISIBILITY.values) ** 2 * (found.WEIGHT * found.n_averaged).values)
        plain.append(np.abs(drawn.mean(axis=(0, 4))) ** 2 * (found.WEIGHT * found.n_averaged).values)
    assert np.sqrt(np.mean(weighted)) == pytest.approx(1, abs=0.15)
    assert np.sqrt(np.mean(plain) / np.mean(weighted)) > 1.1, "without weights it falls less"


# --- time -------------------------------------------------------------------------------------------------


def seconds(data):
    return ((data.time - START) / np.timedelta64(1, "s")).values.tolist()


def test_scans_become_integrations():
    source = made()
    scans = source.difx.mean_over("scan")
    assert scans.scan_name.values.tolist() == ["No0001", "No0002"]
    assert scans.field_name.values.tolist() == ["SRCA", "SRCB"]
    assert seconds(scans) == [1.0, 12.25]
    assert scans.integration_time.values.tolist() == [2.0, 1.0]
    assert scans.attrs["integration_time"] == 2.0
    assert scans.n_averaged.values.tolist() == [4, 2]
    np.testing.assert_allclose(
        scans.VISIBILITY.isel(time=1), source.VISIBILITY.isel(time=slice(4, 6)).mean("time"), rtol=1e-5
    )
    assert dict(scans.VISIBILITY.sizes) == {**source.VISIBILITY.sizes, "time": 2}
    assert set(scans.coords) == {*source.coords, "n_averaged", "integration_time"}
    whole = source.difx.mean_over("time")
    assert "scan_name" not in whole.coords
    assert "time" not in whole.dims
    assert source.difx.scan(1).difx.mean_over("time").scan_name.item() == "No0001"


def test_a_scan_that_is_interrupted_by_another_is_one():
    source = made().isel(time=[0, 1, 4, 5, 2, 3])
    scans = source.difx.mean_over("scan")
    assert scans.scan_name.values.tolist() == ["No0001", "No0002"]
    np.testing.assert_allclose(scans.VISIBILITY[0], made().difx.scan(1).VISIBILITY.mean("time"), rtol=1e-4)


def test_lengths_of_time_are_counted_from_the_beginning_of_each_scan():
    source = made(scans=(("No1", "A", 5), ("No2", "A", 3)))
    bins = source.difx.mean_over("1s")
    assert bins.n_averaged.values.tolist() == [2, 2, 1, 2, 1]
    assert bins.scan_name.values.tolist() == ["No1"] * 3 + ["No2"] * 2
    assert seconds(bins) == [0.5, 1.5, 2.25, 12.75, 13.5]
    assert bins.integration_time.values.tolist() == [1, 1, 0.5, 1, 0.5]
    xr.testing.assert_allclose(bins.difx.mean_over("2s").VISIBILITY, source.difx.mean_over("2s").VISIBILITY)
    same = source.difx.mean_over("100ms")
    np.testing.assert_allclose(same.VISIBILITY, source.VISIBILITY)
    np.testing.assert_array_equal(same.time, source.time)


@pytest.mark.parametrize("rows", [1, 3, 4, 100])
def test_steps_are_the_same_however_much_is_averaged_in_one_go(monkeypatch, rows):
    source = noise(11, scans=[("No1", "A", 5), ("No2", "A", 3)], bands=bands_of([4, 6]))
    source = source.isel(time=[6, 0, 2, 5, 1, 7, 3, 4])
    wanted = [source.difx.scan(scan).difx.mean_over("time") for scan in ("No2", "No1")]
    row_bytes = source.VISIBILITY.nbytes // source.sizes["time"]
    monkeypatch.setattr("difxnb.visibility.accessor.means._BLOCK_BYTES", rows * row_bytes)
    found = source.difx.mean_over("scan")
    for k, one in enumerate(wanted):
        for name in ("VISIBILITY", "WEIGHT", "UVW", "time"):
            np.testing.assert_allclose(
                found[name]
                .isel(time=k)
                .astype(one[name].dtype)
                .values.astype(complex if name != "time" else float),
                one[name].values.astype(complex if name != "time" else float),
                rtol=1e-6,
            )


def test_uncertain_times_stay_as_uncertain_as_the_worst():
    source = made().assign_coords(time_uncertainty=("time", [0, 0.2, 0, 0, 0.1, 0.3]))
    assert source.difx.mean_over("scan").time_uncertainty.values.tolist() == [0.2, 0.3]


# --- what becomes of the rest -----------------------------------------------------------------------------


def test_channels_become_one_at_their_middle():
    source = made()
    found = source.difx.mean_over("channel")
    for k, width in enumerate([2e6 / 32, 2e6 / 16]):
        low = float(source.frequency[k, 0])
        assert float(found.frequency[k]) == pytest.approx(low + 1e6 - width / 2, abs=1e-3)
    assert found.n_channels.values.tolist() == [1, 1]
    assert found.n_averaged.values.tolist() == [32, 16]
    assert found.difx.band(frequency=8401.5e6).band.values.tolist() == [0]


def test_coordinates_that_differ_go_and_others_stay():
    source = made().difx.cross()
    found = source.difx.mean_over("baseline")
    assert "antenna1_name" not in found.coords
    assert "UVW" not in found
    assert found.is_autocorrelation.item() is np.False_ or found.is_autocorrelation.item() is False
    assert source.isel(baseline=[0]).difx.mean_over("baseline").baseline.item() == "AA-BB"
    hands = source.difx.parallel().difx.mean_over("polarization", "band", "channel")
    assert hands.n_averaged.item() == 2 * (32 + 16)
    assert "sideband" not in hands.coords
    assert hands.attrs["job"] == "made_1"


def test_unknown_weights_count_as_one():
    source = made()
    live = source.assign(WEIGHT=source.WEIGHT * np.nan, server_delay=source.WEIGHT)
    found = live.difx.mean_over("scan")
    xr.testing.assert_identical(found, source.difx.mean_over("scan"))


def test_pulsar_bins_and_products_that_never_were():
    source = open_visibilities(EPSILON)
    found = source.difx.mean_over("pulsar_bin", "time")
    np.testing.assert_allclose(
        found.VISIBILITY.sel(baseline="AA-AA"),
        (source.VISIBILITY * source.WEIGHT).sel(baseline="AA-AA", pulsar_bin=0).sum("time")
        / source.WEIGHT.sel(baseline="AA-AA", pulsar_bin=0).sum("time"),
        rtol=1e-5,
    )
    assert float(found.WEIGHT.sel(baseline="AA-AA").max()) <= 1 / source.sizes["pulsar_bin"] + 1e-6


def test_fringes_of_means_are_those_of_the_whole():
    source = open_visibilities(ALPHA).difx.baseline("AA", "BB").difx.parallel()
    whole, mean = fringe_fit(source), source.difx.mean_over("1.024s").difx.fringes()
    np.testing.assert_allclose(mean["delay"], whole["delay"], atol=2e-9)
    np.testing.assert_allclose(mean["amplitude"], whole["amplitude"], rtol=0.01)


def test_a_mean_can_be_kept(tmp_path):
    found = made().difx.mean_over("scan", "channel")
    save_netcdf(found, tmp_path / "mean.nc")
    with xr.open_dataset(tmp_path / "mean.nc", engine="netcdf4", auto_complex=True) as kept:
        again = kept.difx.mean_over("time").VISIBILITY
        np.testing.assert_allclose(again, made().difx.mean_over("time", "channel").VISIBILITY, rtol=1e-4)


# --- arrays, lags -----------------------------------------------------------------------------------------


def test_arrays_have_the_weights_that_they_carry():
    source = noise(5, scans=[("No1", "A", 6)], bands=bands_of([4]))
    whole = source.difx.mean_over("time")
    weighted = source.VISIBILITY.assign_coords(WEIGHT=source.WEIGHT).difx.mean_over("time")
    np.testing.assert_array_equal(weighted, whole.VISIBILITY)
    np.testing.assert_array_equal(weighted.WEIGHT, whole.WEIGHT)
    plain = source.VISIBILITY.difx.mean_over("time")
    np.testing.assert_allclose(plain, source.VISIBILITY.mean("time"), rtol=1e-5)
    assert plain.name == "VISIBILITY"
    assert "WEIGHT" not in plain.coords


def test_the_lags_of_a_mean_are_the_mean_of_the_lags():
    source = made()
    one = source.difx.mean_over("scan").difx.lags(padding=2).LAG
    two = source.difx.lags(padding=2).difx.mean_over("scan").LAG
    xr.testing.assert_allclose(one, two, atol=1e-5)
    np.testing.assert_allclose(source.difx.lags(padding=2).LAG.difx.mean_over("scan"), two)


@pytest.mark.parametrize(
    ("what", "text"),
    [
        ((), "a mean is over one or several of time, channel"),
        (("time", "scan"), r"got \['time', 'scan'\]"),
        (
            ("antenna",),
            r"nothing can be averaged over 'antenna'; there are time, channel, .*, scan, or '10s'",
        ),
        (("-2s",), "nothing can be averaged over '-2s'"),
        (("phase_center",), "no axis 'phase_center'; there are"),
        (("baseline",), r"cannot mix auto- and cross-correlations; take cross\(\) first"),
        (("band",), "the bands have different channels"),
    ],
)
def test_means_without_sense_are_refused(what, text):
    with pytest.raises(ValueError, match=text):
        made(samples=2).difx.mean_over(*what)
    for nothing in (made(samples=2)[["UVW"]], made(samples=2).isel(time=slice(0, 0))):
        for step in ("time", "scan", "1s"):
            with pytest.raises(ValueError, match="there is nothing to average"):
                nothing.difx.mean_over(step)
