# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be said on the main connection: one frozen dataclass for each packet and direction.

`difxnb.wire.control` reads them from packets and writes them as packets, and hands all these names on.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

from difxnb.wire.packet import UnknownPacket


class ControlId(IntEnum):
    """Packet ids of the main connection, spelled as guiServer spells them."""

    RELAY_PACKET = 1
    RELAY_COMMAND_PACKET = 2
    COMMAND_PACKET = 3
    INFORMATION_PACKET = 4
    WARNING_PACKET = 5
    ERROR_PACKET = 6
    MULTICAST_SETTINGS_PACKET = 7
    GUISERVER_VERSION = 8
    GUISERVER_DIFX_VERSION = 9
    AVAILABLE_DIFX_VERSION = 10
    DIFX_BASE = 11
    GUISERVER_ENVIRONMENT = 12
    DIFX_SETUP_PATH = 13
    START_DIFX_MONITOR = 14
    DIFX_RUN_LABEL = 15
    GUISERVER_USER = 16
    MESSAGE_SELECTION_PACKET = 17
    CHANNEL_ALL_DATA = 18
    CHANNEL_ALL_DATA_ON = 19
    CHANNEL_ALL_DATA_OFF = 20
    CHANNEL_CONNECTION = 21
    CHANNEL_DATA = 22
    GENERATE_FILELIST = 23
    GET_JOB_STATUS = 24
    ACCESS_TOKEN = 1000


class NoticeSeverity(IntEnum):
    """How serious guiServer means a text; the values are the packet ids."""

    INFORMATION = 4
    WARNING = 5
    ERROR = 6


# --- server to client -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ServerVersion:
    """Version text of guiServer (8); maintained by hand there, no test for features."""

    text: str


@dataclass(frozen=True, slots=True)
class DifxVersion:
    """Version of DiFX in use (9); sent by servers before June 2014 only."""

    text: str


@dataclass(frozen=True, slots=True)
class AvailableVersion:
    """One installed DiFX version (10), the label after ``rungeneric.``."""

    text: str


@dataclass(frozen=True, slots=True)
class DifxBase:
    """Base directory of the DiFX installations (11); may be empty."""

    text: str


@dataclass(frozen=True, slots=True)
class ServerUser:
    """Login name that the server runs under (16); absent where it has no terminal."""

    text: str


@dataclass(frozen=True, slots=True)
class EnvironmentVariable:
    """One variable of the server's environment (12)."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class VersionsComplete:
    """End of the answer to a version request (18), and so the answer to a fence."""


@dataclass(frozen=True, slots=True)
class Relayed:
    """One multicast datagram (1), as it was; mostly, not always, difxMessage XML."""

    payload: bytes


@dataclass(frozen=True, slots=True)
class Notice:
    """A text for humans (4, 5, 6), tied to no request."""

    severity: NoticeSeverity
    text: str


@dataclass(frozen=True, slots=True)
class ChannelOpened:
    """The server "connected" to a channel (21)."""

    channel: int


@dataclass(frozen=True, slots=True)
class ChannelData:
    """Bytes of a channel (22), in either direction."""

    channel: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Gap:
    """A time in which nothing could be heard because the connection was lost; no packet, but a row like one.

    It is told twice: at the loss without its end, and once more, with it, when the connection stands again.

    Attributes
    ----------
    begin, end : float, float or None
        Unix seconds; None while it lasts, and for ever where the connection never came back.
    reason : str
        What broke the connection.
    """

    begin: float
    end: float | None
    reason: str


@dataclass(frozen=True, slots=True)
class AccessRefused:
    """The server of this package wants a token and has not got the right one (1000); it closes after that."""

    reason: str


# --- client to server -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class VersionRequest:
    """Ask for the version list (8); with VersionsComplete it makes the fence."""


@dataclass(frozen=True, slots=True)
class RelaySwitch:
    """Turn the relay of multicasts on or off (1)."""

    on: bool


@dataclass(frozen=True, slots=True)
class RelayCommand:
    """Multicast this document as it is (2)."""

    payload: bytes


@dataclass(frozen=True, slots=True)
class Command:
    """XML for guiServer itself (3)."""

    payload: bytes


@dataclass(frozen=True, slots=True)
class MulticastSettings:
    """Move this connection to another multicast group and UDP port (7)."""

    group: str
    port: int


@dataclass(frozen=True, slots=True)
class SetupPath:
    """Prefix of every DiFX command (13); to be sent always, even when empty."""

    text: str


@dataclass(frozen=True, slots=True)
class RunLabel:
    """A label that servers store and do not read (15)."""

    text: str


@dataclass(frozen=True, slots=True)
class StartMonitor:
    """Open the real-time monitor on this port or channel (14)."""

    port: int


@dataclass(frozen=True, slots=True)
class MessageSelection:
    """Which message types are relayed (17), one keyword a line."""

    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ChannelsOn:
    """From now on side connections run inside the main one (19)."""


@dataclass(frozen=True, slots=True)
class ChannelsOff:
    """From now on the server dials back (20)."""


@dataclass(frozen=True, slots=True)
class FileListRequest:
    """Write a file list with times of recordings (23)."""

    files: tuple[str, ...]
    destination: str
    data_format: str
    reference_mjd: int
    address: str
    port: int


@dataclass(frozen=True, slots=True)
class StatusRequest:
    """Ask for the states of jobs (24); `short` is the only form that servers implement."""

    short: bool
    pattern: str
    address: str
    port: int


@dataclass(frozen=True, slots=True)
class AccessToken:
    """What lets a client into a server of this package that wants it (1000); others pass over it."""

    text: str = field(repr=False)


ServerEvent = (
    ServerVersion
    | DifxVersion
    | AvailableVersion
    | DifxBase
    | ServerUser
    | EnvironmentVariable
    | VersionsComplete
    | Relayed
    | Notice
    | ChannelOpened
    | ChannelData
    | AccessRefused
    | UnknownPacket
)
ClientEvent = (
    VersionRequest
    | RelaySwitch
    | RelayCommand
    | Command
    | MulticastSettings
    | SetupPath
    | RunLabel
    | StartMonitor
    | MessageSelection
    | ChannelsOn
    | ChannelsOff
    | ChannelData
    | FileListRequest
    | StatusRequest
    | AccessToken
    | UnknownPacket
)
