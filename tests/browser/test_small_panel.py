# SPDX-License-Identifier: GPL-3.0-or-later
"""The smallest panel in real front-ends: alive, beside a busy cell, in two tabs, and when its kernel is gone."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.pages import PATIENCE_MS, NotebookPage, keep_picture, write_notebook
from tests.browser.pictures import share
from tests.browser.servers import JupyterServer

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(240)]

BLUE = (0, 114, 178)
SHOW = "from small_panel import SmallPanel\npanel = SmallPanel()\npanel"
BUSY = "import pathlib\nwhile not pathlib.Path('enough').exists():\n    sum(range(10_000))"
CLOSE = "panel.close()"
LOST = "Error displaying widget"


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    with browser.new_context(viewport={"width": 1100, "height": 900}) as context:
        context.set_default_timeout(PATIENCE_MS)
        yield context


@pytest.fixture(scope="module")
def saved(browser: Browser, server: JupyterServer) -> Path:
    """A notebook that was saved with its panel alive, one click counted; its kernel is gone."""
    write_notebook(server.root / "saved.ipynb", SHOW, "panel.write_twin()")
    with browser.new_context() as context:
        notebook = NotebookPage(context, server, "saved.ipynb")
        notebook.run(0)
        click(notebook.page)
        notebook.run(1)
        path = notebook.save()
    server.end_kernels()
    return path


def looks(page: Page) -> int:
    """How often the panel says that it was painted."""
    words = page.locator(".small-words").inner_text(timeout=PATIENCE_MS)
    found = re.search(r"looks (\d+)", words)
    return int(found[1]) if found else 0


def more_looks(page: Page, than: int) -> None:
    page.wait_for_function(
        "than => Number(/looks (\\d+)/.exec(document.querySelector('.small-words').textContent)?.[1]) > than",
        arg=than,
    )


def click(page: Page) -> None:
    page.get_by_role("button", name="Count me").click()
    expect(page.locator(".small-words")).to_contain_text("clicks 1", timeout=PATIENCE_MS)


def assert_only_the_widget(page: Page) -> None:
    expect(page.locator(".difxnb-panel .small-words")).to_be_visible(timeout=PATIENCE_MS)
    expect(page.locator(".difxnb-twin")).to_be_hidden()
    expect(page.locator("img[src^='data:image/png']")).to_be_hidden()
    assert share(page.locator(".difxnb-panel img").screenshot(), BLUE) > 0.05


def assert_only_the_twin(page: Page, name: str) -> None:
    """The table once, the picture as it was drawn, and not a word of what is lost."""
    expect(page.locator(".small-table:visible")).to_have_count(1, timeout=PATIENCE_MS)
    expect(page.locator(".difxnb-twin")).to_contain_text("clicks 1")
    picture = page.locator("img[src^='data:image/png']")
    expect(picture).to_be_visible()
    assert 0.05 < share(picture.screenshot(), BLUE) < 0.5
    expect(page.locator(".difxnb-panel")).to_have_count(0)
    expect(page.get_by_text(LOST)).to_be_hidden()
    keep_picture(page, name)


def test_lab(context: BrowserContext, server: JupyterServer) -> None:
    """It is painted while a cell is busy, counts a click, is the same in a second tab, and leaves its twin."""
    write_notebook(server.root / "live.ipynb", SHOW, BUSY, CLOSE)
    notebook = NotebookPage(context, server, "live.ipynb")
    notebook.run(0)
    assert_only_the_widget(notebook.page)
    click(notebook.page)
    notebook.picture("small-panel-lab")

    notebook.run(1, wait=False)
    expect(notebook.cell(1).locator(".jp-InputPrompt")).to_have_text("[*]:", timeout=PATIENCE_MS)
    more_looks(notebook.page, looks(notebook.page) + 4)
    expect(notebook.cell(1).locator(".jp-InputPrompt")).to_have_text("[*]:")
    (server.root / "enough").touch()
    notebook.wait_for_prompt(1)

    notebook.save()
    second = NotebookPage(context, server, "live.ipynb")
    assert_only_the_widget(second.page)
    for page in (second.page, notebook.page):
        more_looks(page, looks(page) + 2)
    second.page.close()

    notebook.run(2)
    assert_only_the_twin(notebook.page, "small-panel-closed")


@pytest.mark.parametrize("place", ["doc/tree", "notebooks"], ids=["JupyterLab", "Notebook 7"])
def test_opened_again_with_another_kernel(
    context: BrowserContext, server: JupyterServer, saved: Path, place: str
) -> None:
    notebook = NotebookPage(context, server, saved.name, place)
    assert_only_the_twin(notebook.page, f"small-panel-reopened-{place.partition('/')[0]}")


def test_notebook_7(context: BrowserContext, server: JupyterServer) -> None:
    write_notebook(server.root / "seven.ipynb", SHOW)
    notebook = NotebookPage(context, server, "seven.ipynb", "notebooks")
    notebook.run(0)
    assert_only_the_widget(notebook.page)
    click(notebook.page)
    more_looks(notebook.page, looks(notebook.page) + 2)


def test_voila(context: BrowserContext, server: JupyterServer) -> None:
    """A page without code: the panel lives, its button works, its twin is not seen."""
    write_notebook(server.root / "dashboard.ipynb", SHOW)
    page = context.new_page()
    page.goto(server.at("voila/render/dashboard.ipynb"))
    assert_only_the_widget(page)
    click(page)
    more_looks(page, looks(page) + 2)
    keep_picture(page, "small-panel-voila")


def test_a_page_made_of_the_saved_notebook(browser: Browser, saved: Path, tmp_path: Path) -> None:
    """As HTML without a kernel, without a network and without scripts."""
    command = [sys.executable, "-m", "nbconvert", "--to", "html", "--output-dir", str(tmp_path), str(saved)]
    subprocess.run(command, check=True, capture_output=True)
    with browser.new_context(java_script_enabled=False, offline=True) as context:
        page = context.new_page()
        page.goto((tmp_path / "saved.html").as_uri())
        assert_only_the_twin(page, "small-panel-html")


def test_what_is_saved_is_small_and_plain(saved: Path) -> None:
    """No state of widgets, no text of a thread: the view, and the twin's two outputs."""
    book = nbformat.read(saved, as_version=4)
    assert "widgets" not in book.metadata
    kinds = [sorted(output["data"]) for output in book.cells[0]["outputs"]]
    assert kinds == [
        ["application/vnd.jupyter.widget-view+json", "text/html", "text/plain"],
        ["text/html", "text/plain"],
        ["image/png", "text/plain"],
    ]
