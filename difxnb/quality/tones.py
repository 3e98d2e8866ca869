# SPDX-License-Identifier: GPL-3.0-or-later
"""Pulse calibration tones that a job was to measure, beside those that it did measure.

In go the sampling of bands by the ``.input`` and the Dataset of :func:`difxnb.read_pcal`; out come combs: the tones of
one antenna, band and letter of polarization (``difx-files.md`` 14).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from difxnb.quality.sampling import Sampling

if TYPE_CHECKING:
    import xarray as xr

    from difxnb.formats.input import Input

_SAME = 0.25  # of the spacing, within which a tone is the one that was to be measured


@dataclass(frozen=True)
class Comb:
    """Tones of one antenna, band and letter.

    Attributes
    ----------
    antenna : str
    band : int
        Row of the FREQ table.
    letter : str
    frequency : ndarray, shape (tone,)
        Hz, ascending: every tone that was to be measured, without those at the edges of the band.
    time_ns : ndarray of int64, shape (time,)
    length_s : ndarray, shape (time,)
        Of the integrations.
    tones : ndarray of complex64, shape (time, tone)
        NaN where there is none.
    """

    antenna: str
    band: int
    letter: str
    frequency: NDArray[np.float64]
    time_ns: NDArray[np.int64]
    length_s: NDArray[np.float64]
    tones: NDArray[np.complex64]


def expected_tones(
    inp: Input, samplings: Mapping[tuple[str, int, str], Sampling], edge: float
) -> dict[tuple[str, int, str], NDArray[np.float64]]:
    """Frequencies (Hz) of the tones of every antenna, band and letter for which the job extracts any.

    Bands that cover the same sky are named by the first of their rows, as tones are. A share `edge` of the width of
    the band is left out at either end, where filters take tones away.
    """
    found = {}
    for (antenna, row, letter), sampling in samplings.items():
        freq = inp.freqs[row]
        first = next(number for number, other in enumerate(inp.freqs) if other.same_band(freq))
        out = edge * freq.bandwidth_hz
        tones = sampling.tones(freq.low_edge_hz + out, freq.low_edge_hz + freq.bandwidth_hz - out)
        if sampling.whole and row == first and tones.size:
            found[antenna, row, letter] = tones
    return found


def measured_tones(pcal: xr.Dataset) -> dict[tuple[str, int, str], NDArray[np.float64]]:
    """Frequencies of the tones that any integration has, for jobs whose ``.input`` is not there."""
    values = pcal["PHASE_CAL"].transpose("time", "antenna", "polarization", "tone").values
    there = np.isfinite(values).any(axis=0)
    bands, frequency = pcal["band"].values, pcal["tone_frequency"].values
    return {
        (str(antenna), int(band), str(letter)): frequency[there[row, column] & (bands == band)]
        for row, antenna in enumerate(pcal["antenna"].values)
        for column, letter in enumerate(pcal["polarization"].values)
        for band in np.unique(bands[there[row, column]])
    }


def combs(pcal: xr.Dataset, expected: Mapping[tuple[str, int, str], NDArray[np.float64]]) -> Iterator[Comb]:
    """The tones that were to be measured, with what was measured of them; NaN where nothing was."""
    time_ns = pcal["time"].values.astype("datetime64[ns]").astype(np.int64)
    length_s = pcal["INTEGRATION_TIME"].values.astype(float)
    antennas, letters = (pcal[name].values.astype(str).tolist() for name in ("antenna", "polarization"))
    values = pcal["PHASE_CAL"].transpose("time", "antenna", "polarization", "tone")
    for (antenna, band, letter), frequency in expected.items():
        tones = np.full((len(time_ns), len(frequency)), np.nan, dtype=np.complex64)
        if antenna in antennas and letter in letters:
            own = np.flatnonzero(pcal["band"].values == band)
            here = values[:, antennas.index(antenna), letters.index(letter), own].values
            for place, nearest in _nearest(frequency, pcal["tone_frequency"].values[own]):
                tones[:, place] = here[:, nearest]
        yield Comb(antenna, band, letter, frequency, time_ns, length_s, tones)


def _nearest(wanted: NDArray[np.float64], there: NDArray[np.float64]) -> Iterator[tuple[int, int]]:
    """Places of wanted tones with the places of what is there of them."""
    near = _SAME * float(np.min(np.diff(wanted), initial=np.inf)) if len(wanted) > 1 else 1.0
    for place, frequency in enumerate(wanted):
        if there.size:
            closest = int(np.abs(there - frequency).argmin())
            if abs(there[closest] - frequency) <= near:
                yield place, closest
