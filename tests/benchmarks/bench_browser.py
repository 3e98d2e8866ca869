# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures that arrive in a browser: ``python tests/benchmarks/bench_browser.py [--seconds 10]``.

JupyterLab in Chromium shows the panel of a correlator in a box, then the monitor panel with 12 curves of 512 points and
always a new integration. Printed are the seconds from Ctrl-Enter until the first is seen, then, in a kernel that has
imported nothing, until the other is seen with its first picture, and then the pictures a second that the page gets
while the kernel is idle and while a cell sleeps, runs a loop in Python, or multiplies matrices. The CPU of kernel,
server and browser is of the same two cores.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from playwright.sync_api import BrowserContext, sync_playwright

from tests.browser.pages import NotebookPage, write_notebook
from tests.browser.servers import JupyterServer, jupyter

SHOW = """
import sys, time
sys.path.insert(0, {root!r})
from difxnb.panels.monitor import MonitorModel, MonitorPanel
from difxnb.panels.monitor.source import StillSource
from difxnb.visibility import fringe_fit
from tests.benchmarks.bench_panels import INTEGRATIONS, PERIOD_S, made

class Growing(StillSource):
    closed = False

    def __init__(self, whole):
        self._whole, self._fringes, self._begin = whole, fringe_fit(whole), time.monotonic()

    @property
    def version(self):
        return int(4 * (time.monotonic() - self._begin) / PERIOD_S)  # there is always something new

    @property
    def dataset(self):
        half = INTEGRATIONS // 2
        return self._whole.isel(time=slice(half + self.version % half))

panel = MonitorPanel(MonitorModel(Growing(made())))
panel
"""
BUSY = {
    "sleeps": "import pathlib, time\nwhile not pathlib.Path('enough').exists(): time.sleep(0.2)",
    "runs a loop in Python": "while not pathlib.Path('enough').exists(): sum(range(10_000))",
    "multiplies matrices": (
        "import numpy as np\nmatrix = np.ones((1000, 1000))\n"
        "while not pathlib.Path('enough').exists(): matrix @ matrix"
    ),
}
# Each picture is a new address of the image, which the page may make anew; the page counts them by itself.
COUNT = """() => {
  window.pictures = 0;
  const count = changes => { window.pictures += changes.filter(one => one.target.closest(".difxnb-panel")).length; };
  new MutationObserver(count).observe(document.body, {subtree: true, attributeFilter: ["src"]});
}"""


class Watched:
    """The page, and how many pictures a second it gets."""

    def __init__(self, context: BrowserContext, server: JupyterServer, seconds: float) -> None:
        self._seconds, self._enough = seconds, server.root / "enough"
        root = str(Path(__file__).parents[2])
        write_notebook(server.root / "bench.ipynb", SHOW.format(root=root), *BUSY.values(), "panel.close()")
        self.notebook = NotebookPage(context, server, "bench.ipynb")

    def show(self) -> None:
        """Show the panel, and say how long that takes."""
        page, begin = self.notebook.page, time.monotonic()
        self.notebook.run(0, wait=False)
        for what, selector in (("panel", ".difxnb-panel"), ("picture", ".difxnb-panel img:visible")):
            page.locator(selector).first.wait_for()
            print(f"{time.monotonic() - begin:5.1f} s until the first {what} is seen", flush=True)
        self.notebook.wait_for_prompt(0)
        page.evaluate(COUNT)

    def count(self, what: str) -> None:
        """Count for a while, and say how many came."""
        page = self.notebook.page
        before, begin = page.evaluate("() => window.pictures"), time.monotonic()
        page.wait_for_timeout(1e3 * self._seconds)
        came = page.evaluate("() => window.pictures") - before
        print(f"{came / (time.monotonic() - begin):5.2f} pictures/s while {what}", flush=True)

    def count_while_busy(self, number: int, what: str) -> None:
        """The same while a cell runs."""
        self.notebook.run(number, wait=False)
        self.count(f"a cell {what}")
        self._enough.touch()
        self.notebook.wait_for_prompt(number)
        self._enough.unlink()


def first_panel(context: BrowserContext, server: JupyterServer) -> None:
    """Say how long the panel of a correlator takes, the first that a kernel shows."""
    write_notebook(
        server.root / "first.ipynb", "import difxnb\ndifx = difxnb.demo()", "difx.panel()", "difx.close()"
    )
    notebook = NotebookPage(context, server, "first.ipynb")
    notebook.run(0)
    begin = time.monotonic()
    notebook.run(1, wait=False)
    notebook.page.locator(".difxnb-panel").first.wait_for()
    print(f"{time.monotonic() - begin:5.1f} s until difx.panel() is seen", flush=True)
    notebook.wait_for_prompt(1)
    notebook.run(2)
    notebook.page.close()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=10.0, help="to count for, each time")
    seconds = parser.parse_args().seconds
    program = shutil.which("chromium")
    if program is None:
        sys.exit("Chromium is not installed (Debian: apt install chromium)")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as driver:
        (Path(folder) / "notebooks").mkdir()
        with (
            jupyter(Path(folder), Path(folder) / "notebooks") as server,
            driver.chromium.launch(executable_path=program, args=["--no-sandbox"]) as browser,
            browser.new_context(viewport={"width": 1200, "height": 1400}) as context,
        ):
            first_panel(context, server)
            watched = Watched(context, server, seconds)
            watched.show()
            watched.count("the kernel is idle")
            for number, what in enumerate(BUSY, start=1):
                watched.count_while_busy(number, what)
            watched.notebook.run(len(BUSY) + 1)


if __name__ == "__main__":
    main()
