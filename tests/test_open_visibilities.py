# SPDX-License-Identifier: GPL-3.0-or-later
"""Visibilities opened from files: what the records hold bit by bit, what was put in, and whatever names them."""

from __future__ import annotations

import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import difxnb
from difxnb.errors import DoubtfulAutocorrelations, FileFormatError, VisibilitiesNotFound
from difxnb.formats.im import read_im
from difxnb.formats.input import read_input
from difxnb.visibility import fringe_fit, open_visibilities, reopen, save_netcdf
from difxnb.visibility.stitched import has_doubtful_autocorrelations
from difxnb.visibility.uvw import uvw_of_times
from tests.stored_jobs import (
    ALPHA,
    JOBS,
    RAW_JOBS,
    SWIN_JOBS,
    assert_same_bits,
    encoded,
    expected_arrays,
    made_job,
    records_of,
)

DOUBTFUL = pytest.mark.filterwarnings("ignore::difxnb.errors.DoubtfulAutocorrelations")
ZETA = SWIN_JOBS / "zeta_1" / "zeta_1.input"
EPSILON = SWIN_JOBS / "epsilon_1" / "epsilon_1.input"
BETA = SWIN_JOBS / "beta_1" / "beta_1.input"
ETA = SWIN_JOBS / "eta_1" / "eta_1.input"


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))


# --- what the files hold ----------------------------------------------------------------------------------


@DOUBTFUL
@pytest.mark.parametrize("input_file", JOBS, ids=lambda path: path.stem)
def test_every_job_holds_what_its_records_hold(input_file):
    dataset = open_visibilities(input_file)
    wanted = expected_arrays(dataset, [input_file])
    for name in ("VISIBILITY", "WEIGHT", "UVW"):
        assert_same_bits(dataset[name], wanted[name])
    assert (np.isnan(dataset["VISIBILITY"]).all("channel") == (dataset["WEIGHT"] == 0)).all()


def test_shape_names_and_units():
    dataset = open_visibilities(ALPHA)
    assert dataset["VISIBILITY"].dims == ("time", "baseline", "band", "polarization", "channel")
    assert dataset["VISIBILITY"].dtype == np.complex64
    assert dataset["WEIGHT"].dims == ("time", "baseline", "band", "polarization")
    assert dataset["WEIGHT"].dtype == np.float32
    assert dataset["UVW"].dims == ("time", "baseline", "uvw")
    assert dataset["time"].dtype == "datetime64[ns]"
    assert dataset["time"].values[0] == np.datetime64("2024-01-01T12:00:00.256000000")
    assert np.diff(dataset["time"].values).tolist() == [512_000_000] * 7
    assert dataset["baseline"].values.tolist() == ["AA-BB", "AA-CC", "BB-CC", "AA-AA", "BB-BB", "CC-CC"]
    assert dataset["is_autocorrelation"].values.tolist() == [False] * 3 + [True] * 3
    assert dataset["polarization"].values.tolist() == ["RR", "LL", "RL", "LR"]
    assert dataset["sideband"].values.tolist() == ["U", "L"]
    assert dataset["n_channels"].values.tolist() == [32, 32]
    assert dataset["frequency"].values[0, 0] == 8400.25e6 + 0.5 * 2e6 / 64
    assert dataset["frequency"].values[1, 0] == 8409.75e6 + 0.5 * 2e6 / 64
    assert dataset["scan_name"].values.tolist() == ["No0001"] * 8
    assert dataset["field_name"].values.tolist() == ["SRCA"] * 8
    for name, unit in {"VISIBILITY": "1", "UVW": "m", "frequency": "Hz", "bandwidth": "Hz"}.items():
        assert dataset[name].attrs["units"] == unit


def test_provenance():
    attrs = open_visibilities(ALPHA).attrs
    assert attrs["job"] == "alpha_1"
    assert attrs["input_file"] == str(ALPHA)
    assert attrs["files"] == str(ALPHA.parent / "alpha_1.difx" / "DIFX_60310_043200.s0000.b0000")
    assert attrs["integration_time"] == 0.512
    assert attrs["software"] == f"difxnb {difxnb.__version__}"
    assert attrs["visibility_source"] == "SWIN"
    assert (attrs["skipped"], attrs["duplicates"], attrs["untrusted_autocorrelations"]) == ("", 0, 0)


def test_weights_of_invalid_data():
    """A quarter of a second of CC is invalid, 2.00 to 2.25 s after the start: it lies in one integration."""
    weights = open_visibilities(ALPHA)["WEIGHT"].sel(band=0, polarization="RR")
    whole = weights.sel(baseline="AA-BB").values
    lost = weights.sel(baseline="AA-CC").values
    begins = 0.512 * np.arange(8)
    overlap = np.clip(np.minimum(begins + 0.512, 2.25) - np.maximum(begins, 2.0), 0, None)
    np.testing.assert_allclose(whole[:7] - lost[:7], overlap[:7] / 0.512, atol=0.02)
    assert (lost - whole)[3] < -0.04
    assert (lost - whole)[4] < -0.3


def test_two_scans_have_their_names_and_a_short_last_integration_keeps_its_scan():
    dataset = open_visibilities(RAW_JOBS / "lsb1bit" / "lsb1bit.difx")
    assert dataset["scan_name"].values.tolist() == ["No0001"] * 4 + ["No0002"] * 8
    assert dataset["field_name"].values.tolist() == ["SRCA"] * 4 + ["SRCB"] * 8


def test_without_calc_there_are_no_names(tmp_path):
    content = (ALPHA.parent / "alpha_1.difx" / "DIFX_60310_043200.s0000.b0000").read_bytes()
    input_file = made_job(tmp_path, content)
    (tmp_path / "made_1.calc").unlink()
    dataset = open_visibilities(input_file)
    assert set(dataset["scan_name"].values) == set(dataset["field_name"].values) == {""}
    assert dataset["field_name"].dtype == object


@DOUBTFUL
@pytest.mark.parametrize("input_file", JOBS, ids=lambda path: path.stem)
def test_baseline_vectors_are_those_of_the_model(input_file):
    job, im = read_input(input_file), read_im(input_file.with_suffix(".im"))
    dataset = open_visibilities(input_file)
    dataset = dataset.isel(baseline=np.flatnonzero(~dataset["is_autocorrelation"]))
    rows = {telescope.name: row for row, telescope in enumerate(job.telescopes)}
    pairs = [
        (rows[a], rows[b])
        for a, b in zip(dataset["antenna1_name"].values, dataset["antenna2_name"].values, strict=True)
    ]
    times = dataset["time"].values.astype(np.int64).tolist()
    centers = dataset.sizes.get("phase_center", 1)
    for center in range(centers):
        one = dataset if centers == 1 else dataset.isel(phase_center=center)
        fields = one["field_name" if centers == 1 else "phase_center_name"].values
        modelled = uvw_of_times(im, job, pairs, times, fields)
        known = np.isfinite(one["UVW"].values)
        assert known.any()
        np.testing.assert_allclose(one["UVW"].values[known], modelled[known], atol=1e-5)


# --- dimensions that only some jobs have ------------------------------------------------------------------


def test_phase_centers():
    dataset = open_visibilities(ZETA)
    assert dataset["VISIBILITY"].dims[:2] == ("time", "phase_center")
    assert dataset["UVW"].dims == ("time", "phase_center", "baseline", "uvw")
    assert dataset["phase_center"].values.tolist() == [0, 1]
    assert dataset["phase_center_name"].values[0].tolist() == ["SRCA", "SRCA-2"]
    assert dataset["field_name"].values.tolist() == ["SRCA"] * 8
    autos = dataset.isel(baseline=np.flatnonzero(dataset["is_autocorrelation"]))
    assert np.isfinite(autos.sel(phase_center=0)["VISIBILITY"]).all()
    assert np.isnan(autos.sel(phase_center=1)["VISIBILITY"]).all()


def test_delay_of_the_second_phase_center():
    """Its model is longer by 0, 0.3 and -0.2 µs: data of BB are taken that much earlier, so that they look late."""
    fringes = fringe_fit(open_visibilities(ZETA))
    keys = ["baseline", "band", "polarization"]
    first, second = (fringes[fringes["phase_center"] == center].set_index(keys)["delay"] for center in (0, 1))
    extra = {"AA-BB": 0.3e-6, "AA-CC": -0.2e-6, "BB-CC": -0.5e-6}
    assert len(first) == len(second) == 24
    for (baseline, *_), difference in (second - first).items():
        assert difference == pytest.approx(extra[baseline], abs=8e-9)


def test_pulsar_bins():
    dataset = open_visibilities(EPSILON)
    assert dataset["VISIBILITY"].dims[:2] == ("time", "pulsar_bin")
    assert dataset["pulsar_bin"].values.tolist() == [0, 1, 2]
    crosses = dataset.isel(baseline=np.flatnonzero(~dataset["is_autocorrelation"]))
    assert np.isfinite(crosses["VISIBILITY"]).all()
    assert np.isnan(dataset.sel(baseline="AA-AA", pulsar_bin=2)["VISIBILITY"]).all()
    assert set(fringe_fit(dataset)["pulsar_bin"]) == {0, 1, 2}


def test_the_first_configuration_of_two():
    dataset = open_visibilities(ETA)
    assert dataset.sizes["time"] == 7
    assert "integration_time" not in dataset.coords
    assert set(dataset["scan_name"].values) == {"No0001"}


# --- stitched bands ---------------------------------------------------------------------------------------


def test_autocorrelations_of_partly_stitched_bands_are_warned_of():
    with pytest.warns(DoubtfulAutocorrelations, match="beta_1.*exhaustiveAutocorrs") as caught:
        dataset = open_visibilities(BETA)
    assert [Path(warning.filename).name for warning in caught] == [Path(__file__).name]
    assert dataset.attrs["untrusted_autocorrelations"] == 1
    with pytest.warns(DoubtfulAutocorrelations) as caught:
        xr.open_dataset(BETA.parent / "beta_1.difx", engine="difx")
    assert [Path(warning.filename).name for warning in caught] == [Path(__file__).name]


def test_only_a_mixture_of_stitched_and_other_bands_spoils_autocorrelations():
    assert [path.stem for path in JOBS if has_doubtful_autocorrelations(read_input(path))] == ["beta_1"]
    job = read_input(BETA)
    for baseline in job.baselines:
        baseline.freqs = [freq for freq in baseline.freqs if freq.target_freq == 5]
    assert not has_doubtful_autocorrelations(job)
    job = read_input(BETA)
    for baseline in job.baselines:
        baseline.freqs = [freq for freq in baseline.freqs if freq.target_freq == 4]
    assert not has_doubtful_autocorrelations(job)
    job = read_input(BETA)
    job.configurations[0].write_autocorrs = False
    assert not has_doubtful_autocorrelations(job)


# --- names ------------------------------------------------------------------------------------------------


class _JobObject:
    def __init__(self, input_file):
        self.input_file = input_file


@pytest.mark.parametrize(
    "source",
    [
        ALPHA,
        str(ALPHA),
        ALPHA.parent / "alpha_1.difx",
        ALPHA.parent / "alpha_1.difx" / "DIFX_60310_043200.s0000.b0000",
        str(ALPHA.parent / "*.difx"),
        ALPHA.parent / "alpha_1.difx" / "DIFX_*",
        read_input(ALPHA),
        _JobObject(str(ALPHA)),
        [ALPHA],
        (ALPHA, ALPHA.parent / "alpha_1.difx"),
    ],
    ids=["input", "text", "folder", "file", "pattern", "files", "parsed", "job", "list", "twice"],
)
def test_whatever_names_a_job(source):
    dataset = open_visibilities(source)
    xr.testing.assert_identical(dataset.load(), open_visibilities(ALPHA).load())
    xr.testing.assert_identical(reopen(dataset).load(), dataset)


def test_relative_names_and_another_working_directory(monkeypatch, tmp_path):
    monkeypatch.chdir(ALPHA.parents[1])
    dataset = open_visibilities("alpha_1/alpha_1.difx")
    again = pickle.dumps(dataset)
    monkeypatch.chdir(tmp_path)
    xr.testing.assert_identical(dataset.load(), open_visibilities(ALPHA).load())
    xr.testing.assert_identical(pickle.loads(again).load(), dataset)
    assert reopen(dataset).attrs == dataset.attrs


def test_one_file_of_several_is_opened_alone():
    dataset = open_visibilities(ZETA.parent / "zeta_1.difx" / "DIFX_60310_043200.s0001.b0000")
    assert "phase_center" not in dataset.dims
    assert dataset["field_name"].values[0] == "SRCA-2"
    assert_same_bits(dataset["VISIBILITY"], open_visibilities(ZETA).isel(phase_center=1)["VISIBILITY"])


def test_output_that_was_moved_aside_and_input_elsewhere(tmp_path):
    content = (ALPHA.parent / "alpha_1.difx" / "DIFX_60310_043200.s0000.b0000").read_bytes()
    input_file = made_job(tmp_path, content)
    aside = (tmp_path / "made_1.difx").rename(tmp_path / "made_1.difx.2")
    assert open_visibilities(aside).attrs["job"] == "made_1"
    elsewhere = tmp_path / "results"
    aside.rename(elsewhere)
    with pytest.raises(
        VisibilitiesNotFound, match=r"results: no \.input at .*results\.input.*input="
    ) as caught:
        open_visibilities(elsewhere)
    assert str(elsewhere / "results.input") in caught.value.looked_for
    named = open_visibilities(elsewhere, input=input_file)
    xr.testing.assert_identical(
        named.load(), open_visibilities(elsewhere, input=read_input(input_file)).load()
    )
    input_file.rename(elsewhere / "anything.input")
    assert open_visibilities(elsewhere).sizes == named.sizes


def test_what_is_not_there_is_said(tmp_path):
    with pytest.raises(VisibilitiesNotFound, match=r"nowhere\.difx does not exist"):
        open_visibilities(tmp_path / "nowhere.difx")
    with pytest.raises(VisibilitiesNotFound, match="nothing is called"):
        open_visibilities(tmp_path / "*.difx")
    with pytest.raises(VisibilitiesNotFound, match=r"not on this machine.*directory="):
        open_visibilities(_JobObject("/data/x/x_1.input"))
    input_file = made_job(tmp_path, b"")
    (tmp_path / "made_1.difx" / "DIFX_60310_043200.s0000.b0000").rename(tmp_path / "other")
    with pytest.raises(VisibilitiesNotFound, match="no SWIN files"):
        open_visibilities(input_file)
    with pytest.raises(VisibilitiesNotFound, match=r"it holds made_1.difx: name one, or .*\*\.difx"):
        open_visibilities(tmp_path)
    (tmp_path / "made_1.difx").rmdir()
    with pytest.raises(VisibilitiesNotFound, match="was the job run"):
        open_visibilities(input_file)
    assert issubclass(VisibilitiesNotFound, FileNotFoundError)


def test_callers_mistakes(tmp_path):
    for source in (3, None, b"alpha_1.difx"):
        with pytest.raises(TypeError, match="opened from paths"):
            open_visibilities(source)
    with pytest.raises(ValueError, match="empty list"):
        open_visibilities([])
    with pytest.raises(ValueError, match="on_error"):
        open_visibilities(ALPHA, on_error="ignore")
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(ValueError, match=r"notes\.txt is no \.difx folder"):
        open_visibilities(tmp_path / "notes.txt")


def test_ascii_output_is_refused(tmp_path):
    job = read_input(ALPHA)
    job.output_format = "ASCII"
    with pytest.raises(FileFormatError, match="ASCII"):
        open_visibilities(made_job(tmp_path, b"", job=job))


# --- xarray -----------------------------------------------------------------------------------------------


def test_xarray_opens_it_as_any_other_file():
    folder = ALPHA.parent / "alpha_1.difx"
    plain = open_visibilities(ALPHA).load()
    xr.testing.assert_identical(xr.open_dataset(folder, engine="difx").load(), plain)
    xr.testing.assert_identical(xr.open_dataset(folder).load(), plain)
    xr.testing.assert_identical(xr.open_dataset(ALPHA).load(), plain)
    assert xr.open_dataset(folder, engine="difx", chunks={})["VISIBILITY"].chunks is not None
    lazy = xr.open_dataset(folder, engine="difx", chunks={}, growing=True)
    assert reopen(lazy)["VISIBILITY"].chunks == lazy["VISIBILITY"].chunks
    xr.testing.assert_identical(reopen(xr.open_dataset(folder, engine="difx")).load(), plain)
    dropped = xr.open_dataset(folder, engine="difx", drop_variables=["UVW"])
    assert set(dropped.data_vars) == {"VISIBILITY", "WEIGHT"}
    engine = xr.backends.list_engines()["difx"]
    assert engine.guess_can_open(folder / "DIFX_60310_043200.s0000.b0000")
    assert not any(engine.guess_can_open(name) for name in (folder.parent, "x.nc", "nowhere.difx", b"", 7))


@DOUBTFUL
@pytest.mark.parametrize("input_file", JOBS, ids=lambda path: path.stem)
def test_dask_gives_the_same(input_file):
    eager = open_visibilities(input_file).load()
    for chunks in ({}, {"time": 2}, {"time": 3, "baseline": 1}, "auto"):
        lazy = open_visibilities(input_file, chunks=chunks)
        assert lazy["VISIBILITY"].chunks is not None
        assert not any(one.chunks for one in lazy.coords.values())
        xr.testing.assert_identical(lazy.compute(), eager)


def test_chunks_hold_whole_integrations_of_some_64_megabytes(tmp_path):
    job = read_input(ALPHA)
    for freq in job.freqs:
        freq.num_channels = 4096 * freq.chans_to_avg
    records = [
        encoded([records_of(ALPHA)[0]], seconds=43200.0 + k, spectrum=np.zeros(4096)) for k in range(100)
    ]
    dataset = open_visibilities(made_job(tmp_path, b"".join(records), job=job), chunks={})
    integration = 6 * 2 * 4 * (4096 * 8 + 4)
    assert dataset["VISIBILITY"].chunksizes["time"] == (64 * 2**20 // integration,) * 2 + (100 - 2 * 42,)
    assert dataset["VISIBILITY"].chunksizes["baseline"] == (6,)
    assert dataset["WEIGHT"].chunksizes["time"] == dataset["VISIBILITY"].chunksizes["time"]


def test_pickles_are_small_and_read_the_same():
    dataset = open_visibilities(ZETA)
    content = pickle.dumps(dataset)
    assert len(content) < 20_000
    again = pickle.loads(content)
    chosen = {"baseline": [4, 0], "band": 1}
    xr.testing.assert_identical(again.isel(chosen).load(), dataset.isel(chosen).load())
    xr.testing.assert_identical(again.load(), dataset.load())


def test_threads_read_side_by_side():
    dataset = open_visibilities(ZETA, cache=False)
    wanted = dataset["VISIBILITY"].values
    cells = [(time, baseline) for time in range(8) for baseline in range(6)] * 4
    with ThreadPoolExecutor(8) as pool:
        found = list(
            pool.map(lambda cell: dataset["VISIBILITY"].isel(time=cell[0], baseline=cell[1]).values, cells)
        )
    for (time, baseline), values in zip(cells, found, strict=True):
        np.testing.assert_array_equal(values, wanted[time, :, baseline])


@pytest.mark.filterwarnings("ignore:numpy.ndarray size changed:RuntimeWarning")
def test_it_can_be_saved(tmp_path):
    dataset = open_visibilities(ZETA)
    save_netcdf(dataset, tmp_path / "zeta.nc")
    with xr.open_dataset(tmp_path / "zeta.nc", engine="netcdf4", auto_complex=True) as opened:
        xr.testing.assert_identical(opened.load(), dataset.load())
