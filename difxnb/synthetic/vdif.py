# SPDX-License-Identifier: GPL-3.0-or-later
"""Samples in, VDIF frames out.

One thread with all channels; earliest sample in the lowest bits, channel 0 lowest within a sample time
(``mpifxcorr-algorithm.md`` 7). The frame layout is that of the VDIF specification, release 1.1.1.
"""

from __future__ import annotations

import datetime as dt
import math
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from difxnb.formats.mjd import DAY_S, MJD_ZERO
from difxnb.synthetic.experiment_model import QUANTISATION_BITS, VDIF_HEADER_BYTES, Experiment
from difxnb.synthetic.station_model import Gap

_INVALID = 1 << 31
_ROUNDING = 1e-6


def reference_epoch(mjd: int) -> tuple[int, int]:
    """Half-year epoch of VDIF that a day lies in, counted from 2000, and seconds from its start to 0h of the day."""
    day = MJD_ZERO + dt.timedelta(mjd)
    start = dt.datetime(day.year, 1 if day.month <= 6 else 7, 1)
    return 2 * (day.year - 2000) + (start.month > 6), (day - start).days * DAY_S


def word_type(bits_per_time: int) -> np.dtype[np.unsignedinteger]:
    """Smallest unsigned integer that holds one sample time of all channels."""
    return np.dtype(f"<u{max(1, bits_per_time // 8)}")


def pack_times(words: NDArray[np.unsignedinteger], bits_per_time: int) -> NDArray[np.uint8]:
    """Bytes of sample times, of which several share a byte when they have fewer than 8 bits."""
    if bits_per_time >= 8:
        return words.view(np.uint8)
    per_byte = 8 // bits_per_time
    parts = words.reshape(-1, per_byte) << (np.arange(per_byte, dtype=np.uint8) * np.uint8(bits_per_time))
    return np.asarray(np.bitwise_or.reduce(parts, axis=1), dtype=np.uint8)


class FrameWriter:
    """Write one station's recording of one scan, in order of time.

    Parameters
    ----------
    stream : binary file
        Open for writing.
    experiment : Experiment
    station, scan : int
        Rows.
    frames : range
        Frames to write, numbered from the start of the scan (negative before it).

    Notes
    -----
    Samples go in with :meth:`write`; the first one must be the first of ``frames``, and those after the last frame
    are dropped. Missing frames are left out; invalid ones carry the invalid bit and a payload of zeros, which a
    reader that ignores the bit would notice.
    """

    def __init__(
        self, stream: BinaryIO, experiment: Experiment, station: int, scan: int, frames: range
    ) -> None:
        self._stream = stream
        self._next, self._stop = frames.start, frames.stop
        self._samples = experiment.samples_per_frame
        self._rate = experiment.frames_per_second
        self._bits = experiment.bits_per_time
        self._bytes = experiment.frame_bytes
        self._left = np.empty(0, word_type(self._bits))
        epoch, to_day = reference_epoch(experiment.start_mjd)
        self._start = to_day + experiment.start_seconds + experiment.scans[scan].start_s
        about = experiment.stations[station]
        self._missing = [g for g in about.missing if g.scan == scan]
        self._invalid = [g for g in about.invalid if g.scan == scan]
        self._fixed = (
            epoch << 24,
            round(math.log2(experiment.recorded_channels)) << 24 | self._bytes // 8,
            (QUANTISATION_BITS - 1) << 26 | ord(about.code[0]) << 8 | ord(about.code[1]),
        )

    @property
    def next_sample(self) -> int:
        """Sample time that is to come next, from the start of the scan."""
        return self._next * self._samples + len(self._left)

    def write(self, words: NDArray[np.unsignedinteger]) -> None:
        """Add sample times, one word each with channel 0 in the lowest bits; what fills no frame is kept."""
        words = np.concatenate([self._left, words]) if len(self._left) else words
        count = min(len(words) // self._samples, self._stop - self._next)
        whole = words[: count * self._samples]
        self._left = words[count * self._samples :] if self._next + count < self._stop else words[:0]
        numbers = np.arange(self._next, self._next + count)
        self._next += count
        frames = np.zeros((count, self._bytes), np.uint8)
        frames[:, VDIF_HEADER_BYTES:] = pack_times(whole, self._bits).reshape(
            frames[:, VDIF_HEADER_BYTES:].shape
        )
        invalid = self._within(numbers, self._invalid)
        frames[invalid, VDIF_HEADER_BYTES:] = 0
        frames[:, :VDIF_HEADER_BYTES] = self._headers(numbers, invalid).view(np.uint8)
        self._stream.write(frames[~self._within(numbers, self._missing)].tobytes())

    def _within(self, numbers: NDArray[np.int64], gaps: list[Gap]) -> NDArray[np.bool_]:
        """Which of the frames begin in one of the gaps."""
        hit = np.zeros(numbers.shape, np.bool_)
        for gap in gaps:
            first = math.ceil(gap.start_s * self._rate - _ROUNDING)
            last = math.ceil(gap.stop_s * self._rate - _ROUNDING)
            hit |= (numbers >= first) & (numbers < last)
        return hit

    def _headers(self, numbers: NDArray[np.int64], invalid: NDArray[np.bool_]) -> NDArray[np.uint32]:
        """Eight words per frame: second and invalid bit; epoch and frame number; channels and length; bits, station."""
        second, in_second = np.divmod(numbers, self._rate)
        headers = np.zeros((len(numbers), 8), "<u4")
        headers[:, 0] = second + self._start + _INVALID * invalid
        headers[:, 1] = in_second + self._fixed[0]
        headers[:, 2:4] = self._fixed[1:]
        return headers
