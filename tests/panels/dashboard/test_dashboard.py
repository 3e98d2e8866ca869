# SPDX-License-Identifier: GPL-3.0-or-later
"""Tabs: built when they are opened, painted while they are open, ended with the rest."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import ipywidgets as widgets
import pytest

from difxnb.client.blocking import LoopThread
from difxnb.panels import Panel
from difxnb.panels.dashboard import ChoiceModel, ChoicePanel, Dashboard, Offer, Tab
from difxnb.panels.twin import Twin
from difxnb.panels.work import Work


class Counting(Panel):
    """Counts how often it is painted."""

    def __init__(self, name: str, picture: bytes | None = None) -> None:
        self.label, self.painted, self.is_broken, self.picture = name, 0, False, picture
        super().__init__(widgets.HTML(name))

    def _paint(self) -> None:
        self.painted += 1
        if self.is_broken:
            raise RuntimeError("<b>broken</b>")

    def twin(self) -> Twin:
        return Twin(f"twin of {self.label}", f"<i>{self.label}</i>", self.picture)


class Stock:
    """Makes panels, and remembers them."""

    def __init__(self) -> None:
        self.made: dict[str, Counting] = {}

    def tab(self, name: str) -> Tab:
        return Tab(name, lambda: self.panel(name))

    def panel(self, name: str) -> Counting:
        self.made[name] = Counting(name, b"PNG" if name == "B" else None)
        return self.made[name]


def test_tabs_are_built_when_opened_and_painted_while_open() -> None:
    stock = Stock()
    with Dashboard([stock.tab("A"), stock.tab("B")]) as panel:
        assert list(stock.made) == ["A"], "what is seen first is there at once"
        panel.paint()
        bar(panel).value = "B"
        assert list(stock.made) == ["A"], "callbacks build nothing"
        panel.paint()
        assert "B is being opened" in slot(panel)[0].value
        panel.paint()
        panel.paint()
        assert (stock.made["A"].painted, stock.made["B"].painted) == (1, 2)
        assert slot(panel) == (stock.made["B"].widget,)
        panel.open("A")
        panel.paint()
        assert bar(panel).value == "A"
        assert slot(panel) == (stock.made["A"].widget,)
        with pytest.raises(ValueError, match="there are A, B"):
            panel.open("C")
    assert all(one.closed for one in stock.made.values())


def test_the_twin_has_all_that_was_opened_and_the_first_picture() -> None:
    stock = Stock()
    panel = Dashboard([stock.tab("A"), stock.tab("B"), stock.tab("C")])
    panel.open("B")
    panel.paint()
    panel.paint()
    panel.close()
    twin = panel.twin()
    assert "twin of A" in twin.text
    assert "<i>B</i>" in twin.html
    assert "C" not in twin.text
    assert twin.picture == b"PNG"


def test_a_tab_that_cannot_be_built_says_so_and_the_others_work() -> None:
    def fail() -> Panel:
        raise RuntimeError("no <such> thing")

    stock = Stock()
    with Dashboard([stock.tab("A"), Tab("B", fail)]) as panel:
        panel.open("B")
        panel.paint()
        panel.paint()
        assert len(panel.failures) == 1, "it is not tried four times a second"
        assert "no &lt;such&gt; thing" in slot(panel)[0].value
        panel.open("A")
        panel.paint()
        assert slot(panel) == (stock.made["A"].widget,)


def test_what_goes_wrong_in_a_tab_stays_in_it() -> None:
    stock = Stock()
    with Dashboard([stock.tab("A")]) as panel:
        stock.made["A"].is_broken = True
        panel.paint()
        assert not panel.failures
        assert [str(error) for error in stock.made["A"].failures] == ["<b>broken</b>"]


def test_news_lead_to_the_tab_that_shows_them() -> None:
    stock = Stock()
    with Dashboard([stock.tab("A"), stock.tab("B")]) as panel:
        panel.model.tell("A is open anyway", "A")
        assert panel.model.snapshot().news is None
        panel.model.tell("<e_1> was started", "B")
        panel.paint()
        button = next(one for one in all_widgets(panel.widget) if isinstance(one, widgets.Button))
        assert button.layout.display == ""
        assert any(
            "&lt;e_1&gt; was started" in one.value for one in all_widgets(panel.widget) if is_html(one)
        )
        button.click()
        panel.paint()
        assert panel.model.snapshot().opened == "B"
        assert button.layout.display == "none"


def test_the_end_is_told() -> None:
    ended: list[str] = []
    panel = Dashboard([Stock().tab("A")], ending=lambda: ended.append("end"))
    panel.close()
    panel.close()
    assert ended == ["end"]


# --- one of several -------------------------------------------------------------------------------------


class Bench:
    """Work on a loop, whose end can be waited for."""

    def __init__(self, loop: LoopThread) -> None:
        self.ended = threading.Event()
        self.work = Work(loop.submit, self.ended.set)

    def settle(self) -> None:
        assert self.ended.wait(30)
        self.ended.clear()


@pytest.fixture
def bench() -> Iterator[Bench]:
    with LoopThread("choices") as loop:
        made = Bench(loop)
        yield made
        made.work.close()


@pytest.fixture
def work(bench: Bench) -> Work:
    return bench.work


def test_the_latest_that_is_ready_is_shown_until_another_is_chosen(work: Work) -> None:
    stock = Stock()
    offers = [Offer("/a", "a", lambda: stock.panel("a"))]
    with ChoicePanel(ChoiceModel(lambda: offers, work, "nothing yet"), "Job") as panel:
        panel.paint()
        chooser = listed(panel)
        assert chooser.value == "/a"
        offers.append(Offer("/b", "b", lambda: stock.panel("b")))
        panel.paint()
        assert chooser.value == "/b"
        chooser.value = "/a"
        offers.append(Offer("/c", "c", lambda: stock.panel("c")))
        panel.paint()
        assert chooser.value == "/a", "what was chosen stays"
        assert "Job a" in panel.twin().text
    assert all(one.closed for one in stock.made.values())
    assert len(stock.made) == 2, "panels are kept, and made once"


def test_another_run_of_the_same_name_is_shown_in_place_of_the_one_before(work: Work) -> None:
    made: list[Counting] = []

    def make() -> Panel:
        made.append(Counting(f"run {len(made)}"))
        return made[-1]

    offers = [Offer("/a", "a", make, of="first")]
    with ChoicePanel(ChoiceModel(lambda: offers, work, ""), "Job") as panel:
        panel.paint()
        offers[:] = [Offer("/a", "a", make, of="second")]
        panel.paint()
        panel.paint()
        assert [one.closed for one in made] == [True, False]
        assert "twin of run 1" in panel.twin().text


def test_panels_that_are_not_offered_any_more_are_let_go_of(work: Work) -> None:
    stock = Stock()
    offers = [Offer("/a", "a", lambda: stock.panel("a"))]
    with ChoicePanel(ChoiceModel(lambda: offers, work, ""), "Job") as panel:
        panel.paint()
        offers[:] = [Offer("/b", "b", lambda: stock.panel("b"))]
        panel.paint()
        assert stock.made["a"].closed
        assert panel.chosen_panel is stock.made["b"]


def test_nothing_to_choose_is_said(work: Work) -> None:
    with ChoicePanel(ChoiceModel(list, work, "nothing yet"), "Job") as panel:
        panel.paint()
        assert any("nothing yet" in one.value for one in all_widgets(panel.widget) if is_html(one))
        assert panel.twin().text == "nothing yet"


def test_what_has_to_be_prepared_waits_for_a_click(bench: Bench) -> None:
    stock, ready, asked = Stock(), False, 0

    async def prepare() -> None:
        nonlocal ready, asked
        asked += 1
        if asked == 1:
            raise RuntimeError("not <yet>")
        ready = True

    def offers() -> list[Offer]:
        return [
            Offer("/a", "a", lambda: stock.panel("a")) if ready else Offer("/a", "a", None, prepare, "Watch")
        ]

    with ChoicePanel(ChoiceModel(offers, bench.work, ""), "Job") as panel:
        panel.paint()
        listed(panel).value = "/a"
        panel.paint()
        assert asked == 0, "keys that pass over a name do nothing"
        button = next(one for one in all_widgets(panel.widget) if isinstance(one, widgets.Button))
        assert button.description == "Watch a"
        button.click()
        bench.settle()
        panel.paint()
        assert any("a: not &lt;yet&gt;" in one.value for one in all_widgets(panel.widget) if is_html(one))
        button.click()
        bench.settle()
        panel.paint()
        assert list(stock.made) == ["a"]
        assert button.layout.display == "none"


def test_long_lists_keep_what_is_chosen(work: Work) -> None:
    offers = [Offer(f"/{n}", str(n), lambda: Counting("never")) for n in range(300)]
    model = ChoiceModel(lambda: offers, work, "")
    model.choose("/0")
    shown = model.snapshot()
    assert (len(shown.offers), shown.left_out) == (200, 100)
    assert shown.chosen is offers[0]
    assert offers[0] in shown.offers


def all_widgets(root: widgets.Widget) -> list[widgets.Widget]:
    return [root, *(one for child in getattr(root, "children", ()) for one in all_widgets(child))]


def is_html(widget: widgets.Widget) -> bool:
    return isinstance(widget, widgets.HTML)


def listed(panel: Panel) -> widgets.Dropdown:
    return next(one for one in all_widgets(panel.widget) if isinstance(one, widgets.Dropdown))


def bar(panel: Dashboard) -> widgets.ToggleButtons:
    return next(one for one in all_widgets(panel.widget) if isinstance(one, widgets.ToggleButtons))


def slot(panel: Dashboard) -> tuple[widgets.Widget, ...]:
    return tuple(panel.widget.children[1].children[-1].children)
