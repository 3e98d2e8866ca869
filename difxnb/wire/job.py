# SPDX-License-Identifier: GPL-3.0-or-later
"""The exchange of a starting and running job: packets 100-128 become events, and events an outcome.

All packets go from the server to the client; the exchange is over with a terminal packet and not with the
end of the stream, which real servers may deliver hours late.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import IntEnum, StrEnum

from difxnb.wire.launcher_notices import Complaints
from difxnb.wire.packet import Packet, UnknownPacket, decode_text, encode_text, packet_chunks

# What a client keeps of a job's output; a chatty job sends some thousand lines an hour.
MAX_LINES = 10_000


class JobId(IntEnum):
    """Packet ids of the exchange: guiServer's names without their prefix ``RUN_DIFX_``."""

    JOB_TERMINATED = 100
    JOB_ENDED_GRACEFULLY = 101
    JOB_STARTED = 102
    PARAMETER_CHECK_IN_PROGRESS = 103
    PARAMETER_CHECK_SUCCESS = 104
    FAILURE_NO_HEADNODE = 105
    FAILURE_NO_DATASOURCES = 106
    FAILURE_NO_PROCESSORS = 107
    FAILURE_NO_INPUTFILE_SPECIFIED = 108
    FAILURE_INPUTFILE_NOT_FOUND = 109
    FAILURE_INPUTFILE_NAME_TOO_LONG = 110
    FAILURE_OUTPUT_EXISTS = 111
    DELETING_PREVIOUS_OUTPUT = 112
    STARTING_DIFX = 113
    DIFX_MESSAGE = 114
    DIFX_WARNING = 115
    DIFX_ERROR = 116
    DIFX_COMPLETE = 117
    DATA_FILE_SIZE = 118
    JOB_FAILED = 119
    JOB_ENDED_WITH_ERRORS = 120
    DIFX_MONITOR_CONNECTION_ACTIVE = 121
    DIFX_MONITOR_CONNECTION_BROKEN = 122
    DIFX_MONITOR_CONNECTION_FAILED = 123
    FAILURE_INPUTFILE_BAD_CONFIG = 124
    CONFIG_PASSED = 125
    CONFIG_COMMAND_NOT_FOUND = 126
    RUN_CONFIG_CHECK = 127
    STOPPED_AFTER_CONFIG = 128


@dataclass(frozen=True, slots=True)
class JobEvent:
    """One packet of the exchange; `text` is a line of output where the id is one of 114-116."""

    id: JobId
    text: str = ""


class JobOutcome(StrEnum):
    """How a job ended, as far as guiServer can tell; it never looks at exit codes."""

    DONE = "done"
    DONE_WITH_ERRORS = "done_with_errors"
    FAILED = "failed"
    STOPPED = "stopped"
    REFUSED = "refused"
    UNKNOWN = "unknown"


class Refusal(StrEnum):
    """Why a job was not started."""

    NO_HEADNODE = "no_headnode"
    NO_DATASOURCES = "no_datasources"
    NO_PROCESSORS = "no_processors"
    NO_INPUT_FILE = "no_input_file"
    INPUT_NOT_FOUND = "input_not_found"
    NAME_TOO_LONG = "name_too_long"
    OUTPUT_EXISTS = "output_exists"
    BAD_CONFIG = "bad_config"
    STOPPED_BEFORE_START = "stopped_before_start"
    ALREADY_RUNNING = "already_running"
    SAME_NAME = "same_name"
    UNKNOWN = "unknown"


_REFUSALS = {
    JobId.FAILURE_NO_HEADNODE: Refusal.NO_HEADNODE,
    JobId.FAILURE_NO_DATASOURCES: Refusal.NO_DATASOURCES,
    JobId.FAILURE_NO_PROCESSORS: Refusal.NO_PROCESSORS,
    JobId.FAILURE_NO_INPUTFILE_SPECIFIED: Refusal.NO_INPUT_FILE,
    JobId.FAILURE_INPUTFILE_NOT_FOUND: Refusal.INPUT_NOT_FOUND,
    JobId.FAILURE_INPUTFILE_NAME_TOO_LONG: Refusal.NAME_TOO_LONG,
    JobId.FAILURE_OUTPUT_EXISTS: Refusal.OUTPUT_EXISTS,
}

_VERDICTS = frozenset(
    {JobId.FAILURE_INPUTFILE_BAD_CONFIG, JobId.CONFIG_PASSED, JobId.CONFIG_COMMAND_NOT_FOUND}
)
_OUTPUT = frozenset({JobId.DIFX_MESSAGE, JobId.DIFX_WARNING, JobId.DIFX_ERROR})

TERMINAL = frozenset(
    {
        JobId.JOB_TERMINATED,
        JobId.JOB_ENDED_GRACEFULLY,
        JobId.JOB_FAILED,
        JobId.JOB_ENDED_WITH_ERRORS,
        JobId.STOPPED_AFTER_CONFIG,
    }
)


def decode_job(packet: Packet) -> JobEvent | UnknownPacket:
    """Read a packet of the exchange; any payload is accepted with any id, and read as text."""
    try:
        return JobEvent(JobId(packet.id), decode_text(packet.payload))
    except ValueError:  # no such id
        return UnknownPacket(packet.id, packet.payload)


def encode_job(event: JobEvent) -> list[bytes]:
    """Write an event as the elementary writes of guiServer: id, length, and the text unless empty."""
    return packet_chunks(event.id, encode_text(event.text))


class JobConversation:
    """What the packets received so far say about the job.

    Attributes
    ----------
    started : bool
        102 seen: the server is at work on the request.
    accepted : bool
        113 seen: the checks are over, the correlator is being started.
    complete : bool
        A terminal packet was seen; later packets change nothing.
    outcome : JobOutcome or None
        None until `complete`. UNKNOWN never comes from packets; it is for a connection that broke.
    refusal : Refusal or None
        Why the job was not started; None when it was, or while that is open.
    config_passed : bool or None
        Verdict of the configuration check; None without one. A missing checker counts as passed.
    lines : list of JobEvent
        Output of the check and of the job, the last `max_lines` of it; `dropped_lines` counts the rest.
    check_lines : list of JobEvent
        Output of the check alone: what came before its verdict.
    checker_missing : bool
        The server has no program to check with.
    """

    def __init__(self, *, max_lines: int = MAX_LINES) -> None:
        self.started = False
        self.accepted = False
        self.config_passed: bool | None = None
        self.check_lines: list[JobEvent] = []
        self.checker_missing = False
        self.dropped_lines = 0
        self._lines: deque[JobEvent] = deque(maxlen=max_lines)
        self._complaints = Complaints()
        self._failure: Refusal | None = None
        self._terminal: JobId | None = None

    def add(self, event: JobEvent | UnknownPacket) -> None:
        """Take in one event; unknown packets, and whatever follows the terminal one, are passed over."""
        if isinstance(event, UnknownPacket) or self.complete:
            return
        if event.id in _OUTPUT:
            self._keep(event)
        elif event.id in TERMINAL:
            self._complaints.end()
            self._terminal = event.id
        else:
            self._note(event.id)

    @property
    def complete(self) -> bool:
        return self._terminal is not None

    @property
    def terminal(self) -> JobId | None:
        """The packet that ended the conversation; None while it goes on."""
        return self._terminal

    @property
    def lines(self) -> list[JobEvent]:
        return list(self._lines)

    @property
    def complaints(self) -> tuple[str, ...]:
        """The last texts on error output, without what mpirun says of its own options."""
        return self._complaints.latest

    @property
    def only_notices(self) -> bool:
        """Whether all error output was of mpirun about its own options, for which the server counts errors."""
        return self._complaints.notices > 0 and self._complaints.count == 0

    @property
    def outcome(self) -> JobOutcome | None:
        match self._terminal:
            case None:
                return None
            case JobId.JOB_ENDED_GRACEFULLY:
                return JobOutcome.DONE
            case JobId.JOB_ENDED_WITH_ERRORS:
                return JobOutcome.DONE if self.only_notices else JobOutcome.DONE_WITH_ERRORS
            case JobId.JOB_FAILED:
                return JobOutcome.FAILED
            case JobId.STOPPED_AFTER_CONFIG:
                # A check was all that was asked for, and it was done - or the job was refused for it.
                return JobOutcome.REFUSED if self.config_passed is False else JobOutcome.DONE
            case _:
                return JobOutcome.STOPPED if self.accepted else JobOutcome.REFUSED

    @property
    def refusal(self) -> Refusal | None:
        if self.outcome is not JobOutcome.REFUSED:
            return None
        if self._terminal is JobId.STOPPED_AFTER_CONFIG:
            return Refusal.BAD_CONFIG
        return self._failure or Refusal.STOPPED_BEFORE_START

    def _keep(self, event: JobEvent) -> None:
        if event.id is JobId.DIFX_ERROR:
            self._complaints.add(event.text)
        if len(self._lines) == self._lines.maxlen:
            self.dropped_lines += 1
        self._lines.append(event)

    def _note(self, job_id: JobId) -> None:
        if job_id is JobId.JOB_STARTED:
            self.started = True
        elif job_id is JobId.STARTING_DIFX:
            self.accepted = True
        elif job_id in _REFUSALS and self._failure is None:
            self._failure = _REFUSALS[job_id]
        elif job_id in _VERDICTS:
            self._judge(job_id)

    def _judge(self, verdict: JobId) -> None:
        if self.config_passed is None:
            self.check_lines = self.lines
        self.checker_missing |= verdict is JobId.CONFIG_COMMAND_NOT_FOUND
        if verdict is JobId.FAILURE_INPUTFILE_BAD_CONFIG:
            self.config_passed = False
        elif self.config_passed is None:
            self.config_passed = True
