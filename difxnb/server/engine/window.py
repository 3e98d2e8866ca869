# SPDX-License-Identifier: GPL-3.0-or-later
"""A stretch of one datastream's recording, packed as it was recorded, and how to decode it.

Made by :mod:`difxnb.server.engine.voltages`, used wherever the arithmetic is done. Nothing here reads files.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from difxnb.server.engine.decoding import Decoder


@dataclass(frozen=True, slots=True)
class Packing:
    """How the samples of a recording are packed.

    Attributes
    ----------
    decoder : Decoder
        For every thread.
    bands : list of (int, int)
        Row of the windows' payload, and channel, of every recorded band.
    """

    decoder: Decoder
    bands: list[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of one datastream's recording.

    Attributes
    ----------
    payload : ndarray
        uint8, shape (thread, byte): packed samples, nothing of use where frames are missing; some spare bytes
        follow.
    valid : ndarray
        Shape (thread, frame): frames that are there and good.
    start : int
        First sample, counted from the reference second.
    frame_samples : int
        Samples per channel in a frame.
    spans : tuple of (int, int)
        Samples between which the files have data at all, first and one past the last.
    """

    payload: NDArray[np.uint8]
    valid: NDArray[np.bool_]
    start: int
    frame_samples: int
    spans: tuple[tuple[int, int], ...]

    def good_fraction(self, thread: int, starts: NDArray[np.int64], length: int) -> NDArray[np.float64]:
        """Share of good samples in blocks of `length` samples; 0 for blocks that stick out of the data."""
        counts = np.concatenate([[0], np.cumsum(self.valid[thread])]) * self.frame_samples
        good = self._good_before(counts, thread, starts + length) - self._good_before(counts, thread, starts)
        inside = np.zeros(len(starts), bool)
        for first, end in self.spans:
            inside |= (starts >= first) & (starts + length <= end)
        return np.where(inside, good / length, 0.0)

    def _good_before(
        self, counts: NDArray[np.int64], thread: int, samples: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        frame, rest = np.divmod(samples - self.start, self.frame_samples)
        partly = np.append(self.valid[thread], False)[frame]
        return np.asarray(counts[frame] + np.where(partly, rest, 0))

    def decode(self, decoder: Decoder, band: tuple[int, int], first: int, out: NDArray[np.float32]) -> None:
        """Write levels, each twice, and zeros for bad samples.

        Parameters
        ----------
        decoder : Decoder
            Of the recording.
        band : (int, int)
            Thread (as a row of `payload`) and channel.
        first : int
            First sample, a multiple of the decoder's quantum after `start`.
        out : ndarray
            float32, shape (2 · samples,), a multiple of the quantum.
        """
        thread, channel = band
        begin, length = first - self.start, out.size // 2
        byte = begin // decoder.quantum * decoder.quantum_bytes
        count = length // decoder.quantum * decoder.quantum_bytes
        decoder.decode(self.payload[thread, byte : byte + count], channel, out)
        last = -(-(begin + length) // self.frame_samples)
        for frame in np.flatnonzero(~self.valid[thread, begin // self.frame_samples : last]).tolist():
            at = (begin // self.frame_samples + frame) * self.frame_samples - begin
            out[2 * max(at, 0) : 2 * (at + self.frame_samples)] = 0
