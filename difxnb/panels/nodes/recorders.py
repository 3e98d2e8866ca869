# SPDX-License-Identifier: GPL-3.0-or-later
"""What is shown of recorders: state, modules, progress, ages, and disks whose health reports are bad."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Protocol

import pandas as pd

from difxnb.panels.nodes.model import number
from difxnb.panels.seldom import Seldom
from difxnb.panels.shown import BLUE, GREEN, GREY, PURPLE, RED, Mark

_MOST, _MOST_DISKS = 200, 50
_TICK_S = 2.0
_BAD_STATES = frozenset({"Error", "NoData", "Bad", "Hung"})
_RESTING_STATES = frozenset({"Idle", "Open", "Opening", "Closing"})


class RecordersHeard(Protocol):
    """A table of recorders, such as ``difx.recorders`` or that of a recording."""

    @property
    def version(self) -> int:
        """Moves with every message."""

    @property
    def dropped(self) -> int:
        """Rows that fell out."""

    @property
    def dropped_smart(self) -> int:
        """Health values that fell out."""

    def frame(self) -> pd.DataFrame:
        """One row per unit."""

    def smart(self) -> pd.DataFrame:
        """Health of disks."""


@dataclass(frozen=True)
class RecorderRow:
    """One unit; NaN and empty is what was not told. `rate` is in bit/s, `age` in seconds."""

    name: str
    kind: str
    mark: Mark
    job: str
    scan: str
    progress: float
    rate: float
    modules: str
    missing_disks: int
    note: str
    age: float


@dataclass(frozen=True)
class DiskRow:
    """A health value of a disk that should be zero, and is not."""

    recorder: str
    module: str
    disk: int
    attribute: str
    value: int


@dataclass(frozen=True)
class RecordersSnapshot:
    """All that is shown of recorders.

    Attributes
    ----------
    disks : tuple of DiskRow
        The latest report of each disk, where something is wrong with it.
    n_disks : int
        Disks that reported.
    """

    rows: tuple[RecorderRow, ...]
    left_out: int
    disks: tuple[DiskRow, ...]
    disks_left_out: int
    n_disks: int
    dropped: int


class RecordersModel:
    """Recorders, by name.

    Parameters
    ----------
    recorders : RecordersHeard
    """

    def __init__(self, recorders: RecordersHeard) -> None:
        self._recorders = recorders
        self._seen: Seldom[RecordersSnapshot] = Seldom()

    @property
    def version(self) -> int:
        """Moves with every message of a recorder."""
        return self._recorders.version

    def snapshot(self, *, at_once: bool = False) -> RecordersSnapshot:
        """What is shown now; with `at_once` the very last state, though a look at it is not due."""
        version = (self._recorders.version, time.monotonic() // _TICK_S)
        return self._seen.look(self._look, asked=None, version=version, at_once=at_once)

    def _look(self) -> RecordersSnapshot:
        frame, smart = self._recorders.frame(), self._recorders.smart()
        latest = smart.drop_duplicates(["vsn", "disk", "id"], keep="last")
        suspect = latest[latest["suspect"]]
        return RecordersSnapshot(
            tuple(_row(row) for _, row in frame.head(_MOST).iterrows()),
            max(0, len(frame) - _MOST),
            tuple(_disk(row) for _, row in suspect.head(_MOST_DISKS).iterrows()),
            max(0, len(suspect) - _MOST_DISKS),
            len(latest.drop_duplicates(["vsn", "disk"])),
            self._recorders.dropped,
        )


def _row(row: pd.Series) -> RecorderRow:
    return RecorderRow(
        str(row["recorder"]),
        row["type"] or "",
        _mark(row["state"] or "", inactive=bool(row["inactive"])),
        row["job"] or "",
        row["scan"] or "",
        number(row["progress"]),
        number(row["rate"]),
        row["modules"] or "",
        int(row["missing_disks"]) if pd.notna(row["missing_disks"]) else 0,
        row["note"] or "",
        number(row["age"]),
    )


def _disk(row: pd.Series) -> DiskRow:
    name = row["name"] or f"attribute {row['id']}"
    return DiskRow(row["recorder"] or "", row["vsn"] or "", int(row["disk"]), name, int(row["value"]))


def _mark(state: str, *, inactive: bool) -> Mark:
    if inactive:
        return Mark(f"inactive, was {state}" if state else "inactive", "✗", PURPLE)
    if state in _BAD_STATES:
        return Mark(state, "✗", RED)
    if state in _RESTING_STATES:
        return Mark(state, "○", GREEN)
    return Mark(state, "●", BLUE) if state else Mark("not known", "?", GREY)
