# SPDX-License-Identifier: GPL-3.0-or-later
"""A session in the making: records go in, one after the other, and the tables, monitors and runs of it come out."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

import pandas as pd

from difxnb.aio.frames import told_frame
from difxnb.aio.server_info import ServerInfo
from difxnb.client.server_description import ServerDescription
from difxnb.errors import DifxError
from difxnb.formats.im import Im, parse_im
from difxnb.formats.input import Input, parse_input
from difxnb.formats.journal import Damage, Kind, Record
from difxnb.formats.journal_content import (
    File,
    decode_facts,
    decode_file,
    decode_gap,
    decode_notice,
    monitor_of,
    number_of,
    text_of,
    whole_of,
)
from difxnb.recording.monitor import KINDS as MONITOR_KINDS
from difxnb.recording.monitor import RecordedMonitor
from difxnb.recording.run import RecordedRun
from difxnb.recording.tables import Now, RecordedTables
from difxnb.wire.events import Gap
from difxnb.wire.message import parse

T = TypeVar("T")
_MOST_DAMAGE = 1000
_MOST_KEPT = 2_000_000
_IDENTIFIER = 31  # characters of a job's name that its messages carry


class ByJob(Mapping[str, T]):
    """Things by the name of their job; of several of one job the later ones are ``NAME:2``, ``NAME:3``…"""

    def __init__(self) -> None:
        self._things: dict[str, T] = {}

    def put(self, job: str, thing: T) -> None:
        """Append one."""
        name, turn = job, 1
        while name in self._things:
            turn += 1
            name = f"{job}:{turn}"
        self._things[name] = thing

    def __getitem__(self, name: str) -> T:
        if name not in self._things:
            raise KeyError(
                f"nothing of a job {name!r} was recorded; there is {', '.join(self._things) or 'nothing'}"
            )
        return self._things[name]

    def __iter__(self) -> Iterator[str]:
        return iter(list(self._things))  # a replay may add some meanwhile

    def __len__(self) -> int:
        return len(self._things)

    def __repr__(self) -> str:
        return "{" + ", ".join(f"{name!r}: {thing!r}" for name, thing in self.items()) + "}"


class Played:
    """What a session had come to know.

    Parameters
    ----------
    now : callable
        The moment that ages are measured against, unix seconds.
    expected : int
        Messages that will come.
    fill : callable, optional
        Gives a monitor of a number its records when somebody looks at it; without it they are given to it as they come.

    Attributes
    ----------
    tables : RecordedTables
    monitors, runs : ByJob
    server : ServerInfo
    connections : list of tuple
        Time, event and text of what became of the connection.
    damage : list of Damage
        Records that make no sense.
    lost : int
        Records that were never written because there was no room for them.
    ended : bool
        Whether the recording was closed as it should be.
    """

    def __init__(
        self, now: Now, expected: int, *, fill: Callable[[int, RecordedMonitor], None] | None = None
    ) -> None:
        # What is kept until somebody looks at the other tables has no limit of its own.
        self.tables = RecordedTables(now, expected, at_once=fill is None or expected > _MOST_KEPT)
        self.monitors: ByJob[RecordedMonitor] = ByJob()
        self.runs: ByJob[RecordedRun] = ByJob()
        self.server = ServerInfo(ServerDescription())
        self.connections: list[tuple[float, str, str]] = []
        self.damage: list[Damage] = []
        self.lost, self.ended = 0, False
        self.address = self.software = ""
        self.files: OrderedDict[tuple[str, str], File] = OrderedDict()
        self._parsed: dict[tuple[str, str], Input | Im | None] = {}
        self._fill = fill
        self._monitors: dict[int, RecordedMonitor] = {}
        self._runs: dict[int, RecordedRun] = {}
        self._latest: dict[str, RecordedRun] = {}  # of each job, by its input file

    def take(self, record: Record) -> None:
        """Take in a record; what makes no sense is noted in `damage`."""
        try:
            self._take(record)
        except (ValueError, OverflowError, IndexError, KeyError, DifxError) as error:
            note_damage(self.damage, record, error)

    def _take(self, record: Record) -> None:
        kind, time, payload, _ = record
        if kind == Kind.DATAGRAM:
            self._hear(parse(payload), time)
        elif kind == Kind.NOTICE:
            self._hear(decode_notice(payload), time)
        elif kind == Kind.GAP:
            gap = decode_gap(payload)
            self._hear(gap, time)
            self._note_gap(gap)
        elif kind in MONITOR_KINDS:
            self._watch(record)
        elif kind == Kind.RUN:
            self._follow(decode_facts(payload), time)
        elif kind == Kind.END:
            self.ended = True
            self.connections.append((time, "recording ended", ""))
        elif kind in _NOTED:
            _NOTED[Kind(kind)](self, payload, time)

    def _hear(self, item: Any, time: float) -> None:
        self.tables.add(item, time)
        for run in self._latest.values():
            run.hear(item, time)

    # --- the connection -------------------------------------------------------------------------------

    def _note_gap(self, gap: Gap) -> None:
        if gap.end is None:
            self.connections.append((gap.begin, "lost", gap.reason))
        else:
            self.connections.append((gap.end, "made anew", ""))

    def _begin(self, payload: bytes, time: float) -> None:
        facts = decode_facts(payload)
        self.address, self.software = text_of(facts, "address"), text_of(facts, "software")
        text = f"{self.address}, {text_of(facts, 'transport')}"
        self.connections.append((time, "recording began", text))

    def _describe(self, payload: bytes, time: float) -> None:
        facts = decode_facts(payload)
        environment = facts.get("environment", {})
        versions = facts.get("difx_versions", [])
        if not isinstance(environment, dict) or not isinstance(versions, list):
            raise ValueError("a server is described by a list of versions and an environment")
        description = ServerDescription(
            text_of(facts, "version"),
            text_of(facts, "user"),
            text_of(facts, "difx_base"),
            tuple(map(str, versions)),
            MappingProxyType({str(name): str(value) for name, value in environment.items()}),
            bool(facts.get("knows_channels", True)),
        )
        self.server = ServerInfo(description, text_of(facts, "setup_path"))

    def _select(self, payload: bytes, time: float) -> None:
        types = decode_facts(payload).get("types")
        if types is not None and not (isinstance(types, list) and all(isinstance(t, str) for t in types)):
            raise ValueError(f"a selection is a list of types; got {types!r:.80}")
        self.tables.recall(types)

    def _count_lost(self, payload: bytes, time: float) -> None:
        facts = decode_facts(payload)
        count, since = whole_of(facts, "records"), number_of(facts, "since")
        self.lost += max(0, count)
        text = f"{count} records of {whole_of(facts, 'bytes')} bytes were not written: there was no room"
        self.connections.append((since, "dropped", text))

    # --- files, monitors, runs ------------------------------------------------------------------------

    def _keep(self, payload: bytes, time: float) -> None:
        file = decode_file(payload)
        place = (file.what, file.path)
        if self.files.get(place) != file:
            self._parsed.pop(place, None)
        self.files[place] = file
        inp = self._input(file.path) if file.what == "input" else None
        if inp is not None:
            self.tables.name_antennas(Path(file.path).stem[:_IDENTIFIER], inp)

    def _input(self, path: str) -> Input | None:
        found = self._read("input", path, parse_input)
        return found if isinstance(found, Input) else None

    def _model(self, input_file: str) -> Im | None:
        found = self._read("im", input_file.removesuffix(".input") + ".im", parse_im)
        return found if isinstance(found, Im) else None

    def _read(self, what: str, path: str, read: Callable[[str, Path], Input | Im]) -> Input | Im | None:
        place = (what, path)
        if place not in self._parsed:
            file = self.files.get(place)
            self._parsed[place] = None if file is None else read(file.text, Path(path))
        return self._parsed[place]

    def _watch(self, record: Record) -> None:
        number = monitor_of(record.payload) if record.kind == Kind.BLOCK else None
        if number is None:
            facts = decode_facts(record.payload)
            number = whole_of(facts, "monitor")
            if record.kind == Kind.MONITOR and facts.get("event") == "begin":
                self._introduce(number, facts)
        monitor = self._monitors.get(number)
        if monitor is None:
            raise ValueError(f"it belongs to a monitor that was never introduced ({number})")
        if self._fill is None:
            monitor.take(record)

    def _introduce(self, number: int, facts: Mapping[str, Any]) -> None:
        input_file, fill = text_of(facts, "input_file"), self._fill
        files = self._input(input_file), self._model(input_file)
        job, limit = text_of(facts, "job"), whole_of(facts, "limit_bytes")
        later = None if fill is None else lambda monitor: fill(number, monitor)
        monitor = RecordedMonitor(job, input_file, limit, files=files, fill=later)
        self._monitors[number] = monitor
        self.monitors.put(job, monitor)

    def _follow(self, facts: Mapping[str, Any], time: float) -> None:
        number = whole_of(facts, "run")
        if facts.get("event") == "begin":
            run = RecordedRun(facts, time, self.tables)
            run.input = self._input(run.input_file)
            run.monitor = next(
                (m for m in reversed(self._monitors.values()) if m.input_file == run.input_file), None
            )
            self._runs[number] = self._latest[run.input_file] = run
            self.runs.put(run.job, run)
        elif number in self._runs:
            self._runs[number].take(facts, time)
        else:
            raise ValueError(f"it belongs to a run that was never introduced ({number})")


_NOTED: dict[Kind, Callable[[Played, bytes, float], None]] = {
    Kind.SESSION: Played._begin,
    Kind.SERVER: Played._describe,
    Kind.SELECTION: Played._select,
    Kind.DROPPED: Played._count_lost,
    Kind.FILE: Played._keep,
}


def note_damage(damage: list[Damage], record: Record, error: Exception) -> None:
    """Note a record that makes no sense."""
    if len(damage) < _MOST_DAMAGE:
        end = record.offset + len(record.payload)
        damage.append(
            Damage(record.offset, end, f"a record of kind {record.kind} is not understood: {error}")
        )


def connections_frame(connections: list[tuple[float, str, str]]) -> pd.DataFrame:
    """What became of a connection: ``time event text`` (UTC)."""
    return told_frame(connections)
