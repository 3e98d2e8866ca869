# SPDX-License-Identifier: GPL-3.0-or-later
"""What the samples of a datastream hold of pulse calibration tones.

Samples come in and sums of x(n) exp(-2πi f n / rate) go out, where n counts from a whole second of the recorded time
and f from the band edge. Nothing is delayed or fringe-rotated before, so the phases are those of the station's own
clock. Scale and sign are those of mpifxcorr's files (``difx-files.md`` 14).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from difxnb.server.engine.combs import Comb
from difxnb.server.engine.spectra import Chunks, FeedSamples, Workspace
from difxnb.server.engine.station import phasors


class ToneSums:
    """Sums over transforms of a datastream.

    Attributes
    ----------
    values : ndarray
        complex128, shape (band, tone).
    weights : ndarray
        Shape (band,): sum of the validities of the transforms.
    """

    def __init__(self, comb: Comb) -> None:
        self.values = np.zeros((len(comb.bands), comb.most), np.complex128)
        self.weights = np.zeros(len(comb.bands))

    def add(self, other: ToneSums) -> None:
        """Add the sums over other transforms."""
        self.values += other.values
        self.weights += other.weights

    def tones(self, comb: Comb, samples: int) -> NDArray[np.complex64]:
        """Mean per sample, as DiFX states it: phase +2πfτ for a tone late by τ; 0 where nothing was recorded."""
        weights = self.weights[:, np.newaxis] * samples
        mean = np.divide(self.values, weights, out=np.zeros_like(self.values), where=weights > 0)
        lower = np.array([[band.lower] for band in comb.bands])
        return np.where(lower, mean, mean.conj()).astype(np.complex64)


class ToneExtractor:
    """Sums the tones of one datastream over the transforms of a piece.

    Parameters
    ----------
    comb : Comb
        What to look for.
    samples, rate : int
        Samples in a transform, and in a second.
    """

    def __init__(self, comb: Comb, samples: int, rate: int) -> None:
        self._comb, self._samples, self._rate = comb, samples, rate
        self._tables = {band.offset_hz: self._table(band.offset_hz) for band in comb.bands if band.offset_hz}

    def sums(
        self,
        samples: FeedSamples,
        starts: NDArray[np.int64],
        validity: NDArray[np.float64],
        chunks: Chunks,
        workspace: Workspace,
    ) -> ToneSums:
        """Sum over transforms.

        Parameters
        ----------
        samples : FeedSamples
            Of the datastream.
        starts : ndarray
            First sample of each transform.
        validity : ndarray
            Share of good samples, shape (band, transform); transforms of none are left out.
        chunks : Chunks
            How the transforms are cut.
        workspace : Workspace
            Memory to use.
        """
        sums = ToneSums(self._comb)
        sums.weights = validity.sum(axis=1)
        for row, band in enumerate(self._comb.bands):
            if band.offset_hz:
                turned = self._start_phasors(band.offset_hz, starts) * (validity[row] > 0)[:, np.newaxis]
                for chunk in chunks:
                    found = self._found(row, samples, chunk, workspace)
                    total = np.einsum("kt,kt->t", found, turned[chunk[0] : chunk[1]])
                    sums.values[row, : len(total)] += total
        return sums

    def _found(
        self, row: int, samples: FeedSamples, chunk: tuple[int, int], workspace: Workspace
    ) -> NDArray[np.complex64]:
        """Tones in each transform of a chunk, counted from its own first sample, shape (transform, tone)."""
        table = self._tables[self._comb.bands[row].offset_hz]
        parts = [levels @ table for _, _, levels in samples.runs(row, chunk, self._samples, workspace)]
        return np.concatenate(parts).view(np.complex64)

    def _table(self, offsets: Sequence[int]) -> NDArray[np.float32]:
        """Factors of the samples of a transform, each of which comes twice, shape (2 · sample, 2 · tone)."""
        numbers = np.arange(self._samples)[:, np.newaxis]
        factors = phasors(-(numbers * np.array(offsets) % self._rate) / self._rate) / 2
        return np.repeat(factors, 2, axis=0).view(np.float32)

    def _start_phasors(self, offsets: Sequence[int], starts: NDArray[np.int64]) -> NDArray[np.complex128]:
        """Factors of transforms, shape (transform, tone); whole numbers keep the phase exact however late it is."""
        cycles = (starts % self._rate)[:, np.newaxis] * np.array(offsets) % self._rate
        return np.asarray(np.exp(-2j * math.pi * cycles / self._rate))
