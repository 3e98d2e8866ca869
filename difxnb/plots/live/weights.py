# SPDX-License-Identifier: GPL-3.0-or-later
"""Weights of the stations against time, a lane for each, with scans and gaps."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from numpy.typing import NDArray

from difxnb.plots.live.chosen import Chosen, is_auto
from difxnb.plots.live.frames import SMALL, add_axes, add_line, add_text
from difxnb.plots.live.look import Look
from difxnb.plots.live.timeline import Scans, Timeline, as_numbers, scans_of, seen_scans, time_span, with_gaps
from difxnb.plots.live.view import LiveView, Scene, describe
from difxnb.plots.style import Theme

MOST_STATIONS = 30
LOW = 0.9
"""Weights below this are drawn in another colour, with marks."""
_MOST_POINTS = 600
_LANE = 0.86  # of the distance between lanes, from weight 0 to 1
_TOP, _FOOT, _LEFT, _RIGHT = 44, 44, 70, 14

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class WeightsContent:
    """What a picture of weights shows: `weights` (antenna, time) at `times`, numbers of the axis."""

    antennas: tuple[str, ...]
    times: Floats
    weights: Floats
    time_limits: tuple[float, float]
    scans: Scans
    caption: str

    @property
    def layout(self) -> Hashable:
        """Lanes."""
        return self.antennas

    @property
    def limits(self) -> Hashable:
        """Times, and the scans that are marked."""
        return (self.time_limits, self.scans)

    @property
    def height(self) -> int:
        """Pixels of the picture."""
        lanes = max(len(self.antennas), 1)
        return _TOP + _FOOT + lanes * int(np.clip(520 // lanes, 26, 110))


class WeightsView(LiveView[WeightsContent]):
    """Fraction of valid data of each station against time."""

    def __init__(self, width: int = 960) -> None:
        super().__init__(width)
        self._span = time_span()

    def _read(self, look: Look) -> WeightsContent:
        chosen = Chosen(look, most_baselines=10_000)
        table = _in_time(chosen, look.weights if look.weights is not None else weights_of(chosen))
        antennas = _antennas(chosen, [str(name) for name in table["antenna"].values])
        table = table.sel(antenna=antennas)
        times, values, few = _thinned(as_numbers(table["time"].values), table.values.T.astype(float))
        ends = (float(times[0]), float(times[-1])) if times.size else (np.nan, np.nan)
        scans = scans_of(chosen)
        limits = self._span.take(*ends)
        return WeightsContent(
            tuple(antennas),
            times,
            values,
            limits,
            seen_scans(limits, scans),
            describe(chosen, "weights of stations", _lowest(antennas, values), few),
        )

    def _compose(self, figure: Figure, content: WeightsContent, theme: Theme) -> Scene[WeightsContent]:
        return _WeightsScene(figure, content, theme)


def weights_of(chosen: Chosen) -> xr.DataArray:
    """Weights (time, antenna) of a Dataset: of its autocorrelations, or else the highest of a station's baselines."""
    rows = chosen.rows
    autos = [(name, place) for place, name in enumerate(chosen.names) if is_auto(name)]
    antennas = list(dict.fromkeys(end for name in chosen.names for end in name.split("-", 1)))
    variable = chosen.dataset["WEIGHT"].variable
    variable = variable.isel({dim: 0 for dim in ("phase_center", "pulsar_bin") if dim in variable.dims})
    read = variable.isel(time=rows).transpose("time", "baseline", ...).values
    columns = []
    for antenna in antennas:
        own = [place for name, place in autos if name == f"{antenna}-{antenna}"]
        taking_part = [place for place, name in enumerate(chosen.names) if antenna in name.split("-", 1)]
        columns.append(_highest(read[:, own or taking_part]))
    values = np.stack(columns, axis=1) if columns else np.zeros((rows.size, 0))
    return xr.DataArray(values, {"time": chosen.times[rows], "antenna": antennas}, ("time", "antenna"))


def _highest(values: NDArray[np.float32]) -> Floats:
    """Highest of each integration, NaN where nothing is known."""
    known = np.where(np.isnan(values), -np.inf, values).max(axis=(1, 2, 3), initial=-np.inf)
    return np.where(np.isinf(known), np.nan, known)


def _in_time(chosen: Chosen, table: xr.DataArray) -> xr.DataArray:
    """The part of a table of weights that is asked for."""
    table = table.transpose("time", "antenna")
    wanted = np.ones(table.sizes["time"], dtype=bool)
    times = table["time"].values
    if chosen.look.until is not None:
        wanted &= times <= chosen.look.until
    if chosen.look.scan is not None and chosen.rows.size:
        own = chosen.times[chosen.rows]
        wanted &= (times >= own[0]) & (times <= own[-1])
    return table.isel(time=np.flatnonzero(wanted))


def _antennas(chosen: Chosen, known: list[str]) -> list[str]:
    """Stations that take part in what is chosen; those beyond the first are left out and counted."""
    wanted = {end for name in chosen.look.baselines for end in name.split("-", 1)}
    found = [name for name in known if not wanted or name in wanted]
    if len(found) > MOST_STATIONS:
        chosen.left_out.append(f"{len(found) - MOST_STATIONS} of {len(found)} stations")
    return found[:MOST_STATIONS]


def _thinned(times: Floats, values: Floats) -> tuple[Floats, Floats, str]:
    """The lowest of each few, where there are more than a picture has room for."""
    few = -(-times.size // _MOST_POINTS)
    if few <= 1:
        return times, values, ""
    whole = times.size // few * few
    grouped = values[:, :whole].reshape(len(values), -1, few)
    lowest = np.where(np.isnan(grouped), np.inf, grouped).min(axis=2)
    return (
        times[:whole:few],
        np.where(np.isinf(lowest), np.nan, lowest),
        f"the lowest of each {few} integrations",
    )


def _lowest(antennas: list[str], values: Floats) -> str:
    """The newest weights that are known, lowest first."""
    newest = {}
    for antenna, row in zip(antennas, values, strict=True):
        known = row[np.isfinite(row)]
        if known.size:
            newest[antenna] = float(known[-1])
    if not newest:
        return "none known yet"
    order = sorted(newest, key=lambda name: newest[name])
    return (
        "newest: "
        + ", ".join(f"{name} {newest[name]:.2f}" for name in order[:8])
        + (" …" if order[8:] else "")
    )


class _WeightsScene(Scene[WeightsContent]):
    def __init__(self, figure: Figure, content: WeightsContent, theme: Theme) -> None:
        super().__init__()
        width = round(figure.get_size_inches()[0] * figure.dpi)
        low_colour = theme.curve(1)
        self.colours = [theme.curve(0), low_colour]
        box = (_LEFT, _TOP, width - _LEFT - _RIGHT, content.height - _TOP - _FOOT)
        self.axes = add_axes(figure, box, theme)
        self.timeline = Timeline([self.axes], theme)
        lanes = len(content.antennas)
        self.axes.set_ylim(-0.08, max(lanes, 1))
        add_text(figure, 12, 14, "weights (each lane from 0 to 1)", theme, weight="bold")
        add_text(figure, width - 14, 14, f"▼ below {LOW}", theme, color=low_colour, ha="right", weight="bold")
        if not lanes:
            add_text(figure, width / 2, _TOP + 120, "no weights yet", theme, ha="center", fontsize=13)
        self._bases = [lanes - 1 - row for row in range(lanes)]
        middles = [base + _LANE / 2 for base in self._bases]
        self.axes.set_yticks(middles, content.antennas, fontsize=SMALL + 1, parse_math=False, usetex=False)
        self.axes.grid(visible=False, axis="y")
        for base in self._bases:
            self.axes.axhline(base, color=theme.faint, lw=0.8, zorder=0.6)
            self.axes.axhline(base + _LANE, color=theme.grid, lw=0.8, zorder=0.6)
        self.lines = [add_line(self.axes, color=theme.curve(0), linewidth=1.3) for _ in self._bases]
        mark: dict[str, Any] = {"marker": "v", "markersize": 3.5, "markeredgewidth": 0, "linewidth": 1.3}
        self.low_lines = [add_line(self.axes, color=low_colour, **mark) for _ in self._bases]
        self.artists += [*self.lines, *self.low_lines]

    def limit(self, content: WeightsContent) -> None:
        self.timeline.show(content.time_limits, content.scans)

    def fill(self, content: WeightsContent) -> None:
        for base, line, low, row in zip(
            self._bases, self.lines, self.low_lines, content.weights, strict=True
        ):
            times, values = with_gaps(content.times, row)
            line.set_data(times, base + _LANE * values)
            low.set_data(times, base + _LANE * np.where(values < LOW, values, np.nan))
