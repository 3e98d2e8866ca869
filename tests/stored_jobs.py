# SPDX-License-Identifier: GPL-3.0-or-later
"""Small jobs on disk, and the plain way to read their SWIN files: record by record into a dense array."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import xarray as xr

from difxnb.formats.calc import read_calc, write_calc
from difxnb.formats.input import Input, read_input, write_input
from difxnb.formats.swin import SwinRecord, encode_record, file_name, list_files, read_records

REFERENCE = Path(__file__).parent / "reference"
SWIN_JOBS = REFERENCE / "mpifxcorr-output"
RAW_JOBS = REFERENCE / "raw-jobs"
JOBS = [*sorted(SWIN_JOBS.glob("*/*.input")), *sorted(RAW_JOBS.glob("*/*.input"))]
ALPHA = SWIN_JOBS / "alpha_1" / "alpha_1.input"
EPOCH = np.datetime64("1858-11-17T00:00:00", "ns")


def encoded(records: Iterable[SwinRecord], **changes: object) -> bytes:
    """Bytes of records, with fields changed in all of them."""
    names = (
        "baseline", "mjd", "seconds", "config", "source", "freq", "polarization", "pulsar_bin", "weight", "uvw",
        "spectrum",
    )  # fmt: skip
    return b"".join(
        encode_record(**{name: changes.get(name, getattr(record, name)) for name in names})
        for record in records
    )


def records_of(input_file: Path) -> list[SwinRecord]:
    """Every record of a job, in order of its files."""
    job = read_input(input_file)
    files = list_files(job.companion("difx"))
    return [record for file in files for record in read_records(file.path, job.channels)]


def made_job(
    folder: Path,
    content: bytes | dict[str, bytes],
    *,
    name: str = "made_1",
    job: Input | None = None,
    like: Path = ALPHA,
) -> Path:
    """Write a job with these SWIN files; gives its ``.input``."""
    job = job or read_input(like)
    input_file = folder / f"{name}.input"
    named = replace(job, calc_filename=f"{name}.calc", output_filename=f"{name}.difx")
    write_input(named, input_file)
    write_calc(read_calc(like.with_suffix(".calc")), folder / f"{name}.calc")
    output = folder / f"{name}.difx"
    output.mkdir()
    usual = file_name(job.start_mjd, job.start_seconds)
    for file, data in ({usual: content} if isinstance(content, bytes) else content).items():
        (output / file).write_bytes(data)
    return input_file


def swapped(job: Input) -> Input:
    """The same job with its antennas numbered the other way round."""
    last = len(job.telescopes) - 1
    streams = [replace(stream, telescope_index=last - stream.telescope_index) for stream in job.datastreams]
    return replace(job, telescopes=job.telescopes[::-1], datastreams=streams)


def expected_arrays(dataset: xr.Dataset, jobs: Iterable[Path]) -> xr.Dataset:
    """VISIBILITY, WEIGHT and UVW of jobs on the coordinates of a Dataset, put there one record at a time."""
    made = xr.Dataset(
        {
            "VISIBILITY": dataset["VISIBILITY"].copy(
                data=np.full(dataset["VISIBILITY"].shape, np.nan, np.complex64)
            ),
            "WEIGHT": dataset["WEIGHT"].copy(data=np.zeros(dataset["WEIGHT"].shape, np.float32)),
            "UVW": dataset["UVW"].copy(data=np.full(dataset["UVW"].shape, np.nan)),
        }
    )
    for input_file in jobs:
        job = read_input(input_file)
        for file in list_files(job.companion("difx")):
            for record in read_records(file.path, job.channels):
                put(made, job, record, file.phase_center)
    return made


def put(made: xr.Dataset, job: Input, record: SwinRecord, center: int) -> None:
    """Put one record where its names say."""
    first, second = (job.telescopes[row].name for row in (record.antenna1, record.antenna2))
    day = np.timedelta64(record.mjd, "D")
    place = {
        "time": EPOCH + day + np.timedelta64(round(record.seconds * 1e9), "ns"),
        "baseline": f"{first}-{second}",
        **({"phase_center": center} if "phase_center" in made["WEIGHT"].dims else {}),
    }
    spectral = {"band": record.freq, "polarization": record.polarization}
    if "pulsar_bin" in made["WEIGHT"].dims:
        spectral["pulsar_bin"] = record.pulsar_bin
    made["UVW"].loc[place] = np.array(record.uvw)
    made["WEIGHT"].loc[place | spectral] = record.weight
    at = made["WEIGHT"].get_index("time").get_loc(place["time"])
    indices = {"time": at} | {
        name: made["WEIGHT"].get_index(name).get_loc(value)
        for name, value in (place | spectral).items()
        if name != "time"
    }
    order = tuple(indices[name] for name in made["WEIGHT"].dims)
    made["VISIBILITY"].values[order][: len(record.spectrum)] = record.spectrum


def assert_same_bits(found: xr.DataArray, wanted: xr.DataArray) -> None:
    """The same numbers, bit by bit, and NaN at the same places."""
    assert found.dims == wanted.dims
    assert found.dtype == wanted.dtype
    ours, theirs = np.ascontiguousarray(found.values), np.ascontiguousarray(wanted.values)
    missing = np.isnan(theirs)
    np.testing.assert_array_equal(np.isnan(ours), missing)
    width = ours.dtype.itemsize
    bits = [
        np.where(missing[..., None], 0, one[..., None].view(np.uint8).reshape(*one.shape, width))
        for one in (ours, theirs)
    ]
    np.testing.assert_array_equal(*bits)
