# SPDX-License-Identifier: GPL-3.0-or-later
"""Kinds of jobs of which there is no reference output: made record by record, and read back by the plainest means."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import xarray as xr

from difxnb.formats.input import read_input
from difxnb.formats.input_model import Band, Baseline, BaselineFreq, Freq, RecordedFreq
from difxnb.formats.result_layout import record_order, result_layout
from difxnb.formats.swin import baseline_number, encode_record
from difxnb.visibility import open_visibilities
from tests.stored_jobs import ALPHA, assert_same_bits, expected_arrays, made_job

USUAL = "DIFX_60310_043200.s0000.b0000"
NAMES = ("VISIBILITY", "WEIGHT", "UVW")


def written(job, times, *, rng, missing=0.2, bins=1):
    """Bytes of a job as the correlator orders them, some products missing; times are (MJD, seconds)."""
    order, content = record_order(result_layout(job, pulsar_bins=bins)), []
    for mjd, seconds in times:
        for place in order:
            channels = job.channels(place.freq_index)
            if rng.random() >= missing:
                content.append(
                    encode_record(
                        baseline=baseline_number(place.antenna1, place.antenna2),
                        mjd=mjd,
                        seconds=seconds,
                        config=0,
                        source=0,
                        freq=place.freq_index,
                        polarization=place.polarization,
                        pulsar_bin=place.pulsar_bin,
                        weight=rng.uniform(0.1, 1),
                        uvw=_position(place.antenna2) - _position(place.antenna1),
                        spectrum=rng.normal(size=channels) + 1j * rng.normal(size=channels),
                    )
                )
    return b"".join(content)


def _position(antenna):
    return np.array([1e6, -2e5, 3e4]) * (antenna + 0.5) ** 2


def assert_holds_its_records(dataset, input_file):
    wanted = expected_arrays(dataset, [input_file])
    for name in NAMES:
        assert_same_bits(dataset[name], wanted[name])
    assert int((dataset["WEIGHT"] > 0).sum()) == int((wanted["WEIGHT"] > 0).sum()) > 0


@pytest.fixture
def rng():
    return np.random.default_rng(7)


def exhaustive(job):
    """The same job with autocorrelations as rows of the baseline table."""
    crosses = job.baselines
    autos = [
        Baseline(row, row, [replace(freq) for freq in crosses[0].freqs])
        for row in range(len(job.datastreams))
    ]
    rows = list(range(len(crosses) + len(autos)))
    config = replace(job.configurations[0], write_autocorrs=False, baseline_indices=rows)
    return replace(job, baselines=autos + crosses, configurations=[config], active_baselines=len(rows))


def test_exhaustive_autocorrelations(tmp_path, rng):
    job = exhaustive(read_input(ALPHA))
    input_file = made_job(
        tmp_path, written(job, [(60310, 43200.256 + 0.512 * k) for k in range(4)], rng=rng), job=job
    )
    dataset = open_visibilities(input_file)
    assert_holds_its_records(dataset, input_file)
    assert dataset["baseline"].values.tolist() == ["AA-BB", "AA-CC", "BB-CC", "AA-AA", "BB-BB", "CC-CC"]
    assert dataset["is_autocorrelation"].values.tolist() == [False] * 3 + [True] * 3
    assert dataset["polarization"].values.tolist() == ["RR", "LL", "RL", "LR"]
    assert dataset.attrs["untrusted_autocorrelations"] == 0
    empty = open_visibilities(made_job(tmp_path, b"", job=job, name="empty_1"))
    assert empty["baseline"].values.tolist() == dataset["baseline"].values.tolist()


def test_an_antenna_of_two_datastreams_and_bands_that_stand_twice(tmp_path, rng):
    """AA records its bands by two recorders, the second one of other width and under the other sideband."""
    job = read_input(ALPHA)
    wide = Freq(freq_mhz=8500.0, bandwidth_mhz=4.0, num_channels=64, chans_to_avg=1)
    same = replace(wide, freq_mhz=8504.0, sideband="L", num_channels=16)
    second = len(job.freqs)
    stream = replace(
        job.datastreams[0],
        recorded_freqs=[RecordedFreq(freq_index=second + row, num_pols=1) for row in range(2)],
        bands=[Band("R", 0), Band("L", 1)],
        zoom_freqs=[],
        zoom_bands=[],
    )
    streams = [*job.datastreams, stream, replace(stream, telescope_index=2)]
    new = Baseline(3, 4, [BaselineFreq(second, [(0, 0)]), BaselineFreq(second + 1, [(1, 1), (1, 0)])])
    config = replace(job.configurations[0], datastream_indices=list(range(5)), baseline_indices=[0, 1, 2, 3])
    job = replace(
        job,
        freqs=[*job.freqs, wide, same],
        datastreams=streams,
        baselines=[*job.baselines, new],
        configurations=[config],
        active_datastreams=5,
        active_baselines=4,
    )
    input_file = made_job(tmp_path, written(job, [(60310, 43200.5 + k) for k in range(3)], rng=rng), job=job)
    dataset = open_visibilities(input_file)
    assert_holds_its_records(dataset, input_file)
    assert dataset["n_channels"].values.tolist() == [32, 32, 64, 16]
    assert dataset["sideband"].values.tolist() == ["U", "L", "U", "L"]
    edges = dataset["frequency"].isel(channel=0)
    assert edges.sel(band=second) == edges.sel(band=second + 1) == 8500e6
    both = dataset["VISIBILITY"].sel(baseline="AA-CC").isel(channel=0)
    assert np.isfinite(both.sel(polarization="RR")).any("time").values.tolist() == [True, True, True, False]


def test_midnight_and_fractions_of_seconds(tmp_path, rng):
    """An integration belongs to the day it began on; a restart names the same time by the next day."""
    job = replace(read_input(ALPHA), start_mjd=60310, start_seconds=86399.7)
    job.configurations[0] = replace(job.configurations[0], int_time=0.1)
    steps = [86399.75 + 0.1 * k for k in range(5)]
    late = [(60310, seconds) for seconds in steps]
    again = [(60311, steps[3] - 86400), (60311, steps[4] - 86400), (60311, 0.25)]
    files = {
        "DIFX_60310_086399.s0000.b0000": written(job, late, rng=rng),
        "DIFX_60311_000000.s0000.b0000": written(job, again, rng=rng, missing=0.5),
    }
    input_file = made_job(tmp_path, files, job=job)
    dataset = open_visibilities(input_file)
    texts = [f"2024-01-01T23:59:59.{ms}" for ms in (750, 850, 950)] + ["2024-01-02T00:00:00.050"]
    wanted = np.array([*texts, "2024-01-02T00:00:00.150", "2024-01-02T00:00:00.250"], dtype="M8[ns]")
    np.testing.assert_array_equal(dataset["time"].values, wanted)
    for name in NAMES:
        assert_same_bits(dataset[name], expected_arrays(dataset, [input_file])[name])


def test_pulsar_bins_apart_and_together(tmp_path, rng):
    job = read_input(ALPHA)
    times = [(60310, 43200.256 + 0.512 * k) for k in range(2)]
    apart = made_job(tmp_path, written(job, times, rng=rng, bins=3), job=job, name="apart_1")
    dataset = open_visibilities(apart)
    assert_holds_its_records(dataset, apart)
    assert dataset.sizes["pulsar_bin"] == 3
    together = made_job(tmp_path, written(job, times, rng=rng), job=job, name="together_1")
    assert "pulsar_bin" not in open_visibilities(together).dims


def test_what_users_of_xarray_do(tmp_path):
    """Groups, conditions, many files, and zarr: without reading more than once, and with the same numbers."""
    eager, folder = open_visibilities(ALPHA).load(), ALPHA.with_suffix(".difx")
    lazy = xr.open_dataset(folder, engine="difx", chunks={})
    for ask in (
        lambda ds: ds.groupby("scan_name").mean(),
        lambda ds: ds.resample(time="1s").mean(),
        lambda ds: ds.where(~ds["is_autocorrelation"], drop=True),
        lambda ds: ds.sel(time=slice("2024-01-01T12:00:01", "2024-01-01T12:00:02")),
    ):
        xr.testing.assert_allclose(ask(lazy).compute(), ask(eager))
    many = xr.open_mfdataset([folder], engine="difx", combine="by_coords")
    xr.testing.assert_identical(many.compute(), eager)
    with xr.open_dataset(folder, engine="difx") as opened:
        assert opened.nbytes == eager.nbytes
