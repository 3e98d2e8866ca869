# SPDX-License-Identifier: GPL-3.0-or-later
"""What panels are tried on: a real server, and a real connection to it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, Protocol, TypeVar

from difxnb import aio
from difxnb.client.blocking import LoopThread
from difxnb.panels.work import Work
from difxnb.server.gui_server import GuiServer
from tests.aio.stage import place
from tests.aio.stage import stage as acting_server
from tests.client.peers import own_server, patience_for

T = TypeVar("T")

DEADLINE_S = 30.0


def server_at(
    root: Path, behaviour: str | None = None, quirks: str | None = None, **options: object
) -> AbstractAsyncContextManager[GuiServer]:
    """A server; with `behaviour` its correlator is ``scripted_correlator.py BEHAVIOUR``."""
    if behaviour is None:
        return own_server(root, quirks, **options)
    return acting_server(root, behaviour, quirks)


async def connected(port: int, quirks: str | None = None) -> aio.Correlator:
    """A connection, not to be waited for longer than tests wait."""
    return await aio.connect("127.0.0.1", port, patience=patience_for(quirks), timeout=DEADLINE_S)


class MakeStage(Protocol):
    def __call__(
        self,
        behaviour: str | None = None,
        *,
        job: str = "short",
        quirks: str | None = None,
        **options: object,
    ) -> Stage: ...


class Stage:
    """A server and a connection to it, as panels meet them.

    Attributes
    ----------
    difx : aio.Correlator
        The connection, on `loop`.
    loop : LoopThread
    work : Work
        What models are given; when something ends, `until` looks again.
    root : Path
        What the server lets its clients see.
    input_file : Path
        The ``.input`` of the job in it.
    port : int
        Of the server, on 127.0.0.1.
    """

    def __init__(
        self, difx: aio.Correlator, loop: LoopThread, root: Path, input_file: Path, port: int
    ) -> None:
        self.difx, self.loop, self.root, self.input_file, self.port = difx, loop, root, input_file, port
        self._changed = threading.Event()
        self.work = Work(loop.submit, self._changed.set)
        self._end_listening = difx.listen(lambda item, time: self._changed.set())

    def call(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the loop of the connection, and wait for it."""
        return self.loop.call(coroutine, DEADLINE_S)

    def placed_job(self) -> aio.Job:
        """The job, with its machines set."""
        job = self.difx.job(str(self.input_file))
        self.call(place(job))
        return job

    def until(self, holds: Callable[[], object], what: str = "") -> None:
        """Look at every change, and now and then, until something holds; fail when it does not in half a minute."""
        deadline = time.monotonic() + DEADLINE_S
        while not holds():
            assert time.monotonic() < deadline, what or "what the test waits for did not come"
            self._changed.wait(0.1)
            self._changed.clear()

    def until_idle(self) -> None:
        """Wait until nothing is under way any more."""
        self.until(lambda: not self.work.under_way, "something is under way still")

    def close(self) -> None:
        """Close the connection; twice is harmless."""
        self.work.close()
        self._end_listening()
        if self.loop.running:
            self.loop.call(self.difx.close(force=True), DEADLINE_S)
            self.loop.stop()
