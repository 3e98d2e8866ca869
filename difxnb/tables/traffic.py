# SPDX-License-Identifier: GPL-3.0-or-later
"""How much comes from whom, and how much did not: counts, rates, losses and duplicates of messages.

In go messages with the time they were received, out come tables of types and of senders. What sequence numbers tell,
and what they cannot, follows ``difxmessage.md`` 2.3 and 14.7, 14.8: one counter for each sender, job and rank; some
programs never count; a counter begins anew with its process.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, field
from math import exp
from typing import Any, NamedTuple

import pandas as pd

from difxnb.tables import columns
from difxnb.tables.message_rows import Item, row_type
from difxnb.wire.message import Header, Message

OTHER_TYPES = "other types"
"""Under this name messages are counted of which the type is one too many."""

COUNTED_TYPES = 200
"""Types that are counted each for itself."""

RATE_SECONDS = 10.0
"""Rates are averages over about this time."""

_REMEMBERED = 32  # messages of a sender among which a repeated or an overtaken one is looked for
_MOST_LOST = 10_000  # a longer jump is another process with the same name


class Recent:
    """Remembers the last things it was asked about, to tell those that come again."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._seen: OrderedDict[Hashable, None] = OrderedDict()

    def has_seen(self, thing: Hashable) -> bool:
        """Whether `thing` came before, not long ago; from now on it has."""
        if thing in self._seen:
            return True
        self._seen[thing] = None
        if len(self._seen) > self._size:
            self._seen.popitem(last=False)
        return False


class Found(NamedTuple):
    """What the sequence number of one message tells.

    Attributes
    ----------
    lost : int or None
        Messages of the same sender that are missing before it; -1 where it is itself one that had been taken for lost,
        None where nobody can tell.
    duplicate : bool
    """

    lost: int | None = None
    duplicate: bool = False


_NOTHING = Found()


@dataclass(slots=True)
class _Flow:
    """Messages of one kind or of one sender; times are unix seconds."""

    first: float
    last: float
    messages: int = 0
    bytes: int = 0
    pace: float = 0.0

    def add(self, size: int, time: float) -> None:
        self.pace = self.rate(time) + 1.0 / RATE_SECONDS
        self.messages += 1
        self.bytes += size
        self.last = max(self.last, time)

    def rate(self, now: float) -> float:
        """Messages per second, lately."""
        return self.pace * exp(-max(0.0, now - self.last) / RATE_SECONDS)


@dataclass(slots=True)
class _Counter:
    """The sequence numbers of one sender."""

    sequence: int | None = None
    epoch: int = 0
    lost: int = 0
    missed: int = 0
    late: int = 0
    duplicates: int = 0
    restarts: int = 0
    counts: bool = False  # whether it ever counted on
    recent: OrderedDict[int, int] = field(default_factory=OrderedDict)  # number: what came with it
    missing: OrderedDict[int, None] = field(default_factory=OrderedDict)

    def follow(self, sequence: int, content: int, epoch: int, is_gap: bool) -> Found:
        """Take in one number.

        Parameters
        ----------
        sequence, content : int
            The number, and a hash of what came with it.
        epoch : int
            Moves when it became unknown how much was not heard.
        is_gap : bool
            Whether that was a time without connection.
        """
        if self._is_repeated(sequence, content):
            self.duplicates += 1
            return Found(duplicate=True)
        if sequence in self.missing:
            del self.missing[sequence]
            self.lost, self.late = self.lost - 1, self.late + 1
            self._remember(sequence, content)
            return Found(lost=-1)
        previous, self.sequence = self.sequence, sequence
        is_same_epoch, self.epoch = epoch == self.epoch, epoch
        self._remember(sequence, content)
        if previous is None or sequence == previous:
            return _NOTHING
        if not 0 < sequence - previous <= _MOST_LOST:
            self._restart(sequence, content)
            return _NOTHING
        self.counts = True
        if is_same_epoch:
            return self._note_lost(previous, sequence)
        self.missed += sequence - previous - 1 if is_gap else 0
        return _NOTHING

    def _note_lost(self, previous: int, sequence: int) -> Found:
        between = sequence - previous - 1
        self.lost += between
        for number in range(max(previous + 1, sequence - _REMEMBERED), sequence):
            self.missing[number] = None
        while len(self.missing) > _REMEMBERED:
            self.missing.popitem(last=False)
        return Found(lost=between)

    def _is_repeated(self, sequence: int, content: int) -> bool:
        # Programs that never count send 0 or -1 with everything they say.
        return sequence > 0 and self.recent.get(sequence) == content

    def _remember(self, sequence: int, content: int) -> None:
        self.recent[sequence] = content
        if len(self.recent) > _REMEMBERED:
            self.recent.popitem(last=False)

    def _restart(self, sequence: int, content: int) -> None:
        self.restarts += 1
        self.recent.clear()
        self.missing.clear()
        self._remember(sequence, content)


_Sender = tuple[str, str, int | None]


class Traffic:
    """Counts what comes. One thread may add while others look.

    Parameters
    ----------
    limit : int
        Most senders kept; the one heard of least recently falls out.

    Attributes
    ----------
    dropped : int
        Senders that fell out.
    """

    def __init__(self, limit: int = 10_000) -> None:
        self.limit = limit
        self.dropped = 0
        self._types: dict[str, _Flow] = {}
        self._senders: OrderedDict[_Sender, tuple[_Flow, _Counter]] = OrderedDict()
        self._epoch = 0
        self._is_gap = False
        self._is_complete = True
        self._lock = threading.Lock()

    def add(self, item: Item, time: float) -> Found:
        """Count one message, and say what its number tells."""
        kind = row_type(item)
        header = getattr(item, "header", None)
        with self._lock:
            flow = self._types.get(kind)
            if flow is None:
                # Names of types that are not known are the sender's choice.
                kind = kind if len(self._types) < COUNTED_TYPES else OTHER_TYPES
                flow = self._types.setdefault(kind, _Flow(time, time))
            flow.add(getattr(item, "size", 0), time)
            if header is None:
                return _NOTHING
            return self._follow(item, header, time)

    def _follow(self, item: Any, header: Header, time: float) -> Found:
        own, counter = self._sender((header.source, header.identifier, header.mpi_id), time)
        own.add(item.size, time)
        if item.sequence is None or not self._is_complete:
            return _NOTHING
        content = hash(item.body if isinstance(item, Message) else item)
        return counter.follow(item.sequence, content, self._epoch, self._is_gap)

    def _sender(self, sender: _Sender, time: float) -> tuple[_Flow, _Counter]:
        found = self._senders.get(sender)
        if found is None:
            if len(self._senders) >= self.limit:
                self._senders.popitem(last=False)
                self.dropped += 1
            found = self._senders[sender] = (_Flow(time, time), _Counter(epoch=self._epoch))
        else:
            self._senders.move_to_end(sender)
        return found

    def interrupt(self, *, is_gap: bool, complete: bool = True) -> None:
        """Note that something was not heard, or will not be.

        Parameters
        ----------
        is_gap : bool
            The connection was lost. What a sender counted on meanwhile was missed, not lost.
        complete : bool
            False while only some types are relayed: numbers are missing then without anything being lost.
        """
        with self._lock:
            self._epoch += 1
            self._is_gap, self._is_complete = is_gap, complete

    def types(self, now: float) -> pd.DataFrame:
        """One row per type; see `Messages.statistics`."""
        with self._lock:
            rows = sorted(self._types.items(), key=lambda pair: -pair[1].messages)
            names = [name for name, _ in rows]
            return pd.DataFrame({"type": columns.texts(names), **_flow_columns([f for _, f in rows], now)})

    def senders(self, now: float) -> pd.DataFrame:
        """One row per sender; see `Messages.statistics`."""
        with self._lock:
            rows = sorted(self._senders.items(), key=lambda pair: -pair[1][0].messages)
            counters = [counter for _, (_, counter) in rows]
            flows = _flow_columns([flow for _, (flow, _) in rows], now)
            frame = pd.DataFrame(
                {
                    "from": columns.texts(sender[0] for sender, _ in rows),
                    "job": columns.texts(sender[1] for sender, _ in rows),
                    "mpi_id": columns.integers(sender[2] for sender, _ in rows),
                    **flows,
                    "lost": columns.integers(c.lost if c.counts else None for c in counters),
                    "missed": columns.integers(c.missed if c.counts else None for c in counters),
                    "late": columns.integers(c.late for c in counters),
                    "duplicates": columns.integers(c.duplicates for c in counters),
                    "restarts": columns.integers(c.restarts for c in counters),
                }
            )
            frame.attrs["dropped_senders"] = self.dropped
            return frame


def _flow_columns(flows: list[_Flow], now: float) -> dict[str, pd.Series[Any]]:
    return {
        "messages": columns.integers(flow.messages for flow in flows),
        "bytes": columns.integers(flow.bytes for flow in flows),
        "rate": columns.numbers(flow.rate(now) for flow in flows),
        "first": columns.times(flow.first for flow in flows),
        "last": columns.times(flow.last for flow in flows),
    }
