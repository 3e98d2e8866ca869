# SPDX-License-Identifier: GPL-3.0-or-later
"""The messages of a correlator as a user has them: a table, callbacks, a selection, statistics.

What a server selects (guiserver.md 4.6) saves the way to here; it knows few types, so what it cannot tell apart is
left out here.
"""

from __future__ import annotations

import inspect
import logging
import time as clock
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from os import PathLike

import pandas as pd

from difxnb.tables import MessageTable
from difxnb.tables.message_rows import Item
from difxnb.tables.messages import known_types, plain_type
from difxnb.tables.traffic import Traffic
from difxnb.wire.events import Gap
from difxnb.wire.message import Message, Unparsed, message_type
from difxnb.wire.message_types import CATALOGUE
from difxnb.wire.selection import EVERYTHING, selection_lines, selects

Callback = Callable[[Item], object]
Choose = Callable[[tuple[str, ...]], Awaitable[None]]

_KEPT_ERRORS = 100
_HEADER_TYPES = {plain_type(entry.type): entry.type for entry in CATALOGUE} | {"unparsed": "", "unknown": ""}
_NOT_RELAYED = frozenset({"notice", "gap"})
# Jobs are followed by these, whatever a user wants to read.
_ALWAYS = frozenset({"status", "alert"})

logger = logging.getLogger(__name__)


async def _nowhere(lines: tuple[str, ...]) -> None:
    """Select at no server, because there is none yet."""


class Messages:
    """Every message that was relayed, and every notice of guiServer itself.

    Parameters
    ----------
    choose : callable, optional
        Has the server relay what some lines select.

    Attributes
    ----------
    callback_errors : deque of Exception
        The last hundred errors of subscribed callbacks; `failed_callbacks` counts all.
    hidden : int
        Messages that came and are not shown, because they are not among those selected.
    """

    def __init__(self, choose: Choose = _nowhere) -> None:
        self.callback_errors: deque[Exception] = deque(maxlen=_KEPT_ERRORS)
        self.failed_callbacks = 0
        self.hidden = 0
        self._choose = choose
        self._table = MessageTable()
        self._traffic = Traffic()
        self._selection: frozenset[str] | None = None
        self._lines: tuple[str, ...] = EVERYTHING
        self._subscriptions: dict[object, tuple[Callback, frozenset[str] | None]] = {}

    @property
    def version(self) -> int:
        """Moves with every message."""
        return self._table.version

    @property
    def dropped(self) -> int:
        """Messages that fell out of the table."""
        return self._table.dropped

    @property
    def selection(self) -> tuple[str, ...] | None:
        """Types that are heard, in plain names; None where all are."""
        return None if self._selection is None else tuple(sorted(self._selection))

    @property
    def is_selected_at_server(self) -> bool:
        """Whether the server leaves out what is not selected; otherwise it sends everything, and we do."""
        return self._lines != EVERYTHING

    def reaches(self, kind: str) -> bool:
        """Whether messages with this header type are relayed to us at all."""
        return selects(self._lines, kind)

    def __len__(self) -> int:
        return len(self._table)

    def frame(
        self,
        type: str | Iterable[str] | None = None,
        source: str | None = None,
        job: str | None = None,
        severity: str | int | None = None,
        since: object = None,
        *,
        envelope: bool = False,
    ) -> pd.DataFrame:
        """Messages as a DataFrame, oldest first; see :meth:`difxnb.tables.MessageTable.frame`."""
        return self._table.frame(
            type=type, source=source, job=job, severity=severity, since=since, envelope=envelope
        )

    def counts(self) -> pd.Series[int]:
        """How many of each type came, those that fell out of the table included."""
        return self._table.counts()

    def statistics(self, by: str = "type", *, now: float | None = None) -> pd.DataFrame:
        """How much came, and how much did not.

        Everything that reached us counts, also what is not selected or fell out of the table.

        Parameters
        ----------
        by : {"type", "sender"}
            One row for each type of message, or for each sender: a host, with the job or program and the rank.
        now : float, optional
            Unix seconds at which the rates are wanted; now by default.

        Returns
        -------
        DataFrame
            ``messages``, ``bytes``, ``rate`` (messages per second, over about ten seconds), ``first``, ``last`` (UTC).
            By sender also what sequence numbers tell: ``lost`` (missing for good), ``missed`` (while there was no
            connection), both missing where a program does not count; ``late`` (overtaken by others), ``duplicates``
            (came again, and so may be stale), ``restarts`` (the counter began anew). While the server selects nobody
            can tell what was lost, and nothing is counted. In ``attrs``: ``hidden``, ``dropped``,
            ``dropped_senders``, and the total ``lost``.

        Raises
        ------
        ValueError
            `by` is neither.
        """
        if by not in ("type", "sender"):
            raise ValueError(f"statistics are by 'type' or by 'sender'; got {by!r}")
        moment = clock.time() if now is None else now
        senders = self._traffic.senders(moment)
        frame = senders if by == "sender" else self._traffic.types(moment)
        frame.attrs.update(
            hidden=self.hidden,
            dropped=self.dropped,
            dropped_senders=self._traffic.dropped,
            lost=int(senders["lost"].sum()),
        )
        return frame

    def save(self, path: str | PathLike[str]) -> None:
        """Write all messages to a parquet file; OutputExists where there is one."""
        self._table.save(path)

    async def select(self, types: str | Iterable[str] | None = None) -> None:
        """Hear only some types of messages from now on, also after a reconnection.

        The server sends no others where it can tell them apart; where it cannot, it sends all of them, and they are
        left out here and counted in `hidden`. States and alerts always travel, because jobs are followed by them.
        What came before stays in the table.

        Parameters
        ----------
        types : str or iterable of str, optional
            ``"alert"``, ``["alert", "status"]``, names as in `frame`; all by default. Notices of the server and gaps
            are always heard.

        Raises
        ------
        ValueError, TypeError
            There is no such type.
        NoReply, ConnectionLost
            The server did not confirm it. It is told again when the connection is made anew.
        """
        self.hide_others(types)
        if self.is_selected_at_server:
            self._traffic.interrupt(is_gap=False, complete=False)
        await self._choose(self._lines)
        if not self.is_selected_at_server:
            self._traffic.interrupt(is_gap=False)

    def hide_others(self, types: str | Iterable[str] | None) -> None:
        """Leave out other types from now on, without telling a server; errors as those of `select`."""
        chosen = None if types is None else known_types(types)
        self._selection, self._lines = chosen, EVERYTHING if chosen is None else _lines_of(chosen)

    def subscribe(self, callback: Callback, type: str | Iterable[str] | None = None) -> Callable[[], None]:
        """Have a function called with every message from now on.

        Parameters
        ----------
        callback : callable
            Called with a `Message`, `Unparsed`, `Notice` or `Gap`, on the connection's thread: it must be quick. One
            that raises is logged and kept in `callback_errors`; it is called again for the next message.
        type : str or iterable of str, optional
            ``"alert"``, ``"Alert"`` and ``"DifxAlertMessage"`` mean the same; also ``"unparsed"``, ``"notice"``
            and ``"gap"``. All that are selected by default.

        Returns
        -------
        callable
            Ends the subscription.

        Raises
        ------
        ValueError
            There is no such type.
        TypeError
            It is no function, or one that has to be awaited.
        """
        if not callable(callback):
            raise TypeError(f"a subscriber is a function of one message; got {callback!r}")
        if inspect.iscoroutinefunction(callback):
            raise TypeError(
                f"nobody would await {callback!r}; subscribe a plain function that puts into a queue"
            )
        key = object()
        self._subscriptions[key] = (callback, None if type is None else known_types(type))
        return lambda: self._end(key)

    def add(self, item: Item, time: float) -> None:
        """Take in one message: into the statistics, the table, and to the subscribers."""
        if isinstance(item, Gap) and item.end is None:
            self._traffic.interrupt(is_gap=True, complete=not self.is_selected_at_server)
        lost, is_duplicate = self._traffic.add(item, time)
        kind = _type_of(item)
        chosen = self._selection  # once: who looks at a replay may choose anew at any time
        if chosen is not None and kind not in chosen and kind not in _NOT_RELAYED:
            self.hidden += 1
            return
        self._table.add(item, time, lost=lost, duplicate=is_duplicate)
        for callback, types in list(self._subscriptions.values()):
            if types is None or kind in types:
                self._call(callback, item)

    def _end(self, key: object) -> None:
        self._subscriptions.pop(key, None)

    def _call(self, callback: Callback, item: Item) -> None:
        try:
            callback(item)
        except Exception as error:
            # A user's mistake must not end the stream of messages; it is shown instead.
            self.failed_callbacks += 1
            self.callback_errors.append(error)
            logger.exception("a subscriber of messages raised (%d so far)", self.failed_callbacks)

    def __repr__(self) -> str:
        where = "at the server" if self.is_selected_at_server else "here"
        chosen = "" if self.selection is None else f", only {' '.join(self.selection)} (selected {where})"
        failed = f", {self.failed_callbacks} callbacks failed" if self.failed_callbacks else ""
        return (
            f"<Messages: {len(self)} kept, {self.dropped} dropped, {self.hidden} hidden{chosen}, "
            f"{len(self._subscriptions)} subscribers{failed}>"
        )


def _lines_of(types: frozenset[str]) -> tuple[str, ...]:
    return selection_lines(_HEADER_TYPES.get(kind, kind) for kind in (types | _ALWAYS) - _NOT_RELAYED)


def _type_of(item: Item) -> str:
    if isinstance(item, Message):
        return plain_type(message_type(item.body))
    if isinstance(item, Gap):
        return "gap"
    return "unparsed" if isinstance(item, Unparsed) else "notice"
