# SPDX-License-Identifier: GPL-3.0-or-later
"""A far end that plays what a real guiServer sends about recorders, lists and vex2difx; `ls` and downloads work."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from difxnb.client.head_node import AsyncHeadNode
from difxnb.wire.control import ChannelData, FileListRequest, VersionRequest, decode_from_client
from difxnb.wire.files import encode_line, encode_size
from difxnb.wire.message import FileOperation, FileTransfer, Message, parse
from tests.client.peers import BRIEF, VERSION_REPLY, Talker, head_node_at, scripted

NOBODY = "no such file"


def entry(path: str, size: int = 10, clock: str = "10:52:00.123456789", kind: str = "-") -> bytes:
    """A line of ``ls -l``."""
    return f"{kind}rw-r--r-- 1 o o {size} 2026-07-22 {clock} +0000 {path}\n".encode()


@dataclass
class FarEnd:
    """What is there, and what is said.

    Attributes
    ----------
    files : dict of str to bytes
        Content by path; a path that ends in a slash is a directory.
    play : callable
        Gets the talker, the request and its channel.
    requests : list
        Everything but `ls` and downloads that was asked for.
    heard : dict of int to bytes
        What the client sent on each channel.
    """

    play: Callable[[Talker, object, int], Awaitable[None]]
    files: dict[str, bytes] = field(default_factory=dict)
    clocks: dict[str, str] = field(default_factory=dict)
    requests: list[object] = field(default_factory=list)
    heard: dict[int, bytes] = field(default_factory=dict)
    news: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, talker: Talker) -> None:
        plays: set[asyncio.Task[None]] = set()
        try:
            while (packet := await talker.packet()) is not None:
                event = decode_from_client(packet)
                if isinstance(event, VersionRequest):
                    await talker.say(*VERSION_REPLY)
                elif isinstance(event, ChannelData):
                    self.heard[event.channel] = self.heard.get(event.channel, b"") + event.data
                    self.news.set()
                elif (request := _request(event)) is not None:
                    plays.add(asyncio.create_task(self._answer(talker, *request)))
        finally:
            for task in plays:
                task.cancel()
            await asyncio.gather(*plays, return_exceptions=True)

    async def answer_on(self, channel: int, length: int) -> bytes:
        """Wait for so many bytes of the client."""
        while len(self.heard.get(channel, b"")) < length:
            self.news.clear()
            await self.news.wait()
        return self.heard[channel]

    async def _answer(self, talker: Talker, body: object, port: int) -> None:
        if isinstance(body, FileOperation) and body.operation == "ls":
            lines = [encode_line(line) for line in self._list(body.arg or "", body.path or "")]
            await talker.on_channel(port, *lines, bytes(4))
        elif isinstance(body, FileTransfer):
            content = self.files.get(body.origin or "", b"")
            await talker.on_channel(port, encode_size(len(content)), content)
        elif not isinstance(body, FileOperation):  # a download is followed by the removal of its copy
            self.requests.append(body)
            await self.play(talker, body, port)

    def _list(self, options: str, pattern: str) -> Iterable[bytes]:
        import fnmatch

        pattern = pattern.strip("'")
        if "d" not in options.split()[0]:
            inside = [path for path in self.files if path.startswith(pattern) and path != pattern]
            return [self._entry(path, path.rpartition("/")[2]) for path in sorted(inside)]
        known = {path.rstrip("/"): path for path in self.files}
        return [
            self._entry(known[path], path)
            for path in sorted(known)
            if fnmatch.fnmatchcase(path, pattern.rstrip("/"))
        ]

    def _entry(self, path: str, shown: str) -> bytes:
        kind = "d" if path.endswith("/") else "-"
        return entry(shown, len(self.files[path]), self.clocks.get(path, "10:52:00.123456789"), kind)


def _request(event: object) -> tuple[object, int] | None:
    if isinstance(event, FileListRequest):
        return event, event.port
    payload = getattr(event, "payload", None)
    message = parse(payload) if isinstance(payload, bytes) and payload.startswith(b"<") else None
    return (message.body, getattr(message.body, "port", 0)) if isinstance(message, Message) else None


@asynccontextmanager
async def facing(
    play: Callable[[Talker, object, int], Awaitable[None]], files: Mapping[str, bytes] = {}
) -> AsyncIterator[tuple[FarEnd, AsyncHeadNode]]:
    """A far end and a client that is connected to it."""
    far = FarEnd(play, dict(files))
    async with scripted(far) as port, head_node_at(port, patience=BRIEF) as node:
        yield far, node
