# SPDX-License-Identifier: GPL-3.0-or-later
"""The main connection: packets 1-24 become typed events, and events become packets.

Several ids mean different things going up and going down, so each direction has its own decoder. The XML
inside packets 1-3 stays bytes here; `difxnb.wire.message` understands it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from difxnb.errors import ProtocolError
from difxnb.wire.events import (
    AccessRefused,
    AccessToken,
    AvailableVersion,
    ChannelData,
    ChannelOpened,
    ChannelsOff,
    ChannelsOn,
    ClientEvent,
    Command,
    ControlId,
    DifxBase,
    DifxVersion,
    EnvironmentVariable,
    FileListRequest,
    MessageSelection,
    MulticastSettings,
    Notice,
    NoticeSeverity,
    RelayCommand,
    Relayed,
    RelaySwitch,
    RunLabel,
    ServerEvent,
    ServerUser,
    ServerVersion,
    SetupPath,
    StartMonitor,
    StatusRequest,
    VersionRequest,
    VersionsComplete,
)
from difxnb.wire.packet import (
    Packet,
    UnknownPacket,
    decode_int,
    decode_text,
    encode_int,
    encode_packet,
    encode_text,
    packet_chunks,
)

__all__ = [
    "AccessRefused",
    "AccessToken",
    "AvailableVersion",
    "ChannelData",
    "ChannelOpened",
    "ChannelsOff",
    "ChannelsOn",
    "ClientEvent",
    "Command",
    "ControlId",
    "DifxBase",
    "DifxVersion",
    "EnvironmentVariable",
    "FileListRequest",
    "MessageSelection",
    "MulticastSettings",
    "Notice",
    "NoticeSeverity",
    "RelayCommand",
    "RelaySwitch",
    "Relayed",
    "RunLabel",
    "ServerEvent",
    "ServerUser",
    "ServerVersion",
    "SetupPath",
    "StartMonitor",
    "StatusRequest",
    "UnknownPacket",
    "VersionRequest",
    "VersionsComplete",
    "decode_from_client",
    "decode_from_server",
    "encode",
    "packet_chunks",
]


def decode_from_server(packet: Packet) -> ServerEvent:
    """Read a packet that a client receives.

    Raises
    ------
    ProtocolError
        The payload of a channel packet is too short or too long. Unknown ids, and ids that only clients
        send, give UnknownPacket and never an error.
    """
    read = _FROM_SERVER.get(packet.id)
    return UnknownPacket(packet.id, packet.payload) if read is None else read(packet.payload)


def decode_from_client(packet: Packet) -> ClientEvent:
    """Read a packet that a server receives.

    Raises
    ------
    ProtocolError
        A payload with numbers in it does not have the length those ask for, or holds a negative length.
        Unknown ids, and ids that only servers send, give UnknownPacket and never an error.
    """
    read = _FROM_CLIENT.get(packet.id)
    return UnknownPacket(packet.id, packet.payload) if read is None else read(packet.payload)


def encode(event: ServerEvent | ClientEvent) -> bytes:
    """Write an event as one whole packet.

    Raises
    ------
    ValueError
        A number does not fit into 32 bits, or a text for the server holds a NUL, where it would be cut.
    """
    return encode_packet(*_body(event))


def _environment(payload: bytes) -> EnvironmentVariable:
    name, _, value = decode_text(payload).partition("=")
    return EnvironmentVariable(name, value)


def _channel_data(payload: bytes) -> ChannelData:
    return ChannelData(decode_int(payload[:4], "the channel number of CHANNEL_DATA"), payload[4:])


def _multicast(payload: bytes) -> MulticastSettings:
    group, line_feed, port = decode_text(payload).partition("\n")
    # The original client ends the port with a line feed as well.
    digits = port.strip()
    known = digits.isascii() and digits.isdigit() and len(digits) <= 5 and int(digits) < 2**16
    if not (line_feed and known):
        raise ProtocolError(
            f"MULTICAST_SETTINGS_PACKET should be GROUP, line feed, PORT; got {payload[:60]!r}"
        )
    return MulticastSettings(group, int(digits))


def _selection(payload: bytes) -> MessageSelection:
    text = decode_text(payload)
    return MessageSelection(tuple(text.split("\n")) if text else ())


class _Fields:
    """Takes the fields of packets 23 and 24 one after the other off a payload."""

    def __init__(self, payload: bytes, what: str) -> None:
        self._payload, self._what, self._at = payload, what, 0

    def integer(self) -> int:
        return decode_int(self._take(4), self._what)

    def text(self) -> str:
        return decode_text(self._take(self.integer()))

    def count(self) -> int:
        # An entry takes at least the four bytes of its length: a lying count is found before it costs.
        number = self.integer()
        if not 0 <= number <= (len(self._payload) - self._at) // 4:
            raise ProtocolError(f"{self._what} of {len(self._payload)} bytes announces {number} entries")
        return number

    def end(self) -> None:
        left = len(self._payload) - self._at
        if left:
            raise ProtocolError(f"{self._what} has {left} bytes more than its fields")

    def _take(self, length: int) -> bytes:
        end = self._at + length
        if not self._at <= end <= len(self._payload):
            raise ProtocolError(
                f"{self._what}: a field of {length} bytes at byte {self._at} of {len(self._payload)}"
            )
        taken, self._at = self._payload[self._at : end], end
        return taken


def _file_list(payload: bytes) -> FileListRequest:
    fields = _Fields(payload, "GENERATE_FILELIST")
    files = tuple(fields.text() for _ in range(fields.count()))
    request = FileListRequest(
        files, fields.text(), fields.text(), fields.integer(), fields.text(), fields.integer()
    )
    fields.end()
    return request


def _status(payload: bytes) -> StatusRequest:
    fields = _Fields(payload, "GET_JOB_STATUS")
    request = StatusRequest(fields.integer() != 0, fields.text(), fields.text(), fields.integer())
    fields.end()
    return request


_FROM_SERVER: dict[int, Callable[[bytes], ServerEvent]] = {
    ControlId.RELAY_PACKET: Relayed,
    ControlId.INFORMATION_PACKET: lambda p: Notice(NoticeSeverity.INFORMATION, decode_text(p)),
    ControlId.WARNING_PACKET: lambda p: Notice(NoticeSeverity.WARNING, decode_text(p)),
    ControlId.ERROR_PACKET: lambda p: Notice(NoticeSeverity.ERROR, decode_text(p)),
    ControlId.GUISERVER_VERSION: lambda p: ServerVersion(decode_text(p)),
    ControlId.GUISERVER_DIFX_VERSION: lambda p: DifxVersion(decode_text(p)),
    ControlId.AVAILABLE_DIFX_VERSION: lambda p: AvailableVersion(decode_text(p)),
    ControlId.DIFX_BASE: lambda p: DifxBase(decode_text(p)),
    ControlId.GUISERVER_ENVIRONMENT: _environment,
    ControlId.GUISERVER_USER: lambda p: ServerUser(decode_text(p)),
    ControlId.CHANNEL_ALL_DATA: lambda p: VersionsComplete(),
    ControlId.CHANNEL_CONNECTION: lambda p: ChannelOpened(decode_int(p, "CHANNEL_CONNECTION")),
    ControlId.CHANNEL_DATA: _channel_data,
    ControlId.ACCESS_TOKEN: lambda p: AccessRefused(decode_text(p)),
}

_FROM_CLIENT: dict[int, Callable[[bytes], ClientEvent]] = {
    ControlId.RELAY_PACKET: lambda p: RelaySwitch(decode_int(p, "RELAY_PACKET") != 0),
    ControlId.RELAY_COMMAND_PACKET: RelayCommand,
    ControlId.COMMAND_PACKET: Command,
    ControlId.MULTICAST_SETTINGS_PACKET: _multicast,
    ControlId.GUISERVER_VERSION: lambda p: VersionRequest(),
    ControlId.DIFX_SETUP_PATH: lambda p: SetupPath(decode_text(p)),
    ControlId.START_DIFX_MONITOR: lambda p: StartMonitor(decode_int(p, "START_DIFX_MONITOR")),
    ControlId.DIFX_RUN_LABEL: lambda p: RunLabel(decode_text(p)),
    ControlId.MESSAGE_SELECTION_PACKET: _selection,
    ControlId.CHANNEL_ALL_DATA_ON: lambda p: ChannelsOn(),
    ControlId.CHANNEL_ALL_DATA_OFF: lambda p: ChannelsOff(),
    ControlId.CHANNEL_DATA: _channel_data,
    ControlId.GENERATE_FILELIST: _file_list,
    ControlId.GET_JOB_STATUS: _status,
    ControlId.ACCESS_TOKEN: lambda p: AccessToken(decode_text(p)),
}


def _body(event: ServerEvent | ClientEvent) -> tuple[int, bytes]:
    if isinstance(event, UnknownPacket):
        return event.id, event.payload
    packet_id, write = _WRITERS[type(event)]
    return (event.severity if isinstance(event, Notice) else packet_id), write(event)


def _whole(text: str) -> bytes:
    """Write a text for the server, which would cut it at a NUL without a word."""
    if "\0" in text:
        raise ValueError(f"a NUL would cut this text on the server: {text!r}")
    return encode_text(text)


def _cut(text: str) -> bytes:
    """Write a text from the server; output of programs may hold a NUL, and ends there as in a C string."""
    return encode_text(text.partition("\0")[0])


def _lstring(text: str) -> bytes:
    content = _whole(text)
    return encode_int(len(content)) + content


def _encode_file_list(event: FileListRequest) -> bytes:
    parts = [encode_int(len(event.files)), *map(_lstring, event.files)]
    parts += [_lstring(event.destination), _lstring(event.data_format), encode_int(event.reference_mjd)]
    return b"".join([*parts, _lstring(event.address), encode_int(event.port)])


def _encode_status(event: StatusRequest) -> bytes:
    parts = [encode_int(int(event.short)), _lstring(event.pattern)]
    return b"".join([*parts, _lstring(event.address), encode_int(event.port)])


def _encode_channel_data(event: ChannelData) -> bytes:
    return encode_int(event.channel) + event.data


def _nothing(event: object) -> bytes:
    return b""


# Any: the key says which type the function takes, which a dict cannot express.
_WRITERS: dict[type, tuple[int, Callable[[Any], bytes]]] = {
    # server to client
    ServerVersion: (ControlId.GUISERVER_VERSION, lambda e: _cut(e.text)),
    DifxVersion: (ControlId.GUISERVER_DIFX_VERSION, lambda e: _cut(e.text)),
    AvailableVersion: (ControlId.AVAILABLE_DIFX_VERSION, lambda e: _cut(e.text)),
    DifxBase: (ControlId.DIFX_BASE, lambda e: _cut(e.text)),
    ServerUser: (ControlId.GUISERVER_USER, lambda e: _cut(e.text)),
    EnvironmentVariable: (ControlId.GUISERVER_ENVIRONMENT, lambda e: _cut(f"{e.name}={e.value}")),
    VersionsComplete: (ControlId.CHANNEL_ALL_DATA, _nothing),
    Relayed: (ControlId.RELAY_PACKET, lambda e: bytes(e.payload)),
    Notice: (ControlId.INFORMATION_PACKET, lambda e: _cut(e.text)),
    ChannelOpened: (ControlId.CHANNEL_CONNECTION, lambda e: encode_int(e.channel)),
    AccessRefused: (ControlId.ACCESS_TOKEN, lambda e: _cut(e.reason)),
    # both ways
    ChannelData: (ControlId.CHANNEL_DATA, _encode_channel_data),
    # client to server
    VersionRequest: (ControlId.GUISERVER_VERSION, _nothing),
    RelaySwitch: (ControlId.RELAY_PACKET, lambda e: encode_int(int(e.on))),
    RelayCommand: (ControlId.RELAY_COMMAND_PACKET, lambda e: bytes(e.payload)),
    Command: (ControlId.COMMAND_PACKET, lambda e: bytes(e.payload)),
    MulticastSettings: (ControlId.MULTICAST_SETTINGS_PACKET, lambda e: _whole(f"{e.group}\n{e.port}")),
    SetupPath: (ControlId.DIFX_SETUP_PATH, lambda e: _whole(e.text)),
    StartMonitor: (ControlId.START_DIFX_MONITOR, lambda e: encode_int(e.port)),
    RunLabel: (ControlId.DIFX_RUN_LABEL, lambda e: _whole(e.text)),
    MessageSelection: (ControlId.MESSAGE_SELECTION_PACKET, lambda e: _whole("\n".join(e.lines))),
    ChannelsOn: (ControlId.CHANNEL_ALL_DATA_ON, _nothing),
    ChannelsOff: (ControlId.CHANNEL_ALL_DATA_OFF, _nothing),
    FileListRequest: (ControlId.GENERATE_FILELIST, _encode_file_list),
    StatusRequest: (ControlId.GET_JOB_STATUS, _encode_status),
    AccessToken: (ControlId.ACCESS_TOKEN, lambda e: _whole(e.text)),
}
