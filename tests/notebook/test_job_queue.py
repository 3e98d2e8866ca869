# SPDX-License-Identifier: GPL-3.0-or-later
"""The queue from cells: blocking verbs, and a panel that ends with the connection."""

from __future__ import annotations

from pathlib import Path

import pytest

import difxnb
from difxnb.errors import ConnectionLost
from tests.aio.stage import stage
from tests.client.peers import ROBUST
from tests.notebook.far_end import FarEnd, once_running
from tests.queued_jobs import MACHINES, put_named


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
