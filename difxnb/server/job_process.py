# SPDX-License-Identifier: GPL-3.0-or-later
"""A running job: a child process, its frames handed on, its end seen to (guiserver.md 7.4, 7.5, 8.2).

In: a launch, stop requests, documents from the network. Out: documents for the network, results for monitors, lines
for the ``.difxlog``, and steps for whoever started the job.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import struct
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from difxnb.errors import ProtocolError
from difxnb.server.child_frames import DUMP_HEAD, FrameId
from difxnb.server.confinement import Confinement
from difxnb.server.files import write_all
from difxnb.server.job_output import JobOutput, Lines, line_text, log_lines
from difxnb.server.quirks import Quirks
from difxnb.server.relay import Document
from difxnb.server.start_plan import Launch, Step
from difxnb.wire.control import Notice, NoticeSeverity
from difxnb.wire.message import Header, JobState, Message, Status, Stop, Unparsed, to_xml
from difxnb.wire.packet import Packet, PacketReader

STOP_TIME = 5.0
"""Seconds between asking a correlator to stop and killing it."""

_FINAL = frozenset(state.value for state in JobState if state.is_terminal)
_MAX_FRAME = 2**28
_VALUE_BYTES = 8
_READ = 2**16

Report = Callable[[Step], None]
Dump = Callable[[Path, int, bytes], None]


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
        self._stopping = self._was_asked = False
        self._state: str | None = None
        self._log_failed = False
        self._unwritten: list[str] = []
        self._patience: asyncio.TimerHandle | None = None
        self.ended = asyncio.Event()

    async def run(self) -> None:
        """Run to the end, whatever that is; the last step reported is the terminal packet."""
        status = 1
        try:
            if self.launch.problems:
                for problem in self.launch.problems:
                    self._tell(self._output.stderr(problem))
            elif not self._stopping:
                status = await self._run_child()
        finally:
            if self._patience is not None:
                self._patience.cancel()
            self.ended.set()
            if self._left_open(status):
                self._publish(self._last_state())
        self._tell(self._output.ended(0 if self._quirks.ignored_status else status))

    def stop(self, *, known: bool = True) -> None:
        """Ask the correlator to stop; it is killed when it does not.

        Parameters
        ----------
        known : bool
            Whether the starter will be told that the user stopped the job.
        """
        self._output.stopped |= known
        self._was_asked = True
        if self._stopping:
            return
        self._stopping = True
        self._ask_to_stop()
        self._patience = asyncio.get_running_loop().call_later(STOP_TIME, self.kill)

    def kill(self) -> None:
        """End it now."""
        self._stopping = True
        self._signal(signal.SIGKILL)

    @property
    def process_id(self) -> int | None:
        """Process id of the correlator while there is one."""
        return None if self._process is None else self._process.pid

    def hear(self, document: Document) -> bool:
        """Take a document from the network: it may be for the log, or a request to stop.

        Returns
        -------
        bool
            Whether it tells the state of this job.
        """
        message = document.message
        if isinstance(message, Unparsed) or message.header.identifier != self.launch.identifier:
            return False
        if isinstance(message.body, Stop):
            if message.header.mpi_id == 0:
                self.stop(known=not self._quirks.lost_stops)
            return False
        # Jobs in different directories may have one name; what says whose it is, is for one of them alone.
        if getattr(message.body, "input", None) not in (None, "", str(self.launch.input_file)):
            return False
        lines = log_lines(message, self.launch.identifier, datetime.now())
        self._unwritten += lines
        if lines and not (isinstance(message.body, Status) and self._quirks.late_log):
            self.write_log()
        if not isinstance(message.body, Status):
            return False
        self._state = message.body.state
        return True

    def _left_open(self, status: int) -> bool:
        """Whether the correlator is gone, its last message does not say so, and we shall."""
        if self._quirks.ignored_status or (self._was_asked and self._quirks.lost_stops):
            return False
        if self._state is None:
            return status < 0 and not self._stopping
        return self._state not in _FINAL

    def _ask_to_stop(self) -> None:
        """The real server kills at once."""
        self._signal(signal.SIGKILL if self._quirks.lost_stops else signal.SIGTERM)

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
            if self._stopping:  # while it was being started
                self._ask_to_stop()
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
            except (ProtocolError, struct.error) as error:  # the child died in a way that left rubbish
                self._tell(self._output.stderr(f"output of the correlator cannot be read: {error}"))
                self.kill()
                return

    async def _read_errors(self, process: asyncio.subprocess.Process) -> None:
        assert process.stderr is not None
        lines = Lines()
        while data := await process.stderr.read(_READ):
            for line in lines.receive_data(data):
                self._tell(self._output.stderr(line))
        for line in lines.receive_eof():
            self._tell(self._output.stderr(line))

    def _frame(self, frame: Packet) -> None:
        if frame.id == FrameId.MESSAGE:
            self._publish(frame.payload)
        elif frame.id == FrameId.STDOUT:
            self._tell(self._output.stdout(line_text(frame.payload)))
        elif frame.id == FrameId.STDERR:
            self._tell(self._output.stderr(line_text(frame.payload)))
        elif frame.id == FrameId.DUMP:
            time, values = DUMP_HEAD.unpack_from(frame.payload)
            result = frame.payload[DUMP_HEAD.size :]
            if len(result) != values * _VALUE_BYTES:
                raise ProtocolError(f"{values} values announced, {len(result)} bytes found")
            self._dump(self.launch.input_file, time, result)

    def _tell(self, steps: list[Step]) -> None:
        for step in steps:
            self._report(step)

    def write_log(self) -> None:
        """Write what the log still lacks."""
        lines, self._unwritten = self._unwritten, []
        if lines:
            self._log(lines)

    def _log(self, lines: list[str]) -> None:
        path = str(self.launch.input_file.with_suffix(".difxlog"))
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        content = "".join(f"{line}\n" for line in lines).encode("utf-8", "surrogateescape")
        try:
            with self._root.parent(path) as (above, name):
                descriptor = os.open(name, flags, 0o666, dir_fd=above)
            with os.fdopen(descriptor, "ab", buffering=0):
                write_all(descriptor, content)
        except OSError as error:  # no permission, a full disk: the job goes on without a log
            if not self._log_failed:
                self._log_failed = True
                text = f"{path} cannot be written: {error.strerror}"
                self._report(Notice(NoticeSeverity.WARNING, text))

    def _last_state(self) -> bytes:
        state = JobState.TERMINATED if self._was_asked else JobState.CRASHED
        host = socket.gethostname()[:31]
        header = Header(source=host, mpi_id=-1, identifier=self.launch.identifier, type="DifxStatusMessage")
        body = Status(input=str(self.launch.input_file), state=state)
        return to_xml(Message(header=header, body=body, sequence=-1, size=0))
