# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may talk to the server, and how much of it one client may take.

In: addresses and first bytes of clients. Out: verdicts. Nothing here does I/O or looks at a clock;
:mod:`difxnb.server.entrance` carries it out. Real guiServers let everybody in (guiserver.md 2.2), so packet 1000 is
this package's own.
"""

from __future__ import annotations

import hashlib
import hmac
from collections import Counter, OrderedDict
from dataclasses import dataclass, fields, replace
from typing import Any

from difxnb.formats.token_file import LONGEST
from difxnb.wire.control import ControlId
from difxnb.wire.packet import HEADER

NO_TOKEN = "no access token was sent before anything else"
WRONG_TOKEN = "the access token is not the one of this server"
TOO_LATE = "no access token came in time"
TOO_MANY = "too many clients are connected"
TOO_MANY_HERE = "too many clients are connected from this address"
TOO_MANY_STRANGERS = "too many clients of this address have not shown their token yet"
TOO_MANY_GUESSES = "too many wrong tokens came from this address just now; try again in some seconds"

_REMEMBERED_HOSTS = 1000
_FORGIVEN_AFTER = 600.0
# A client must hear of its wrong token before it gives up waiting for the first answer, after 6 s or more.
_FIRST_PENALTY, _LONGEST_PENALTY = 0.25, 4.0


@dataclass(frozen=True, slots=True)
class Limits:
    """What one client, or all of them, may take of a server. Every one is positive, or ValueError says which is not.

    Attributes
    ----------
    clients, clients_per_host : int
        Connections at the same time, in all and from one address.
    strangers : int
        Connections from one address that have not shown their token yet.
    guesses : int
        Wrong tokens of one address that wait for their answers; meanwhile not even right ones are looked at.
    token_time : float
        Seconds that they have for it.
    packet : int
        Longest packet of a client, bytes.
    rate : float
        Packets that are taken from a client in a second; what it sends beyond that waits in its socket.
    memory : int
        Bytes kept for a client in each direction: what it has not read, and what nobody has taken from it.
    operations : int
        Operations of a client at the same time.
    searches : int
        Listings, reports and the like of a client that are worked on at the same time; others wait for their turn.
    stall : float
        Seconds after which a client that takes nothing of what waits for it is dropped.
    """

    clients: int = 200
    clients_per_host: int = 100
    strangers: int = 64
    guesses: int = 4
    token_time: float = 10.0
    packet: int = 16 * 2**20
    rate: float = 10_000.0
    memory: int = 4 * 2**20
    operations: int = 256
    searches: int = 4
    stall: float = 600.0

    def __post_init__(self) -> None:
        for field in fields(self):
            if not getattr(self, field.name) > 0:
                raise ValueError(f"the limit {field.name} is positive; got {getattr(self, field.name)!r}")

    def changed(self, **chosen: Any) -> Limits:
        """Give these limits with some of them changed; None leaves one as it is."""
        return replace(self, **{name: value for name, value in chosen.items() if value is not None})


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
        How many clients were not let in, for each reason.
    """

    def __init__(self, limits: Limits, token: str | None = None) -> None:
        self.limits = limits
        self._digest = None if token is None else _digest(token.encode())
        self._clients: Counter[str] = Counter()
        self._strangers: Counter[str] = Counter()
        self._guesses: Counter[str] = Counter()
        self._failures: OrderedDict[str, tuple[int, float]] = OrderedDict()
        self.refused: Counter[str] = Counter()

    @property
    def wants_token(self) -> bool:
        """Whether clients have to show a token."""
        return self._digest is not None

    @property
    def clients(self) -> int:
        """How many connections are there now, those that have not shown their token included."""
        return self._clients.total()

    def arrive(self, host: str) -> str:
        """Take in a connection. The answer is empty, or says why it must go; then it is not counted."""
        if self.clients >= self.limits.clients:
            return TOO_MANY
        if self._clients[host] >= self.limits.clients_per_host:
            return TOO_MANY_HERE
        if self.wants_token and self._strangers[host] >= self.limits.strangers:
            return TOO_MANY_STRANGERS
        if self.is_guessed_at(host):
            return TOO_MANY_GUESSES
        self._clients[host] += 1
        return ""

    def leave(self, host: str) -> None:
        """Note the end of a connection that was taken in."""
        self._clients = _one_less(self._clients, host)

    def meet(self, host: str) -> None:
        """Note that a connection has yet to show its token."""
        self._strangers[host] += 1

    def know(self, host: str) -> None:
        """Note that it has, or has gone."""
        self._strangers = _one_less(self._strangers, host)

    def hear(self, data: bytes) -> Verdict | None:
        """Judge the first bytes of a client, all of them so far; None means that more are needed.

        Nothing longer than a token is ever waited for.
        """
        if self._digest is None:
            return Verdict("", data)
        if len(data) < HEADER.size:
            return None if _begins_with_token(data) else Verdict(NO_TOKEN)
        packet_id, length = HEADER.unpack_from(data)
        if packet_id != ControlId.ACCESS_TOKEN:
            return Verdict(NO_TOKEN)
        end = HEADER.size + length
        if not 0 <= length <= LONGEST:
            return Verdict(WRONG_TOKEN)
        if len(data) < end:
            return None
        is_right = hmac.compare_digest(_digest(data[HEADER.size : end]), self._digest)
        return Verdict("", data[end:]) if is_right else Verdict(WRONG_TOKEN)

    def is_guessed_at(self, host: str) -> bool:
        """Whether an address has shown so many wrong tokens that it has to wait."""
        return self._guesses[host] >= self.limits.guesses

    def penalty(self, host: str, now: float) -> float:
        """Count a wrong token, and give the seconds until `forgive` is due, which the answer has to wait."""
        self._guesses[host] += 1
        count, last = self._failures.pop(host, (0, now))
        count = 1 if now - last > _FORGIVEN_AFTER else count + 1
        self._failures[host] = (count, now)
        if len(self._failures) > _REMEMBERED_HOSTS:
            self._failures.popitem(last=False)
        return float(min(_FIRST_PENALTY * 2.0 ** min(count - 1, 10), _LONGEST_PENALTY))

    def forgive(self, host: str) -> None:
        """Note that the time of a penalty is over."""
        self._guesses = _one_less(self._guesses, host)


def _digest(token: bytes) -> bytes:
    """Make tokens of one length of all: comparing them takes the same time whatever was shown."""
    return hashlib.sha256(token).digest()


def _begins_with_token(data: bytes) -> bool:
    return int(ControlId.ACCESS_TOKEN).to_bytes(4, "big").startswith(data[:4])


def _one_less(counter: Counter[str], key: str) -> Counter[str]:
    return counter - Counter((key,))  # which forgets what has come down to nothing
