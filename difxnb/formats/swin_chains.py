# SPDX-License-Identifier: GPL-3.0-or-later
"""Go from record to record through a piece of a SWIN file, in many places of it at once.

Where bands have different numbers of channels, or records are missing, the place of a record depends on all before
it. So that this need not be done one by one, the first record of each of many stretches is looked for by its sync
word, and then all stretches are walked through in step. Where one does not end where the next begins, the next began
within a spectrum, or something is damaged: what lies behind is left for the next time.

Bytes and lengths of records go in, places of records that are still to be checked come out. Mirrors ``difx-files.md``
13.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from difxnb.formats.swin_header import HEADER_BYTES, START
from difxnb.formats.swin_lengths import RecordLengths

_FREQ_BYTE = 32
_STEP_COSTS = 16
"""Stretches that can be begun in the time of one step of all of them."""
_FARTHEST_LOOK = 2**13
"""Words of two bytes in which a sync word is looked for: where records are longer, few steps lead through a block."""
_SHORTEST_STRETCH = 4
"""Such looks."""
_START = np.frombuffer(START, "<u2")


def record_places(block: memoryview, lengths: RecordLengths, most: int) -> NDArray[np.int64]:
    """Where records begin in a block, the first at its beginning: `most` at most, and the first at least.

    Of no record anything is looked at but its frequency; behind one whose frequency is not known none follows.
    """
    block = block[: max(HEADER_BYTES, min(len(block), most * lengths.longest))]
    freqs = np.frombuffer(block, "<u2", (len(block) - _FREQ_BYTE) // 2, _FREQ_BYTE)
    while True:
        starts = _starts(block, freqs, lengths)
        bounds = np.append(starts[1:], (len(block) - HEADER_BYTES) // 2 + 1)
        places, lasts = _walk(freqs, lengths.halves, starts, bounds)
        if not lengths.ask(freqs[lasts]):
            break
    apart = np.flatnonzero((lasts + lengths.halves[freqs[lasts]])[:-1] != bounds[:-1])
    places.sort()
    if apart.size:
        places = places[: np.searchsorted(places, bounds[apart[0]])]
    return 2 * places[:most]


def _starts(block: memoryview, freqs: NDArray[np.uint16], lengths: RecordLengths) -> NDArray[np.int64]:
    """Where stretches of a block begin, halved: all distances in a file without damage are even.

    A sync word counts where its record leads to another.
    """
    first, room = np.zeros(1, dtype=np.int64), (len(block) - HEADER_BYTES) // 2
    reach = max(1, min(lengths.longest // 2, _FARTHEST_LOOK))
    count = min(math.isqrt(_STEP_COSTS * room // reach), room // (_SHORTEST_STRETCH * reach))
    if count < 2:
        return first
    words, step = np.frombuffer(block, "<u2", len(block) // 2), room // count
    stretches = np.ndarray((count - 1, reach), "<u2", block, 2 * step, (2 * step, 2))
    rows, columns = np.divmod(np.flatnonzero(stretches == _START[0]), reach)
    places = (rows + 1) * step + columns
    good = _begins(words, places)
    rows, places = rows[good], places[good]
    good = _begins(words, np.minimum(places + lengths.halves[freqs[places]], room))
    rows, places = rows[good], places[good]
    return np.concatenate((first, places[np.diff(rows, prepend=-1) > 0]))


def _begins(words: NDArray[np.uint16], places: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether sync word and version stand at places."""
    found: NDArray[np.bool_] = (words[places[:, np.newaxis] + np.arange(_START.size)] == _START).all(axis=1)
    return found


def _walk(
    freqs: NDArray[np.uint16], halves: NDArray[np.int64], starts: NDArray[np.int64], bounds: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """All records from each start to its bound, in no order, and the last of each; all halved."""
    places, which, found, lasts = starts, np.arange(starts.size), [], starts.copy()
    while places.size:
        found.append(places)
        following = places + halves[freqs[places]]
        goes_on = following < bounds
        if np.count_nonzero(goes_on) < goes_on.size:
            ended = ~goes_on
            lasts[which[ended]] = places[ended]
            following, which, bounds = following[goes_on], which[goes_on], bounds[goes_on]
        places = following
    return np.concatenate(found), lasts
