# SPDX-License-Identifier: GPL-3.0-or-later
"""Read and write SWIN files: the visibilities in a ``.difx`` folder.

Bytes come in and records go out, and the other way round. Mirrors ``difx-files.md`` 13.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

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
    """SWIN files of a ``.difx`` folder, in order of name."""
    raise NotImplementedError


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
    """Bytes of one record, header and spectrum."""
    raise NotImplementedError


def read_records(
    path: str | Path, channels: Channels | None = None, *, growing: bool = False
) -> Iterator[SwinRecord]:
    """Walk through the records of a SWIN file."""
    raise NotImplementedError


def read_uniform(path: str | Path, channels: int, *, growing: bool = False) -> NDArray[np.void]:
    """Read a SWIN file whose spectra all have the same length as one structured array."""
    raise NotImplementedError
