# SPDX-License-Identifier: GPL-3.0-or-later
"""The server as a program: it says where it listens, and ends at a signal or with whoever started it.

In: a server, signals, the end of standard input. Out: one line. Real guiServers have no shutdown (guiserver.md 7.14).
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TextIO

from difxnb.server.gui_server import GuiServer

_THREADS = 32


def run_server(server: GuiServer, *, announce: TextIO, until_eof: bool = False) -> None:
    """Serve until SIGTERM, SIGINT or, with `until_eof`, the end of standard input.

    Parameters
    ----------
    server : GuiServer
        Not started yet.
    announce : text stream
        Gets one line when the server listens: ``listening on HOST PORT``.
    until_eof : bool
        Whether the end of standard input, which comes when the parent process is gone, ends the server.

    Raises
    ------
    OSError
        The port or the multicast group cannot be had.
    """
    asyncio.run(_run(server, announce, until_eof=until_eof))


async def _run(server: GuiServer, announce: TextIO, *, until_eof: bool) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    # Threads wait for disks more than they compute: as many as processors would let slow disks stop everybody.
    loop.set_default_executor(ThreadPoolExecutor(_THREADS, thread_name_prefix="asyncio"))
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await server.start()
    print(f"listening on {server.host} {server.port}", file=announce, flush=True)
    if until_eof:
        # Not the loop's own watching of descriptors: that cannot do files and /dev/null.
        threading.Thread(target=_watch_stdin, args=(loop, stop.set), name="parent-watch", daemon=True).start()
    await server.serve_until(stop)


def _watch_stdin(loop: asyncio.AbstractEventLoop, ended: Callable[[], None]) -> None:
    """Call `ended` in the loop when nobody holds the other end of standard input any more."""
    while os.read(sys.stdin.fileno(), 4096):
        pass
    with contextlib.suppress(RuntimeError):  # the loop is closed: the server has ended in another way
        loop.call_soon_threadsafe(ended)
