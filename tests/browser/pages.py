# SPDX-License-Identifier: GPL-3.0-or-later
"""A notebook in a browser, as its reader handles it: by cells, keys and buttons."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
from playwright.sync_api import BrowserContext, Locator, Page, expect

from tests.browser.servers import JupyterServer

PATIENCE_MS = 120_000
_DONE = re.compile(r"\[\d+\]")
_READY = """() => {
  const kernel = window.jupyterapp?.shell?.currentWidget?.sessionContext?.session?.kernel;
  return kernel?.connectionStatus === "connected" && kernel?.status === "idle";
}"""
ARTEFACTS = Path(__file__).parent / "artefacts"


def write_notebook(path: Path, *cells: str) -> None:
    """Write a notebook with these cells of code."""
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    book.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(book, path)


class NotebookPage:
    """A notebook in JupyterLab or Notebook 7.

    Parameters
    ----------
    context : BrowserContext
        Where its tab is opened.
    server : JupyterServer
    name : str
        Of the notebook, in the server's root.
    place : str
        ``"doc/tree"`` for JupyterLab with one document, ``"notebooks"`` for Notebook 7.
    """

    def __init__(
        self, context: BrowserContext, server: JupyterServer, name: str, place: str = "doc/tree"
    ) -> None:
        self.page: Page = context.new_page()
        self.page.set_default_timeout(PATIENCE_MS)
        self._server, self._name, self._place = server, name, place
        self.open()

    def open(self) -> None:
        """Load the page, and wait for the notebook and for its kernel: keys go nowhere before."""
        self.page.goto(self._server.at(f"{self._place}/{self._name}"))
        self.page.locator(".jp-Notebook .jp-CodeCell").first.wait_for()
        self.page.wait_for_function(_READY)

    def cell(self, number: int) -> Locator:
        """A cell, counted from 0."""
        return self.page.locator(".jp-Notebook .jp-CodeCell").nth(number)

    def run(self, number: int, *, wait: bool = True) -> None:
        """Run a cell by Ctrl-Enter; wait until it is done, unless told otherwise."""
        editor = self.cell(number).locator(".cm-content")
        editor.click()
        expect(editor).to_be_focused()
        self.page.keyboard.press("Control+Enter")
        if wait:
            self.wait_for_prompt(number)

    def wait_for_prompt(self, number: int) -> None:
        """Wait until a cell that was run has its number."""
        expect(self.cell(number).locator(".jp-InputPrompt")).to_have_text(_DONE, timeout=PATIENCE_MS)

    def save(self) -> Path:
        """Save by Ctrl-S; gives the file, when it holds outputs."""
        path = self._server.root / self._name
        before = path.stat().st_mtime_ns
        with self.page.expect_response(lambda answer: answer.request.method == "PUT" and answer.ok):
            self.page.keyboard.press("Control+S")
        assert path.stat().st_mtime_ns > before
        return path

    def picture(self, name: str) -> Path:
        """A picture of the page, kept as an artefact."""
        return keep_picture(self.page, name)


def keep_picture(page: Page, name: str) -> Path:
    """A picture of a page, kept as an artefact."""
    ARTEFACTS.mkdir(exist_ok=True)
    path = ARTEFACTS / f"{name}.png"
    page.screenshot(path=path)
    return path
