# SPDX-License-Identifier: GPL-3.0-or-later
"""What is shown of hosts: loads, memory, network, processes, ages."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import Any, Protocol

import pandas as pd

from difxnb.panels.seldom import Seldom
from difxnb.panels.shown import BLUE, GREEN, GREY, ORANGE, PURPLE, Mark

_MOST = 200
_TICK_S = 2.0
_BUSY, _OVERLOADED = 0.2, 1.1
IDLE, BUSY = Mark("idle", "○", GREEN), Mark("busy", "●", BLUE)
OVERLOADED, SILENT = Mark("overloaded", "!", ORANGE), Mark("silent", "✗", PURPLE)
NO_LOAD = Mark("tells no load", "?", GREY)


class NodesHeard(Protocol):
    """A table of hosts, such as ``difx.nodes`` or that of a recording."""

    @property
    def version(self) -> int:
        """Moves with every message."""

    @property
    def dropped(self) -> int:
        """Rows that fell out."""

    def frame(self) -> pd.DataFrame:
        """One row per host."""


@dataclass(frozen=True)
class NodeRow:
    """One host; NaN is what was not told.

    Attributes
    ----------
    name : str
    mark : Mark
        How it stands.
    cpu, memory : float
        Load by cores, and the share of the memory in use.
    cores : float
    memory_total : float
        Bytes.
    network_in, network_out : float
        Bytes/s.
    processes : int
        Of mpifxcorr.
    jobs : str
    age : float
        Seconds since it was heard.
    """

    name: str
    mark: Mark
    cpu: float
    cores: float
    memory: float
    memory_total: float
    network_in: float
    network_out: float
    processes: int
    jobs: str
    age: float


@dataclass(frozen=True)
class NodesSnapshot:
    """All that is shown of hosts."""

    rows: tuple[NodeRow, ...]
    left_out: int
    dropped: int


class NodesModel:
    """Hosts, by name.

    Parameters
    ----------
    nodes : NodesHeard
    """

    def __init__(self, nodes: NodesHeard) -> None:
        self._nodes = nodes
        self._seen: Seldom[NodesSnapshot] = Seldom()

    @property
    def version(self) -> int:
        """Moves with every message of a host."""
        return self._nodes.version

    def snapshot(self, *, at_once: bool = False) -> NodesSnapshot:
        """What is shown now; with `at_once` the very last state, though a look at it is not due."""
        # Silence is told by the clock, not by messages.
        version = (self._nodes.version, time.monotonic() // _TICK_S)
        return self._seen.look(self._look, asked=None, version=version, at_once=at_once)

    def _look(self) -> NodesSnapshot:
        frame = self._nodes.frame()
        rows = tuple(_row(row) for _, row in frame.head(_MOST).iterrows())
        return NodesSnapshot(rows, max(0, len(frame) - _MOST), self._nodes.dropped)


def number(value: Any) -> float:
    """A number of a table; NaN where there is none."""
    return math.nan if pd.isna(value) else float(value)


def _row(row: pd.Series) -> NodeRow:
    cpu = number(row["cpu"])
    return NodeRow(
        str(row["node"]),
        _mark(cpu, silent=bool(row["silent"])),
        cpu,
        number(row["cores"]),
        number(row["memory"]),
        number(row["memory_total"]),
        number(row["network_in"]),
        number(row["network_out"]),
        int(row["processes"]),
        row["jobs"] or "",
        number(row["age"]),
    )


def _mark(cpu: float, *, silent: bool) -> Mark:
    if silent:
        return SILENT
    if math.isnan(cpu):
        return NO_LOAD
    return OVERLOADED if cpu > _OVERLOADED else BUSY if cpu > _BUSY else IDLE
