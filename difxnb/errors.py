# SPDX-License-Identifier: GPL-3.0-or-later
"""Every exception of difxnb, as one tree, ordered by whose fault it is.

::

    DifxError
    ├── ProtocolError            the peer sent bytes that break guiServer's protocol
    │   ├── PacketTooBig
    │   ├── PacketTruncated      (EOFError)
    │   └── NotGuiServer         something answers there, but it is no guiServer
    ├── MessageError             (ValueError) a difxMessage that cannot be written
    ├── UnsafeValue              (ValueError) a value that must not reach the server's shell
    ├── FileFormatError          (ValueError) a DiFX file that cannot be read
    ├── UnsupportedJob           (ValueError) a job that the embedded correlator cannot do
    ├── CannotMakeJob            (ValueError) a job that cannot be made of a schedule here
    ├── ConnectionFailed         (ConnectionError) no connection came about
    │   └── GatewayRefused       the ssh gateway is not known, or does not let us in
    ├── AccessDenied             (PermissionError) the server does not let us in, or not do that
    ├── TokenFileError           (ValueError) a file with an access token that must not be used
    ├── ConnectionLost           (ConnectionError) it broke; a call in flight may have had its effect
    ├── NoReply                  (TimeoutError) silence
    ├── RemoteFileError          (OSError)
    │   ├── RemoteFileNotFound   (FileNotFoundError)
    │   ├── RemoteFileExists     (FileExistsError)
    │   ├── RemoteFileChanged    it changed while it was edited or read
    │   └── RemotePermission     (PermissionError)
    ├── MissingData              (FileNotFoundError) a job names recordings that are not there
    ├── VisibilitiesNotFound     (FileNotFoundError) no visibilities where they were looked for
    ├── OutputNotFound           (FileNotFoundError) the output of a job has no files of the kind asked for
    ├── OutputExists             (FileExistsError) correlated output is in the way
    ├── FileChanged              (OSError) a file on this machine changed between reading and writing it
    ├── JobRefused               the correlator refused to start a job
    ├── JobNotStopped            a stop was sent and the job goes on
    ├── HostsNotReached          hosts that a job needs do not answer through MPI
    ├── StillRunning             closing now would hurt jobs that were started here
    ├── NotConfirmed             (ValueError) a command that destroys, without confirm=True
    ├── RecorderError            a recorder, or a program on it, failed
    ├── RecordingFailed          (OSError) a recording of a session cannot be made or written
    ├── QueueTaken               another process runs the queue of this file
    ├── SessionNotDone           an unattended session ended before its last step
    ├── NotebookFailed           a cell of a report failed
    ├── NothingMade              vex2difx made no job, or the delay model program no model
    └── ServerNotStarted         the embedded server did not come up

Each class keeps its facts as attributes and says in its text what was asked, of whom, what came back and
what can be done next. The caller's own mistakes are plain ``ValueError`` and ``TypeError``.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class DifxError(Exception):
    """Root of every error that difxnb raises on purpose."""


class ProtocolError(DifxError):
    """The peer sent bytes that break the protocol; the stream cannot be used any further."""


class PacketTooBig(ProtocolError):
    """A packet announces more bytes than are accepted.

    Attributes
    ----------
    packet_id, length, limit : int
        Id of the packet, bytes it announced, bytes accepted at most.
    """

    def __init__(self, packet_id: int, length: int, limit: int) -> None:
        self.packet_id, self.length, self.limit = packet_id, length, limit
        super().__init__(f"packet {packet_id} announces {length} bytes; at most {limit} are accepted")


class PacketTruncated(ProtocolError, EOFError):
    """The stream ended in the middle of a packet, line or file.

    Attributes
    ----------
    received, expected : int
        Bytes that arrived, and bytes that should have.
    """

    def __init__(self, what: str, received: int, expected: int) -> None:
        self.received, self.expected = received, expected
        super().__init__(f"{what} ended after {received} of {expected} bytes")


class NotGuiServer(ProtocolError):
    """Something accepts connections at the address but does not speak guiServer's protocol."""


class MessageError(DifxError, ValueError):
    """A difxMessage cannot be written: a field is over a limit or holds control characters."""


class UnsafeValue(DifxError, ValueError):
    """A value would reach the shell of a real guiServer and is not of the safe kind."""


class FileFormatError(DifxError, ValueError):
    """A DiFX file is damaged or of another kind than expected.

    Attributes
    ----------
    path : str
        The file.
    where : str
        Line (``"line 12"``) or byte offset (``"byte 330"``); empty when the whole file is meant.
    """

    def __init__(self, path: object, where: str, problem: str) -> None:
        self.path, self.where, self.problem = str(path), where, problem
        super().__init__(f"{path}, {where}: {problem}" if where else f"{path}: {problem}")


class UnsupportedJob(DifxError, ValueError):
    """The embedded correlator cannot do this job; every reason is named.

    Attributes
    ----------
    reasons : tuple of str
    """

    def __init__(self, job: object, reasons: tuple[str, ...]) -> None:
        self.reasons = reasons
        super().__init__(f"{job} cannot be correlated here: {'; '.join(reasons)}")


class CannotMakeJob(DifxError, ValueError):
    """No job can be made here of a schedule and its ``.v2d``; every reason is named.

    Attributes
    ----------
    reasons : tuple of str
    """

    def __init__(self, v2d: object, reasons: tuple[str, ...]) -> None:
        self.reasons = reasons
        super().__init__(f"no job can be made of {v2d} here: {'; '.join(reasons)}")


class ConnectionFailed(DifxError, ConnectionError):
    """No connection to the server came about."""


class GatewayRefused(ConnectionFailed):
    """An ssh gateway is not known, not the one that was known, or does not let us in; trying again changes nothing."""


class AccessDenied(DifxError, PermissionError):
    """The server wants a token that it has not got, or is open for reading only."""


class TokenFileError(DifxError, ValueError):
    """A file does not hold an access token, or others than its owner may read it."""


class ConnectionLost(DifxError, ConnectionError):
    """The connection broke. A call that was under way may or may not have had its effect."""


class NoReply(DifxError, TimeoutError):
    """The peer did not answer in time."""


class RemoteFileError(DifxError, OSError):
    """A file operation on the server did not do what was asked."""


class RemoteFileNotFound(RemoteFileError, FileNotFoundError):
    """The file or directory does not exist on the server."""


class RemoteFileExists(RemoteFileError, FileExistsError):
    """Something is already there, and overwriting was not asked for."""


class RemoteFileChanged(RemoteFileError):
    """The file on the server changed while it was read or edited here."""


class RemotePermission(RemoteFileError, PermissionError):
    """The server's user may not read or write there."""


class MissingData(DifxError, FileNotFoundError):
    """A job names recordings that do not exist.

    Attributes
    ----------
    files : tuple of str
    """

    def __init__(self, job: object, files: tuple[str, ...]) -> None:
        self.files = files
        super().__init__(f"{job}: no such recording: {', '.join(files)}")


class VisibilitiesNotFound(DifxError, FileNotFoundError):
    """The visibilities of a job, or the ``.input`` that belongs to them, are not where they were looked for.

    Attributes
    ----------
    looked_for : tuple of str
    """

    def __init__(self, text: str, looked_for: Iterable[object] = ()) -> None:
        self.looked_for = tuple(str(place) for place in looked_for)
        super().__init__(text)


class OutputNotFound(DifxError, FileNotFoundError):
    """The output of a job is not there, or holds no files of the kind that was asked for."""


class OutputExists(DifxError, FileExistsError):
    """The output of a job exists already; ``overwrite=True`` moves it aside."""


class FileChanged(DifxError, OSError):
    """A file on this machine is not what it was when it was read, and would have been replaced."""


class JobRefused(DifxError):
    """The correlator refused to start a job.

    Attributes
    ----------
    reason : str
        One of the values of :class:`difxnb.wire.job.Refusal`.
    findings : tuple of str
        Ids of the findings that kept it from being started, to be waived one by one.
    """

    def __init__(self, reason: str, text: str, findings: tuple[str, ...] = ()) -> None:
        self.reason, self.findings = reason, findings
        super().__init__(text)


class JobNotStopped(DifxError):
    """A stop was sent, and the job still shows signs of life.

    Attributes
    ----------
    signs : tuple of str
        What still lives, as far as it can be seen from here.
    """

    def __init__(self, text: str, signs: tuple[str, ...] = ()) -> None:
        self.signs = signs
        super().__init__("; ".join((text, *signs)))


class HostsNotReached(DifxError):
    """Hosts that a job needs do not answer through MPI.

    Attributes
    ----------
    hosts : tuple of str
    """

    def __init__(self, text: str, hosts: tuple[str, ...]) -> None:
        self.hosts = hosts
        super().__init__(text)


class StillRunning(DifxError):
    """Jobs started over a connection still run, and the server would not survive its end.

    Attributes
    ----------
    jobs : tuple of str
        Their ``.input`` files.
    """

    def __init__(self, jobs: Iterable[str], server: str) -> None:
        self.jobs = tuple(sorted(jobs))
        super().__init__(
            f"{', '.join(self.jobs)} still runs, and {server} would crash with it if the connection ended "
            "now; wait for it, stop it, or close with force=True"
        )


class NotConfirmed(DifxError, ValueError):
    """A command that destroys something, or that nobody here knows, was given without ``confirm=True``."""


class RecorderError(DifxError):
    """A recorder, or a program on it, did not do what was asked.

    Attributes
    ----------
    lines : tuple of str
        What the programs printed.
    """

    def __init__(self, text: str, lines: Iterable[str] = ()) -> None:
        self.lines = tuple(lines)
        super().__init__(text)


class RecordingFailed(DifxError, OSError):
    """A recording of a session cannot be made, or not be written for the moment; the session itself goes on."""


class RecordingInterrupted(UserWarning):
    """A warning: a recording cannot be written for the moment."""


class QueueTaken(DifxError):
    """Another process runs the queue that is kept in this file; it must end first."""


class SessionNotDone(DifxError):
    """An unattended session ended, or was stopped, before all of its steps were done.

    Attributes
    ----------
    session, step, why : str
        Which session, the step that it ended with, and the reason.
    """

    def __init__(self, session: str, step: str, why: str) -> None:
        self.session, self.step, self.why = session, step, why
        where = f" in step {step}" if step else ""
        super().__init__(f"session {session} ended{where}: {why}; its record says more, and resume goes on")


class NotebookFailed(DifxError):
    """The notebook of a report did not run to its end; there is no report.

    Attributes
    ----------
    cell : int
        The cell that failed, counted from 1 in the notebook that was run; 0 where none was begun.
    kept : Path or None
        The notebook as far as it ran, with the error in the cell.
    """

    def __init__(self, text: str, cell: int = 0, kept: Path | None = None) -> None:
        self.cell, self.kept = cell, kept
        super().__init__(text if kept is None else f"{text}; as far as it ran it is in {kept}")


class NothingMade(DifxError):
    """vex2difx made no job, or the delay model program no model.

    Attributes
    ----------
    lines : tuple of str
        What the programs and the server said.
    """

    def __init__(self, text: str, lines: Iterable[str] = ()) -> None:
        self.lines = tuple(lines)
        super().__init__(text)


class VersionMismatch(UserWarning):
    """A warning: versions of DiFX that should be one differ. It is shown once for each job."""


class DamagedData(UserWarning):
    """A warning: parts of files could not be read and were passed over, as was asked for."""


class DoubtfulAutocorrelations(UserWarning):
    """A warning: autocorrelations of a job with stitched bands, which mpifxcorr 2.9 writes wrongly.

    Some hold slices of other bands or of other hands. Cross products are right; do not normalise by these.
    Jobs made with ``exhaustiveAutocorrs`` in the ``.v2d`` are not affected.
    """


class PositionsUnknown(UserWarning):
    """A warning: no ``.calc`` tells where an antenna or a source is that has to go into a Measurement Set."""


class EopOutdated(UserWarning):
    """A warning: the Earth orientation at hand is old, or predicted for the time that is asked for."""


class ServerNotStarted(DifxError):
    """The embedded server did not come up."""
