# SPDX-License-Identifier: GPL-3.0-or-later
"""Every verb with every kind of name, against a real shell used as guiServer 2.9 uses it, and against the own server.

H8, H12, H14, H15, H16, H17; rows mkdir, rmdir, touch, rm, mv, cp, ls and both transfers of guiserver.md 7.2 and 7.3.
"""

from __future__ import annotations

import glob
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from difxnb.client.head_node import AsyncHeadNode
from difxnb.errors import RemoteFileError, RemoteFileNotFound
from tests.client.peers import ROBUST, head_node_at, own_server, patience_for
from tests.client.shell_server import shell_server

NAMES = [
    "plain-1.input", "two  blanks", " leading and trailing ", "it's", '"double"', "$HOME", "$(touch evil)",
    "`touch evil`", "a;touch evil", "a&b|c", "<tag>&amp;", "back\\slash\\n", "ünïcödé 中文 🔭", "-rf", "*", "a?[b]c",
    "~", "#hash", "!bang", "{a,b}",
]  # fmt: skip

SERVERS = ["shell", "own", "own 2.9"]


@asynccontextmanager
async def node_on(kind: str, root: Path, home: Path) -> AsyncIterator[AsyncHeadNode]:
    """A head node with files below `root`, of one of three kinds."""
    if kind == "shell":
        if shutil.which("flock") is None:
            pytest.skip("guiServer needs flock, and so does this")
        async with shell_server(home) as server, head_node_at(server.port, patience=ROBUST) as node:
            yield node
    else:
        quirks = kind.partition(" ")[2] or None
        async with (
            own_server(root, quirks) as server,
            head_node_at(server.port, patience=patience_for(quirks)) as node,
        ):
            yield node


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "root").mkdir()
    return (tmp_path / "root").resolve()


@pytest.mark.parametrize("kind", SERVERS)
async def test_the_life_of_files_with_unusual_names(kind: str, root: Path, tmp_path: Path) -> None:
    async with node_on(kind, root, tmp_path / "home") as node:
        for name in NAMES:
            directory, file = f"{root}/{name}", f"{root}/{name}/{name}"
            await node.make_directory(directory)
            assert os.listdir(root) == [name]
            await node.touch(file)
            await node.touch(file)
            assert await node.send_file(file, name.encode()) == len(name.encode())
            assert Path(file).read_bytes() == name.encode()
            assert await node.get_file(file) == name.encode()
            await node.copy(file, f"{file}~")
            assert Path(f"{file}~").read_bytes() == name.encode()
            await node.rename(file, directory + "~")
            await node.rename(f"{file}~", file)
            listed = await node.ls_entries(glob.escape(directory))
            assert [(e.path, e.type, e.size) for e in listed] == [(file, "file", len(name.encode()))]
            matched = await node.ls_entries(f"{glob.escape(directory)}*")
            assert {entry.path for entry in matched} == {directory, f"{directory}~"}
            with pytest.raises(RemoteFileError, match="is it empty"):
                await node.remove_directory(directory)
            await node.remove(glob.escape(file), force=True)
            await node.remove_directory(directory)
            await node.remove(f"{glob.escape(directory)}*", force=True)
            assert os.listdir(root) == []
    assert not list(tmp_path.rglob("evil"))


@pytest.mark.parametrize("kind", SERVERS)
async def test_whole_trees_with_unusual_names_both_ways(kind: str, root: Path, tmp_path: Path) -> None:
    here = tmp_path / "here"
    for number, name in enumerate(NAMES[:8]):
        (here / name / "sub dir").mkdir(parents=True)
        (here / name / "sub dir" / name).write_text(name * number)
        (here / name / ".hidden").write_text("hidden")
    (here / "empty").mkdir()
    async with node_on(kind, root, tmp_path / "home") as node:
        sent, left_out = await node.upload(here, f"{root}/a tree", recursive=True)
        assert left_out == []
        assert sent == sum(path.stat().st_size for path in here.rglob("*") if path.is_file())
        made, left_out = await node.download(f"{root}/a tree", tmp_path / "back", recursive=True)
        assert (made, left_out) == (tmp_path / "back", [])
        for copy in (root / "a tree", made):
            assert contents(copy) == contents(here)
        listed, _ = await node.ls_tree(f"{root}/a tree")
        visible = [p for p in (root / "a tree").rglob("*") if p.name != ".hidden"]
        assert sorted(entry.path for entry in listed) == sorted(map(str, visible))
        await node.remove(f"{root}/a tree", recursive=True)
    assert os.listdir(root) == []


def contents(directory: Path) -> dict[str, bytes | None]:
    """Everything below a directory, with the bytes of its files."""
    return {
        str(path.relative_to(directory)): path.read_bytes() if path.is_file() else None
        for path in directory.rglob("*")
    }


async def test_a_real_server_is_never_asked_for_what_it_cannot_give(root: Path, tmp_path: Path) -> None:
    """H8 and H12: missing, empty, not certainly readable, a directory; the server notes what it would not survive."""
    (root / "dir").mkdir()
    (root / "empty").touch()
    (root / "secret").write_text("secret")
    (root / "secret").chmod(0o600)
    (root / "out").symlink_to("dir")
    (root / "circle").symlink_to("circle")
    async with node_on("shell", root, tmp_path / "home") as node:
        assert await node.get_file(f"{root}/empty") == b""
        assert await node.get_file(f"{root}/secret") == b"secret"
        for name in ("none", "none/none"):
            with pytest.raises(RemoteFileNotFound):
                await node.get_file(f"{root}/{name}")
        for name in ("dir", "out", "circle"):
            with pytest.raises(RemoteFileError, match=r"link|directory"):
                await node.get_file(f"{root}/{name}")
    assert sorted(os.listdir(root)) == ["circle", "dir", "empty", "out", "secret"]


async def test_nothing_is_left_of_the_detours(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.setattr("difxnb.client.staging._ELSEWHERE", str(elsewhere))  # others use the usual one too
    (root / "odd dir").mkdir()
    (root / "odd dir" / "file").write_text("old")
    async with shell_server(tmp_path / "home") as server, head_node_at(server.port) as node:
        await node.send_file(f"{root}/odd dir/file", b"new", checksum=True)
        assert await node.get_file(f"{root}/odd dir/file", checksum=True) == b"new"
        with pytest.raises(RemoteFileError):
            await node.send_file(f"{root}/no dir here/file", b"new")
        with pytest.raises(RemoteFileError, match="NUL"):
            await node.send_file(f"{root}/odd dir/file", b"\0")
        await node.close()
        assert server.temporary
        assert not any(map(os.path.exists, server.temporary))
    assert [path.name for path in root.rglob("*")] == ["odd dir", "file"]
    assert not list(elsewhere.iterdir())
