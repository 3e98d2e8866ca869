# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers of recorders: they come as messages to everybody, and are told by sender and type alone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Self

from difxnb.wire.message import Command, Mark5Status, Message
from difxnb.wire.recorder_commands import is_from, is_group

if TYPE_CHECKING:
    from difxnb.aio.correlator import Listener
    from difxnb.aio.heard import Item

_DAEMON = "mk5daemon"
_AT_REST = ("Idle", "Error")
_MOST = 100_000  # of one question; a correlator has some dozens of recorders with 16 disks


class Answers:
    """Messages of the daemons of recorders during a ``with`` block.

    Parameters
    ----------
    listen : callable
        Registers a listener, and gives what ends that.
    name : str
        Recorder or group that was asked.
    command : str
        What it was asked. Where the command itself is relayed, what came before it is no answer.
    kinds : tuple of type
        Bodies that are answers.
    """

    def __init__(
        self,
        listen: Callable[[Listener], Callable[[], None]],
        name: str,
        command: str,
        kinds: tuple[type, ...],
    ) -> None:
        self._listen, self._name, self._command, self._kinds = listen, name, command, kinds
        self._heard: list[tuple[Message, float]] = []
        self._news = asyncio.Event()
        self._end: Callable[[], None] | None = None

    async def wait(self, timeout: float, quiet: float = 0.0) -> list[tuple[Message, float]]:
        """Wait for answers, oldest first.

        Parameters
        ----------
        timeout : float
            Seconds; a group is given all of them.
        quiet : float
            One recorder has answered when it has been silent for so long; 0 means with the first message.
        """
        if is_group(self._name):
            await asyncio.sleep(timeout)
            return self._heard
        deadline = asyncio.get_running_loop().time() + timeout
        await self._more(timeout)
        while quiet and self._heard and asyncio.get_running_loop().time() < deadline:
            if not await self._more(quiet):
                break
        return self._heard

    async def _more(self, seconds: float) -> bool:
        """Wait for something new; False where nothing came."""
        try:
            async with asyncio.timeout(seconds):
                await self._news.wait()
        except TimeoutError:
            return False
        self._news.clear()
        return True

    def __enter__(self) -> Self:
        self._end = self._listen(self._hear)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._end is not None:
            self._end()

    def _hear(self, item: Item, time: float) -> None:
        if not isinstance(item, Message):
            return
        if isinstance(item.body, Command) and item.body.command == self._command:
            self._heard.clear()
            self._news.clear()
        elif (
            _is_answer(item.body, self._kinds)
            and item.header.identifier == _DAEMON
            and is_from(item.header.source, self._name)
            and len(self._heard) < _MOST
        ):
            self._heard.append((item, time))
            self._news.set()


def _is_answer(body: object, kinds: tuple[type, ...]) -> bool:
    """Whether a body answers; a unit that says what it is about to do does not."""
    return isinstance(body, kinds) and (not isinstance(body, Mark5Status) or body.state in _AT_REST)
