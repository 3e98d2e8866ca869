# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the server listens, and how it notices that whoever connected is gone without a word.

In: a host and whether there is a token. Out: an IPv4 address; clients of guiServer know no other (guiserver.md 2.2).
"""

from __future__ import annotations

import ipaddress
import socket

# A peer that lost its power or its network is noticed after about two and a half minutes, not two hours.
_KEEPALIVE = {"TCP_KEEPIDLE": 60, "TCP_KEEPINTVL": 15, "TCP_KEEPCNT": 6}


def listening_address(host: str, token: str | None) -> str:
    """Give the address of a host to listen on, and refuse to let everybody in who can reach it.

    Raises
    ------
    ValueError
        The address can be reached from other hosts, and there is no token.
    OSError
        `host` is neither an IPv4 address nor a name that leads to one.
    """
    try:
        address = str(ipaddress.IPv4Address(host))
    except ipaddress.AddressValueError:
        address = _look_up(host)
    if token is None and not ipaddress.IPv4Address(address).is_loopback:
        raise ValueError(
            f"{host} can be reached from other hosts, and whoever reaches this server can change files and start "
            "jobs: name a file with an access token, or listen on 127.0.0.1 and let clients come through ssh"
        )
    return address


def _look_up(host: str) -> str:
    try:
        found = socket.getaddrinfo(host, None, family=socket.AF_INET, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no host name"
        raise OSError(f"{host!r} has no IPv4 address to listen on ({reason})") from error
    return str(found[0][4][0])


def notice_dead_peers(connection: socket.socket) -> None:
    """Have the system ask from time to time whether the other end is still there."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _KEEPALIVE.items():
        option = getattr(socket, name, None)
        if option is not None:  # not every system has all of them
            connection.setsockopt(socket.IPPROTO_TCP, option, value)
