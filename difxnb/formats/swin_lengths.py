# SPDX-License-Identifier: GPL-3.0-or-later
"""How long the records of each frequency are.

Headers do not say how many channels follow: the ``.input`` does, by row of the FREQ table. Those numbers go in, bytes
of records come out. Mirrors ``difx-files.md`` 13.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from difxnb.formats.swin import Channels
from difxnb.formats.swin_header import CHANNEL_BYTES, HEADER_BYTES

_FREQS = 2**16
_MOST_CHANNELS = 2**28
_FAR = 2**60


class RecordLengths:
    """Bytes of a record by row of the FREQ table, as far as they are known.

    Attributes
    ----------
    table : ndarray, int64, shape (65536,)
        0 where not known yet.
    halves : ndarray, int64, shape (65536,)
        Half of each; farther than any file where not known yet.
    common : int
        Length of every record that is known; 0 while there is none, or when they differ.
    longest : int
        The greatest of them; 0 while there is none.
    """

    def __init__(self, channels: Channels | None, known: Mapping[int, int]) -> None:
        self._channels = channels
        self.table: NDArray[np.int64] = np.zeros(_FREQS, dtype=np.int64)
        self.halves: NDArray[np.int64] = np.full(_FREQS, _FAR, dtype=np.int64)
        self.common = self.longest = 0
        for freq, count in known.items():
            self.learn(freq, count)

    @property
    def are_given(self) -> bool:
        """Whether they come from the job, not from distances between records."""
        return self._channels is not None

    def learn(self, freq: int, channels: int) -> int:
        """Note the channels of a frequency; the bytes of a record."""
        length = HEADER_BYTES + CHANNEL_BYTES * channels
        self.common = length if not self.longest or self.common == length else 0
        self.longest = max(self.longest, length)
        self.table[freq], self.halves[freq] = length, length // 2
        return length

    def of(self, freq: int) -> int:
        """Bytes of a record of a frequency, as the job has it; 0 where that is not known or cannot be."""
        known = int(self.table[freq])
        if known or self._channels is None:
            return known
        try:
            count = self.asked(freq)
        except LookupError:
            return 0
        return self.learn(freq, count) if 0 < count <= _MOST_CHANNELS else 0

    def asked(self, freq: int) -> int:
        """What the job says of a frequency; LookupError where it does not have it."""
        assert self._channels is not None
        count = self._channels[freq] if isinstance(self._channels, Mapping) else self._channels(freq)
        return int(count)

    def ask(self, freqs: NDArray[np.uint16]) -> bool:
        """Ask the job for those that are not known yet; whether it knew any."""
        unknown = np.unique(freqs[self.table[freqs] == 0])
        return sum(self.of(freq) for freq in unknown.tolist()) > 0
