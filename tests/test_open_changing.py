# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs that run while they are looked at, files that are replaced, and jobs of which some have not run."""

from __future__ import annotations

import pickle
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import xarray as xr

from difxnb.errors import DamagedData, FileFormatError, VisibilitiesNotFound
from difxnb.formats.input import read_input
from difxnb.visibility import open_visibilities, reopen, skipped_frame
from tests.stored_jobs import ALPHA, assert_same_bits, encoded, made_job, records_of

USUAL = "DIFX_60310_043200.s0000.b0000"
INTEGRATION = 48 * (74 + 32 * 8)
NAMES = ("VISIBILITY", "WEIGHT", "UVW")


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture(scope="module")
def records():
    return records_of(ALPHA)


def between(records, first, last):
    """Records of the integrations first to last."""
    times = sorted({record.seconds for record in records})[first:last]
    return [record for record in records if record.seconds in times]


# --- jobs that run ----------------------------------------------------------------------------------------

_WRITER = """
import sys
from pathlib import Path
content, target = Path(sys.argv[1]).read_bytes(), Path(sys.argv[2]).open("ab", buffering=0)
for size in map(int, sys.stdin):
    target.write(content[:size])
    content = content[size:]
    print(size, flush=True)
target.write(content)
"""


def test_whatever_a_running_job_has_written_is_what_it_ends_with(tmp_path, records):
    """Another process writes in odd pieces; every look shows complete records only, and those of the end."""
    whole = open_visibilities(ALPHA).load()
    (tmp_path / "content").write_bytes(encoded(records))
    dataset = open_visibilities(made_job(tmp_path, b""), growing=True)
    seen = [dataset.sizes["time"]]
    with subprocess.Popen(
        [sys.executable, "-c", _WRITER, tmp_path / "content", tmp_path / "made_1.difx" / USUAL],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        bufsize=1,
    ) as writer:
        for size in (1, 73, 7000, INTEGRATION, 330, 5, 2 * INTEGRATION - 40, 12345):
            writer.stdin.write(f"{size}\n")
            writer.stdout.readline()
            dataset = reopen(dataset)
            seen.append(dataset.sizes["time"])
            then = whole.isel(time=slice(0, seen[-1]))
            there = dataset["WEIGHT"] > 0
            assert_same_bits(dataset["WEIGHT"], then["WEIGHT"].where(there, 0).transpose(*there.dims))
            assert_same_bits(dataset["VISIBILITY"].load(), then["VISIBILITY"].where(there))
            assert there.isel(time=slice(0, -1)).all()
        writer.stdin.close()
    assert seen == sorted(seen)
    assert seen[0] == 0 < seen[-1] < 8
    xr.testing.assert_equal(reopen(dataset).load(), whole)


def test_a_later_look_by_xarray_is_no_look_into_the_past(tmp_path, records):
    """xarray makes names for dask of a folder's time, which does not change while files in it grow."""
    input_file = made_job(tmp_path, encoded(between(records, 0, 2)))
    folder, names = input_file.with_suffix(".difx"), []
    for count in (2, 3, None):
        if count:
            (folder / USUAL).write_bytes(encoded(between(records, 0, count)))
        lazy = xr.open_dataset(folder, engine="difx", chunks={}, growing=True)
        names.append({lazy[name].data.name for name in NAMES})
        xr.testing.assert_identical(lazy.compute(), open_visibilities(input_file).load())
    assert names[0].isdisjoint(names[1])
    assert names[1] == names[2]


# --- files that are replaced ------------------------------------------------------------------------------


@pytest.mark.parametrize("change", [{"mjd": 60311}, {"weight": 0.25}], ids=["another day", "other weights"])
def test_a_file_of_another_run_is_not_taken_for_the_one_that_was_opened(tmp_path, records, change):
    """It has the same products at the same bytes: only times and weights tell."""
    dataset = open_visibilities(made_job(tmp_path, encoded(records)))
    kept = pickle.dumps(dataset)
    (tmp_path / "made_1.difx" / USUAL).write_bytes(encoded(records, **change))
    with pytest.raises(FileFormatError, match=rf"{USUAL}, byte 0: .*this time and weight.*open it anew"):
        dataset["VISIBILITY"].load()
    for name in NAMES:
        with pytest.raises(FileFormatError, match=rf"{USUAL}: holds other times or weights.*open it again"):
            pickle.loads(kept)[name].load()
    assert reopen(dataset).sizes == dataset.sizes


# --- several jobs of which some cannot be had -------------------------------------------------------------


@pytest.fixture
def some_jobs(tmp_path, records):
    """Two good jobs, one that has not run, one of DiFX 1, and one whose .input is damaged."""
    for name, content in {
        "a_1": encoded(between(records, 0, 3)),
        "a_2": encoded(between(records, 3, 8)),
        "a_3": b"",
        "a_4": b"BASELINE NUM:       258\n" * 20,
        "a_5": encoded(between(records, 0, 1)),
    }.items():
        made_job(tmp_path, content, name=name)
    (tmp_path / "a_3.difx" / USUAL).unlink()
    (tmp_path / "a_3.difx").rmdir()
    (tmp_path / "a_5.input").write_text("rubbish")
    return tmp_path


def test_jobs_that_cannot_be_had_are_left_out_if_that_is_asked_for(some_jobs):
    files = sorted(some_jobs.glob("*.input"))
    wanted = open_visibilities(ALPHA).load()
    for source in (str(some_jobs / "*.input"), files, [files[:1], [str(some_jobs / "a_[2345].input")]]):
        with pytest.raises(VisibilitiesNotFound, match=r"a_3\.difx: was the job run"):
            open_visibilities(source)
        with pytest.warns(
            DamagedData, match=r"3 jobs or files were passed over as a whole.*a_3\.input.*was the job run"
        ):
            dataset = open_visibilities(source, on_error="skip")
        for name in NAMES:
            assert_same_bits(dataset[name], wanted[name])
        frame = skipped_frame(dataset)
        assert sorted(frame["file"]) == [
            str(some_jobs / name) for name in ("a_3.input", "a_4.difx", "a_5.input")
        ]
        assert frame.set_index("file")["reason"].str.contains("was the job run|DiFX 1|COMMON SETTINGS").all()
        assert (frame[["offset", "size"]] == 0).all(axis=None)


def test_a_job_that_has_run_meanwhile_is_there_when_opened_again(some_jobs, records):
    with pytest.warns(DamagedData):
        dataset = open_visibilities([some_jobs / "a_1.input", some_jobs / "a_3.input"], on_error="skip")
    assert dataset.sizes["time"] == 3
    (some_jobs / "a_3.difx").mkdir()
    (some_jobs / "a_3.difx" / USUAL).write_bytes(encoded(between(records, 5, 8)))
    again = reopen(dataset)
    assert again.sizes["time"] == 6
    assert again.attrs["skipped"] == ""


def test_names_that_mean_nothing_are_left_out_too_but_not_all_of_them(some_jobs):
    named = [some_jobs / "a_1.input", some_jobs / "nowhere.difx", some_jobs / "x*.difx"]
    with pytest.warns(DamagedData, match="2 jobs or files"):
        assert open_visibilities(named, on_error="skip").sizes["time"] == 3
    for source in (named[1], named[1:], some_jobs / "a_3.input", [some_jobs / "a_3.input"]):
        with pytest.raises(VisibilitiesNotFound):
            open_visibilities(source, on_error="skip")
    with pytest.raises(FileFormatError, match="DiFX 1"):
        open_visibilities([some_jobs / "a_4.input", some_jobs / "a_3.input"], on_error="skip")
    with pytest.raises(TypeError, match="opened from paths"):
        open_visibilities([some_jobs / "a_1.input", 3], on_error="skip")


def test_a_damaged_calc_costs_names_only(tmp_path, records):
    input_file = made_job(tmp_path, encoded(records))
    (tmp_path / "made_1.calc").write_text("NUM SCANS: x")
    with pytest.raises(FileFormatError, match=r"made_1\.calc"):
        open_visibilities(input_file)
    with pytest.warns(DamagedData, match=r"made_1\.calc"):
        dataset = open_visibilities(input_file, on_error="skip")
    assert_same_bits(dataset["VISIBILITY"], open_visibilities(ALPHA)["VISIBILITY"])
    assert set(dataset["scan_name"].values) == {""}


def test_sources_that_come_one_by_one_are_remembered(tmp_path, records):
    made_job(tmp_path, encoded(records))
    dataset = open_visibilities(path for path in [tmp_path / "made_1.input"])
    assert reopen(dataset).sizes == dataset.sizes


def test_ascii_output_is_told_even_where_there_is_none(tmp_path):
    job = replace(read_input(ALPHA), output_format="ASCII")
    input_file = made_job(tmp_path, b"", job=job)
    (tmp_path / "made_1.difx" / USUAL).unlink()
    (tmp_path / "made_1.difx").rmdir()
    with pytest.raises(FileFormatError, match="ASCII"):
        open_visibilities(input_file)


# --- chunks -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("chunks", [0, True, "64MB", {"tiem": 2}, {"time": 0}, {"channel": -2}, {0: 2}])
def test_chunks_that_mean_nothing_are_refused(chunks):
    with pytest.raises(ValueError, match="chunks"):
        open_visibilities(ALPHA, chunks=chunks)


def test_chunks_along_what_a_job_has_only_one_of():
    lazy = open_visibilities(ALPHA, chunks={"phase_center": 1, "time": 4})
    assert lazy["VISIBILITY"].chunksizes["time"] == (4, 4)
    assert np.isfinite(lazy["VISIBILITY"]).all()
