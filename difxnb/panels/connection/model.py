# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known of a connection, and what can be done to it: measure it, make it anew, choose the version of DiFX."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from difxnb.panels.acting import ActingModel, ActingSnapshot
from difxnb.panels.connection.standing import Standing, standing_of
from difxnb.panels.work import Work

MEASURE_EVERY_S = 60.0
"""Seconds between two measurements of a connection that is looked at: each is a question to the server."""


class Connected(Protocol):
    """A correlator, as this panel needs it; see `difxnb.aio.Correlator`."""

    head_node: Any
    messages: Any

    @property
    def server(self) -> Any:
        """What the server says of itself."""

    @property
    def connected(self) -> bool:
        """Whether the connection stands."""

    @property
    def transport(self) -> str:
        """How side connections are made."""

    async def reconnect(self, force: bool = False) -> None:
        """Make the connection anew."""


@dataclass(frozen=True)
class ConnectionSnapshot(ActingSnapshot):
    """What the panel shows; texts are as the server gave them, not escaped.

    Attributes
    ----------
    latency : float or None
        Seconds that the server took for its last answer; None where it was not measured.
    versions : tuple of str
        Installed versions of DiFX; `version_in_use` is empty where the server does not tell.
    running : tuple of str
        Input files of jobs that were started over this connection and go on.
    reconnections : int
        How often the connection was lost and came back.
    """

    standing: Standing
    where: str
    user: str
    server: str
    base: str
    transport: str
    latency: float | None
    is_embedded: bool
    is_read_only: bool
    versions: tuple[str, ...]
    version_in_use: str
    messages: int
    dropped: int
    running: tuple[str, ...]
    reconnections: int

    @property
    def kind(self) -> str:
        """What kind of server it is, in words."""
        what = "correlator in a box (difxnb)" if self.is_embedded else "guiServer"
        return f"{what}, version {self.server or 'unknown'}"

    @property
    def access(self) -> str:
        """What may be done there, in words."""
        return (
            "open for reading only: nothing can be changed or started" if self.is_read_only else "everything"
        )


class ConnectionModel(ActingModel):
    """What is known of a connection.

    Parameters
    ----------
    correlator : Connected
    work : Work
        Where what is asked of it is done.
    clock : callable
        Seconds of a clock that never goes back.
    """

    def __init__(
        self, correlator: Connected, work: Work, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__(work, clock=clock)
        self._difx = correlator
        self._latency: float | None = None
        self._measured = -MEASURE_EVERY_S

    def snapshot(self) -> ConnectionSnapshot:
        """All that the panel shows, as it is now."""
        difx = self._difx
        node, server = difx.head_node, difx.server
        standing = standing_of(difx)
        return ConnectionSnapshot(
            standing=standing,
            where=node.where,
            user=server.user,
            server=server.version,
            base=server.difx_base,
            transport=difx.transport,
            latency=self._latency if standing.stands else None,
            is_embedded=server.is_embedded,
            is_read_only=server.is_read_only,
            versions=tuple(server.difx_versions["version"]),
            version_in_use=server.version_in_use,
            messages=len(difx.messages),
            dropped=difx.messages.dropped,
            running=tuple(sorted(node.running_jobs)),
            reconnections=node.reconnections,
            under_way=self.under_way,
            said=self.said,
        )

    def reconnect(self) -> None:
        """Make the connection anew at once; refused where jobs would not survive it."""
        self._do(
            "reconnection",
            self._difx.reconnect,
            lambda _: self._say(f"connected to {self._difx.head_node.where} again"),
        )

    def use_version(self, name: str | None) -> None:
        """Have the programs of an installed DiFX version run from now on; None for the server's own choice."""
        self._choose_version(self._difx.server, name)

    def measure(self) -> None:
        """Ask the server for a sign of life, and note how long it took."""
        self._measured = self._clock()
        self._do("measurement", self._answer_time, self._note_latency)

    def measure_if_due(self) -> None:
        """Measure now and then, as long as the connection stands."""
        if self._difx.connected and self._clock() - self._measured >= MEASURE_EVERY_S:
            self._measured = self._clock()
            self._do("look at the connection", self._answer_time, self._keep_latency, self._lose_latency)

    async def _answer_time(self) -> float:
        begun = self._clock()
        await self._difx.head_node.fence()
        return self._clock() - begun

    def _keep_latency(self, seconds: float) -> None:
        with self._changing():
            self._latency = seconds

    def _lose_latency(self, error: Exception) -> None:
        # Nobody asked for this look; that the connection is lost is told by its standing.
        with self._changing():
            self._latency = None

    def _note_latency(self, seconds: float) -> None:
        self._keep_latency(seconds)
        self._say(f"the server answered within {1000 * seconds:.0f} ms")
