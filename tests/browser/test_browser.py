# SPDX-License-Identifier: GPL-3.0-or-later
"""Panels in real front-ends: alive, beside a busy cell, in two tabs, to nobody, and when their kernel is gone.

All that needs a server and a Chromium is in this file, so that one of each is started. Pages share what the browser
keeps, so that only the first has JupyterLab to load.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from tests.browser.pages import PATIENCE_MS, NotebookPage, keep_picture, write_notebook
from tests.browser.pictures import brightness, is_blank, share
from tests.browser.servers import JupyterServer

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(400)]

BLUE = (0, 114, 178)
SHOW = "from small_panel import SmallPanel\npanel = SmallPanel()\npanel"
BUSY = "import pathlib\nwhile not pathlib.Path('enough').exists():\n    sum(range(10_000))"
# Minutes are made seconds; the answers of the page are those of every day.
NOTE = """
from difxnb.panels import audience, panel as panels
audience.ASK_S, audience.SILENT_S, audience.UNHEARD_S, panels.REST_S = 0.3, 3.0, 1e9, 0.5
panel.note = pathlib.Path("watched")
"""
WRITE, CLOSE = "panel.write_twin()", "panel.close()"
DASHBOARD = """import difxnb
from difxnb.synthetic import small_experiment
difx = difxnb.demo({folder!r}, experiment=small_experiment(scan_seconds=10))
difx.panel()"""
LOST = "Error displaying widget"
_LOOKS = "than => Number(/looks (\\d+)/.exec(document.querySelector('.small-words').textContent)?.[1]) > than"
_SIZE, _NARROW = {"width": 1200, "height": 1400}, {"width": 480, "height": 1000}
# Curves are drawn where many points of the panel's picture have a colour; axes and words are grey.
_DRAWN = """() => [...document.querySelectorAll(".difxnb-panel img")].some(image => {
  if (!image.offsetParent || !image.naturalWidth) return false;
  const canvas = new OffscreenCanvas(image.naturalWidth, image.naturalHeight), pen = canvas.getContext("2d");
  pen.drawImage(image, 0, 0);
  const points = pen.getImageData(0, 0, canvas.width, canvas.height).data;
  let found = 0;
  for (let i = 0; i < points.length; i += 4) {
    const [r, g, b] = points.subarray(i, i + 3);
    found += Math.max(r, g, b) - Math.min(r, g, b) > 60;
  }
  return found > 0.004 * canvas.width * canvas.height;
})"""


@pytest.fixture(scope="module")
def context(browser: Browser) -> Iterator[BrowserContext]:
    with browser.new_context(viewport=_SIZE) as context:  # type: ignore[arg-type]
        context.set_default_timeout(PATIENCE_MS)
        yield context


# --- the smallest panel -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def lab(context: BrowserContext, server: JupyterServer) -> NotebookPage:
    """A notebook in JupyterLab with a panel, clicked once; saved like that."""
    write_notebook(server.root / "live.ipynb", SHOW, WRITE, BUSY, NOTE, CLOSE)
    notebook = NotebookPage(context, server, "live.ipynb")
    notebook.run(0)
    click(notebook.page)
    notebook.run(1)
    shutil.copy(notebook.save(), server.root / "saved.ipynb")
    return notebook


@pytest.fixture(scope="module")
def saved(lab: NotebookPage, server: JupyterServer) -> Path:
    """The notebook as it was saved with its panel alive, for which there is no kernel."""
    return server.root / "saved.ipynb"


def looks(page: Page) -> int:
    """How often the panel says that it was painted."""
    found = re.search(r"looks (\d+)", page.locator(".small-words").inner_text())
    return int(found[1]) if found else 0


def more_looks(page: Page, than: int) -> None:
    page.wait_for_function(_LOOKS, arg=than)


def click(page: Page) -> None:
    page.get_by_role("button", name="Count me").click()
    expect(page.locator(".small-words")).to_contain_text("clicks 1", timeout=PATIENCE_MS)


def assert_only_the_widget(page: Page) -> None:
    expect(page.locator(".difxnb-panel .small-words")).to_be_visible(timeout=PATIENCE_MS)
    expect(page.locator(".difxnb-twin")).to_be_hidden()
    expect(page.locator("img[src^='data:image/png']")).to_be_hidden()
    assert share(page.locator(".difxnb-panel img").screenshot(), BLUE) > 0.05


def assert_only_the_twin(page: Page, name: str) -> None:
    """The table once, the picture as it was drawn, and not a word of what is lost.

    Tables of panels look as in the panel, whatever the page says of tables, and nobody else's do.
    """
    expect(page.locator(".small-table:visible")).to_have_count(1, timeout=PATIENCE_MS)
    expect(page.locator(".difxnb-twin")).to_contain_text("clicks 1")
    expect(page.locator(".small-table td")).to_have_css("text-align", "right")
    for cell in page.locator(".difxnb-table").locator("td, th").all():
        expect(cell).to_have_css("text-align", "left")
        expect(cell).to_have_css("border-bottom-style", "solid")
    for row in page.locator(".difxnb-table tr").all():
        expect(row).to_have_css("background-color", "rgba(0, 0, 0, 0)")
    picture = page.locator("img[src^='data:image/png']")
    expect(picture).to_be_visible()
    assert 0.05 < share(picture.screenshot(), BLUE) < 0.5
    expect(page.locator(".difxnb-panel")).to_have_count(0)
    expect(page.get_by_text(LOST)).to_be_hidden()
    keep_picture(page, name)


class Note:
    """What the panel writes down at each look."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def until(self, *, away: bool) -> None:
        """Wait until somebody looks, or nobody."""
        for _ in range(600):
            if self.path.exists() and self.path.read_text().startswith(f"{away} "):
                return
            threading.Event().wait(0.1)
        raise AssertionError(f"for a minute, nobody looks was not {away}")


def test_it_lives_beside_a_busy_cell(lab: NotebookPage, server: JupyterServer) -> None:
    assert_only_the_widget(lab.page)
    lab.picture("small-panel-lab")
    prompt = lab.cell(2).locator(".jp-InputPrompt")
    lab.run(2, wait=False)
    expect(prompt).to_have_text("[*]:", timeout=PATIENCE_MS)
    more_looks(lab.page, looks(lab.page) + 4)
    expect(prompt).to_have_text("[*]:")
    (server.root / "enough").touch()
    lab.wait_for_prompt(2)


def test_tabs_are_alive_and_noticed_when_they_close_and_open(
    lab: NotebookPage, context: BrowserContext, server: JupyterServer
) -> None:
    """Two tabs show the same; nobody looks when both are closed; one opened again is painted, and gets the twin."""
    lab.run(3)
    lab.save()
    second = NotebookPage(context, server, "live.ipynb")
    assert_only_the_widget(second.page)
    for page in (second.page, lab.page):
        more_looks(page, looks(page) + 2)
    note = Note(server.root / "watched")
    note.until(away=False)
    second.page.close()
    lab.page.close()
    note.until(away=True)

    again = NotebookPage(context, server, "live.ipynb")
    note.until(away=False)
    assert_only_the_widget(again.page)
    again.run(4)
    assert_only_the_twin(again.page, "small-panel-closed")
    again.page.close()


def test_opened_again_with_another_kernel(
    context: BrowserContext, server: JupyterServer, saved: Path
) -> None:
    notebook = NotebookPage(context, server, saved.name)
    assert_only_the_twin(notebook.page, "small-panel-reopened-lab")
    notebook.page.close()


def test_notebook_7(context: BrowserContext, server: JupyterServer, saved: Path) -> None:
    """Opened with another kernel, and then run."""
    notebook = NotebookPage(context, server, saved.name, "notebooks")
    assert_only_the_twin(notebook.page, "small-panel-reopened-notebook")
    notebook.run(0)
    assert_only_the_widget(notebook.page)
    click(notebook.page)
    more_looks(notebook.page, looks(notebook.page) + 2)
    notebook.page.close()


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


# --- all panels of a correlator ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def dashboard(context: BrowserContext, server: JupyterServer) -> Iterator[NotebookPage]:
    write_notebook(server.root / "dashboard.ipynb", DASHBOARD.format(folder="exp"), "difx.close()")
    notebook = NotebookPage(context, server, "dashboard.ipynb")
    notebook.run(0, wait=False)
    panel_of(notebook.page).wait_for()
    yield notebook
    notebook.run(1)
    notebook.page.close()


def panel_of(page: Page) -> Locator:
    return page.locator(".difxnb-panel").first


def press(page: Page, name: str) -> None:
    panel_of(page).get_by_role("button", name=name, exact=True).click()


def told(page: Page, text: str | re.Pattern[str]) -> None:
    expect(panel_of(page)).to_contain_text(text, timeout=PATIENCE_MS, use_inner_text=True)


def start(page: Page) -> None:
    press(page, "Start")
    told(page, "demo_1 was started")


def test_connect_launch_watch_judge_stop(dashboard: NotebookPage, server: JupyterServer) -> None:
    """One way through the tabs, as an operator goes it: fringes are seen before the job is judged, and run again."""
    page = dashboard.page
    told(page, "connected")
    dashboard.picture("dashboard-connection")

    press(page, "Launch")
    path = page.get_by_label("Job", exact=True)
    path.fill(str(server.root / "exp" / "demo_1.input"))
    path.press("Enter")
    told(page, "demo_1 was read")
    page.get_by_label("live monitor").check()
    start(page)
    dashboard.picture("dashboard-launch")

    press(page, "Show it")
    told(page, re.compile(r"AL-BO\s+\d\s+(RR|LL)\s+[1-9]\d*\.\d\s+●\s+yes"))
    page.wait_for_function(_DRAWN, polling=300)
    dashboard.picture("dashboard-monitor")
    assert not is_blank(panel_of(page).locator("img:visible").first.screenshot())

    press(page, "Quality")
    told(page, "quality of demo_1")
    told(page, "✓ go")
    dashboard.picture("dashboard-quality")

    press(page, "Launch")
    told(page, "done")
    page.get_by_label("move output aside").check()
    start(page)
    press(page, "Stop…")
    press(page, "Press again to stop")
    told(page, "demo_1: stopped")
    dashboard.picture("dashboard-stopped")


def test_a_session_is_asked_for_by_keys(dashboard: NotebookPage) -> None:
    """From field to button by Tab; the focus stays where it was when what came of it is painted."""
    page = dashboard.page
    tab = panel_of(page).get_by_role("button", name="Intensive", exact=True)
    tab.focus()
    page.keyboard.press("Enter")
    told(page, "No session yet")
    expect(tab).to_be_focused()
    page.get_by_label("Recipe", exact=True).focus()
    page.keyboard.type("none.toml")
    page.keyboard.press("Tab")
    page.keyboard.type("i26001")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    told(page, re.compile("✗ .*none.toml"))
    expect(panel_of(page).get_by_role("button", name="Dry run", exact=True)).to_be_focused()
    expect(page.get_by_label("Recipe", exact=True)).to_have_value("none.toml")
    expect(page.get_by_label("Session", exact=True)).to_have_value("i26001")
    dashboard.picture("dashboard-intensive")


def test_it_fits_into_a_narrow_page(dashboard: NotebookPage) -> None:
    """Nothing of a tab is wider than its cell, but for tables, which scroll by themselves."""
    page = dashboard.page
    page.set_viewport_size(_NARROW)  # type: ignore[arg-type]
    try:
        for tab in ("Connection", "Launch", "Monitor", "Intensive"):
            press(page, tab)
            expect(panel_of(page).locator("button.mod-active")).to_have_text(tab)
            box = panel_of(page).bounding_box()
            assert box is not None
            assert box["x"] + box["width"] <= _NARROW["width"]
            dashboard.picture(f"narrow-{tab.lower()}")
    finally:
        page.set_viewport_size(_SIZE)  # type: ignore[arg-type]


def test_it_reads_in_the_dark(dashboard: NotebookPage) -> None:
    """With JupyterLab's dark theme, words of the panel are light on dark."""
    press(dashboard.page, "Connection")
    command = "() => window.jupyterapp.commands.execute('apputils:change-theme', {theme: 'JupyterLab Dark'})"
    dashboard.page.evaluate(command)
    dashboard.page.locator("body[data-jp-theme-light=false]").wait_for(state="attached")
    told(dashboard.page, "connected")
    # It lies over everything while a theme is loaded.
    dashboard.page.locator("#jupyterlab-splash").wait_for(state="detached")
    picture = panel_of(dashboard.page).screenshot()
    dashboard.picture("dashboard-dark")
    assert brightness(picture) < 0.3
    assert share(picture, (235, 235, 235), tolerance=20) > 1e-3


def test_voila(context: BrowserContext, server: JupyterServer) -> None:
    """A page without code: all panels, of which the twin is not seen, and whose tabs open."""
    write_notebook(server.root / "voila.ipynb", DASHBOARD.format(folder="voila-exp"))
    page = context.new_page()
    page.goto(server.at("voila/render/voila.ipynb"))
    told(page, "connected")
    expect(page.locator(".difxnb-twin")).to_be_hidden()
    press(page, "Launch")
    page.get_by_label("Job", exact=True).fill(str(server.root / "voila-exp" / "demo_1.input"))
    page.get_by_label("Job", exact=True).press("Enter")
    told(page, "demo_1 was read")
    keep_picture(page, "dashboard-voila")
    page.close()
