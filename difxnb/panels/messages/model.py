# SPDX-License-Identifier: GPL-3.0-or-later
"""What a browser of messages knows: the filter, whether it is held still, and the newest rows that fit."""

from __future__ import annotations

import dataclasses
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from difxnb.panels.messages.filter import MessageFilter
from difxnb.panels.seldom import Seldom

if TYPE_CHECKING:
    import pandas as pd

MOST_ROWS = 100
"""Messages shown at once."""

_MOST_SEARCHED = 20_000


class MessagesHeard(Protocol):
    """A table of messages, such as ``difx.messages`` or that of a recording."""

    @property
    def version(self) -> int:
        """Moves with every message."""

    @property
    def dropped(self) -> int:
        """Messages that fell out."""

    @property
    def hidden(self) -> int:
        """Messages that came and are not kept, because they are not among those selected."""

    def __len__(self) -> int: ...

    def frame(
        self, type: None = None, source: None = None, job: None = None, severity: str | None = None
    ) -> pd.DataFrame:
        """Messages as rows."""

    def counts(self) -> pd.Series[int]:
        """How many of each type came."""


@dataclass(frozen=True)
class MessageRow:
    """One message; texts are as they came."""

    time: str
    type: str
    source: str
    job: str
    severity: str
    text: str


@dataclass(frozen=True)
class Found:
    """What a search gave.

    Attributes
    ----------
    rows : tuple of MessageRow
        The newest, newest first.
    fitting : int
        How many fit of those that were searched.
    searched, kept : int
        How many were searched, and how many there are.
    """

    rows: tuple[MessageRow, ...]
    fitting: int
    searched: int
    kept: int
    version: int


@dataclass(frozen=True)
class MessagesSnapshot:
    """All that a browser of messages shows."""

    found: Found
    filter: MessageFilter
    counts: tuple[tuple[str, int], ...]
    dropped: int
    hidden: int
    is_paused: bool
    missed: int
    message: str
    is_problem: bool


class MessagesModel:
    """A browser of messages.

    Parameters
    ----------
    messages : MessagesHeard
    """

    def __init__(self, messages: MessagesHeard) -> None:
        self.version = 0
        self._messages = messages
        self._filter = MessageFilter()
        self._held: Found | None = None
        self._found: Seldom[Found] = Seldom()
        self._lock = threading.Lock()

    @property
    def filter(self) -> MessageFilter:
        """What is wanted."""
        return self._filter

    def want(self, **changes: str | bool) -> None:
        """Want other messages: fields of `MessageFilter`, those not named stay. A pause ends with it."""
        with self._lock:
            self._filter = dataclasses.replace(self._filter, **changes)  # type: ignore[arg-type]
            self._held = None
            self.version += 1

    def pause(self) -> None:
        """Hold still what is shown now; messages are counted on."""
        found = self._search()
        with self._lock:
            self._held = found
            self.version += 1

    def resume(self) -> None:
        """Show what comes again."""
        with self._lock:
            self._held = None
            self.version += 1

    def snapshot(self, *, at_once: bool = False) -> MessagesSnapshot:
        """What is shown now; with `at_once` the very last state, though a look at it is not due."""
        with self._lock:
            held, wanted = self._held, self._filter
        found = self._search(at_once=at_once) if held is None else held
        fault = wanted.fault()
        return MessagesSnapshot(
            found,
            wanted,
            tuple((str(kind), int(count)) for kind, count in self._messages.counts().items()),
            self._messages.dropped,
            self._messages.hidden,
            held is not None,
            0 if held is None else max(0, self._messages.version - held.version),
            fault,
            bool(fault),
        )

    def _search(self, *, at_once: bool = False) -> Found:
        wanted = self._filter
        return self._found.look(
            lambda: self._look(wanted), asked=wanted, version=self._messages.version, at_once=at_once
        )

    def _look(self, wanted: MessageFilter) -> Found:
        version = self._messages.version
        frame = self._messages.frame(severity=wanted.severity or None)
        searched = frame.tail(_MOST_SEARCHED)
        fitting = frame.iloc[:0] if wanted.fault() else wanted.part_of(searched)
        newest = fitting.tail(MOST_ROWS)[::-1]
        return Found(_rows(newest), len(fitting), len(searched), len(frame), version)


def _rows(frame: pd.DataFrame) -> tuple[MessageRow, ...]:
    times = frame["time"].dt.strftime("%H:%M:%S").fillna("")
    names = ("type", "from", "job", "severity", "state", "text")
    texts = [frame[name].astype(object).where(frame[name].notna(), "") for name in names]
    return tuple(
        MessageRow(time, kind, source, job, severity, text or state)
        for time, kind, source, job, severity, state, text in zip(times, *texts, strict=True)
    )
