# SPDX-License-Identifier: GPL-3.0-or-later
"""Machines of a job: written, read back, refused before a job or a real server would stumble over them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from difxnb.client.head_node import AsyncHeadNode
from difxnb.client.placement import Placement, check_placement, define_placement
from difxnb.errors import (
    FileFormatError,
    NoReply,
    RemoteFileError,
    RemoteFileExists,
    RemoteFileNotFound,
    UnsafeValue,
)
from difxnb.formats.machines import format_machines, format_threads, parse_machines, parse_threads
from difxnb.wire.files import encode_line
from difxnb.wire.machines import MachinesConversation, MachinesEvent, MachinesId, encode_machines
from difxnb.wire.message import MachinesDefinition, Processor
from tests.client.peers import BRIEF, Talker, captured_reply, head_node_at, own_server, patience_for, scripted

GOOD: dict[str, Any] = {
    "head_node": "localhost",
    "datastreams": ["localhost"] * 2,
    "processors": {"localhost": 3},
}
WHERE = Placement(("localhost",) * 4, (2,))
DEFINITION = MachinesDefinition(
    head_node="localhost", datastreams=("localhost",) * 2, processors=(Processor(("localhost",), 3),)
)


@pytest.mark.parametrize("quirks", [None, "2.9"])
@pytest.mark.parametrize("transport", ["channel", "dial-back"])
async def test_write_and_read(tmp_path: Path, quirks: str | None, transport: str) -> None:
    """7.6: both files are uploaded, and read back."""
    path = f"{tmp_path.resolve()}/e_1.input"
    async with (
        own_server(tmp_path, quirks) as server,
        head_node_at(server.port, transport=transport, patience=patience_for(quirks)) as node,
    ):
        for where in (WHERE, Placement(("head", "n1", "n1", "n2", "n3"), (7, 8))):
            await node.write_placement(path, where)
            assert await node.read_placement(path) == where
            assert where.n_datastreams == 2
    assert (tmp_path / "e_1.threads").read_text() == "NUMBER OF CORES:    2\n7\n8\n"
    assert (tmp_path / "e_1.machines").read_text() == "head\nn1\nn1\nn2\nn3\n"
    assert len(list(tmp_path.iterdir())) == 2


WRONG: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"head_node": "a b"}, UnsafeValue, "host name"),
    ({"head_node": ""}, UnsafeValue, "host name is empty"),
    ({"head_node": "h" * 256}, UnsafeValue, "256 characters, and 255 are safe"),
    ({"datastreams": ["n1,n2"]}, ValueError, "one host a name"),
    ({"datastreams": []}, ValueError, "1 to 50 datastreams"),
    ({"datastreams": ["n"] * 51}, ValueError, "1 to 50 datastreams"),
    ({"datastreams": "n1"}, TypeError, "datastreams are a list"),
    ({"datastreams": ["n"] * 3}, ValueError, "has 2 datastreams; got 3 hosts"),
    ({"processors": {}}, ValueError, "1 to 100 processors"),
    ({"processors": {f"n{i}": 1 for i in range(101)}}, ValueError, "1 to 100 processors"),
    ({"processors": ["n"]}, TypeError, "processors a mapping"),
    ({"processors": {"n": 0}}, ValueError, "at least 1 threads"),
    ({"processors": {"n": 10**6}}, ValueError, "9999 at most"),
    ({"processors": {"n": True}}, TypeError, "threads of a host are a number"),
    ({"processors": {"n": 2.0}}, TypeError, "threads of a host are a number"),
    ({"processors": {"localhost": 1}}, ValueError, "at least 2 threads"),
]


@pytest.mark.parametrize(("change", "error", "text"), WRONG)
def test_wrong_hosts(change: dict[str, Any], error: type[Exception], text: str) -> None:
    """5.2: 50 datastreams, 100 processors, 255 bytes a host; and what a job needs."""
    with pytest.raises(error, match=text):
        check_placement(**{**GOOD, **change}, active_datastreams=2)


def test_the_largest_job() -> None:
    hosts = ["h" * 255] * 50
    where = check_placement("head", hosts, {f"n{i}": 1 for i in range(100)}, active_datastreams=50)
    assert (where.n_datastreams, len(where.threads)) == (50, 100)


def test_the_head_node_keeps_a_thread() -> None:
    assert check_placement("h", ["h"], {"h": 4, "n": 4}).threads == (3, 4)


@given(st.lists(st.text(max_size=12), min_size=3, max_size=3))
@settings(max_examples=200)
def test_hosts_are_refused_or_survive_the_file(names: list[str]) -> None:
    """H17: no name can become two lines, a comment or an option."""
    head, stream, processor = names
    try:
        where = check_placement(head, [stream], {processor: 2})
    except ValueError:
        return
    assert parse_machines(format_machines(where.hosts)) == names
    assert tuple(parse_threads(format_threads(where.threads))) == where.threads
    assert not any(name.startswith(("-", "#")) for name in names)


async def test_no_such_directory(tmp_path: Path) -> None:
    async with own_server(tmp_path) as server, head_node_at(server.port) as node:
        with pytest.raises(RemoteFileNotFound, match=r"there is no .*/none"):
            await node.write_placement(f"{tmp_path.resolve()}/none/e_1.input", WHERE)


async def test_a_file_that_cannot_be_written(tmp_path: Path) -> None:
    """H7: nothing dies, the old machines stay, and the error says what is new."""
    (tmp_path / "e_1.machines").mkdir()
    async with own_server(tmp_path) as server, head_node_at(server.port) as node:
        with pytest.raises(RemoteFileExists, match=r"directory .*The \.threads file is new already"):
            await node.write_placement(f"{tmp_path.resolve()}/e_1.input", WHERE)
        await node.fence()


async def test_damaged_files(tmp_path: Path) -> None:
    (tmp_path / "e_1.machines").write_text("localhost slots=1\n\nlocalhost\nlocalhost\n")
    (tmp_path / "e_1.threads").write_text("NUMBER OF HORSES:   1\n2\n")
    async with own_server(tmp_path) as server, head_node_at(server.port) as node:
        with pytest.raises(FileFormatError, match="line 1"):
            await node.read_placement(f"{tmp_path.resolve()}/e_1.input")


# --- machines definitions -----------------------------------------------------------------------------------


async def define(
    node: AsyncHeadNode, path: str, on_event: Callable[[object], None] = lambda _: None
) -> MachinesConversation:
    return await node.do("define", lambda s: define_placement(s, path, DEFINITION, on_event=on_event))


@pytest.mark.parametrize("quirks", [None, "2.9"])
async def test_define_and_read(tmp_path: Path, quirks: str | None) -> None:
    path = f"{tmp_path.resolve()}/e_1.input"
    async with (
        own_server(tmp_path, quirks) as server,
        head_node_at(server.port, patience=patience_for(quirks)) as node,
    ):
        events: list[object] = []
        assert (await define(node, path, events.append)).ok
        assert MachinesEvent(MachinesId.THREADS_FILE_CREATED) in events
        assert await node.read_placement(path) == WHERE
        with pytest.raises(RemoteFileNotFound, match=r"there is no .*/none"):
            await define(node, f"{tmp_path.resolve()}/none/e_1.input")


def playing(pieces: list[bytes]) -> Any:
    async def answer(talker: Talker, body: object, port: int) -> None:
        if isinstance(body, MachinesDefinition):
            await talker.on_channel(port, *pieces)
        else:
            line = b"drwxr-xr-x 2 o o 1 2026-11-22 10:52:00.000000000 +0000 /data\n"
            await talker.on_channel(port, encode_line(line), bytes(4))

    async def script(talker: Talker) -> None:
        await talker.serve(answer)

    return script


async def test_recorded_definition() -> None:
    _, stream = captured_reply("22_machines")
    async with scripted(playing([stream])) as port, head_node_at(port) as node:
        done = await define(node, "/data/e_1.input")
        assert done.ok
        assert done.machines_file is not None
        assert done.machines_file.endswith(".machines")


async def test_refused_by_the_server() -> None:
    ids = (MachinesId.TASK_STARTED, MachinesId.FAILURE_OPEN_MACHINES_FILE, MachinesId.TASK_TERMINATED)
    texts = ("", "Permission denied", "")
    pieces = [p for i, t in zip(ids, texts, strict=True) for p in encode_machines(MachinesEvent(i, t))]
    async with scripted(playing(pieces)) as port, head_node_at(port) as node:
        with pytest.raises(RemoteFileError, match="cannot be written: Permission denied"):
            await define(node, "/data/e_1.input")


async def test_server_stops_in_the_middle() -> None:
    pieces = encode_machines(MachinesEvent(MachinesId.TASK_STARTED))
    patience = replace(BRIEF, stall=0.3)
    async with scripted(playing(pieces)) as port, head_node_at(port, patience=patience) as node:
        with pytest.raises(NoReply, match="did not finish"):
            await asyncio.wait_for(define(node, "/data/e_1.input"), 5)
