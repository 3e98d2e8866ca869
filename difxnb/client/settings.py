# SPDX-License-Identifier: GPL-3.0-or-later
"""What a client has asked of its connection, and asks again of every new one, as the server keeps nothing.

In: values of the user. Out: packets, in the order of guiserver.md 3.4. What would harm a real server
(4.5, 4.7, hazards H6, H17, H22) is refused here.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from dataclasses import dataclass

from difxnb.errors import UnsafeValue
from difxnb.wire.control import ClientEvent, MessageSelection, MulticastSettings, RelaySwitch, SetupPath
from difxnb.wire.selection import EVERYTHING

_LONGEST_SETUP_PATH = 4095  # a longer one is passed over without a word
_LONGEST_GROUP = 15
# The server pastes it, unquoted, in front of every command.
_PLAIN_PREFIX = re.compile(r"[\w./+@:,=-]*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Settings:
    """State that a server keeps for one connection, and forgets with it.

    Attributes
    ----------
    setup_path : str
        Prefix of every DiFX command, such as ``"/opt/difx/bin/rungeneric.DIFX-2.9"``; empty means the programs
        that the server finds by itself.
    selection : tuple of str
        Lines that say which messages are relayed; see `difxnb.wire.selection`.
    relay : bool
        Whether messages are relayed at all.
    multicast : tuple of str and int, optional
        Group and UDP port of the messages; None leaves the server's own.

    Raises
    ------
    UnsafeValue
        A prefix that a shell would understand otherwise, or that is too long.
    ValueError
        No multicast group, or no port.
    """

    setup_path: str = ""
    selection: tuple[str, ...] = EVERYTHING
    relay: bool = True
    multicast: tuple[str, int] | None = None

    def __post_init__(self) -> None:
        _require_prefix(self.setup_path)
        if self.multicast is not None:
            _require_group(*self.multicast)

    def events(self, before: Settings | None = None) -> Iterator[ClientEvent]:
        """Give what has to be said to a server that was told `before`, or nothing yet."""
        # The path always, even when empty: a real server would run commands with random memory in front (H6).
        if before is None or before.setup_path != self.setup_path:
            yield SetupPath(self.setup_path)
        if before is None or before.selection != self.selection:
            yield MessageSelection(self.selection)
        if before is None or before.relay != self.relay:
            yield RelaySwitch(self.relay)
        # Last, because it keeps the server from reading for a second.
        if self.multicast is not None and (before is None or before.multicast != self.multicast):
            yield MulticastSettings(*self.multicast)


def _require_prefix(prefix: str) -> None:
    if len(prefix) > _LONGEST_SETUP_PATH:
        raise UnsafeValue(f"a setup path has at most {_LONGEST_SETUP_PATH} characters; got {len(prefix)}")
    if not _PLAIN_PREFIX.fullmatch(prefix):
        raise UnsafeValue(
            f"a setup path is a command in letters, digits and ./+@:,=-_ because the server's shell reads it; "
            f"got {prefix!r}"
        )


def _require_group(group: str, port: int) -> None:
    # A real server takes anything, and then writes beyond a buffer or spins without receiving (H22).
    try:
        address = ipaddress.IPv4Address(group)
    except ValueError as error:
        raise ValueError(f"{group!r} is no IPv4 address of a multicast group: {error}") from error
    if not address.is_multicast or len(group) > _LONGEST_GROUP:
        raise ValueError(f"{group} is no multicast group; those are 224.0.0.0 to 239.255.255.255")
    if not 0 < port < 65536:
        raise ValueError(f"a UDP port lies between 1 and 65535; got {port}")
