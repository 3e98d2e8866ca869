# SPDX-License-Identifier: GPL-3.0-or-later
"""One row per recorder: what it does, its modules, and the health of their disks.

In go messages with the time they were received, out come DataFrames. Mark5 and Mark6 units follow ``difxmessage.md``
6.5 to 6.8, 6.13, disks 6.16 and 6.17; rates are in bit/s here, on the wire in Mbit/s.
"""

from __future__ import annotations

import threading
import time as clock
from collections import OrderedDict

import numpy as np
import pandas as pd

from difxnb.markup import titled
from difxnb.tables import columns
from difxnb.tables.disk_reports import DRIVE_STATISTICS, SMART, drive_rows, smart_rows
from difxnb.tables.growing import RowLog
from difxnb.tables.hearing import Hearing
from difxnb.tables.message_rows import Item, require_texts, short_host
from difxnb.tables.recorder_units import INACTIVE_SECONDS, REPORTS, Module, Unit
from difxnb.wire.events import Gap
from difxnb.wire.message import DriveStats, Mark5Status, Mark5Version, Message, Smart

_LONGEST_NAME = 255
_SHOWN = ("recorder", "state", "scan", "progress", "modules", "last_heard", "inactive")


class RecorderTable:
    """Every Mark5 or Mark6 unit that was heard of. One thread may add while others look.

    Parameters
    ----------
    limit : int
        Most units kept; the one heard of least recently falls out.
    limit_smart, limit_drives : int
        Most values of disks, and most statistics of disks, kept over all units.

    Attributes
    ----------
    version : int
        Moves with every report.
    dropped : int
        Units that fell out.
    hearing : Hearing
        Whether reports reach us at all; where they do not nobody is called inactive.
    """

    def __init__(self, limit: int = 1000, *, limit_smart: int = 100_000, limit_drives: int = 10_000) -> None:
        if limit < 1:
            raise ValueError("a table of recorders needs room for at least one")
        self.limit = limit
        self.version = self.dropped = 0
        self.hearing = Hearing()
        self._units: OrderedDict[str, Unit] = OrderedDict()
        self._smart, self._drives = RowLog(SMART, limit_smart), RowLog(DRIVE_STATISTICS, limit_drives)
        self._cached: tuple[int, pd.DataFrame] | None = None
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._units)

    @property
    def dropped_smart(self) -> int:
        """Values of disks that fell out."""
        return self._smart.dropped

    @property
    def dropped_drives(self) -> int:
        """Statistics of disks that fell out."""
        return self._drives.dropped

    def add(self, item: Item, time: float) -> None:
        """Follow one message; what comes from no recorder is passed over."""
        if isinstance(item, Gap):
            with self._lock:
                self.hearing.add(item)
        if not isinstance(item, Message) or not item.header.source:
            return
        body = item.body
        name = short_host(item.header.source[:_LONGEST_NAME])
        if isinstance(body, Smart):
            self._log(self._smart, smart_rows(body, name, time))
        elif isinstance(body, DriveStats):
            self._log(self._drives, drive_rows(body, name, item.header.identifier, time))
        elif isinstance(body, REPORTS):
            with self._lock:
                kind = "Mark5" if isinstance(body, (Mark5Status, Mark5Version)) else "Mark6"
                self._unit(name, kind, time).follow(item, body, time)
                self.version += 1

    def frame(self, now: float | None = None) -> pd.DataFrame:
        """One row per unit, by name.

        Parameters
        ----------
        now : float, optional
            Unix seconds against which age is measured; the clock's by default.

        Returns
        -------
        DataFrame
            ``recorder`` (short name), ``type`` (``Mark5``, ``Mark6``), ``state`` (as sent), ``job`` (which it
            plays for), ``program`` (that said so), ``scan_number`` (from 1), ``scan``, ``position`` (byte), ``rate``
            (bit/s), ``progress`` (0…1, of a copy, a directory, a conditioning), ``data_time`` (UTC), ``bank_a``,
            ``bank_b`` (serials of modules; None where there is none), ``active_bank``, ``active_vsn``, ``modules`` (in
            one line), ``missing_disks``, ``note``, ``flags`` (bits of the status that mpifxcorr sends),
            ``last_heard`` (UTC), ``age`` (s since then), ``inactive`` (no report for half a minute, though we were
            connected), ``repeats`` (reports that a proxy told again, which prove nothing).
        """
        moment = clock.time() if now is None else now
        with self._lock:
            if self._cached is None or self._cached[0] != self.version:
                self._cached = (self.version, _frame([self._units[key] for key in sorted(self._units)]))
                self._cached[1].attrs["dropped"] = self.dropped
            frame = self._cached[1].copy(deep=False)
            heard = np.array([self._units[key].last_heard for key in sorted(self._units)], dtype=float)
            frame["inactive"] = self.hearing.is_quiet(heard, moment, INACTIVE_SECONDS)
        frame["age"] = np.maximum(0.0, moment - heard)
        return frame

    def modules(self, recorder: str | None = None) -> pd.DataFrame:
        """One row per bank of a Mark5 unit or slot of a Mark6 unit.

        Parameters
        ----------
        recorder : str, optional
            Of this unit only.

        Returns
        -------
        DataFrame
            ``recorder``, ``bank`` (A, B; 1, 2, …), ``vsn`` (None: nothing with a label is in), ``group``, ``disks``,
            ``missing_disks`` (only of Mark6 units), ``active``, ``heard`` (UTC).

        Raises
        ------
        KeyError
            Nothing was heard of that recorder.
        """
        with self._lock:
            units = [self._units[key] for key in self._wanted(recorder)]
            rows = [(unit, bank, module) for unit in units for bank, module in sorted(unit.modules.items())]
            return _modules_frame(rows)

    def smart(self, vsn: str | None = None) -> pd.DataFrame:
        """Health of disks, as it was reported: one row per value, oldest first.

        Parameters
        ----------
        vsn : str, optional
            Of this module only.

        Returns
        -------
        DataFrame
            ``received`` (UTC), ``recorder``, ``vsn``, ``disk`` (in the module, from 0), ``time`` (UTC, of the reading),
            ``id``, ``name`` (None for ids that nobody knows), ``value``, ``suspect`` (it should be zero).
            ``attrs["dropped"]`` counts values that fell out.
        """
        require_texts(vsn=vsn)
        return self._smart.frame(None if vsn is None else lambda found: found["vsn"] == vsn)

    def drive_statistics(self, vsn: str | None = None) -> pd.DataFrame:
        """Response times of disks, as they were reported, oldest first.

        Parameters
        ----------
        vsn : str, optional
            Of this module only; mk5cp cuts names after seven letters.

        Returns
        -------
        DataFrame
            ``received`` (UTC), ``recorder``, ``vsn``, ``disk``, ``type`` (condition, read…), ``serial``, ``model``,
            ``size`` (bytes), ``begin``, ``end`` (UTC), ``start_byte``, ``bin0`` to ``bin7`` (answers within 1.125 ms,
            2.25 ms, … 72 ms, later), ``slow`` (share of those later than 18 ms).
        """
        require_texts(vsn=vsn)
        return self._drives.frame(None if vsn is None else lambda found: found["vsn"] == vsn)

    def versions(self) -> pd.DataFrame:
        """Versions of the parts of Mark5 units, where one was asked for them: ``recorder part version``."""
        with self._lock:
            units = [(key, self._units[key].versions) for key in sorted(self._units)]
        rows = [(key, *pair) for key, found in units if found is not None for pair in version_parts(found)]
        return pd.DataFrame(
            {
                name: columns.texts(row[place] for row in rows)
                for place, name in enumerate(("recorder", "part", "version"))
            }
        )

    def _log(self, log: RowLog, rows: list[tuple[object, ...]]) -> None:
        for row in rows:
            log.append(row)
        with self._lock:
            self.version += 1

    def _wanted(self, recorder: str | None) -> list[str]:
        if recorder is None:
            return sorted(self._units)
        if short_host(recorder) not in self._units:
            raise KeyError(f"nothing was heard of a recorder {recorder!r}; known: {sorted(self._units)[:10]}")
        return [short_host(recorder)]

    def _unit(self, name: str, kind: str, time: float) -> Unit:
        unit = self._units.get(name)
        if unit is None:
            if len(self._units) >= self.limit:
                self._units.popitem(last=False)
                self.dropped += 1
            unit = self._units[name] = Unit(name, kind, time)
        self._units.move_to_end(name)
        return unit

    def __repr__(self) -> str:
        dropped = f", {self.dropped} dropped" if self.dropped else ""
        return f"<RecorderTable: {len(self)} recorders, {len(self._smart)} values of disks{dropped}>"

    def _repr_html_(self) -> str:
        return titled(repr(self), self.frame()[list(_SHOWN)])


def _frame(units: list[Unit]) -> pd.DataFrame:
    doing = [unit.activity for unit in units]
    return pd.DataFrame(
        {
            "recorder": columns.texts(unit.name for unit in units),
            "type": columns.texts(unit.kind for unit in units),
            "state": columns.texts(found.state for found in doing),
            "job": columns.texts(found.job for found in doing),
            "program": columns.texts(found.program or None for found in doing),
            "scan_number": columns.integers(found.scan_number for found in doing),
            "scan": columns.texts(found.scan for found in doing),
            "position": columns.integers(found.position for found in doing),
            "rate": columns.numbers(found.rate for found in doing),
            "progress": columns.numbers(found.progress for found in doing),
            "data_time": columns.times(found.data_time for found in doing),
            "bank_a": columns.texts(unit.vsn("A") for unit in units),
            "bank_b": columns.texts(unit.vsn("B") for unit in units),
            "active_bank": columns.texts(unit.active_bank for unit in units),
            "active_vsn": columns.texts(unit.active_vsn for unit in units),
            "modules": columns.texts(unit.content for unit in units),
            "missing_disks": columns.integers(unit.missing_disks for unit in units),
            "note": columns.texts(found.note for found in doing),
            "flags": columns.texts(", ".join(found.flags) or None for found in doing),
            "last_heard": columns.times(unit.last_heard for unit in units),
            "age": np.nan,
            "inactive": False,
            "repeats": pd.Series([unit.repeats for unit in units], dtype="int64"),
        }
    )


def _modules_frame(rows: list[tuple[Unit, str, Module]]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "recorder": columns.texts(unit.name for unit, _, _ in rows),
            "bank": columns.texts(bank for _, bank, _ in rows),
            "vsn": columns.texts(module.vsn for _, _, module in rows),
            "group": columns.texts(module.group for _, _, module in rows),
            "disks": columns.integers(module.disks for _, _, module in rows),
            "missing_disks": columns.integers(module.missing_disks for _, _, module in rows),
            "active": columns.flags(
                bank == unit.active_bank or (module.vsn is not None and module.vsn == unit.active_vsn)
                for unit, bank, module in rows
            ),
            "heard": columns.times(module.heard for _, _, module in rows),
        }
    )


def version_parts(version: Mark5Version) -> list[tuple[str, str]]:
    """Names and versions of the parts of a Mark5 unit, as far as it knows them."""
    board = version.daughter_board
    found = [(name, getattr(version, name)) for name in version.__slots__ if name != "daughter_board"]
    if board is not None:
        found += [(f"daughter_board.{name}", getattr(board, name)) for name in board.__slots__]
    return [(name, str(value)) for name, value in found if value is not None]
