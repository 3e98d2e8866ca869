# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a connection stands, in words."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Protocol

from difxnb.panels.shown import duration_words


class Reached(Protocol):
    """What may be reached; see `difxnb.aio.Correlator`."""

    head_node: Any

    @property
    def connected(self) -> bool:
        """Whether the connection stands."""


@dataclass(frozen=True)
class Standing:
    """How a connection stands.

    Attributes
    ----------
    stands : bool
    comes_back : bool
        It was lost, and is tried again by itself.
    text : str
        In words, with what to do.
    """

    stands: bool
    comes_back: bool
    text: str


def standing_of(difx: Reached) -> Standing:
    """Look how a connection stands."""
    if difx.connected:
        return Standing(True, False, "connected")
    node = difx.head_node
    absence = node.absence
    if node.closed or absence is None:
        return Standing(False, False, "closed here; connect again from a cell")
    lost = f"lost for {duration_words(round(time.time() - absence.begin))} ({absence.reason})"
    if absence.given_up:
        return Standing(False, False, f"{lost}; given up: {absence.last_failure}. Reconnect tries again")
    tried = f", tried {absence.failures} times: {absence.last_failure}" if absence.failures else ""
    return Standing(False, True, f"{lost}; it comes back by itself{tried}. Jobs that run go on")
