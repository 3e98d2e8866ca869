# SPDX-License-Identifier: GPL-3.0-or-later
"""What was made of integrations, kept from look to look, so that a frame has only a few new ones to make.

In go the integrations of each look, out come the places of those that are to be made now, the newest ones; rows of live
data fill product by product, so one that holds more than it did is made again.
"""

from __future__ import annotations

from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from difxnb.plots.live.chosen import Chosen

Made = TypeVar("Made")

MOST_ROWS = 160
"""Integrations that are made at most."""


class Kept(Generic[Made]):
    """Things that were made, by integration.

    Attributes
    ----------
    every : int
        One of so many integrations is wanted.
    is_complete : bool
        Nothing is left to be made.
    """

    def __init__(self) -> None:
        self.every, self.is_complete = 1, True
        self._key: Any = None
        self._made: dict[int, tuple[int, Made]] = {}
        self._wanted: list[int] = []

    def missing(self, chosen: Chosen, at_once: int) -> NDArray[np.int64]:
        """Rows to be made now: at most so many, the newest; what is not wanted any more is forgotten."""
        key = _identity(chosen)
        if key != self._key:
            self._key, self._made = key, {}
        rows, self.every = _spread(chosen)
        self._wanted = chosen.times[rows].astype(np.int64).tolist()
        self._made = {stamp: self._made[stamp] for stamp in self._wanted if stamp in self._made}
        counts = _counts(chosen, rows)
        stale = [
            place
            for place, (stamp, count) in enumerate(zip(self._wanted, counts.tolist(), strict=True))
            if stamp not in self._made or self._made[stamp][0] != count
        ]
        now = stale[-at_once:]
        self.is_complete = len(now) == len(stale)
        self._now = [(self._wanted[place], int(counts[place])) for place in now]
        return rows[now]

    def put(self, made: list[Made]) -> None:
        """Keep what was made of the rows that `missing` gave last."""
        for (stamp, count), one in zip(self._now, made, strict=True):
            self._made[stamp] = (count, one)

    def all(self) -> tuple[NDArray[np.datetime64], list[Made]]:
        """Times and what was made, ascending."""
        done = [stamp for stamp in self._wanted if stamp in self._made]
        return np.array(done, dtype="datetime64[ns]"), [self._made[stamp][1] for stamp in done]


def _counts(chosen: Chosen, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many spectra integrations hold."""
    present = np.nan_to_num(chosen.weights(rows), nan=1.0) != 0
    return np.asarray(present.sum(axis=(1, 2, 3)))


def _identity(chosen: Chosen) -> Any:
    """What things are made of: they hold as long as this stays."""
    attrs = chosen.dataset.attrs
    names = tuple(one.name for one in chosen.baselines)
    job = (str(attrs.get("input_file", "")), str(attrs.get("job", "")))
    channels = chosen.dataset.sizes["channel"]
    return (job, names, tuple(chosen.bands), tuple(chosen.polarizations), channels)


def _spread(chosen: Chosen) -> tuple[NDArray[np.int64], int]:
    """Rows that are wanted: all, or one of each 2, 4, 8…, always the same ones."""
    rows = chosen.rows
    every = 1
    while rows.size > MOST_ROWS * every:
        every *= 2
    if every == 1:
        return rows, 1
    stamps = chosen.times[rows].astype(np.int64)
    step = float(np.median(np.diff(stamps)))
    return rows[np.rint(stamps / step).astype(np.int64) % every == 0], every
