# SPDX-License-Identifier: GPL-3.0-or-later
"""Pulse calibration tones applied to visibilities: V · P1 · conj(P2), which takes out delays behind the injection.

In go tones as :func:`difxnb.read_pcal` gives them and blocks of visibilities, out come the same blocks turned. The
phase of a tone rises by 2πντ where it is late by τ, as that of V does by 2πν(τ2 - τ1), so that the product has neither
(``difx-files.md`` 14). Of every antenna, polarization and band a delay is fitted to the tones of an interval, as the
maximum of the sum of the stopped tones; their phases are averaged over the interval relative to the strongest of them,
so that a common phase may drift. The phase for that delay is taken from the tones of every integration by itself. The
delay is ambiguous by 1/(spacing of the tones); a single tone has none.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from difxnb.fringe import estimate_fringe
from difxnb.visibility.accessor.job_tones import aligned, tones_of
from difxnb.visibility.accessor.selecting import band_edges
from difxnb.visibility.fits.blocks import BandData, Block

Complexes = NDArray[np.complex64]
_AXES = ("time", "antenna", "polarization", "tone")
_SAME_HZ = 1.0
_MOST_TONES = 2**14  # of one band, with those that are left out


class ToneCorrections:
    """Tones on the times of visibilities.

    Parameters
    ----------
    dataset : Dataset
        Cross-correlations, one phase centre and pulsar bin or more.
    tones : Dataset or True
        From :func:`difxnb.read_pcal`; True reads those of the job.

    Raises
    ------
    ValueError
        It is no Dataset of tones, or has none at the times and frequencies of the visibilities.
    """

    def __init__(self, dataset: xr.Dataset, tones: xr.Dataset | bool) -> None:
        found = tones_of(dataset) if isinstance(tones, bool) else tones
        if not isinstance(found, xr.Dataset) or "PHASE_CAL" not in found:
            raise ValueError(f"pcal is True or a Dataset of read_pcal; got {type(tones).__name__}")
        placed = aligned(found, dataset)
        self._tones = placed["PHASE_CAL"].transpose(*_AXES).values
        self._frequency = np.asarray(placed["tone_frequency"].values, dtype=float)
        self._antenna = {str(name): row for row, name in enumerate(placed["antenna"].values)}
        self._letter = {str(name): row for row, name in enumerate(placed["polarization"].values)}
        self._pairs = [
            (str(a), str(b))
            for a, b in zip(dataset["antenna1_name"].values, dataset["antenna2_name"].values, strict=True)
        ]
        self._hands = [str(name) for name in dataset["polarization"].values]
        self._edges = band_edges(dataset)
        if not np.isfinite(self._tones[..., self._chosen_anywhere()]).any():
            raise ValueError(
                "the tones of pcal have none at the times and frequencies of these visibilities; give those of this job"
            )

    def applied(self, block: Block) -> tuple[Block, list[NDArray[np.bool_]]]:
        """A block with the tones applied, and of each band which (interval, baseline, polarization) had both."""
        turned = [self._turned(block, band) for band in block.bands]
        return replace(block, bands=[band for band, _ in turned]), [both for _, both in turned]

    def _chosen_anywhere(self) -> NDArray[np.bool_]:
        return np.asarray(np.any([self._inside(place) for place in range(len(self._edges))], axis=0))

    def _inside(self, band: int) -> NDArray[np.bool_]:
        """Tones of a band; not those on its border, where filters leave little of them."""
        low, high, _ = self._edges[band]
        return np.asarray((self._frequency > low + _SAME_HZ) & (self._frequency < high - _SAME_HZ))

    def _turned(self, block: Block, band: BandData) -> tuple[BandData, NDArray[np.bool_]]:
        chosen = self._inside(band.place)
        shape = (len(band.visibility), len(block.seconds), *self._tones.shape[1:3], int(chosen.sum()))
        tones = self._tones[block.times][..., chosen].reshape(shape)
        phasor, known = station_phasors(tones, self._frequency[chosen], band.frequency)
        visibility = np.array(band.visibility, dtype=np.complex64)
        both = np.zeros(visibility.shape[:3], dtype=bool)
        for row, (first, second) in enumerate(self._pairs[block.baselines]):
            for column, hand in enumerate(self._hands):
                ends = [self._place(first, hand[:1]), self._place(second, hand[1:2])]
                there = np.ones(len(visibility), dtype=bool)
                for end, place in enumerate(ends):
                    if place is None:
                        there[:] = False
                        continue
                    one = phasor[:, :, place[0], place[1]]
                    visibility[:, row, column] *= one.conj() if end else one
                    there &= known[:, place[0], place[1]]
                both[:, row, column] = there
        return replace(band, visibility=visibility), both

    def _place(self, antenna: str, letter: str) -> tuple[int, int] | None:
        if antenna not in self._antenna or letter not in self._letter:
            return None
        return self._antenna[antenna], self._letter[letter]


def station_phasors(
    tones: NDArray[Any], tone_frequency: NDArray[np.float64], frequency: NDArray[np.float64]
) -> tuple[Complexes, NDArray[np.bool_]]:
    """Phasors of amplitude 1 that have the phase and the delay of tones.

    Parameters
    ----------
    tones : ndarray, shape (interval, time, antenna, polarization, tone)
        NaN where there is none.
    tone_frequency : ndarray, shape (tone,)
        Hz, ascending.
    frequency : ndarray, shape (channel,)
        Hz, where they are wanted.

    Returns
    -------
    ndarray of complex64, shape (interval, time, antenna, polarization, channel)
        1 where there are no tones.
    ndarray of bool, shape (interval, antenna, polarization)
        Where there are.
    """
    there = np.isfinite(tones)
    filled = np.where(there, tones, 0)
    middle = float(frequency.mean())
    summed = filled.sum(axis=1)
    known = there.any(axis=(1, 4))
    delay = _delays(_steadied(filled), there.any(axis=1), tone_frequency, middle)
    stop = np.exp(-2j * np.pi * delay[..., None] * (tone_frequency - middle))
    of_interval = (summed * stop).sum(axis=-1)
    phasor = (filled * stop[:, None]).sum(axis=-1)
    phasor = np.where(phasor == 0, of_interval[:, None], phasor)
    phasor = np.where(phasor == 0, 1, phasor / np.where(phasor == 0, 1, np.abs(phasor)))
    slope = np.exp(2j * np.pi * delay[..., None] * (frequency - middle))
    return (phasor[..., None] * slope[:, None]).astype(np.complex64), known


def _steadied(tones: NDArray[Any]) -> NDArray[Any]:
    """Sum over the second axis, time, with the phase of the strongest tone taken out of every integration."""
    if not tones.shape[-1]:
        return np.asarray(tones.sum(axis=1))
    strongest = np.abs(tones).sum(axis=1, keepdims=True).argmax(axis=-1, keepdims=True)
    reference = np.take_along_axis(tones, strongest, axis=-1)
    turn = np.where(reference == 0, 0, reference.conj() / np.where(reference == 0, 1, np.abs(reference)))
    return np.asarray((tones * turn).sum(axis=1))


def _delays(
    tones: NDArray[Any], there: NDArray[np.bool_], tone_frequency: NDArray[np.float64], middle: float
) -> NDArray[np.float64]:
    """Delay of the tones along the last axis, s; 0 where there are fewer than two."""
    if tone_frequency.size < 2:
        return np.zeros(tones.shape[:-1])
    steps = np.diff(tone_frequency)
    spacing = steps[steps > _SAME_HZ].min()
    places = np.rint((tone_frequency - tone_frequency[0]) / spacing).astype(np.int64)
    if places[-1] >= _MOST_TONES:
        raise ValueError(
            f"tones of a band are multiples of some spacing; these lie {spacing:g} Hz apart and cover "
            f"{tone_frequency[-1] - tone_frequency[0]:g} Hz"
        )
    grid = np.zeros((*tones.shape[:-1], int(places[-1]) + 1), dtype=complex)
    weight = np.zeros(grid.shape)
    grid[..., places] = tones
    weight[..., places] = there
    frequency = tone_frequency[0] + spacing * np.arange(grid.shape[-1])
    found = estimate_fringe(
        grid, frequency, weight, edge_channels=0, noise=1.0, reference_frequency=middle
    ).delay
    return np.where(there.sum(axis=-1) > 1, found, 0.0)
