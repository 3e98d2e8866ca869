# SPDX-License-Identifier: GPL-3.0-or-later
"""How long the records of each frequency are, and where the records of a piece of a file would then lie.

Headers do not say how many channels follow: the ``.input`` does, by row of the FREQ table. Bytes and those numbers
go in, offsets to be checked come out. Mirrors ``difx-files.md`` 13.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from difxnb.formats.swin import Channels
from difxnb.formats.swin_header import CHANNEL_BYTES, HEADER_BYTES

_FREQS = 2**16
_FREQ_WORD = 16
_MOST_CHANNELS = 2**28


class RecordLengths:
    """Bytes of a record by row of the FREQ table, as far as they are known.

    Attributes
    ----------
    table : ndarray, int64, shape (65536,)
        0 where not known yet.
    common : int
        Length of every record that is known; 0 while there is none, or when they differ.
    """

    def __init__(self, channels: Channels | None, known: Mapping[int, int]) -> None:
        self._channels = channels
        self.table: NDArray[np.int64] = np.zeros(_FREQS, dtype=np.int64)
        self._half: dict[int, int] = {}
        self.common = 0
        for freq, count in known.items():
            self.learn(freq, count)

    @property
    def are_given(self) -> bool:
        """Whether they come from the job, not from distances between records."""
        return self._channels is not None

    def learn(self, freq: int, channels: int) -> int:
        """Note the channels of a frequency; the bytes of a record."""
        length = HEADER_BYTES + CHANNEL_BYTES * channels
        self.common = length if not self._half or self.common == length else 0
        self.table[freq] = length
        self._half[freq] = length // 2
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

    def walk(self, content: memoryview, count: int) -> NDArray[np.int64]:
        """Positions of records, one by one from the frequency of each; nothing else of them is looked at.

        All positions of a file without damage are even, so that frequencies can be read as words of two bytes.
        """
        words, half = content.cast("H"), self._half
        found: list[int] = []
        append, place, limit = found.append, 0, (len(content) - HEADER_BYTES) // 2
        while place <= limit and len(found) < count:
            try:
                for _ in range(count - len(found)):
                    step = half[words[place + _FREQ_WORD]]
                    append(place)
                    place += step
            except IndexError:  # behind the last word
                break
            except KeyError:
                if not self.of(words[place + _FREQ_WORD]):
                    append(place)  # to be seen there that it is not known
                    break
        if len(found) > 1 and found[-1] > limit:
            found.pop()
        return 2 * np.array(found, dtype=np.int64)
