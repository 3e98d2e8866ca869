# SPDX-License-Identifier: GPL-3.0-or-later
"""Start and check jobs.

A start is a conversation that lasts as long as the job; it is read to its end by a task of its own, because a
client that stops reading stops the job. Mirrors guiserver.md 7.4.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence

from difxnb.client.conversation import packets_of
from difxnb.client.exchange import ByteStream
from difxnb.client.findings import Finding, findings_of_check, not_waived
from difxnb.client.job_stop import stop_command
from difxnb.client.patience import within
from difxnb.client.placement import MAX_DATASTREAMS, MAX_PROCESSORS, Placement, base_name
from difxnb.client.remote_files import look
from difxnb.client.session import Session
from difxnb.client.start_options import USUAL, StartOptions
from difxnb.errors import (
    ConnectionLost,
    DifxError,
    JobRefused,
    NoReply,
    OutputExists,
    ProtocolError,
    RemoteFileNotFound,
)
from difxnb.wire.control import Command, encode
from difxnb.wire.job import JobConversation, JobEvent, JobOutcome, Refusal, decode_job
from difxnb.wire.message import Processor, Start, command_xml

OnEvent = Callable[[JobEvent], None]

_SHOWN_FINDINGS = 20
# Of all functions only this one is no start.
_CHECK_ONLY = StartOptions(function="CONFIG_ONLY")

_log = logging.getLogger(__name__)

_WHAT_TO_DO = {
    Refusal.NO_HEADNODE: "no head node: set the machines first (job.set_machines)",
    Refusal.NO_DATASOURCES: "no datastream nodes: set the machines first (job.set_machines)",
    Refusal.NO_PROCESSORS: "no process nodes: set the machines first (job.set_machines)",
    Refusal.NO_INPUT_FILE: "the server got no input file",
    Refusal.INPUT_NOT_FOUND: "the server cannot read the input file",
    Refusal.NAME_TOO_LONG: "the name of the input file is too long for the server",
    Refusal.OUTPUT_EXISTS: "output is in the way; overwrite=True moves it aside",
    Refusal.BAD_CONFIG: "the configuration check failed; start with waive=[ids] where that does not matter",
    Refusal.STOPPED_BEFORE_START: "it was stopped before it started",
    Refusal.UNKNOWN: "the server gave no reason",
}


class StartedJob:
    """One start that was sent to the server, followed to its end.

    Attributes
    ----------
    input_file : str
    conversation : JobConversation
        What guiServer has said so far.
    failure : DifxError or None
        Why nobody will learn from guiServer how the job ended.
    """

    def __init__(self, session: Session, stream: ByteStream, input_file: str, on_event: OnEvent) -> None:
        self.input_file = input_file
        self.conversation = JobConversation()
        self.failure: DifxError | None = None
        self._session, self._stream, self._on_event = session, stream, on_event
        self._decided, self._ended = asyncio.Event(), asyncio.Event()

    @property
    def ended(self) -> bool:
        """Whether the conversation is over, well or badly."""
        return self._ended.is_set()

    @property
    def outcome(self) -> JobOutcome | None:
        """How the job ended; None while it runs, UNKNOWN where the connection broke."""
        if self.failure is not None:
            return JobOutcome.UNKNOWN
        return self.conversation.outcome

    def is_of(self, session: Session) -> bool:
        """Whether it was started over this session; only the same one can stop it cleanly."""
        return self._session is session

    async def wait(self) -> JobOutcome:
        """Wait for the end.

        Raises
        ------
        ConnectionLost, ProtocolError, NoReply
            The conversation broke: the job may go on, or may have ended.
        """
        await self._ended.wait()
        self._raise_failure()
        outcome = self.conversation.outcome
        return JobOutcome.UNKNOWN if outcome is None else outcome

    async def settle(self) -> None:
        """Wait, after the end, until the last messages have been read, or the server was found dead."""
        await self._session.certainty()

    async def wait_ended(self) -> None:
        """Wait until the conversation is over, well or badly."""
        await self._ended.wait()

    async def wait_decided(self) -> None:
        """Wait until the server has accepted or refused the start; errors as those of `wait`."""
        await self._decided.wait()
        if not self.conversation.accepted:
            self._raise_failure()

    async def follow(self) -> None:
        """Read the conversation to its end; to be run as a task."""
        what = f"start of {self.input_file}"
        packets = packets_of(self._stream, what)
        self._session.jobs.add(self.input_file)
        try:
            async with self._session.blocking_the_server():
                while not (self.conversation.accepted or self.conversation.complete):
                    silence = f"{what}: {self._session.peer} stopped in the middle of its checks"
                    async with within(self._session.patience.check, silence):
                        self._take(decode_job(await anext(packets)))
            self._decided.set()
            while not self.conversation.complete:
                self._take(decode_job(await anext(packets)))
        except DifxError as error:
            self.failure = error
        finally:
            self._finish()
            await packets.aclose()
            await self._stream.close()

    def _take(self, event: object) -> None:
        if isinstance(event, JobEvent):
            self.conversation.add(event)
            self._on_event(event)

    def _finish(self) -> None:
        if not self.conversation.complete and self.failure is None:
            # Cancelled, by the end of the session as a rule, which knows why.
            given_up = ConnectionLost("following it was given up here while the job was running")
            self.failure = given_up if self._session.lost is None else self._session.loss()
        self._session.jobs.discard(self.input_file)
        self._session.job_ended = asyncio.get_running_loop().time()
        if self.failure is None:
            # A real server often dies right after the end of a job (H1): find out before anyone else does.
            patience = self._session.patience
            self._session.doubt(patience.fence if self._session.description.is_own else patience.version)
        self._decided.set()
        self._ended.set()

    def _raise_failure(self) -> None:
        if self.failure is None:
            return
        kind = next(
            k for k in (ConnectionLost, NoReply, ProtocolError, DifxError) if isinstance(self.failure, k)
        )
        raise kind(
            f"{self.input_file}: {self.failure}. The outcome is unknown: the job may go on or have ended; "
            "its .difxlog, job status and relayed messages tell more"
        ) from self.failure


async def start_job(
    session: Session,
    input_file: str,
    placement: Placement,
    *,
    options: StartOptions = USUAL,
    on_event: OnEvent,
) -> StartedJob:
    """Start a job; return when the server has accepted it.

    When this is cancelled, a stop is sent after the start, so that no job is left that nobody follows.

    Raises
    ------
    UnsafeValue, ValueError, TypeError
        See `StartOptions.require_safe`.
    JobRefused, OutputExists, RemoteFileNotFound
        The server refused; the reason says why.
    NoReply, ConnectionLost, ProtocolError
        The job may run all the same; the text says so.
    """
    options.require_safe(input_file, own_server=session.description.is_own)
    await _require_input(session, input_file)
    try:
        started = await _send_start(session, input_file, placement, options, on_event)
        await started.wait_decided()
    except asyncio.CancelledError:
        await _take_back(session, input_file, options)
        raise
    _raise_refusal(session, started)
    return started


async def _take_back(session: Session, input_file: str, options: StartOptions) -> None:
    """Stop a job whose start was given up; with a lost connection there is nobody to tell."""
    if session.lost is None:
        try:
            await session.send(stop_command(input_file, options))
        except ConnectionLost as error:
            _log.warning("the start of %s was given up, but perhaps not stopped: %s", input_file, error)


async def check_job(session: Session, input_file: str, placement: Placement) -> JobConversation:
    """Run the configuration check alone; give what it said. Errors as those of `start_job`."""
    await _require_input(session, input_file)
    started = await _send_start(session, input_file, placement, _CHECK_ONLY, lambda _: None)
    await started.wait()
    if started.conversation.refusal is not Refusal.BAD_CONFIG:
        _raise_refusal(session, started)
    return started.conversation


async def _require_input(session: Session, input_file: str) -> None:
    base_name(input_file)
    if await look(session, input_file) is None:
        raise RemoteFileNotFound(f"start: there is no {input_file} on {session.peer}")


async def _send_start(
    session: Session, input_file: str, placement: Placement, options: StartOptions, on_event: OnEvent
) -> StartedJob:
    first_processor = 1 + placement.n_datastreams
    hosts = placement.hosts

    def request(address: str, port: int) -> bytes:
        # The server looks whether there are any hosts at all, and takes them from the files; so larger jobs than
        # its parser knows are started like others.
        start = Start(
            input=input_file,
            head_node=hosts[0] if hosts else None,
            datastreams=hosts[1:first_processor][:MAX_DATASTREAMS],
            processors=tuple(
                Processor((host,), threads)
                for host, threads in zip(hosts[first_processor:], placement.threads, strict=False)
            )[:MAX_PROCESSORS],
            force=False,
            function=options.function,
            restart_seconds=options.restart_seconds or None,
            mpi_wrapper=options.mpi_wrapper,
            mpi_options=options.mpi_options,
            difx_program=options.difx_program,
            address=address,
            port=port,
        )
        return encode(Command(command_xml(start)))

    stream = await session.open_exchange(request, f"start of {input_file}")
    started = StartedJob(session, stream, input_file, on_event)
    session.spawn(started.follow(), f"difxnb job {input_file}")
    return started


def _raise_refusal(session: Session, started: StartedJob) -> None:
    refusal = started.conversation.refusal
    if refusal is None:
        return
    what = f"{session.peer} refused to start {started.input_file}: {_WHAT_TO_DO[refusal]}"
    if refusal is Refusal.OUTPUT_EXISTS:
        raise OutputExists(what)
    if refusal is Refusal.INPUT_NOT_FOUND:
        raise RemoteFileNotFound(what)
    found = findings_of_check(started.conversation.check_lines, started.input_file)
    blocking = not_waived(found, ()) if refusal is Refusal.BAD_CONFIG else []
    raise refused(refusal, what, blocking)


def refused(refusal: Refusal, what: str, findings: Sequence[Finding]) -> JobRefused:
    """Make the error that says what speaks against a job, ids in front, to be waived by them."""
    shown = [str(finding) for finding in findings[:_SHOWN_FINDINGS]]
    if len(findings) > _SHOWN_FINDINGS:
        shown.append(f"and {len(findings) - _SHOWN_FINDINGS} more; job.check() shows them all")
    return JobRefused(refusal, "\n".join([what, *shown]), tuple(finding.id for finding in findings))
