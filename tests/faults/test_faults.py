# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever the line does: the right answer or a typed error, in time, and nothing left behind."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import pytest

from difxnb import aio
from difxnb.errors import ConnectionFailed, DifxError, NoReply, NotGuiServer
from difxnb.server.gui_server import GuiServer
from difxnb.wire.control import Notice, NoticeSeverity, encode
from difxnb.wire.packet import encode_packet
from tests.client.peers import BRIEF, ROBUST, own_server
from tests.faults.conversations import CONVERSATIONS
from tests.faults.line import Cut, Fault, Insert, Line, Slow, Way, line_to

pytestmark = pytest.mark.slow

QUICK = replace(BRIEF, reconnect=())
IN_TIME_S = 20.0
RUBBISH = (b"\xff" * 8, bytes(16), b"\x00\x00\x00\x16\x00\x00\x00\x02ab", b"HTTP/1.1 400\r\n")

every_conversation = pytest.mark.parametrize("name", CONVERSATIONS)


@dataclass
class Bench:
    """A server, and a directory that is made anew for each conversation."""

    server: GuiServer
    root: Path
    others: frozenset[asyncio.Task[object]]

    async def have(self, name: str, fault: Fault | None, **options: object) -> Line:
        """Have a conversation over a line with a fault; what went wrong is raised."""
        conversation = CONVERSATIONS[name]
        shutil.rmtree(self.root, ignore_errors=True)
        self.root.mkdir()
        conversation.prepare(self.root)
        try:
            async with asyncio.timeout(IN_TIME_S), line_to(self.server.port, fault) as line:
                difx = await aio.connect("127.0.0.1", line.port, **{"patience": QUICK, **options})
                try:
                    line.arm()
                    await conversation.hold(difx, self.root)
                finally:
                    await difx.close(force=True)
        finally:
            await self.settle()
            conversation.is_whole(self.root)
        return line

    async def try_all(self, name: str, faults: Iterable[Fault]) -> list[DifxError]:
        """Have a conversation under each fault; give the errors."""
        errors = []
        for fault in faults:
            try:
                await self.have(name, fault)
            except DifxError as error:
                errors.append(error)
        return errors

    async def settle(self) -> None:
        """Wait until the server and the client have ended every task of the conversation."""
        while left := asyncio.all_tasks() - self.others - {asyncio.current_task()}:
            _, late = await asyncio.wait(left, timeout=5.0)
            assert not late, f"tasks left behind: {late}"


@asynccontextmanager
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with own_server(tmp_path) as server:
        yield Bench(server, tmp_path.resolve() / "data", frozenset(asyncio.all_tasks()))


def spread(length: int, count: int) -> list[int]:
    """About `count` places in `length` bytes, the first and the last among them."""
    return sorted({*range(0, length, max(1, length // count)), length - 1})


@pytest.fixture
def cuts(request: pytest.FixtureRequest) -> int:
    """How many places of a conversation are tried; ``--every-byte`` tries all."""
    return 2**31 if request.config.getoption("--every-byte") else 30


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("way", ["up", "down"])
@every_conversation
async def test_a_cut(name: str, way: Way, cuts: int, tmp_path: Path) -> None:
    async with bench(tmp_path) as at:
        length = (await at.have(name, None, patience=ROBUST)).passed[way]
        places = spread(length, cuts)
        errors = await at.try_all(name, (Cut(way, byte) for byte in places))
    assert len(errors) > len(places) / 2


@pytest.mark.parametrize("way", ["up", "down"])
@every_conversation
async def test_a_reset(name: str, way: Way, tmp_path: Path) -> None:
    async with bench(tmp_path) as at:
        length = (await at.have(name, None, patience=ROBUST)).passed[way]
        places = spread(length, 10)
        errors = await at.try_all(name, (Cut(way, byte, "reset") for byte in places))
    assert len(errors) > len(places) / 2


@pytest.mark.parametrize("way", ["up", "down"])
@every_conversation
async def test_a_line_that_falls_silent(name: str, way: Way, tmp_path: Path) -> None:
    """Neither end is told: time-outs have to find it."""
    async with bench(tmp_path) as at:
        length = (await at.have(name, None, patience=ROBUST)).passed[way]
        errors = await at.try_all(name, (Cut(way, byte, "silence") for byte in spread(length, 3)))
    assert errors


@pytest.mark.parametrize("way", ["up", "down"])
@every_conversation
async def test_one_byte_at_a_time(name: str, way: Way, tmp_path: Path) -> None:
    async with bench(tmp_path) as at:
        await at.have(name, Slow(way, 1), patience=ROBUST)


@every_conversation
async def test_a_main_connection_slower_than_the_side_connections(name: str, tmp_path: Path) -> None:
    """Dialled back, an answer overtakes what was said before it on the main connection."""
    async with bench(tmp_path) as at:
        await at.have(name, Slow("down", 65536, 0.02), patience=ROBUST, transport="dial-back")


@every_conversation
async def test_what_belongs_to_nobody_between_two_packets(name: str, tmp_path: Path) -> None:
    """Unknown packets, notices and texts of the network may come at any time."""
    stranger = encode_packet(999, b"x" * 50)
    stranger += encode(Notice(NoticeSeverity.WARNING, "warm")) + encode_packet(1, b"no XML at all")
    async with bench(tmp_path) as at:
        await at.have(name, Insert("down", 0, stranger * 3), patience=ROBUST)


@pytest.mark.parametrize("way", ["up", "down"])
@every_conversation
async def test_rubbish_anywhere(name: str, way: Way, tmp_path: Path) -> None:
    """In the middle of a file nobody can know it; anywhere else it is an error, and in time."""
    async with bench(tmp_path) as at:
        length = (await at.have(name, None, patience=ROBUST)).passed[way]
        for place, rubbish in product(spread(length, 3), RUBBISH):
            try:
                await at.have(name, Insert(way, place, rubbish))
            except (DifxError, AssertionError):
                continue


async def test_a_greeting_cut_at_every_byte(tmp_path: Path) -> None:
    async with bench(tmp_path) as at:
        async with line_to(at.server.port) as line:
            line.arm()
            difx = await aio.connect("127.0.0.1", line.port, patience=QUICK)
            length = line.passed["down"]
            await difx.close()
        for byte in range(length - 1):
            async with line_to(at.server.port, Cut("down", byte)) as cut:
                cut.arm()
                with pytest.raises((ConnectionFailed, NoReply, NotGuiServer)):
                    await aio.connect("127.0.0.1", cut.port, patience=QUICK)
            await at.settle()
