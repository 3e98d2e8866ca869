# SPDX-License-Identifier: GPL-3.0-or-later
"""A running job: output of the correlator becomes packets, its end a terminal packet, its messages a log.

In: frames of the child process and its exit status. Out: steps for the client who started it (guiserver.md
7.4) and lines of the ``.difxlog`` (8.2).
"""

from __future__ import annotations

from datetime import datetime

from difxnb.formats.difxlog import alert_line, status_lines
from difxnb.server.start_plan import Step
from difxnb.wire.control import Notice, NoticeSeverity
from difxnb.wire.job import JobEvent, JobId
from difxnb.wire.message import Alert, Message, Status, Transient, Unparsed

PROGRAM = "mpifxcorr"
"""What the real server calls the program in its notices; clients look for it."""

_SEVERITIES = ("FATAL", "SEVERE", "ERROR", "WARNING", "INFO")
_MAX_LINE = 7999

MAX_BYTES = 2**16
"""Bytes of one line that are kept while its end has not come."""


class Lines:
    """Cuts a stream into lines; of a line without end it keeps the beginning, and counts the rest (H25)."""

    def __init__(self, limit: int = MAX_BYTES) -> None:
        self._limit = limit
        self._begun = b""
        self._cut = 0

    def receive_data(self, data: bytes) -> list[str]:
        """Take bytes, give the lines that they end."""
        *ended, rest = data.split(b"\n")
        lines = []
        for piece in ended:
            self._append(piece)
            lines.append(self._take())
        self._append(rest)
        return lines

    def receive_eof(self) -> list[str]:
        """Give the last line, if it had no end."""
        return [self._take()] if self._begun else []

    def _append(self, piece: bytes) -> None:
        room = self._limit - len(self._begun)
        self._begun += piece[:room]
        self._cut += max(0, len(piece) - room)

    def _take(self) -> str:
        text = line_text(self._begun)
        if self._cut:
            text += f" ({self._cut} more bytes were not kept)"
        self._begun, self._cut = b"", 0
        return text


def line_text(line: bytes) -> str:
    """Text of a line without its end."""
    return line.decode("utf-8", "replace").rstrip("\r\n")


class JobOutput:
    """Follows one run of the correlator.

    Attributes
    ----------
    stopped : bool
        Set when the user stopped it: however it ends then, that is what is reported.
    """

    def __init__(self) -> None:
        self.stopped = False
        self._errors = 0
        self._last_was_error = False

    def stdout(self, line: str) -> list[Step]:
        """Report a line of standard output."""
        self._last_was_error = False
        return _line(NoticeSeverity.INFORMATION, JobId.DIFX_MESSAGE, line)

    def stderr(self, line: str) -> list[Step]:
        """Report a line of standard error; without the word "warning" in it, it counts as an error."""
        if "warning" in line.lower():
            return _line(NoticeSeverity.WARNING, JobId.DIFX_WARNING, line)
        self._errors += 1
        self._last_was_error = True
        return _line(NoticeSeverity.ERROR, JobId.DIFX_ERROR, line)

    def ended(self, status: int) -> list[Step]:
        """Report the end; the last step is the terminal packet.

        Parameters
        ----------
        status : int
            Exit status, negative for a signal; the real server would not look at it.
        """
        if self.stopped:
            return [_notice(NoticeSeverity.WARNING, "terminated by user"), JobEvent(JobId.JOB_TERMINATED)]
        if status != 0 or self._last_was_error:
            return self._failed(status)
        steps: list[Step] = [_notice(NoticeSeverity.WARNING, "complete"), JobEvent(JobId.DIFX_COMPLETE)]
        return [*steps, JobEvent(JobId.JOB_ENDED_WITH_ERRORS if self._errors else JobId.JOB_ENDED_GRACEFULLY)]

    def _failed(self, status: int) -> list[Step]:
        how = f"was ended by signal {-status}" if status < 0 else f"ended with status {status}"
        summary = f"{PROGRAM} {how} after {self._errors} lines of errors"
        return [
            JobEvent(JobId.DIFX_ERROR, summary),
            _notice(NoticeSeverity.ERROR, "FAILED"),
            JobEvent(JobId.JOB_FAILED),
        ]


def log_lines(message: Message | Unparsed, identifier: str, when: datetime) -> list[str]:
    """Lines that a document adds to the log of a job, without line feeds; none when it is about another job.

    Parameters
    ----------
    message : Message or Unparsed
        The document.
    identifier : str
        Job name as messages carry it.
    when : datetime
        Local time of arrival.
    """
    if isinstance(message, Unparsed) or message.header.identifier != identifier:
        return []
    rank, sender = message.header.mpi_id or 0, message.header.source
    match message.body:
        case Alert(severity=severity, text=text) if severity is not None and 0 <= severity < len(_SEVERITIES):
            return [alert_line(when, rank, sender, _SEVERITIES[severity], _one_line(text or ""))]
        case Status(state=state, message=text, weights=weights):
            found = dict(weights)
            row = [found.get(i) for i in range(max(found, default=-1) + 1)]
            return status_lines(when, rank, sender, state or "Spawning", _one_line(text or ""), row)
        case Transient() as body:
            return [_transient(body)]
    return []


def _transient(body: Transient) -> str:
    return (
        f"Transient event received: jobId={body.job_id} priority={body.priority or 0:f} "
        f"startMJD={body.start_mjd or 0:14.8f} stopMJD={body.stop_mjd or 0:14.8f} "
        f'destDir="{_one_line(body.dest_dir or "")}" comment="{_one_line(body.comment or "")}"'
    )


def _one_line(text: str) -> str:
    return " ".join(text.splitlines())


def _notice(severity: NoticeSeverity, text: str) -> Notice:
    return Notice(severity, f"{PROGRAM} {text}")


def _line(severity: NoticeSeverity, packet: JobId, line: str) -> list[Step]:
    if len(line) > _MAX_LINE:
        note = f" (cut: it had {len(line)} characters)"
        line = line[: _MAX_LINE - len(note)] + note
    return [Notice(severity, f"{PROGRAM}... {line}"), JobEvent(packet, line)]
