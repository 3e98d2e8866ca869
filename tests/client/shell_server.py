# SPDX-License-Identifier: GPL-3.0-or-later
"""A far end that does with files what guiServer 2.9 does, with a real shell and its faults (guiserver.md 7.2, 7.3).

Command lines are put together, cut at 1023 bytes and run as there, origins and directories are looked up unquoted, text
blocks end at their first NUL. Where the real one would crash, spin or run rubbish, `hazards` gets the number.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from difxnb.wire.control import ChannelData, ChannelOpened
from difxnb.wire.files import END_OF_LINES, encode_line, encode_size
from difxnb.wire.message import FileOperation, FileTransfer
from tests.client.peers import Talker, scripted

BLOCK = 1024


class ShellServer:
    """State of one such server.

    Parameters
    ----------
    home : Path
        Where it keeps its lock, instead of the home directory.

    Attributes
    ----------
    port : int
    commands : list of str
        What was given to the shell.
    hazards : list of str
        What the real server would not have survived, or would have done wrongly.
    numbers : list of int
        Channels of all transfers.
    spoil : callable
        What becomes of the content of a transfer on its way.
    temporary : list of Path
        Copies that were made for downloads; the real server leaves them lying about.
    """

    def __init__(self, home: Path) -> None:
        self.port = 0
        self.commands: list[str] = []
        self.hazards: list[str] = []
        self.temporary: list[Path] = []
        self.numbers: list[int] = []
        self.spoil: Callable[[bytes], bytes] = bytes
        self._home = home

    async def serve(self, talker: Talker) -> None:
        """Serve one client."""
        self._uploads: dict[int, asyncio.Queue[bytes]] = {}
        tasks: set[asyncio.Task[None]] = set()

        async def answer(_: Talker, body: object, port: int) -> None:
            if isinstance(body, FileOperation) and body.operation != "ls":
                await self._operate(body)
                return
            if isinstance(body, FileOperation):
                work = self._ls(talker, body, port)
            elif isinstance(body, FileTransfer) and body.direction == "to DiFX":
                self._uploads[port] = asyncio.Queue()
                work = self._upload(talker, body, port)
            elif isinstance(body, FileTransfer):
                work = self._download(talker, body, port)
            else:
                raise AssertionError(f"no operation on files: {body}")
            tasks.add(asyncio.create_task(work))

        async def data(channel: int, piece: bytes) -> None:
            self._uploads[channel].put_nowait(piece)

        try:
            await talker.serve(answer, data)
        finally:
            for task in tasks:
                if not task.done():
                    self.hazards.append("H2")
                task.cancel()
            for result in await asyncio.gather(*tasks, return_exceptions=True):
                if isinstance(result, Exception):
                    raise result

    async def _shell(self, command: str) -> bytes:
        if len(command.encode()) > 1023:
            self.hazards.append("H16")
        self.commands.append(command)
        done = await asyncio.to_thread(
            subprocess.run,
            ["/bin/sh", "-c", command],
            cwd=self._home,
            stdin=subprocess.DEVNULL,
            capture_output=True,
        )
        return done.stdout

    async def _operate(self, body: FileOperation) -> None:
        path, argument = body.path or "", body.arg or ""
        lock = f"flock {self._home}/lock -c"
        commands = {
            "mkdir": f"mkdir -p {path} 2>&1",
            "rmdir": f"rmdir {path} 2>&1",
            "touch": f"touch {path} 2>&1",
            "rm": f'{lock} "rm {argument} {path} 2>&1"',
            "mv": f'{lock} "mv {path} {argument}"',
            "cp": f'{lock} "cp {path} {argument}"',
        }
        if body.operation not in ("mv", "cp") or argument.startswith("/"):
            await self._shell(commands[body.operation or ""])

    async def _ls(self, talker: Talker, body: FileOperation, port: int) -> None:
        output = await self._shell(f"ls {body.arg or ''} {body.path or ''}")
        pieces = [
            line[at : at + 4095] for line in output.splitlines(True) for at in range(0, len(line), 4095)
        ]
        await talker.on_channel(port, *map(encode_line, pieces), END_OF_LINES)

    async def _upload(self, talker: Talker, body: FileTransfer, port: int) -> None:
        """As 7.3 has it; a client that goes leaves what has arrived."""
        self.numbers.append(port)
        await talker.say(ChannelOpened(port))
        destination = body.destination or ""
        pieces = self._uploads[port]
        announced = int.from_bytes(await pieces.get(), "big", signed=True)
        temporary = Path(f"/tmp/filetransfer_{port}")
        if temporary.exists():
            self.hazards.append("H15")
        received, stored = 0, bytearray()
        while received < announced:
            piece = await pieces.get()
            received += len(piece)
            if len(piece) % BLOCK and received < announced:
                self.hazards.append("upload pieces")
            for at in range(0, len(piece), BLOCK):
                stored += piece[at : at + BLOCK].partition(b"\0")[0]
        result = announced
        if not destination.startswith("/"):
            result = -1
        elif not os.path.isdir(os.path.dirname(destination)) or os.path.dirname(destination) == "/":
            result = -2  # looked up as it stands, quotes and all
        else:
            temporary.write_bytes(self.spoil(stored))
            await self._shell(f'flock {self._home}/lock -c "cp {temporary} {destination}"')
            temporary.unlink()
        await talker.say(ChannelData(port, encode_size(result)))

    async def _download(self, talker: Talker, body: FileTransfer, port: int) -> None:
        self.numbers.append(port)
        origin = body.origin or ""
        if os.path.isdir(origin):
            self.hazards.append("H12")
        if not os.path.isfile(origin) or os.path.getsize(origin) == 0:
            self.hazards.append("H8")
            await talker.on_channel(port, encode_size(0 if os.path.isfile(origin) else -2))
            return
        copy = Path(f"/tmp/filetransfer_{port}")
        self.temporary.append(copy)
        await self._shell(f'flock {self._home}/lock -c "cp {origin} {copy}"')
        content = self.spoil(copy.read_bytes())
        await talker.on_channel(
            port, encode_size(len(content)), *(content[i : i + BLOCK] for i in range(0, len(content), BLOCK))
        )


@asynccontextmanager
async def shell_server(home: Path) -> AsyncIterator[ShellServer]:
    """Such a server on a free port; that no hazard was met is asserted at the end."""
    home.mkdir()
    server = ShellServer(home)
    try:
        async with scripted(server.serve) as server.port:
            yield server
    finally:
        for path in server.temporary:
            path.unlink(missing_ok=True)
    assert server.hazards == []
