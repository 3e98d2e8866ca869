# SPDX-License-Identifier: GPL-3.0-or-later
"""A line between a client and a server that does something wrong, once and at a chosen byte.

It relays both ways untouched until it is armed. Bytes are counted from there, so that a fault can be placed
anywhere in the conversation of one verb, and not only in the greeting before it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Literal

Way = Literal["up", "down"]  # towards the server, towards the client


@dataclass(frozen=True)
class Cut:
    """End the connection after `at` bytes of one way.

    ``"close"`` ends it in order, ``"reset"`` with a reset, ``"silence"`` not at all: nothing goes on any more,
    as when a host has lost its power.
    """

    way: Way
    at: int
    how: Literal["close", "reset", "silence"] = "close"


@dataclass(frozen=True)
class Insert:
    """Put bytes that nobody sent between the bytes `at` and `at` + 1."""

    way: Way
    at: int
    rubbish: bytes


@dataclass(frozen=True)
class Slow:
    """Bring `step` bytes at a time, with a pause of `pause` seconds after each."""

    way: Way
    step: int
    pause: float = 0.0


Fault = Cut | Insert | Slow


class Line:
    """A relay on a port of its own; `fault` strikes after `arm` was called.

    Attributes
    ----------
    port : int
        Where clients connect.
    passed : dict
        Bytes of each way since it was armed.
    struck : bool
        Whether a cut has happened. Nobody gets through afterwards.
    """

    def __init__(self, server_port: int, fault: Fault | None) -> None:
        self.port = 0
        self.struck = False
        self.passed: dict[Way, int] = {"up": 0, "down": 0}
        self._server_port, self._fault = server_port, fault
        self._is_armed = False
        self._writers: list[asyncio.StreamWriter] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._listener: asyncio.Server | None = None

    def arm(self) -> None:
        """Count from here on, and let the fault strike."""
        self._is_armed = True

    async def open(self) -> None:
        """Listen."""
        self._listener = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._listener.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """End everything; the tasks that copied are over afterwards."""
        if self._listener is not None:
            self._listener.close()
        for writer in self._writers:
            writer.transport.abort()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(self._relay(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _relay(self, reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        if self.struck:
            client.transport.abort()
            return
        far, server = await asyncio.open_connection("127.0.0.1", self._server_port)
        self._writers += [client, server]
        ways = [
            asyncio.create_task(self._copy("up", reader, server)),
            asyncio.create_task(self._copy("down", far, client)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            if self._is_silent:
                await asyncio.Event().wait()  # both ends believe in it until they lose patience
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            self._end(client)
            server.transport.abort()

    @property
    def _is_silent(self) -> bool:
        return self.struck and isinstance(self._fault, Cut) and self._fault.how == "silence"

    def _end(self, client: asyncio.StreamWriter) -> None:
        if self.struck and isinstance(self._fault, Cut) and self._fault.how == "reset":
            client.transport.abort()
        else:
            client.close()

    async def _copy(self, way: Way, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            if self.struck:
                return
            for piece, pause in self._treated(way, data) if self._is_armed else [(data, 0.0)]:
                writer.write(piece)
                await writer.drain()
                if pause:
                    await asyncio.sleep(pause)
            if self.struck:
                return

    def _treated(self, way: Way, data: bytes) -> list[tuple[bytes, float]]:
        """What becomes of bytes under the fault."""
        begin, fault = self.passed[way], self._fault
        self.passed[way] += len(data)
        if fault is None or fault.way != way:
            return [(data, 0.0)]
        if isinstance(fault, Slow):
            return [(data[at : at + fault.step], fault.pause) for at in range(0, len(data), fault.step)]
        split = fault.at - begin
        if not 0 <= split < len(data):
            return [(data, 0.0)]
        if isinstance(fault, Insert):
            return [(data[:split] + fault.rubbish + data[split:], 0.0)]
        self.struck = True
        return [(data[:split], 0.0)]


@asynccontextmanager
async def line_to(server_port: int, fault: Fault | None = None) -> AsyncIterator[Line]:
    """A line that is there as long as the block lasts."""
    line = Line(server_port, fault)
    await line.open()
    try:
        yield line
    finally:
        await line.close()
