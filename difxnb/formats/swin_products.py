# SPDX-License-Identifier: GPL-3.0-or-later
"""Number the products of a SWIN file in order of their first appearance.

The keys of products go in, as headers have them; columns of a table come out. Mirrors ``difx-files.md`` 13.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import takewhile

import numpy as np
from numpy.typing import NDArray

_MULTIPLIERS = np.array(
    [0x9E3779B97F4A7C15, 0xD1B54A32D192ED03, 0xABC98388FB8FAC03, 0x8CB92BA72F3D8DD7], dtype=np.uint64
)
_FEWEST_SLOTS, _MOST_SLOTS = 2**12, 2**22


class ProductColumns:
    """Columns of products, in order of first appearance, found by their numbers.

    A column is looked up in a table of slots that has many more places than there are products; the few whose place
    is taken by another are found one by one.
    """

    def __init__(self) -> None:
        self._column: dict[int, int] = {}
        self._arrange()

    @property
    def keys(self) -> list[int]:
        """Numbers of the products, by column."""
        return list(self._column)

    def add(self, keys: Iterable[int]) -> None:
        """Give new products the next columns."""
        for key in keys:
            self._column.setdefault(key, len(self._column))
        self._arrange()

    def columns(self, keys: NDArray[np.uint64], admit: Callable[[int], bool]) -> NDArray[np.int32]:
        """Columns of products; -1 from the first new one on that is not admitted."""
        columns = self._find(keys)
        new = np.flatnonzero(columns < 0)
        if not new.size:
            return columns
        numbers, first = np.unique(keys[new], return_index=True)
        self.add(takewhile(admit, numbers[np.argsort(first)].tolist()))
        return self._find(keys)

    def _arrange(self) -> None:
        """Fill the slots, by the multiplier for which the fewest products share one."""
        self._keys = np.array(self.keys, dtype=np.uint64)
        bits = max(_FEWEST_SLOTS, min(_MOST_SLOTS, 64 * len(self._column))).bit_length() - 1
        self._shift = np.uint64(64 - bits)
        best = -1
        for multiplier in _MULTIPLIERS:
            slots = np.zeros(2**bits, dtype=np.int32)
            slots[self._keys * multiplier >> self._shift] = np.arange(len(self._column))
            found = int(np.count_nonzero(slots))
            if found > best:
                best, self._multiplier, self._slots = found, multiplier, slots

    def _find(self, keys: NDArray[np.uint64]) -> NDArray[np.int32]:
        if not self._column:
            return np.full(keys.size, -1, dtype=np.int32)
        columns: NDArray[np.int32] = self._slots[(keys * self._multiplier >> self._shift).view(np.int64)]
        others = np.flatnonzero(self._keys[columns] != keys)
        if others.size:
            numbers, which = np.unique(keys[others], return_inverse=True)
            found = np.array([self._column.get(key, -1) for key in numbers.tolist()], dtype=np.int32)
            columns[others] = found[which]
        return columns
