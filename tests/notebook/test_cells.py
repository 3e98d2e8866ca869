# SPDX-License-Identifier: GPL-3.0-or-later
"""The blocking face as cells use it: callbacks, closing, forgetting, and what is shown."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

import difxnb
from difxnb.errors import (
    ConnectionLost,
    RemoteFileNotFound,
)
from difxnb.wire.control import Notice, NoticeSeverity, Relayed
from difxnb.wire.job import JobOutcome
from tests.client.peers import ROBUST, Talker, own_server, scripted
from tests.jobs_to_run import put
from tests.notebook.far_end import FarEnd, job_at


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


def test_a_whole_job_with_a_progress_bar(
    far: FarEnd, tmp_path: Path, made: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path.resolve()
    server = far.enter(own_server(root))
    with difxnb.connect("127.0.0.1", server.port) as difx:
        job = job_at(difx, put(made, "short", root))
        assert job.machines["role"].tolist()[0] == "head"
        assert "<td>AA BB</td>" in job._repr_html_()
        assert "AA BB\n" in repr(job)
        assert "Done" not in job._repr_html_() + repr(job)
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
        assert "Done" in repr(job)
        for thing in (difx, difx.messages, difx.jobs, difx.server, run, run.monitor):
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
