# SPDX-License-Identifier: GPL-3.0-or-later
"""The queue from cells: blocking verbs, and a panel that ends with the connection."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

import difxnb
from difxnb.errors import ConnectionLost
from difxnb.queue import DiskLow, QueueLimits, RetryPolicy
from tests.aio.stage import stage
from tests.client.peers import ROBUST
from tests.notebook.far_end import FarEnd, once_running
from tests.queued_jobs import MACHINES, put_named


def test_what_is_new_of_a_queue_from_cells(far: FarEnd, tmp_path: Path, made: Path) -> None:
    server = far.enter(stage(tmp_path, "integrates"))
    one, two = put_named(made, "short", tmp_path.resolve(), "one", "two")
    file = tmp_path / "queue.sqlite"
    with difxnb.connect("127.0.0.1", server.port, patience=ROBUST) as difx:
        queue = difx.queue
        queue.pause()
        assert queue.validate(one, MACHINES).attrs["passed"]
        queue.add(one, machines=MACHINES)
        queue.add(difx.job(two), machines=MACHINES, priority=2, policy=RetryPolicy(), session="i26327")
        assert queue.frame()["job"].tolist() == ["two", "one"]
        assert queue.priority("one", 5)["job"].tolist() == ["one", "two"]
        assert queue.keep(file) == file == queue.kept_in
        queue.limits = QueueLimits(at_once=2, disk_low=0.0)
        assert queue.limits.at_once == 2
        queue.suspend(DiskLow(1.0, str(tmp_path)))
        assert "disk low" in queue.why_suspended
        assert queue.conditions["holds"].tolist() == [True]
        queue.resume(f"disk low {tmp_path}")
        assert queue.conditions.empty
        assert [action.why for action in queue.actions()] == ["it was paused"] * 2
        with pytest.raises(ValueError, match="waiting; only what has failed"):
            queue.retry("one")
        assert queue.drop_over()["position"].tolist() == [1, 2]
    assert queue.frame()["session"].tolist() == ["", "i26327"]
    with difxnb.connect("127.0.0.1", server.port, patience=ROBUST) as difx:
        difx.queue.keep(file)
        assert difx.queue.why_paused == "it was paused"
        assert difx.queue.frame()["job"].tolist() == ["one", "two"]
        difx.queue.resume()
        deadline = time.monotonic() + 30
        while not all(row.state.is_over for row in difx.queue.rows):
            assert time.monotonic() < deadline, difx.queue
            difx.queue.validate(one)  # which lets everything else work
        assert "accepted" in difx.queue.history(since="2020-01-01")["what"].tolist()
        assert difx.queue.frame(history=True)["job"].tolist() == ["one", "two"]


def test_a_queue_from_cells(far: FarEnd, tmp_path: Path, made: Path) -> None:
    server = far.enter(stage(tmp_path, "integrates"))
    one, two = put_named(made, "short", tmp_path.resolve(), "one", "two")
    with difxnb.connect("127.0.0.1", server.port, patience=ROBUST) as difx:
        queue = difx.queue
        assert queue is difx.queue
        queue.pause()
        assert queue.why_paused == "it was paused"
        queue.add(one, machines=MACHINES)
        shown = queue.add(difx.job(two), machines=MACHINES)
        assert shown["job"].tolist() == ["one", "two"]
        assert queue.move("two", 1)["job"].tolist() == ["two", "one"]
        with pytest.raises(ValueError, match="no job 'three'"):
            queue.remove("three")
        assert queue.remove(one)["job"].tolist() == ["two"]
        panel = queue.panel()
        assert "two (waiting)" in panel.twin().text
        running = once_running(difx, None)
        queue.resume()
        assert running.wait(30)
        difx.job(two).attach().wait(30)
        assert "two" in repr(queue)
        assert "<table" in queue._repr_html_()
    assert panel.closed
    assert len(queue) == 1
    with pytest.raises(ConnectionLost, match="connect again"):
        queue.add(one)
