# SPDX-License-Identifier: GPL-3.0-or-later
"""Running jobs: one child process each, its frames handed on, its end seen to (guiserver.md 7.4, 7.5, 8.2).

In: launches and stop requests. Out: documents for the network, results for monitors, lines for the
``.difxlog``, and steps for whoever started the job. Jobs belong to the server, not to the client that started
them.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from difxnb.errors import ProtocolError
from difxnb.server.child_frames import DUMP_HEAD, FrameId
from difxnb.server.confinement import Confinement
from difxnb.server.job_output import JobOutput, log_lines
from difxnb.server.jobs import Launch, Step
from difxnb.server.quirks import Quirks
from difxnb.server.relay import Document, MessageNetwork, Network
from difxnb.wire.job import JobEvent, JobId
from difxnb.wire.message import Header, Message, Status, Stop, Unparsed, to_xml
from difxnb.wire.packet import Packet, PacketReader

STOP_TIME = 5.0
"""Seconds between asking a correlator to stop and killing it."""

_MAX_FRAME = 2**28
_READ = 2**16

Report = Callable[[Step], None]
Dump = Callable[[Path, int, bytes], None]
Correlator = Callable[[Launch, Path], list[str]]
"""Command of the child process for a launch and the server's root."""


def embedded_correlator(launch: Launch, root: Path) -> list[str]:
    """Command that correlates with numpy; see :mod:`difxnb.server.engine.process`."""
    command = [sys.executable, "-m", "difxnb.server.engine.process", str(launch.input_file)]
    return [*command, "--root", str(root), *(["--monitor"] if launch.monitor else [])]


class RunningJob:
    """One run of the correlator.

    Parameters
    ----------
    launch : Launch
    command : list of str
        Program and arguments of the child process.
    report : callable
        Takes each step for the client that started the job; it must not block.
    publish : callable
        Takes each document for the network.
    dump : callable
        Takes input file, time stamp and complex64 bytes of each integration.
    """

    def __init__(
        self,
        launch: Launch,
        root: Confinement,
        quirks: Quirks,
        *,
        command: list[str],
        report: Report,
        publish: Callable[[bytes], None],
        dump: Dump,
    ) -> None:
        self.launch, self._command = launch, command
        self._root, self._quirks = root, quirks
        self._report, self._publish, self._dump = report, publish, dump
        self._output = JobOutput()
        self._process: asyncio.subprocess.Process | None = None
        self._stopping = False
        self._patience: asyncio.TimerHandle | None = None
        self.ended = asyncio.Event()

    async def run(self) -> None:
        """Run to the end, whatever that is; the last step reported is the terminal packet."""
        status = 1
        try:
            if self.launch.problems:
                for problem in self.launch.problems:
                    self._tell(self._output.stderr(problem))
            else:
                status = await self._run_child()
        finally:
            if self._patience is not None:
                self._patience.cancel()
            self.ended.set()
            if status < 0 and not self._stopping and not self._quirks.ignored_status:
                self._publish(self._crashed())
        self._tell(self._output.ended(0 if self._quirks.ignored_status else status))

    def stop(self, *, known: bool = True) -> None:
        """Ask the correlator to stop; it is killed when it does not.

        Parameters
        ----------
        known : bool
            Whether the starter will be told that the user stopped the job.
        """
        self._output.stopped |= known
        if self._stopping:
            return
        self._stopping = True
        self._signal(signal.SIGKILL if self._quirks.lost_stops else signal.SIGTERM)
        self._patience = asyncio.get_running_loop().call_later(STOP_TIME, self.kill)

    def kill(self) -> None:
        """End it now."""
        self._stopping = True
        self._signal(signal.SIGKILL)

    @property
    def process_id(self) -> int | None:
        """Process id of the correlator while there is one."""
        return None if self._process is None else self._process.pid

    def hear(self, document: Document) -> None:
        """Take a document from the network: it may be for the log, or a request to stop."""
        message = document.message
        if isinstance(message, Unparsed) or message.header.identifier != self.launch.identifier:
            return
        lines = log_lines(message, self.launch.identifier, datetime.now())
        if lines:
            self._log(lines)
        if isinstance(message.body, Stop) and message.header.mpi_id == 0:
            self.stop(known=not self._quirks.lost_stops)

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):  # it has just ended
                self._process.send_signal(number)

    async def _run_child(self) -> int:
        pipe = asyncio.subprocess.PIPE
        try:
            self._process = await asyncio.create_subprocess_exec(
                *self._command, stdin=pipe, stdout=pipe, stderr=pipe, start_new_session=True
            )
        except OSError as error:
            self._tell(self._output.stderr(f"the correlator cannot be started: {error}"))
            return 1
        try:
            if self._stopping:
                self._signal(signal.SIGTERM)
            await asyncio.gather(self._read_frames(self._process), self._read_errors(self._process))
            return await self._process.wait()
        finally:
            await self._bury(self._process)

    async def _bury(self, process: asyncio.subprocess.Process) -> None:
        """Leave no process and no pipe behind, also when this task is being cancelled."""
        self._signal(signal.SIGKILL)
        await process.wait()
        if process.stdin is not None:
            process.stdin.close()

    async def _read_frames(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        reader = PacketReader(max_payload=_MAX_FRAME)
        while data := await process.stdout.read(_READ):
            reader.receive_data(data)
            try:
                while (frame := reader.next_packet()) is not None:
                    self._frame(frame)
            except ProtocolError as error:  # the child died in a way that left rubbish
                self._tell(self._output.stderr(f"output of the correlator cannot be read: {error}"))
                self.kill()
                return

    async def _read_errors(self, process: asyncio.subprocess.Process) -> None:
        assert process.stderr is not None
        rest = b""
        while data := await process.stderr.read(_READ):
            *lines, rest = (rest + data).split(b"\n")
            rest = rest[-_READ:]
            for line in lines:
                self._tell(self._output.stderr(_text(line)))
        if rest:
            self._tell(self._output.stderr(_text(rest)))

    def _frame(self, frame: Packet) -> None:
        if frame.id == FrameId.MESSAGE:
            self._publish(frame.payload)
        elif frame.id == FrameId.STDOUT:
            self._tell(self._output.stdout(_text(frame.payload)))
        elif frame.id == FrameId.STDERR:
            self._tell(self._output.stderr(_text(frame.payload)))
        elif frame.id == FrameId.DUMP:
            time, _ = DUMP_HEAD.unpack_from(frame.payload)
            self._dump(self.launch.input_file, time, frame.payload[DUMP_HEAD.size :])

    def _tell(self, steps: list[Step]) -> None:
        for step in steps:
            self._report(step)

    def _log(self, lines: list[str]) -> None:
        path = str(self.launch.input_file.with_suffix(".difxlog"))
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        try:
            with self._root.parent(path) as (above, name):
                descriptor = os.open(name, flags, 0o666, dir_fd=above)
        except OSError:  # a directory that cannot be written to: the job goes on without a log
            return
        with os.fdopen(descriptor, "ab") as log:
            log.write("".join(f"{line}\n" for line in lines).encode("utf-8", "surrogateescape"))

    def _crashed(self) -> bytes:
        host = socket.gethostname()[:31]
        header = Header(source=host, mpi_id=-1, identifier=self.launch.identifier, type="DifxStatusMessage")
        body = Status(input=str(self.launch.input_file), state="Crashed")
        return to_xml(Message(header=header, body=body, sequence=-1, size=0))


class Jobs:
    """All running jobs of a server.

    Parameters
    ----------
    network : MessageNetwork
        Where documents of jobs go, and where requests to stop them come from.
    where : tuple of (str, int)
        Group and port of the jobs.
    publish, dump : callable
        See :class:`RunningJob`.
    correlator : callable
        Gives the command of each job.
    """

    def __init__(
        self,
        root: Confinement,
        quirks: Quirks,
        network: MessageNetwork,
        where: Network,
        *,
        publish: Callable[[bytes], None],
        dump: Dump,
        correlator: Correlator = embedded_correlator,
    ) -> None:
        self._root, self._quirks, self._correlator = root, quirks, correlator
        self._network, self._where = network, where
        self._publish, self._dump = publish, dump
        self._running: dict[Path, tuple[RunningJob, asyncio.Task[None]]] = {}
        self._claimed: set[Path] = set()

    def claim(self, input_file: Path) -> bool:
        """Reserve a job for starting; False when it is running or being started."""
        if input_file in self._claimed or input_file in self._running:
            return False
        self._claimed.add(input_file)
        return True

    def release(self, input_file: Path) -> None:
        """Give a claim back that led to no start."""
        self._claimed.discard(input_file)

    def start(self, launch: Launch, report: Report) -> RunningJob:
        """Run a job that was claimed."""
        job = RunningJob(
            launch,
            self._root,
            self._quirks,
            command=self._correlator(launch, self._root.root),
            report=report,
            publish=self._publish,
            dump=self._dump,
        )
        task = asyncio.get_running_loop().create_task(self._follow(job), name=f"job {launch.identifier}")
        self._running[launch.input_file] = (job, task)
        self._claimed.discard(launch.input_file)
        return job

    def find(self, path: str) -> RunningJob | None:
        """The running job with this input file, named by any path that leads to it."""
        real = Path(os.path.realpath(path))
        found = self._running.get(real)
        return found[0] if found else None

    async def close(self) -> None:
        """Stop every job and wait until nothing is left of them."""
        jobs = list(self._running.values())
        for job, _ in jobs:
            job.stop()
        if jobs:
            await asyncio.wait({task for _, task in jobs})

    async def _follow(self, job: RunningJob) -> None:
        forget = self._network.listen(lambda: self._where, job.hear)
        try:
            await job.run()
        finally:
            forget()
            del self._running[job.launch.input_file]


TERMINAL = frozenset(
    {JobId.JOB_TERMINATED, JobId.JOB_ENDED_GRACEFULLY, JobId.JOB_FAILED, JobId.JOB_ENDED_WITH_ERRORS}
)


def is_terminal(step: Step) -> bool:
    """Whether nothing follows this step."""
    return isinstance(step, JobEvent) and step.id in TERMINAL


def _text(line: bytes) -> str:
    return line.decode("utf-8", "replace").rstrip("\r\n")
