# SPDX-License-Identifier: GPL-3.0-or-later
"""The buttons and lists with which one chooses what is shown, and where in time one looks."""

from __future__ import annotations

from collections.abc import Callable

import ipywidgets as widgets

from difxnb.panels.acting_panel import row
from difxnb.panels.bound import Bound, write
from difxnb.panels.monitor.model import KINDS, MonitorModel
from difxnb.panels.monitor.snapshot import MonitorSnapshot

Press = Callable[[Callable[[], object]], Callable[..., None]]
"""Makes, of what a model is to do, a callback that has it done and shown soon."""

_MOST_OPTIONS = 1000
_NONE = ""  # lists of ipywidgets show nothing where None is chosen


def button(text: str, tooltip: str, pressed: Callable[..., None]) -> widgets.Button:
    """A button as wide as its text."""
    made = widgets.Button(description=text, tooltip=tooltip, layout=widgets.Layout(width="auto"))
    made.on_click(pressed)
    return made


class TimeControls:
    """What picture is shown, whether it follows what comes, and where in time one looks."""

    def __init__(self, model: MonitorModel, press: Press) -> None:
        self.kind = widgets.Dropdown(
            description="Picture",
            tooltip="What is drawn",
            options=[(said, kind) for kind, said in KINDS.items()],
            layout=widgets.Layout(width="26em", max_width="98%"),
        )
        self.pause = button("Pause", "Hold the picture; job and watching go on", press(model.toggle_pause))
        self.theme = button("Dark picture", "Draw on a dark background", press(model.toggle_theme))
        self.earlier_scan = button("« scan", "The scan before", press(lambda: model.step_scans(-1)))
        self.earlier = button("◀ earlier", "The integration before", press(lambda: model.step(-1)))
        self.later = button("later ▶", "The integration after", press(lambda: model.step(1)))
        self.later_scan = button("scan »", "The scan after", press(lambda: model.step_scans(1)))
        self.slider = widgets.IntSlider(
            description="History",
            tooltip="Which integration is the newest that is shown",
            min=0,
            max=1,  # never equal to min; disabled while there is nowhere to go
            readout=False,
            layout=widgets.Layout(width="24em", max_width="98%"),
        )
        self.scan = widgets.Dropdown(
            description="Scan",
            tooltip="Show one scan alone, or follow the newest integrations",
            options=[("newest", _NONE)],
            layout=widgets.Layout(width="16em", max_width="98%"),
        )
        self._kind = Bound(self.kind, lambda kind: press(lambda: model.set_kind(kind))())
        self._slider = Bound(self.slider, lambda place: press(lambda: model.go_to(place))())
        self._scan = Bound(self.scan, lambda name: press(lambda: model.go_to_scan(name or None))())
        self.widget = widgets.VBox(
            [
                row(self.kind, self.pause, self.theme),
                row(self.slider, self.earlier_scan, self.earlier, self.later, self.later_scan, self.scan),
            ]
        )

    def paint(self, seen: MonitorSnapshot) -> None:
        """Write what has changed."""
        self._kind.write(seen.chosen.kind)
        write(self.pause, description="Follow the newest" if seen.is_held else "Pause")
        is_dark = seen.chosen.theme == "dark"
        write(
            self.theme,
            description="Light picture" if is_dark else "Dark picture",
            tooltip=f"Draw on a {'light' if is_dark else 'dark'} background",
        )
        self._paint_slider(max(seen.place, 0), max(seen.count - 1, 1), disabled=seen.count < 2)
        names = seen.scan_names[-_MOST_OPTIONS:]
        options = (("newest", _NONE), *((name, name) for name in names))
        self._scan.write(seen.only_scan if seen.only_scan in names else _NONE, options=options)

    def _paint_slider(self, place: int, last: int, *, disabled: bool) -> None:
        """Write place and end in messages of their own, such that no page ever knows a place beyond its end.

        A page takes what one message brings in any order, and answers a place beyond its end with the end, as if a user
        had gone there: the picture would be held, and nobody had asked for it.
        """
        if last > self.slider.max:
            self._slider.write(max=last)
        self._slider.write(place)
        self._slider.write(max=last, disabled=disabled)


class Choosers:
    """What is shown, by name."""

    def __init__(self, model: MonitorModel, press: Press) -> None:
        self.reference = widgets.Dropdown(
            description="Reference",
            tooltip="Show the baselines to one station, seen from it",
            options=[("none", _NONE)],
            layout=widgets.Layout(width="14em", max_width="98%"),
        )
        self.stations = _several("Stations", "Baselines among these, or to the only one")
        self.baselines = _several("Baselines", "These baselines; they count for more than stations")
        self.bands = _several("Bands", "These bands; none chosen: all")
        self.polarizations = _several("Polariz.", "These polarizations; none chosen: parallel hands")
        self.fits = widgets.Dropdown(
            description="Fits",
            tooltip="Whether fringes against time are fitted in short pieces of scans, or to whole scans",
            options=[("in short pieces", "intervals"), ("whole scans", "scans")],
            layout=widgets.Layout(width="19em", max_width="98%"),
        )
        self.usual = button("Show the usual", "Forget what was chosen", press(self._forget))
        self.watch_shown = button(
            "Watch only what is shown", "Have the server send nothing else", press(model.watch_shown)
        )
        self.watch_all = button(
            "Watch everything", "Have the server send all products", press(model.watch_all)
        )
        self._model = model
        self._reference = Bound(
            self.reference, lambda name: press(lambda: model.set_reference(name or None))()
        )
        self._fits = Bound(self.fits, lambda fits: press(lambda: model.set_fits(fits))())
        self._several = {
            "stations": Bound(self.stations, lambda names: press(lambda: model.choose(stations=names))()),
            "baselines": Bound(self.baselines, lambda names: press(lambda: model.choose(baselines=names))()),
            "bands": Bound(self.bands, lambda rows: press(lambda: model.choose(bands=rows))()),
            "polarizations": Bound(
                self.polarizations, lambda names: press(lambda: model.choose(polarizations=names))()
            ),
        }
        self.widget = widgets.VBox(
            [
                row(self.stations, self.baselines, self.bands, self.polarizations),
                row(self.reference, self.fits, self.usual, self.watch_shown, self.watch_all),
            ]
        )

    def _forget(self) -> None:
        self._model.set_reference(None)
        self._model.choose(stations=(), baselines=(), bands=(), polarizations=())

    def paint(self, seen: MonitorSnapshot) -> None:
        """Write what has changed."""
        offered, chosen = seen.offered, seen.chosen
        baselines = tuple(
            (name if name in offered.watched else f"{name} (not watched)", name) for name in offered.baselines
        )
        options: dict[str, tuple[tuple[str, object], ...]] = {
            "stations": tuple((name, name) for name in offered.stations),
            "baselines": baselines[:_MOST_OPTIONS],
            "bands": tuple((said, band) for band, said in offered.bands),
            "polarizations": tuple((name, name) for name in offered.polarizations),
        }
        for name, bound in self._several.items():
            bound.write(getattr(chosen, name), options=options[name])
        stations = (("none", _NONE), *options["stations"])
        self._reference.write(chosen.reference or _NONE, options=stations)
        self._fits.write(chosen.fits)


def _several(description: str, tooltip: str) -> widgets.SelectMultiple:
    return widgets.SelectMultiple(
        description=description,
        tooltip=tooltip,
        rows=6,
        layout=widgets.Layout(width="17em", max_width="98%"),
    )
