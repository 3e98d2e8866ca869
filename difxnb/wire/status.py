# SPDX-License-Identifier: GPL-3.0-or-later
"""The exchange of a job status request: packets 101-111 become records, and records become packets.

A reply gives the server's local time, then for every ``.input`` file found its name and what its
``.difxlog`` last said. All packets go from the server to the client.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

from difxnb.errors import ProtocolError
from difxnb.wire.packet import Packet, decode_text, encode_text, packet_chunks

MAX_RECORDS = 100_000

# Length of a time as C's ctime() writes it, "Thu Mar 12 10:20:32 2015".
TIME_LENGTH = 24
# guiServer reads a log line into a field of this many bytes and cuts the rest.
MAX_STATUS = 99

# What mpifxcorr and guiServer call a job's states; a log may hold others, which are passed on as they are.
STATES = (
    "Spawning",
    "Starting",
    "Running",
    "Ending",
    "Done",
    "Aborting",
    "Terminating",
    "Terminated",
    "MpiDone",
    "Crashed",
)


class StatusId(IntEnum):
    """Packet ids of the exchange: guiServer's names without their prefix ``GET_JOB_STATUS_``."""

    TASK_ENDED_GRACEFULLY = 101
    TASK_STARTED = 102
    INPUT_FILE_NAME = 104
    NO_DIFXLOG = 105
    STATUS = 106
    OPEN_ERROR = 107
    NO_STATUS = 108
    TASK_TERMINATED = 109
    TIME_STRING = 110
    FORK_FAILED = 111


_TERMINAL = frozenset({StatusId.TASK_ENDED_GRACEFULLY, StatusId.TASK_TERMINATED, StatusId.FORK_FAILED})
_KINDS = {
    StatusId.NO_DIFXLOG: "no_log",
    StatusId.STATUS: "status",
    StatusId.OPEN_ERROR: "open_error",
    StatusId.NO_STATUS: "no_status",
}
_IDS = {kind: status_id for status_id, kind in _KINDS.items()}


@dataclass(frozen=True, slots=True)
class JobStatusRecord:
    """What the server knows of one job.

    Attributes
    ----------
    input_file : str
        Path of the ``.input`` file on the server.
    kind : str
        ``"status"``, ``"no_log"`` (never started through guiServer), ``"no_status"`` (log without a state)
        or ``"open_error"``.
    time_text : str
        When the state was logged: ctime form, local time of the server, no zone. Empty unless ``"status"``.
    state, message : str
        One of `STATES` as a rule, and the text with it; empty unless ``"status"``.
    """

    input_file: str
    kind: str
    time_text: str = ""
    state: str = ""
    message: str = ""


def encode_status(status_id: StatusId, text: str = "") -> list[bytes]:
    """Write one packet as the elementary writes of guiServer: id, length, and the text unless empty."""
    return packet_chunks(status_id, encode_text(text))


def encode_record(record: JobStatusRecord) -> list[bytes]:
    """Write the two packets of one job; ValueError for a kind that does not exist."""
    if record.kind not in _IDS:
        raise ValueError(f"kind of a job status must be one of {', '.join(_IDS)}; got {record.kind!r}")
    text = _status_text(record) if record.kind == "status" else ""
    return encode_status(StatusId.INPUT_FILE_NAME, record.input_file) + encode_status(_IDS[record.kind], text)


def encode_reply(server_time: str, records: Iterable[JobStatusRecord]) -> list[bytes]:
    """Write a whole reply; `server_time` is in ctime form without line feed."""
    pieces = encode_status(StatusId.TASK_STARTED) + encode_status(StatusId.TIME_STRING, server_time)
    for record in records:
        pieces += encode_record(record)
    return pieces + encode_status(StatusId.TASK_ENDED_GRACEFULLY)


def _status_text(record: JobStatusRecord) -> str:
    text = f"{record.time_text:<{TIME_LENGTH}.{TIME_LENGTH}}{record.state}  {record.message}"
    return text.encode("utf-8", "surrogateescape")[:MAX_STATUS].decode("utf-8", "ignore")


class StatusReader:
    """Collects a reply.

    Attributes
    ----------
    started, complete : bool
        102 seen; terminal packet seen, after which nothing changes any more.
    failed : bool
        The server could not do it (109, 111); the records are those it managed.
    server_time : str or None
        Local time of the server in ctime form.
    records : list of JobStatusRecord
    """

    def __init__(self, *, max_records: int = MAX_RECORDS) -> None:
        self.started = False
        self.complete = False
        self.failed = False
        self.server_time: str | None = None
        self.records: list[JobStatusRecord] = []
        self._max_records = max_records
        self._input_file: str | None = None

    def add(self, packet: Packet) -> None:
        """Take in one packet; unknown ids, and whatever follows the terminal one, are passed over.

        Raises
        ------
        ProtocolError
            A state comes without the file it belongs to, or there are more records than accepted.
        """
        if packet.id not in StatusId.__members__.values() or self.complete:
            return
        status_id = StatusId(packet.id)
        if status_id in _TERMINAL:
            self._end_record()
            self.complete = True
            self.failed = status_id is not StatusId.TASK_ENDED_GRACEFULLY
        elif status_id in _KINDS:
            self._record(status_id, decode_text(packet.payload))
        else:
            self._note(status_id, decode_text(packet.payload))

    def _note(self, status_id: StatusId, text: str) -> None:
        if status_id is StatusId.TASK_STARTED:
            self.started = True
        elif status_id is StatusId.TIME_STRING:
            self.server_time = text
        elif status_id is StatusId.INPUT_FILE_NAME:
            self._end_record()
            self._input_file = text

    def _record(self, status_id: StatusId, text: str) -> None:
        if self._input_file is None:
            raise ProtocolError(f"a job status ({status_id.name}) came without the name of its input file")
        input_file, self._input_file = self._input_file, None
        if status_id is StatusId.STATUS:
            state, _, message = text[TIME_LENGTH:].partition("  ")
            self._keep(
                JobStatusRecord(input_file, "status", text[:TIME_LENGTH].strip(), state.strip(), message)
            )
        else:
            self._keep(JobStatusRecord(input_file, _KINDS[status_id]))

    def _end_record(self) -> None:
        """Keep a file that was named and then left without a word about it."""
        if self._input_file is not None:
            self._keep(JobStatusRecord(self._input_file, "no_status"))
            self._input_file = None

    def _keep(self, record: JobStatusRecord) -> None:
        if len(self.records) >= self._max_records:
            raise ProtocolError(f"a job status reply holds more than {self._max_records} records")
        self.records.append(record)
