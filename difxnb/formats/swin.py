# SPDX-License-Identifier: GPL-3.0-or-later
"""Read and write SWIN files: the visibilities in a ``.difx`` folder.

Bytes come in and records go out, and the other way round. Mirrors ``difx-files.md`` 13.
"""

from __future__ import annotations

import mmap
import re
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from difxnb.errors import FileFormatError

SYNC = 0xFF00FF00
VERSION = 1
HEADER = np.dtype(
    [
        ("sync", "<u4"),
        ("version", "<i4"),
        ("baseline", "<i4"),
        ("mjd", "<i4"),
        ("seconds", "<f8"),
        ("config", "<i4"),
        ("source", "<i4"),
        ("freq", "<i4"),
        ("polarization", "S2"),
        ("pulsar_bin", "<i4"),
        ("weight", "<f8"),
        ("uvw", "<f8", (3,)),
    ]
)
"""The 74 bytes before every spectrum, packed."""

Channels = Callable[[int], int] | Mapping[int, int]
"""Channels of a spectrum by row of the FREQ table."""

_Counts = Callable[[int], int] | dict[int, int]
_Content = bytes | mmap.mmap
_HEADER = struct.Struct("<Iiiidiii2sidddd")
_FREQ = 7
_START = struct.pack("<Ii", SYNC, VERSION)
CHANNEL_BYTES = 8
_FILE_NAME = re.compile(r"DIFX_(\d{5,})_(\d{6,})\.s(\d{4,})\.b(\d{4,})")


@dataclass(frozen=True, slots=True)
class SwinRecord:
    """One spectrum of one product and integration.

    Attributes
    ----------
    baseline : int
        256 · (row of antenna 1 + 1) + row of antenna 2 + 1, rows of the TELESCOPE table.
    mjd, seconds : int, float
        Centre of the integration, UTC; seconds may be 86400 and more.
    source, freq : int
        Row of the ``.calc``'s source list, and of the ``.input``'s FREQ table.
    polarization : str
        Letters of antenna 1 and antenna 2.
    weight : float
        Fraction of the integration with valid data.
    uvw : tuple of float
        Position of antenna 2 minus that of antenna 1, m.
    spectrum : ndarray
        complex64, shape (channels,), ascending in sky frequency.
    offset : int
        Byte of the file at which the record starts.
    """

    baseline: int
    mjd: int
    seconds: float
    config: int
    source: int
    freq: int
    polarization: str
    pulsar_bin: int
    weight: float
    uvw: tuple[float, float, float]
    spectrum: NDArray[np.complex64]
    offset: int

    @property
    def antenna1(self) -> int:
        """Row of the first antenna."""
        return self.baseline // 256 - 1

    @property
    def antenna2(self) -> int:
        """Row of the second antenna."""
        return self.baseline % 256 - 1


@dataclass(frozen=True, slots=True)
class SwinFile:
    """A SWIN file as its name tells: start of the job, phase centre within the scan, pulsar bin."""

    path: Path
    start_mjd: int
    start_seconds: int
    phase_center: int
    pulsar_bin: int


def baseline_number(antenna1: int, antenna2: int) -> int:
    """Baseline number of two rows of the TELESCOPE table."""
    return 256 * (antenna1 + 1) + antenna2 + 1


def file_name(start_mjd: int, start_seconds: float, phase_center: int = 0, pulsar_bin: int = 0) -> str:
    """Name of a SWIN file of a job that starts at a time."""
    return f"DIFX_{start_mjd:05d}_{int(start_seconds):06d}.s{phase_center:04d}.b{pulsar_bin:04d}"


def list_files(folder: str | Path) -> list[SwinFile]:
    """SWIN files of a ``.difx`` folder in order of name, so of restart, phase centre and pulsar bin."""
    named = (name_of(path) for path in sorted(Path(folder).iterdir()))
    return [file for file in named if file is not None]


def name_of(path: Path) -> SwinFile | None:
    """What the name of a SWIN file tells; None where the file is not named as one."""
    match = _FILE_NAME.fullmatch(path.name)
    return None if match is None else SwinFile(path, *(int(group) for group in match.groups()))


def encode_record(
    *,
    baseline: int,
    mjd: int,
    seconds: float,
    config: int,
    source: int,
    freq: int,
    polarization: str,
    pulsar_bin: int,
    weight: float,
    uvw: Sequence[float],
    spectrum: NDArray[Any],
) -> bytes:
    """Bytes of one record, header and spectrum; the arguments are those of :class:`SwinRecord`."""
    if len(polarization) != 2 or not polarization.isascii():
        raise ValueError(f"a polarisation pair has two letters, not {polarization!r}")
    u, v, w = uvw
    header = _HEADER.pack(
        SYNC,
        VERSION,
        baseline,
        mjd,
        seconds,
        config,
        source,
        freq,
        polarization.encode("ascii"),
        pulsar_bin,
        weight,
        u,
        v,
        w,
    )
    return header + np.ascontiguousarray(spectrum, dtype="<c8").tobytes()


def read_records(
    path: str | Path, channels: Channels | None = None, *, growing: bool = False
) -> Iterator[SwinRecord]:
    """Walk through the records of a SWIN file.

    Parameters
    ----------
    path : str or Path
        The file; it may be empty.
    channels : callable or mapping, optional
        Channels of a spectrum by row of the FREQ table, for example ``Input.channels``. Without it they are
        found from the distance to the next record.
    growing : bool
        Whether the correlator may still be writing: an incomplete last record then ends the walk quietly.

    Yields
    ------
    SwinRecord

    Raises
    ------
    FileFormatError
        With the byte at which the damaged record starts: no sync word, another byte order or header version,
        a frequency that `channels` does not know, or (unless `growing`) a last record that is not complete.
    """
    counts = _known_counts(channels)
    with open(path, "rb") as stream:
        if not stream.seek(0, 2):
            return
        with mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
            offset = 0
            while offset < len(content):
                record = _record_at(path, content, offset, counts)
                if record is None:
                    if growing:
                        return
                    raise _damage(path, offset, f"the last record ends after {len(content) - offset} bytes")
                yield record
                offset += HEADER.itemsize + record.spectrum.nbytes


def read_uniform(path: str | Path, channels: int, *, growing: bool = False) -> NDArray[np.void]:
    """Read a SWIN file whose spectra all have the same length, all at once.

    Parameters
    ----------
    path : str or Path
        The file; it may be empty.
    channels : int
        Channels of every spectrum.
    growing : bool
        Whether the correlator may still be writing: a last record that is not complete is then left out.

    Returns
    -------
    ndarray
        Shape (records,), with the fields of ``HEADER`` and ``spectrum``, complex64 of shape (channels,).

    Raises
    ------
    FileFormatError
        With the byte of the first record that does not begin as one, or that is not complete.
    """
    record_type = np.dtype([*HEADER.descr, ("spectrum", "<c8", (channels,))])
    size = Path(path).stat().st_size
    records = np.fromfile(path, dtype=record_type, count=size // record_type.itemsize)
    bad = np.flatnonzero((records["sync"] != SYNC) | (records["version"] != VERSION))
    if bad.size:
        first = int(bad[0])
        _check_start(path, records[first].tobytes(), 0, first * record_type.itemsize)
    if not growing and size % record_type.itemsize:
        rest = size % record_type.itemsize
        raise _damage(path, size - rest, f"the last record ends after {rest} of {record_type.itemsize} bytes")
    return records


def _damage(path: str | Path, offset: int, problem: str) -> FileFormatError:
    return FileFormatError(path, f"byte {offset}", problem)


def _known_counts(channels: Channels | None) -> _Counts:
    """Counts by row; without knowledge an empty table, to be filled while reading."""
    if channels is None:
        return {}
    return channels.__getitem__ if isinstance(channels, Mapping) else channels


def problem_of_start(start: bytes) -> str:
    """What keeps the first 8 bytes of a record from being sync word and version; empty when nothing does.

    Fewer bytes, at the end of a file, may still become them.
    """
    if _START.startswith(start):
        return ""
    if start[:4] == _START[:4]:
        version = int.from_bytes(start[4:], "little", signed=True)
        return f"header version {version}; only version {VERSION} is known"
    if start[:4] == _START[:4][::-1]:
        return "written in the other byte order (big-endian); it cannot be read"
    if start[:4] == b"BASE":
        return "ASCII headers of DiFX 1; only DiFX 2 can be read"
    return f"expected the sync word {_START[:4].hex()}, found {start[:4].hex()}"


def _check_start(path: str | Path, content: _Content, position: int, offset: int) -> None:
    """Refuse what does not begin as a record."""
    problem = problem_of_start(bytes(content[position : position + len(_START)]))
    if problem:
        raise _damage(path, offset, problem)


def _record_at(path: str | Path, content: mmap.mmap, offset: int, counts: _Counts) -> SwinRecord | None:
    """Record that starts at a byte; None where the file ends inside it."""
    _check_start(path, content, offset, offset)
    start = offset + HEADER.itemsize
    if start > len(content):
        return None
    header = _HEADER.unpack_from(content, offset)
    n_channels = _channels(path, content, offset, header[_FREQ], counts)
    end = start + n_channels * CHANNEL_BYTES
    if end > len(content):
        return None
    baseline, mjd, seconds, config, source, freq, polarization, pulsar_bin, weight, u, v, w = header[2:]
    return SwinRecord(
        baseline=baseline,
        mjd=mjd,
        seconds=seconds,
        config=config,
        source=source,
        freq=freq,
        polarization=polarization.decode("latin-1"),
        pulsar_bin=pulsar_bin,
        weight=weight,
        uvw=(u, v, w),
        spectrum=np.frombuffer(content[start:end], dtype="<c8"),
        offset=offset,
    )


def _channels(path: str | Path, content: mmap.mmap, offset: int, freq: int, counts: _Counts) -> int:
    """Channels of the record at a byte."""
    if isinstance(counts, dict):
        if freq not in counts:
            counts[freq] = _distance(content, offset + HEADER.itemsize) // CHANNEL_BYTES
        return counts[freq]
    try:
        n_channels = counts(freq)
    except LookupError:
        raise _damage(path, offset, f"refers to frequency {freq}, which the job does not have") from None
    if n_channels < 1:
        raise _damage(path, offset, f"frequency {freq} has {n_channels} channels")
    return n_channels


def _distance(content: mmap.mmap, start: int) -> int:
    """Bytes from the start of a spectrum to the next record, or to the end of the file."""
    found = content.find(_START, start)
    while found >= 0 and (found - start) % CHANNEL_BYTES:
        found = content.find(_START, found + 1)
    return (found if found >= 0 else len(content)) - start
