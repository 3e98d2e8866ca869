# SPDX-License-Identifier: GPL-3.0-or-later
"""Watching one job over changes of selection, the server's time-outs and losses of the connection.

In: a first feed, a way to open another, and what to ask each for. Out: blocks to one receiver, and a record of what
happened to the watching. A selection is changed as guiserver.md 7.13 demands: the exchange is closed, the server left
alone until it has closed its side, and a new one begun on another channel; the job notices nothing of it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from itertools import chain, repeat
from typing import NamedTuple

from difxnb.client.monitor_feed import MonitorFeed, OnBlock
from difxnb.errors import ConnectionFailed, ConnectionLost, DifxError, NoReply
from difxnb.wire.monitor import MonitorText, Product

Begin = Callable[[MonitorFeed], Sequence[Product]]
"""Called with each new feed before it is asked; gives what to ask for."""

_KEPT_EVENTS = 1000
_KEPT_TEXTS = 1000
_PAUSES = (0.1, 0.5, 1.0, 2.0, 5.0)

_log = logging.getLogger(__name__)


class WatchEvent(NamedTuple):
    """Something that happened to the watching.

    Attributes
    ----------
    time : float
        Unix seconds.
    event : str
        ``opened``, ``selected``, ``restarted`` (after the server gave up), ``lost``, ``resumed``, ``failed``,
        ``closed``, or ``note``.
    text : str
    """

    time: float
    event: str
    text: str


class MonitorWatch:
    """One job's live data for as long as anybody wants them.

    Parameters
    ----------
    open_feed : callable
        Opens an exchange with its list of products; waits for the connection where that is being made anew.
    begin : callable
        Gets each feed before it is asked; gives the products, or raises ValueError.
    on_block : callable
        Gets every block, on the loop's thread; must not raise.
    on_gap : callable
        Called when blocks may have been missed.
    on_event : callable
        Gets every event; must not raise.
    is_wanted : callable
        Whether to go on after a loss of the connection.
    pauses : sequence of float
        Seconds before each attempt to go on after a loss; the last of them for ever.

    Attributes
    ----------
    failure : DifxError or None
        Why no more data will come; None while they come, and after `close`.
    closed : bool
    interruption : str
        Why nothing comes for the moment, with more to come; empty while it does, and after the end.
    events : deque of WatchEvent
        The last thousand; `dropped_events` counts those before.
    """

    def __init__(
        self,
        open_feed: Callable[[], Awaitable[MonitorFeed]],
        *,
        begin: Begin,
        on_block: OnBlock,
        on_gap: Callable[[], None],
        on_event: Callable[[WatchEvent], None] = lambda event: None,
        is_wanted: Callable[[], bool] = lambda: True,
        pauses: Sequence[float] = _PAUSES,
    ) -> None:
        self.failure: DifxError | None = None
        self.closed = False
        self.interruption = ""
        self.events: deque[WatchEvent] = deque(maxlen=_KEPT_EVENTS)
        self._open_feed, self._begin, self._on_block, self._on_gap = open_feed, begin, on_block, on_gap
        self._on_event, self._is_wanted, self._pauses = on_event, is_wanted, pauses
        self._feed: MonitorFeed | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._changing = asyncio.Lock()
        self._texts: deque[MonitorText] = deque(maxlen=_KEPT_TEXTS)
        self._blocks = self._dropped_texts = 0
        self.dropped_events = 0

    @property
    def ended(self) -> bool:
        """Whether no more data will come."""
        return self.closed or self.failure is not None

    @property
    def blocks(self) -> int:
        """Blocks handed on so far."""
        return self._blocks + (0 if self._feed is None else self._feed.blocks)

    @property
    def texts(self) -> list[MonitorText]:
        """What the server said, the last thousand of each exchange and of all before it."""
        return [*self._texts, *(() if self._feed is None else tuple(self._feed.texts))]

    @property
    def pause_of_change(self) -> float:
        """Seconds that a change takes before the server may be asked again."""
        return 0.0 if self._feed is None else self._feed.pause_after_close

    @property
    def dropped_texts(self) -> int:
        """Texts that are not kept any more."""
        return self._dropped_texts + (0 if self._feed is None else self._feed.dropped_texts)

    async def open(self) -> None:
        """Begin to watch.

        Raises
        ------
        ValueError
            From `begin`.
        DifxError
            As from `open_feed`.
        """
        async with self._changing:
            await self._exchange("opened")

    async def change(self, text: str) -> None:
        """Begin anew with what `begin` now asks for; `text` describes it in the record.

        Towards a real server this takes as long as it takes to close (about ten seconds).

        Raises
        ------
        ValueError
            The watch has been closed.
        ConnectionLost
            It goes on with the new selection when the connection is back.
        DifxError
            Nothing is watched any more; another call tries again.
        """
        if self.closed:
            raise ValueError("this monitor has been closed; open another one")
        await self._stop_keeping()
        async with self._changing:
            self.interruption = "the selection is being changed"
            try:
                await self._leave()
                await self._exchange("selected", text)
            except ConnectionLost as error:
                self._note_loss(error)
                self._keeper = asyncio.create_task(
                    self._resume_later(error), name="difxnb watch of a lost monitor"
                )
                raise
            except BaseException as error:
                self._fail(error if isinstance(error, DifxError) else _interrupted(error))
                raise

    async def close(self) -> None:
        """End the watch. A second call does nothing.

        Raises
        ------
        ConnectionLost
        """
        if self.closed:
            return
        self.closed = True
        await self._stop_keeping()
        async with self._changing:
            self.failure, self.interruption = None, ""
            self.note("closed")
            await self._leave(quietly=False)

    async def _exchange(self, event: str, text: str = "") -> None:
        """Open an exchange and ask for data on it."""
        feed = await self._open_feed()
        try:
            products = self._begin(feed)
            self._on_gap()
            self.note(event, text or f"{len(products)} products")
            await feed.request(products, self._on_block, on_gap=self._note_restart)
        except BaseException:
            await feed.close()
            raise
        self._feed, self.failure, self.interruption = feed, None, ""
        self._keeper = asyncio.create_task(self._keep(feed), name=f"difxnb watch of {feed.input_file}")

    async def _leave(self, *, quietly: bool = True) -> None:
        """Close the exchange, if there is one; what it counted is kept."""
        feed, self._feed = self._feed, None
        if feed is None:
            return
        try:
            await feed.close()
        except ConnectionLost:
            if not quietly:  # otherwise whoever leaves opens another one, and learns of it there
                raise
        finally:
            self._blocks += feed.blocks
            overflow = len(self._texts) + len(feed.texts) - _KEPT_TEXTS
            self._dropped_texts += feed.dropped_texts + max(0, overflow)
            self._texts.extend(feed.texts)

    async def _stop_keeping(self) -> None:
        keeper, self._keeper = self._keeper, None
        if keeper is not None:
            keeper.cancel()
            await asyncio.gather(keeper, return_exceptions=True)

    async def _keep(self, feed: MonitorFeed) -> None:
        """Go on after a loss of the connection."""
        await feed.wait_ended()
        async with self._changing:
            failure = feed.failure
            if isinstance(failure, ConnectionLost) and self._goes_on():
                self._note_loss(failure)
                await self._leave()
                await self._resume(failure)
            elif failure is not None:
                self._fail(failure)

    async def _resume_later(self, failure: DifxError) -> None:
        async with self._changing:
            await self._resume(failure)

    async def _resume(self, failure: DifxError) -> None:
        for pause in chain(self._pauses, repeat(self._pauses[-1])):
            await asyncio.sleep(pause)
            if not self._goes_on():
                break
            try:
                await self._exchange("resumed")
            except (ConnectionLost, ConnectionFailed, NoReply) as error:
                _log.info("going on with a monitor failed: %s", error)
            except (DifxError, ValueError) as error:
                failure = error if isinstance(error, DifxError) else _interrupted(error)
                break
            else:
                return
        self._fail(failure)

    def _goes_on(self) -> bool:
        return not self.closed and self._is_wanted()

    def _fail(self, failure: DifxError) -> None:
        self.failure, self.interruption = failure, ""
        self.note("failed", str(failure))

    def _note_loss(self, loss: ConnectionLost) -> None:
        self.interruption = str(loss)
        self.note("lost", self.interruption)

    def _note_restart(self, text: str) -> None:
        self.note("restarted", text)
        self._on_gap()

    def note(self, event: str, text: str = "") -> None:
        """Add to the record."""
        self.dropped_events += len(self.events) == self.events.maxlen
        happened = WatchEvent(time.time(), event, text)
        self.events.append(happened)
        self._on_event(happened)


def _interrupted(error: BaseException) -> DifxError:
    why = str(error) or type(error).__name__
    return ConnectionFailed(f"the selection could not be changed ({why}); nothing is watched: select again")
