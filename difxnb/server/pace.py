# SPDX-License-Identifier: GPL-3.0-or-later
"""How fast packets of one client are taken, and how long others wait for their turn meanwhile.

In: numbers of packets and the time. Out: seconds to pause. A client that is too fast is not refused: what it sends
stays in its socket, and TCP slows it down.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

_TURN = 0.005
_SHORTEST_PAUSE = 0.02


class Pace:
    """A client's share of the server's time.

    Parameters
    ----------
    rate : float
        Packets in a second, on average; as many may come at once.
    clock : callable
        Gives the time, s.
    """

    def __init__(self, rate: float, clock: Callable[[], float]) -> None:
        self._rate, self._clock = rate, clock
        self._saved, self._counted = rate, clock()
        self._turn_began = self._counted

    def spend(self, packets: int) -> float:
        """Count packets, and give the seconds after which the next one may be taken."""
        now = self._clock()
        self._saved = min(self._rate, self._saved + (now - self._counted) * self._rate) - packets
        self._counted = now
        return max(0.0, -self._saved / self._rate)

    def begin_turn(self) -> None:
        """Note that others have had their turn."""
        self._turn_began = self._clock()

    async def rest(self, packets: int) -> None:
        """Count packets, then wait as long as their number asks for, or let others have their turn if it is time."""
        pause = self.spend(packets)
        if pause > _SHORTEST_PAUSE:
            await asyncio.sleep(pause)
        elif self._clock() - self._turn_began > _TURN:
            await asyncio.sleep(0)
        else:
            return
        self.begin_turn()
