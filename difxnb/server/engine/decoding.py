# SPDX-License-Identifier: GPL-3.0-or-later
"""Turn packed 1- and 2-bit samples into levels by table.

Bytes of VDIF payload come in, float32 levels go out, each of them twice in a row: a real sample times a
complex phasor is then a plain product of float pairs, which is several times quicker than numpy's mixed
product. Levels and order of bits: ``mpifxcorr-algorithm.md`` 7.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

LEVELS = {
    1: np.array([-1.0, 1.0], np.float32),
    2: np.array([-3.3359, -1.0, 1.0, 3.3359], np.float32),
}
"""Levels of the codes, by bits per sample."""

_CODES_AT_ONCE = 4
_GATHER = np.uint32(0x01041040)
"""A factor that brings four codes, one in each byte of a word, side by side into its top byte."""


class Decoder:
    """Decodes one thread of VDIF frames.

    Parameters
    ----------
    channels, bits : int
        Channels of the thread (a power of two), and bits per sample (1 or 2).

    Attributes
    ----------
    quantum, quantum_bytes : int
        Decoding starts and ends at multiples of this many samples (per channel), which are that many bytes.
    """

    def __init__(self, channels: int, bits: int) -> None:
        self.channels, self.bits = channels, bits
        complete = channels * bits
        self._bytes_per_time = complete // 8
        self.quantum = _CODES_AT_ONCE if complete >= 8 else 8 // complete
        self.quantum_bytes = self.quantum * complete // 8
        if complete >= 8:
            self._tables = [_table(bits, 4, spacing=2, first=0)]
        else:
            self._tables = [
                _table(bits, self.quantum, spacing=complete, first=channel * bits)
                for channel in range(channels)
            ]

    def decode(self, payload: NDArray[np.uint8], channel: int, out: NDArray[np.float32]) -> None:
        """Decode one channel.

        Parameters
        ----------
        payload : ndarray
            uint8, a whole number of `quantum_bytes`.
        channel : int
            Channel within the thread.
        out : ndarray
            float32, contiguous, shape (2 · samples,): every level twice.
        """
        rows = out.reshape(-1, 2 * self.quantum)
        if self._bytes_per_time == 0:
            np.take(self._tables[channel], payload, axis=0, out=rows, mode="clip")
            return
        np.take(self._tables[0], self._gathered(payload, channel), axis=0, out=rows, mode="clip")

    def _gathered(self, payload: NDArray[np.uint8], channel: int) -> NDArray[np.uint32]:
        """Collect four successive codes of a channel into one byte, two bits apart."""
        byte, shift = divmod(channel * self.bits, 8)
        if self._bytes_per_time > 1:
            payload = payload[byte :: self._bytes_per_time].copy()
        words = payload.view("<u4") >> np.uint32(shift)
        words &= np.uint32((2**self.bits - 1) * 0x01010101)
        words *= _GATHER
        words >>= np.uint32(24)
        return words


def _table(bits: int, samples: int, *, spacing: int, first: int) -> NDArray[np.float32]:
    """Tabulate the doubled levels of all bytes, shape (256, 2 · samples)."""
    shifts = first + spacing * np.arange(samples)
    codes = (np.arange(256)[:, np.newaxis] >> shifts) & (2**bits - 1)
    return np.repeat(LEVELS[bits][codes], 2, axis=1)
