# SPDX-License-Identifier: GPL-3.0-or-later
"""Machines of a job: defined by the server, read back, refused before a real server would stumble."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from difxnb.client.placement import Placement
from difxnb.errors import FileFormatError, NoReply, RemoteFileError, RemoteFileNotFound, UnsafeValue
from difxnb.wire.files import encode_line
from difxnb.wire.machines import MachinesEvent, MachinesId, encode_machines
from difxnb.wire.message import MachinesDefinition
from tests.client.peers import BRIEF, Talker, captured_reply, head_node_at, own_server, patience_for, scripted

GOOD: dict[str, Any] = {
    "head_node": "localhost",
    "datastreams": ["localhost"] * 2,
    "processors": {"localhost": 3},
}


@pytest.mark.parametrize("quirks", [None, "2.9"])
@pytest.mark.parametrize("transport", ["channel", "dial-back"])
async def test_define_and_read(tmp_path: Path, quirks: str | None, transport: str) -> None:
    path = f"{tmp_path.resolve()}/e_1.input"
    async with (
        own_server(tmp_path, quirks) as server,
        head_node_at(server.port, transport=transport, patience=patience_for(quirks)) as node,
    ):
        done = await node.define_placement(path, **GOOD)
        assert done.ok
        where = await node.read_placement(path)
        assert where == Placement(("localhost",) * 4, (2,))
        assert where.n_datastreams == 2
    assert (tmp_path / "e_1.threads").read_text() == "NUMBER OF CORES:    1\n2\n"


async def test_hosts_that_do_not_answer_are_left_out(tmp_path: Path) -> None:
    path = f"{tmp_path.resolve()}/e_1.input"
    hosts = {"localhost": 3, "elsewhere": 2}
    async with own_server(tmp_path) as server, head_node_at(server.port) as node:
        done = await node.define_placement(path, **{**GOOD, "processors": hosts}, test=True)
        assert done.failed_hosts == ["elsewhere"]
        assert (await node.read_placement(path)).threads == (2,)


WRONG: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"head_node": "a b"}, UnsafeValue, "host name"),
    ({"head_node": ""}, UnsafeValue, "host name is empty"),
    ({"datastreams": ["n1,n2"]}, ValueError, "one host a name"),
    ({"datastreams": []}, ValueError, "1 to 50 datastreams"),
    ({"datastreams": ["n"] * 51}, ValueError, "1 to 50 datastreams"),
    ({"processors": {}}, ValueError, "1 to 100 processors"),
    ({"processors": {"n": 0}}, ValueError, "at least 1 threads"),
    ({"processors": {"localhost": 1}}, ValueError, "at least 2 threads"),
]


@pytest.mark.parametrize(("change", "error", "text"), WRONG)
async def test_wrong_hosts(tmp_path: Path, change: dict[str, Any], error: type[Exception], text: str) -> None:
    async with own_server(tmp_path) as server, head_node_at(server.port) as node:
        with pytest.raises(error, match=text):
            await node.define_placement(f"{tmp_path.resolve()}/e_1.input", **{**GOOD, **change})
    assert list(tmp_path.iterdir()) == []


async def test_no_such_directory(tmp_path: Path) -> None:
    async with own_server(tmp_path) as server, head_node_at(server.port) as node:
        with pytest.raises(RemoteFileNotFound, match=r"there is no .*/none"):
            await node.define_placement(f"{tmp_path.resolve()}/none/e_1.input", **GOOD)


async def test_damaged_files(tmp_path: Path) -> None:
    (tmp_path / "e_1.machines").write_text("localhost slots=1\n\nlocalhost\nlocalhost\n")
    (tmp_path / "e_1.threads").write_text("NUMBER OF HORSES:   1\n2\n")
    async with own_server(tmp_path) as server, head_node_at(server.port) as node:
        with pytest.raises(FileFormatError, match="line 1"):
            await node.read_placement(f"{tmp_path.resolve()}/e_1.input")


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
        done = await node.define_placement("/data/e_1.input", **GOOD)
        assert done.ok
        assert done.machines_file is not None
        assert done.machines_file.endswith(".machines")


async def test_refused_by_the_server() -> None:
    ids = (MachinesId.TASK_STARTED, MachinesId.FAILURE_OPEN_MACHINES_FILE, MachinesId.TASK_TERMINATED)
    texts = ("", "Permission denied", "")
    pieces = [p for i, t in zip(ids, texts, strict=True) for p in encode_machines(MachinesEvent(i, t))]
    async with scripted(playing(pieces)) as port, head_node_at(port) as node:
        with pytest.raises(RemoteFileError, match="cannot be written: Permission denied"):
            await node.define_placement("/data/e_1.input", **GOOD)


async def test_server_stops_in_the_middle() -> None:
    pieces = encode_machines(MachinesEvent(MachinesId.TASK_STARTED))
    patience = replace(BRIEF, stall=-0.7)  # one second a host is added to it
    async with scripted(playing(pieces)) as port, head_node_at(port, patience=patience) as node:
        with pytest.raises(NoReply, match="did not finish"):
            await asyncio.wait_for(node.define_placement("/data/e_1.input", **GOOD), 5)
