# SPDX-License-Identifier: GPL-3.0-or-later
"""Foretell the frequencies of records: integrations mostly repeat the one before.

Where bands have different numbers of channels the place of a record depends on all before it. Going from one to the
next costs much more than to foretell them all and then to check them all. Columns of headers go in, places of records
that are still to be checked come out. Mirrors ``difx-files.md`` 13, "Order and presence".
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from difxnb.formats.swin_header import HEADER_BYTES, Runs

_LONGEST_PAUSE = 64
"""Blocks."""


class Rhythm:
    """What came in the last whole integration, and how far the present one has come."""

    def __init__(self) -> None:
        self._pattern: NDArray[np.int64] = np.zeros(0, dtype=np.int64)
        self._present: list[NDArray[np.int64]] = []
        self._time_ns = -1
        self._in_step = False
        self._pause = self._waiting = 0

    def observe(self, freqs: NDArray[np.int64], runs: Runs) -> None:
        """Note the records that were taken."""
        if not freqs.size:
            return
        changes = runs.starts[np.diff(runs.times_ns, prepend=self._time_ns) != 0]
        if changes.size:
            before = [*self._present, freqs[: changes[0]]]
            self._pattern = np.concatenate(before) if changes.size == 1 else freqs[changes[-2] : changes[-1]]
            self._present = [freqs[changes[-1] :].copy()]
            self._in_step = self._pattern.size > 0
        else:
            self._present.append(freqs)
        self._time_ns = int(runs.times_ns[-1])

    def foretell(self, lengths: NDArray[np.int64], room: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Places of the next records in `room` bytes, and their frequencies; none where they are not known.

        Bytes of a record by row of the FREQ table are in `lengths`.
        """
        phase = sum(part.size for part in self._present)
        none = np.zeros(0, dtype=np.int64)
        self._waiting = max(0, self._waiting - 1)
        if not self._in_step or self._waiting or phase > self._pattern.size:
            return none, none
        most = 1 + room // int(lengths[self._pattern[: room // HEADER_BYTES]].min())
        freqs = np.take(self._pattern, np.arange(phase, phase + most), mode="wrap")
        places = np.concatenate(([0], np.cumsum(lengths[freqs])))
        count = min(int(np.searchsorted(places, room - HEADER_BYTES, side="right")), freqs.size)
        return places[:count], freqs[:count]

    def judge(self, right: int, foretold: int) -> None:
        """Learn how many records came as foretold; where that is of little use it is left for a while."""
        if right == foretold:
            self._pause = 0
            return
        self._in_step = False
        if right < foretold // 2:
            self._pause = self._waiting = min(2 * self._pause + 1, _LONGEST_PAUSE)
