# SPDX-License-Identifier: GPL-3.0-or-later
"""Files on the server: against recordings of a real one, and against peers that misbehave in the middle."""

from __future__ import annotations

import asyncio

import pytest

from difxnb.errors import (
    ConnectionLost,
    DifxError,
    NoReply,
    ProtocolError,
    RemoteFileError,
    RemoteFileNotFound,
    RemotePermission,
)
from difxnb.wire.control import ChannelData
from difxnb.wire.files import encode_line, encode_size
from difxnb.wire.message import FileOperation, FileTransfer
from tests.client.peers import (
    BRIEF,
    Talker,
    captured_reply,
    head_node_at,
    scripted,
)

# --- recordings of a real server ---------------------------------------------------------------------


ENTRY = b"-rw-r--r-- 1 oper oper 21 2026-11-22 10:52:00.000000000 +0000 "


def line(path: str) -> bytes:
    return encode_line(ENTRY + path.encode() + b"\n")


def looks(body: object) -> bool:
    return isinstance(body, FileOperation) and body.operation == "ls" and "d" in (body.arg or "").split()[0]


def replaying(name: str, *, exists: bool = True, size: int = 21) -> object:
    """Server that answers looks by itself, and everything else with a recorded reply."""
    _, reply = captured_reply(name)

    async def answer(talker: Talker, body: object, port: int) -> None:
        path = getattr(body, "path", "")
        if not looks(body):
            await talker.on_channel(port, *(reply[at : at + 7] for at in range(0, len(reply), 7)))
        elif not exists:
            await talker.on_channel(port, bytes(4))
        else:
            kind = b"d" if path.endswith("dir") else b"-"
            entry = kind + ENTRY[1:].replace(b" 21 ", b" %d " % size) + path.encode() + b"\n"
            await talker.on_channel(port, encode_line(entry), bytes(4))

    async def script(talker: Talker) -> None:
        await talker.serve(answer)

    return script


async def test_recorded_listing() -> None:
    async with scripted(replaying("04_ls")) as port, head_node_at(port) as node:
        entries = await node.ls_entries("/srv/difx-soft/jobs/demo1/dir")
    assert len(entries) == 7
    assert entries[0].path == "/srv/difx-soft/jobs/demo1/demo1.calc"
    assert (entries[0].size, entries[0].owner) == (2977, "root")


async def test_recorded_empty_directory() -> None:
    """It was recorded without ``-l``, with which an empty directory has a total, if it can be read."""
    async with scripted(replaying("06_lsempty")) as port, head_node_at(port) as node:
        with pytest.raises(RemotePermission, match="may not read"):
            await node.ls_entries("/srv/empty/dir")


async def test_recorded_missing_directory() -> None:
    """On the wire it is the same as an empty one; only the look before tells."""
    assert captured_reply("05_lsnone")[1] == captured_reply("06_lsempty")[1]
    async with scripted(replaying("05_lsnone", exists=False)) as port, head_node_at(port) as node:
        with pytest.raises(RemoteFileNotFound):
            await node.ls_entries("/srv/none")


async def test_recorded_downloads() -> None:
    async with scripted(replaying("12_get")) as port, head_node_at(port) as node:
        assert await node.get_file("/srv/x") == b"hello world\nline two\n"
    async with scripted(replaying("14_getnone")) as port, head_node_at(port) as node:
        with pytest.raises(RemoteFileNotFound, match="no such file or directory"):
            await node.get_file("/srv/x")


async def test_recorded_status() -> None:
    async with scripted(replaying("19_status")) as port, head_node_at(port) as node:
        records = await node.job_status("/srv/difx-soft/jobs/demo1/*.input")
        assert [(record.input_file, record.kind) for record in records] == [
            ("/srv/difx-soft/jobs/demo1/demo.input", "no_log"),
            ("/srv/difx-soft/jobs/demo1/demo1.input", "no_log"),
            ("/srv/difx-soft/jobs/demo1/demo_1.input", "no_log"),
        ]
    async with scripted(replaying("20_statusnone")) as port, head_node_at(port) as node:
        assert await node.job_status("/no/such/*.input") == []


async def test_recorded_upload_result() -> None:
    """A real server acknowledges what it was promised, whatever it stored: only the look tells."""
    assert captured_reply("07_send")[1] == encode_size(21)
    async with scripted(replaying("07_send", size=0)) as port, head_node_at(port) as node:
        with pytest.raises(RemoteFileError, match="21 bytes were sent and 0 bytes arrived"):
            await node.send_file("/srv/x", b"hello world\nline two\n")


# --- peers that misbehave in the middle -----------------------------------------------------------------


def misbehaving(*pieces: bytes, die: bool = False) -> object:
    """Server on which everything exists, that answers anything but a look with `pieces` and then nothing."""

    async def answer(talker: Talker, body: object, port: int) -> None:
        if looks(body):
            path = getattr(body, "path", "")
            kind = b"d" if path.endswith("dir") else b"-"
            await talker.on_channel(port, encode_line(kind + ENTRY[1:] + path.encode() + b"\n"), bytes(4))
            return
        await talker.on_channel(port, *pieces)
        if die:
            talker.writer.transport.abort()

    async def script(talker: Talker) -> None:
        await talker.serve(answer)

    return script


@pytest.mark.parametrize(
    ("pieces", "die", "error", "text"),
    [
        ((b"\0\0\0\x20half",), False, NoReply, "stopped in the middle"),
        ((b"\0\0\0\x20half",), True, ConnectionLost, "Nothing was changed"),
        ((b"\xff\xff\xff\xff",), False, ProtocolError, "negative"),
        ((b"\x7f\xff\xff\xff",), False, ProtocolError, "2147483647"),
        ((b"\0\0\0\4what", bytes(4)), False, ProtocolError, "no line of ls"),
        ((b"", b"", b""), False, NoReply, "stopped in the middle"),
    ],
)
async def test_bad_listings(pieces: tuple[bytes, ...], die: bool, error: type[DifxError], text: str) -> None:
    async with scripted(misbehaving(*pieces, die=die)) as port, head_node_at(port, patience=BRIEF) as node:
        with pytest.raises(error, match=text):
            await node.ls_entries("/srv/dir")


@pytest.mark.parametrize(
    ("pieces", "die", "error", "text"),
    [
        ((encode_size(100), b"half"), False, NoReply, "stopped after 4 of 100 bytes"),
        ((encode_size(100), b"half"), True, ConnectionLost, "Nothing was changed"),
        ((encode_size(2**31 - 1), b"x"), False, NoReply, "1 of 2147483647"),
        ((encode_size(-3),), False, RemotePermission, "may not"),
        ((encode_size(-77),), False, RemoteFileError, "the number -77"),
        ((), False, NoReply, r"0 of \? bytes"),
    ],
)
async def test_bad_downloads(pieces: tuple[bytes, ...], die: bool, error: type[DifxError], text: str) -> None:
    async with scripted(misbehaving(*pieces, die=die)) as port, head_node_at(port, patience=BRIEF) as node:
        with pytest.raises(error, match=text):
            await node.get_file("/srv/x")


@pytest.mark.parametrize(
    ("pieces", "die", "error", "text"),
    [
        ((), False, NoReply, "no acknowledgement"),
        ((b"\0\0",), False, NoReply, "no acknowledgement"),
        ((), True, ConnectionLost, "may or may not have had its effect"),
        ((encode_size(-2),), False, RemoteFileNotFound, "no such file or directory"),
        ((encode_size(-5),), False, RemoteFileError, "is none"),
    ],
)
async def test_bad_uploads(pieces: tuple[bytes, ...], die: bool, error: type[DifxError], text: str) -> None:
    async with scripted(misbehaving(*pieces, die=die)) as port, head_node_at(port, patience=BRIEF) as node:
        with pytest.raises(error, match=text):
            await node.send_file("/srv/x", b"content")


async def test_dialled_download_ends_early() -> None:
    async def answer(talker: Talker, body: object, port: int) -> None:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        if isinstance(body, FileTransfer):
            writer.write(encode_size(100) + b"half")
        else:
            writer.write(line("/srv/x") + bytes(4))
        writer.close()

    async def script(talker: Talker) -> None:
        await talker.serve(answer)

    async with scripted(script) as port, head_node_at(port, transport="dial-back") as node:
        with pytest.raises(ConnectionLost, match="4 of 100"):
            await node.get_file("/srv/x")


async def test_a_listing_that_ends_early_is_a_lost_connection() -> None:
    """A server that crashes drops what it had begun, and its main connection after that."""

    async def answer(talker: Talker, body: object, port: int) -> None:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.close()

    async def script(talker: Talker) -> None:
        await talker.serve(answer)

    async with scripted(script) as port, head_node_at(port, transport="dial-back") as node:
        with pytest.raises(ConnectionLost, match="ls /srv"):
            await node.ls_entries("/srv")


async def test_upload_in_safe_pieces() -> None:
    """Real servers survive a size by itself, then pieces of multiples of 1024 bytes, the last one apart."""
    pieces: list[bytes] = []

    async def script(talker: Talker) -> None:
        channel = 0

        async def answer(talker: Talker, body: object, port: int) -> None:
            nonlocal channel
            if isinstance(body, FileTransfer):
                channel = port
                await talker.on_channel(port)
                while sum(map(len, pieces)) < 4 + 100_000:
                    packet = await talker.packet()
                    assert packet is not None
                    assert packet.payload[:4] == channel.to_bytes(4, "big")
                    pieces.append(packet.payload[4:])
                await talker.say(ChannelData(channel, encode_size(-1)))
            else:
                await talker.on_channel(port, line(getattr(body, "path", "")), bytes(4))

        await talker.serve(answer)

    async with scripted(script) as port, head_node_at(port) as node:
        with pytest.raises(RemoteFileError, match="not absolute"):
            await node.send_file("/srv/x", b"x" * 100_000)
    assert pieces[0] == encode_size(100_000)
    assert all(len(piece) % 1024 == 0 for piece in pieces[1:-1])
    assert b"".join(pieces[1:]) == b"x" * 100_000
