# SPDX-License-Identifier: GPL-3.0-or-later
"""Launching a job: what is read, checked, written, started and stopped, and what came of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pandas as pd

from difxnb.errors import JobRefused, OutputExists
from difxnb.panels.acting import Said, words_of
from difxnb.panels.connection.standing import Standing, standing_of
from difxnb.panels.launch.choices import Choices, Options
from difxnb.panels.launch.look import FindingRow, LaunchSnapshot
from difxnb.panels.launch.plan import Plan
from difxnb.panels.launch.reading import Reading, read_job
from difxnb.panels.launch.run_look import RunLook, RunWatcher
from difxnb.panels.rows import each_row
from difxnb.panels.work import Work


class LaunchModel(Choices):
    """Launches a job, and watches it.

    Everything that a panel does can be done from a cell: ``model.choose(path)``, ``model.set_threads("n3", 8)``,
    ``model.start()``. All return at once; `snapshot` says what came of it.

    Parameters
    ----------
    correlator : Correlator
        See `difxnb.aio.Correlator`.
    work : Work
        Where what is asked for is done.
    clock : callable
        Seconds of a clock that never goes back.

    Attributes
    ----------
    on_started : list of callable
        Each gets the run (`difxnb.aio.JobRun`) when one was started or is followed, on the connection's thread; to be
        quick.
    """

    def __init__(self, correlator: Any, work: Work, *, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(correlator, work, clock=clock)
        self._findings: pd.DataFrame | None = None
        self._watcher: RunWatcher | None = None
        self._tended: RunWatcher | None = None
        self.on_started: list[Callable[[Any], None]] = []

    @property
    def run(self) -> Any | None:
        """The run that was started or is followed here, a `difxnb.aio.JobRun`; None before that."""
        return None if self._watcher is None else self._watcher.run

    def snapshot(self) -> LaunchSnapshot:
        """All that the panel shows, as it is now."""
        titles = {what.title for what in self._work.under_way}
        server, standing = self._difx.server, standing_of(self._difx)
        watcher = self._watcher
        run = None if watcher is None else watcher.look()
        with self._lock:
            findings = self._finding_rows()
            return LaunchSnapshot(
                wanted=self._wanted,
                reading=self._reading,
                findings=findings,
                passed=findings is not None and not any(f.blocks and not f.waived for f in findings),
                plan=self._plan,
                advice=self._advice,
                nodes=tuple(self._node_rows()),
                sources=tuple(self._sources()),
                is_written=self._is_written,
                options=self._options,
                versions=self._versions,
                version_in_use=server.version_in_use,
                is_read_only=server.is_read_only,
                standing=standing,
                hindrance=self._hindrance(run, standing),
                is_starting=self._title("start") in titles,
                is_stopping=self._title("stop") in titles,
                confirming=bool(self._confirmation.pending),
                run=run,
                under_way=self.under_way,
                said=self.said,
            )

    def _finding_rows(self) -> tuple[FindingRow, ...] | None:
        if self._findings is None:
            return None
        return tuple(
            FindingRow(row.id, row.severity, bool(row.blocks), row.text, row.id in self._waived)
            for row in each_row(self._findings)
        )

    def _title(self, deed: str) -> str:
        return f"{deed} of {self._reading.name if self._reading else self._wanted}"

    def _hindrance(self, run: RunLook | None, standing: Standing) -> str:
        reading = self._reading
        if reading is None:
            return "choose a job first: its .input file"
        if not standing.stands:
            return f"there is no connection: {standing.text}"
        if self._difx.server.is_read_only:
            return "this server is open for reading only: jobs cannot be started over it"
        if run is not None and not run.is_over and run.input_file == reading.input_file:
            return f"{reading.name} runs already; stop it first"
        if self._options.restart_seconds >= reading.duration > 0:
            return f"the job has {reading.duration:g} s; begin before its end"
        return self._plan.lacks()

    # --- reading and checking -------------------------------------------------------------------------

    def choose(self, path: str) -> None:
        """Take a job by the absolute path of its ``.input`` on the server, and read it."""
        wanted = path.strip()
        if not wanted:
            return
        with self._changing():
            self._wanted = wanted
            self._confirmation.forget()
        self._do(f"reading of {wanted}", lambda: read_job(self._difx, wanted), self._keep_reading)

    def read_again(self) -> None:
        """Read the job again: its machines, its output, its recordings."""
        self.choose(self._wanted)

    def tend(self) -> None:
        """Read the job again when its run has ended: there is output by then."""
        watcher, reading = self._watcher, self._reading
        if watcher is None or watcher is self._tended or reading is None or not watcher.look().is_over:
            return
        self._tended = watcher
        if watcher.look().input_file == reading.input_file == self._wanted:
            self.read_again()

    def _keep_reading(self, reading: Reading) -> None:
        with self._changing():
            is_other = self._reading is None or self._reading.input_file != reading.input_file
            if not self._take_reading(reading):
                return
            if is_other:
                self._findings = None
                self._said = Said(f"{reading.name} was read; nothing runs yet")

    def check(self) -> None:
        """Look for what speaks against the job, here and by the server's configuration check."""
        if (reading := self._required()) is not None:
            self._do(self._title("check"), reading.job.check, self._keep_findings)

    def _keep_findings(self, findings: pd.DataFrame) -> None:
        passed = bool(findings.attrs["passed"])
        blocking = int(findings["blocks"].sum())
        said = "the check found nothing that keeps the job from running"
        if not passed:
            said = (
                f"the check found {blocking} thing{'' if blocking == 1 else 's'} against the job; see below"
            )
        with self._changing():
            self._findings = findings
        self._say(said, is_problem=not passed)

    def _required(self) -> Reading | None:
        if self._reading is None:
            self._say("choose a job first: its .input file", is_problem=True)
        return self._reading

    # --- machines -------------------------------------------------------------------------------------

    def preview(self) -> str:
        """Give the text of both machines files, as they would be written; or what is still missing, in words."""
        plan = self._plan
        if lacks := plan.lacks():
            return f"nothing can be written yet: {lacks}"
        try:
            return plan.preview()
        except ValueError as error:
            return f"nothing can be written: {error}"

    def write_machines(self) -> None:
        """Write ``.machines`` and ``.threads`` as they are chosen."""
        reading = self._required()
        if reading is None:
            return
        if lacks := self._plan.lacks():
            self._say(lacks, is_problem=True)
            return
        plan, test = self._plan, self._options.test
        self._do(
            self._title("writing of machines"),
            lambda: self._write(reading, plan, test=test),
            lambda failed: self._say(_written(reading.name, failed)),
        )

    async def _write(self, reading: Reading, plan: Plan, *, test: bool) -> list[str]:
        """Write the machines; give hosts that were left out because they do not answer."""
        frame = await reading.job.set_machines(
            head_node=plan.head_node, datastreams=plan.datastreams, processors=plan.threads, test=test
        )
        failed: list[str] = frame.attrs["failed_hosts"]
        written = replace(plan, threads={n: t for n, t in plan.threads.items() if n not in failed})
        with self._changing():
            if self._plan == plan:
                self._plan = written
            if self._reading is not None and self._reading.input_file == reading.input_file:
                self._reading = replace(self._reading, placed=written)
        return failed

    def test_machines(self) -> None:
        """Start a program on each chosen node through MPI, and see which answer; nothing is written."""
        reading = self._required()
        if reading is None:
            return
        hosts = self._plan.hosts
        if not hosts:
            self._say("choose nodes to test first", is_problem=True)
            return
        self._do(
            self._title("test of machines"), lambda: reading.job.test_machines(hosts), self._take_answers
        )

    def _take_answers(self, frame: pd.DataFrame) -> None:
        self._keep_answers(frame)
        silent = list(frame["node"][~frame["answered"].fillna(False).astype(bool)])
        said = (
            f"{', '.join(silent)} did not answer through MPI" if silent else "all nodes answered through MPI"
        )
        self._say(said, is_problem=bool(silent))

    def use_version(self, name: str | None) -> None:
        """Have the programs of an installed DiFX version run from now on; None for the server's own choice."""
        self._choose_version(self._difx.server, name)

    # --- starting, following, stopping ----------------------------------------------------------------

    def start(self) -> None:
        """Start the job as it is chosen: machines are written where they differ, then the correlator is asked.

        What speaks against it is looked for first; the refusal is then the message, and findings can be waived.
        """
        watcher = self._watcher
        hindrance = self._hindrance(None if watcher is None else watcher.look(), standing_of(self._difx))
        reading = self._reading
        if hindrance or reading is None:
            self._say(hindrance, is_problem=True)
            return
        with self._changing():
            self._confirmation.forget()
            self._said = Said()
            plan, options, waived = self._plan, self._options, self._waived
        self._do(
            self._title("start"),
            lambda: self._start(reading, plan, options, waived),
            lambda run: self._keep_run(run, f"{reading.name} has started"),
            lambda error: self._take_refusal(reading, error),
        )

    async def _start(self, reading: Reading, plan: Plan, options: Options, waived: frozenset[str]) -> Any:
        if reading.placed != plan or options.test:
            await self._write(reading, plan, test=options.test)
        return await reading.job.start(
            monitor=True if options.monitor else None,
            overwrite=options.overwrite,
            waive=sorted(waived),
            restart_seconds=options.restart_seconds,
        )

    def _keep_run(self, run: Any, said: str) -> None:
        with self._changing():
            self._watcher = RunWatcher(run, self._difx.jobs, clock=self._clock)
        self._say(said)
        for listener in tuple(self.on_started):
            listener(run)

    def _take_refusal(self, reading: Reading, error: Exception) -> None:
        self._say(f"not started: {refusal_words(reading.name, error)}", is_problem=True)
        if isinstance(error, JobRefused) and error.findings:
            self._do(f"look at what speaks against {reading.name}", reading.job.check, self._add_findings)
        elif isinstance(error, OutputExists):
            self.read_again()

    def _add_findings(self, findings: pd.DataFrame) -> None:
        """Keep findings; the refusal stays the message."""
        with self._changing():
            self._findings = findings

    def follow(self) -> None:
        """Follow the job where it runs already, or find out how it ended, whoever started it."""
        if (reading := self._required()) is not None:
            self._do(
                self._title("look for a run"),
                reading.job.attach,
                lambda run: self._keep_run(run, f"{reading.name} is followed"),
            )

    def stop(self) -> None:
        """Stop the job when asked for twice within five seconds: a start under way, our run, or somebody else's."""
        reading = self._required()
        if reading is None:
            return
        question = f"press again within 5 s to stop {reading.name}; what it has written stays"
        if not self._confirms(reading.input_file, question):
            return
        if self._work.cancel(self._title("start")):
            self._say(f"the start of {reading.name} was called off")
        else:
            self._do(
                self._title("stop"),
                reading.job.stop,
                lambda _: self._say(f"{reading.name} does not run any more"),
            )


def _written(name: str, failed: list[str]) -> str:
    left_out = f"; left out, for they did not answer: {', '.join(failed)}" if failed else ""
    return f"the machines of {name} are written{left_out}"


def refusal_words(name: str, error: Exception) -> str:
    """Why a job was not started, and what to press."""
    said = words_of(error)
    if isinstance(error, OutputExists):
        return f"{said}. Tick “move output aside” to keep it under another name and start"
    if isinstance(error, JobRefused) and error.findings:
        told = said.split("\n")[1:]  # the first line is for those who type
        things = "one thing speaks" if len(error.findings) == 1 else f"{len(error.findings)} things speak"
        advice = "where it does not matter, tick “start all the same” below and start again"
        return "\n".join([f"{things} against {name}; {advice}", *told])
    return said
