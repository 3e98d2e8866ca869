# SPDX-License-Identifier: GPL-3.0-or-later
"""Clicks on a panel while cells run: each acts once, in order, and the painter goes on, on every kernel."""

from __future__ import annotations

import json

import pytest

from tests.kernels.front_end import FrontEnd

PANEL = """
import asyncio, json, threading
import ipykernel, ipywidgets as widgets
from difxnb.panels import Panel, open_panels
from difxnb.panels import panel as panel_module
from difxnb.panels.painter import PAINTER
from difxnb.panels.twin import Twin

class Clicked(Panel):
    def __init__(self):
        self.acts, self.frames, self.at = [], 0, None
        self.lock, self.gate = threading.Lock(), threading.Event()
        self.first = widgets.Button(description="first")
        self.second = widgets.Button(description="second")
        self.first.on_click(lambda button: self.enqueue("first"))
        self.second.on_click(lambda button: self.enqueue("second"))
        self.shown = widgets.HTML(description="shown")
        super().__init__(widgets.VBox([self.first, self.second, self.shown]))

    def enqueue(self, what):
        with self.lock:
            self.acts.append(what)
        PAINTER.soon()

    def until_painted(self, frames):
        self.at = self.frames + frames
        self.gate.clear()
        return self.gate

    def _paint(self):
        self.frames += 1
        with self.lock:
            self.shown.value = f"{self.frames}: {' '.join(self.acts)}"
        if self.at is not None and self.frames >= self.at:
            self.gate.set()

    def twin(self):
        with self.lock:
            return Twin(" ".join(self.acts), f"<p>{' '.join(self.acts)}</p>")

panel = Clicked()
panel.show()
print(ipykernel.__version__)
"""

BLOCKING = "gate = panel.until_painted(4); print('busy'); assert gate.wait(60)"
COMPUTING = "gate = panel.until_painted(4); print('busy')\nwhile not gate.is_set(): sum(range(1000))"
AWAITING = "gate = panel.until_painted(4); print('busy')\nwhile not gate.is_set(): await asyncio.sleep(0.01)"
CELLS = {"blocking": BLOCKING, "computing": COMPUTING, "awaiting": AWAITING}
ORDER = ["first", "second", "second", "first", "second"]


ON_EVERY_KERNEL = True  # each runs callbacks in another way


@pytest.fixture(scope="module")
def shown(page: FrontEnd, version: str) -> FrontEnd:
    """The page with the panel in it."""
    assert page.run(PANEL).strip() == version
    return page


@pytest.fixture(params=[False, True], ids=["no-subshell", "subshell"])
def subshell(request: pytest.FixtureRequest, shown: FrontEnd, version: str) -> str | None:
    if not request.param:
        return None
    if version.startswith("6."):
        pytest.skip("kernels before 7 have no subshells")
    return shown.new_subshell()


def acts(page: FrontEnd) -> list[str]:
    return list(json.loads(page.run("print(json.dumps(panel.acts))")))


@pytest.mark.parametrize("kind", CELLS)
def test_clicks_during_a_cell_act_once_and_in_order(shown: FrontEnd, subshell: str | None, kind: str) -> None:
    shown.run("panel.acts.clear()")
    cell = shown.begin(CELLS[kind])
    shown.until_printed(cell, "busy")
    before = frame(shown)
    for name in ORDER:
        shown.click(shown.named(name), subshell)
    shown.until_idle(cell)
    assert not shown.error(cell)
    assert frame(shown) > before, "nothing was painted while the cell ran"
    until_painted(shown, before)
    assert acts(shown) == ORDER


def frame(page: FrontEnd) -> int:
    return int(page.states[page.named("shown")]["value"].partition(":")[0])


def until_painted(page: FrontEnd, before: int) -> None:
    """Wait for a frame, after those before, with all clicks in it."""
    shown = page.states[page.named("shown")]
    page.until(lambda: frame(page) > before and shown["value"].endswith(": " + " ".join(ORDER)))


def test_clicks_between_cells_act_once_and_in_order(shown: FrontEnd, subshell: str | None) -> None:
    shown.run("panel.acts.clear()")
    before = frame(shown)
    for name in ORDER:
        shown.click(shown.named(name), subshell)
    until_painted(shown, before)
    assert acts(shown) == ORDER


def test_the_twin_is_written_while_a_cell_runs(shown: FrontEnd) -> None:
    shown.run("panel_module.TWIN_PERIOD_S = 0; panel.acts[:] = ['told', 'by', 'twin']")
    cell = shown.begin(BLOCKING)
    shown.until(lambda: told(shown, "told by twin"))
    shown.until_idle(cell)
    shown.run("panel_module.TWIN_PERIOD_S = 30.0")


def told(page: FrontEnd, text: str) -> bool:
    return any(
        message["msg_type"] == "update_display_data"
        and text in message["content"]["data"].get("text/html", "")
        for message in page.published
    )


def test_a_click_may_close_the_panel(shown: FrontEnd) -> None:
    shown.run("panel.second.on_click(lambda button: panel.close()); panel.acts.clear()")
    model = shown.named("second")
    shown.until_idle(shown.click(model))
    assert told(shown, "<p>second</p>")
    left = shown.run("print(open_panels(), panel.closed, [t.name for t in threading.enumerate()])")
    assert left.startswith("[] True")
    assert "difxnb" not in left
    assert not shown.states, "widgets are left in the page"
