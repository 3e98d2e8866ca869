# SPDX-License-Identifier: GPL-3.0-or-later
"""The blocking face with jobs that cannot be, interrupts, and stops from another thread."""

from __future__ import annotations

import signal
import threading
from pathlib import Path

import pytest

import difxnb
from difxnb.errors import (
    JobRefused,
    NoReply,
    OutputExists,
    RemoteFileNotFound,
)
from difxnb.notebook import JobRun
from difxnb.wire.job import JobOutcome
from tests.client.peers import own_server
from tests.jobs_to_run import put
from tests.notebook.far_end import FarEnd, job_at, once_running


def test_no_such_job(far: FarEnd, tmp_path: Path) -> None:
    server = far.enter(own_server(tmp_path))
    with difxnb.connect("127.0.0.1", server.port) as difx:
        job = difx.job(tmp_path.resolve() / "none.input")
        for ask in (lambda: job.input, lambda: job.machines, job.check, job.start, job.log, job.monitor):
            with pytest.raises(RemoteFileNotFound, match="none"):
                ask()
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
            job.set_machines(head_node="h", datastreams=["n", "n"], processors=["n"])
        with pytest.raises(TypeError, match="bytes or text; got int"):
            difx.send_file("/data/x", 5)
        with pytest.raises(TypeError, match="selected by a mapping"):
            job.monitor("all")


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
