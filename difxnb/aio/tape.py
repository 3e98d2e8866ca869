# SPDX-License-Identifier: GPL-3.0-or-later
"""What a session has to tell whoever records it: everything that comes in, made into records.

In: datagrams as they came, notices, gaps, files of jobs, monitors, runs. Out: records (see
:mod:`difxnb.formats.journal_content`) to every recording that is open. While there is none, nothing is made; only what
a later one has to know is kept: the files of jobs, and the monitors and runs that go on.
"""

from __future__ import annotations

import itertools
import time as clock
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from difxnb.formats.journal import Kind
from difxnb.formats.journal_content import (
    Chosen,
    File,
    Listed,
    encode_block,
    encode_chosen,
    encode_facts,
    encode_file,
    encode_gap,
    encode_listed,
    encode_notice,
)
from difxnb.wire.control import Notice
from difxnb.wire.events import Gap

if TYPE_CHECKING:
    from collections.abc import Sequence

    from difxnb.aio.heard import Item
    from difxnb.aio.job_run import JobRun
    from difxnb.client.monitor_watch import WatchEvent
    from difxnb.client.server_description import ServerDescription
    from difxnb.visibility.live.offer import Choice
    from difxnb.wire.job import JobEvent
    from difxnb.wire.monitor import MonitorText, Product, Scan, VisibilityBlock

_KEPT_CHARACTERS = 64 * 2**20  # of files of jobs, for recordings that begin later


class Sink(Protocol):
    """What takes records."""

    def put(self, kind: int, time: float, payload: bytes, *, pack: bool = False) -> bool:
        """Take a record; whether there was room for it."""


@dataclass(frozen=True, slots=True)
class Situation:
    """How things stand: what a recording has to know before anything else."""

    address: str
    transport: str
    description: ServerDescription
    setup_path: str
    selection: tuple[str, ...] | None


class Tape:
    """Hands everything on to all recordings that are open. All its methods belong to the loop's thread."""

    def __init__(self) -> None:
        self._sinks: list[Sink] = []
        self._numbers = itertools.count(1)
        self._files: OrderedDict[tuple[str, str], File] = OrderedDict()
        self._characters = 0
        self._monitors: dict[int, MonitorTape] = {}
        self._runs: dict[int, JobRun] = {}

    @property
    def is_running(self) -> bool:
        """Whether anybody records."""
        return bool(self._sinks)

    def begin(self, sink: Sink, situation: Situation, **facts: object) -> None:
        """Have a recording take everything from now on; first it is told how things stand."""
        now = clock.time()
        session = encode_facts(address=situation.address, transport=situation.transport, **facts)
        sink.put(Kind.SESSION, now, session)
        sink.put(Kind.SERVER, now, _described(situation), pack=True)
        sink.put(Kind.SELECTION, now, _selected(situation.selection))
        for file in self._files.values():
            sink.put(Kind.FILE, now, encode_file(file), pack=True)
        for monitor in self._monitors.values():
            monitor.tell(sink, now)
        for number, run in self._runs.items():
            _tell_run(sink, number, run)
        self._sinks.append(sink)

    def end(self, sink: Sink) -> None:
        """Tell a recording no more than how it ends."""
        if sink in self._sinks:
            self._look_at_runs()
            self._sinks.remove(sink)
            sink.put(Kind.END, clock.time(), b"")

    def _put(self, kind: int, time: float, payload: bytes, *, pack: bool = False) -> None:
        for sink in self._sinks:
            sink.put(kind, time, payload, pack=pack)

    # --- messages -------------------------------------------------------------------------------------

    def datagram(self, payload: bytes, time: float) -> None:
        """Take a datagram as it came; packing it would take two thirds of the time of reading it, and save a third."""
        self._put(Kind.DATAGRAM, time, payload)

    def hear(self, item: Item, time: float) -> None:
        """Take what is no datagram, and look whether runs have ended."""
        if self._sinks:
            if isinstance(item, Notice):
                self._put(Kind.NOTICE, time, encode_notice(item))
            elif isinstance(item, Gap):
                self._put(Kind.GAP, time, encode_gap(item))
            self._look_at_runs()

    def connected(self, situation: Situation) -> None:
        """Take a connection that was made anew."""
        if self._sinks:
            now = clock.time()
            facts = encode_facts(event="made", address=situation.address, transport=situation.transport)
            self._put(Kind.CONNECTION, now, facts)
            self._put(Kind.SERVER, now, _described(situation), pack=True)

    def selected(self, types: tuple[str, ...] | None) -> None:
        """Take another selection of messages."""
        self._put(Kind.SELECTION, clock.time(), _selected(types))

    def file(self, what: str, path: str, text: str) -> None:
        """Take a file of a job; kept for recordings that begin later."""
        file, place = File(what, path, text), (what, path)
        before = self._files.pop(place, None)
        self._characters += len(text) - (0 if before is None else len(before.text))
        self._files[place] = file
        while self._characters > _KEPT_CHARACTERS and len(self._files) > 1:
            self._characters -= len(self._files.popitem(last=False)[1].text)
        if self._sinks and file != before:
            self._put(Kind.FILE, clock.time(), encode_file(file), pack=True)

    # --- monitors and runs ----------------------------------------------------------------------------

    def monitor(self, job: str, input_file: str, limit_bytes: int) -> MonitorTape:
        """Make room for a monitor, from its beginning to its end."""
        made = MonitorTape(self, next(self._numbers), job, input_file, limit_bytes)
        self._monitors[made.number] = made
        if self._sinks:
            self._put(Kind.MONITOR, clock.time(), made.introduction())
        return made

    def forget(self, monitor: MonitorTape) -> None:
        """Tell later recordings nothing of a monitor."""
        self._monitors.pop(monitor.number, None)

    def follow(self, run: JobRun) -> None:
        """Take a run, from its beginning to its end."""
        if run not in self._runs.values():
            number = next(self._numbers)
            self._runs[number] = run
            for sink in self._sinks:
                _tell_run(sink, number, run)

    def said(self, run: JobRun, event: JobEvent, time: float) -> None:
        """Take what guiServer said of a run."""
        for number, known in self._runs.items():
            if known is run:
                facts = encode_facts(run=number, event="said", id=int(event.id), text=event.text)
                self._put(Kind.RUN, time, facts)

    def abandon(self, run: JobRun) -> None:
        """Take the end of a run that did not come about."""
        self._look_at_runs(gone=run)

    def _look_at_runs(self, gone: JobRun | None = None) -> None:
        for number, run in list(self._runs.items()):
            if run.done or run is gone:
                del self._runs[number]
                now = clock.time()
                outcome, notes = run.outcome, run.watch.notes(now)
                facts = {"outcome": outcome, "evidence": run.outcome_evidence, "notes": notes}
                self._put(Kind.RUN, now, encode_facts(run=number, event="over", **facts))


@dataclass(slots=True)
class MonitorTape:
    """The part of the tape that belongs to one monitor.

    Attributes
    ----------
    number : int
        Names it in a recording.
    """

    _tape: Tape
    number: int
    job: str
    input_file: str
    limit_bytes: int
    _listed: Listed | None = None
    _chosen: Chosen | None = None
    _events: list[tuple[float, bytes]] = field(default_factory=list)

    def introduction(self) -> bytes:
        """What a monitor is of."""
        facts = {"job": self.job, "input_file": self.input_file, "limit_bytes": self.limit_bytes}
        return encode_facts(monitor=self.number, event="begin", **facts)

    def tell(self, sink: Sink, now: float) -> None:
        """Introduce a monitor that was there before a recording began; blocks before that are missing."""
        sink.put(Kind.MONITOR, now, self.introduction())
        if self._listed is not None and self._chosen is not None:
            sink.put(Kind.OFFER, now, encode_listed(self._listed), pack=True)
            sink.put(Kind.CHOICE, now, encode_chosen(self._chosen), pack=True)
            sink.put(Kind.MONITOR, now, encode_facts(monitor=self.number, event="gap"))

    def listed(self, products: Sequence[Product], scans: Sequence[Scan]) -> None:
        """Take the server's list."""
        self._listed = Listed(self.number, tuple(scans), tuple(products))
        if self._tape.is_running:
            self._tape._put(Kind.OFFER, clock.time(), encode_listed(self._listed), pack=True)

    def chosen(self, choice: Choice) -> None:
        """Take what is asked for."""
        numbers = tuple(product.number for product in choice.products)
        scan = int(choice.frame["scan"].iloc[0]) if "scan" in choice.frame and len(choice.frame) else 0
        scans = None if choice.scans is None else tuple(sorted(choice.scans))
        self._chosen = Chosen(self.number, numbers, scan, scans, tuple(choice.left_out))
        if self._tape.is_running:
            self._tape._put(Kind.CHOICE, clock.time(), encode_chosen(self._chosen), pack=True)

    def block(self, block: VisibilityBlock) -> None:
        """Take visibilities."""
        if self._tape.is_running:
            self._tape._put(Kind.BLOCK, clock.time(), encode_block(self.number, block))

    def gap(self) -> None:
        """Take that some may be missing."""
        self._tape._put(Kind.MONITOR, clock.time(), encode_facts(monitor=self.number, event="gap"))

    def event(self, event: WatchEvent) -> None:
        """Take what happened to the watching."""
        facts = encode_facts(monitor=self.number, event="event", name=event.event, text=event.text)
        self._tape._put(Kind.MONITOR, event.time, facts)
        if event.event == "closed":
            self._tape.forget(self)

    def text(self, text: MonitorText) -> None:
        """Take what the server said of it."""
        facts = encode_facts(monitor=self.number, event="text", id=text.id, text=text.text)
        self._tape._put(Kind.MONITOR, clock.time(), facts)


def _described(situation: Situation) -> bytes:
    description = situation.description
    return encode_facts(
        version=description.version,
        user=description.user,
        difx_base=description.difx_base,
        difx_versions=description.difx_versions,
        environment=dict(description.environment),
        knows_channels=description.knows_channels,
        setup_path=situation.setup_path,
    )


def _selected(types: tuple[str, ...] | None) -> bytes:
    return encode_facts(types=types)


def _tell_run(sink: Sink, number: int, run: JobRun) -> None:
    """Introduce a run, with what guiServer has said of it."""
    facts = {"job": run.job.identifier, "input_file": run.job.input_file}
    watch = {"stall_after": run.watch.stall_after, "notes": run.watch.notes(clock.time())}
    sink.put(Kind.RUN, run.begun, encode_facts(run=number, event="begin", **facts, **watch))
    for time, event in run.told:
        sink.put(Kind.RUN, time, encode_facts(run=number, event="said", id=int(event.id), text=event.text))
