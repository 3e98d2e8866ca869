# SPDX-License-Identifier: GPL-3.0-or-later
"""mk5control, module directory and copy as our server answers them (7.8, 7.9, 7.10), packet by packet."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from difxnb.server import GuiServer
from difxnb.wire import control
from difxnb.wire.message import Command, GetDirectory, Mark5Copy, Mark5Status, Message, Mk5Control
from tests.server.peers import Peer, run, serving
from tests.server.recorder_rooms import ask, ask_dialling, bank, is_terminal, packets_in

DIRECTORY_ENDS, COPY_ENDS, CONTROL_ENDS = is_terminal(302, 304), is_terminal(302), is_terminal(101)


@asynccontextmanager
async def room(root: Path, **options: object) -> AsyncIterator[tuple[GuiServer, Peer]]:
    async with serving(root, recorders=bank(**options)) as server:
        peer = await Peer.connect(server)
        yield server, peer
        await peer.close()


def told(stream: bytes) -> list[tuple[int, str]]:
    return [(packet.id, packet.payload.decode()) for packet in packets_in(stream)]


def ids(stream: bytes) -> list[int]:
    return [packet.id for packet in packets_in(stream)]


# --- mk5control -------------------------------------------------------------------------------------------


def test_a_command_is_sent_and_answered_on_the_network(tmp_path: Path) -> None:
    """7.9: 102 and 101 on the side connection, byte for byte; what follows is relayed, the command first."""

    async def main() -> None:
        async with room(tmp_path) as (server, peer):
            await peer.send(control.RelaySwitch(True))
            stream = await ask(peer, Mk5Control(command="getvsn", target_node="mark5fx01"), CONTROL_ENDS)
            assert stream.hex() == "0000006600000000" + "0000006500000000"
            assert peer.pieces[50310] == [b"\0\0\0\x66", b"\0\0\0\0", b"\0\0\0\x65", b"\0\0\0\0"]
            await peer.until(lambda: len(peer.relayed()) == 2)
            command, answer = peer.relayed()
            assert isinstance(command, Message)
            assert isinstance(answer, Message)
            assert command.body == Command(command="getvsn")
            assert (command.header.identifier, command.header.to) == ("mk5control", ("mark5fx01",))
            assert isinstance(answer.body, Mark5Status)
            assert await ask_dialling(server, Mk5Control(command="getvsn", target_node="01-02")) == stream

    run(main())


@pytest.mark.parametrize(
    ("command", "target", "text"),
    [
        (
            "getvsn",
            "elsewhere",
            "there is no recorder elsewhere here; there are mark5fx01, mark5fx02, mark5fx03",
        ),
        ("getvsn", "05-03", "range of units"),
        ("getvsn", "", "there is no recorder  here"),
    ],
)
def test_a_command_that_nobody_can_hear_is_an_error(
    tmp_path: Path, command: str, target: str, text: str
) -> None:
    """7.9: 110, which the real server would not send, and 101 all the same."""

    async def main() -> None:
        async with room(tmp_path) as (_, peer):
            stream = await ask(peer, Mk5Control(command=command, target_node=target), CONTROL_ENDS)
            assert ids(stream) == [102, 110, 101]
            assert text in told(stream)[1][1]
            assert told(stream)[1][1].endswith("\n")

    run(main())


def test_without_recorders_there_is_nobody_to_command(tmp_path: Path) -> None:
    async def main() -> None:
        async with serving(tmp_path) as server:
            peer = await Peer.connect(server)
            stream = await ask(peer, Mk5Control(command="getvsn", target_node="mark5fx01"), CONTROL_ENDS)
            assert ids(stream) == [102, 110, 101]
            assert "no recorders" in told(stream)[1][1]
            request = GetDirectory(mark5="mark5fx01", vsn="NRAO+321")
            assert ids(await ask(peer, request, DIRECTORY_ENDS)) == [301, 305, 306, 304]
            copy = Mark5Copy(mark5="mark5fx01", vsn="NRAO+321", scans="1", destination=str(tmp_path))
            assert ids(await ask(peer, copy, COPY_ENDS)) == [301, 305, 314, 302]
            await peer.close()

    run(main())


def test_commands_of_clients_reach_recorders_as_well(tmp_path: Path) -> None:
    """Packets 2 and 3 with a DifxCommand go to the network, where recorders listen."""

    async def main() -> None:
        async with room(tmp_path) as (_, peer):
            await peer.send(control.RelaySwitch(True))
            document = (
                b"<difxMessage><header><from>me</from><to>mark5fx01</to><type>DifxCommand</type></header>"
                b"<body><difxCommand><command>GetVSN</command></difxCommand></body></difxMessage>"
            )
            await peer.send(control.RelayCommand(document), control.Command(document))
            await peer.until(lambda: len(peer.relayed()) == 4)
            kinds = sorted(type(m.body).__name__ for m in peer.relayed() if isinstance(m, Message))
            assert kinds == ["Command", "Command", "Mark5Status", "Mark5Status"]

    run(main())


# --- module directory -------------------------------------------------------------------------------------


def test_a_directory_is_read(tmp_path: Path) -> None:
    """7.8: 301 303 307 309 310* 302, in either mode."""

    async def main() -> None:
        async with room(tmp_path) as (server, peer):
            request = GetDirectory(mark5="mark5fx01", vsn="NRAO+321")
            stream = await ask(peer, request, DIRECTORY_ENDS)
            path = f"{tmp_path}/mark5dir/NRAO+321.dir"
            lines = Path(path).read_text().splitlines()
            date = told(stream)[2][1]
            assert len(date) == 12
            assert told(stream) == [
                (301, ""),
                (303, path),
                (307, date),
                (309, ""),
                *((310, line) for line in lines),
                (302, ""),
            ]
            assert await ask_dialling(server, request) == stream
            assert peer.notices(5) == [
                "executing: mpirun -host mark5fx01 /bin/echo $MARK5_DIR_PATH\n",
                f"executing: mpirun -host mark5fx01 /bin/ls -l {path}\n",
                f"executing: mpirun -host mark5fx01 /bin/cat {path}\n",
            ]

    run(main())


def test_a_directory_is_made_anew(tmp_path: Path) -> None:
    """7.8: 301 303 311 312* 305* 314 307 309 310* 302; 314 for what mk5dir always says."""

    async def main() -> None:
        async with room(tmp_path) as (_, peer):
            await peer.send(control.SetupPath("rungeneric.X"), control.RelaySwitch(True))
            request = GetDirectory(mark5="mark5fx01", vsn="MPI-0042", generate_new=True)
            stream = await ask(peer, request, DIRECTORY_ENDS)
            assert ids(stream) == [301, 303, 311, 312, 312, 305, 305, 314, 307, 309, 310, 310, 302]
            assert told(stream)[3] == (312, "Number of scans = 1")
            assert told(stream)[5][1].startswith("FYI:")
            command = "executing: mpirun -host mark5fx01 rungeneric.X mk5dir -n -f MPI-0042\n"
            assert command in peer.notices(5)
            assert "Number of scans = 1" in peer.notices(4)
            states = [getattr(m.body, "state", "") for m in peer.relayed() if isinstance(m, Message)]
            assert states == ["GetDirectory", "GetDirectory", "", "Idle"]

    run(main())


@pytest.mark.parametrize(
    ("host", "vsn", "generate", "sequence", "text"),
    [
        ("mark5fx01", "MPI-0042", False, [301, 303, 305, 308, 304], "cannot access"),
        ("mark5fx09", "NRAO+321", False, [301, 305, 306, 304], "mark5fx09 cannot be reached"),
        ("mark5fx01", "../../x", False, [301, 305, 306, 304], "names no module"),
        ("mark5fx02", "XXXX-001", True, [301, 303, 311, 305, 314, 305, 308, 304], "unsuccessful"),
        ("mark5fx03", "USN-0012", True, [301, 303, 311, 305, 314, 307, 309, 310, 302], "unsuccessful"),
    ],
)
def test_a_directory_that_cannot_be_had(
    tmp_path: Path, host: str, vsn: str, generate: bool, sequence: list[int], text: str
) -> None:
    """7.8: 308 and 306 are followed by 304, also for a wrong slot, a wrong host and a broken card."""

    async def main() -> None:
        async with room(tmp_path) as (_, peer):
            request = GetDirectory(mark5=host, vsn=vsn, generate_new=generate)
            stream = await ask(peer, request, DIRECTORY_ENDS)
            assert ids(stream) == sequence
            assert text in next(line for packet, line in told(stream) if packet == 305)
            assert any(text in notice for notice in peer.notices(6))

    run(main())


def test_a_busy_recorder_makes_no_directory(tmp_path: Path) -> None:
    async def main() -> None:
        async with room(tmp_path, step=60.0) as (_, peer):
            await peer.send(control.RelaySwitch(True))
            await ask(peer, Mk5Control(command="condition", target_node="mark5fx01"), CONTROL_ENDS)
            await peer.until(lambda: len(peer.relayed()) == 2)
            request = GetDirectory(mark5="mark5fx01", vsn="MPI-0042", generate_new=True)
            stream = await ask(peer, request, DIRECTORY_ENDS)
            assert ids(stream) == [301, 303, 311, 305, 314, 305, 308, 304]
            assert "has a lock on this Mark5 unit" in told(stream)[3][1]
            copy = Mark5Copy(mark5="mark5fx01", vsn="A", scans="1", destination=str(tmp_path))
            assert ids(await ask(peer, copy, COPY_ENDS)) == [301, 305, 314, 302]

    run(main())


def test_a_client_that_leaves_does_not_keep_the_card(tmp_path: Path) -> None:
    async def main() -> None:
        recorders = bank(step=60.0)
        async with serving(tmp_path, recorders=recorders) as server:
            peer = await Peer.connect(server)
            await peer.command(GetDirectory(mark5="mark5fx01", vsn="MPI-0042", generate_new=True, port=7))
            await peer.until(lambda: 312 in ids(bytes(peer.streams[7])))
            card = recorders.units["mark5fx01"].card
            assert card.holder is not None
            await peer.close()
            other = await Peer.connect(server)
            while card.holder is not None:
                await other.fence()
            await other.close()

    run(main())


# --- copy -------------------------------------------------------------------------------------------------


def test_scans_are_copied(tmp_path: Path) -> None:
    """7.10: 301, lines of mk5cp as errors, 314 and 302; the files are there."""

    async def main() -> None:
        async with room(tmp_path) as (server, peer):
            request = Mark5Copy(mark5="mark5fx01", vsn="NRAO+321", scans="1-2", destination=f"{tmp_path}")
            stream = await ask(peer, request, COPY_ENDS)
            assert ids(stream) == [301, *[305] * 5, 314, 302]
            lines = [text for packet, text in told(stream) if packet == 305]
            name = f"{tmp_path}/NRAO+321_0001_EX01_AA_NO0001"
            assert lines[:2] == [f"outName = {name}", "Copied scan 1 = EX01_AA_NO0001."]
            assert lines[-1] == f"2 scans copied from module NRAO+321 to {tmp_path}"
            assert Path(name).stat().st_size == 4000
            assert await ask_dialling(server, request) == stream

    run(main())


@pytest.mark.parametrize(
    ("vsn", "scans", "lines"),
    [
        ("NRAO+321", "9", ["Scan number 9 out of range.  nScan = 3", "1 scans NOT copied"]),
        ("NRAO+321", "nosuch", ["No scans match with code nosuch"]),
        ("XXXX-001", "1", ["Bank set error"]),
    ],
)
def test_scans_that_cannot_be_copied(tmp_path: Path, vsn: str, scans: str, lines: list[str]) -> None:
    async def main() -> None:
        async with room(tmp_path) as (_, peer):
            request = Mark5Copy(mark5="mark5fx01", vsn=vsn, scans=scans, destination=str(tmp_path))
            stream = await ask(peer, request, COPY_ENDS)
            assert ids(stream)[-2:] == [314, 302]
            said = " / ".join(text for packet, text in told(stream) if packet == 305)
            assert all(line in said for line in lines)
        assert [path.name for path in tmp_path.iterdir()] == ["mark5dir"]

    run(main())


@pytest.mark.parametrize("where", ["/nonexistent", "{root}/missing", "/etc"])
def test_a_copy_goes_nowhere_else(tmp_path: Path, where: str) -> None:
    async def main() -> None:
        async with room(tmp_path) as (_, peer):
            destination = where.format(root=tmp_path)
            request = Mark5Copy(mark5="mark5fx01", vsn="A", scans="1", destination=destination)
            stream = await ask(peer, request, COPY_ENDS)
            said = [text for packet, text in told(stream) if packet == 305]
            assert any("Cannot write scan 1: No such file" in line for line in said)
            assert "1 scans NOT copied" in said[-1]

    run(main())


@pytest.mark.parametrize(
    ("scans", "numbers"),
    [
        ("all", [1, 2, 3]),
        ("last", [3]),
        ("1,3", [1, 3]),
        ("ex01_aa_no0002", [2]),
        ("60000.0022_60000.0030", [2]),
    ],
)
def test_ways_to_choose_scans(tmp_path: Path, scans: str, numbers: list[int]) -> None:
    async def main() -> None:
        async with room(tmp_path) as (_, peer):
            request = Mark5Copy(mark5="mark5fx01", vsn="Active", scans=scans, destination=str(tmp_path))
            await ask(peer, request, COPY_ENDS)
        copied = sorted(path.name.split("_")[1] for path in tmp_path.glob("NRAO*"))
        assert copied == [f"{number:04d}" for number in numbers]

    run(main())


def test_recordings_on_a_module_are_copied_as_they_are(tmp_path: Path) -> None:
    from difxnb.server.recorder_bank import RecorderBank
    from difxnb.server.recorder_setup import ModuleSetup, RecorderSetup
    from tests.server.recorder_rooms import SCANS

    (tmp_path / "data.vdif").write_bytes(b"recorded")
    module = ModuleSetup("NRAO+321", SCANS[:1], {SCANS[0].name: str(tmp_path / "data.vdif")})

    async def main() -> None:
        recorders = RecorderBank([RecorderSetup("m", module)], step=0.001)
        async with serving(tmp_path, recorders=recorders) as server:
            peer = await Peer.connect(server)
            request = Mark5Copy(mark5="m", vsn="NRAO+321", scans="1", destination=str(tmp_path))
            await ask(peer, request, COPY_ENDS)
            await peer.close()

    run(main())
    assert next(tmp_path.glob("NRAO+321_0001_*")).read_bytes() == b"recorded"


def test_recorders_end_with_their_server(tmp_path: Path) -> None:
    async def main() -> None:
        async with serving(tmp_path, recorders=bank(step=60.0, heartbeat=60.0)) as server:
            peer = await Peer.connect(server)
            await ask(peer, Mk5Control(command="condition", target_node="all"), CONTROL_ENDS)
            await peer.close()
        left = asyncio.all_tasks() - {asyncio.current_task()}
        assert not [task for task in left if "beat" in repr(task) or "_believing" in repr(task)]

    run(main())
