# SPDX-License-Identifier: GPL-3.0-or-later
"""The asyncio shell of the guiServer stand-in: sockets, child processes, multicast.

In: a root directory and connections. Out: what guiServer 2.9 sends, in its order. Everything that can be
decided without a socket is decided in :mod:`difxnb.server.protocol` and its siblings.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import TextIO


class GuiServer:
    """A guiServer in Python, confined to one directory and bound to loopback by default.

    Parameters
    ----------
    root : Path
        Directory that clients see; absolute machine paths inside it, nothing outside.
    host, port : str, int
        Where to listen; port 0 lets the system choose, see :attr:`port`.
    quirks : str, optional
        ``"2.9"`` reproduces the faults of the real server that a client must survive.
    multicast : tuple of (str, int), optional
        Group and port of a real DiFX message network to join; none by default.
    environment : mapping, optional
        What is shown to clients beside the variables that are always set.
    version : str
        Answer to the version request.
    """

    def __init__(
        self,
        root: Path,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        quirks: str | None = None,
        multicast: tuple[str, int] | None = None,
        environment: Mapping[str, str] | None = None,
        version: str = "DEVELr7531",
    ) -> None:
        self.root, self.host, self.port = Path(root), host, port
        self.quirks, self.multicast = quirks, multicast
        self.environment, self.version = dict(environment or {}), version

    async def start(self) -> None:
        """Listen."""
        raise NotImplementedError

    async def close(self) -> None:
        """Stop every job and close every connection."""
        raise NotImplementedError

    async def serve_until(self, stop: asyncio.Event) -> None:
        """Serve until ``stop`` is set, then close."""
        raise NotImplementedError


def run_server(
    root: Path,
    host: str = "127.0.0.1",
    port: int = 0,
    quirks: str | None = None,
    multicast: tuple[str, int] | None = None,
    *,
    announce: TextIO,
    until_eof: bool = False,
) -> None:
    """Serve until SIGTERM, SIGINT or (``until_eof``) the end of standard input."""
    raise NotImplementedError
