# SPDX-License-Identifier: GPL-3.0-or-later
"""The blocking face, as cells use it: bad servers, bad jobs, interrupts, callbacks, forgetting, and what is shown.

The far end runs on a loop of another thread; nothing here may hang, and nothing may be left running.
"""

from __future__ import annotations

import asyncio
import signal
import socket
import subprocess
import sys
import threading
import warnings
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import pytest

import difxnb
from difxnb.client.blocking import LoopThread
from difxnb.errors import (
    ConnectionFailed,
    ConnectionLost,
    JobRefused,
    NoReply,
    NotGuiServer,
    OutputExists,
    RemoteFileNotFound,
)
from difxnb.notebook import Correlator, Job, JobRun
from difxnb.wire.control import Notice, NoticeSeverity, Relayed
from difxnb.wire.job import JobOutcome
from difxnb.wire.message import Message, Status
from tests.client.peers import BRIEF, ROBUST, Talker, own_server, scripted
from tests.jobs_to_run import put

T = TypeVar("T")


class FarEnd:
    """Servers for a client on this thread."""

    def __init__(self, loop: LoopThread) -> None:
        self.loop, self.stack = loop, AsyncExitStack()

    def enter(self, server: AbstractAsyncContextManager[T]) -> T:
        return self.loop.call(self.stack.enter_async_context(server))


@pytest.fixture
def far() -> Iterator[FarEnd]:
    with LoopThread("far end") as loop:
        far = FarEnd(loop)
        try:
            yield far
        finally:
            loop.call(far.stack.aclose())


class Line:
    """A relay to a server that can be cut, fall silent, or bring nonsense."""

    def __init__(self, port: int) -> None:
        self.port, self.silent = port, False
        self._talkers: list[Talker] = []

    async def __call__(self, talker: Talker) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        self._talkers.append(talker)
        ways = {
            asyncio.create_task(self._up(talker, writer)),
            asyncio.create_task(self._down(reader, talker)),
        }
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            writer.transport.abort()

    async def _up(self, talker: Talker, writer: asyncio.StreamWriter) -> None:
        while data := await talker.reader.read(65536):
            writer.write(data)
            await writer.drain()

    async def _down(self, reader: asyncio.StreamReader, talker: Talker) -> None:
        while data := await reader.read(65536):
            if not self.silent:
                await talker.say(data)

    async def cut(self) -> None:
        for talker in self._talkers:
            talker.writer.transport.abort()

    async def fall_silent(self) -> None:
        self.silent = True

    async def rave(self) -> None:
        await self._talkers[-1].say(b"\0\0\0\x08\xff\xff\xff\xff")


@asynccontextmanager
async def line_to(root: Path) -> AsyncIterator[tuple[Line, int]]:
    """A server that passes for a real one, behind a line."""
    async with own_server(root, "real-name") as server:
        line = Line(server.port)
        async with scripted(line) as port:
            yield line, port


def job_at(difx: Correlator, path: Path) -> Job:
    """A job whose machines are set."""
    job = difx.job(path)
    hosts = ["localhost"] * job.input.active_datastreams
    job.set_machines(head_node="localhost", datastreams=hosts, processors={"localhost": 2})
    return job


def once_running(difx: Correlator, act: object) -> threading.Event:
    """Call `act` (or nothing) when a job reports progress; the event is set then."""
    running = threading.Event()

    def look(item: object) -> None:
        if isinstance(item, Message) and isinstance(item.body, Status) and item.body.state == "Running":
            if not running.is_set() and callable(act):
                act()
            running.set()

    difx.messages.subscribe(look, type="status")
    return running


# --- servers that are none, or fail -----------------------------------------------------------------------


def test_no_such_host() -> None:
    with pytest.raises(ConnectionFailed, match=r"no-such-host\.invalid.*is the name right"):
        difxnb.connect("no-such-host.invalid", 50200, timeout=5.0)


def test_nobody_listens() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        with pytest.raises(ConnectionFailed, match="is guiServer running there"):
            difxnb.connect("127.0.0.1", unused.getsockname()[1])


WRONG_PEERS = {
    "silent": (None, NoReply, "accepts connections and says nothing"),
    "closes": (b"", ConnectionFailed, "ended it unanswered"),
    "ssh": (b"SSH-2.0-OpenSSH_9.2p1\r\n", NotGuiServer, "is the port right"),
    "http": (b"HTTP/1.1 400 Bad Request\r\n\r\n", NotGuiServer, "is the port right"),
}


@pytest.mark.parametrize(("says", "error", "text"), WRONG_PEERS.values(), ids=WRONG_PEERS)
def test_no_guiserver(far: FarEnd, says: bytes | None, error: type[Exception], text: str) -> None:
    async def script(talker: Talker) -> None:
        await talker.packet()
        await talker.say(says or b"")
        if says != b"":
            await talker.reader.read()

    port = far.enter(scripted(script))
    with pytest.raises(error, match=text):
        difxnb.connect("127.0.0.1", port, timeout=1.0)


@pytest.mark.parametrize("arguments", [{"port": 0}, {"port": "x"}, {"timeout": -1}, {"transport": "pigeon"}])
def test_wrong_arguments(arguments: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"port|timeout|transport"):
        difxnb.connect("127.0.0.1", **arguments)  # type: ignore[arg-type]


def test_a_server_that_falls_silent(far: FarEnd, tmp_path: Path) -> None:
    line, port = far.enter(line_to(tmp_path))
    difx = difxnb.connect("127.0.0.1", port, patience=BRIEF)
    far.loop.call(line.fall_silent())
    with pytest.raises(NoReply, match=r"ls /data: .*opened no side connection"):
        difx.ls("/data")
    with pytest.raises(NoReply, match=r"opened no side connection"):
        difx.send_file("/data/x", b"x")
    difx.close()
    difx.close()
    assert difx.closed


ENDS = {
    "dies": (Line.cut, "the server closed it|it broke"),
    "raves": (Line.rave, "is not guiServer's protocol"),
    "falls silent": (Line.fall_silent, "no sign of life"),
}


@pytest.mark.parametrize(("end", "text"), ENDS.values(), ids=ENDS)
def test_a_server_that_fails_in_the_middle_of_a_job(
    far: FarEnd, tmp_path: Path, made: Path, end: object, text: str
) -> None:
    root = tmp_path.resolve()
    line, port = far.enter(line_to(root))
    with difxnb.connect("127.0.0.1", port, patience=replace(ROBUST, idle=0.5, fence=2.0)) as difx:
        job = job_at(difx, put(made, "long", root))
        running = once_running(difx, None)
        # Without a check: a real server may die after one, and then the connection comes back by itself.
        run = job.start(monitor=True, bail_on_config_fail=False)
        assert running.wait(30)
        far.loop.call(end(line))  # type: ignore[operator]
        with pytest.raises(ConnectionLost, match="outcome is unknown") as caught:
            run.wait(30, progress=False)
        assert caught.match(text)
        assert run.outcome is JobOutcome.UNKNOWN
        assert run.monitor is not None
        assert run.monitor.closed
        assert "unknown" in run._repr_html_()
        assert "gone" in run.monitor._repr_html_()
        with pytest.raises(ConnectionLost, match=r"reconnect\(\)"):
            job.status()
        line.silent = False
        difx.reconnect()
        run.stop()


# --- jobs that cannot be ----------------------------------------------------------------------------------


def test_no_such_job(far: FarEnd, tmp_path: Path) -> None:
    server = far.enter(own_server(tmp_path))
    with difxnb.connect("127.0.0.1", server.port) as difx:
        job = difx.job(tmp_path.resolve() / "none.input")
        for ask in (lambda: job.input, lambda: job.machines, job.check, job.start, job.log, job.monitor):
            with pytest.raises(RemoteFileNotFound, match="none"):
                ask()  # type: ignore[operator]
        assert job.status().empty
        with pytest.raises(ValueError, match=r"named by its \.input file"):
            difx.job("/data/e_1.calc")


def test_no_data(far: FarEnd, tmp_path: Path, made: Path) -> None:
    path = put(made, "short", tmp_path.resolve())
    (tmp_path / "AA.vdif").unlink()
    server = far.enter(own_server(tmp_path))
    with difxnb.connect("127.0.0.1", server.port) as difx:
        job = job_at(difx, path)
        assert job.check().attrs["passed"] is False
        with pytest.raises(JobRefused, match=r"AA\.vdif"):
            job.start()
    assert not path.with_suffix(".difx").exists()


def test_wrong_machines(far: FarEnd, tmp_path: Path, made: Path) -> None:
    server = far.enter(own_server(tmp_path))
    with difxnb.connect("127.0.0.1", server.port) as difx:
        job = difx.job(put(made, "short", tmp_path.resolve()))
        with pytest.raises(TypeError, match="a list of hosts"):
            job.set_machines(head_node="h", datastreams="localhost", processors={"n": 1})
        with pytest.raises(TypeError, match="a mapping of host to threads"):
            job.set_machines(head_node="h", datastreams=["n", "n"], processors=["n"])  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="bytes or text; got int"):
            difx.send_file("/data/x", 5)  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="selected by a mapping"):
            job.monitor("all")  # type: ignore[arg-type]


def test_an_interrupt_leaves_the_job_running_and_the_connection_usable(
    far: FarEnd, tmp_path: Path, made: Path
) -> None:
    """Also: output in the way is refused, and moved aside where that is asked for."""
    root = tmp_path.resolve()
    path = put(made, "long", root)
    (root / "job.difx").mkdir()
    (root / "job.difx/precious").write_text("data")
    server = far.enter(own_server(root))
    with difxnb.connect("127.0.0.1", server.port) as difx:
        job = job_at(difx, path)
        with pytest.raises(OutputExists, match="overwrite=True"):
            job.start()
        run = job.start(overwrite=True)

        def interrupt(run: JobRun) -> None:
            signal.raise_signal(signal.SIGINT)

        with pytest.raises(KeyboardInterrupt):
            run.wait(while_waiting=interrupt)
        assert not run.done
        assert "job.input" in difx.ls(root)["name"].tolist()
        with pytest.raises(NoReply, match="still runs, and goes on"):
            run.wait(0.01, progress=False)
        run.stop()
        assert run.outcome is JobOutcome.STOPPED
        assert run.wait(progress=False) is JobOutcome.STOPPED
    assert (root / "job.difx.1/precious").read_text() == "data"


def test_an_interrupt_of_a_wait_without_anything_to_draw(far: FarEnd, tmp_path: Path, made: Path) -> None:
    """The signal finds the main thread asleep in a lock."""
    root = tmp_path.resolve()
    server = far.enter(own_server(root))
    with difxnb.connect("127.0.0.1", server.port) as difx:
        job = job_at(difx, put(made, "long", root))
        main = threading.main_thread().ident
        assert main is not None
        with pytest.raises(KeyboardInterrupt):  # noqa: PT012 - the signal comes when the job runs
            once_running(difx, lambda: signal.pthread_kill(main, signal.SIGINT))
            job.start().wait(progress=False)
        job.stop()
        assert difx._inner.head_node.running_jobs == frozenset()


def test_stop_during_start(far: FarEnd, tmp_path: Path, made: Path) -> None:
    """From another thread, as a button would; the start is refused, or gives a run that can be stopped."""
    root = tmp_path.resolve()
    server = far.enter(own_server(root))
    results: list[object] = []
    with difxnb.connect("127.0.0.1", server.port) as difx:
        job = job_at(difx, put(made, "long", root))

        def start() -> None:
            try:
                results.append(job.start())
            except JobRefused as error:
                results.append(error)

        starting = threading.Thread(target=start)
        starting.start()
        job.stop()
        starting.join(60)
        (result,) = results
        if isinstance(result, JobRun):
            result.stop()
            assert result.outcome is JobOutcome.STOPPED
        else:
            assert isinstance(result, JobRefused)
            assert result.reason == "stopped_before_start"


# --- callbacks, closing, forgetting -----------------------------------------------------------------------


def test_a_blocking_verb_in_a_callback_raises(far: FarEnd) -> None:
    async def notice_first(talker: Talker, body: object, port: int) -> None:
        await talker.say(Notice(NoticeSeverity.WARNING, "careful"))
        await talker.on_channel(port, bytes(4))

    port = far.enter(scripted(lambda talker: talker.serve(notice_first)))
    with difxnb.connect("127.0.0.1", port, patience=ROBUST) as difx:
        difx.messages.subscribe(lambda _: difx.ls("/data"))
        difx.messages.subscribe(lambda _: difx.close())
        with pytest.raises(RemoteFileNotFound):
            difx.ls("/data")
        assert len(difx.messages.callback_errors) == 2
        for error in difx.messages.callback_errors:
            assert isinstance(error, RuntimeError)
            assert "use difxnb.aio there" in str(error)
        assert not difx.closed


def test_a_blocking_verb_in_a_progress_callback_raises(far: FarEnd, tmp_path: Path) -> None:
    server = far.enter(own_server(tmp_path))
    path = f"{tmp_path.resolve()}/x"
    with difxnb.connect("127.0.0.1", server.port) as difx:
        with pytest.raises(RuntimeError, match=r"use difxnb\.aio there"):
            difx.send_file(path, "hello", progress=lambda *_: difx.close())
        assert difx.send_file(path, "hello") == 5
        assert difx.get_file(path) == b"hello"


def test_closing_twice_and_asking_afterwards(far: FarEnd, tmp_path: Path) -> None:
    server = far.enter(own_server(tmp_path))
    difx = difxnb.connect("127.0.0.1", server.port)
    difx.close()
    difx.close()
    with difx:
        pass
    assert difx.closed
    assert "closed" in repr(difx)
    assert difx.jobs.frame().empty
    for ask in (lambda: difx.ls("/"), difx.reconnect, difx.job("/data/e_1.input").start):
        with pytest.raises(ConnectionLost, match="connect again"):
            ask()


@pytest.mark.parametrize("quirks", [None, "real-name"])
def test_a_forgotten_connection_does_not_keep_the_interpreter(
    far: FarEnd, tmp_path: Path, quirks: str | None
) -> None:
    server = far.enter(own_server(tmp_path, quirks))
    program = (
        "import difxnb\n"
        f"difx = difxnb.connect('127.0.0.1', {server.port})\n"
        f"difx = difxnb.connect('127.0.0.1', {server.port})\n"
        f"print(difx.ls({str(tmp_path.resolve())!r}).empty)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "True\n", "")


# --- what is shown ----------------------------------------------------------------------------------------


def test_a_whole_job_with_a_progress_bar(
    far: FarEnd, tmp_path: Path, made: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path.resolve()
    server = far.enter(own_server(root))
    with difxnb.connect("127.0.0.1", server.port) as difx:
        job = job_at(difx, put(made, "short", root))
        assert job.machines["role"].tolist()[0] == "head"
        assert "<table" not in job._repr_html_()
        run = job.start(monitor=True)

        async def in_a_cell() -> JobOutcome:
            return await run

        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert run.wait(60) is JobOutcome.DONE
        bar = capsys.readouterr().err.rsplit("\r", 1)[-1]
        assert bar.startswith("job: 100%|")
        assert "weights AA 1.00 BB 1.00" in bar
        assert asyncio.run(in_a_cell()) is JobOutcome.DONE
        assert run.latest_weights == pytest.approx({"AA": 1.0, "BB": 1.0}, abs=0.01)
        shown = run._repr_html_()
        assert all(text in shown for text in ("&lt;JobRun of job: done&gt;", "100 %", "AA 1.00", "best SNR"))
        assert run.monitor is not None
        assert "best SNR" in run.monitor._repr_html_()
        assert run.monitor.failure is None
        assert "<td>Done</td>" in job._repr_html_()
        for thing in (difx, difx.messages, difx.jobs, difx.server, job, run, run.monitor):
            assert "\n" not in repr(thing)
            assert repr(thing).startswith("<")


def test_what_others_say_is_escaped(far: FarEnd) -> None:
    document = (
        b"<difxMessage><header><from>n1</from><mpiProcessId>0</mpiProcessId>"
        b"<identifier>&lt;script&gt;</identifier><type>DifxStatusMessage</type></header><body>"
        b"<seqNumber>1</seqNumber><difxStatus><state>Running</state>"
        b"<message>&lt;img src=x&gt;</message></difxStatus></body></difxMessage>"
    )

    async def say_it_first(talker: Talker, body: object, port: int) -> None:
        await talker.say(Relayed(document))
        await talker.on_channel(port, bytes(4))

    port = far.enter(scripted(lambda talker: talker.serve(say_it_first)))
    with difxnb.connect("127.0.0.1", port, patience=ROBUST) as difx:
        with pytest.raises(RemoteFileNotFound):
            difx.ls("/data")
        shown = difx._repr_html_() + difx.jobs._repr_html_()
    assert "&lt;script&gt;" in shown
    assert "<script>" not in shown
    assert "<img" not in shown
