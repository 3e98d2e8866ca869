# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether anybody looks: a page answers by itself, a closed tab does not, and a page opened again does at once."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
from playwright.sync_api import Browser

from tests.browser.pages import NotebookPage, write_notebook
from tests.browser.servers import JupyterServer

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(240)]

# Minutes are made seconds; the answers of the page are those of every day.
SHOW = """
from pathlib import Path
from difxnb.panels import audience, panel as panels
audience.ASK_S, audience.SILENT_S, audience.UNHEARD_S, panels.REST_S = 0.3, 3.0, 1e9, 0.5
from small_panel import SmallPanel

class Watched(SmallPanel):
    def _paint(self):
        super()._paint()
        Path("new").write_text(f"{panels.AUDIENCE.is_away} {self.looks}")
        Path("new").rename("watched")

panel = Watched()
panel
"""
LOOKS = "than => Number(/looks (\\d+)/.exec(document.querySelector('.small-words').textContent)[1]) > than"


class Note:
    """What the panel writes down at each look."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def until(self, away: bool) -> int:
        """Wait until somebody looks, or nobody; how often was painted by then."""
        for _ in range(600):
            words = self.path.read_text().split() if self.path.exists() else []
            if words[:1] == [str(away)]:
                return int(words[1])
            threading.Event().wait(0.1)
        raise AssertionError(f"for a minute, nobody looks was not {away}")


def test_a_closed_tab_is_noticed_and_an_opened_one(browser: Browser, server: JupyterServer) -> None:
    write_notebook(server.root / "watched.ipynb", SHOW)
    note = Note(server.root / "watched")
    with browser.new_context() as context:
        notebook = NotebookPage(context, server, "watched.ipynb")
        notebook.run(0)
        seen = note.until(away=False)
        notebook.page.wait_for_function(LOOKS, arg=seen + 20)
        note.until(away=False)
        notebook.save()
        notebook.page.close()
        note.until(away=True)
        again = NotebookPage(context, server, "watched.ipynb")
        note.until(away=False)
        again.page.locator(".difxnb-panel .small-words").wait_for()
