# SPDX-License-Identifier: GPL-3.0-or-later
"""Taking from a monitor what is to be shown, no more often than it pays.

In goes a source and what is wanted of it, out come Datasets and tables that nothing changes any more. Each part is
taken anew when there is something new and some times as long as it took has passed since: less than a tenth of a CPU in
all.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
import xarray as xr

from difxnb.panels.monitor.history import NO_HISTORY, History, history_of
from difxnb.panels.monitor.names import Offered, offered_of
from difxnb.panels.monitor.source import Source
from difxnb.visibility import fringe_fit
from difxnb.visibility.live.pace import Paced

_REST_OF_VISIBILITIES, _REST_OF_FRINGES, _REST_OF_NAMES = 20.0, 50.0, 100.0
"""How many times the cost of a part must have passed: with fringes of two kinds, below a tenth of a CPU in all."""

_PIECES = 60
"""Pieces of time, at most, in which fringes are fitted for their course."""

_PIECE_S = 2.0
"""Seconds below which pieces are not cut: shorter ones tell no rate."""

Weights = Callable[[], "xr.DataArray | None"]


@dataclass(frozen=True)
class Want:
    """What is wanted.

    Attributes
    ----------
    integrations : int or None
        The newest ones, so many; None: all that are kept.
    course : tuple, optional
        Baselines, bands and polarizations whose fringes are wanted in short pieces of time.
    """

    integrations: int | None
    course: tuple[tuple[str, ...], tuple[int, ...], tuple[str, ...]] | None = None


@dataclass(frozen=True)
class Data:
    """What was taken last.

    Attributes
    ----------
    dataset : Dataset, optional
        None before anything was taken.
    fringes : DataFrame
        Of whole scans.
    course : DataFrame, optional
        In pieces of scans, where that was wanted.
    weights : DataArray, optional
    offered : Offered
    history : History
        Of `dataset`.
    version : int
        Moves with every part that is taken anew.
    """

    dataset: xr.Dataset | None = None
    fringes: pd.DataFrame = field(default_factory=pd.DataFrame)
    course: pd.DataFrame | None = None
    weights: xr.DataArray | None = None
    offered: Offered = field(default_factory=Offered)
    history: History = NO_HISTORY
    version: int = 0


class Gatherer:
    """Takes from a source; one thread at a time, whichever.

    Parameters
    ----------
    source : Source
    weights : callable, optional
        Gives weights of stations, where somebody knows them; visibilities of a monitor come without.
    """

    def __init__(self, source: Source, weights: Weights | None) -> None:
        self._source, self._weights = source, weights
        self._one_at_a_time = threading.Lock()
        self._taken = Data()
        self._dataset = Paced["xr.Dataset"](rest=_REST_OF_VISIBILITIES)
        self._fringes = Paced["pd.DataFrame"](rest=_REST_OF_FRINGES)
        self._course: tuple[Want, Paced[pd.DataFrame]] | None = None
        self._integrations: int | None = 0
        self._datasets = 0
        self.forget_names()

    @property
    def taken(self) -> Data:
        """What was taken last."""
        return self._taken

    def gather(self, want: Want, publish: Callable[[Data], None]) -> None:
        """Take what is wanted and due.

        Parameters
        ----------
        want : Want
            What is wanted.
        publish : callable
            Is given what there is after each part.

        Raises
        ------
        ValueError
            The source has nothing to show; it says why.
        """
        with self._one_at_a_time:
            version, is_final = self._source.version, self._source.closed
            self._take_names(version, is_final)
            self._take_visibilities(want, version, is_final)
            publish(self._taken)
            self._take_fringes(want, version, is_final)
            publish(self._taken)

    def forget_names(self) -> None:
        """Take anew what is watched: it was changed."""
        self._offered = Paced["Offered"](rest=_REST_OF_NAMES)

    def _take_names(self, version: int, is_final: bool) -> None:
        source = self._source
        offered = self._offered.get(
            version, lambda: offered_of(source.available, source.products), is_final=is_final
        )
        if offered != self._taken.offered:
            self._put(offered=offered)

    def _take_visibilities(self, want: Want, version: int, is_final: bool) -> None:
        source, count = self._source, want.integrations
        if count != self._integrations:
            self._dataset = Paced["xr.Dataset"](rest=_REST_OF_VISIBILITIES)
            self._integrations = count
        dataset = self._dataset.get(
            version, lambda: source.dataset if count is None else source.latest(count), is_final=is_final
        )
        if dataset is not self._taken.dataset:
            self._datasets += 1
            weights = self._weights() if self._weights is not None else None
            self._put(dataset=dataset, history=history_of(dataset), weights=weights)

    def _take_fringes(self, want: Want, version: int, is_final: bool) -> None:
        source = self._source
        fringes = self._fringes.get(version, lambda: source.fringes, is_final=is_final)
        if fringes.equals(self._taken.fringes):
            fringes = self._taken.fringes  # monitors hand out copies of the same table
        course = self._take_course(want, is_final) if want.course is not None else None
        if fringes is not self._taken.fringes or course is not self._taken.course:
            self._put(fringes=fringes, course=course)

    def _take_course(self, want: Want, is_final: bool) -> pd.DataFrame:
        dataset = self._taken.dataset
        if self._course is None or self._course[0] != want:
            self._course = (want, Paced(rest=_REST_OF_FRINGES))
        if dataset is None or want.course is None:
            return pd.DataFrame()
        names = want.course
        return self._course[1].get(self._datasets, lambda: course_of(dataset, *names), is_final=is_final)

    def _put(self, **parts: object) -> None:
        self._taken = replace(self._taken, version=self._taken.version + 1, **parts)  # type: ignore[arg-type]


def course_of(
    dataset: xr.Dataset, baselines: tuple[str, ...], bands: tuple[int, ...], polarizations: tuple[str, ...]
) -> pd.DataFrame:
    """Fringes in pieces of scans that are long enough to tell rates, and not too many.

    Parameters
    ----------
    dataset : Dataset
        Of the shape of :mod:`difxnb.visibility`.
    baselines, bands, polarizations : tuple
        Those that are there count; all bands where none are named.
    """
    chosen = dataset.sel(
        baseline=[name for name in dataset["baseline"].values if name in baselines],
        polarization=[name for name in dataset["polarization"].values if name in polarizations],
        band=[row for row in dataset["band"].values if not bands or row in bands],
    )
    if not chosen["VISIBILITY"].size:
        return pd.DataFrame()
    times = chosen["time"].values
    steps = np.diff(times) / np.timedelta64(1, "s")
    shortest = float(np.median(steps)) if steps.size else 1.0
    whole = float((times[-1] - times[0]) / np.timedelta64(1, "s")) + shortest
    piece = max(whole / _PIECES, _PIECE_S, 2 * shortest)
    return fringe_fit(chosen, pd.Timedelta(seconds=round(piece, 3)), workers=1)
