# SPDX-License-Identifier: GPL-3.0-or-later
"""The exchange of a file list: packets 100-112 become events, and events a result (guiserver.md 7.11).

The server asks one question, and the answer is a bare integer: 4 bytes, no packet.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from difxnb.errors import ProtocolError
from difxnb.wire.packet import (
    Packet,
    UnknownPacket,
    decode_int,
    decode_text,
    encode_int,
    encode_text,
    packet_chunks,
)

FORMATS = ("MKIV", "VLBA", "MARK5B", "VDIF")
"""Beginnings of the data formats that guiServer knows."""

MAX_DESTINATION = 2047
"""Bytes of the name of a list that guiServer keeps."""

MAX_RESULTS = 100_000
"""Files that a conversation keeps the times of."""


class FileListId(IntEnum):
    """Packet ids of the exchange: guiServer's names without their prefix ``GENERATE_FILELIST_``."""

    TASK_TERMINATED = 100
    TASK_ENDED_GRACEFULLY = 101
    TASK_STARTED = 102
    DESTINATION_EXISTS = 103
    FINAL_NAME = 104
    PATH_ACCESS_FAILURE = 105
    OVERWRITE = 106
    CANCEL = 107
    OPEN_ERROR = 108
    BAD_FORMAT = 109
    PROCESSED_COUNT = 110
    FILE_RESULT = 111
    ERRORS_ENCOUNTERED = 112


OVERWRITE = encode_int(FileListId.OVERWRITE)
"""Answer to DESTINATION_EXISTS: replace the file."""
CANCEL = encode_int(FileListId.CANCEL)
"""Answer to DESTINATION_EXISTS: leave it alone. Anything but this means to replace it."""


@dataclass(frozen=True, slots=True)
class FileListEvent:
    """One packet of the exchange; `text` is a path, an error or a line, `count` the number of PROCESSED_COUNT."""

    id: FileListId
    text: str = ""
    count: int = 0


def decode_file_list(packet: Packet) -> FileListEvent | UnknownPacket:
    """Read a packet of the exchange.

    Raises
    ------
    ProtocolError
        The count is not 4 bytes long.
    """
    try:
        event_id = FileListId(packet.id)
    except ValueError:
        return UnknownPacket(packet.id, packet.payload)
    if event_id is FileListId.PROCESSED_COUNT:
        return FileListEvent(event_id, count=decode_int(packet.payload, "the number of files in a list"))
    return FileListEvent(event_id, decode_text(packet.payload))


def encode_file_list(event: FileListEvent) -> list[bytes]:
    """Write an event as the elementary writes of guiServer."""
    if event.id is FileListId.PROCESSED_COUNT:
        return packet_chunks(event.id, encode_int(event.count))
    return packet_chunks(event.id, encode_text(event.text))


@dataclass(frozen=True, slots=True)
class Recording:
    """A line of a file list.

    Attributes
    ----------
    file : str
    start_mjd, stop_mjd : float
        UTC; 0 for both where a server could not read the file and lists it all the same.
    """

    file: str
    start_mjd: float
    stop_mjd: float

    @property
    def line(self) -> str:
        """As vex2difx reads it."""
        return f"{self.file} {self.start_mjd:.8f} {self.stop_mjd:.8f}"


def parse_recording(line: str) -> Recording | None:
    """Read a line of a list; None where it is none."""
    words = line.rsplit(None, 2)
    if len(words) != 3:
        return None
    try:
        return Recording(words[0], float(words[1]), float(words[2]))
    except ValueError:
        return None


class FileListConversation:
    """What the packets received so far say about the list.

    Attributes
    ----------
    started, complete : bool
        102 seen; terminal packet (100 or 101) seen, after which nothing changes any more.
    ok : bool or None
        Whether the list was written; None until `complete`.
    asked : str or None
        Path of the file that is in the way, for as long as the server waits for an answer.
    existed : str or None
        Path of the file that was in the way.
    final_name : str or None
        Path that the server writes to.
    recordings : list of Recording
    unread : list of str
        Results that are no line of a list.
    processed : int or None
        How many files the server counted.
    had_errors : bool
        It met errors with single files, which it tells on the main connection.
    failure : FileListId or None
        The packet that said why there is no list.
    """

    def __init__(self) -> None:
        self.started = self.complete = self.had_errors = False
        self.ok: bool | None = None
        self.asked: str | None = None
        self.existed: str | None = None
        self.final_name: str | None = None
        self.recordings: list[Recording] = []
        self.unread: list[str] = []
        self.processed: int | None = None
        self.failure: FileListId | None = None
        self._detail = ""

    def add(self, event: FileListEvent | UnknownPacket) -> str | None:
        """Take in one event; gives a line to show, where there is one.

        Raises
        ------
        ProtocolError
            More results than there can be files.
        """
        if isinstance(event, UnknownPacket) or self.complete:
            return None
        match event.id:
            case FileListId.FILE_RESULT:
                self._keep(event.text)
                return event.text
            case FileListId.PATH_ACCESS_FAILURE | FileListId.OPEN_ERROR | FileListId.BAD_FORMAT:
                self.failure, self._detail = event.id, event.text.strip()
            case FileListId.DESTINATION_EXISTS:
                self.asked = self.existed = event.text
            case _:
                self._note(event)
        return None

    def answered(self) -> None:
        """Note that the question was answered."""
        self.asked = None

    @property
    def refusal_text(self) -> str | None:
        """Why there is no list; None unless that is so."""
        if self.ok is not False:
            return None
        meaning = {
            FileListId.PATH_ACCESS_FAILURE: "the server may not look at",
            FileListId.OPEN_ERROR: "the list cannot be written:",
            FileListId.BAD_FORMAT: "the server does not know the format",
        }
        if self.failure is None:
            return "the server ended the task and gave no reason"
        return f"{meaning[self.failure]} {self._detail}"

    def _keep(self, line: str) -> None:
        if len(self.recordings) + len(self.unread) >= MAX_RESULTS:
            raise ProtocolError(f"a file list reports more than {MAX_RESULTS} files")
        recording = parse_recording(line)
        if recording is None:
            self.unread.append(line)
        else:
            self.recordings.append(recording)

    def _note(self, event: FileListEvent) -> None:
        match event.id:
            case FileListId.TASK_STARTED:
                self.started = True
            case FileListId.TASK_TERMINATED | FileListId.TASK_ENDED_GRACEFULLY:
                self.complete = True
                self.ok = event.id is FileListId.TASK_ENDED_GRACEFULLY
            case FileListId.FINAL_NAME:
                self.final_name = event.text
            case FileListId.PROCESSED_COUNT:
                self.processed = event.count
            case FileListId.ERRORS_ENCOUNTERED:
                self.had_errors = True
