# SPDX-License-Identifier: GPL-3.0-or-later
"""A job from a page alone: connected, launched, watched, stopped and judged, by buttons."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
from playwright.sync_api import Browser, Locator, expect

from tests.browser.pages import PATIENCE_MS, NotebookPage, write_notebook
from tests.browser.pictures import brightness, is_blank
from tests.browser.servers import JupyterServer

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(400)]

SHOW = """import difxnb
from difxnb.synthetic import small_experiment
difx = difxnb.demo("exp", experiment=small_experiment(scan_seconds=10))
difx.panel()"""
_NARROW_PX = 480


@pytest.fixture(scope="module")
def notebook(browser: Browser, server: JupyterServer) -> Iterator[NotebookPage]:
    write_notebook(server.root / "dashboard.ipynb", SHOW, "difx.close()")
    with browser.new_context(viewport={"width": 1200, "height": 1400}) as context:
        page = NotebookPage(context, server, "dashboard.ipynb")
        page.run(0, wait=False)
        panel_of(page).wait_for(timeout=2 * PATIENCE_MS)
        yield page
        page.run(1)


def panel_of(notebook: NotebookPage) -> Locator:
    return notebook.page.locator(".difxnb-panel").first


def press(notebook: NotebookPage, name: str) -> None:
    panel_of(notebook).get_by_role("button", name=name, exact=True).click()


def told(notebook: NotebookPage, text: str | re.Pattern[str]) -> None:
    expect(panel_of(notebook)).to_contain_text(text, timeout=PATIENCE_MS, use_inner_text=True)


def test_connect_launch_watch_stop_judge(notebook: NotebookPage, server: JupyterServer) -> None:
    """One way through the tabs, as an operator goes it."""
    told(notebook, "connected")
    notebook.picture("dashboard-connection")

    press(notebook, "Launch")
    path = notebook.page.get_by_label("Job", exact=True)
    path.fill(str(server.root / "exp" / "demo_1.input"))
    path.press("Enter")
    told(notebook, "demo_1 was read")
    notebook.page.get_by_label("live monitor").check()
    press(notebook, "Start")
    told(notebook, "was started, and is watched.")
    notebook.picture("dashboard-launch")

    press(notebook, "Stop…")
    notebook.picture("dashboard-stop")
    press(notebook, "Press again to stop")
    told(notebook, "stopped")
    notebook.picture("dashboard-stopped")

    press(notebook, "Show it")
    picture = panel_of(notebook).locator("img:visible").first
    expect(picture).to_be_visible(timeout=PATIENCE_MS)
    assert not is_blank(picture.screenshot())
    notebook.picture("dashboard-monitor")

    press(notebook, "Quality")
    told(notebook, re.compile(r"quality of demo_1", re.IGNORECASE))
    notebook.picture("dashboard-quality")


def test_it_fits_into_a_narrow_page(notebook: NotebookPage) -> None:
    """Nothing of a tab is wider than its cell, but for tables, which scroll by themselves."""
    notebook.page.set_viewport_size({"width": _NARROW_PX, "height": 1000})
    try:
        for tab in ("Connection", "Launch", "Monitor"):
            press(notebook, tab)
            expect(panel_of(notebook).locator("button.mod-active")).to_have_text(tab)
            box = panel_of(notebook).bounding_box()
            assert box is not None
            assert box["x"] + box["width"] <= _NARROW_PX
            notebook.picture(f"narrow-{tab.lower()}")
    finally:
        notebook.page.set_viewport_size({"width": 1200, "height": 1400})


def test_it_reads_in_the_dark(notebook: NotebookPage) -> None:
    """With JupyterLab's dark theme, words of the panel are light on dark."""
    press(notebook, "Connection")
    command = "() => window.jupyterapp.commands.execute('apputils:change-theme', {theme: 'JupyterLab Dark'})"
    notebook.page.evaluate(command)
    notebook.page.locator("body[data-jp-theme-light=false]").wait_for(state="attached")
    picture = panel_of(notebook).screenshot()
    notebook.picture("dashboard-dark")
    assert brightness(picture) < 0.3
    assert not is_blank(picture)
