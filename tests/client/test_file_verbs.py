# SPDX-License-Identifier: GPL-3.0-or-later
"""mv, cp, touch, rmdir and editing: as a shell does them, confirmed by a look afterwards (guiserver.md 7.2)."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from difxnb.aio.text import RemoteText
from difxnb.client.head_node import AsyncHeadNode
from difxnb.errors import (
    RemoteFileChanged,
    RemoteFileError,
    RemoteFileExists,
    RemoteFileNotFound,
    RemotePermission,
    UnsafeValue,
)
from difxnb.wire.control import (
    AvailableVersion,
    DifxBase,
    EnvironmentVariable,
    ServerUser,
    ServerVersion,
    VersionsComplete,
)
from difxnb.wire.files import encode_line
from difxnb.wire.message import FileOperation
from tests.client import peers
from tests.client.peers import BRIEF, Talker, head_node_at, own_server, patience_for, scripted
from tests.client.shell_server import shell_server

Call = Callable[[AsyncHeadNode, Path], Awaitable[object]]
SERVERS = ["shell", None, "2.9"]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = (tmp_path / "root").resolve()
    (root / "dir" / "taken").mkdir(parents=True)
    (root / "a").write_text("a")
    (root / "b").write_text("b")
    (root / "dir" / "b").write_text("dir/b")
    (root / "link").symlink_to("a")
    (root / "into").symlink_to("dir")
    return root


@asynccontextmanager
async def node_on(kind: str | None, root: Path) -> AsyncIterator[AsyncHeadNode]:
    if kind == "shell":
        async with shell_server(root.parent / "home") as server, head_node_at(server.port) as node:
            yield node
        return
    async with (
        own_server(root, kind) as server,
        head_node_at(server.port, patience=patience_for(kind)) as node,
    ):
        yield node


def contents(root: Path) -> dict[str, str | None]:
    return {
        str(path.relative_to(root)): None
        if path.is_dir()
        else os.readlink(path)
        if path.is_symlink()
        else path.read_text()
        for path in root.rglob("*")
    }


BEFORE = {"a": "a", "b": "b", "dir": None, "dir/b": "dir/b", "dir/taken": None, "link": "a", "into": None}

CHANGES: list[tuple[Call, dict[str, str | None], list[str]]] = [
    (lambda n, r: n.rename(f"{r}/a", f"{r}/new"), {"new": "a"}, ["a"]),
    (lambda n, r: n.rename(f"{r}/a", f"{r}/dir"), {"dir/a": "a"}, ["a"]),
    (lambda n, r: n.rename(f"{r}/a", f"{r}/dir/"), {"dir/a": "a"}, ["a"]),
    (lambda n, r: n.rename(f"{r}/a", f"{r}/into"), {"dir/a": "a"}, ["a"]),
    (lambda n, r: n.rename(f"{r}/a", f"{r}/b", overwrite=True), {"b": "a"}, ["a"]),
    (lambda n, r: n.rename(f"{r}/b", f"{r}/dir", overwrite=True), {"dir/b": "b"}, ["b"]),
    (lambda n, r: n.rename(f"{r}/link", f"{r}/dir"), {"dir/link": "a"}, ["link"]),
    (lambda n, r: n.rename(f"{r}/b", f"{r}/link", overwrite=True), {"link": "b"}, ["b"]),
    (lambda n, r: n.rename(f"{r}/dir", f"{r}/other"), {"other": None, "other/b": "dir/b", "other/taken": None},
     ["dir", "dir/b", "dir/taken"]),
    (lambda n, r: n.copy(f"{r}/a", f"{r}/new"), {"new": "a"}, []),
    (lambda n, r: n.copy(f"{r}/a", f"{r}/dir"), {"dir/a": "a"}, []),
    (lambda n, r: n.copy(f"{r}/a", f"{r}/b", overwrite=True), {"b": "a"}, []),
    (lambda n, r: n.copy(f"{r}/link", f"{r}/new"), {"new": "a"}, []),
    (lambda n, r: n.copy(f"{r}/b", f"{r}/link", overwrite=True), {"a": "b"}, []),
    (lambda n, r: n.send_file(f"{r}/link", b"sent"), {"a": "sent"}, []),
    (lambda n, r: n.remove_directory(f"{r}/dir/taken"), {}, ["dir/taken"]),
    (lambda n, r: n.touch(f"{r}/new"), {"new": ""}, []),
    (lambda n, r: n.touch(f"{r}/a"), {}, []),
]  # fmt: skip


@pytest.mark.parametrize("kind", SERVERS)
@pytest.mark.parametrize("number", range(len(CHANGES)))
async def test_what_is_done(kind: str | None, number: int, root: Path) -> None:
    call, made, gone = CHANGES[number]
    async with node_on(kind, root) as node:
        await call(node, root)
    now = contents(root)
    assert {name for name in now if name not in BEFORE} <= set(made)
    assert now == {name: text for name, text in (BEFORE | made).items() if name not in gone} | {
        "into": now["into"]
    }


REFUSED: list[tuple[Call, type[Exception], str]] = [
    (lambda n, r: n.rename(f"{r}/none", f"{r}/new"), RemoteFileNotFound, "no such file"),
    (lambda n, r: n.rename(f"{r}/*", f"{r}/new"), RemoteFileNotFound, "wildcards are not expanded"),
    (lambda n, r: n.rename(f"{r}/a", f"{r}/b"), RemoteFileExists, "overwrite=True"),
    (lambda n, r: n.rename(f"{r}/b", f"{r}/dir"), RemoteFileExists, "overwrite=True"),
    (lambda n, r: n.rename(f"{r}/a", f"{r}/a"), RemoteFileError, "same file"),
    (lambda n, r: n.rename(f"{r}/a", f"{r}"), RemoteFileError, "same file"),
    (lambda n, r: n.rename(f"{r}/a", f"{r}/none/new"), RemoteFileError, "not done"),
    (lambda n, r: n.rename(f"{r}/dir", f"{r}/dir/below"), RemoteFileError, "not done"),
    (lambda n, r: n.rename(f"{r}/dir", f"{r}/b", overwrite=True), RemoteFileError, "not done"),
    (lambda n, r: n.rename(f"{r}/a", "relative"), ValueError, "target must be absolute"),
    (lambda n, r: n.copy(f"{r}/none", f"{r}/new"), RemoteFileNotFound, "no such file"),
    (lambda n, r: n.copy(f"{r}/dir", f"{r}/new"), RemoteFileError, "copies files only"),
    (lambda n, r: n.copy(f"{r}/a", f"{r}/b"), RemoteFileExists, "overwrite=True"),
    (lambda n, r: n.copy(f"{r}/a", f"{r}/link", overwrite=True), RemoteFileError, "same file"),
    (lambda n, r: n.copy(f"{r}/a", f"{r}/none/new"), RemoteFileError, "not there, or not whole"),
    (lambda n, r: n.copy("relative", f"{r}/new"), ValueError, "absolute"),
    (lambda n, r: n.remove_directory(f"{r}/none"), RemoteFileNotFound, "no such file"),
    (lambda n, r: n.remove_directory(f"{r}/a"), RemoteFileError, "a file"),
    (lambda n, r: n.remove_directory(f"{r}/dir"), RemoteFileError, "is it empty"),
    (lambda n, r: n.touch(f"{r}/none/new"), RemoteFileError, "not there afterwards"),
    (lambda n, r: n.touch("relative"), ValueError, "absolute"),
    (lambda n, r: n.make_directory(f"{r}/a"), RemoteFileExists, "a file of that name"),
    (lambda n, r: n.remove(f"{r}/*"), UnsafeValue, "glob.escape"),
]  # fmt: skip


@pytest.mark.parametrize("kind", SERVERS)
async def test_what_is_refused_changes_nothing(kind: str | None, root: Path) -> None:
    before = contents(root)
    async with node_on(kind, root) as node:
        for call, error, text in REFUSED:
            with pytest.raises(error, match=text):
                await call(node, root)
    assert contents(root) == before


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
@pytest.mark.parametrize("kind", [None, "2.9"])
async def test_what_may_not_be_done_is_noticed(kind: str | None, root: Path) -> None:
    os.chmod(root / "dir", 0o500)
    calls: list[Call] = [
        lambda n, r: n.rename(f"{r}/a", f"{r}/dir"),
        lambda n, r: n.copy(f"{r}/a", f"{r}/dir"),
        lambda n, r: n.remove(f"{r}/dir/b"),
        lambda n, r: n.remove_directory(f"{r}/dir/taken"),
        lambda n, r: n.touch(f"{r}/dir/new"),
        lambda n, r: n.send_file(f"{r}/dir/new", b""),
    ]
    async with node_on(kind, root) as node:
        for call in calls:
            with pytest.raises(RemoteFileError):
                await call(node, root)
    os.chmod(root / "dir", 0o700)
    assert contents(root)["dir/b"] == "dir/b"


# --- a server with a terminal ---------------------------------------------------------------------------

ENTRY = " 1 oper oper 5 2026-11-22 10:52:00.000000000 +0000 "


@pytest.mark.parametrize(
    ("user", "mode", "asks"),
    [
        ("oper", "-r--r--r--", True),
        ("oper", "-rw-r--r--", False),
        ("other", "-rw-r--r--", True),
        ("other", "-rw-rw-r--", False),
        ("other", "-rw-r--rw-", False),
        ("root", "-r--r--r--", False),
        ("", "-r--r--r--", False),
    ],
)
async def test_mv_never_asks_on_the_terminal_of_the_server(user: str, mode: str, asks: bool) -> None:
    """It would ask about write-protected files, and wait for the answer with guiServer's lock."""
    commands: list[str] = []

    async def answer(talker: Talker, body: object, port: int) -> None:
        assert isinstance(body, FileOperation)
        if body.operation == "ls":
            lines = [f"{mode}{ENTRY}{path}\n".encode() for path in (body.path or "").split()]
            await talker.on_channel(port, *map(encode_line, lines), bytes(4))
        else:
            commands.append(body.operation or "")

    reply = (
        ServerVersion("DEVELr7531"),
        DifxBase("/opt/difx"),
        *([ServerUser(user)] if user else []),
        AvailableVersion("DIFX-2.9"),
        EnvironmentVariable("DIFX_BASE", "/opt/difx"),
        VersionsComplete(),
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(peers, "VERSION_REPLY", reply)
        async with (
            scripted(lambda talker: talker.serve(answer)) as port,
            head_node_at(port, patience=BRIEF) as node,
        ):
            with pytest.raises(
                RemotePermission if asks else RemoteFileError, match="terminal" if asks else "not done"
            ):
                await node.rename("/srv/a", "/srv/b", overwrite=True)
    assert commands == ([] if asks else ["mv"])


# --- editing ----------------------------------------------------------------------------------------------


async def opened(node: AsyncHeadNode, path: Path) -> RemoteText:
    return RemoteText(node, str(path), await node.get_file(str(path)))


@pytest.mark.parametrize("kind", SERVERS)
async def test_a_text_is_edited_with_a_diff_and_a_backup(kind: str | None, root: Path) -> None:
    path = root / "dir" / "two words.v2d"
    path.write_bytes(b"one\r\ntwo \xff\nthree")
    async with node_on(kind, root) as node:
        text = await opened(node, path)
        assert (text.changed, text.diff(), await text.save()) == (False, "", None)
        text.text = text.text.replace("two", "zwei") + "\nfour"
        assert text.changed
        assert text.diff().split("\n")[2:-1] == [
            "@@ -1,3 +1,4 @@", " one\r", "-two \udcff", "-three", "\\ No newline at end of file",
            "+zwei \udcff", "+three", "+four", "\\ No newline at end of file",
        ]  # fmt: skip
        assert await text.save() == f"{path}~"
        assert (path.read_bytes(), text.changed) == (b"one\r\nzwei \xff\nthree\nfour", False)
        assert Path(f"{path}~").read_bytes() == b"one\r\ntwo \xff\nthree"
        text.text = ""
        assert await text.save() == f"{path}~2"
        assert path.read_bytes() == b""
        text.text = "again"
        assert await text.save(backup=False) is None
        assert path.read_bytes() == b"again"
    assert sorted(os.listdir(root / "dir")) == sorted(
        ["b", "taken", path.name, f"{path.name}~", f"{path.name}~2"]
    )


@pytest.mark.parametrize("kind", SERVERS)
async def test_what_somebody_else_changed_is_left_alone(kind: str | None, root: Path) -> None:
    async with node_on(kind, root) as node:
        for change in (lambda: (root / "a").write_text("b"), lambda: (root / "a").unlink()):
            (root / "a").write_text("a")
            text = await opened(node, root / "a")
            text.text = "mine"
            change()
            with pytest.raises(RemoteFileChanged, match=r"open it again|gone"):
                await text.save()
            assert text.changed
        await node.fence()
    assert sorted(os.listdir(root)) == ["b", "dir", "into", "link"]


async def test_a_link_stays_a_link_when_its_file_is_edited(root: Path) -> None:
    async with node_on(None, root) as node:
        text = await opened(node, root / "link")
        text.text = "changed"
        assert await text.save() == f"{root}/a~"
    assert contents(root)["link"] == "a"
    assert (root / "a").read_text() == "changed"


async def test_bytes_are_no_text(root: Path) -> None:
    (root / "a").write_bytes(b"a\0b")
    async with node_on(None, root) as node:
        with pytest.raises(RemoteFileError, match="NUL bytes"):
            await opened(node, root / "a")


# --- looking ----------------------------------------------------------------------------------------------


async def test_hidden_names_and_what_patterns_give(root: Path) -> None:
    (root / ".hidden").mkdir()
    (root / ".hidden" / "inside").touch()
    async with node_on(None, root) as node:
        shown = [entry.name for entry in await node.ls_entries(str(root))]
        assert shown == ["a", "b", "dir", "into", "link"]
        assert [entry.name for entry in await node.ls_entries(f"{root}/.*")] == [".hidden"]
        recursive, _ = await node.ls_tree(str(root))
        assert sorted(e.path for e in recursive) == sorted(f"{root}/{name}" for name in BEFORE)
        matched, _ = await node.ls_tree(f"{root}/[di]*")
        assert [e.path for e in matched] == [f"{root}/{n}" for n in ("dir", "into", "dir/b", "dir/taken")]
        assert [e.path for e in (await node.ls_tree(f"{root}/a"))[0]] == [f"{root}/a"]


async def test_thousands_of_entries(root: Path) -> None:
    for number in range(3000):
        (root / "dir" / f"{number:04d}").touch()
    async with node_on("shell", root) as node:
        entries, _ = await asyncio.gather(node.ls_entries(f"{root}/dir"), node.ls_entries(f"{root}/dir/1*"))
    assert [entry.name for entry in entries] == [*(f"{number:04d}" for number in range(3000)), "b", "taken"]


async def test_a_line_that_a_real_server_cuts_comes_whole(root: Path) -> None:
    """Lines over 4095 bytes come in pieces (7.2): a link with a long target makes one."""
    target = "/".join(["x" * 200] * 20)
    (root / "dir" / "far").symlink_to(target)
    async with node_on("shell", root) as node:
        entries = await node.ls_entries(f"{root}/dir")
    assert [(entry.name, entry.target) for entry in entries] == [
        ("b", None),
        ("far", target),
        ("taken", None),
    ]


@pytest.mark.parametrize("kind", SERVERS)
async def test_an_empty_directory_is_not_one_that_cannot_be_read(kind: str | None, root: Path) -> None:
    async with node_on(kind, root) as node:
        assert await node.ls_entries(f"{root}/dir/taken") == []
        assert await node.ls_tree(f"{root}/dir/taken") == ([], [])


CLOSED = b"drwx------ 1 o g 1 2026-01-01 00:00:00.0 +0000 "


async def test_directories_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    """ls complains of them on the server's terminal alone; what is missing in its answer tells."""
    listing = [
        b"/srv/dir/:\n", b"total 8\n", CLOSED + b"closed\n", CLOSED + b"open\n", b"\n",
        b"/srv/dir/open:\n", b"total 0\n",
    ]  # fmt: skip

    async def answer(talker: Talker, body: object, port: int) -> None:
        assert isinstance(body, FileOperation)
        options = (body.arg or "").split()[0]
        lines = [CLOSED + b"/srv/dir\n"] if "d" in options else listing if "R" in options else []
        await talker.on_channel(port, *map(encode_line, lines), bytes(4))

    async with (
        scripted(lambda talker: talker.serve(answer)) as port,
        head_node_at(port) as node,
    ):
        with pytest.raises(RemotePermission, match="may not read this directory"):
            await node.ls_entries("/srv/dir")
        entries, unread = await node.ls_tree("/srv/dir")
        assert [entry.name for entry in entries] == ["closed", "open"]
        assert unread == ["/srv/dir/closed"]
        made, left_out = await node.download("/srv/dir", tmp_path / "here", recursive=True)
        assert left_out == ["/srv/dir/closed (the server may not read this directory)"]
        assert sorted(path.name for path in made.iterdir()) == ["closed", "open"]
