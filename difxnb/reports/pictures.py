# SPDX-License-Identifier: GPL-3.0-or-later
"""The figures of a report, as PNGs; one that cannot be drawn becomes a sentence that says why."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import pandas as pd
from matplotlib.figure import Figure

from difxnb import plots
from difxnb.plots.lock import RENDER_LOCK
from difxnb.reports.findings import Findings

MOST_SCANS = 4
"""Scans of which fringes are drawn; there may be hundreds."""
_DPI = 110


@dataclass(frozen=True)
class Picture:
    """A figure, or why there is none.

    Attributes
    ----------
    title, caption : str
    png : bytes or None
    """

    title: str
    caption: str
    png: bytes | None


def pictures_of(found: Findings) -> Iterator[Picture]:
    """Draw all figures that there are data for."""
    yield _drawn(
        "Evidence of the checks", "What was judged, worst first, and the limits.", found.quality.figure
    )
    yield from _fringe_pictures(found)
    dataset, fringes = found.material.dataset, found.material.fringes
    if fringes is not None and not fringes.empty:
        yield _drawn("SNR of baselines", "The best of each; in brackets: noise.", lambda: _of_matrix(fringes))
    if dataset is not None:
        caption = "Share of each integration with valid data, by station."
        yield _drawn("Weights", caption, lambda: plots.weights(dataset).figure)


def _of_matrix(fringes: pd.DataFrame) -> Figure:
    return plots.snr_matrix(fringes).figure


def _fringe_pictures(found: Findings) -> Iterator[Picture]:
    cross, fringes = found.material.cross, found.material.fringes
    if cross is None or fringes is None:
        return
    scans = list(pd.unique(fringes["scan"]))
    for scan in scans[:MOST_SCANS]:
        yield _drawn(f"Fringes in {scan}", _caption(scans), partial(_of_scan, found, scan))


def _caption(scans: list[str]) -> str:
    more = len(scans) - MOST_SCANS
    said = "Amplitude, phase and lag spectrum of a row of baselines; lines are the fitted delays."
    return f"{said} {more} more scans are not drawn." if more > 0 else said


def _of_scan(found: Findings, scan: str) -> Figure:
    assert found.material.cross is not None
    return plots.fringe_figure(found.material.cross, fringes=found.material.fringes, scan=scan)


def _drawn(title: str, caption: str, draw: Callable[[], Figure]) -> Picture:
    try:
        figure = draw()
    except ValueError as error:  # what plots raise where there is nothing that they could show
        return Picture(title, f"not drawn: {error}", None)
    kept = io.BytesIO()
    with RENDER_LOCK:
        figure.savefig(kept, format="png", dpi=_DPI)
    return Picture(title, caption, kept.getvalue())
