# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may talk to the server, and how much of it one client may take.

In: addresses and first bytes of clients. Out: verdicts. Nothing here does I/O; :mod:`difxnb.server.entrance` carries
it out. Real guiServers let everybody in (guiserver.md 2.2), so packet 1000 is this package's own.
"""

from __future__ import annotations

import hmac
from collections import Counter, OrderedDict
from dataclasses import dataclass

from difxnb.formats.token_file import LONGEST
from difxnb.wire.control import ControlId
from difxnb.wire.packet import HEADER

NO_TOKEN, WRONG_TOKEN, TOO_LATE, TOO_MANY = "no token", "wrong token", "too late", "too many"
"""Why a client is not let in; what `Doorkeeper.refused` counts."""

_REMEMBERED_HOSTS = 1000
_FIRST_PENALTY, _LONGEST_PENALTY = 0.25, 8.0


@dataclass(frozen=True, slots=True)
class Limits:
    """What one client, or all of them, may take of a server.

    Attributes
    ----------
    clients, clients_per_host : int
        Connections at the same time, in all and from one address.
    strangers : int
        Connections from one address that have not shown their token yet.
    token_time : float
        Seconds that they have for it.
    packet : int
        Longest packet of a client, bytes.
    rate : float
        Packets that are taken from a client in a second; what it sends beyond that waits in its socket.
    memory : int
        Bytes that are kept for a client in each direction: what it has not read, what nobody has taken from it.
    operations : int
        Operations of a client at the same time.
    stall : float
        Seconds after which a client that takes nothing of what waits for it is dropped.
    """

    clients: int = 200
    clients_per_host: int = 100
    strangers: int = 8
    token_time: float = 10.0
    packet: int = 16 * 2**20
    rate: float = 10_000.0
    memory: int = 4 * 2**20
    operations: int = 256
    stall: float = 600.0

    def __post_init__(self) -> None:
        for name in self.__dataclass_fields__:
            if not getattr(self, name) > 0:
                raise ValueError(f"the limit {name} must be positive; got {getattr(self, name)!r}")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of a client that has begun to speak.

    Attributes
    ----------
    refusal : str
        Why it is not let in; empty when it is.
    rest : bytes
        What it said after its token.
    """

    refusal: str
    rest: bytes = b""


class Doorkeeper:
    """Counts the clients of a server and knows its token.

    Parameters
    ----------
    limits : Limits
    token : str, optional
        Without one, everybody is let in for as long as there is room.

    Attributes
    ----------
    refused : Counter of str
        How many clients were not let in, and why.
    """

    def __init__(self, limits: Limits, token: str | None = None) -> None:
        self.limits = limits
        self._token = token.encode() if token is not None else None
        self._clients: Counter[str] = Counter()
        self._strangers: Counter[str] = Counter()
        self._failures: OrderedDict[str, int] = OrderedDict()
        self.refused: Counter[str] = Counter()

    @property
    def wants_token(self) -> bool:
        """Whether clients have to show a token."""
        return self._token is not None

    def arrive(self, host: str) -> str:
        """Take in a connection; the answer says why it must go at once, and is empty otherwise."""
        raise NotImplementedError

    def leave(self, host: str) -> None:
        """Note the end of a connection that was taken in."""
        raise NotImplementedError

    def hear(self, host: str, data: bytes) -> Verdict | None:
        """Judge the first bytes of a client; None means that more are needed."""
        raise NotImplementedError

    def penalty(self, host: str) -> float:
        """Count a wrong token, and give the seconds that its sender has to wait for the answer."""
        raise NotImplementedError
