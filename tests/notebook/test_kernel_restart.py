# SPDX-License-Identifier: GPL-3.0-or-later
"""A kernel that dies with a job running: another one gets the run back, by the blocking calls of a notebook."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from difxnb.server.gui_server import GuiServer
from tests.client.peers import head_node_at
from tests.jobs_to_run import put
from tests.notebook.far_end import FarEnd
from tests.server.job_clients import scripted as behaving

FIRST = """
import sys, threading
from difxnb import notebook
difx = notebook.connect("127.0.0.1", int(sys.argv[1]))
job = difx.job(sys.argv[2])
job.set_machines(head_node="localhost", datastreams=["localhost"] * 2, processors={"localhost": 2})
run = job.start()
while run.progress < 0.85:
    threading.Event().wait(0.02)
print("running", flush=True)
threading.Event().wait()
"""

SECOND = """
import json, sys, threading
from difxnb import notebook
difx = notebook.connect("127.0.0.1", int(sys.argv[1]))
run = difx.job(sys.argv[2]).attach()
while run.outcome is not None and not run.done:
    threading.Event().wait(0.02)
found = {"state": run.state, "progress": run.progress, "weights": run.latest_weights, "outcome": run.outcome,
         "integrations": run.weights.sizes["time"]}
print(json.dumps(found), flush=True)
found = {"outcome": run.wait(60, progress=False), "because": run.outcome_evidence}
print(json.dumps(found), flush=True)
difx.close()
difx = notebook.connect("127.0.0.1", int(sys.argv[1]))
run = difx.job(sys.argv[2]).attach()
found = {"outcome": run.wait(60, progress=False), "because": run.outcome_evidence, "progress": run.progress}
print(json.dumps(found), flush=True)
"""


@contextmanager
def kernel(program: str, *arguments: object) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", program, *map(str, arguments)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.fixture
def job(tmp_path: Path, made: Path) -> Path:
    return put(made, "short", tmp_path.resolve())


@pytest.fixture
def port(far: FarEnd, job: Path) -> int:
    """A server that goes on with a job whose client has gone, and whose job runs until it is told to end."""
    server = GuiServer(job.parent, correlator=behaving("patient"))

    async def stop() -> None:
        await server.close()

    far.loop.call(server.start())
    far.stack.push_async_callback(stop)
    return server.port


def line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


@pytest.mark.slow
def test_another_kernel_gets_the_run_back(far: FarEnd, port: int, job: Path) -> None:
    """State, progress and weights while it runs, its outcome when it ends, and once more from the log alone."""
    with kernel(FIRST, port, job) as first:
        assert line(first) == "running\n"
    with kernel(SECOND, port, job) as second:
        found = json.loads(line(second))
        assert (found["state"], found["outcome"]) == ("Running", None)
        assert found["integrations"] == 5  # those of the time before are in the log
        assert found["progress"] == pytest.approx(0.9, abs=0.001)
        assert found["weights"] == {"AA": 0.9, "BB": 0.8}
        far.loop.call(ask_to_end(port, job))
        found = json.loads(line(second))
        assert found["outcome"] == "done"
        assert "messages: Done" in found["because"]
        found = json.loads(line(second))
        assert (found["outcome"], found["progress"]) == ("done", 1.0)
        assert "log: Done" in found["because"]


async def ask_to_end(port: int, job: Path) -> None:
    async with head_node_at(port) as node:
        await node.ask_to_stop(str(job))
