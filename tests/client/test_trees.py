# SPDX-License-Identifier: GPL-3.0-or-later
"""Whole directories and patterns both ways, and servers that make up names to write elsewhere."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from difxnb.client import transfer
from difxnb.client.head_node import AsyncHeadNode
from difxnb.client.several import AT_ONCE, do_each
from difxnb.errors import (
    DifxError,
    ProtocolError,
    RemoteFileError,
    RemoteFileExists,
    RemoteFileNotFound,
)
from difxnb.wire.files import encode_line, encode_size
from difxnb.wire.message import FileOperation, FileTransfer
from tests.client.peers import Talker, head_node_at, own_server, scripted

Call = Callable[[AsyncHeadNode], Awaitable[object]]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """What the server shows: a directory of everything that may be in one."""
    root = (tmp_path / "root").resolve()
    (root / "exp" / "sub" / "deep").mkdir(parents=True)
    (root / "exp" / "hollow").mkdir()
    for name in ("a.input", "b.input", "sub/c.input", "sub/deep/.d", "sub/empty"):
        (root / "exp" / name).write_bytes(name.encode() * (0 if name.endswith("empty") else 300))
    (root / "exp" / "to-file").symlink_to("sub/c.input")
    (root / "exp" / "to-dir").symlink_to("sub")
    (root / "exp" / "dangling").symlink_to("nowhere")
    (root / "exp" / "circle").symlink_to("circle")
    os.mkfifo(root / "exp" / "pipe")
    (root / "exp" / "line\nfeed").write_text("x")
    return root


@pytest.fixture
def here(tmp_path: Path) -> Path:
    (tmp_path / "here").mkdir()
    return tmp_path / "here"


FILES = ["a.input", "b.input", "sub/c.input", "sub/deep/.d", "sub/empty"]
LEFT_OUT = {
    "to-dir": "a link to a directory",
    "dangling": "a dangling link",
    "circle": "a link in a circle",
    "pipe": "a fifo",
    "line\nfeed": "its name cannot be sent",
}


def tree_of(directory: Path) -> dict[str, bytes | None]:
    return {
        str(path.relative_to(directory)): None if path.is_dir() else path.read_bytes()
        for path in directory.rglob("*")
    }


@pytest.mark.parametrize("transport", ["channel", "dial-back"])
async def test_a_tree_comes_whole_and_says_what_it_left_out(root: Path, here: Path, transport: str) -> None:
    told: list[tuple[int, int]] = []
    async with own_server(root) as server, head_node_at(server.port, transport=transport) as node:
        made, left_out = await node.download(
            f"{root}/exp", here, recursive=True, progress=lambda *seen: told.append(seen)
        )
    assert made == here / "exp"
    expected = {name: (root / "exp" / name).read_bytes() for name in [*FILES, "to-file"]}
    assert tree_of(made) == expected | dict.fromkeys(["sub", "sub/deep", "hollow"])
    assert not any(path.is_symlink() for path in made.rglob("*"))
    assert sorted(left_out) == sorted(f"{root}/exp/{name} ({why})" for name, why in LEFT_OUT.items())
    size = sum(map(len, expected.values()))
    assert told[-1] == (size, size)
    assert told == sorted(told)


async def test_a_tree_goes_whole_and_says_what_it_left_out(root: Path, here: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        os.chdir(root / "exp")  # names of sockets are short
        listener.bind("socket")
        os.chdir("/")
        told: list[tuple[int, int]] = []
        async with own_server(here) as server, head_node_at(server.port) as node:
            size, left_out = await node.upload(
                root / "exp", f"{here}/copy", recursive=True, progress=lambda *seen: told.append(seen)
            )
            again, _ = await node.upload(root / "exp", f"{here}/copy", recursive=True)
    expected = {name: (root / "exp" / name).read_bytes() for name in [*FILES, "to-file"]}
    directories = dict.fromkeys(["sub", "sub/deep", "hollow"])
    # The second time it went into the directory that was there, as with cp -r.
    assert tree_of(here / "copy") == expected | directories | {"exp": None} | {
        f"exp/{name}": content for name, content in (expected | directories).items()
    }
    assert size == again == sum(map(len, expected.values()))
    assert told[-1] == (size, size)
    assert sorted(entry.partition(" (")[0] for entry in left_out) == sorted(
        f"{root}/exp/{name}" for name in [*LEFT_OUT, "socket"]
    )


async def test_patterns_both_ways(root: Path, here: Path) -> None:
    async with own_server(root.parent) as server, head_node_at(server.port) as node:
        made, left_out = await node.download(f"{root}/exp/*.input", here / "new")
        assert sorted(os.listdir(made)) == ["a.input", "b.input"]
        made, left_out = await node.download(f"{root}/exp/[as]*", here / "two")
        assert sorted(os.listdir(made)) == ["a.input"]
        assert left_out == [f"{root}/exp/sub (a directory; recursive=True fetches it)"]
        made, _ = await node.download(f"{root}/exp/[as]*", here / "three", recursive=True)
        assert sorted(tree_of(made)) == [
            "a.input",
            "sub",
            *(n for n in sorted(tree_of(made)) if n[:4] == "sub/"),
        ]
        size, left_out = await node.upload(f"{here}/new/*.input", f"{root}/made/here")
        assert (size, left_out) == (2 * 7 * 300, [])
        assert tree_of(root / "made/here") == tree_of(here / "new")
        size, left_out = await node.upload(f"{here}/t*", f"{root}/made")
        assert (size, len(left_out)) == (0, 2)
        size, left_out = await node.upload(f"{here}/t*", f"{root}/made", recursive=True)
        assert tree_of(root / "made" / "three") == tree_of(here / "three")
        (root / "exp2").mkdir()
        (root / "exp2" / "a.input").touch()
        with pytest.raises(RemoteFileError, match="two files would become"):
            await node.download(f"{root}/exp*/a.input", here / "five")


async def test_nothing_here_is_replaced_unless_asked(root: Path, here: Path) -> None:
    (here / "a.input").write_text("mine")
    (here / "exp").mkdir()
    (here / "exp" / "sub").write_text("a file of mine")
    (here / "linked").mkdir()
    (here / "elsewhere").mkdir()
    (here / "linked" / "sub").symlink_to(here / "elsewhere")
    refused: list[tuple[Call, str]] = [
        (lambda n: n.download(f"{root}/exp/a.input", here), "overwrite=True"),
        (lambda n: n.download(f"{root}/exp/a.input", here / "a.input"), "overwrite=True"),
        (lambda n: n.download(f"{root}/exp/*.input", here), "overwrite=True"),
        (lambda n: n.download(f"{root}/exp", here, recursive=True, overwrite=True), "should be a directory"),
        (lambda n: n.download(f"{root}/exp/s*", here / "linked", recursive=True), "should be a directory"),
        (lambda n: n.download(f"{root}/exp", here / "a.input", recursive=True), "should be a directory"),
    ]
    async with own_server(root) as server, head_node_at(server.port) as node:
        for call, text in refused:
            with pytest.raises(FileExistsError, match=text):
                await call(node)
        with pytest.raises(FileNotFoundError, match="no local directory"):
            await node.download(f"{root}/exp/a.input", here / "none" / "a")
        before = tree_of(here)
        assert await node.download(f"{root}/exp/a.input", here, overwrite=True) == (here / "a.input", [])
    assert tree_of(here) == before | {"a.input": (root / "exp/a.input").read_bytes()}
    assert os.listdir(here / "elsewhere") == []


async def test_nothing_there_is_replaced_unless_asked(root: Path, here: Path) -> None:
    (here / "a.input").write_text("new")
    (here / "tree" / "sub").mkdir(parents=True)
    (here / "tree" / "sub" / "c.input").write_text("new")
    (here / "tree" / "fresh").write_text("new")
    (root / "tree").mkdir()
    (root / "tree" / "sub").symlink_to("../exp/sub")
    refused: list[tuple[Call, str]] = [
        (lambda n: n.upload(here / "a.input", f"{root}/exp"), "overwrite=True"),
        (lambda n: n.upload(here / "a.input", f"{root}/exp/a.input"), "overwrite=True"),
        (lambda n: n.upload(f"{here}/*.input", f"{root}/exp"), "overwrite=True"),
        (lambda n: n.upload(here / "a.input", f"{root}/exp/pipe"), "fifo"),
        (lambda n: n.upload(here / "tree", f"{root}/exp/a.input", recursive=True), "is a file"),
    ]
    before = tree_of_files(root)
    async with own_server(root) as server, head_node_at(server.port) as node:
        for call, text in refused:
            with pytest.raises(RemoteFileExists, match=text):
                await call(node)
        assert tree_of_files(root) == before
        (here / "tree" / "sub").rename(here / "tree" / "sub2")
        assert await node.upload(here / "tree", f"{root}", recursive=True) == (6, [])
        with pytest.raises(RemoteFileExists, match="and 1 more"):
            await node.upload(here / "tree", f"{root}", recursive=True)
        assert await node.upload(here / "a.input", f"{root}/exp", overwrite=True) == (3, [])
    assert (root / "exp" / "a.input").read_text() == "new"


def tree_of_files(directory: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


async def test_what_there_is_not(root: Path, here: Path) -> None:
    wrong: list[tuple[Call, type[Exception], str]] = [
        (lambda n: n.download(f"{root}/none", here), RemoteFileNotFound, "no such file"),
        (lambda n: n.download(f"{root}/none*", here), RemoteFileNotFound, "matches"),
        (lambda n: n.download(f"{root}/exp", here), RemoteFileError, "recursive=True"),
        (lambda n: n.download(f"{root}/exp/pipe", here), RemoteFileError, "a fifo"),
        (lambda n: n.upload(here / "none", f"{root}/x"), FileNotFoundError, "none"),
        (lambda n: n.upload(f"{here}/none*", f"{root}/x"), FileNotFoundError, "nothing matches"),
        (lambda n: n.upload(here, f"{root}/x"), IsADirectoryError, "recursive=True"),
        (lambda n: n.upload(root / "exp" / "pipe", f"{root}/x"), FileNotFoundError, "neither a file"),
        (lambda n: n.upload(__file__, f"{root}/none/x"), RemoteFileNotFound, "upload .*test_trees"),
    ]
    async with own_server(root) as server, head_node_at(server.port) as node:
        for call, error, text in wrong:
            with pytest.raises(error, match=text):
                await call(node)
    assert os.listdir(here) == []


async def test_one_file_that_fails_keeps_no_other_from_arriving(
    root: Path, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also: 2 GiB and more are refused before anything is asked (7.3)."""
    with (root / "exp" / "large").open("wb") as file:
        file.truncate(2**31)
    async with own_server(root) as server, head_node_at(server.port) as node:
        with pytest.raises(
            RemoteFileError, match=r"1 of \d+ files failed, the others are done.*2147483648 bytes"
        ) as caught:
            await node.download(f"{root}/exp", here, recursive=True)
        assert isinstance(caught.value.__cause__, RemoteFileError)
        assert sorted(set(tree_of(here / "exp")) - {"sub", "sub/deep", "hollow"}) == sorted(
            [*FILES, "to-file"]
        )
        with pytest.raises(RemoteFileError, match="2147483648 bytes; the protocol ends at"):
            await node.download(f"{root}/exp/large", here)
        with pytest.raises(RemoteFileError, match="2147483648 bytes; the protocol ends at"):
            await node.upload(root / "exp" / "large", f"{root}/x")
    assert not (here / "large").exists()
    assert not [path for path in here.rglob("*") if path.name.endswith(".part")]


async def test_an_error_that_concerns_all_ends_all() -> None:
    begun: list[int] = []

    async def work(number: int) -> None:
        begun.append(number)
        if number == AT_ONCE - 1:
            raise ProtocolError("nonsense")
        if number < AT_ONCE:
            await asyncio.Event().wait()

    with pytest.raises(ProtocolError, match="nonsense"):
        await do_each(list(range(100)), work, "test")
    assert begun == list(range(AT_ONCE))


# --- servers that lie ---------------------------------------------------------------------------------

ENTRY = "-rw-r--r-- 1 oper oper 5 2026-11-22 10:52:00.000000000 +0000 "
DIRECTORY = "drwxr-xr-x 1 oper oper 5 2026-11-22 10:52:00.000000000 +0000 "


def lying(*lines: str) -> object:
    """A server on which everything is a directory that lists `lines`, and every file holds the same five bytes."""

    async def answer(talker: Talker, body: object, port: int) -> None:
        if isinstance(body, FileTransfer):
            await talker.on_channel(port, encode_size(5), b"owned")
        elif isinstance(body, FileOperation) and "d" in (body.arg or "").split()[0]:
            path = body.path or ""
            kind = DIRECTORY if path.rstrip("/").endswith("tree") else ENTRY
            matches = lines if "*" in path else [f"{kind}{path}"]
            await talker.on_channel(port, *(encode_line(f"{x}\n".encode()) for x in matches), bytes(4))
        elif isinstance(body, FileOperation) and body.operation == "ls":
            await talker.on_channel(port, *(encode_line(f"{line}\n".encode()) for line in lines), bytes(4))

    async def script(talker: Talker) -> None:
        await talker.serve(answer)

    return script


@pytest.mark.parametrize(
    "lines",
    [
        [f"{ENTRY}../evil"],
        [f"{ENTRY}a/../../evil"],
        [f"{ENTRY}/etc/evil"],
        [f"{ENTRY}/srv/tree/../evil"],
        [f"{ENTRY}/srv/tree//evil"],
        [f"{ENTRY}/srv/treevil"],
        [f"{DIRECTORY}.."],
        [f"{ENTRY}."],
        ["/etc:", f"{ENTRY}evil"],
        ["/srv/tree/..:", f"{ENTRY}evil"],
        [f"{DIRECTORY}sub", "", "../..:", f"{ENTRY}evil"],
        [rf"{ENTRY}a\000b"],
        [rf"{ENTRY}..\057..\057evil"],
    ],
)
async def test_names_of_a_lying_server_lead_nowhere(lines: list[str], here: Path) -> None:
    async with scripted(lying(*lines)) as port, head_node_at(port) as node:
        with pytest.raises((ProtocolError, RemoteFileError)):
            await node.download("/srv/tree", here / "into" / "..", recursive=True)
        with pytest.raises((DifxError, OSError)):
            await node.download("/srv/tree", here / "into", recursive=True)
    assert list(here.parent.rglob("*evil*")) == []


@pytest.mark.parametrize("name", ["/etc/../..", "/etc/.", r"/etc/a\000b", r"/etc/a\057.."])
async def test_matches_of_a_lying_server_lead_nowhere(name: str, here: Path) -> None:
    async with scripted(lying(ENTRY + name)) as port, head_node_at(port) as node:
        with pytest.raises((DifxError, OSError)):
            await node.download("/srv/*", here / "into")
    assert [path for path in here.rglob("*") if path.name != "into"] == []


async def test_a_file_and_a_directory_of_one_name(here: Path) -> None:
    lines = [f"{ENTRY}x", f"{DIRECTORY}x", "", "/srv/tree/x:", f"{ENTRY}y"]
    async with scripted(lying(*lines)) as port, head_node_at(port) as node:
        with pytest.raises((DifxError, OSError)):
            await node.download("/srv/tree", here, recursive=True)


def test_the_bound_of_the_protocol() -> None:
    assert transfer.MAX_SIZE == 2**31 - 1
