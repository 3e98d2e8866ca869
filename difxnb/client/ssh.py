# SPDX-License-Identifier: GPL-3.0-or-later
"""An ssh connection to a gateway, and the lines that go through it, each a channel without a local port.

In: a login. Out: :class:`~difxnb.client.line.Line` after line. Needs asyncssh, the extra ``ssh`` of this package.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator

import asyncssh

from difxnb.client.patience import Patience
from difxnb.client.ssh_login import leave, log_in
from difxnb.client.tunnel import Gateway
from difxnb.errors import ConnectionFailed

_Streams = tuple["asyncssh.SSHReader[bytes]", "asyncssh.SSHWriter[bytes]"]


class SshLine:
    """One channel of an ssh connection, to a server behind the gateway."""

    local_address = server_address = ""

    def __init__(
        self,
        reader: asyncssh.SSHReader[bytes],
        writer: asyncssh.SSHWriter[bytes],
        connection: SshConnection,
    ) -> None:
        self._reader, self._writer, self._connection = reader, writer, connection

    async def read(self, n: int) -> bytes:
        """Give at least one and at most `n` bytes; ``b""`` when the server, not the gateway, has closed."""
        with self._ssh_errors():
            data = await self._reader.read(n)
        if not data and not self._connection.stands:
            raise ConnectionError(f"the ssh connection to {self._connection.gateway} has ended")
        return data

    async def send(self, data: bytes) -> None:
        """Send everything."""
        with self._ssh_errors():
            self._writer.write(data)
            await self._writer.drain()

    def acknowledge(self) -> None:
        """Do nothing: ssh acknowledges by itself."""

    def abort(self) -> None:
        """End the channel."""
        self._writer.channel.abort()

    async def close(self) -> None:
        """End the channel; the ssh connection stays."""
        self.abort()

    @contextlib.contextmanager
    def _ssh_errors(self) -> Iterator[None]:
        try:
            yield
        except asyncssh.Error as error:
            raise ConnectionError(
                f"the ssh connection to {self._connection.gateway} broke: {error.reason}"
            ) from error


class SshConnection:
    """A login at a gateway, and at those that had to be passed before it. Made by `connect`."""

    def __init__(self, gateway: Gateway, hops: list[asyncssh.SSHClientConnection]) -> None:
        self.gateway, self._hops = gateway, hops

    @property
    def stands(self) -> bool:
        """Whether it can be used, as far as anyone knows."""
        return not any(hop.is_closed() for hop in self._hops)

    async def open(self, host: str, port: int, patience: Patience) -> SshLine:
        """Have the gateway connect to a server.

        Raises
        ------
        ConnectionFailed
        """
        there = f"{host}:{port}, as {self.gateway} sees it,"
        opening: asyncio.Task[_Streams] = asyncio.ensure_future(self._hops[-1].open_connection(host, port))
        try:
            async with asyncio.timeout(patience.connect):
                return SshLine(*await asyncio.shield(opening), self)
        except asyncssh.ChannelOpenError as error:
            raise ConnectionFailed(self._why_not(error, there)) from error
        except (asyncssh.Error, OSError) as error:
            if not isinstance(error, TimeoutError):
                raise ConnectionFailed(f"the ssh connection to {self.gateway} broke: {error}") from error
            raise ConnectionFailed(
                f"no connection to {there} within {patience.connect:g} s: is that host up?"
            ) from error
        finally:
            if not opening.done():
                # Given up, it may still come about, and nobody would ever close it.
                opening.add_done_callback(_abandon)

    async def close(self) -> None:
        """Leave all gateways."""
        await leave(self._hops)

    def _why_not(self, error: asyncssh.ChannelOpenError, there: str) -> str:
        if not self.stands:
            return f"the ssh connection to {self.gateway} broke: {error.reason}"
        if error.code == asyncssh.OPEN_ADMINISTRATIVELY_PROHIBITED:
            return (
                f"{self.gateway} lets us in but forwards nothing to {there} ({error.reason}): its sshd must allow "
                "AllowTcpForwarding (and PermitOpen) for this user"
            )
        return (
            f"{self.gateway} lets us in, but nobody answers at {there} ({error.reason}): "
            "is guiServer running there, on this port?"
        )


async def connect(gateway: Gateway, patience: Patience) -> SshConnection:
    """Log in to a gateway, through those that the user's configuration puts before it.

    Raises
    ------
    ConnectionFailed, GatewayRefused
    """
    return SshConnection(gateway, await log_in(gateway, patience))


def _abandon(opening: asyncio.Task[_Streams]) -> None:
    if not opening.cancelled() and opening.exception() is None:
        opening.result()[1].channel.abort()
