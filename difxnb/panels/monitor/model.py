# SPDX-License-Identifier: GPL-3.0-or-later
"""What a panel of visibilities knows: what is chosen, where in time one looks, and what was taken of the monitor.

Everything here may be asked and told from any thread and returns at once; what takes long is done aside.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import xarray as xr

from difxnb.panels.monitor.aside import Aside
from difxnb.panels.monitor.gathering import Data, Gatherer, Want, Weights
from difxnb.panels.monitor.looking import Looking
from difxnb.panels.monitor.names import (
    Fits,
    known,
    known_bands,
    known_baselines,
    shown_baselines,
    shown_polarizations,
)
from difxnb.panels.monitor.picture import figure_of
from difxnb.panels.monitor.snapshot import (
    Condition,
    LastDigest,
    Listening,
    MonitorSnapshot,
    Said,
    snapshot_of,
)
from difxnb.panels.monitor.source import Source, source_of
from difxnb.panels.work import Work

if TYPE_CHECKING:  # what draws is imported with the first picture: a panel is seen before that
    from matplotlib.figure import Figure

    from difxnb.plots.live import Look

KINDS = {
    "spectra": "Spectra: amplitude and phase",
    "lag": "Lag spectra",
    "fringes": "Delay, SNR, phase, rate against time",
    "waterfall": "Waterfall",
    "autocorrelations": "Autocorrelations",
    "weights": "Weights of stations",
}
"""Kinds of pictures, keys of :data:`difxnb.plots.live.VIEWS`, in words."""

_AGAIN_S = 5.0
"""Seconds before something that could not be taken is tried again."""

_GATHERING, _SAVING, _CHOOSING = "look at the data", "saving", "change of what is watched"


class MonitorModel:
    """Visibilities of one job as a panel shows them.

    Parameters
    ----------
    source : aio.Monitor, RecordedMonitor or Dataset
        What is looked at.
    work : Work, optional
        Has a live monitor asked to watch other products; without it nothing else can be asked for.
    weights : callable, optional
        Gives the weights of the stations (time, antenna), which a monitor does not send: ``lambda: run.weights``.
    """

    def __init__(
        self, source: Source | xr.Dataset, work: Work | None = None, *, weights: Weights | None = None
    ) -> None:
        self._source, self._work = source_of(source), work
        self._gatherer, self._aside = Gatherer(self._source, weights), Aside()
        self._listening, self._lock = Listening(self._source), threading.Lock()
        self._data, self._condition, self._looking = Data(), Condition(), Looking()
        self._said, self._trouble, self._digests = Said(), "", LastDigest()
        self._fulfilled: Want | None = None
        self._not_before = -float("inf")
        self._version = 0
        self._closed = False

    # --- what is shown --------------------------------------------------------------------------------

    @property
    def version(self) -> int:
        """Grows with every change."""
        return self._version

    @property
    def has_data(self) -> bool:
        """Whether anything was taken of the source yet."""
        return self._data.dataset is not None

    @property
    def under_way(self) -> tuple[str, ...]:
        """What was asked for and has not ended; it may end without a new `version`."""
        asked = [] if self._work is None else [one.title for one in self._work.under_way]
        return (*asked, *(title for title in self._aside.under_way if title != _GATHERING))

    @property
    def kind(self) -> str:
        """The picture that is chosen, a key of `KINDS`."""
        return self._looking.chosen.kind

    def snapshot(self) -> MonitorSnapshot:
        """All that is shown, at this moment."""
        under_way = self.under_way
        with self._lock:
            data, condition, looking, version = self._data, self._condition, self._looking, self._version
            said = Said(self._trouble, is_problem=True) if self._trouble else self._said
        return snapshot_of(
            data, condition, looking, said, digests=self._digests, under_way=under_way, version=version
        )

    def look(self) -> Look | None:
        """What the picture is drawn of; None before anything was taken."""
        with self._lock:
            data, looking = self._data, self._looking
        if data.dataset is None:
            return None
        from difxnb.plots.live import Look

        chosen = looking.chosen
        return Look(
            dataset=data.dataset,
            fringes=data.fringes if data.course is None else data.course,
            weights=data.weights,
            baselines=shown_baselines(chosen, data.offered),
            bands=chosen.bands,
            polarizations=shown_polarizations(chosen, data.offered),
            scan=looking.scan,
            until=looking.until,
            reference=chosen.reference,
            theme=chosen.theme,
            version=data.version,
        )

    def figure(self) -> Figure:
        """A figure of what is shown, to zoom into and to keep; it changes no more.

        Raises
        ------
        ValueError
            There is nothing to show yet.
        """
        look = self.look()
        if look is None:
            raise ValueError("there is nothing to show yet")
        return figure_of(self.kind, look)

    # --- what is chosen -------------------------------------------------------------------------------

    def set_kind(self, kind: str) -> None:
        """Show another picture, a key of `KINDS`."""
        self._choose(lambda: {"kind": known([kind], list(KINDS), "kind of picture")[0]})

    def choose(
        self,
        *,
        stations: Iterable[str] | None = None,
        baselines: Iterable[str] | None = None,
        bands: Iterable[int] | None = None,
        polarizations: Iterable[str] | None = None,
    ) -> None:
        """Choose by name what is shown; an empty list is the usual, what is not given stays.

        Parameters
        ----------
        stations : iterable of str
            Baselines among them, or to the one, whatever the reference was; named baselines count for more.
        baselines : iterable of str
            Such as ``"AA-BB"``, either way round.
        bands : iterable of int
            Rows of the FREQ table.
        polarizations : iterable of str
            Such as ``"RR"``.
        """
        offered = self._data.offered

        def checked() -> dict[str, Any]:
            found: dict[str, Any] = {}
            if stations is not None:
                found["stations"] = known(stations, offered.stations, "station")
            if baselines is not None:
                found["baselines"] = known_baselines(baselines, offered)
            if bands is not None:
                found["bands"] = known_bands(bands, offered)
            if polarizations is not None:
                found["polarizations"] = known(polarizations, offered.polarizations, "polarization")
            if stations or baselines:
                found["reference"] = None
            return found

        self._choose(checked)

    def set_reference(self, station: str | None) -> None:
        """Show the baselines to a station alone, turned so that it comes first; None: no longer."""
        offered = self._data.offered
        self._choose(
            lambda: {
                "reference": None if station is None else known([station], offered.stations, "station")[0],
                "baselines": (),
                "stations": (),
            }
        )

    def show_baseline(self, baseline: str) -> None:
        """Show one baseline in detail, as a click into the matrix does."""
        offered = self._data.offered
        self._choose(lambda: {"baselines": known_baselines([baseline], offered), "reference": None})

    def set_fits(self, fits: Fits) -> None:
        """Show fringes against time in pieces of scans (``"intervals"``), or one for each scan (``"scans"``)."""
        self._choose(lambda: {"fits": known([fits], ["intervals", "scans"], "kind of fits")[0]})

    def set_theme(self, theme: Literal["light", "dark"]) -> None:
        """Draw on a light or a dark background."""
        self._choose(lambda: {"theme": known([theme], ["light", "dark"], "theme")[0]})

    def toggle_theme(self) -> None:
        """Draw on the other background."""
        self.set_theme("light" if self._looking.chosen.theme == "dark" else "dark")

    def _choose(self, checked: Callable[[], dict[str, Any]]) -> None:
        try:
            changes = checked()
        except ValueError as error:
            self.tell(str(error))
            return
        with self._lock:
            self._looking = replace(self._looking, chosen=replace(self._looking.chosen, **changes))
            self._said = Said()
            self._version += 1

    # --- where in time --------------------------------------------------------------------------------

    def pause(self) -> None:
        """Hold the picture; the job and the watching go on."""
        self._move(self._looking.held(self._data.history))

    def resume(self) -> None:
        """Show the newest, and follow it."""
        self._move(self._looking.newest())

    def toggle_pause(self) -> None:
        """Hold the picture, or follow the newest again."""
        if self._looking.is_held:
            self.resume()
        else:
            self.pause()

    def go_to(self, place: int) -> None:
        """Look at an integration, by its place among those at hand."""
        self._move(self._looking.at(self._data.history, place))

    def step(self, integrations: int) -> None:
        """Look so many integrations later, or earlier where negative."""
        self._move(self._looking.stepped(self._data.history, integrations))

    def step_scans(self, scans: int) -> None:
        """Look at the end of the scan so many later, or earlier where negative."""
        self._move(self._looking.stepped_scans(self._data.history, scans))

    def go_to_scan(self, name: str | None) -> None:
        """Look at one scan alone; None: at the newest integrations."""
        self._move(self._looking.newest() if name is None else self._looking.at_scan(name))

    def _move(self, looking: Looking) -> None:
        with self._lock:
            self._looking, self._said = looking, Said()
            self._version += 1

    # --- what takes long ------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Begin to take what is new, aside, where that is due; the painter calls this again and again."""
        with self._lock:
            looking, condition = self._looking, self._condition
            is_met = looking.want(self._data.offered) == self._fulfilled
            is_due = time.monotonic() >= self._not_before and not (is_met and condition.is_final)
        if is_due:
            self._aside.begin(_GATHERING, self.gather)

    def gather(self) -> None:
        """Take what is new and due, now; what goes wrong is kept in words. For what may wait, `refresh` is there."""
        try:
            condition = self._listening.condition()
            self._take()
            trouble = ""
        except Exception as error:  # noqa: BLE001 - shown by the panel
            condition, trouble = self._condition, f"{error}" or type(error).__name__
        with self._lock:
            if trouble:
                self._not_before = time.monotonic() + _AGAIN_S
            if (condition, trouble) != (self._condition, self._trouble):
                self._condition, self._trouble = condition, trouble
                self._version += 1

    def _take(self) -> None:
        with self._lock:
            looking = self._looking
        want = looking.want(self._data.offered)
        if looking.is_held and want == self._fulfilled:
            return
        self._gatherer.gather(want, self._publish)
        if want.course is not None and want != (now := looking.want(self._data.offered)):
            want = now  # names were not known before
            self._gatherer.gather(want, self._publish)
        with self._lock:
            self._fulfilled = want

    def _publish(self, data: Data) -> None:
        with self._lock:
            if data.version != self._data.version and not self._closed:
                self._data = data
                self._version += 1

    def save(self, path: str | Path) -> None:
        """Write everything received to a netCDF file, aside; what is there is not overwritten."""

        def write() -> None:
            self._say(f"saving as {path}")
            try:
                written = self._source.save(path)
            except Exception as error:  # noqa: BLE001 - shown by the panel
                self.tell(f"not saved: {error}")
            else:
                self._say(f"saved as {written}")

        if not str(path).strip():
            self.tell("name a file to save to, such as job_1.nc")
        else:
            self._aside.begin(_SAVING, write)

    def watch_shown(self) -> None:
        """Have the server send what is shown and nothing else, with the autocorrelations of its stations."""
        with self._lock:
            offered, chosen = self._data.offered, self._looking.chosen
        baselines = shown_baselines(chosen, offered)
        autos = dict.fromkeys(f"{end}-{end}" for name in baselines for end in offered.ends(name))
        select: dict[str, Any] = {
            "baseline": [*baselines, *(name for name in autos if name in offered.autocorrelations)],
            "polarization": list(shown_polarizations(chosen, offered)),
        }
        if chosen.bands:
            select["band"] = list(chosen.bands)
        self._watch(select)

    def watch_all(self) -> None:
        """Have the server send everything."""
        self._watch(None)

    def _watch(self, select: dict[str, Any] | None) -> None:
        ask = getattr(self._source, "select", None)
        if ask is None or self._work is None:
            self.tell("this is not live: it holds what was watched then, and no more can be asked for")
            return
        self._say("asking the server")
        if not self._work.do(_CHOOSING, lambda: ask(select), self._keep_watched, self._keep_refusal):
            self.tell("the server is being asked already, or the connection has been closed")

    def _keep_watched(self, products: Any) -> None:
        self._gatherer.forget_names()
        with self._lock:
            self._fulfilled = None
        self._say(f"{len(products)} products are watched now")

    def _keep_refusal(self, error: Exception) -> None:
        self.tell(f"nothing was changed: {error}")

    def tell(self, problem: str) -> None:
        """Show why something cannot be done."""
        self._say(problem, is_problem=True)

    def _say(self, text: str, *, is_problem: bool = False) -> None:
        with self._lock:
            self._said = Said(text, is_problem=is_problem)
            self._version += 1

    def close(self) -> None:
        """Begin nothing any more, and let go of the data; the monitor is not touched."""
        self._aside.close()
        with self._lock:
            self._closed = True
            self._data = replace(self._data, dataset=None, course=None, weights=None)

    def wait(self, timeout: float) -> bool:
        """Wait until nothing is done aside any more, for programs; False where the seconds were not enough."""
        return self._aside.wait(timeout)
