# SPDX-License-Identifier: GPL-3.0-or-later
"""Mean autocorrelations of the parts of a job, and their levels in time, read a block of time at a time.

In goes the Dataset of autocorrelations; out come what checks of spectra share: means over scans (over several where a
job has so many that their means would not fit into memory), and the mean over channels of every integration. What a
band does not hold is NaN. Amplitudes are those of ``difx-files.md`` 13.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from difxnb.visibility.accessor.grouping import times_ns

_BLOCK_BYTES = 64 * 2**20
_MEANS_BYTES = 32 * 2**20  # of single precision; sums under way take twice that
_AXES = ("time", "baseline", "band", "polarization")


class Spectrum(NamedTuple):
    """One mean autocorrelation: whose it is, and its places on the axes of `AutoSpectra`."""

    part: str
    antenna: str
    band: int
    polarization: str
    place: tuple[int, int, int, int]


@dataclass(frozen=True)
class AutoSpectra:
    """Autocorrelations of a job.

    Attributes
    ----------
    part : list of str
        A scan, or the first and the last of several.
    antenna : list of str
        Of each row of autocorrelations; several rows may be of one antenna.
    band : list of int
        Rows of the FREQ table.
    polarization : list of str
    n_channels : ndarray of int, shape (band,)
        Channels that each band has.
    frequency : ndarray of float64, shape (band, channel)
        Hz.
    mean : ndarray of complex64, shape (part, antenna, band, polarization, channel)
        Mean over time, by weights where they are known; NaN where nothing is.
    n_integrations : ndarray of int, shape (part, antenna, band, polarization)
        Integrations in each mean.
    time_ns : ndarray of int64, shape (time,)
        Middles of the integrations, ns since 1970.
    scan : ndarray of str, shape (time,)
    level : ndarray of float32, shape (time, antenna, band, polarization)
        Mean over channels of the real part; NaN where there are no data.
    """

    part: list[str]
    antenna: list[str]
    band: list[int]
    polarization: list[str]
    n_channels: NDArray[np.int64]
    frequency: NDArray[np.float64]
    mean: NDArray[np.complex64]
    n_integrations: NDArray[np.int64]
    time_ns: NDArray[np.int64]
    scan: NDArray[np.str_]
    level: NDArray[np.float32]

    @cached_property
    def parallel(self) -> list[Spectrum]:
        """The spectra of parallel hands that there are."""
        return [spectrum for spectrum in self.spectra if len(set(spectrum.polarization)) == 1]

    @cached_property
    def spectra(self) -> list[Spectrum]:
        """All spectra that there are."""
        return [
            Spectrum(self.part[p], self.antenna[a], self.band[b], self.polarization[k], (p, a, b, k))
            for p, a, b, k in np.argwhere(self.n_integrations > 0).tolist()
        ]

    def values(self, spectrum: Spectrum) -> NDArray[np.complex128]:
        """Channels of one spectrum, as many as its band has."""
        return self.values_at(spectrum.place)

    def values_at(self, place: tuple[int, int, int, int]) -> NDArray[np.complex128]:
        """Channels of the spectrum at a place, in double precision, so that sums of huge numbers have room."""
        return np.asarray(self.mean[place][: self.n_channels[place[2]]], dtype=np.complex128)

    def inner(self, spectrum: Spectrum, edge: float) -> slice:
        """Channels inside a band: a share of them left out at either end, at least one, where any are left."""
        count = int(self.n_channels[spectrum.place[2]])
        out = min(max(1, round(edge * count)), (count - 1) // 2)
        return slice(out, count - out)


def auto_spectra(autos: xr.Dataset) -> AutoSpectra:
    """Read autocorrelations once, and keep their means; of several phase centres and bins the first, as all agree.

    A spectrum with a channel that is no number is left out: another check counts those.
    """
    autos = autos.isel({name: 0 for name in autos["WEIGHT"].dims if name not in _AXES})
    parts, names = _parts(autos)
    shape = (len(names), *(autos.sizes[axis] for axis in (*_AXES[1:], "channel")))
    sums, weights = np.zeros(shape, np.complex128), np.zeros(shape[:-1])
    counts = np.zeros(shape[:-1], np.int64)
    level = np.full((autos.sizes["time"], *shape[1:-1]), np.nan, np.float32)
    n_channels = np.minimum(autos["n_channels"].values, shape[-1]).astype(np.int64)
    own = np.arange(shape[-1]) < n_channels[:, None]
    for block in _blocks(autos, parts):
        values = autos["VISIBILITY"].isel(time=block).transpose(*_AXES, "channel").values
        weight = autos["WEIGHT"].isel(time=block).transpose(*_AXES).values.astype(float)
        sound = (np.isfinite(values) | ~own[:, None, :]).all(axis=-1)
        there = sound & ~(weight <= 0)
        counted = np.where(there, np.where(np.isnan(weight), 1.0, weight), 0.0)
        part = int(parts[block][0])
        filled = np.where(there[..., None] & own[:, None, :], values, 0)
        sums[part] += np.einsum("tabp,tabpc->abpc", counted, filled)
        weights[part] += counted.sum(axis=0)
        counts[part] += there.sum(axis=0)
        level[block] = np.where(
            there, filled.real.sum(axis=-1, dtype=np.float64) / n_channels[:, None], np.nan
        )
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = (sums / weights[..., None]).astype(np.complex64)
    return AutoSpectra(
        names,
        autos["antenna1_name"].values.astype(str).tolist(),
        autos["band"].values.tolist(),
        autos["polarization"].values.astype(str).tolist(),
        n_channels,
        autos["frequency"].values,
        mean,
        counts,
        times_ns(autos),
        autos["scan_name"].values.astype(str),
        level,
    )


def _parts(autos: xr.Dataset) -> tuple[NDArray[np.int64], list[str]]:
    """The part of each integration, and the names of parts: scans, or several that follow each other."""
    scans = autos["scan_name"].values.astype(str)
    order = {name: number for number, name in enumerate(dict.fromkeys(scans.tolist()))}
    names = list(order)
    one = max(1, autos["VISIBILITY"].nbytes // max(1, autos.sizes["time"]))
    parts = min(len(names), max(1, _MEANS_BYTES // one))
    part_of_scan = np.arange(len(names)) * parts // max(1, len(names))
    called = []
    for part in range(parts):
        members = [names[place] for place in np.flatnonzero(part_of_scan == part)]
        called.append(members[0] if len(members) == 1 else f"{members[0]} to {members[-1]}")
    return part_of_scan[[order[name] for name in scans.tolist()]].astype(np.int64), called


def _blocks(autos: xr.Dataset, parts: NDArray[np.int64]) -> Iterator[slice]:
    """Runs of integrations of one part that are read together."""
    step = max(1, _BLOCK_BYTES // max(1, autos["VISIBILITY"].nbytes // max(1, len(parts))))
    edges = [0, *(np.flatnonzero(np.diff(parts)) + 1).tolist(), len(parts)]
    for begin, end in pairwise(edges):
        for start in range(begin, end, step):
            yield slice(start, min(start + step, end))
