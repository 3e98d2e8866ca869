# SPDX-License-Identifier: GPL-3.0-or-later
"""Files on the server, against the own server in all its moods."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from difxnb.client import transfer
from difxnb.client.head_node import AsyncHeadNode
from difxnb.errors import (
    RemoteFileError,
    RemoteFileExists,
    RemoteFileNotFound,
    RemotePermission,
    UnsafeValue,
)
from tests.client.peers import (
    BRIEF,
    Talker,
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


UNSENDABLE = [
    "/a\nb",
    "/a\tb",
    "/\x7f",
    "/\x1b[2J",
    "/\udcff",
    "/\uffff",
    "",
    "relative",
    "-rf",
    "/" + 300 * "x",
]


@pytest.mark.parametrize("path", UNSENDABLE)
async def test_what_no_quoting_carries_is_not_sent(path: str, tmp_path: Path) -> None:
    """H16, H17."""
    commands: list[object] = []
    calls: list[Callable[[AsyncHeadNode], Awaitable[object]]] = [
        lambda n: n.ls_entries(path),
        lambda n: n.ls_entries(f"{path}*"),
        lambda n: n.make_directory(path),
        lambda n: n.remove_directory(path),
        lambda n: n.touch(path),
        lambda n: n.remove(path, force=True, recursive=True),
        lambda n: n.remove(f"{path}*", force=True, recursive=True),
        lambda n: n.move("/fine", path),
        lambda n: n.move(path, "/fine"),
        lambda n: n.rename("/fine", path),
        lambda n: n.rename(path, "/fine"),
        lambda n: n.copy(path, "/fine"),
        lambda n: n.copy("/fine", path),
        lambda n: n.get_file(path),
        lambda n: n.send_file(path, b"content"),
        lambda n: n.download(path, tmp_path),
        lambda n: n.upload(__file__, path),
        lambda n: n.replace_file(path, b"old", b"new", backup=True),
        lambda n: n.job_status(path),
    ]

    async def script(talker: Talker) -> None:
        await talker.serve(lambda _, body, __: asyncio.sleep(0, commands.append(body)))

    async with scripted(script) as port, head_node_at(port, patience=BRIEF) as node:
        for call in calls:
            with pytest.raises(ValueError, match=r"."):
                await call(node)
        await node.fence()
    assert commands == []


@pytest.mark.parametrize(
    "path",
    ["/", "//", "/.", "/..", "/a/..", "///./", "/*", "/?/x", "/./[ab]*", "/a/../*", "/a*/..", "/a/b*/.."],
)
async def test_the_root_is_never_removed(root: Path, path: str) -> None:
    async with own_server(root) as server, head_node_at(server.port) as node:
        with pytest.raises(UnsafeValue, match=r"never removed|refused"):
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
