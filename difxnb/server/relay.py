# SPDX-License-Identifier: GPL-3.0-or-later
"""Who gets which difxMessage: selection per client, and the network of groups that documents travel on.

In: selection lines (packet 17), relay switches (packet 1), documents. Out: the subscribers that want each
one, as in guiserver.md 4.6 and 8.1.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property

from difxnb.wire.control import Relayed, encode
from difxnb.wire.message import Header, Message, Unknown, Unparsed, parse
from difxnb.wire.message_types import BY_TYPE
from difxnb.wire.selection import KEYWORDS

MAX_DATAGRAM = 10240
"""Longer documents are cut, as by the real server's receive buffer."""

Network = tuple[str, int]
"""Multicast group and port."""

DEFAULT_NETWORK: Network = ("224.2.2.1", 50200)


@dataclass
class Selection:
    """What one client wants relayed. A fresh connection has the relay off and every type selected."""

    relaying: bool = False
    everything: bool = True
    types: frozenset[str] = frozenset()

    def choose(self, lines: Iterable[str]) -> None:
        """Apply the lines of packet 17; single types chosen before are forgotten."""
        chosen: set[str] = set()
        for line in lines:
            if "ALL_MESSAGES" in line:
                self.everything = True
            elif "SELECTED_MESSAGES" in line:
                self.everything = False
            else:
                word = next((keyword for keyword in KEYWORDS if keyword in line), None)
                chosen.update(KEYWORDS[word] if word else ())
        self.types = frozenset(chosen)

    def wants(self, message_type: str) -> bool:
        """Whether a document goes to this client; an empty type is one that nobody can tell."""
        return self.relaying and (self.everything or message_type in self.types)


@dataclass(frozen=True)
class Document:
    """One document on the network, parsed once for all who look at it."""

    payload: bytes
    message: Message | Unparsed = field(repr=False)

    @classmethod
    def of(cls, payload: bytes) -> Document:
        """Cut a datagram as the real server does, and parse it."""
        text = payload[:MAX_DATAGRAM].partition(b"\0")[0]
        return cls(text, parse(text))

    @property
    def header(self) -> Header | None:
        """Header of a document, as far as it could be read."""
        return self.message.header

    @cached_property
    def selection_type(self) -> str:
        """Type as far as selections know it; empty for everything that cannot be typed."""
        return selection_type(self.message)

    @cached_property
    def packet(self) -> bytes:
        """The packet that brings it to clients, written once for all of them."""
        return encode(Relayed(self.payload))


def selection_type(message: Message | Unparsed) -> str:
    """Type name of a known message, empty for unknown types and for what is no message.

    The real server stops at what is no well-formed XML, and goes by the header that it has seen before.
    """
    if isinstance(message, Unparsed):
        kind = "" if message.header is None else message.header.type
        return kind if kind in BY_TYPE else ""
    return "" if isinstance(message.body, Unknown) else message.header.type


class MessageNetwork:
    """Documents reach every listener on the same group and port, the sender included."""

    def __init__(self) -> None:
        self._listeners: dict[int, tuple[Callable[[], Network], Callable[[Document], None]]] = {}
        self._next = 0

    def listen(self, network: Callable[[], Network], hear: Callable[[Document], None]) -> Callable[[], None]:
        """Add a listener whose group and port may change; call what is returned to end it."""
        key = self._next
        self._next += 1
        self._listeners[key] = (network, hear)
        return lambda: self._listeners.pop(key, None) and None

    def send(self, network: Network, payload: bytes) -> Document:
        """Deliver a document to all who listen there."""
        document = Document.of(payload)
        for where, hear in list(self._listeners.values()):
            if where() == network:
                hear(document)
        return document


def checked_network(group: str, port: int) -> Network:
    """Check multicast settings; ValueError says what is wrong with them."""
    try:
        address = ipaddress.IPv4Address(group)
    except ipaddress.AddressValueError as error:
        raise ValueError(f"{group!r} is no IPv4 address: {error}") from error
    if not address.is_multicast:
        raise ValueError(f"{group} is no multicast group (224.0.0.0 to 239.255.255.255)")
    if not 0 < port < 65536:
        raise ValueError(f"{port} is no UDP port")
    return str(address), port
