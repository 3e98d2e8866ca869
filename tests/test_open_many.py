# SPDX-License-Identifier: GPL-3.0-or-later
"""Files and jobs that belong together, files that grow, and files that are damaged."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from difxnb.errors import DamagedData, DifxError, FileFormatError
from difxnb.formats.calc import read_calc, write_calc
from difxnb.formats.input import read_input
from difxnb.formats.swin import file_name, list_files
from difxnb.visibility import open_visibilities, reopen, skipped_frame
from tests.stored_jobs import (
    ALPHA,
    RAW_JOBS,
    SWIN_JOBS,
    assert_same_bits,
    encoded,
    made_job,
    records_of,
    swapped,
)

USUAL = "DIFX_60310_043200.s0000.b0000"
RESTART = "DIFX_60310_043202.s0000.b0000"
LSB = RAW_JOBS / "lsb1bit" / "lsb1bit.input"
RECORD = 74 + 32 * 8


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture(scope="module")
def records():
    return records_of(ALPHA)


@pytest.fixture(scope="module")
def alpha():
    return open_visibilities(ALPHA).load()


def seconds_of(records, first, last):
    """Records of the integrations first to last."""
    times = sorted({record.seconds for record in records})[first:last]
    return [record for record in records if record.seconds in times]


def same_data(found, wanted):
    for name in ("VISIBILITY", "WEIGHT", "UVW"):
        assert_same_bits(found[name], wanted[name])
    for name in ("time", "baseline", "band", "polarization", "scan_name", "field_name", "frequency"):
        np.testing.assert_array_equal(found[name].values, wanted[name].values, err_msg=name)


# --- files of one job -------------------------------------------------------------------------------------


def test_files_of_a_restart_are_one_dataset(tmp_path, records, alpha):
    content = {USUAL: encoded(seconds_of(records, 0, 5)), RESTART: encoded(seconds_of(records, 5, 8))}
    dataset = open_visibilities(made_job(tmp_path, content))
    same_data(dataset, alpha)
    assert dataset.attrs["duplicates"] == 0
    assert len(dataset.attrs["files"].splitlines()) == 2


def test_where_runs_overlap_the_later_file_counts(tmp_path, records, alpha):
    again = [record for record in seconds_of(records, 4, 8) if record.baseline != 258]
    content = {
        USUAL: encoded(seconds_of(records, 0, 6)),
        RESTART: encoded(again, weight=0.25, spectrum=np.full(32, 7 + 1j, dtype=np.complex64)),
    }
    dataset = open_visibilities(made_job(tmp_path, content))
    assert dataset.attrs["duplicates"] == sum(record.baseline != 258 for record in seconds_of(records, 4, 6))
    same_data(dataset.isel(time=slice(0, 4)), alpha.isel(time=slice(0, 4)))
    overlap = dataset.isel(time=slice(4, 6))
    assert_same_bits(
        overlap["VISIBILITY"].sel(baseline="AA-BB"),
        alpha["VISIBILITY"].isel(time=slice(4, 6)).sel(baseline="AA-BB"),
    )
    others = overlap.sel(baseline=["AA-CC", "BB-CC", "CC-CC"])
    assert (others["VISIBILITY"] == 7 + 1j).all()
    assert (others["WEIGHT"] == 0.25).all()
    last = dataset.isel(time=slice(6, 8))
    assert np.isnan(last["VISIBILITY"].sel(baseline="AA-BB")).all()
    assert (last["WEIGHT"].sel(baseline="AA-BB") == 0).all()
    assert np.isnan(last["UVW"].sel(baseline="AA-BB")).all()
    np.testing.assert_array_equal(dataset["UVW"].isel(time=4).values, alpha["UVW"].isel(time=4).values)
    part = dataset.isel(time=[5, 3], baseline=[1, 0], channel=slice(3, 20, 4))
    assert_same_bits(pickle.loads(pickle.dumps(part)).load()["VISIBILITY"], dataset.load().isel(
        time=[5, 3], baseline=[1, 0], channel=slice(3, 20, 4))["VISIBILITY"])  # fmt: skip


def test_missing_products_are_nan_with_weight_zero(tmp_path, records, alpha):
    kept = [record for record in records if record.baseline != 258 or record.freq != 1]
    dataset = open_visibilities(made_job(tmp_path, encoded(kept)))
    assert dataset.sizes == alpha.sizes
    gone = dataset.sel(baseline="AA-BB", band=1)
    assert np.isnan(gone["VISIBILITY"]).all()
    assert (gone["WEIGHT"] == 0).all()
    assert_same_bits(
        dataset.sel(baseline="AA-BB", band=0)["VISIBILITY"], alpha.sel(baseline="AA-BB", band=0)["VISIBILITY"]
    )


def test_products_that_the_input_does_not_expect_have_a_place(tmp_path, records):
    job = read_input(ALPHA)
    job.configurations[0].write_autocorrs = False
    dataset = open_visibilities(made_job(tmp_path, encoded(records), job=job))
    assert dataset["baseline"].values.tolist() == ["AA-BB", "AA-CC", "BB-CC", "AA-AA", "BB-BB", "CC-CC"]
    assert np.isfinite(dataset["VISIBILITY"]).all()


@pytest.mark.parametrize("content", [b"", None], ids=["empty", "three empty files"])
def test_a_job_that_has_not_written_yet_has_no_times(tmp_path, content, alpha):
    files = {USUAL: b"", USUAL[:-1] + "1": b"", RESTART: b""} if content is None else content
    dataset = open_visibilities(made_job(tmp_path, files))
    assert dataset.sizes["time"] == 0
    assert dataset["baseline"].values.tolist() == alpha["baseline"].values.tolist()
    assert dataset["VISIBILITY"].values.shape == (0, 6, 2, 4, 32)
    assert dataset["UVW"].values.shape == (0, 6, 3)
    assert pickle.loads(pickle.dumps(dataset)).load().sizes == dataset.sizes


def test_across_midnight(tmp_path, records):
    """The day of a record is that of the integration's beginning; seconds may be 86400 and more."""
    one = seconds_of(records, 0, 1)
    content = (
        encoded(one, seconds=86399.808)
        + encoded(one, seconds=86400.32)
        + encoded(one, mjd=60311, seconds=0.832)
    )
    dataset = open_visibilities(made_job(tmp_path, content))
    assert dataset["time"].values.astype(str).tolist() == [
        "2024-01-01T23:59:59.808000000", "2024-01-02T00:00:00.320000000", "2024-01-02T00:00:00.832000000",
    ]  # fmt: skip


def test_two_configurations(tmp_path, records):
    job = read_input(ALPHA)
    second = replace(job.configurations[0], name="second", int_time=1.024)
    job = replace(job, configurations=[*job.configurations, second])
    late = [record for record in records if record.baseline == 258 and record.seconds < 43200.3]
    content = encoded(seconds_of(records, 0, 4)) + encoded(late, seconds=43300.512, config=1)
    dataset = open_visibilities(made_job(tmp_path, content, job=job))
    assert dataset["integration_time"].values.tolist() == [0.512] * 4 + [1.024]
    assert dataset["integration_time"].attrs["units"] == "s"
    assert dataset.attrs["integration_time"] == 0.512
    last = dataset.isel(time=4)
    assert np.isfinite(last["VISIBILITY"].sel(baseline="AA-BB")).all()
    assert np.isnan(last["VISIBILITY"].sel(baseline="AA-CC")).all()


def test_sources_scans_and_times_outside_of_them(tmp_path, records):
    input_file = made_job(tmp_path, b"".join(
        encoded(seconds_of(records, 0, 1), seconds=43200 + at, source=source)
        for at, source in ((0.256, 0), (9.9, 0), (10.1, 0), (10.356, 1), (25.0, 1), (40.0, 9))
    ))  # fmt: skip
    calc = read_calc(ALPHA.with_suffix(".calc"))
    calc.sources.append(replace(calc.sources[0], name="SRCB"))
    first = calc.scans[0]
    calc.scans = [
        replace(first, identifier="A", start_s=0, duration_s=10),
        replace(first, identifier="B", start_s=10, duration_s=10, pointing_source=1, phase_centers=[1]),
    ]
    write_calc(calc, tmp_path / "made_1.calc", overwrite=True)
    dataset = open_visibilities(input_file)
    assert dataset["scan_name"].values.tolist() == ["A", "A", "A", "B", "", ""]
    assert dataset["field_name"].values.tolist() == ["SRCA", "SRCA", "SRCA", "SRCB", "SRCB", ""]


# --- several jobs -----------------------------------------------------------------------------------------


def test_jobs_of_other_times_are_one_dataset(tmp_path, records, alpha):
    first = made_job(tmp_path, encoded(seconds_of(records, 5, 8)), name="a_1")
    second = made_job(tmp_path, encoded(seconds_of(records, 0, 5)), name="a_2")
    for source in ([first, second], str(tmp_path / "a_*.difx"), str(tmp_path / "*.input")):
        dataset = open_visibilities(source)
        same_data(dataset, alpha)
    assert dataset.attrs["job"] == "a_1, a_2"
    assert dataset.attrs["input_file"].splitlines() == [str(first), str(second)]
    assert_same_bits(pickle.loads(pickle.dumps(dataset.isel(time=slice(3, 7))))["VISIBILITY"],
                     alpha["VISIBILITY"].isel(time=slice(3, 7)))  # fmt: skip


def test_antennas_are_joined_by_name_and_baselines_turned(tmp_path, records, alpha):
    """The second job numbers its antennas the other way round: its CC-AA is the complex conjugate of AA-CC."""
    renumbered = {1: 3, 2: 2, 3: 1}
    turned = b"".join(
        encoded(
            [record],
            baseline=256 * min(numbers) + max(numbers),
            polarization=record.polarization[::-1] if is_cross else record.polarization,
            uvw=tuple(-x for x in record.uvw) if is_cross else record.uvw,
            spectrum=np.conj(record.spectrum) if is_cross else record.spectrum,
        )
        for record in seconds_of(records, 4, 8)
        for numbers in [[renumbered[record.baseline // 256], renumbered[record.baseline % 256]]]
        for is_cross in [record.antenna1 != record.antenna2]
    )
    first = made_job(tmp_path, encoded(seconds_of(records, 0, 4)), name="a_1")
    second = made_job(tmp_path, turned, name="a_2", job=swapped(read_input(ALPHA)))
    alone = open_visibilities(second)
    assert "CC-AA" in alone["baseline"].values
    dataset = open_visibilities([first, second])
    same_data(dataset, alpha)
    same_data(open_visibilities([second, first]).isel(time=slice(0, 0)), alone.isel(time=slice(0, 0)))
    part = {"baseline": [1, 3], "polarization": [2], "channel": slice(5, 9)}
    assert_same_bits(dataset.isel(part)["VISIBILITY"], alpha.isel(part)["VISIBILITY"])
    again = pickle.loads(pickle.dumps(open_visibilities([first, second])))
    same_data(again, alpha)


def test_bands_are_joined_by_edges(tmp_path, records, alpha):
    """One job has band 1 only, as its row 0; another has both, and a third one that nobody else has."""
    job = read_input(ALPHA)
    other = replace(job, freqs=[job.freqs[1], job.freqs[0], replace(job.freqs[0], freq_mhz=9000.0)])
    moved = b"".join(encoded([record], freq=1 - record.freq) for record in seconds_of(records, 4, 8))
    moved += encoded(seconds_of(records, 7, 8)[:1], freq=2)
    first = made_job(tmp_path, encoded(seconds_of(records, 0, 4)), name="a_1")
    second = made_job(tmp_path, moved, name="a_2", job=other)
    dataset = open_visibilities([first, second])
    assert dataset["band"].values.tolist() == [0, 1, 2]
    assert dataset["frequency"].sel(band=2).values[0] == 9000e6 + 0.5 * 2e6 / 64
    assert int(np.isfinite(dataset["VISIBILITY"].sel(band=2)).all("channel").sum()) == 1
    same_data(dataset.sel(band=[0, 1]), alpha)


def test_subarrays_at_the_same_time_keep_rows_of_their_own(tmp_path, records):
    first = made_job(tmp_path, encoded(records), name="a_1")
    second = made_job(tmp_path, encoded(records, source=1), name="a_2")
    calc = read_calc(ALPHA.with_suffix(".calc"))
    calc.sources.append(replace(calc.sources[0], name="SRCB"))
    write_calc(calc, tmp_path / "a_2.calc", overwrite=True)
    dataset = open_visibilities([first, second])
    assert dataset.sizes["time"] == 16
    assert dataset["field_name"].values.tolist() == ["SRCA", "SRCB"] * 8
    assert dataset.attrs["duplicates"] == 0
    third = made_job(tmp_path, encoded(records, weight=0.5), name="a_3")
    both = open_visibilities([first, third])
    assert both.sizes["time"] == 8
    assert both.attrs["duplicates"] == len(records)
    assert (both["WEIGHT"] == 0.5).all()


def test_phase_centers_of_a_restart(tmp_path):
    zeta = SWIN_JOBS / "zeta_1" / "zeta_1.input"
    whole = open_visibilities(zeta).load()
    content = {}
    for file in list_files(read_input(zeta).companion("difx")):
        data = file.path.read_bytes()
        cut = len(data) * 5 // 8
        content[file.path.name] = data[:cut]
        content[file_name(60310, 43202, file.phase_center)] = data[cut:]
    assert len(content) == 4
    dataset = open_visibilities(made_job(tmp_path, content, like=zeta))
    same_data(dataset, whole)
    np.testing.assert_array_equal(dataset["phase_center_name"].values, whole["phase_center_name"].values)


# --- growing ----------------------------------------------------------------------------------------------


def test_a_growing_file_is_opened_again_with_what_has_come(tmp_path, records, alpha):
    content = encoded(records)
    input_file = made_job(tmp_path, content[: 48 * RECORD * 3 + 100])
    path = tmp_path / "made_1.difx" / USUAL
    with pytest.raises(FileFormatError, match=f"byte {48 * RECORD * 3}"):
        open_visibilities(input_file)
    first = open_visibilities(input_file, growing=True)
    assert first.sizes["time"] == 3
    kept = pickle.dumps(first)
    with path.open("ab") as stream:
        stream.write(content[48 * RECORD * 3 + 100 : 48 * RECORD * 5 + 74 * 3])
    second = reopen(first)
    assert second.sizes["time"] == 5
    same_data(second, alpha.isel(time=slice(0, 5)))
    same_data(first, alpha.isel(time=slice(0, 3)))
    same_data(pickle.loads(kept), alpha.isel(time=slice(0, 3)))
    path.write_bytes(content)
    same_data(reopen(second), alpha)
    same_data(pickle.loads(kept), alpha.isel(time=slice(0, 3)))


def test_an_integration_that_is_being_written_is_complete_later(tmp_path, records, alpha):
    """Baselines that come only with the rest of an integration are missing before, in pickles of then too."""
    content = encoded(records)
    input_file = made_job(tmp_path, content[: 10 * RECORD])
    dataset = open_visibilities(input_file, growing=True)
    kept = pickle.dumps(dataset)
    (tmp_path / "made_1.difx" / USUAL).write_bytes(content)
    then = pickle.loads(kept)
    assert then.sizes["time"] == 1
    assert int((then["WEIGHT"] > 0).sum()) == 10
    assert np.isnan(then["UVW"].sel(baseline="CC-CC")).all()
    same_data(reopen(then), alpha)


def test_files_of_a_restart_turn_up_when_opened_again(tmp_path, records, alpha):
    input_file = made_job(tmp_path, encoded(seconds_of(records, 0, 5)))
    dataset = open_visibilities(input_file, growing=True, chunks={"time": 2})
    (tmp_path / "made_1.difx" / RESTART).write_bytes(encoded(seconds_of(records, 5, 8)))
    again = reopen(dataset)
    assert again["VISIBILITY"].chunksizes["time"] == (2, 2, 2, 2)
    same_data(again, alpha)


def test_dask_does_not_take_a_file_for_what_it_was(tmp_path, records):
    input_file = made_job(tmp_path, encoded(seconds_of(records, 0, 2)))
    names = set()
    for content in (seconds_of(records, 0, 2), seconds_of(records, 0, 3)):
        (tmp_path / "made_1.difx" / USUAL).write_bytes(encoded(content))
        names.add(open_visibilities(input_file, chunks={})["VISIBILITY"].data.name)
    assert len(names) == 2


@settings(max_examples=15, deadline=None)
@given(cut=st.integers(0, 48 * 8 * RECORD))
def test_a_file_that_is_cut_anywhere_holds_its_complete_records(tmp_path_factory, records, alpha, cut):
    input_file = made_job(tmp_path_factory.mktemp("cut"), encoded(records)[:cut])
    dataset = open_visibilities(input_file, growing=True)
    complete = cut // RECORD
    assert int((dataset["WEIGHT"] > 0).sum()) == complete
    assert dataset.sizes["time"] == -(-complete // 48)
    whole = dataset.isel(time=slice(0, complete // 48))
    same_data(whole, alpha.isel(time=slice(0, complete // 48)))


def test_another_process_reads_the_same(tmp_path, records, alpha):
    """It knows nothing but the pickle, and the file has grown meanwhile."""
    input_file = made_job(tmp_path, encoded(seconds_of(records, 0, 6)))
    dataset = open_visibilities(input_file, chunks={"time": 2}).isel(baseline=[2, 0])
    kept = tmp_path / "pickle"
    kept.write_bytes(pickle.dumps(dataset))
    (tmp_path / "made_1.difx" / USUAL).write_bytes(encoded(records))
    program = (
        "import pickle, sys, numpy; from pathlib import Path\n"
        "dataset = pickle.loads(Path(sys.argv[1]).read_bytes())\n"
        "numpy.save(sys.argv[2], dataset['VISIBILITY'].values)\n"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", program, kept, tmp_path / "out.npy"], check=True)
    wanted = alpha["VISIBILITY"].isel(time=slice(0, 6), baseline=[2, 0]).values
    np.testing.assert_array_equal(np.load(tmp_path / "out.npy"), wanted)


def test_only_what_was_opened_can_be_opened_again(alpha):
    with pytest.raises(ValueError, match="does not know from which files"):
        reopen(xr.Dataset({"VISIBILITY": alpha["VISIBILITY"]}))


# --- damage -----------------------------------------------------------------------------------------------


def test_a_file_that_became_shorter_says_so(tmp_path, records):
    content = encoded(records)
    input_file = made_job(tmp_path, content)
    dataset = open_visibilities(input_file)
    kept = pickle.dumps(dataset)
    (tmp_path / "made_1.difx" / USUAL).write_bytes(content[: 40 * RECORD])
    with pytest.raises(FileFormatError, match=USUAL):
        dataset["VISIBILITY"].load()
    with pytest.raises(
        FileFormatError, match=f"had {len(content)} bytes when it was opened, has {40 * RECORD}"
    ):
        pickle.loads(kept)["WEIGHT"].load()


def test_damage_is_an_error_with_its_byte(tmp_path, records):
    content = bytearray(encoded(records))
    content[100 * RECORD : 100 * RECORD + 8] = b"rubbish!"
    with pytest.raises(FileFormatError, match=f"byte {100 * RECORD}"):
        open_visibilities(made_job(tmp_path, bytes(content)))


def test_damage_can_be_passed_over(tmp_path, records, alpha):
    content = bytearray(encoded(records))
    content[100 * RECORD : 100 * RECORD + 8] = b"rubbish!"
    cut = bytes(content[:-50])
    input_file = made_job(tmp_path, cut)
    with pytest.warns(
        DamagedData, match=rf"2 places \({2 * RECORD - 50} bytes\) in 1 files.*byte {100 * RECORD}"
    ):
        dataset = open_visibilities(input_file, on_error="skip")
    frame = skipped_frame(dataset)
    assert frame["offset"].tolist() == [100 * RECORD, 383 * RECORD]
    assert frame["size"].tolist() == [RECORD, RECORD - 50]
    assert set(frame["file"]) == {str(tmp_path / "made_1.difx" / USUAL)}
    assert frame["reason"].str.len().min() > 10
    assert json.loads(dataset.attrs["skipped"])[0]["offset"] == 100 * RECORD
    missing = np.isnan(dataset["VISIBILITY"]).all("channel")
    assert int(missing.sum()) == 2
    lost = xr.where(missing, np.float32(0), alpha["WEIGHT"])
    np.testing.assert_array_equal(lost.transpose(*dataset["WEIGHT"].dims).values, dataset["WEIGHT"].values)
    again = pickle.loads(pickle.dumps(dataset))
    assert_same_bits(again["VISIBILITY"], dataset["VISIBILITY"])


def test_nothing_skipped_is_an_empty_table(alpha):
    frame = skipped_frame(alpha)
    assert list(frame.columns) == ["file", "offset", "size", "reason"]
    assert len(frame) == 0


def test_a_file_that_cannot_be_read_is_passed_over_as_a_whole(tmp_path, records, alpha):
    input_file = made_job(tmp_path, encoded(records))
    gone = tmp_path / "made_1.difx" / RESTART
    gone.symlink_to(tmp_path / "not there")
    with pytest.raises(OSError, match=RESTART):
        open_visibilities(input_file)
    with pytest.warns(DamagedData, match=RESTART):
        dataset = open_visibilities(input_file, on_error="skip")
    same_data(dataset, alpha)
    assert skipped_frame(dataset)["file"].tolist() == [str(gone)]
    assert_same_bits(pickle.loads(pickle.dumps(dataset))["VISIBILITY"], alpha["VISIBILITY"])


def test_a_wrong_input_is_told_from_bands_and_antennas(tmp_path, records):
    job = read_input(ALPHA)
    few_bands = replace(job, freqs=job.freqs[:1])
    with pytest.raises(FileFormatError, match=r"byte \d+.*freq"):
        open_visibilities(ALPHA.parent / "alpha_1.difx", input=few_bands)
    with pytest.raises(FileFormatError, match=r"byte \d+: expected .* is the \.input the one of this file"):
        open_visibilities(ALPHA.parent / "alpha_1.difx", input=LSB)
    two = replace(job, telescopes=job.telescopes[:2])
    with pytest.raises(FileFormatError, match=r"byte \d+: .*antennas 0 and 2; the job has 2.*is the \.input"):
        open_visibilities(ALPHA.parent / "alpha_1.difx", input=two)


def test_products_of_unknown_antennas_can_be_passed_over(tmp_path, records, alpha):
    stranger = encoded(seconds_of(records, 0, 1)[:3], baseline=256 * 1 + 9)
    input_file = made_job(tmp_path, encoded(records) + stranger)
    with pytest.raises(FileFormatError, match=f"byte {384 * RECORD}.*antennas 0 and 8; the job has 3"):
        open_visibilities(input_file)
    with pytest.warns(DamagedData, match="3 places"):
        dataset = open_visibilities(input_file, on_error="skip")
    same_data(dataset, alpha)
    assert skipped_frame(dataset)["size"].tolist() == [RECORD] * 3


@pytest.mark.parametrize(
    "content",
    [b"BASELINE NUM:       258\n" * 20, b"\xff\x00\xff\x00\x00\x00\x00\x01" + bytes(400)],
    ids=["DiFX 1", "big-endian"],
)
def test_other_kinds_of_files_are_refused_by_name(tmp_path, content):
    for on_error in ("raise", "skip"):
        with pytest.raises(DifxError, match=r"DiFX 1|big-endian"):
            open_visibilities(made_job(tmp_path, content, name=f"{on_error}_1"), on_error=on_error)
