# SPDX-License-Identifier: GPL-3.0-or-later
"""The exchanges about recorders: mk5control, module directory, copy off a module (guiserver.md 7.8 to 7.10).

Packets become events, and events an account of what was said. All packets go from the server to the client;
texts are output of programs, so what they mean is told by content and never by the id alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

from difxnb.wire.packet import Packet, UnknownPacket, decode_text, encode_text, packet_chunks

MAX_LINES = 100_000
"""Lines of each kind that a conversation keeps; later ones are counted only."""


class Mk5ControlId(IntEnum):
    """Packet ids of an mk5control command. The real server sends only 101, 102, 108 and 110."""

    TASK_TERMINATED = 100
    TASK_ENDED_GRACEFULLY = 101
    TASK_STARTED = 102
    PARAMETER_CHECK_IN_PROGRESS = 103
    PARAMETER_CHECK_SUCCESS = 104
    FAILURE_BAD_TARGETNODE = 105
    FAILURE_BAD_COMMAND = 106
    CANCEL_COMMAND = 107
    INFORMATION = 108
    WARNING = 109
    ERROR = 110


class DirectoryId(IntEnum):
    """Packet ids of a directory request."""

    STARTED = 301
    COMPLETED = 302
    FULLPATH = 303
    FAILED = 304
    MPIRUN_ERROR = 305
    NO_ENVIRONMENT_VARIABLE = 306
    DATE = 307
    FILE_NOT_FOUND = 308
    FILESTART = 309
    FILEDATA = 310
    GENERATE_STARTED = 311
    GENERATE_INFO = 312
    GENERATE_COMPLETED = 313
    GENERATE_ERRORS = 314


class CopyId(IntEnum):
    """Packet ids of a copy."""

    STARTED = 301
    COMPLETED = 302
    FAILED = 304
    MPIRUN_ERROR = 305
    INFO = 312
    ERRORS = 314


RecorderId = Mk5ControlId | DirectoryId | CopyId


@dataclass(frozen=True, slots=True)
class RecorderEvent:
    """One packet of an exchange; `text` is a path, a date or a line of output, by the id."""

    id: RecorderId
    text: str = ""


def decode_recorder(packet: Packet, ids: type[RecorderId]) -> RecorderEvent | UnknownPacket:
    """Read a packet of the exchange that `ids` belong to; any payload is accepted with any id."""
    try:
        return RecorderEvent(ids(packet.id), decode_text(packet.payload))
    except ValueError:  # no such id
        return UnknownPacket(packet.id, packet.payload)


def encode_recorder(event: RecorderEvent) -> list[bytes]:
    """Write an event as the elementary writes of guiServer: id, length, and the text unless empty."""
    return packet_chunks(event.id, encode_text(event.text))


@dataclass(frozen=True, slots=True)
class OutputLine:
    """A line that a program printed, without its line feed.

    Attributes
    ----------
    text : str
    is_error : bool
        It came on the error output, which many of the programs use for everything.
    """

    text: str
    is_error: bool = False


class Output:
    """The lines that the programs of one operation printed.

    Attributes
    ----------
    lines : list of OutputLine
    dropped : int
        Lines beyond `MAX_LINES`, which are not kept.
    """

    def __init__(self) -> None:
        self.lines: list[OutputLine] = []
        self.dropped = 0

    def add(self, text: str, *, is_error: bool = False) -> None:
        """Keep a line, as long as there is room."""
        if len(self.lines) >= MAX_LINES:
            self.dropped += 1
        else:
            self.lines.append(OutputLine(text.rstrip("\r\n"), is_error))

    @property
    def complaints(self) -> list[str]:
        """Error output that does not declare itself harmless, without what mpirun adds where there is anything else."""
        found = [line.text for line in self.lines if line.is_error and not is_harmless(line.text)]
        return _outside_boxes(found) or found


_RULE = re.compile(r"-{60,}")


def _outside_boxes(lines: list[str]) -> list[str]:
    """Lines that are not between two rules, where Open MPI says at length that a program failed and not why."""
    kept, inside = [], False
    for line in lines:
        if _RULE.fullmatch(line.strip()):
            inside = not inside
        elif not inside:
            kept.append(line)
    return kept


_HARMLESS = ("fyi", "note", "warning")


def is_harmless(line: str) -> bool:
    """Whether a line of error output says itself that nothing went wrong, or says nothing.

    `mk5dir` always has such a line for guiServer, so its packet 314 alone means nothing.
    """
    return not line.strip() or line.lstrip().lower().startswith(_HARMLESS)


class Mk5ControlConversation:
    """What was said about an mk5control command.

    Attributes
    ----------
    started, complete : bool
        102 seen; 101 (or 100) seen, after which nothing changes any more.
    output : Output
    """

    ids = Mk5ControlId

    def __init__(self) -> None:
        self.started = self.complete = False
        self.output = Output()

    def add(self, event: RecorderEvent | UnknownPacket) -> str | None:
        """Take in one event; gives a line to show, where there is one."""
        if isinstance(event, UnknownPacket) or self.complete:
            return None
        match event.id:
            case Mk5ControlId.TASK_STARTED:
                self.started = True
            case Mk5ControlId.TASK_ENDED_GRACEFULLY | Mk5ControlId.TASK_TERMINATED:
                self.complete = True
            case Mk5ControlId.INFORMATION:
                self.output.add(event.text)
                return event.text
            case Mk5ControlId.ERROR | Mk5ControlId.WARNING:
                self.output.add(event.text, is_error=True)
                return event.text
        return None


_WHY_NONE: dict[DirectoryId | None, str] = {
    DirectoryId.NO_ENVIRONMENT_VARIABLE: (
        "MARK5_DIR_PATH is not set where guiServer runs, or the recorder was not reached"
    ),
    DirectoryId.FILE_NOT_FOUND: "there is no directory file; generate=True makes one from the module",
}


class DirectoryConversation:
    """What was said about the directory of a module.

    Attributes
    ----------
    started, complete : bool
        301 seen; 302 or 304 seen, after which nothing changes any more.
    ok : bool or None
        Whether the directory was read to its end; None until `complete`.
    path : str or None
        Where the ``.dir`` file is, as the server sees it.
    date : str
        Its date as 12 columns of ``ls -l``: often cut wrongly (guiserver.md 7.8).
    generated : bool or None
        How making it anew ended by the server's word (314 comes with any error output); None without that.
    output : Output
        What the programs printed.
    content : list of str
        Lines of the file.
    dropped : int
        Lines beyond `MAX_LINES`, which are not kept.
    failure : DirectoryId or None
        The packet that said why there is no directory.
    """

    ids = DirectoryId

    def __init__(self) -> None:
        self.started = self.complete = False
        self.ok: bool | None = None
        self.path: str | None = None
        self.date = ""
        self.generated: bool | None = None
        self.output = Output()
        self.content: list[str] = []
        self.dropped = 0
        self.failure: DirectoryId | None = None

    def add(self, event: RecorderEvent | UnknownPacket) -> str | None:
        """Take in one event; gives a line to show, where there is one."""
        if isinstance(event, UnknownPacket) or self.complete:
            return None
        match event.id:
            case DirectoryId.GENERATE_INFO:
                self.output.add(event.text)
                return event.text
            case DirectoryId.MPIRUN_ERROR:
                self.output.add(event.text, is_error=True)
                return event.text
            case DirectoryId.FILEDATA:
                self._keep(event.text)
            case _:
                self._note(event)
        return None

    @property
    def refusal_text(self) -> str | None:
        """Why there is no directory; None unless that is so."""
        if self.ok is not False:
            return None
        return _WHY_NONE.get(self.failure, "the server could not read it and gave no reason")

    def _keep(self, line: str) -> None:
        if len(self.content) >= MAX_LINES:
            self.dropped += 1
        else:
            self.content.append(line)

    def _note(self, event: RecorderEvent) -> None:
        match event.id:
            case DirectoryId.STARTED:
                self.started = True
            case DirectoryId.COMPLETED | DirectoryId.FAILED:
                self.complete, self.ok = True, event.id is DirectoryId.COMPLETED
            case DirectoryId.FULLPATH:
                self.path = event.text
            case DirectoryId.DATE:
                self.date = event.text.strip()
            case DirectoryId.GENERATE_COMPLETED | DirectoryId.GENERATE_ERRORS:
                self.generated = event.id is DirectoryId.GENERATE_COMPLETED
            case DirectoryId.NO_ENVIRONMENT_VARIABLE | DirectoryId.FILE_NOT_FOUND:
                self.failure = DirectoryId(event.id)


class CopyConversation:
    """What was said about a copy.

    Attributes
    ----------
    started, complete : bool
        301 seen; 302 (or 304) seen, after which nothing changes any more.
    had_errors : bool
        314 or 304 seen. ``mk5cp`` prints nearly everything as an error, so this alone proves nothing.
    output : Output
    """

    ids = CopyId

    def __init__(self) -> None:
        self.started = self.complete = self.had_errors = False
        self.output = Output()

    def add(self, event: RecorderEvent | UnknownPacket) -> str | None:
        """Take in one event; gives a line to show, where there is one."""
        if isinstance(event, UnknownPacket) or self.complete:
            return None
        match event.id:
            case CopyId.INFO | CopyId.MPIRUN_ERROR:
                self.output.add(event.text, is_error=event.id is CopyId.MPIRUN_ERROR)
                return event.text
            case CopyId.STARTED:
                self.started = True
            case CopyId.ERRORS | CopyId.FAILED:
                self.had_errors = True
        self.complete = event.id in (CopyId.COMPLETED, CopyId.FAILED)
        return None


_NUMBERS = re.compile(r"(\d{1,6})(?:-(\d{1,6}))?", re.ASCII)


def scan_numbers(scans: str) -> frozenset[int] | None:
    """The numbers in a choice of scans; None where it names scans in another way.

    Examples
    --------
    >>> sorted(scan_numbers("1-3,7"))
    [1, 2, 3, 7]
    """
    found: set[int] = set()
    for part in scans.split(","):
        ends = _NUMBERS.fullmatch(part)
        if ends is None:
            return None
        found.update(range(int(ends[1]), int(ends[2] or ends[1]) + 1))
    return frozenset(found)


def scan_list(scans: str | int | Iterable[int]) -> str:
    """Write a choice of scans as mk5cp reads it: numbers become ranges, a text stays as it is.

    Raises
    ------
    ValueError
        No scan at all, or a number below 1.

    Examples
    --------
    >>> scan_list([1, 2, 3, 7])
    '1-3,7'
    """
    if isinstance(scans, str):
        return scans
    numbers = sorted({scans} if isinstance(scans, int) else set(scans))
    if not numbers or numbers[0] < 1:
        raise ValueError(f"scans are counted from 1, and at least one is copied; got {scans!r}")
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in runs)
