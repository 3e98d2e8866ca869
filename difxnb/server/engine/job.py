# SPDX-License-Identifier: GPL-3.0-or-later
"""A job under way: pieces of it are handed to workers, and integrations come back in order of time.

Reading and aligning is done by the thread that iterates, the arithmetic by workers, one for each core. Only a few
pieces are under way at a time, so memory is bounded and a stop takes effect within a moment.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

import numpy as np
from numpy.typing import NDArray

from difxnb.formats.calc import Calc
from difxnb.formats.companion import companion
from difxnb.formats.im import Im
from difxnb.formats.input_model import Input
from difxnb.formats.pcal import PcalBlock
from difxnb.formats.swin import file_name
from difxnb.server.engine.cross import Correlator, Piece, PieceSums
from difxnb.server.engine.delay_model import DelayModel
from difxnb.server.engine.plan import ConfigPlan, plan_configuration
from difxnb.server.engine.records import start_of, visibilities
from difxnb.server.engine.refusals import omissions
from difxnb.server.engine.schedule import NS, IntegrationSpan, ScanPlan
from difxnb.server.engine.station import Timing, align
from difxnb.server.engine.tone_lines import tone_blocks
from difxnb.server.engine.voltages import Recording
from difxnb.server.engine.workers import InProcess, ProcessWorker, Worker

_PIECE_SAMPLES = 2**18
"""Samples of a stream that one task works on: a few milliseconds, so that a stop is quick."""

_TASKS_PER_WORKER = 3

_PIECES_WORTH_A_PROCESS = 10
"""Pieces that a further process must get to be worth the processor time of its start."""


@dataclass(frozen=True, slots=True)
class Integration:
    """What one integration gave.

    Attributes
    ----------
    config, scan, source : int
        Rows of the configurations, of the ``.calc``'s scans and of its sources.
    start_mjd, start_seconds : int, float
        Start of the integration, UTC.
    mjd, seconds : int, float
        Its nominal centre as the records carry it: the day of the start, so seconds may exceed 86400.
    records : bytes
        SWIN records ready to append, in mpifxcorr's order; products of no weight are absent.
    n_records : int
        How many they are.
    weights : list of float
        Per datastream of the configuration: mean weight of the autocorrelations of its used recorded bands.
    result : ndarray
        complex64, the whole array of results in the order of
        :func:`difxnb.formats.result_layout.result_layout`.
    tones : dict
        Antenna to the pulse calibration tones of its datastreams, one line each; without those of no signal.
    """

    config: int
    scan: int
    source: int
    start_mjd: int
    start_seconds: float
    mjd: int
    seconds: float
    records: bytes
    n_records: int
    weights: list[float]
    result: NDArray[np.complex64]
    tones: dict[str, list[PcalBlock]]


class EmbeddedJob:
    """A job that can be correlated here; made by :func:`open_job`.

    Attributes
    ----------
    input, calc, im : Input, Calc, Im
        The job's files.
    threads : list of int
        Threads of each core process as the ``.threads`` file asks; empty without such a file.
    n_integrations : int
        Integrations that the job will give.
    output_file : Path
        The SWIN file that belongs to the job.
    """

    def __init__(self, inp: Input, calc: Calc, im: Im, threads: list[int], scans: list[ScanPlan]) -> None:
        self.input, self.calc, self.im, self.threads = inp, calc, im, threads
        self.output_file = inp.companion("difx") / file_name(inp.start_mjd, inp.start_seconds)
        self.n_integrations = sum(scan.n_integrations for scan in scans)
        self._scans = scans
        self._model = DelayModel(inp, im)
        self._plans = {row: plan_configuration(inp, row) for row in sorted({scan.config for scan in scans})}
        self._recordings = self._open_recordings()
        self._lost = 0

    @property
    def tone_antennas(self) -> list[str]:
        """Antennas that give pulse calibration tones, in the order of the ``.input``."""
        rows = {
            self.input.datastreams[stream].telescope_index
            for plan in self._plans.values()
            for stream, comb in zip(plan.datastreams, plan.combs, strict=True)
            if comb is not None
        }
        return [self.input.telescopes[row].name for row in sorted(rows)]

    def integrations(
        self, *, cores: int | None = None, stop: threading.Event | None = None
    ) -> Iterator[Integration]:
        """Compute the job, integration after integration, in order of time.

        Parameters
        ----------
        cores : int, optional
            Processor cores to compute on, each after the first by a process of its own. By default as many as the
            ``.threads`` file asks for, but no more than there are, and fewer for a short job.
        stop : threading.Event, optional
            Once set, the iteration ends within a moment; an integration that is not whole is not yielded.

        Raises
        ------
        FileFormatError
            A recording changed while it was read.
        """
        self._recordings = self._open_recordings()
        correlators = {
            row: Correlator(plan, [self._recordings[stream].packing for stream in plan.datastreams])
            for row, plan in self._plans.items()
        }
        n_workers = cores or self._cores_worth_while()
        workers: list[Worker] = [InProcess(correlators)]
        pool = ThreadPoolExecutor(n_workers)
        try:
            for _ in range(n_workers - 1):
                workers.append(ProcessWorker(correlators))
            yield from self._computed(pool, workers, stop or threading.Event())
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
            self._lost = sum(worker.lost for worker in workers)
            for worker in workers:
                worker.close()
            pool.shutdown()

    def _cores_worth_while(self) -> int:
        wanted = min(sum(self.threads) or _processors(), _processors())
        samples = 0
        for scan in self._scans:
            plan = self._plans[scan.config]
            samples += (
                plan.samples * plan.transforms * sum(span.end - span.first for span in scan.integrations())
            )
        return max(1, min(wanted, samples // (_PIECES_WORTH_A_PROCESS * _PIECE_SAMPLES)))

    def notes(self) -> tuple[str, ...]:
        """What the user should know about the computation so far."""
        lost = (f"{self._lost} computing process ended early; its work was done again",) if self._lost else ()
        of_files = [note for recording in self._recordings.values() for note in recording.notes]
        return (*omissions(self.input, self._scans), *of_files, *lost)

    def _computed(
        self, pool: ThreadPoolExecutor, workers: Sequence[Worker], stop: threading.Event
    ) -> Iterator[Integration]:
        """Keep the workers busy a little ahead of the integration in hand."""
        idle: SimpleQueue[Worker] = SimpleQueue()
        for worker in workers:
            idle.put(worker)
        tasks = self._tasks()
        ahead: deque[tuple[_Task, Future[PieceSums]]] = deque()
        whole: PieceSums | None = None
        while not stop.is_set():
            while len(ahead) < _TASKS_PER_WORKER * len(workers) and (task := next(tasks, None)):
                ahead.append((task, pool.submit(_by_an_idle_worker, task, idle)))
            if not ahead:
                return
            task, future = ahead.popleft()
            if whole is None:
                whole = future.result()
            else:
                whole.add(future.result())
            if task.last:
                yield self._integration(task.span, whole)
                whole = None

    def _tasks(self) -> Iterator[_Task]:
        for scan in self._scans:
            plan = self._plans[scan.config]
            for span in scan.integrations():
                pieces = list(self._cuts(plan, span))
                for number, (subint, first, end) in enumerate(pieces):
                    piece = self._piece(plan, span, subint, first, end)
                    yield _Task(scan.config, piece, span, number == len(pieces) - 1)

    def _cuts(self, plan: ConfigPlan, span: IntegrationSpan) -> Iterator[tuple[int, int, int]]:
        """Sub-integration, first and end transform of every piece of an integration."""
        step = max(1, _PIECE_SAMPLES // plan.samples)
        for subint in range(span.first, span.end):
            for first in range(0, plan.transforms, step):
                yield subint, first, min(first + step, plan.transforms)

    def _piece(self, plan: ConfigPlan, span: IntegrationSpan, subint: int, first: int, end: int) -> Piece:
        """Align the antennas and read what they need."""
        timings, alignments, windows = [], [], []
        start_ns = span.subint_start_ns(subint)
        for row in plan.datastreams:
            telescope = self.input.datastreams[row].telescope_index
            timing = self._timing(plan, telescope, start_ns)
            parabola = self._model.parabola(
                span.scan.scan, telescope, start_ns, span.scan.subint_ns, plan.transforms
            )
            alignment = align(timing, parabola, first, end)
            timings.append(timing)
            alignments.append(alignment)
            begin, stop = int(alignment.starts[0]), int(alignment.starts[-1]) + plan.samples
            windows.append(self._recordings[row].window(begin, stop))
        return Piece(timings, alignments, windows)

    def _timing(self, plan: ConfigPlan, telescope: int, start_ns: int) -> Timing:
        after_second = round(self.input.start_seconds % 1 * NS)
        recorded_ns = start_ns + after_second - self._model.whole_seconds[telescope] * NS
        first_sample, rest = divmod(recorded_ns * plan.sample_rate, NS)
        return Timing(start_ns / NS, first_sample, rest / NS, plan.samples, 1e6 / plan.sample_rate)

    def _integration(self, span: IntegrationSpan, sums: PieceSums) -> Integration:
        plan, scan = self._plans[span.scan.config], span.scan
        made = visibilities(self.input, self._model, plan, span, sums.groups)
        mjd, seconds = start_of(self.input, span)
        return Integration(
            config=scan.config,
            scan=scan.scan,
            source=scan.source,
            start_mjd=mjd,
            start_seconds=seconds,
            mjd=mjd,
            seconds=seconds + scan.int_ns / NS / 2,
            records=b"".join(made.records),
            n_records=len(made.records),
            weights=made.weights,
            result=made.result,
            tones=tone_blocks(self.input, plan, span, sums.tones),
        )

    def _open_recordings(self) -> dict[int, Recording]:
        reference = self.input.start_mjd * 86400 + int(self.input.start_seconds)
        return {
            row: Recording(
                self.input.datastreams[row], recording_paths(self.input, row), plan.sample_rate, reference
            )
            for plan in self._plans.values()
            for row in plan.datastreams
        }


def _processors() -> int:
    """Processors that this process may use; not every system can tell them from those that there are."""
    allowed = getattr(os, "sched_getaffinity", None)
    return len(allowed(0)) if allowed else os.cpu_count() or 1


@dataclass(frozen=True, slots=True)
class _Task:
    """A piece to correlate, and whether it completes its integration."""

    config: int
    piece: Piece
    span: IntegrationSpan
    last: bool


def _by_an_idle_worker(task: _Task, idle: SimpleQueue[Worker]) -> PieceSums:
    worker = idle.get()
    try:
        return worker.sums(task.config, task.piece)
    finally:
        idle.put(worker)


def recording_paths(inp: Input, datastream: int) -> list[Path]:
    """Files of a datastream: as named, or of the same names beside the ``.input``."""
    return [companion(name, inp.path) for name in inp.datastreams[datastream].files]
