# SPDX-License-Identifier: GPL-3.0-or-later
"""Recording a session while it goes on, whatever becomes of the connection, the disk and the process."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import difxnb
from difxnb import aio
from difxnb.client.blocking import LoopThread
from difxnb.errors import OutputExists, RecordingFailed, RecordingInterrupted
from difxnb.formats.journal import Kind, read_journal
from difxnb.formats.journal_content import decode_facts
from difxnb.formats.journal_writer import JournalWriter
from difxnb.recording import open_recording
from difxnb.wire.control import Notice, NoticeSeverity, Relayed
from difxnb.wire.events import ControlId
from difxnb.wire.message import Alert, Header, Load, Message, to_xml
from tests.aio.stage import until_true
from tests.client.peers import ROBUST, VERSION_REPLY, Talker, own_server, scripted
from tests.recording.conftest import Live

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}


class Teller:
    """A guiServer that relays what it is told to, to whoever is connected.

    Attributes
    ----------
    greeting : list of bytes
        Datagrams that a client gets before its first answer.
    """

    def __init__(self) -> None:
        self.greeting: list[bytes] = []
        self._talkers: list[Talker] = []

    async def __call__(self, talker: Talker) -> None:
        self._talkers.append(talker)
        await talker.say(*(Relayed(document) for document in self.greeting))
        while (packet := await talker.packet()) is not None:
            if packet.id == ControlId.GUISERVER_VERSION:
                await talker.say(*VERSION_REPLY)

    async def relay(self, *documents: bytes) -> None:
        await self._talkers[-1].say(*(Relayed(document) for document in documents))

    async def notify(self, text: str) -> None:
        await self._talkers[-1].say(Notice(NoticeSeverity.WARNING, text))

    def cut(self) -> None:
        self._talkers[-1].writer.transport.abort()


def alert(text: str, sequence: int = -1) -> bytes:
    return to_xml(Message(Header("node1", (), 0, "job_1", ""), Alert(severity=2, text=text), sequence))


async def until_heard(difx: aio.Correlator, count: int) -> None:
    await until_true(lambda: len(difx.messages) >= count)


async def test_what_comes_is_kept_as_it_came(tmp_path: Path) -> None:
    """Bytes that nobody can read included; and what was heard before the beginning is not there."""
    teller, odd = Teller(), b"\x00\xff no XML \x80"
    broken = b"<difxMessage><header><from>n</from></header><body><seqNumber>1"
    async with (
        scripted(teller) as port,
        aio.connect("127.0.0.1", port, patience=ROBUST, transport="channel") as difx,
    ):
        await teller.relay(alert("before"))
        await until_heard(difx, 1)
        async with difx.record(tmp_path / "r") as recorder:
            await teller.relay(alert("one"), odd, broken)
            await teller.notify("attention")
            await until_heard(difx, 5)
        expected = difx.messages.frame().iloc[1:].reset_index(drop=True)
        await teller.relay(alert("after"))
        await until_heard(difx, 6)
    payloads = [record.payload for record in read_journal(tmp_path / "r").records({Kind.DATAGRAM})]
    assert payloads == [alert("one"), odd, broken]
    found = open_recording(tmp_path / "r").messages.frame()
    pd.testing.assert_frame_equal(found, expected)
    assert recorder.closed
    assert recorder.bytes == (tmp_path / "r").stat().st_size
    assert "closed" in repr(recorder)


async def test_a_gap_and_what_comes_right_after_it(tmp_path: Path) -> None:
    """What a new connection brings before it is ready comes behind the end of the gap, in its order."""
    teller = Teller()
    teller.greeting = [alert("early", 7), b"early noise"]
    async with (
        scripted(teller) as port,
        aio.connect("127.0.0.1", port, patience=ROBUST, transport="channel") as difx,
    ):
        await until_heard(difx, 2)
        async with difx.record(tmp_path / "r"):
            teller.cut()
            await until_true(lambda: difx.head_node.reconnections == 1)
            await teller.relay(alert("late", 9))
            await until_heard(difx, 6)
        expected = difx.messages.frame().iloc[2:].reset_index(drop=True)
    recording = open_recording(tmp_path / "r")
    pd.testing.assert_frame_equal(recording.messages.frame(), expected)
    assert expected["type"].tolist() == ["Gap", "DifxAlertMessage", "Unparsed", "DifxAlertMessage"]
    assert recording.connections["event"].tolist()[1:-1] == ["lost", "made anew"]
    kinds = [Kind(kind) for kind in read_journal(tmp_path / "r").kinds]
    assert kinds.count(Kind.SERVER) == 2
    assert kinds.index(Kind.GAP) < kinds.index(Kind.DATAGRAM)


async def test_selections_hold(tmp_path: Path) -> None:
    """What was hidden is recorded, because it came; and is hidden again."""
    teller = Teller()
    load = to_xml(Message(Header("node1", (), None, "mk5daemon", ""), Load(cpu_load=0.5), 3))
    async with (
        scripted(teller) as port,
        aio.connect("127.0.0.1", port, patience=ROBUST, transport="channel") as difx,
    ):
        await difx.messages.select("notice")
        async with difx.record(tmp_path / "r"):
            await teller.relay(load, alert("hidden"))
            await until_true(lambda: difx.messages.hidden == 2)
            await difx.messages.select(["alert"])
            await teller.relay(load, alert("shown"))
            await until_heard(difx, 1)
            await difx.messages.select()
            await teller.relay(load)
            await until_heard(difx, 2)
        hidden, frame = difx.messages.hidden, difx.messages.frame()
        senders = difx.messages.statistics("sender", now=0.0)
    messages = open_recording(tmp_path / "r").messages
    pd.testing.assert_frame_equal(messages.frame(), frame)
    assert messages.hidden == hidden == 3
    assert messages.selection is None
    pd.testing.assert_frame_equal(messages.statistics("sender", now=0.0), senders)


async def test_several_at_once_and_the_end_of_the_connection(tmp_path: Path) -> None:
    teller = Teller()
    async with scripted(teller) as port:
        async with aio.connect("127.0.0.1", port, patience=ROBUST, transport="channel") as difx:
            first, second = difx.record(tmp_path / "1"), difx.record(str(tmp_path / "2"))
            with pytest.raises(OutputExists, match="not written over"):
                difx.record(tmp_path / "1")
            with pytest.raises(RecordingFailed, match="cannot be made"):
                difx.record(tmp_path / "nowhere" / "3")
            await teller.relay(alert("both"))
            await until_heard(difx, 1)
            await first.stop()
            await first.stop()
            await teller.relay(alert("second alone"))
            await until_heard(difx, 2)
        assert second.closed
    assert [len(open_recording(tmp_path / name).messages) for name in "12"] == [1, 2]
    assert open_recording(tmp_path / "2").is_complete
    assert not [thread for thread in threading.enumerate() if "journal" in thread.name]


def test_in_a_cell(tmp_path: Path, live: Live) -> None:
    with LoopThread("far end") as loop:
        server = own_server(live.root)
        port = loop.call(server.__aenter__()).port
        with difxnb.connect("127.0.0.1", port, patience=ROBUST) as difx:
            with difx.record(tmp_path / "r") as recorder:
                difx.job(live.root / "demo_1.input").input  # noqa: B018 - has its file read
                assert not recorder.closed
            assert recorder.closed
            assert (recorder.dropped, recorder.failure) == (0, None)
            assert recorder.bytes == (tmp_path / "r").stat().st_size
            assert str(recorder.path) in recorder._repr_html_()
            other = difx.record(tmp_path / "s")
        assert other.closed
        other.stop()
        loop.call(server.__aexit__(None, None, None))
    kinds = [Kind(kind) for kind in read_journal(tmp_path / "s").kinds]
    assert kinds == [Kind.SESSION, Kind.SERVER, Kind.SELECTION, Kind.FILE, Kind.END]


async def test_a_recording_that_begins_in_the_middle(tmp_path: Path, live: Live) -> None:
    """It is told of the job, its list of products and its run, and has what came from then on."""
    root = live.root
    async with own_server(root) as server, aio.connect("127.0.0.1", server.port) as difx:
        job = difx.job(str(root / "demo_1.input"))
        monitor = await job.monitor({"baseline": "AL-BO"})
        async with difx.record(tmp_path / "r"):
            await monitor.select({"band": 1, "baseline": "AL-*"})
            run = await job.start(function="RUN_MONITOR", overwrite=True)
            await run.wait(60)
            async with asyncio.timeout(30):
                while len(monitor._known) < 2:
                    await difx.head_node.fence()
        live_data, products, events = monitor.dataset, monitor.products, monitor.events
    recorded = open_recording(tmp_path / "r").monitors["demo_1"]
    pd.testing.assert_frame_equal(recorded.products, products)
    assert recorded.events["event"].tolist() == events["event"].tolist()[1:2] == ["selected"]
    there = np.isfinite(live_data["VISIBILITY"].values)
    assert there.any()
    np.testing.assert_array_equal(recorded.dataset["VISIBILITY"].values, live_data["VISIBILITY"].values)
    assert recorded.dataset["baseline"].values.tolist() == live_data["baseline"].values.tolist()


# --- the writer ------------------------------------------------------------------------------------------


def nobody(failure: RecordingFailed) -> None:
    raise AssertionError(failure)


def until_so(holds: Callable[[], bool], seconds: float = 60.0) -> None:
    """Give other threads the processor until something holds."""
    end, waiting = time.monotonic() + seconds, threading.Event()
    while not holds():
        assert time.monotonic() < end
        waiting.wait(0.01)


def test_what_does_not_fit_is_counted_in_the_file(tmp_path: Path) -> None:
    writer = JournalWriter(tmp_path / "j", nobody, limit_bytes=2000)
    assert not writer.put(Kind.DATAGRAM, 1.0, bytes(5000))
    assert not writer.put(Kind.DATAGRAM, 2.0, bytes(3000))
    assert writer.dropped == 2
    assert writer.put(Kind.DATAGRAM, 3.0, b"fits")
    assert not writer.put(Kind.DATAGRAM, 4.0, bytes(5000))
    writer.close()
    assert not writer.put(Kind.DATAGRAM, 5.0, b"too late")
    rows = [(record.kind, record.payload) for record in read_journal(tmp_path / "j").records()]
    assert [kind for kind, _ in rows] == [Kind.DROPPED, Kind.DATAGRAM, Kind.DROPPED]
    facts = decode_facts(rows[0][1])
    assert (facts["records"], facts["since"], facts["until"]) == (2, 1.0, 2.0)
    assert facts["bytes"] > 8000
    found = open_recording(tmp_path / "j")
    assert found.connections["event"].tolist() == ["dropped", "dropped"]
    assert not found.is_complete


def test_much_at_once_is_written_piece_by_piece(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A crash in the middle of it costs a piece, not all of it."""
    write, sizes = os.write, []

    def watched(file: int, data: bytes) -> int:
        sizes.append(len(data))
        return write(file, data)

    writer = JournalWriter(tmp_path / "j", nobody)
    monkeypatch.setattr(os, "write", watched)
    for number in range(3000):
        assert writer.put(Kind.DATAGRAM, float(number), bytes(1000))
    writer.close()
    assert len(read_journal(tmp_path / "j")) == 3000
    assert max(sizes) < 2**19
    assert sum(sizes) > 3_000_000


def test_of_two_recordings_of_one_name_one_is_made(tmp_path: Path) -> None:
    """However close together they come."""
    start, made, refused = threading.Barrier(8), [], []

    def begin(name: str) -> None:
        start.wait()
        try:
            made.append(JournalWriter(tmp_path / name, nobody))
        except OutputExists as error:
            refused.append(error)

    hands = [threading.Thread(target=begin, args=("j",)) for _ in range(8)]
    for hand in hands:
        hand.start()
    for hand in hands:
        hand.join()
    (writer,) = made
    writer.put(Kind.DATAGRAM, 1.0, b"mine")
    writer.close()
    assert len(refused) == 7
    assert [record.payload for record in read_journal(tmp_path / "j").records()] == [b"mine"]


def test_a_clock_that_jumps_back(tmp_path: Path) -> None:
    """Everything is there in the order in which it came, and can be played again."""
    writer = JournalWriter(tmp_path / "j", nobody)
    for number, moment in enumerate((1000.0, 1001.0, 400.0, 401.0, 1002.0)):
        writer.put(Kind.DATAGRAM, moment, alert(f"number {number}"))
    writer.close()
    found = open_recording(tmp_path / "j")
    expected = [f"number {number}" for number in range(5)]
    assert found.messages.frame()["text"].tolist() == expected
    assert found.duration == pd.Timedelta(seconds=2)
    with found.replay(1e3) as replay:
        replay.wait(60)
        assert replay.messages.frame()["text"].tolist() == expected


KILLED = """
import sys, time
from pathlib import Path
from difxnb.formats.journal_writer import JournalWriter
from difxnb.formats.journal import Kind, RECORD_BYTES, HEADER_BYTES
writer = JournalWriter(Path(sys.argv[1]), print)
for number in range(1000):
    writer.put(Kind.DATAGRAM, float(number), b"x" * number)
whole = HEADER_BYTES + sum(RECORD_BYTES + number for number in range(1000))
while writer.written < whole:
    time.sleep(0.01)
print("written", flush=True)
while True:
    writer.put(Kind.DATAGRAM, 5000.0, b"y" * 100_000)
    time.sleep(0.001)
"""


def test_killed_in_the_middle_of_writing(tmp_path: Path) -> None:
    """Nobody closes the file, and nobody has to: the writer puts down by itself what it has."""
    path = tmp_path / "j"
    with subprocess.Popen(
        [sys.executable, "-c", KILLED, str(path)], stdout=subprocess.PIPE, env=ENVIRONMENT
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"written\n"
        size = path.stat().st_size
        until_so(lambda: path.stat().st_size > size)
        child.send_signal(signal.SIGKILL)
    journal = read_journal(path)
    first = [record.payload for record in journal.records()][:1000]
    assert first == [b"x" * number for number in range(1000)]
    assert len(journal.damage) <= 1
    assert Kind.END not in journal.kinds
    found = open_recording(path)
    assert not found.is_complete
    assert len(found.messages) >= 1000


FULL = """
import resource, signal, sys, threading, time
from pathlib import Path
from difxnb.formats.journal_writer import JournalWriter
from difxnb.formats.journal import Kind
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
_, most = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (5000, most))
failed = threading.Event()
failures = []
writer = JournalWriter(Path(sys.argv[1]), lambda failure: (failures.append(failure), failed.set()))
for number in range(100):
    writer.put(Kind.DATAGRAM, float(number), bytes([number]) * 200)
assert failed.wait(60)
assert "cannot be written" in str(writer.failure), writer.failure
if sys.argv[2] == "room":
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    while writer.failure is not None:
        time.sleep(0.01)
writer.close()
print(len(failures), writer.failure is None, writer.dropped)
"""


@pytest.mark.parametrize("becomes", ["room", "full"])
def test_a_full_disk(tmp_path: Path, becomes: str) -> None:
    """It is told once; when there is room again, everything is there, and otherwise what had room."""
    path = tmp_path / "j"
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(path), becomes], capture_output=True, text=True, env=ENVIRONMENT
    )
    assert done.stdout.split() == ["1", str(becomes == "room"), "0"], done.stderr
    journal = read_journal(path)
    payloads = [record.payload for record in journal.records()]
    if becomes == "room":
        assert payloads == [bytes([number]) * 200 for number in range(100)]
        assert journal.damage == []
    else:
        assert payloads == [bytes([number]) * 200 for number in range(22)]
        assert [one.end for one in journal.damage] == [5000]
        assert "not written" in done.stderr


async def test_a_session_goes_on_beside_a_full_disk(tmp_path: Path) -> None:
    """RLIMIT_FSIZE makes this process's disk full for a moment."""
    teller = Teller()
    warned: list[Warning] = []
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    async with (
        scripted(teller) as port,
        aio.connect("127.0.0.1", port, patience=ROBUST, transport="channel") as difx,
    ):
        difx.warn = warned.append
        recorder = difx.record(tmp_path / "r")
        try:
            resource.setrlimit(resource.RLIMIT_FSIZE, (3000, limits[1]))
            await teller.relay(*(alert(f"{number} " + "x" * 300) for number in range(20)))
            await until_heard(difx, 20)
            await until_true(lambda: bool(warned))
            assert isinstance(warned[0], RecordingInterrupted)
            assert recorder.failure is not None
            assert "failing" in repr(recorder)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
            signal.signal(signal.SIGXFSZ, before)
        await teller.relay(alert("still there"))
        await until_heard(difx, 21)
        await until_true(lambda: recorder.failure is None)
    assert len(warned) == 1
    found = open_recording(tmp_path / "r")
    assert len(found.messages) == 21
    assert found.is_complete
