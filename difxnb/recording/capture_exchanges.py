# SPDX-License-Identifier: GPL-3.0-or-later
"""Side conversations of captured traffic to records: starts of jobs, live monitors, and job files that were fetched.

In: what a client asked for, and the bytes of both directions of what followed. Out: the records that a recording of it
would have. Mirrors guiserver.md 7.3, 7.4 and 7.13.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Protocol

from difxnb.errors import ProtocolError
from difxnb.formats.journal import Kind
from difxnb.formats.journal_content import (
    Chosen,
    File,
    Listed,
    encode_block,
    encode_chosen,
    encode_facts,
    encode_file,
    encode_listed,
)
from difxnb.recording.records import KeptRecords
from difxnb.wire.control import ClientEvent, Command, FileListRequest, StartMonitor, StatusRequest
from difxnb.wire.files import DownloadReader
from difxnb.wire.job import JobEvent, decode_job
from difxnb.wire.message import FileTransfer, Message, Start, parse
from difxnb.wire.monitor import (
    CloseConnection,
    EndProductRequests,
    InputFilePath,
    MonitorReader,
    MonitorText,
    ProductListReader,
    ProductRequest,
    StartProductRequests,
    body_length,
    corrected_offsets,
    decode_request,
)
from difxnb.wire.packet import Packet, PacketReader

_JOB_FILES = {".input": "input", ".calc": "calc", ".im": "im"}
_IDENTIFIER = 31
_MOST_CONTENT = 32 * 2**20
_CHECK_ONLY = "CONFIG_ONLY"
_USUAL_LIMIT = 256 * 2**20


class Exchange(Protocol):
    """A conversation beside the main one."""

    def say(self, data: bytes, time: float) -> None:
        """Take bytes of the client."""

    def hear(self, data: bytes, time: float) -> None:
        """Take bytes of the server; ProtocolError where they cannot be."""


def exchange_for(
    event: ClientEvent, records: KeptRecords, number: int, time: float
) -> tuple[int, Exchange] | None:
    """The channel or port that a request names, and who understands what follows; None where nothing follows.

    `number` is what runs and monitors are told apart by.
    """
    if isinstance(event, StartMonitor):
        return event.port, _MonitorExchange(records, number)
    if isinstance(event, FileListRequest | StatusRequest):
        return event.port, _Unread()
    if not isinstance(event, Command):
        return None
    message = parse(event.payload)
    body = message.body if isinstance(message, Message) else None
    port = getattr(body, "port", None)
    if not isinstance(port, int):
        return None
    if isinstance(body, Start) and body.input and body.function != _CHECK_ONLY:
        return port, _JobExchange(records, number, body.input, time)
    if isinstance(body, FileTransfer) and (body.direction or "").startswith("from"):
        return port, _Fetch(records, body.origin or "")
    return port, _Unread()


class _Unread:
    """Nothing that a recording would keep."""

    def say(self, data: bytes, time: float) -> None:
        """Take bytes of the client."""

    def hear(self, data: bytes, time: float) -> None:
        """Take bytes of the server."""


class _Fetch(_Unread):
    """A file that is fetched; kept where it belongs to a job."""

    def __init__(self, records: KeptRecords, path: str) -> None:
        self._records, self._path = records, path
        self._what = _JOB_FILES.get(PurePosixPath(path).suffix, "")
        self._reader = DownloadReader()

    def hear(self, data: bytes, time: float) -> None:
        """Take bytes of the server."""
        if not self._what or self._reader.received > _MOST_CONTENT:
            return
        was_complete = self._reader.complete
        self._reader.receive_data(data)
        if self._reader.complete and not was_complete and (self._reader.size or 0) > 0:
            text = self._reader.take().decode("utf-8", "replace")
            self._records.put(Kind.FILE, time, encode_file(File(self._what, self._path, text)))


def _packets(reader: PacketReader, data: bytes) -> Iterator[Packet]:
    reader.receive_data(data)
    while (packet := reader.next_packet()) is not None:
        yield packet


class _JobExchange(_Unread):
    """A start, and what became of it."""

    def __init__(self, records: KeptRecords, number: int, input_file: str, time: float) -> None:
        self._records, self._number, self._reader = records, number, PacketReader()
        job = PurePosixPath(input_file).stem[:_IDENTIFIER]
        facts = encode_facts(run=self._number, event="begin", job=job, input_file=input_file, notes=[])
        records.put(Kind.RUN, time, facts)

    def hear(self, data: bytes, time: float) -> None:
        """Take bytes of the server."""
        for packet in _packets(self._reader, data):
            event = decode_job(packet)
            if isinstance(event, JobEvent):
                facts = encode_facts(run=self._number, event="said", id=int(event.id), text=event.text)
                self._records.put(Kind.RUN, time, facts)


class _MonitorExchange:
    """A live monitor."""

    def __init__(self, records: KeptRecords, number: int) -> None:
        self._records, self._number = records, number
        self._said, self._heard = PacketReader(), PacketReader(body_length=body_length)
        self._list, self._reader = ProductListReader(), MonitorReader()
        self._numbers: list[int] = []
        self._is_introduced = self._has_list = self._has_begun = False

    def say(self, data: bytes, time: float) -> None:
        """Take bytes of the client."""
        for packet in _packets(self._said, data):
            match decode_request(packet):
                case InputFilePath(path):
                    self._introduce(path, time)
                case StartProductRequests():
                    self._numbers = []
                case ProductRequest(number):
                    self._numbers.append(number)
                case EndProductRequests() if self._is_introduced:
                    self._choose(time)
                case CloseConnection() if self._is_introduced:
                    self._tell("closed", time)

    def hear(self, data: bytes, time: float) -> None:
        """Take bytes of the server."""
        if not self._is_introduced:
            raise ProtocolError("a monitor that nobody has named a job to")
        for packet in _packets(self._heard, data):
            if not self._has_list and self._list.add(packet):
                self._take_list(time)
                continue
            item = self._reader.add(packet)
            if isinstance(item, MonitorText):
                facts = encode_facts(monitor=self._number, event="text", id=item.id, text=item.text)
                self._records.put(Kind.MONITOR, time, facts)
            elif item is not None:
                self._records.put(Kind.BLOCK, time, encode_block(self._number, item))

    def _introduce(self, path: str, time: float) -> None:
        job = PurePosixPath(path).stem
        facts = {"job": job, "input_file": path, "limit_bytes": _USUAL_LIMIT}
        self._records.put(Kind.MONITOR, time, encode_facts(monitor=self._number, event="begin", **facts))
        self._is_introduced = True

    def _take_list(self, time: float) -> None:
        """Take the list, when it is whole."""
        self._has_list = self._list.complete
        if not self._has_list:
            return
        products = tuple(corrected_offsets(self._list.products))
        listed = Listed(self._number, tuple(self._list.scans), products)
        self._records.put(Kind.OFFER, time, encode_listed(listed))

    def _choose(self, time: float) -> None:
        products = self._list.products
        scan = products[0].scan if products else 0
        chosen = Chosen(self._number, tuple(dict.fromkeys(self._numbers)), scan, None, ())
        self._records.put(Kind.CHOICE, time, encode_chosen(chosen))
        self._tell("selected" if self._has_begun else "opened", time, f"{len(chosen.numbers)} products")
        self._has_begun = True

    def _tell(self, name: str, time: float, text: str = "") -> None:
        facts = encode_facts(monitor=self._number, event="event", name=name, text=text)
        self._records.put(Kind.MONITOR, time, facts)
