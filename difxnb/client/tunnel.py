# SPDX-License-Identifier: GPL-3.0-or-later
"""Where an ssh gateway is, and a way through it: no local port is opened that others could use.

In: what a user writes after ``ssh``. Out: lines to servers that the gateway can reach, one after the other over one
ssh connection, so that a server that has to be called again does not ask for another login. The conversation with
gateways is in :mod:`difxnb.client.ssh`, which needs asyncssh.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from difxnb.client.patience import Patience
from difxnb.errors import ConnectionFailed

if TYPE_CHECKING:
    from difxnb.client.line import Line
    from difxnb.client.ssh import SshConnection


@dataclass(frozen=True, slots=True)
class Gateway:
    """A host that ssh can log in to; what is None is found as ssh finds it, in the user's configuration.

    Attributes
    ----------
    host : str
        Name, address, or alias of the user's ssh configuration.
    user : str or None
    port : int or None
    """

    host: str
    user: str | None = None
    port: int | None = None

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        user = f"{self.user}@" if self.user else ""
        return f"{user}{host}{f':{self.port}' if self.port else ''}"

    @classmethod
    def parse(cls, text: str) -> Gateway:
        """Read ``user@host:port``, of which only the host must be there; addresses of IPv6 stand in brackets.

        Raises
        ------
        ValueError
        """
        text = text.strip()
        user, at, place = text.rpartition("@")
        host, port = _host_and_port(place)
        plain = (
            host and not host.startswith("-") and not any(c.isspace() or not c.isprintable() for c in text)
        )
        if not plain or bool(at) != bool(user) or user.startswith("-"):
            raise ValueError(
                f"an ssh gateway is written user@host:port, with or without user and port; got {text!r}"
            )
        return cls(host, user or None, port)


def _host_and_port(place: str) -> tuple[str, int | None]:
    if place.startswith("["):
        host, _, rest = place[1:].partition("]")
        colon, digits = rest[:1], rest[1:]
    elif place.count(":") > 1:  # an address of IPv6 and no port
        return place, None
    else:
        host, colon, digits = place.partition(":")
    if not colon and not digits:
        return host, None
    if colon != ":" or not (digits.isascii() and digits.isdigit() and 0 < int(digits) < 65536):
        raise ValueError(
            f"a TCP port lies between 1 and 65535; the ssh gateway {place!r} has none after its colon"
        )
    return host, int(digits)


async def _log_in(gateway: Gateway, patience: Patience) -> SshConnection:
    try:
        from difxnb.client import ssh
    except ImportError as error:
        raise ConnectionFailed(
            f"going through the ssh gateway {gateway} needs asyncssh ({error}): pip install 'difxnb[ssh]'"
        ) from error
    return await ssh.connect(gateway, patience)


class Tunnel:
    """A way through an ssh gateway, made when it is needed and again when it has broken."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        self._connection: SshConnection | None = None

    async def open(self, host: str, port: int, patience: Patience) -> Line:
        """Connect to a server that the gateway can reach.

        Raises
        ------
        ConnectionFailed
            No gateway there, nobody listens behind it, or asyncssh is not installed.
        GatewayRefused
            The gateway is not known, is not the one that was known, or does not let us in.
        """
        if self._connection is None or not self._connection.stands:
            await self.close()
            self._connection = await _log_in(self.gateway, patience)
        try:
            return await self._connection.open(host, port, patience)
        except ConnectionFailed:
            if not self._connection.stands:
                await self.close()
            raise

    async def close(self) -> None:
        """Leave the gateway; lines through it end."""
        if self._connection is not None:
            connection, self._connection = self._connection, None
            await connection.close()
