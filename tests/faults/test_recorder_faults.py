# SPDX-License-Identifier: GPL-3.0-or-later
"""Recorders, lists and vex2difx (7.7 to 7.11) over bad lines: the right answer or a typed error, in time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from difxnb import aio
from tests.client.peers import ROBUST, own_server
from tests.faults.conversations import CONVERSATIONS, Conversation
from tests.faults.line import Cut, Slow, Way
from tests.faults.test_faults import Bench, spread
from tests.server.recorder_rooms import bank, install
from tests.server.test_demo_recorders import frames

PROGRAMS = {
    "vex2difx": "echo two; echo 1 > e_1.input; echo 1 > e_1.calc",
    "difxcalc": 'echo im > "${2%.calc}.im"',
}


LIMIT = 15.0
"""Seconds that each may take; less where nothing will come."""


def _prepare(root: Path) -> None:
    (root / "e.v2d").write_text("vex = e.vex\n")
    (root / "e_1.calc").write_text("1\n")
    (root / "a.vdif").write_bytes(frames([100, 101]))
    (root / "list").write_text("old\n")


def _old_or_new(root: Path) -> None:
    text = (root / "list").read_text()
    assert text == "old\n" or text.count("\n") == 1


async def _control(difx: aio.Correlator, root: Path) -> None:
    assert (await difx.recorder("mark5fx01").send("getver", timeout=LIMIT)).empty


async def _directory(difx: aio.Correlator, root: Path) -> None:
    assert len(await difx.recorder("mark5fx01").directory("NRAO+321", timeout=LIMIT)) == 3


async def _generate(difx: aio.Correlator, root: Path) -> None:
    assert len(await difx.recorder("mark5fx01").directory("MPI-0042", True, timeout=LIMIT)) == 1


async def _copy(difx: aio.Correlator, root: Path) -> None:
    recorder = difx.recorder("mark5fx01")
    assert len(await recorder.copy("NRAO+321", 1, str(root), overwrite=True, timeout=LIMIT)) == 1
    assert (root / "NRAO+321_0001_EX01_AA_NO0001").stat().st_size == 4000


async def _list(difx: aio.Correlator, root: Path) -> None:
    made = await difx.file_list([f"{root}/a.vdif"], f"{root}/list", "VDIF", 58849, True, timeout=LIMIT)
    assert made["listed"].tolist() == [True]


async def _jobs(difx: aio.Correlator, root: Path) -> None:
    assert (await difx.make_jobs(f"{root}/e.v2d", timeout=LIMIT))["model"].tolist() == [f"{root}/e_1.im"]


async def _models(difx: aio.Correlator, root: Path) -> None:
    assert (await difx.make_models(f"{root}/e_*", timeout=LIMIT))["job"].tolist() == ["e_1"]


OURS = {
    "mk5control": Conversation(_control, _prepare),
    "directory": Conversation(_directory, _prepare),
    "directory made anew": Conversation(_generate, _prepare),
    "copy": Conversation(_copy, _prepare),
    "file list": Conversation(_list, _prepare, _old_or_new),
    "vex2difx": Conversation(_jobs, _prepare),
    "models": Conversation(_models, _prepare),
}

every_conversation = pytest.mark.parametrize("name", OURS)


@pytest.fixture(autouse=True)
def known(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, conversation in OURS.items():
        monkeypatch.setitem(CONVERSATIONS, name, conversation)


@asynccontextmanager
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    programs = install(tmp_path / "bin", PROGRAMS)
    async with own_server(tmp_path, recorders=bank(step=0.0001), programs=programs) as server:
        yield Bench(server, tmp_path.resolve() / "data", frozenset(asyncio.all_tasks()))


@pytest.mark.parametrize(("way", "places"), [("down", 30), ("up", 12)])
@every_conversation
async def test_a_conversation_cut_anywhere(name: str, way: Way, places: int, tmp_path: Path) -> None:
    async with bench(tmp_path) as at:
        length = (await at.have(name, None)).passed[way]
        cuts = spread(length, places)
        errors = await at.try_all(name, (Cut(way, byte) for byte in cuts))
    assert len(errors) > len(cuts) / 4


@every_conversation
async def test_a_line_that_falls_silent(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(globals(), "LIMIT", 0.5)
    async with bench(tmp_path) as at:
        length = (await at.have(name, None)).passed["down"]
        await at.try_all(name, (Cut("down", byte, "silence") for byte in spread(length, 2)[:-1]))


@every_conversation
async def test_one_byte_at_a_time(name: str, tmp_path: Path) -> None:
    async with bench(tmp_path) as at:
        await at.have(name, Slow("down", 1), patience=ROBUST)


@every_conversation
async def test_dialled_back_past_a_slow_main_connection(name: str, tmp_path: Path) -> None:
    """An answer overtakes what was said before it on the main connection."""
    async with bench(tmp_path) as at:
        await at.have(name, Slow("down", 65536, 0.02), patience=ROBUST, transport="dial-back")
