# SPDX-License-Identifier: GPL-3.0-or-later
"""The widgets of the panel, driven by their own events, without a painter thread."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import ipywidgets as widgets
import numpy as np
import pytest
import xarray as xr
from comm.base_comm import BaseComm
from IPython.utils.capture import CapturedIO
from PIL import Image

from difxnb.panels.monitor import MonitorModel, MonitorPanel
from difxnb.panels.monitor.markup import head, numbers
from difxnb.panels.monitor.matrix_view import MOST_STATIONS
from difxnb.panels.monitor.snapshot import Listening
from difxnb.panels.monitor.source import StillSource
from tests.made_visibilities import BANDS, made

HOSTILE = "<script>alert(1)</script>\x1b[31m"


@pytest.fixture(scope="module")
def dataset() -> xr.Dataset:
    """Two scans, three stations, a band; 6 integrations."""
    return made(bands=BANDS[:1])


@pytest.fixture
def panel(dataset: xr.Dataset) -> Iterator[MonitorPanel]:
    with MonitorPanel(MonitorModel(dataset)) as panel:
        panel.model.gather()
        painted(panel)
        yield panel


def painted(panel: MonitorPanel) -> None:
    """Let the panel take what is wanted, and paint."""
    panel.model.gather()
    panel.paint()
    assert panel.model.wait(30)
    assert not panel.failures


def pixels(png: bytes) -> np.ndarray:
    """A picture as numbers."""
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))


def test_the_first_paint_shows_picture_numbers_and_matrix(panel: MonitorPanel) -> None:
    assert len(np.unique(pixels(panel.picture.value).reshape(-1, 3), axis=0)) > 3
    assert panel.picture.layout.display == ""
    assert "not live" in panel.head.value
    assert "24 of 24 products watched" in panel.head.value
    assert "integration 6 of 6 at hand, 2024-01-01 12:00:12.50 UTC" in panel.position.value
    assert "the strongest is" in panel.caption.value
    assert panel.numbers.value.count("<tr>") == 1 + 3 * 2
    assert (panel.time.scan.label, panel.choosers.reference.label) == ("newest", "none")
    assert set(panel.matrix.cells) == {"AA-BB", "AA-CC", "BB-CC"}
    button = panel.matrix.cells["AA-CC"]
    assert button.description.endswith("●")
    assert "AA-CC: strong fringe, SNR" in button.tooltip


def test_a_second_paint_writes_nothing(panel: MonitorPanel) -> None:
    written: list[object] = []
    for widget in everything(panel.widget):
        widget.observe(written.append)
    panel.paint()
    assert panel.model.wait(30)
    panel.paint()
    assert written == []


def everything(widget: widgets.Widget) -> Iterator[widgets.Widget]:
    yield widget
    for child in getattr(widget, "children", ()):
        yield from everything(child)


class Page(BaseComm):
    """What a page is told of a widget, message by message."""

    told: list[dict[str, Any]]

    def publish_msg(self, msg_type: str, data: Any = None, *_: object, **__: object) -> None:
        if msg_type == "comm_msg":
            self.told.append(data["state"])


def test_a_page_never_knows_a_place_beyond_the_end(dataset: xr.Dataset) -> None:
    """It would answer with the end that it knows, and so hold the picture."""

    source = StillSource(dataset)
    with MonitorPanel(MonitorModel(source)) as panel:
        slider, page = panel.time.slider, Page()
        page.told, slider.comm, last = [], page, slider.max
        for length in (1, 6, 3, 5, 2):
            source.dataset, source.version = dataset.isel(time=slice(0, length)), source.version + 1
            painted(panel)
            assert (slider.value, slider.max) == (length - 1, max(length - 1, 1))
        place = 0
        for told in page.told:
            for end in {last, told.get("max", last)}:  # whichever a page takes first
                assert told.get("value", place) <= end
            place, last = told.get("value", place), told.get("max", last)
        assert (place, last) == (1, 1)


def test_a_press_in_the_matrix_shows_that_baseline(panel: MonitorPanel) -> None:
    before = panel.picture.value
    panel.matrix.cells["BB-CC"].click()
    painted(panel)
    assert panel.model.snapshot().baselines == ("BB-CC",)
    assert panel.choosers.baselines.value == ("BB-CC",)
    assert panel.picture.value != before
    assert "<td>AA-BB</td>" not in panel.numbers.value


def test_a_press_on_a_station_makes_it_the_reference(panel: MonitorPanel) -> None:
    station = next(w for w in everything(panel.matrix.widget) if getattr(w, "description", "") == "BB")
    station.click()
    painted(panel)
    assert panel.choosers.reference.value == "BB"
    assert "<td>BB-AA</td>" in panel.numbers.value
    panel.choosers.usual.click()
    painted(panel)
    assert panel.choosers.reference.label == "none"
    assert "<td>AA-BB</td>" in panel.numbers.value


def test_lists_choose_and_what_the_painter_writes_is_no_choice(panel: MonitorPanel) -> None:
    panel.choosers.baselines.value = ("AA-CC", "BB-CC")
    panel.choosers.bands.value = (0,)
    panel.choosers.polarizations.value = ("LL",)
    panel.time.kind.value = "waterfall"
    chosen = panel.model.snapshot().chosen
    assert (chosen.baselines, chosen.bands, chosen.polarizations) == (("AA-CC", "BB-CC"), (0,), ("LL",))
    assert chosen.kind == "waterfall"
    painted(panel)
    assert panel.model.snapshot().chosen == chosen
    panel.model.choose(baselines=["AA-BB"])
    painted(panel)
    assert panel.choosers.baselines.value == ("AA-BB",)
    assert panel.model.snapshot().chosen == replace(chosen, baselines=("AA-BB",))


def test_the_history_has_somewhere_to_go_or_is_disabled(dataset: xr.Dataset) -> None:
    with MonitorPanel(MonitorModel(dataset.isel(time=slice(0, 1)))) as panel:
        for _ in range(2):
            assert panel.time.slider.max > panel.time.slider.min
            painted(panel)
        assert panel.time.slider.disabled


def test_pause_history_and_scans(panel: MonitorPanel) -> None:
    newest = panel.picture.value
    panel.time.pause.click()
    painted(panel)
    assert panel.time.pause.description == "Follow the newest"
    assert "held" in panel.head.value
    panel.time.slider.value = 1
    painted(panel)
    assert "integration 2 of 6" in panel.position.value
    assert panel.picture.value != newest
    panel.time.later.click()
    panel.time.later_scan.click()
    painted(panel)
    assert panel.time.slider.value == 5
    panel.time.scan.value = "No0001"
    painted(panel)
    assert "Fringes of scan No0001" in panel.numbers.value
    panel.time.pause.click()
    painted(panel)
    assert panel.time.scan.label == "newest"
    assert panel.time.pause.description == "Pause"
    assert panel.picture.value == newest


def test_themes_differ_in_brightness(panel: MonitorPanel) -> None:
    light = pixels(panel.picture.value).mean()
    panel.time.theme.click()
    painted(panel)
    assert pixels(panel.picture.value).mean() < light / 3
    assert panel.time.theme.description == "Light picture"


@pytest.mark.filterwarnings("ignore:Passing unrecognized arguments:DeprecationWarning")  # of ipympl
def test_freezing_puts_a_figure_of_what_is_shown_and_takes_it_away(panel: MonitorPanel) -> None:
    panel.freeze_button.click()
    painted(panel)
    (figure,) = panel.frozen.children
    assert isinstance(figure, widgets.DOMWidget)
    panel.unfreeze_button.click()
    painted(panel)
    assert panel.frozen.children == ()


def test_refusals_are_shown_in_words(panel: MonitorPanel) -> None:
    panel.save_button.click()
    panel.paint()
    assert 'role="alert"' in panel.news.value
    assert "name a file to save to" in panel.news.value
    panel.choosers.watch_shown.click()
    panel.paint()
    assert "not live" in panel.news.value


def test_the_twin_is_there_without_a_painter_and_after_the_end(dataset: xr.Dataset, cell: CapturedIO) -> None:
    panel = MonitorPanel(MonitorModel(dataset))
    first = panel.twin()
    assert first.picture is not None
    assert "strongest is" in first.text
    panel.paint()
    assert panel.picture.value == first.picture, "drawn for the twin, shown all the same"
    panel.show()
    panel.model.set_kind("lag")
    panel.close()
    last = panel.twin()
    assert last.picture != first.picture
    assert "Fringes of scan No0002" in last.html
    assert "SNR of baselines No0002" in last.html
    assert [output.update for output in cell.outputs[-2:]] == [True, True]
    assert panel.model.look() is None


def test_many_stations_are_a_list_with_the_weakest_first(dataset: xr.Dataset) -> None:
    names = [f"S{number:02d}" for number in range(MOST_STATIONS + 1)]
    pairs = [(a, b) for i, a in enumerate(names) for b in names[i + 1 :]]
    wide = dataset.isel(baseline=[0] * len(pairs), time=[4, 5], polarization=[0]).assign_coords(
        baseline=[f"{a}-{b}" for a, b in pairs],
        antenna1_name=("baseline", [a for a, _ in pairs]),
        antenna2_name=("baseline", [b for _, b in pairs]),
        is_autocorrelation=("baseline", [False] * len(pairs)),
    )
    noise = np.random.default_rng(1).standard_normal((2, 1, 1, 32, 2))
    wide["VISIBILITY"][{"baseline": 7}] = noise[..., 0] + 1j * noise[..., 1]
    with MonitorPanel(MonitorModel(wide)) as panel:
        painted(panel)
        assert panel.matrix.cells == {}
        listed = panel.matrix.list
        assert listed is not None
        assert len(listed.options) == len(pairs)
        snrs = [cell.snr for cell in panel.model.snapshot().matrix.ranked if cell.snr is not None]
        assert snrs == sorted(snrs)
        assert listed.options[0][1] == wide["baseline"].values[7]
        listed.value = "S03-S07"
        painted(panel)
        assert panel.model.snapshot().baselines == ("S03-S07",)
        assert panel.matrix.list is listed
        assert listed.value == "S03-S07"
        assert "SNR, lowest first" in panel.twin().html


def test_names_from_files_cannot_act_on_the_page(dataset: xr.Dataset) -> None:
    renamed = dataset.assign_attrs(job=HOSTILE).assign_coords(
        scan_name=("time", np.array([HOSTILE] * dataset.sizes["time"], dtype=object)),
        field_name=("time", np.array([HOSTILE] * dataset.sizes["time"], dtype=object)),
    )
    with MonitorPanel(MonitorModel(renamed)) as panel:
        painted(panel)
        panel.model.choose(baselines=[HOSTILE])
        painted(panel)
        pages = [widget.value for widget in everything(panel.widget) if isinstance(widget, widgets.HTML)]
        for page in (*pages, panel.twin().html):
            assert "<script" not in page
            assert "\x1b" not in page
        assert "&lt;script&gt;" in panel.news.value
        assert "\x1b" not in repr(panel)


class LiveSource(StillSource):
    """A Dataset of which more may come."""

    closed = False

    async def select(self, _: object) -> None:
        """Nothing is asked of it here."""


def test_a_live_source_that_goes_silent_is_said_to(dataset: xr.Dataset) -> None:
    now = [0.0]
    source = LiveSource(dataset)
    listening = Listening(source, clock=lambda: now[0])
    now[0] = 59.0
    assert listening.condition().silent_minutes == 0
    now[0] = 150.0
    silent = listening.condition()
    assert (silent.state, silent.silent_minutes) == ("live", 2)
    with MonitorPanel(MonitorModel(source)) as panel:
        assert "nothing new for 2 min" in head(replace(panel.model.snapshot(), condition=silent))
    source.version += 1
    assert listening.condition().silent_minutes == 0
    now[0] = 1000.0
    source.closed = True
    assert listening.condition().silent_minutes == 0


def test_a_chance_too_small_for_numbers_is_said_to_be_below(panel: MonitorPanel) -> None:
    seen = panel.model.snapshot()
    row = replace(seen.rows[0], false_alarm=0.0)
    assert "yes&nbsp;(&lt;1e-99)" in numbers(replace(seen, rows=(row,)))
