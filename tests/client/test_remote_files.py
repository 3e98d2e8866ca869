# SPDX-License-Identifier: GPL-3.0-or-later
"""Files on the server: against the own server in all its moods, against recordings, and against bad peers."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from difxnb.client import transfer
from difxnb.client.head_node import AsyncHeadNode
from difxnb.errors import (
    ConnectionLost,
    DifxError,
    NoReply,
    PacketTruncated,
    ProtocolError,
    RemoteFileError,
    RemoteFileExists,
    RemoteFileNotFound,
    RemotePermission,
    UnsafeValue,
)
from difxnb.wire.control import ChannelData
from difxnb.wire.files import encode_line, encode_size
from difxnb.wire.message import FileOperation, FileTransfer
from tests.client.peers import (
    BRIEF,
    Talker,
    captured_reply,
    head_node_at,
    own_server,
    patience_for,
    scripted,
)

MODES = [(quirks, transport) for quirks in (None, "2.9") for transport in ("channel", "dial-back")]

Test = Callable[[AsyncHeadNode, str], Awaitable[None]]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path.resolve()


@pytest.mark.parametrize(("quirks", "transport"), MODES)
async def test_life_of_files(root: Path, quirks: str | None, transport: str) -> None:
    async with (
        own_server(root, quirks) as server,
        head_node_at(server.port, transport=transport, patience=patience_for(quirks)) as node,
    ):
        await node.make_directory(f"{root}/exp/job")
        await node.make_directory(f"{root}/exp/job")
        assert await node.ls_entries(f"{root}/exp/job") == []
        content = bytes(range(1, 256)) * 11 + (b"\n" * 197 if quirks else b"\0" * 197)
        assert await node.send_file(f"{root}/exp/a.dat", content) == 3002
        assert (root / "exp/a.dat").read_bytes() == content
        assert await node.get_file(f"{root}/exp/a.dat") == content
        assert await node.send_file(f"{root}/exp/a.dat", b"shorter") == 7
        assert await node.send_file(f"{root}/exp/empty", b"") == 0
        assert await node.get_file(f"{root}/exp/empty") == b""
        listed = await node.ls_entries(f"{root}/exp")
        assert [(entry.name, entry.type) for entry in listed] == [
            ("a.dat", "file"),
            ("empty", "file"),
            ("job", "directory"),
        ]
        assert listed[0].path == f"{root}/exp/a.dat"
        assert listed[0].size == 7
        assert [entry.name for entry in await node.ls_entries(f"{root}/exp/*.dat")] == ["a.dat"]
        await node.move(f"{root}/exp/a.dat", f"{root}/exp/b.dat")
        await node.remove(f"{root}/exp/b.dat")
        await node.remove(f"{root}/exp/e*", force=True)
        await node.remove(f"{root}/exp", recursive=True)
        assert list(root.iterdir()) == []


@pytest.mark.parametrize(("quirks", "transport"), MODES)
async def test_what_goes_wrong(root: Path, quirks: str | None, transport: str) -> None:
    (root / "file").write_text("text")
    (root / "dir/sub").mkdir(parents=True)
    (root / "empty").mkdir()
    wrong: list[tuple[Test, type[Exception], str]] = [
        (lambda n, r: n.ls_entries(f"{r}/none"), RemoteFileNotFound, "no such file or directory"),
        (lambda n, r: n.ls_entries(f"{r}/no*"), RemoteFileNotFound, "nothing on .* matches"),
        (lambda n, r: n.ls_entries(f"{r}/none/*"), RemoteFileNotFound, "no such file or directory"),
        (lambda n, r: n.get_file(f"{r}/none"), RemoteFileNotFound, "no such file"),
        (lambda n, r: n.get_file(f"{r}/dir"), RemoteFileError, "a directory"),
        (lambda n, r: n.send_file(f"{r}/none/file", b"x"), RemoteFileNotFound, "send_file"),
        (lambda n, r: n.send_file(f"{r}/dir", b"x"), RemoteFileExists, "a directory of that name"),
        (lambda n, r: n.make_directory(f"{r}/file"), RemoteFileExists, "a file of that name"),
        (lambda n, r: n.make_directory(f"{r}/file/below"), RemoteFileError, "not there afterwards"),
        (lambda n, r: n.remove(f"{r}/none"), RemoteFileNotFound, "no such file or directory"),
        (lambda n, r: n.remove(f"{r}/dir"), RemoteFileError, "recursive=True"),
        (lambda n, r: n.remove(f"{r}/d*", recursive=True), UnsafeValue, "force=True"),
        (lambda n, r: n.move(f"{r}/none", f"{r}/other"), RemoteFileNotFound, "no such file"),
        (lambda n, r: n.move(f"{r}/file", f"{r}/dir"), RemoteFileExists, "a directory is in the way"),
        (lambda n, r: n.ls_entries("/etc"), RemoteFileNotFound, "/etc"),
        (lambda n, r: n.get_file("/etc/passwd"), RemoteFileNotFound, "/etc/passwd"),
    ]
    async with (
        own_server(root, quirks) as server,
        head_node_at(server.port, transport=transport, patience=patience_for(quirks)) as node,
    ):
        for call, error, text in wrong:
            with pytest.raises(error, match=text):
                await call(node, str(root))
        assert await node.ls_entries(f"{root}/empty/*") == []
        await node.remove(f"{root}/none*", force=True)
    assert sorted(path.name for path in root.rglob("*")) == ["dir", "empty", "file", "sub"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
async def test_no_permission(root: Path) -> None:
    (root / "locked").mkdir(mode=0o500)
    async with own_server(root) as server, head_node_at(server.port) as node:
        with pytest.raises(RemotePermission):
            await node.make_directory(f"{root}/locked/below")


UNSAFE = [
    "/a b",
    "/a;rm -rf",
    "/a$(id)",
    "/a`id`",
    "/a&b",
    "/a|b",
    "/a>b",
    "/a'b",
    '/a"b',
    "/a\nb",
    "/ä",
    "/a\\b",
    "",
]


@pytest.mark.parametrize("path", [*UNSAFE, "relative", "-rf", "/" + 300 * "x"])
async def test_unsafe_values_are_not_sent(path: str) -> None:
    commands: list[object] = []

    async def script(talker: Talker) -> None:
        await talker.serve(lambda _, body, __: asyncio.sleep(0, commands.append(body)))

    async with scripted(script) as port, head_node_at(port) as node:
        for call in (node.ls_entries, node.make_directory, node.get_file, node.job_status):
            with pytest.raises(ValueError, match=r"."):
                await call(path)
        with pytest.raises(ValueError, match=r"."):
            await node.remove(path, force=True, recursive=True)
        with pytest.raises(ValueError, match=r"."):
            await node.send_file(path, b"content")
        with pytest.raises(ValueError, match=r"."):
            await node.move("/fine", path)
        await node.fence()
    assert commands == []


@pytest.mark.parametrize("path", ["/", "//", "/.", "/..", "/a/..", "///./"])
async def test_the_root_is_never_removed(root: Path, path: str) -> None:
    async with own_server(root) as server, head_node_at(server.port) as node:
        with pytest.raises(UnsafeValue, match="never removed"):
            await node.remove(path, recursive=True, force=True)


async def test_links(root: Path) -> None:
    (root / "dir").mkdir()
    (root / "dir/inside").write_text("text")
    (root / "link").symlink_to("dir")
    (root / "file-link").symlink_to("dir/inside")
    async with own_server(root) as server, head_node_at(server.port) as node:
        assert [entry.name for entry in await node.ls_entries(f"{root}/link")] == ["inside"]
        (only,) = await node.ls_entries(f"{root}/file-link")
        assert (only.type, only.target) == ("link", "dir/inside")
        assert await node.get_file(f"{root}/file-link") == b"text"
        with pytest.raises(RemoteFileError, match="a directory"):
            await node.get_file(f"{root}/link")


@pytest.mark.parametrize("size", [1, 1023, 1024, 1025, 200_000])
async def test_sizes_and_progress(root: Path, size: int) -> None:
    content = os.urandom(size)
    up: list[tuple[int, int]] = []
    down: list[tuple[int, int]] = []
    async with own_server(root) as server, head_node_at(server.port) as node:
        await node.send_file(f"{root}/x", content, progress=lambda *seen: up.append(seen))
        assert await node.get_file(f"{root}/x", progress=lambda *seen: down.append(seen)) == content
    for seen in (up, down):
        assert seen == sorted(seen)
        assert seen[-1] == (size, size)


async def test_many_at_once(root: Path) -> None:
    contents = {f"{root}/{name}": os.urandom(20_000) for name in "abcdefgh"}
    async with own_server(root) as server, head_node_at(server.port) as node:
        await asyncio.gather(*(node.send_file(path, data) for path, data in contents.items()))
        got = await asyncio.gather(*(node.get_file(path) for path in contents))
    assert dict(zip(contents, got, strict=True)) == contents


async def test_nul_bytes_are_not_sent_to_a_real_server(root: Path) -> None:
    async with own_server(root, "real-name") as server, head_node_at(server.port) as node:
        assert not node.description.is_own
        with pytest.raises(RemoteFileError, match="NUL bytes"):
            await node.send_file(f"{root}/x", b"a\0b")
        await node.send_file(f"{root}/x", b"text")
    assert (root / "x").read_bytes() == b"text"


async def test_damaged_upload_is_noticed(root: Path) -> None:
    """A server that is taken for our own, and drops NUL bytes all the same; the old file stays."""
    (root / "x").write_text("old")
    async with (
        own_server(root, "2.9,-real-name") as server,
        head_node_at(server.port, patience=patience_for("2.9")) as node,
    ):
        with pytest.raises(RemoteFileError, match="3 bytes were sent and 1 bytes arrived"):
            await node.send_file(f"{root}/x", b"a\0b")
        await node.fence()
    assert [(path.name, path.read_text()) for path in root.iterdir()] == [("x", "old")]


async def test_too_big_for_the_protocol(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (root / "big").write_bytes(bytes(101))
    monkeypatch.setattr(transfer, "MAX_SIZE", 100)
    async with own_server(root) as server, head_node_at(server.port) as node:
        with pytest.raises(RemoteFileError, match="101 bytes; the protocol ends at 100"):
            await node.get_file(f"{root}/big")
        with pytest.raises(RemoteFileError, match="101 bytes; the protocol ends at 100"):
            await node.send_file(f"{root}/more", bytes(101))


async def test_a_cancelled_upload_leaves_nothing(root: Path) -> None:
    (root / "x").write_text("old")
    async with own_server(root) as server, head_node_at(server.port) as node:
        sending: asyncio.Task[int] = asyncio.create_task(
            node.send_file(f"{root}/x", bytes(10_000_000), progress=lambda *_: sending.cancel())
        )
        with pytest.raises(asyncio.CancelledError):
            await sending
        await node.fence()
        assert (root / "x").read_text() == "old"
        assert [entry.name for entry in await node.ls_entries(str(root))] == ["x"]


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
    async with scripted(replaying("04_ls")) as port, head_node_at(port) as node:  # type: ignore[arg-type]
        entries = await node.ls_entries("/srv/difx-soft/jobs/demo1/dir")
    assert len(entries) == 7
    assert entries[0].path == "/srv/difx-soft/jobs/demo1/demo1.calc"
    assert (entries[0].size, entries[0].owner) == (2977, "root")


async def test_recorded_empty_directory() -> None:
    async with scripted(replaying("06_lsempty")) as port, head_node_at(port) as node:  # type: ignore[arg-type]
        assert await node.ls_entries("/srv/empty/dir") == []


async def test_recorded_missing_directory() -> None:
    """On the wire it is the same as an empty one; only the look before tells."""
    assert captured_reply("05_lsnone")[1] == captured_reply("06_lsempty")[1]
    async with scripted(replaying("05_lsnone", exists=False)) as port, head_node_at(port) as node:  # type: ignore[arg-type]
        with pytest.raises(RemoteFileNotFound):
            await node.ls_entries("/srv/none")


async def test_recorded_downloads() -> None:
    async with scripted(replaying("12_get")) as port, head_node_at(port) as node:  # type: ignore[arg-type]
        assert await node.get_file("/srv/x") == b"hello world\nline two\n"
    async with scripted(replaying("14_getnone")) as port, head_node_at(port) as node:  # type: ignore[arg-type]
        with pytest.raises(RemoteFileNotFound, match="no such file or directory"):
            await node.get_file("/srv/x")


async def test_recorded_status() -> None:
    async with scripted(replaying("19_status")) as port, head_node_at(port) as node:  # type: ignore[arg-type]
        records = await node.job_status("/srv/difx-soft/jobs/demo1/*.input")
        assert [(record.input_file, record.kind) for record in records] == [
            ("/srv/difx-soft/jobs/demo1/demo.input", "no_log"),
            ("/srv/difx-soft/jobs/demo1/demo1.input", "no_log"),
            ("/srv/difx-soft/jobs/demo1/demo_1.input", "no_log"),
        ]
    async with scripted(replaying("20_statusnone")) as port, head_node_at(port) as node:  # type: ignore[arg-type]
        assert await node.job_status("/no/such/*.input") == []


async def test_recorded_upload_result() -> None:
    """A real server acknowledges what it was promised, whatever it stored: only the look tells."""
    assert captured_reply("07_send")[1] == encode_size(21)
    async with scripted(replaying("07_send", size=0)) as port, head_node_at(port) as node:  # type: ignore[arg-type]
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
    async with scripted(misbehaving(*pieces, die=die)) as port, head_node_at(port, patience=BRIEF) as node:  # type: ignore[arg-type]
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
    async with scripted(misbehaving(*pieces, die=die)) as port, head_node_at(port, patience=BRIEF) as node:  # type: ignore[arg-type]
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
    async with scripted(misbehaving(*pieces, die=die)) as port, head_node_at(port, patience=BRIEF) as node:  # type: ignore[arg-type]
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
        with pytest.raises(PacketTruncated, match="4 of 100"):
            await node.get_file("/srv/x")


async def test_upload_in_safe_pieces(root: Path) -> None:
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
