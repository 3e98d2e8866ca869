# SPDX-License-Identifier: GPL-3.0-or-later
"""A job that runs, a server that falls silent, and the calls of a cell that then wait for it."""

from __future__ import annotations

import re
import time
from pathlib import Path

from tests.aio.stage import stage as acting_server
from tests.client.peers import scripted
from tests.kernels.front_end import FrontEnd
from tests.notebook.far_end import FarEnd, Line

CONNECT = """
import asyncio, threading, time
import difxnb
difx = difxnb.connect("127.0.0.1", {port})
job = difx.job({path!r})
job.set_machines(head_node="localhost", datastreams=["localhost"] * 2, processors={{"localhost": 2}})
monitor = job.monitor()
run = job.start()
"""

WHILE_IT_RUNS = {
    "loop.call": "difx._loop.call(asyncio.sleep(600))",
    "run.wait": "run.wait()",
    "run.wait without a bar": "run.wait(progress=False)",
    "await run": "await run",
}
WHILE_IT_IS_SILENT = {
    "ls": "difx.ls({root!r})",
    "download": "difx.download({path!r}, {root!r} + '/fetched')",
    "make_jobs": "difx.make_jobs({root!r} + '/any.v2d')",
    "check": "job.check()",
    "select": "monitor.select({{'polarization': 'LL'}})",
    "stop": "run.stop()",
}


def line_to_a_running_job(far: FarEnd, root: Path) -> tuple[Line, int]:
    """A server whose jobs run until they are stopped, behind a line; and the port of that."""
    server = far.enter(acting_server(root, "patient"))
    line = Line(server.port)
    return line, far.enter(scripted(line))


_ENDING = re.compile(r"(KeyboardInterrupt|CancelledError) ([\d.]+)")
CELL = """
print("waits")
try:
    {code}
except (KeyboardInterrupt, asyncio.CancelledError) as error:
    print(type(error).__name__, time.time())
"""


def interrupt(page: FrontEnd, code: str) -> tuple[str, float]:
    """Run a cell, interrupt it where it waits; the name of what ended it, and the seconds that took.

    The cell catches that, for the pretty traceback of IPython takes longer than all the rest.
    """
    cell = page.begin(CELL.format(code=code))
    page.until_printed(cell, "waits")
    begin = time.time()
    page.manager.interrupt_kernel()
    page.until_idle(cell)
    # A bar of a wait may stand beside it.
    said = _ENDING.search(page.printed(cell))
    assert said is not None, page.printed(cell)
    return said[1], float(said[2]) - begin


def interrupt_all(far: FarEnd, page: FrontEnd, path: Path) -> dict[str, tuple[str, float]]:
    """Interrupt every call in turn, and see that the kernel can go on with its job and its connection."""
    line, port = line_to_a_running_job(far, path.parent)
    values = {"port": port, "path": str(path), "root": str(path.parent)}
    page.run(CONNECT.format(**values))
    found = {name: interrupt(page, code) for name, code in WHILE_IT_RUNS.items()}
    assert page.run("print(run.done, difx.connected)").split() == ["False", "True"]
    far.loop.call(line.fall_silent())
    found |= {name: interrupt(page, code.format(**values)) for name, code in WHILE_IT_IS_SILENT.items()}
    page.run("difx.close(force=True)")
    return found
