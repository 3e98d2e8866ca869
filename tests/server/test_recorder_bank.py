# SPDX-License-Identifier: GPL-3.0-or-later
"""Simulated recorders: states, banks and programs, by what they tell the network."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from difxnb.formats.module_directory import parse_module_directory
from difxnb.server.confinement import Confinement
from difxnb.server.recorder_bank import RecorderBank, control_message
from difxnb.server.recorder_setup import ModuleSetup, RecorderSetup
from difxnb.server.relay import Document
from difxnb.wire.message import (
    Alert,
    DriveStats,
    Info,
    Mark5Status,
    Mark5Version,
    Message,
    Smart,
    parse,
    to_xml,
)
from tests.server.peers import TIMEOUT, run
from tests.server.recorder_rooms import SCANS, bank


class Network:
    """A network on which one bank of recorders is alone."""

    def __init__(self, recorders: RecorderBank) -> None:
        self.recorders = recorders
        self.heard: list[Message] = []
        self.news = asyncio.Event()

    def publish(self, payload: bytes) -> None:
        message = parse(payload)
        assert isinstance(message, Message)
        assert message.flags in ((), ("header type",))
        self.heard.append(message)
        self.news.set()

    async def send(self, command: str, to: str = "mark5fx01") -> None:
        self.recorders.hear(Document.of(to_xml(control_message(command, to))))
        await asyncio.sleep(0)  # commands are done after everybody has heard them

    async def until(self, found: Callable[[], bool]) -> None:
        async with asyncio.timeout(TIMEOUT):
            while not found():
                self.news.clear()
                await self.news.wait()

    def states(self, sender: str | None = None) -> list[str | None]:
        return [
            m.body.state
            for m in self.heard
            if isinstance(m.body, Mark5Status) and sender in (None, m.header.identifier)
        ]

    def alerts(self) -> list[str | None]:
        return [m.body.text for m in self.heard if isinstance(m.body, Alert)]

    def last(self) -> Mark5Status:
        return [m.body for m in self.heard if isinstance(m.body, Mark5Status)][-1]


@asynccontextmanager
async def network(root: Path, **options: object) -> AsyncIterator[Network]:
    recorders = bank(**options)
    net = Network(recorders)
    recorders.start(Confinement(root), net.publish)
    recorders.beat()
    try:
        yield net
    finally:
        await recorders.close()


def test_modules_are_told_on_request(tmp_path: Path) -> None:
    async def main() -> None:
        async with network(tmp_path) as net:
            await net.send("GetVSN")
            await net.send("getvsn", "mark5fx02")
            await net.send("getvsn", "mark5fx03")
            await net.send("getvsn", "mark5fx04")
        assert net.states() == ["Idle", "Idle", "Error"]
        told = [(m.body.bank_a_vsn, m.body.bank_b_vsn) for m in net.heard]
        assert told == [("NRAO+321", "MPI-0042"), (None, None), (None, None)]
        assert [m.header.source for m in net.heard] == ["mark5fx01", "mark5fx02", "mark5fx03"]
        assert {m.header.identifier for m in net.heard} == {"mk5daemon"}

    run(main())


@pytest.mark.parametrize(("to", "answers"), [("all", 3), ("MARK5", 3), ("mark6", 0), ("01-02", 2)])
def test_several_can_be_addressed(tmp_path: Path, to: str, answers: int) -> None:
    async def main() -> None:
        async with network(tmp_path) as net:
            await net.send("getvsn", to)
        assert len(net.heard) == answers

    run(main())


def test_sequence_numbers_count_by_program(tmp_path: Path) -> None:
    async def main() -> None:
        async with network(tmp_path) as net:
            for _ in range(3):
                await net.send("getvsn")
        assert [m.sequence for m in net.heard] == [0, 1, 2]

    run(main())


def test_a_bank_is_switched_off_and_on(tmp_path: Path) -> None:
    async def main() -> None:
        async with network(tmp_path) as net:
            for command in ("discoffA", "getvsn", "disconA", "getvsn", "discoff", "getvsn"):
                await net.send(command)
        statuses = [m.body for m in net.heard if isinstance(m.body, Mark5Status)]
        assert [(s.bank_a_vsn, s.bank_b_vsn) for s in statuses] == [
            (None, "MPI-0042"),
            ("NRAO+321", "MPI-0042"),
            (None, None),
        ]
        assert net.alerts() == [
            "Module NRAO+321 removed from bank A",
            "Module NRAO+321 inserted into bank A",
            "Module MPI-0042 removed from bank B",
            "Module NRAO+321 removed from bank A",
        ]

    run(main())


def test_versions_come_under_the_header_that_the_library_writes(tmp_path: Path) -> None:
    async def main() -> None:
        async with network(tmp_path) as net:
            await net.send("getver")
        (message,) = net.heard
        assert isinstance(message.body, Mark5Version)
        assert message.header.type == "Mark5StatusMessage"

    run(main())


def test_health_of_all_disks(tmp_path: Path) -> None:
    async def main() -> None:
        async with network(tmp_path) as net:
            await net.send("getsmart")
        assert [(m.body.vsn, m.body.slot) for m in net.heard if isinstance(m.body, Smart)] == [
            (vsn, disk) for vsn in ("NRAO+321", "MPI-0042") for disk in range(8)
        ]

    run(main())


def test_making_a_directory_is_told_scan_by_scan(tmp_path: Path) -> None:
    async def main() -> None:
        async with network(tmp_path) as net:
            await net.send("getdir")
            await net.until(lambda: "Successful directory read for NRAO+321 and MPI-0042" in net.alerts())
            await net.until(lambda: net.states("mk5dir")[-1] == "Idle")
        told = [m.body for m in net.heard if isinstance(m.body, Mark5Status)]
        assert [(s.state, s.active_bank, s.scan_number, s.scan_name, s.position) for s in told] == [
            ("GetDirectory", None, 0, None, 0),
            *(("GetDirectory", "A", number, "Decoded", 3) for number in (1, 2, 3)),
            ("GetDirectory", "B", 1, "Decoded", 1),
            ("Idle", None, 1, None, 0),
        ]
        written = parse_module_directory((tmp_path / "mark5dir" / "MPI-0042.dir").read_text(), "x")
        assert [scan.name for scan in written.scans] == ["EX01_AA_NO0001"]

    run(main())


def test_a_busy_recorder_says_nothing_and_takes_nothing(tmp_path: Path) -> None:
    async def main() -> None:
        async with network(tmp_path, step=60.0) as net:
            await net.send("condition")
            await net.until(lambda: net.states() == ["Condition"])
            for command in ("getvsn", "getdir", "erase", "discoff", "startfusemk5A"):
                await net.send(command)
            assert net.states() == ["Condition"]
            await net.send("clear")  # the daemon forgets, and then it answers
            assert net.states() == ["Condition", "Idle"]
            await net.send("stopcopy")  # another program's name
            await net.send("stopcondition")
            await net.until(lambda: net.states("mk5erase")[-1] == "Idle")
            assert net.alerts() == ["Conditioning aborted."]

    run(main())


def test_conditioning_empties_the_active_module_and_tells_of_its_disks(tmp_path: Path) -> None:
    async def main() -> None:
        async with network(tmp_path) as net:
            await net.send("condition")
            await net.until(lambda: net.states()[-1:] == ["Idle"])
            names = [m.body.scan_name for m in net.heard if isinstance(m.body, Mark5Status)]
            assert names[:3] == [None, "RW[10.00%]", "RW[20.00%]"]
            stats = [m.body for m in net.heard if isinstance(m.body, DriveStats)]
            assert [s.module_slot for s in stats] == list(range(8))
            await net.send("getdirA")
            await net.until(lambda: "Successful directory read for NRAO+321" in net.alerts())
        written = parse_module_directory((tmp_path / "mark5dir" / "NRAO+321.dir").read_text(), "x")
        assert written.scans == ()
        assert written.signature == 2

    run(main())


def test_erasing_is_quick(tmp_path: Path) -> None:
    async def main() -> None:
        async with network(tmp_path, step=60.0) as net:
            await net.send("erase")
            await net.until(lambda: net.states() == ["Condition", "Idle"])
            assert net.recorders.units["mark5fx01"].card.banks["A"].scans == ()
            assert len(net.recorders.units["mark5fx01"].card.banks["B"].scans) == 1

    run(main())


def test_making_a_directory_can_be_stopped(tmp_path: Path) -> None:
    async def main() -> None:
        async with network(tmp_path, step=60.0) as net:
            await net.send("getdirb")
            await net.until(lambda: net.states() == ["GetDirectory"])
            await net.send("stopdir")
            await net.until(lambda: net.states() == ["GetDirectory", "Idle"])
        assert net.alerts() == ["Directory read terminated by signal."]
        assert not (tmp_path / "mark5dir" / "MPI-0042.dir").exists()

    run(main())


def test_a_copy_on_command(tmp_path: Path) -> None:
    async def main() -> None:
        async with network(tmp_path) as net:
            await net.send(f"copy NRAO+321 2 {tmp_path}; rm")  # what a shell would act on is not done
            await net.send(f"copy NRAO+321 2 {tmp_path}")
            await net.until(lambda: net.states()[-1:] == ["Idle"])
            copying = [m.body.scan_name for m in net.heard if getattr(m.body, "state", "") == "Copy"]
        assert copying == ["EX01_AA_NO0002[0%]", "EX01_AA_NO0002[100%]"]
        assert (tmp_path / "NRAO+321_0002_EX01_AA_NO0002").read_bytes() == bytes.fromhex("44332211") * 1500

    run(main())


def test_a_mounted_module_has_no_name(tmp_path: Path) -> None:
    async def main() -> None:
        async with network(tmp_path, step=60.0) as net:
            await net.send("startfuseMk5B")
            await net.until(lambda: net.states() == ["FuseMk5"])
            assert (net.last().bank_a_vsn, net.last().bank_b_vsn) == ("NRAO+321", "IN USE")
            await net.send("stopfuseMk5")
            while net.recorders.units["mark5fx01"].card.holder is not None:
                await asyncio.sleep(0)
            await net.send("startfuseMk5A")
            await net.until(lambda: net.states() == ["FuseMk5"] * 2)
            await net.send("resetmark5")
            assert net.states()[2:] == ["Resetting", "Idle"]

    run(main())


def test_a_restart_and_the_end(tmp_path: Path) -> None:
    async def main() -> None:
        async with network(tmp_path) as net:
            await net.send("reboot")
            await net.until(lambda: net.states() == ["Rebooting", "Idle"])
            assert [m.body.message for m in net.heard if isinstance(m.body, Info)] == ["mk5daemon starting"]
            await net.send("poweroff")
            for command in ("getvsn", "reboot", "getver"):
                await net.send(command)
            assert net.states() == ["Rebooting", "Idle", "PowerOff"]
            await net.send("stopmk5daemon", "mark5fx02")
            await net.send("getvsn", "mark5fx02")
            assert len(net.states()) == 3

    run(main())


def test_disks_of_the_host(tmp_path: Path) -> None:
    async def main() -> None:
        async with network(tmp_path) as net:
            for command in ("mountb1", "listfs", "umount", "mount", "killmpifxcorr", "Test", "nonsense"):
                await net.send(command)
        assert [text.split()[0] for text in net.alerts()] == ["b1", "no", "/mnt/usb"]
        assert net.states() == []

    run(main())


def test_an_idle_recorder_reports_from_time_to_time(tmp_path: Path) -> None:
    async def main() -> None:
        async with network(tmp_path, heartbeat=0.001) as net:
            await net.until(lambda: len(net.heard) >= 6)
        assert {m.header.source for m in net.heard} == {"mark5fx01", "mark5fx02", "mark5fx03"}
        assert set(net.states()) == {"Idle", "Error"}

    run(main())


@given(st.lists(st.text(max_size=30), max_size=6))
@settings(max_examples=25)
def test_no_command_harms_the_server(tmp_path_factory: pytest.TempPathFactory, commands: list[str]) -> None:
    root = tmp_path_factory.mktemp("root")

    async def main() -> None:
        async with network(root) as net:
            for command in commands:
                net.recorders.units["mark5fx01"].command(command)

    run(main())


def test_what_was_there_stays_there(tmp_path: Path) -> None:
    (tmp_path / "mark5dir").mkdir()
    (tmp_path / "mark5dir" / "NRAO+321.dir").write_text("mine")

    async def main() -> None:
        async with network(tmp_path):
            pass

    run(main())
    assert (tmp_path / "mark5dir" / "NRAO+321.dir").read_text() == "mine"


def test_wrong_setups() -> None:
    with pytest.raises(ValueError, match="eight characters"):
        ModuleSetup("TOO-LONG-001")
    with pytest.raises(ValueError, match="different names"):
        RecorderBank([RecorderSetup("a"), RecorderSetup("A")])
    with pytest.raises(ValueError, match="positive"):
        RecorderBank([], step=0)
    with pytest.raises(ValueError, match="positive"):
        RecorderBank([], heartbeat=-1)


def test_scans_lie_one_after_the_other() -> None:
    module = ModuleSetup("NRAO+321", SCANS)
    assert [(scan.start, scan.length) for scan in module.scans] == [(0, 4000), (4000, 6000), (10000, 2000)]
