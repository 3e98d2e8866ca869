# SPDX-License-Identifier: GPL-3.0-or-later
"""Recorders as a user asks them (7.8 to 7.10), against the simulated ones of the own server."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pandas as pd
import pytest

from difxnb import aio
from difxnb.aio.recorder_answers import Answers
from difxnb.aio.recorder_frames import copy_frame, modules_frame, smart_frame, versions_frame
from difxnb.errors import (
    FileFormatError,
    NoReply,
    NotConfirmed,
    RecorderError,
    RemoteFileExists,
    RemoteFileNotFound,
    UnsafeValue,
)
from difxnb.wire.message import Command, Header, Mark5Status, Mark6Status, Message
from difxnb.wire.recorders import OutputLine
from tests.client.peers import own_server, patience_for
from tests.server.recorder_rooms import bank

MODES = [(None, "channel"), ("2.9", "dial-back")]


@asynccontextmanager
async def room(
    root: Path, quirks: str | None = None, transport: str = "channel", **options: object
) -> AsyncIterator[tuple[aio.Correlator, aio.Recorder]]:
    async with (
        own_server(root, quirks, recorders=bank(**options)) as server,
        aio.connect("127.0.0.1", server.port, transport=transport, patience=patience_for(quirks)) as difx,
    ):
        yield difx, difx.recorder("mark5fx01")


@pytest.mark.parametrize(("quirks", "transport"), MODES)
async def test_modules_and_what_is_on_them(tmp_path: Path, quirks: str | None, transport: str) -> None:
    """7.8 and 7.9: GetVSN, a directory, one made anew."""
    async with room(tmp_path, quirks, transport) as (_, recorder):
        modules = await recorder.modules()
        assert modules[["recorder", "bank", "vsn", "state"]].to_numpy().tolist() == [
            ["mark5fx01", "A", "NRAO+321", "Idle"],
            ["mark5fx01", "B", "MPI-0042", "Idle"],
        ]
        assert str(modules["heard"].dtype) == "datetime64[ns]"
        directory = await recorder.directory("NRAO+321")
        assert directory["name"].tolist() == [f"EX01_AA_NO000{number}" for number in (1, 2, 3)]
        assert directory["start"][0] == pd.Timestamp("2023-02-25 00:01:40")
        assert (directory["stop"] - directory["start"]).dt.total_seconds().tolist() == [10.0, 20.0, 5.0]
        assert directory["position"].tolist() == [0, 4000, 10000]
        assert directory["rate"].tolist() == pytest.approx([0.0032, 0.0024, 0.0032])
        assert directory.attrs["path"] == f"{tmp_path.resolve()}/mark5dir/NRAO+321.dir"
        assert len(directory.attrs["content"]) == 4
        assert directory.attrs["warnings"] == []
        with pytest.raises(RemoteFileNotFound, match="generate=True"):
            await recorder.directory("MPI-0042")
        lines: list[str] = []
        made = await recorder.directory("MPI-0042", generate=True, progress=lines.append)
        assert len(made) == 1
        assert lines[:2] == ["Number of scans = 1", "1/1 Decoded"]
        assert made.attrs["lines"][:2] == lines[:2]
        assert made.attrs["warnings"] == []


@pytest.mark.parametrize(("quirks", "transport"), MODES)
async def test_scans_are_copied(tmp_path: Path, quirks: str | None, transport: str) -> None:
    """7.10: judged by what mk5cp says of each scan."""
    raw = tmp_path.resolve() / "raw"
    raw.mkdir()
    async with room(tmp_path, quirks, transport) as (_, recorder):
        copied = await recorder.copy("NRAO+321", [1, 3, 9], str(raw))
        assert copied["scan"].tolist() == [1, 3]
        assert copied["name"].tolist() == ["EX01_AA_NO0001", "EX01_AA_NO0003"]
        assert [Path(path).stat().st_size for path in copied["file"]] == [4000, 2000]
        assert any("out of range" in line for line in copied.attrs["warnings"])
        assert any("NOT copied" in line for line in copied.attrs["warnings"])
        with pytest.raises(RemoteFileExists, match="overwrite=True"):
            await recorder.copy("NRAO+321", "1-2", str(raw))
        assert len(await recorder.copy("NRAO+321", "1-2", str(raw), overwrite=True)) == 2
        with pytest.raises(RecorderError, match=r"nothing was copied: .*No scans match") as caught:
            await recorder.copy("NRAO+321", "nosuch", str(raw), overwrite=True)
        assert caught.value.lines
        assert "guiServer said meanwhile" in caught.value.__notes__[0]


async def test_questions_that_are_answered_by_messages(tmp_path: Path) -> None:
    async with room(tmp_path) as (difx, recorder):
        versions = await recorder.versions()
        parts = dict(zip(versions["part"], versions["version"], strict=True))
        assert parts["api_version"] == "9.2"
        assert parts["daughter_board.pcb_type"] == "10GIGE"
        smart = await recorder.smart()
        assert len(smart) == 2 * 8 * 4
        assert smart["name"].unique().tolist() == [
            "reallocated sectors",
            "power-on time, h",
            "temperature, deg C",
            "questionable sectors",
        ]
        assert not smart["suspect"].any()
        assert await recorder.file_systems() == ["no file systems with labels"]
        several = await difx.recorder("mark5").modules(timeout=0.5)
        assert several["recorder"].unique().tolist() == ["mark5fx01", "mark5fx02", "mark5fx03"]
        assert several["vsn"].tolist() == ["NRAO+321", "MPI-0042", None, None, None, None]
        assert several["state"].tolist()[-1] == "Error"


async def test_a_busy_recorder(tmp_path: Path) -> None:
    """A recorder at work says nothing when it is asked, and its card is taken."""
    async with room(tmp_path, step=60.0) as (_, recorder):
        with pytest.raises(NotConfirmed, match="erases the module"):
            await recorder.condition()
        await recorder.condition(confirm=True)
        with pytest.raises(NoReply, match="busy, off or not known"):
            await recorder.modules(timeout=0.2)
        with pytest.raises(RecorderError, match="has a lock"):
            await recorder.copy("NRAO+321", 1, str(tmp_path.resolve()))
        with pytest.raises(RecorderError, match=r"not made anew(?s:.*)has a lock"):
            await recorder.directory("NRAO+321", generate=True)
        assert len(await recorder.directory("NRAO+321")) == 3  # the file is as it was
        await recorder.stop_condition()
        assert (await recorder.modules())["vsn"].tolist() == ["NRAO+321", "MPI-0042"]
        assert len(await recorder.directory("NRAO+321", generate=True)) == 0


HARMLESS = ["stop_directory", "stop_copy", "stop_condition", "bank_on", "unmount_module", "unmount_disk"]
HARMFUL = {
    "erase": "erase",
    "condition": "condition",
    "bank_off": "discoff",
    "reset": "resetmark5",
    "reboot": "reboot",
    "poweroff": "poweroff",
    "stop_daemon": "stopmk5daemon",
    "kill_correlator": "killmpifxcorr",
}


async def test_every_verb_says_what_it_is_called_after(tmp_path: Path) -> None:
    """7.9: those that destroy do nothing without consent."""
    async with room(tmp_path) as (difx, _):
        nobody = difx.recorder("mark5fx02")
        sent: list[str] = []
        difx.messages.subscribe(lambda item: sent.append(item.body.command), type="command")
        for verb, command in HARMFUL.items():
            with pytest.raises(NotConfirmed, match=command):
                await getattr(nobody, verb)()
        await difx.head_node.fence()
        assert sent == []
        for verb in HARMLESS:
            await getattr(nobody, verb)()
        await nobody.extract_directory("A")
        await nobody.extract_directory()
        await nobody.mount_module("B")
        await nobody.mount_disk("b1")
        await nobody.slot_files(2)
        await nobody.initialize_slot(1, "BHC%0101", confirm=True)
        for verb in HARMFUL:
            await getattr(nobody, verb)(confirm=True)
        await nobody.bank_off("B", confirm=True)
        await difx.head_node.fence()
        assert sent == [
            *("stopdir", "stopcopy", "stopcondition", "discon", "stopfusemk5", "umount"),
            *("getdirA", "getdir", "startfusemk5B", "mountb1", "getfilelist_2", "modinit_1_BHC%0101"),
            *HARMFUL.values(),
            "discoffB",
        ]


async def test_wrong_arguments(tmp_path: Path) -> None:
    async with room(tmp_path) as (difx, recorder):
        for verb, value in (("extract_directory", "C"), ("mount_module", "AB"), ("bank_on", "a")):
            with pytest.raises(ValueError, match="a bank is A or B"):
                await getattr(recorder, verb)(value)
        with pytest.raises(ValueError, match="a slot is a number from 1 to 4"):
            await recorder.slot_files(5)
        with pytest.raises(UnsafeValue, match="eight characters"):
            await recorder.initialize_slot(1, "short", confirm=True)
        with pytest.raises(UnsafeValue):
            await recorder.mount_disk("b1; rm")
        with pytest.raises(NotConfirmed):
            await recorder.initialize_slot(1, "BHC%0101")
        with pytest.raises(UnsafeValue):
            difx.recorder("a b")
        with pytest.raises(ValueError, match="range of units"):
            difx.recorder("05-03")
        for timeout in (0, -1, float("nan"), float("inf")):
            with pytest.raises(ValueError, match="above zero"):
                await recorder.send("getvsn", timeout=timeout)
        with pytest.raises(TypeError, match="progress is a function"):
            await recorder.send("getvsn", progress=True)  # type: ignore[arg-type]
        assert repr(recorder) == "<Recorder mark5fx01 of 127.0.0.1>"


async def test_a_recorder_that_is_not_there(tmp_path: Path) -> None:
    async with room(tmp_path) as (difx, _):
        nobody = difx.recorder("mark5fx77")
        with pytest.raises(RecorderError, match="there is no recorder mark5fx77 here"):
            await nobody.send("getvsn")
        with pytest.raises(RecorderError, match="mark5fx77 cannot be reached"):
            await nobody.directory("NRAO+321")
        frame = await difx.recorder("mark5fx02").send("getvsn")
        assert frame.empty
        assert list(frame.columns) == ["text", "error"]


async def test_a_damaged_directory_is_said_to_be_one(tmp_path: Path) -> None:
    async with room(tmp_path) as (_, recorder):
        (tmp_path / "mark5dir" / "NRAO+321.dir").write_text("NRAO+321 1 A 5 1\nnonsense\n")
        with pytest.raises(FileFormatError, match="line 2"):
            await recorder.directory("NRAO+321")


async def test_what_is_an_answer() -> None:
    """Only the daemon's word, at rest, from whom was asked, after the command itself where that is heard."""
    hearers: list[Callable[[Message, float], None]] = []

    def listen(hear: Callable[[Message, float], None]) -> Callable[[], None]:
        hearers.append(hear)
        return hearers.clear

    def hear(source: str, state: str, sender: str = "mk5daemon", vsn: str = "NRAO+321") -> None:
        body = Mark5Status(bank_a_vsn=vsn, state=state)
        hearers[0](Message(Header(source=source, identifier=sender), body), 1.0)

    with Answers(listen, "mark5fx01", "getvsn", (Mark5Status,)) as answers:  # type: ignore[arg-type]
        hear("mark5fx01", "Idle", vsn="OLD+0001")
        hearers[0](Message(Header(source="head", identifier="mk5control"), Command("getvsn")), 1.0)
        hear("mark5fx01", "PowerOff")
        hear("mark5fx01", "Idle", "mk5dir")
        hear("mark5fx02", "Idle")
        assert await answers.wait(0.01) == []
        hear("mark5fx01.example.org", "Idle")
        ((message, _),) = await answers.wait(5.0)
        assert isinstance(message.body, Mark5Status)
        assert message.body.bank_a_vsn == "NRAO+321"
    assert hearers == []


def test_a_mark6_has_slots_and_no_state() -> None:
    body = Mark6Status(msn=("BHC%0101", None, "BHC%0102", None), state="Opening")
    frame = modules_frame([(Message(Header(source="mark6-01"), body), 1e9)])
    assert frame["bank"].tolist() == ["1", "2", "3", "4"]
    assert frame["vsn"].tolist() == ["BHC%0101", None, "BHC%0102", None]
    assert frame["state"].tolist() == [None] * 4


def test_the_latest_word_counts() -> None:
    old = Mark6Status(msn=("A%000001",))
    new = Mark6Status(msn=("B%000001",))
    heard = [(Message(Header(source="m"), body), time) for body, time in ((old, 1.0), (new, 2.0))]
    assert modules_frame(heard)["vsn"].tolist() == ["B%000001"]


def test_frames_of_nothing_have_their_columns() -> None:
    for frame in (modules_frame([]), smart_frame([]), versions_frame([]), copy_frame([])):
        assert frame.empty
        assert len(frame.columns) >= 3


def test_what_mk5cp_prints_of_parts_of_scans() -> None:
    lines = [
        OutputLine("outName = /d/NRAO+321_60000.1_60000.2_0", True),
        OutputLine("Warning: Copied scan 4. 1000 bytes total, 8 bytes replaced.", True),
        OutputLine("Copied scan 5 = A.B.", True),
    ]
    frame = copy_frame(lines)
    assert frame["scan"].tolist() == [4, 5]
    assert frame["name"].tolist() == [None, "A.B"]
    assert frame["file"].tolist() == ["/d/NRAO+321_60000.1_60000.2_0", None]
