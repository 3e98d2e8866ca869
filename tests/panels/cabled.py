# SPDX-License-Identifier: GPL-3.0-or-later
"""A stage whose connection runs over a cable that can be cut and mended."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from difxnb.client.blocking import LoopThread
from tests.aio.stage import Cable
from tests.client.peers import scripted
from tests.notebook.far_end import FarEnd
from tests.panels.stage import Stage, connected, server_at


class CabledStage(Stage):
    """A stage with a cable."""

    def __init__(self, far: FarEnd, root: Path, input_file: Path, behaviour: str | None = None) -> None:
        self._far = far
        self.cable, port = far.enter(_cable_to(root, behaviour))
        loop = LoopThread("client of panels")
        loop.start()
        super().__init__(loop.call(connected(port)), loop, root, input_file, port)

    def cut(self) -> None:
        """Cut the cable, and keep it cut."""
        self._far.loop.call(self._set(broken=True))

    def mend(self) -> None:
        """Let connections through again."""
        self._far.loop.call(self._set(broken=False))

    async def _set(self, *, broken: bool) -> None:
        self.cable.broken = broken
        if broken:
            self.cable.cut(broken=True)


@asynccontextmanager
async def _cable_to(root: Path, behaviour: str | None) -> AsyncIterator[tuple[Cable, int]]:
    async with server_at(root, behaviour) as server:
        cable = Cable(server.port)
        async with scripted(cable) as port:
            yield cable, port


@contextmanager
def cabled(far: FarEnd, root: Path, input_file: Path, behaviour: str | None = None) -> Iterator[CabledStage]:
    """A stage with a cable, closed at the end."""
    stage = CabledStage(far, root, input_file, behaviour)
    try:
        yield stage
    finally:
        stage.close()
