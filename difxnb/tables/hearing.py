# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether silence means anything: nobody is silent while we could not hear."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from difxnb.wire.events import Gap


class Hearing:
    """Times without a connection, and whether messages are relayed to us at all.

    Attributes
    ----------
    is_open : bool
        Whether messages of the kind in question are relayed to us.
    """

    def __init__(self) -> None:
        self.is_open = True
        self._connected_since: float | None = 0.0

    def add(self, gap: Gap) -> None:
        """Take in the beginning or the end of a time without a connection."""
        self._connected_since = gap.end

    def is_quiet(self, last: NDArray[np.float64], now: float, patience: float) -> NDArray[np.bool_]:
        """Which of those last heard at these unix seconds (NaN: never) have been silent for too long."""
        quiet: NDArray[Any] = np.zeros(last.shape, dtype=bool)
        if self._connected_since is None or not self.is_open:
            return quiet
        heard = np.isfinite(last)
        quiet[heard] = now - np.maximum(last[heard], self._connected_since) > patience
        return quiet
