# SPDX-License-Identifier: GPL-3.0-or-later
"""What is left when cells fail and kernels end: no thread, child, widget or temporary file, and the last state."""

from __future__ import annotations

import json
import os
from pathlib import Path

import psutil
import pytest

from tests.kernels.front_end import FrontEnd, kernel
from tests.kernels.test_callbacks import PANEL, told

pytestmark = pytest.mark.slow

BEGIN = """
import json, os, threading
import difxnb
from difxnb.panels import open_panels
from difxnb.synthetic import small_experiment
difx = difxnb.demo(experiment=small_experiment())
panel = difx.panel()
panel.show()
"""
FAIL = "with difx:\n    1 / 0"
LEFT = """
names = [thread.name for thread in threading.enumerate()]
print(json.dumps([len(open_panels()), [name for name in names if name.startswith("difxnb")]]))
"""


def children(page: FrontEnd) -> list[psutil.Process]:
    return psutil.Process(int(page.run("print(os.getpid())"))).children(recursive=True)


def test_an_exception_in_a_cell_leaves_nothing(page: FrontEnd) -> None:
    page.run(BEGIN)
    (server,) = children(page)
    sockets = len(psutil.Process(server.ppid()).net_connections())
    cell = page.begin("print('waits'); threading.Event().wait(600)")
    page.until_printed(cell, "waits")
    page.manager.interrupt_kernel()  # which goes to all processes of the kernel's group
    page.until_idle(cell)
    assert page.run("print(difx.ls(difx.experiment.directory).empty, difx.connected)").split() == [
        "False",
        "True",
    ]
    cell = page.begin(FAIL)
    page.until_idle(cell)
    assert page.error(cell) == "ZeroDivisionError"
    assert json.loads(page.run(LEFT)) == [0, []]
    assert not children(page)
    assert len(psutil.Process(int(page.run("print(os.getpid())"))).net_connections()) < sockets
    assert not page.states, "widgets are left in the page"


def test_a_kernel_that_is_asked_to_end_leaves_the_last_state_alone(page: FrontEnd) -> None:
    """As for a restart, which is an end and a beginning."""
    page.run(BEGIN)
    page.run(PANEL)
    page.run("panel.acts.append('at the end')")
    (server,) = children(page)
    folder = Path(page.run("import tempfile; print(tempfile.gettempdir())").strip())
    page.manager.shutdown_kernel(now=False)
    page.until(lambda: told(page, "<p>at the end</p>"))
    assert not psutil.wait_procs([server], timeout=30)[1]
    assert not os.listdir(folder)


def test_a_kernel_that_is_killed_leaves_no_child(version: str, tmp_path: Path) -> None:
    with kernel(version, tmp_path / "tmp") as page:
        page.run(BEGIN)
        processes = children(page)
    assert len(processes) == 1
    assert not psutil.wait_procs(processes, timeout=30)[1]
