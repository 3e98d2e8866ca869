# SPDX-License-Identifier: GPL-3.0-or-later
"""What a server that is open for reading only still does: look, list, fetch, check, follow.

In: what a client asks for. Out: whether it may have it. Whatever is not named here is refused, so that a request that
is added elsewhere is not let through by mistake.
"""

from __future__ import annotations

from difxnb.wire import control
from difxnb.wire.message import FileOperation, FileTransfer, GetDirectory, Start

VARIABLE, VALUE = "DIFXNB_ACCESS", "read-only"
"""How clients are told, among the environment variables of the version conversation."""

_HARMLESS_EVENTS = (
    control.VersionRequest,
    control.RelaySwitch,
    control.MulticastSettings,
    control.MessageSelection,
    control.SetupPath,
    control.RunLabel,
    control.ChannelsOn,
    control.ChannelsOff,
    control.ChannelData,
    control.StartMonitor,
    control.StatusRequest,
    control.AccessToken,
    control.UnknownPacket,
)


def changes_something(event: control.ClientEvent) -> bool:
    """Whether a packet is one that a read-only server refuses; commands are judged by their content."""
    return not isinstance(event, (*_HARMLESS_EVENTS, control.Command))


def command_changes_something(body: object) -> bool:
    """Whether a command of this content is one that a read-only server refuses."""
    match body:
        case FileOperation(operation="ls") | FileTransfer(direction="from DiFX"):
            return False
        case Start(function="CONFIG_ONLY"):
            return False
        case GetDirectory(generate_new=generate_new):
            return bool(generate_new)
        case _:
            return True


def refusal(what: str) -> str:
    """Say to a client that it cannot have something."""
    return f"{what} was refused: this server is open for reading only, and nothing was changed"
