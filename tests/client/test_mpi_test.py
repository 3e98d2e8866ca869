# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts that are tried through MPI: who answered, and that nothing is left or changed by it."""

from __future__ import annotations

from pathlib import Path

import pytest

from difxnb.client.mpi_test import TriedHost
from difxnb.errors import ConnectionLost, NoReply, RemoteFileNotFound, UnsafeValue
from difxnb.wire.files import encode_line
from difxnb.wire.machines import MachinesEvent, MachinesId, encode_machines
from difxnb.wire.message import FileOperation, MachinesDefinition
from tests.client.peers import BRIEF, Talker, head_node_at, own_server, patience_for, scripted
from tests.recordings import exchanges


@pytest.mark.parametrize("quirks", [None, "2.9"])
async def test_who_answers(tmp_path: Path, quirks: str | None) -> None:
    """7.6, testProcessors: a table of answers; the job's own machines stay, and nothing is left beside them."""
    for name in ("e_1.machines", "e_1.threads"):
        (tmp_path / name).write_text("as it was\n")
    progress: list[tuple[int, int]] = []
    async with (
        own_server(tmp_path, quirks) as server,
        head_node_at(server.port, patience=patience_for(quirks)) as node,
    ):
        tried = await node.try_hosts(
            f"{tmp_path.resolve()}/e_1.input",
            ["elsewhere", "localhost", "elsewhere"],
            on_host=lambda done, total: progress.append((done, total)),
        )
    assert [(host.node, host.answered) for host in tried] == [("elsewhere", False), ("localhost", True)]
    assert all(host.seconds is not None and host.seconds >= 0 for host in tried)
    assert progress == [(1, 2), (2, 2)]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["e_1.machines", "e_1.threads"]
    assert (tmp_path / "e_1.machines").read_text() == "as it was\n"


async def test_more_hosts_than_a_definition_takes(tmp_path: Path) -> None:
    """5.2: a hundred at a time."""
    hosts = [f"localhost.n{i}" for i in range(101)]
    async with own_server(tmp_path) as server, head_node_at(server.port) as node:
        tried = await node.try_hosts(f"{tmp_path.resolve()}/e_1.input", hosts)
    assert [host.node for host in tried] == hosts
    assert all(host.answered for host in tried)


async def test_wrong_wishes(tmp_path: Path) -> None:
    path = f"{tmp_path.resolve()}/e_1.input"
    async with own_server(tmp_path) as server, head_node_at(server.port) as node:
        with pytest.raises(ValueError, match="no hosts to try"):
            await node.try_hosts(path, [])
        with pytest.raises(UnsafeValue, match="host name"):
            await node.try_hosts(path, ["ok", "$(reboot)"])
        with pytest.raises(UnsafeValue, match="mpi_wrapper"):
            await node.try_hosts(path, ["ok"], mpi_wrapper="mpirun; reboot")
        with pytest.raises(RemoteFileNotFound, match="there is no"):
            await node.try_hosts(f"{tmp_path.resolve()}/none/e_1.input", ["ok"])
    assert list(tmp_path.iterdir()) == []


class TryingServer:
    """A server that makes any directory, and says of hosts what it is told to."""

    def __init__(self, *said: tuple[int, str]) -> None:
        self.pieces = [
            p for number, text in said for p in encode_machines(MachinesEvent(MachinesId(number), text))
        ]
        self.definitions: list[MachinesDefinition] = []
        self.removed: list[str] = []
        self._made: set[str] = set()

    async def __call__(self, talker: Talker) -> None:
        await talker.serve(self.answer)

    async def answer(self, talker: Talker, body: object, port: int) -> None:
        if isinstance(body, MachinesDefinition):
            self.definitions.append(body)
            await talker.on_channel(port, *self.pieces)
        elif isinstance(body, FileOperation) and body.operation == "ls":
            await talker.on_channel(port, *self._listed((body.path or "").rstrip("/")), bytes(4))
        elif isinstance(body, FileOperation):
            path = (body.path or "").rstrip("/")
            if body.operation == "rm":
                self.removed.append(path)
                self._made.discard(path)
            else:
                self._made.add(path)

    def _listed(self, path: str) -> list[bytes]:
        if path not in self._made | {"/data"}:
            return []
        line = f"drwxr-xr-x 2 o o 1 2026-11-22 10:52:00.000000000 +0000 {path}\n"
        return [encode_line(line.encode())]


async def test_a_host_of_which_nothing_is_said() -> None:
    server = TryingServer((102, ""), (122, ""), (120, "n1"), (115, ""), (116, ""), (101, ""))
    async with scripted(server) as port, head_node_at(port) as node:
        tried = await node.try_hosts("/data/e_1.input", ["n1", "n2"], mpi_wrapper="mpirun -q")
    assert tried[0].answered is True
    assert tried[1] == TriedHost("n2", None, None)
    (asked,) = server.definitions
    assert (asked.test_processors, asked.mpi_wrapper) == (True, "mpirun -q")
    assert [(p.nodes, p.threads) for p in asked.processors] == [(("n1",), 2), (("n2",), 2)]
    # Neither files of the job nor of an earlier try are touched: everything happens in a directory of its own.
    (removed,) = server.removed
    assert removed.startswith("/data/mpitest-")
    assert (asked.machines_file or "").startswith(f"{removed}/")
    assert (asked.input or "").startswith(f"{removed}/")


async def test_a_server_that_stops_in_the_middle() -> None:
    server = TryingServer((102, ""), (122, ""), (119, "n1"))
    async with scripted(server) as port, head_node_at(port, patience=BRIEF) as node:
        with pytest.raises(NoReply, match=r"did not finish.*hosts that it told of: n1"):
            await node.try_hosts("/data/e_1.input", ["n1", "n2"])
    assert len(server.removed) == 1


async def test_a_server_that_dies_in_the_middle() -> None:
    """H7: a real one does where it cannot write; here it would have to be its own directory."""

    class Mortal(TryingServer):
        async def answer(self, talker: Talker, body: object, port: int) -> None:
            if isinstance(body, MachinesDefinition):
                talker.writer.transport.abort()
            else:
                await super().answer(talker, body, port)

    async with scripted(Mortal()) as port, head_node_at(port) as node:
        with pytest.raises(ConnectionLost, match="may or may not"):
            await node.try_hosts("/data/e_1.input", ["n1"])


async def test_a_recorded_test() -> None:
    """What a real server says of one host that answers, and of one that is nowhere."""
    server = TryingServer()
    server.pieces = exchanges("machines_tested")[0].writes
    async with scripted(server) as port, head_node_at(port) as node:
        tried = await node.try_hosts("/data/e_1.input", ["head", "nowhere"])
    assert [(host.node, host.answered) for host in tried] == [("head", True), ("nowhere", False)]
