# SPDX-License-Identifier: GPL-3.0-or-later
"""Transfers that are broken off, lost, spoilt or done many at once: the old file or the new one, and nothing else.

H2, H14, H15, H18; rows upload and download of guiserver.md 7.3, and 9.6.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from difxnb.client.head_node import AsyncHeadNode
from difxnb.errors import ConnectionLost, RemoteFileChanged, RemoteFileError
from difxnb.wire.control import Command, decode_from_client
from difxnb.wire.message import FileOperation, FileTransfer, Message, parse
from difxnb.wire.packet import encode_packet
from tests.client.peers import Talker, head_node_at, own_server, patience_for, scripted
from tests.client.shell_server import ShellServer, shell_server

CONTENT = b"a line of text\n" * 200_000
SERVERS = ["shell", "own", "own 2.9", "own dial-back", "own 2.9 dial-back"]


@asynccontextmanager
async def node_on(kind: str, root: Path) -> AsyncIterator[AsyncHeadNode]:
    transport = "dial-back" if kind.endswith("dial-back") else "channel"
    if kind == "shell":
        async with shell_server(root.parent / "home") as server, head_node_at(server.port) as node:
            yield node
            assert not node.closed or not any(map(os.path.exists, server.temporary))
        return
    quirks = "2.9" if "2.9" in kind else None
    async with (
        own_server(root, quirks) as server,
        head_node_at(server.port, transport=transport, patience=patience_for(quirks)) as node,
    ):
        yield node


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "root").mkdir()
    return (tmp_path / "root").resolve()


async def when_told(work: asyncio.Task[object], begun: asyncio.Event) -> None:
    """Interrupt some work in the middle, as a user does, and leave properly afterwards."""
    await begun.wait()
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work


@pytest.mark.parametrize("kind", SERVERS)
async def test_an_interrupted_upload_leaves_the_old_file_and_nothing_else(kind: str, root: Path) -> None:
    """H2: a real server waits for the rest for ever, and dies when its client goes meanwhile."""
    (root / "x").write_text("old")
    begun = asyncio.Event()
    async with node_on(kind, root) as node:
        sending = asyncio.create_task(node.send_file(f"{root}/x", CONTENT, progress=lambda *_: begun.set()))
        await when_told(sending, begun)
        assert await node.get_file(f"{root}/x") == b"old"
        await node.close()
    assert {path.name: path.read_text() for path in root.iterdir()} == {"x": "old"}


@pytest.mark.parametrize("kind", SERVERS)
async def test_an_interrupted_download_leaves_the_old_file_and_nothing_else(kind: str, root: Path) -> None:
    (root / "x").write_bytes(CONTENT)
    here = root.parent / "here"
    here.mkdir()
    (here / "x").write_text("old")
    begun = asyncio.Event()
    async with node_on(kind, root) as node:
        fetching = asyncio.create_task(
            node.download(f"{root}/x", here, overwrite=True, progress=lambda *_: begun.set())
        )
        await when_told(fetching, begun)
        assert await node.get_file(f"{root}/x") == CONTENT
        await node.close()
    assert {path.name: path.read_text() for path in here.iterdir()} == {"x": "old"}


async def test_what_a_lost_connection_left_goes_with_the_next_change(root: Path) -> None:
    """The server has the file under its temporary name, and the connection breaks before it gets the right one."""
    (root / "x").write_text("old")
    cuts: list[int] = []

    async def relay_until_mv(talker: Talker) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)

        async def back() -> None:
            while data := await reader.read(2**16):
                talker.writer.write(data)

        backwards = asyncio.create_task(back())
        try:
            while (packet := await talker.packet()) is not None:
                event = decode_from_client(packet)
                message = parse(event.payload) if isinstance(event, Command) else None
                body = message.body if isinstance(message, Message) else None
                if isinstance(body, FileOperation) and body.operation == "mv" and not cuts:
                    cuts.append(1)
                    break
                writer.write(encode_packet(packet.id, packet.payload))
        finally:
            backwards.cancel()
            writer.close()

    async with own_server(root) as server, scripted(relay_until_mv) as port, head_node_at(port) as node:
        with pytest.raises(ConnectionLost, match="may or may not"):
            await node.send_file(f"{root}/x", b"new")
        assert (root / "x").read_text() == "old"
        assert len(os.listdir(root)) == 2
        await node.send_file(f"{root}/y", b"another")
        await node.fence()
    assert {path.name: path.read_text() for path in root.iterdir()} == {"x": "old", "y": "another"}


async def test_a_local_file_that_changes_while_it_is_sent_is_not_stored(root: Path) -> None:
    local = root.parent / "local"
    local.write_bytes(CONTENT)

    def change(done: int, size: int) -> None:
        local.write_bytes(CONTENT + b"more")

    (root / "x").write_text("old")
    async with node_on("own", root) as node:
        with pytest.raises(RemoteFileError, match="was changed while it was sent"):
            await node.upload(local, f"{root}/x", overwrite=True, progress=change)
        await node.close()
    assert {path.name: path.read_text() for path in root.iterdir()} == {"x": "old"}


def spoilt(data: bytes) -> bytes:
    return b"X" + data[1:]


async def test_a_checksum_finds_what_a_size_does_not(root: Path) -> None:
    (root / "x").write_text("old")
    async with shell_server(root.parent / "home") as server, head_node_at(server.port) as node:
        assert await node.send_file(f"{root}/x", b"first", checksum=True) == 5
        server.spoil = spoilt
        assert await node.send_file(f"{root}/y", b"passes") == 6
        with pytest.raises(RemoteFileError, match="not what was sent"):
            await node.send_file(f"{root}/x", b"second", checksum=True)
        await node.fence()
        assert {path.name: path.read_text() for path in root.iterdir()} == {"x": "first", "y": "Xasses"}
        server.spoil = bytes
        assert await node.get_file(f"{root}/x", checksum=True) == b"first"
        pieces = iter([bytes, spoilt])
        server.spoil = lambda data: next(pieces)(data)
        with pytest.raises(RemoteFileChanged, match="fetched again"):
            await node.get_file(f"{root}/x", checksum=True)
        server.spoil = bytes
        assert await node.send_file(f"{root}/empty", b"", checksum=True) == 0


async def test_many_transfers_at_once_have_numbers_of_their_own(root: Path) -> None:
    """H15: transfers of one number mix; numbers are random, never used again, and beyond those of other clients."""
    contents = {f"{root}/{number}": f"{number} ".encode() * 5000 for number in range(12)}
    async with shell_server(root.parent / "home") as server:
        async with head_node_at(server.port) as one, head_node_at(server.port) as two:
            await asyncio.gather(*(one.send_file(*item) for item in contents.items()))
            got = await asyncio.gather(*(node.get_file(path) for path in contents for node in (one, two)))
        assert got == [content for content in contents.values() for _ in (1, 2)]
        assert len(server.numbers) == len(set(server.numbers)) == 3 * len(contents)
        assert min(server.numbers) >= 1024


@pytest.mark.parametrize("size", [1, 1023, 1024, 1025, 2**18, 2**18 + 1, 2**20 + 1023])
async def test_every_size_goes_in_pieces_that_a_real_server_survives(size: int, root: Path) -> None:
    """H18: the server notes pieces that are no multiple of 1024 bytes, the last one apart."""
    content = bytes(range(1, 256)) * (size // 255 + 1)
    async with node_on("shell", root) as node:
        assert await node.send_file(f"{root}/x", content[:size], checksum=True) == size
    assert (root / "x").read_bytes() == content[:size]


async def test_a_server_that_damages_nul_bytes_never_gets_them(root: Path) -> None:
    """H14, for bytes, files and whole trees; and what would pass does."""
    local = root.parent / "local"
    local.mkdir()
    (local / "binary").write_bytes(CONTENT + b"\0")
    (local / "text").write_bytes(CONTENT)
    async with node_on("shell", root) as node:
        for path in ("x", "y"):
            with pytest.raises(RemoteFileError, match="NUL bytes"):
                await node.send_file(f"{root}/{path}", b"a\0b")
        with pytest.raises(RemoteFileError, match=r"1 of 2 files failed.*NUL bytes"):
            await node.upload(local, f"{root}/tree", recursive=True)
    assert [str(path.relative_to(root)) for path in root.rglob("*")] == ["tree", "tree/text"]


def test_the_far_end_is_as_faulty_as_the_real_one(tmp_path: Path) -> None:
    """What the tests above rely on: the faults of 7.3 are there to be met."""

    async def stored(destination: str, content: bytes) -> list[str]:
        server = ShellServer(tmp_path)
        server._uploads = {7: asyncio.Queue()}
        server._uploads[7].put_nowait(len(content).to_bytes(4, "big"))
        server._uploads[7].put_nowait(content)

        async def nobody(talker: Talker) -> None:
            await server._upload(talker, FileTransfer(destination=destination, direction="to DiFX"), 7)

        async with scripted(nobody) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            await reader.read()
            writer.close()
        return server.hazards

    assert asyncio.run(stored(f"{tmp_path}/x", b"\0" + b"a" * 1023 + b"b\0b")) == []
    assert (tmp_path / "x").read_bytes() == b"b"
