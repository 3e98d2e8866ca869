# SPDX-License-Identifier: GPL-3.0-or-later
"""When a monitor has what its job has written: that goes another way than its messages, and may come later."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Protocol

from difxnb.formats.input import Input
from difxnb.formats.mjd import DAY_S

if TYPE_CHECKING:
    from difxnb.visibility import VisibilitySeries

CATCH_UP_S = 5.0
"""Seconds that the last integrations may come after the end of their job."""

_QUIET_S = 0.1
_TICK_S = 0.02


class Watching(Protocol):
    """A monitor."""

    @property
    def closed(self) -> bool:
        """Whether no more data will come."""

    @property
    def interruption(self) -> str:
        """Why nothing comes for the moment; empty while something may."""


def second_of(mjd: float, inp: Input) -> float:
    """Second of a job that a monitor has reached with the integration that has this middle (MJD)."""
    # The server's times are whole seconds, of the beginning of an integration.
    half = max((one.int_time for one in inp.configurations), default=0.0) / 2.0
    return (mjd - inp.start_mjd) * DAY_S - half - 1.0


async def catch_up(watching: Watching, series: VisibilitySeries, second: float, patience: float) -> None:
    """Wait until data of a second have come and no more follow them at once, or for some seconds at most."""
    deadline = time.monotonic() + patience
    seen, since = series.version, time.monotonic()
    while not (watching.closed or watching.interruption) and (now := time.monotonic()) < deadline:
        if series.version != seen:
            seen, since = series.version, now
        elif series.latest_second >= second and now - since >= _QUIET_S:
            return
        await asyncio.sleep(_TICK_S)
