# SPDX-License-Identifier: GPL-3.0-or-later
"""One client's main connection as a conversation: bytes come in, actions for the shell go out.

Nothing here does I/O or looks at a clock. What a client switches (relay, selection, channel mode, network) is
kept here; everything with an effect outside is returned as an action, in the order of the packets
(guiserver.md 3.3 and 4).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from difxnb.errors import ProtocolError
from difxnb.server.actions import (
    Action,
    Begin,
    ChangeFiles,
    Channel,
    ChannelBytes,
    Close,
    DialBack,
    Publish,
    Recall,
    Reply,
    Side,
    StartJob,
    StopJob,
    Threaded,
)
from difxnb.server.greeting import Greeting, error_notice, warning_notice
from difxnb.server.quirks import LOSING_TIME, Quirks
from difxnb.server.read_only import changes_something, command_changes_something, refusal
from difxnb.server.relay import DEFAULT_NETWORK, Document, Network, Selection, checked_network
from difxnb.wire import control
from difxnb.wire.message import (
    FileOperation,
    FileTransfer,
    GetDirectory,
    MachinesDefinition,
    Mark5Copy,
    Message,
    Mk5Control,
    Start,
    Stop,
    Unparsed,
    Vex2DifxRun,
    parse,
)
from difxnb.wire.packet import Packet, PacketReader, StreamPart

MAX_PAYLOAD = 16 * 2**20
"""Longest packet accepted from a client, bytes."""

MAX_COMMAND = 93712
"""Longest XML command; the size of the real parser's structure (guiserver.md 1.3)."""

_MAX_SETUP_PATH = 4095

_TYPE_NAMES = (
    *("", "DifxLoadMessage", "DifxAlertMessage", "Mark6StatusMessage", "Mark6SlotStatusMessage"),
    *("Mark5StatusMessage", "DifxStatusMessage", "DifxInfoMessage", "DifxDatastreamMessage", "DifxCommand"),
    *("DifxParameter", "DifxStart", "DifxStop", "Mark5VersionMessage", "Mark5ConditionMessage"),
    *("DifxTransientMessage", "DifxSmartMessage", "Mark5DriveStatsMessage", "DifxDiagnosticMessage"),
    *("DifxFileTransfer", "DifxFileOperation", "DifxVex2DifxRun", "DifxMachinesDefinition"),
    *("DifxGetDirectory", "DifxMk5Control", "DifxMark5Copy", "DifxVsis", "Mark6ActivityMessage"),
)
TYPE_NUMBERS = {name: number for number, name in enumerate(_TYPE_NAMES)}
"""Numbers that the real server calls message types by (guiserver.md 5.3)."""


class Conversation:
    """State of one main connection.

    Parameters
    ----------
    greeting : Greeting
    peer : str
        Address of the client; side connections of TCP mode go there and nowhere else.
    quirks : Quirks
    connected : float
        When the connection was made, on the clock that `receive_data` is given.
    network : tuple of (str, int)
        Group and port that the connection listens and sends to until it says otherwise.
    max_payload : int
        Longest packet accepted, bytes.
    read_only : bool
        Whether everything is refused that changes anything.

    Attributes
    ----------
    packets : int
        How many came.
    selection : Selection
    network : tuple of (str, int)
    channels : bool
        Whether side connections run inside the main connection.
    setup_path, run_label : str
        What the client sent; nothing here needs it.
    """

    def __init__(
        self,
        greeting: Greeting,
        *,
        peer: str = "127.0.0.1",
        quirks: Quirks | None = None,
        connected: float = 0.0,
        network: Network = DEFAULT_NETWORK,
        max_payload: int = MAX_PAYLOAD,
        read_only: bool = False,
    ) -> None:
        self.selection = Selection()
        self.network = network
        self.channels = False
        self.setup_path = self.run_label = ""
        self._greeting, self._peer = greeting, peer
        self._deaf_until = connected + LOSING_TIME if quirks and quirks.lost_packets else float("-inf")
        self._reader = PacketReader(max_payload=max_payload, joined_id=control.ControlId.CHANNEL_DATA)
        self._read_only = read_only
        self.packets = 0

    def receive_data(self, data: bytes, now: float = 0.0) -> Iterator[Action]:
        """Take bytes of the client and give what is to be done, in order.

        The iterator must be used up before the next call. It never raises for what a client sends.
        """
        self._reader.receive_data(data)
        while True:
            try:
                packet = self._reader.next_packet()
            except ProtocolError as error:
                yield Close(error_notice(f"this is not guiServer's protocol: {error}"))
                return
            if packet is None:
                return
            self.packets += 1
            if now >= self._deaf_until:
                yield from self._answer(packet)

    def relayed(self, document: Document) -> bytes | None:
        """The packet that brings a document to this client; None when it does not want it."""
        if not self.selection.wants(document.selection_type):
            return None
        return document.packet

    def _answer(self, packet: Packet) -> Iterator[Action]:
        if isinstance(packet, StreamPart):
            yield ChannelBytes(packet.number, packet.payload)
            return
        try:
            event = control.decode_from_client(packet)
        except ProtocolError as error:
            yield Reply(error_notice(str(error)))
            return
        if self._read_only and changes_something(event):
            yield Reply(error_notice(refusal(type(event).__name__)))
        else:
            yield from self._handle(event)

    def _handle(self, event: control.ClientEvent) -> Iterator[Action]:
        match event:
            case control.VersionRequest():
                yield Reply(self._greeting.encode())
            case control.RelayCommand(payload):
                yield Publish(payload, self.network)
            case control.Command(payload):
                yield from self._command(payload)
            case control.ChannelData(channel, data):
                yield ChannelBytes(channel, data)
            case control.StartMonitor(port):
                yield from self._begin(event, "", port)
            case control.StatusRequest():
                yield from self._begin(event, event.address, event.port)
            case control.FileListRequest():
                yield from self._begin(event, event.address, event.port)
            case _:
                yield from self._switch(event)

    def _switch(self, event: control.ClientEvent) -> Iterator[Action]:
        """Take in what only changes this connection; ids that mean nothing are passed over."""
        match event:
            case control.RelaySwitch(on):
                was_on, self.selection.relaying = self.selection.relaying, on
                if on and not was_on:
                    yield Recall()
            case control.MessageSelection(lines):
                self.selection.choose(lines)
            case control.ChannelsOn():
                self.channels = True
            case control.ChannelsOff():
                self.channels = False
            case control.SetupPath(text) if len(text) <= _MAX_SETUP_PATH:
                self.setup_path = text
            case control.RunLabel(text):
                self.run_label = text
            case control.MulticastSettings(group, port):
                try:
                    self.network = checked_network(group, port)
                except ValueError as error:
                    yield Reply(error_notice(f"multicast settings are as before: {error}"))

    def _command(self, payload: bytes) -> Iterator[Action]:
        if len(payload) > MAX_COMMAND:
            yield Reply(error_notice(f"a command of {len(payload)} bytes is ignored; {MAX_COMMAND} are read"))
            return
        message = parse(payload, strict=True)
        if isinstance(message, Unparsed):
            yield Reply(warning_notice(f"Received command message type 0: {message.reason}"))
        elif self._read_only and command_changes_something(message.body):
            yield Reply(error_notice(refusal(message.header.type)))
        elif message.header.type == "DifxCommand":
            yield Publish(payload, self.network)
        else:
            yield from self._execute(message)

    def _execute(self, message: Message) -> Iterator[Action]:
        match message.body:
            case FileOperation() as body if body.operation == "ls":
                yield from self._begin(body, body.address, body.port)
            case FileOperation() as body:
                yield ChangeFiles(body.operation or "", body.path or "", body.arg or "")
            case FileTransfer() as body:
                if body.direction in ("to DiFX", "from DiFX"):
                    yield from self._begin(body, body.address, body.port)
            case MachinesDefinition() | GetDirectory() | Mark5Copy() | Mk5Control() | Vex2DifxRun() as body:
                yield from self._begin(body, body.address, body.port)
            case Start() as body:
                side = self._side(body.address, body.port)
                yield StartJob(body, side) if not isinstance(side, str) else Reply(error_notice(side))
            case Stop() as body:
                yield StopJob(body.input or "")
            case _:
                name = message.header.type
                number = TYPE_NUMBERS.get(name, 0)
                yield Reply(
                    warning_notice(f"Received command message type {number} ({name}); it is not handled")
                )

    def _begin(self, request: Threaded, address: str | None, port: int | None) -> Iterator[Action]:
        side = self._side(address, port)
        yield Begin(request, side) if not isinstance(side, str) else Reply(error_notice(side))

    def _side(self, address: str | None, port: int | None) -> Side | str:
        """Where an operation is to talk, or why it cannot."""
        if port is None:
            return "client socket connection from guiServer: the request names no port or channel"
        if self.channels:
            return Channel(port)
        if not 0 < port < 65536:
            return f"client socket connection from guiServer: {port} is no TCP port (channel mode is off)"
        if not _same_host(address or self._peer, self._peer):
            return (
                f"client socket connection from guiServer to {address} refused: this client is at "
                f"{self._peer}, and connections go nowhere else; use channel mode"
            )
        return DialBack(address or self._peer, port)


def _same_host(address: str, peer: str) -> bool:
    try:
        asked, known = ipaddress.ip_address(address), ipaddress.ip_address(peer)
    except ValueError:
        return False
    return asked == known or (asked.is_loopback and known.is_loopback)
