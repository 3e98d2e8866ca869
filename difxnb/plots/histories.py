# SPDX-License-Identifier: GPL-3.0-or-later
"""Fringes against time: delay, rate, phase, amplitude and SNR with their errors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple, get_args

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from numpy.typing import NDArray

from difxnb.plots.artists import Artists, add_legend, curve_name, name_axes, on_axes
from difxnb.plots.choosing import first_of, known, parallel_hands
from difxnb.plots.style import LIGHT, MARKERS
from difxnb.plots.times import in_days, label_scans, set_utc, table_spans
from difxnb.plots.units import delay_unit

Quantity = Literal["delay", "snr", "phase", "delay_rate", "amplitude"]
"""What can be drawn of a table of fringes against time."""

_MOST_BASELINES = 6
_HEADROOM = 1.1
_NEEDED = ("scan", "baseline", "polarization", "start", "stop", "reference_time")


class _Unit(NamedTuple):
    words: str
    factor: float


def fringe_history(
    fringes: pd.DataFrame,
    quantity: Quantity = "delay",
    *,
    ax: Axes | None = None,
    baselines: Sequence[str] | None = None,
    bands: Sequence[int] | None = None,
    polarizations: Sequence[str] | None = None,
) -> Artists:
    """One quantity of a table of fringes against time, with error bars and the names of scans.

    Full marks are fringes, open ones were not detected (false alarm probability above 0.001). Marks stand at the
    reference time of each fit.

    Parameters
    ----------
    fringes : DataFrame
        From ``fringe_fit``, or ``monitor.fringes``.
    quantity : {"delay", "snr", "phase", "delay_rate", "amplitude"}
        A column of the table.
    ax : Axes, optional
        Where to draw; a new figure when not given. A legend is drawn only there.
    baselines : sequence of str, optional
        By default the first six.
    bands : sequence of int, optional
        By default all; multi-band fits have none.
    polarizations : sequence of str, optional
        By default the parallel hands, or all where there are none.

    Returns
    -------
    Artists
        Marks and error bars in ps, ns or µs, ps/s, degrees, or the unit of the visibilities.

    Raises
    ------
    ValueError
        No such quantity, baseline, band or polarization, or the table has no fringes.

    Examples
    --------
    >>> plots.fringe_history(difxnb.fringe_fit(ds, "1s"), "phase", baselines=["AA-BB"])
    """
    if quantity not in get_args(Quantity):
        raise ValueError(f"no quantity {quantity!r}; there are {', '.join(get_args(Quantity))}")
    rows, left_out = _chosen(fringes, baselines, bands, polarizations)
    artists = on_axes(ax)
    unit = _unit(rows, quantity)
    for curve in _curves(rows):
        _draw(artists, curve, quantity, unit.factor)
    _finish(artists, rows, quantity, unit)
    add_legend(artists, left_out=left_out)
    return artists


def _chosen(
    fringes: pd.DataFrame,
    baselines: Sequence[str] | None,
    bands: Sequence[int] | None,
    polarizations: Sequence[str] | None,
) -> tuple[pd.DataFrame, str]:
    """Rows of the table, and what the usual choice leaves out."""
    require_fringes(fringes, _NEEDED)
    pairs = list(dict.fromkeys(str(one) for one in fringes["baseline"]))
    usual, left_out = first_of(pairs, _MOST_BASELINES, "baselines")
    names = known(baselines, usual, pairs, "baseline")
    hands = list(dict.fromkeys(str(one) for one in fringes["polarization"]))
    shown = known(polarizations, parallel_hands(hands), hands, "polarization")
    mask = fringes["baseline"].isin(names) & fringes["polarization"].isin(shown)
    there = sorted(set(fringes["band"])) if "band" in fringes else []
    if bands is not None or there:
        mask &= fringes.get("band", pd.Series(index=fringes.index)).isin(known(bands, there, there, "band"))
    return fringes[mask], "" if baselines is not None else left_out


def require_fringes(fringes: pd.DataFrame, needed: Sequence[str]) -> None:
    """Refuse what is no table of fringes, or has none in it.

    Raises
    ------
    TypeError
        It is no DataFrame.
    ValueError
        Columns are missing, or there are no rows.
    """
    if not isinstance(fringes, pd.DataFrame):
        raise TypeError(f"fringes are a table of difxnb.fringe_fit; got {type(fringes).__name__}")
    missing = [name for name in needed if name not in fringes]
    if missing:
        raise ValueError(f"this is no table of difxnb.fringe_fit: it has no {', '.join(missing)}")
    if fringes.empty:
        raise ValueError("there are no fringes to draw yet")


class _Curve(NamedTuple):
    rows: pd.DataFrame
    colour: str
    marker: str
    label: str


def _curves(rows: pd.DataFrame) -> list[_Curve]:
    """A curve for each product: baselines by colour, or hands where there is one baseline; the rest by mark."""
    keys = [name for name in ("baseline", "polarization", "band") if name in rows]
    single = rows["baseline"].nunique() == 1
    groups = [(key, part) for key, part in rows.groupby(keys, sort=False)]
    pairs = list(dict.fromkeys(key[0] for key, _ in groups))
    others = list(dict.fromkeys(key[1:] for key, _ in groups))
    several_bands = "band" in rows and rows["band"].nunique() > 1
    found = []
    for key, part in groups:
        colour = LIGHT.polarization(str(key[1])) if single else LIGHT.curve(pairs.index(key[0]))
        band = f"band {key[2]}" if several_bands else ""
        marker = MARKERS[others.index(key[1:]) % len(MARKERS)]
        found.append(
            _Curve(part.sort_values("reference_time"), colour, marker, curve_name(key[0], key[1], band))
        )
    return found


def _unit(rows: pd.DataFrame, quantity: Quantity) -> _Unit:
    if quantity == "delay":
        unit, factor = delay_unit(float(np.nanmax(np.abs(rows["delay"]), initial=0.0)))
        return _Unit(f"delay ({unit})", factor)
    return {
        "snr": _Unit("SNR", 1.0),
        "phase": _Unit("phase (degrees)", 180 / np.pi),
        "delay_rate": _Unit("delay rate (ps/s)", 1e12),
        "amplitude": _Unit("amplitude (units of the visibilities)", 1.0),
    }[quantity]


def _draw(artists: Artists, curve: _Curve, quantity: Quantity, factor: float) -> None:
    """Error bars, and marks above them: full where a fringe was detected."""
    days = in_days(curve.rows["reference_time"].to_numpy())
    values = curve.rows[quantity].to_numpy(dtype=float) * factor
    errors = _errors(curve.rows, quantity) * factor
    detected = _detected(curve.rows)
    if np.isfinite(errors).any():
        bars = artists.axes.errorbar(
            days, values, yerr=errors, fmt="none", ecolor=curve.colour, elinewidth=0.8
        )
        artists += bars.get_children()
    for mask, face, label in ((detected, curve.colour, curve.label), (~detected, "none", "")):
        named = label or (curve.label if not detected.any() else f"_{curve.label} not detected")
        if mask.any():
            artists += artists.axes.plot(
                days[mask],
                values[mask],
                curve.marker,
                ms=4,
                color=curve.colour,
                mfc=face,
                mew=0.8,
                label=named,
            )


def _errors(rows: pd.DataFrame, quantity: Quantity) -> NDArray[np.float64]:
    name = f"{quantity}_error"
    return rows[name].to_numpy(dtype=float) if name in rows else np.full(len(rows), np.nan)


def _detected(rows: pd.DataFrame) -> NDArray[np.bool_]:
    if "flags" not in rows:
        return np.ones(len(rows), dtype=bool)
    return np.array(["not_detected" not in str(one).split() for one in rows["flags"]], dtype=bool)


def _finish(artists: Artists, rows: pd.DataFrame, quantity: Quantity, unit: _Unit) -> None:
    axes = artists.axes
    set_utc(axes.xaxis)
    if quantity == "phase":
        axes.set(ylim=(-190, 190), yticks=(-180, -90, 0, 90, 180))
    elif quantity == "snr":
        axes.set_ylim(0.0, max(axes.get_ylim()[1], _HEADROOM * float(rows["snr"].max())))
    else:
        axes.ticklabel_format(axis="y", useOffset=False)
    spans = table_spans(rows, "scan")
    if artists.is_own:
        margin = 0.03 * (max(span.stop for span in spans) - spans[0].start)
        axes.set_xlim(spans[0].start - margin, max(span.stop for span in spans) + margin)
    label_scans(axes, spans)
    name_axes(axes, "time (UTC)", unit.words)
