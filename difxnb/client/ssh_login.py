# SPDX-License-Identifier: GPL-3.0-or-later
"""Logging in to ssh gateways as the user's own ssh does: its configuration, agent, keys, jump and known hosts.

In: a gateway. Out: ssh connections, one per hop. Nothing is asked of the user: a login that needs a password, and a
host whose key is not known, are errors that say what to do. Needs asyncssh, the extra ``ssh`` of this package.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import asyncssh

from difxnb.client.patience import Patience
from difxnb.client.tunnel import Gateway
from difxnb.errors import ConnectionFailed, GatewayRefused

# What ssh itself reads where the configuration names nothing else.
_KNOWN_HOSTS = (
    "~/.ssh/known_hosts",
    "~/.ssh/known_hosts2",
    "/etc/ssh/ssh_known_hosts",
    "/etc/ssh/ssh_known_hosts2",
)
_SSH_PORT = 22
_MOST_HOPS = 8
_GOODBYE_SECONDS = 1.0
_LOST_KEEP_ALIVES = 3

Hops = list[asyncssh.SSHClientConnection]


class _Doorman(asyncssh.SSHClient):
    """Lets no host pass whose key is not known, and remembers what key that was."""

    def __init__(self) -> None:
        self.offered: asyncssh.SSHKey | None = None

    def validate_host_public_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:
        """Refuse a key that is not among the known ones."""
        self.offered = key
        return False


class _Hop:
    """One host to log in to, and what the user's configuration says of it."""

    def __init__(self, gateway: Gateway, options: asyncssh.SSHClientConnectionOptions) -> None:
        self.gateway, self.options = gateway, options
        self.jumps = [jump for jump in str(options.tunnel or "").split(",") if jump]
        self.known_hosts = _existing(_KNOWN_HOSTS if options.known_hosts == [] else options.known_hosts)
        self.doorman = _Doorman()

    def __str__(self) -> str:
        place = f"{self.options.host}:{self.options.port}"
        return str(self.gateway) if str(self.gateway) == place else f"{self.gateway} ({place})"

    @classmethod
    async def find(cls, gateway: Gateway) -> _Hop:
        options = await asyncssh.SSHClientConnectionOptions.construct(
            host=gateway.host, client_keys=None, config=(), **_given(gateway)
        )
        return cls(gateway, options)

    async def log_in(
        self, through: asyncssh.SSHClientConnection | None, patience: Patience
    ) -> asyncssh.SSHClientConnection:
        named = self.options.config.get("IdentityFile", ())
        return await asyncssh.connect(
            self.gateway.host,
            **_given(self.gateway),
            # Like ssh, pass over keys that are not there, and those that only the agent can use.
            client_keys=_existing(named) if named else (),
            ignore_encrypted=True,
            known_hosts=self.known_hosts or b"\n",
            client_factory=lambda: self.doorman,
            keepalive_interval=patience.keep_alive,
            keepalive_count_max=_LOST_KEEP_ALIVES,
            # Without one before it, what the configuration says of a ProxyCommand counts.
            tunnel=through,
        )

    def unknown_key(self) -> str:
        """Why its host key is not taken, and what can be done."""
        key = self.doorman.offered
        shown = f"{key.get_algorithm()} {key.get_fingerprint()}" if key is not None else "of no known kind"
        if self.has_known_keys():
            return (
                f"the host key of {self} is not the one in {', '.join(self.known_hosts)}; it shows {shown}. Either "
                "somebody pretends to be this gateway, or its key was changed: ask its administrator, and only "
                f"then remove the old key (ssh-keygen -R {self._known_name()}) and log in once with ssh {self.words()}"
            )
        return (
            f"the host key of {self} is not known; it shows {shown}. Ask its administrator whether that is right, "
            f"and log in once with ssh {self.words()}, which adds it to the known hosts"
        )

    def has_known_keys(self) -> bool:
        if not self.known_hosts:
            return False
        port = None if self.options.port == _SSH_PORT else self.options.port
        name = self.options.host_key_alias or self.options.host
        return any(asyncssh.match_known_hosts(self.known_hosts, name, "", port)[:2])

    def _known_name(self) -> str:
        name = self.options.host_key_alias or self.options.host
        return name if self.options.port == _SSH_PORT else f"'[{name}]:{self.options.port}'"

    def words(self) -> str:
        """Arguments with which ssh goes to the same place."""
        user = f"{self.gateway.user}@" if self.gateway.user else ""
        return f"{f'-p {self.gateway.port} ' if self.gateway.port else ''}{user}{self.gateway.host}"


async def log_in(gateway: Gateway, patience: Patience) -> Hops:
    """Log in to a gateway, through those that the user's configuration puts before it.

    Returns
    -------
    list of asyncssh.SSHClientConnection
        One per host passed; the last is that to the gateway.

    Raises
    ------
    ConnectionFailed
        Unreachable, no ssh there, or a configuration that cannot be used.
    GatewayRefused
        A host is not known, is not the one that was known, or does not let us in.
    """
    hops: Hops = []
    try:
        async with asyncio.timeout(patience.connect):
            await _reach(gateway, hops, patience, _MOST_HOPS)
    except BaseException as error:
        await leave(hops)
        if isinstance(error, TimeoutError):
            raise ConnectionFailed(
                f"no ssh login at {gateway} within {patience.connect:g} s: is the gateway up, and no firewall between?"
            ) from error
        raise
    return hops


async def leave(hops: Hops) -> None:
    """Say goodbye, to the farthest first; whoever does not hear it is left all the same."""
    for hop in reversed(hops):
        hop.close()
        try:
            async with asyncio.timeout(_GOODBYE_SECONDS):
                await hop.wait_closed()
        except TimeoutError:
            hop.abort()


async def _reach(gateway: Gateway, hops: Hops, patience: Patience, depth: int) -> None:
    if not depth:
        raise ConnectionFailed(
            f"{gateway} is behind itself: the ProxyJump lines of ~/.ssh/config go in a circle"
        )
    try:
        hop = await _Hop.find(gateway)
        # As with ssh, what the configuration puts before a jump host counts for the first of them.
        for jump in [] if hops else hop.jumps:
            await _reach(Gateway.parse(jump), hops, patience, depth - 1)
    except (OSError, ValueError) as error:
        if isinstance(error, ConnectionFailed):
            raise
        raise ConnectionFailed(f"the ssh configuration for {gateway} cannot be used: {error}") from error
    hops.append(await _pass(hop, hops, patience))


async def _pass(hop: _Hop, hops: Hops, patience: Patience) -> asyncssh.SSHClientConnection:
    try:
        return await hop.log_in(hops[-1] if hops else None, patience)
    except asyncssh.HostKeyNotVerifiable as error:
        refused = hop.doorman.offered is not None
        raise GatewayRefused(hop.unknown_key() if refused else f"{hop}: {error.reason}") from error
    except asyncssh.KeyExchangeFailed as error:
        if not hop.has_known_keys():
            raise ConnectionFailed(
                f"{hop} and we have no way of encrypting in common: {error.reason}"
            ) from error
        raise GatewayRefused(hop.unknown_key()) from error
    except asyncssh.PermissionDenied as error:
        raise GatewayRefused(
            f"{hop} does not let {hop.options.username} in ({error.reason}). Nothing is asked here, so the login must "
            f"work without a password: see that ssh -o BatchMode=yes {hop.words()} does (ssh-add, IdentityFile)"
        ) from error
    except asyncssh.ChannelOpenError as error:
        raise ConnectionFailed(f"the gateway before it cannot reach {hop}: {error.reason}") from error
    except asyncssh.Error as error:
        raise ConnectionFailed(
            f"no ssh login at {hop}: {error.reason}; is that the port of an sshd?"
        ) from error
    except TimeoutError as error:
        raise ConnectionFailed(
            f"{hop} does not answer within its ConnectTimeout; is the gateway up?"
        ) from error
    except OSError as error:
        raise ConnectionFailed(
            f"no connection to the ssh gateway {hop} ({error.strerror or error}); is it up, and the name right?"
        ) from error
    except ValueError as error:
        raise ConnectionFailed(f"the keys for {hop} cannot be used: {error}") from error


def _existing(paths: object) -> list[str]:
    """Those of some files that are there; None stands for no file at all."""
    listed = paths if isinstance(paths, list | tuple) else []
    return [str(found) for path in listed if (found := Path(str(path)).expanduser()).is_file()]


def _given(gateway: Gateway) -> dict[str, Any]:
    """What the user said beside the host, as options that come before the configuration."""
    return {
        name: value
        for name, value in (("username", gateway.user), ("port", gateway.port))
        if value is not None
    }
