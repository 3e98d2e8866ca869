# SPDX-License-Identifier: GPL-3.0-or-later
"""One row per host that computes: load, memory, network, processes, and when it was last heard.

In go messages with the time they were received, out come DataFrames. Loads follow ``difxmessage.md`` 6.1; on the wire
memory is in kiB and rates are in bytes/s, here everything is in bytes and bytes/s.
"""

from __future__ import annotations

import threading
import time as clock
from collections import Counter, OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from difxnb.markup import titled
from difxnb.tables import columns
from difxnb.tables.columns import INTEGERS, NUMBERS, TEXTS, TIMES
from difxnb.tables.growing import Column, RowLog, place
from difxnb.tables.hearing import Hearing
from difxnb.tables.message_rows import Item, short_host
from difxnb.tables.node_places import Places
from difxnb.wire.events import Gap
from difxnb.wire.message import (
    Alert,
    Diagnostic,
    Load,
    Mark5Status,
    Mark6Activity,
    Mark6SlotStatus,
    Mark6Status,
    Message,
    Status,
)

SILENT_SECONDS = 60.0
"""A host that reports its load every ten seconds counts as silent after so long."""

_KIB = 1024
_MOST_KIB = 2**43  # what is left of 64 bits beside the unit
_LONGEST_NAME = 255
_OF_JOBS = (Status, Alert, Diagnostic, Mark5Status, Mark6Activity)
_TOLD_AGAIN = (Mark5Status, Mark6Status, Mark6SlotStatus)  # by proxies, in the name of hosts that may be down
_STALE = 30.0  # s after which processes are counted again though nothing came


@dataclass(slots=True)
class _Node:
    """What is known of a host; times are unix seconds."""

    name: str
    last_heard: float
    load: Load | None = None
    load_time: float | None = None
    sequence: int | None = None


class NodeTable:
    """Every host that reported its load, or on which a process of a job spoke.

    Load reports come every ten seconds from hosts with mk5daemon. One thread may add while others look.

    Parameters
    ----------
    limit : int
        Most hosts kept; the one heard of least recently falls out.
    limit_history : int
        Most load reports kept, over all hosts.

    Attributes
    ----------
    version : int
        Moves with every message of a host.
    dropped : int
        Hosts that fell out.
    duplicates : int
        Load reports that came again, and are no sign of life.
    hearing : Hearing
        Whether load reports reach us at all; where they do not nobody is called silent.
    """

    def __init__(self, limit: int = 5000, *, limit_history: int = 100_000) -> None:
        if limit < 1:
            raise ValueError("a table of hosts needs room for at least one")
        self.limit = limit
        self.version = self.dropped = self.duplicates = 0
        self.hearing = Hearing()
        self._nodes: OrderedDict[str, _Node] = OrderedDict()
        self._places = Places()
        self._history = RowLog(_HISTORY, limit_history)
        self._cached: tuple[int, float, pd.DataFrame] | None = None
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._nodes)

    @property
    def dropped_history(self) -> int:
        """Load reports that fell out."""
        return self._history.dropped

    def add(self, item: Item, time: float) -> None:
        """Follow one message; what comes from no host of the correlator is passed over."""
        if isinstance(item, Gap):
            with self._lock:
                self.hearing.add(item)
        if not isinstance(item, Message) or not item.header.source:
            return
        rank, body = item.header.mpi_id, item.body
        if not isinstance(body, Load) and not (isinstance(body, _OF_JOBS) and rank is not None and rank >= 0):
            self._note_alive(item, time)
            return
        with self._lock:
            node = self._node(item.header.source, time)
            if isinstance(body, Load):
                self._follow_load(node, item, body, time)
            else:
                self._places.add(item, short_host(node.name), time)
                node.last_heard = time
            self.version += 1

    def frame(self, now: float | None = None) -> pd.DataFrame:
        """One row per host, by name.

        Parameters
        ----------
        now : float, optional
            Unix seconds against which age is measured; the clock's by default.

        Returns
        -------
        DataFrame
            ``node`` (short name, lower case), ``load`` (mean number of processes that want to run, over the last
            minute), ``cores``, ``cpu`` (`load` by `cores`: 1 is a busy host, above that processes wait),
            ``memory_used``, ``memory_total`` (bytes), ``memory`` (0…1), ``network_in``, ``network_out`` (bytes/s),
            ``processes`` (of mpifxcorr), ``jobs`` (their names), ``last_heard`` (UTC), ``age`` (s since then),
            ``silent`` (it used to report its load, and has not for a minute, though we were connected), ``name`` (as
            it calls itself). Missing is what was not reported; in the rates of the first report, and of network
            interfaces with names longer than 6 letters, mk5daemon says 0.
        """
        moment = clock.time() if now is None else now
        with self._lock:
            if self._cached is None or self._cached[0] != self.version or moment - self._cached[1] > _STALE:
                self._cached = (self.version, moment, self._made(moment))
            frame = self._cached[2].copy(deep=False)
            heard = self._seconds(lambda node: node.last_heard)
            reported = self._seconds(lambda node: np.nan if node.load_time is None else node.load_time)
            frame["silent"] = self.hearing.is_quiet(reported, moment, SILENT_SECONDS)
        frame["age"] = np.maximum(0.0, moment - heard)
        return frame

    def history(self, node: str | None = None) -> pd.DataFrame:
        """Load reports, oldest first.

        Parameters
        ----------
        node : str, optional
            Of this host only.

        Returns
        -------
        DataFrame
            ``time`` (UTC, received), ``node``, then ``load`` to ``network_out`` as those of `frame`. The number of
            reports that fell out is in ``attrs["dropped"]``.

        Raises
        ------
        KeyError
            Nothing was heard of that host.
        """
        if node is None:
            return self._history.frame()
        name = short_host(node)
        with self._lock:
            if name not in self._nodes:
                known = sorted(self._nodes)[:10]
                raise KeyError(f"no message of a host {node!r} has been heard; known: {known}")
        return self._history.frame(lambda found: found["node"] == name)

    def _node(self, source: str, time: float) -> _Node:
        name = source[:_LONGEST_NAME]
        key = short_host(name)
        node = self._nodes.get(key)
        if node is None:
            if len(self._nodes) >= self.limit:
                self._nodes.popitem(last=False)
                self.dropped += 1
            node = self._nodes[key] = _Node(name, time)
        self._nodes.move_to_end(key)
        return node

    def _follow_load(self, node: _Node, item: Message, load: Load, time: float) -> None:
        # The same number with the same values is a copy, however late it comes.
        if item.sequence and item.sequence > 0 and (item.sequence, load) == (node.sequence, node.load):
            self.duplicates += 1
            return
        node.load, node.load_time, node.sequence = load, time, item.sequence
        node.last_heard = time
        self._history.append((time, short_host(node.name), load))

    def _note_alive(self, item: Message, time: float) -> None:
        """Take any other message of a known host as a sign of life, unless it may be an old one told again."""
        if isinstance(item.body, _TOLD_AGAIN):
            return
        with self._lock:
            node = self._nodes.get(short_host(item.header.source[:_LONGEST_NAME]))
            if node is not None:
                node.last_heard = time
                self.version += 1

    def _seconds(self, of: Callable[[_Node], float]) -> np.ndarray[Any, np.dtype[np.float64]]:
        return np.array([of(self._nodes[key]) for key in sorted(self._nodes)], dtype=float)

    def _made(self, now: float) -> pd.DataFrame:
        keys = sorted(self._nodes)
        nodes = [self._nodes[key] for key in keys]
        places = self._places.by_host(now)
        crews = [places.get(key, Counter()) for key in keys]
        rows = [(0.0, key, node.load or _NO_LOAD) for key, node in zip(keys, nodes, strict=True)]
        frame = pd.DataFrame(
            {
                **{c.name: columns.series(c.kind, c.read(rows)) for c in _HISTORY if c.name != "time"},
                "processes": pd.Series([crew.total() for crew in crews], dtype="int64"),
                "jobs": columns.texts(", ".join(sorted(crew)) or None for crew in crews),
                "last_heard": columns.times(node.last_heard for node in nodes),
                "age": np.nan,
                "silent": False,
                "name": columns.texts(node.name for node in nodes),
            }
        )
        frame.attrs["dropped"] = self.dropped
        return frame

    def __repr__(self) -> str:
        dropped = f", {self.dropped} dropped" if self.dropped else ""
        return f"<NodeTable: {len(self)} hosts, {len(self._history)} load reports{dropped}>"

    def _repr_html_(self) -> str:
        return titled(repr(self), self.frame())


_NO_LOAD = Load()


def _bytes(kib: int | None) -> int | None:
    """Bytes of a memory; None where there is none, or the number ran over."""
    return None if kib is None or not 0 < kib < _MOST_KIB else kib * _KIB


def _positive(number: float | None) -> float | None:
    return number if number is not None and number > 0 else None


def _ratio(part: float | None, whole: float | None) -> float | None:
    return None if part is None or not whole else part / whole


def _of_load(name: str, kind: columns.Kind, value: Callable[[Load], Any]) -> Column:
    def read(rows: Sequence[tuple[float, str, Load]]) -> list[Any]:
        return [value(row[2]) for row in rows]

    return Column(name, kind, read)


_HISTORY = (
    place("time", TIMES, 0),
    place("node", TEXTS, 1),
    _of_load("load", NUMBERS, lambda load: load.cpu_load),
    _of_load("cores", INTEGERS, lambda load: _positive(load.n_core)),
    _of_load("cpu", NUMBERS, lambda load: _ratio(load.cpu_load, _positive(load.n_core))),
    _of_load("memory_used", INTEGERS, lambda load: _bytes(load.used_memory)),
    _of_load("memory_total", INTEGERS, lambda load: _bytes(load.total_memory)),
    _of_load("memory", NUMBERS, lambda load: _ratio(_bytes(load.used_memory), _bytes(load.total_memory))),
    _of_load("network_in", NUMBERS, lambda load: load.net_rx_rate),
    _of_load("network_out", NUMBERS, lambda load: load.net_tx_rate),
)
