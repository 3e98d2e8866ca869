# SPDX-License-Identifier: GPL-3.0-or-later
"""Whole figures: all that there is to see of the fringes of a scan, and of weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from difxnb.markup import printable
from difxnb.plots.artists import ShownFigure
from difxnb.plots.choosing import cross_baselines, known, parallel_hands, polarizations_of, scan_of
from difxnb.plots.spectra import degrees_of, mean_delay, mean_lags
from difxnb.plots.station_weights import weights as draw_weights
from difxnb.plots.style import LIGHT
from difxnb.plots.units import with_error
from difxnb.visibility.averages import ScanAverages
from difxnb.visibility.fits import fringe_fit
from difxnb.visibility.fits.columns import NOT_DETECTED

COLOURS = LIGHT.polarizations
"""Colours of the polarization products, distinct for every kind of sight."""
_LAG_REACH = 16  # lags drawn on either side, in units of 1/bandwidth
_GAP = 0.06  # between bands drawn side by side, as a share of a band
_MOST_ROWS = 12


def fringe_figure(
    dataset: xr.Dataset,
    *,
    fringes: pd.DataFrame | None = None,
    baselines: Sequence[str] | None = None,
    scan: str | None = None,
    polarizations: Sequence[str] | None = None,
) -> Figure:
    """Amplitude and phase against frequency, and the lag spectrum: a row per baseline.

    The integrations of one scan are averaged by weight after the fitted delay rate has been stopped (phase as at
    the middle of the scan). Bands stand side by side, polarizations are told by colour; lines through the phases
    are the fitted delays, triangles on the lag spectra stand at their mean over the bands.

    Parameters
    ----------
    dataset : Dataset
        Of the shape of :mod:`difxnb.visibility`.
    fringes : DataFrame, optional
        From ``fringe_fit``; fitted here when not given.
    baselines : sequence of str, optional
        Cross baselines, such as ``"AA-BB"``; by default the first twelve.
    scan : str, optional
        Name of the scan; by default the last one with data.
    polarizations : sequence of str, optional
        By default the parallel hands, or all where there are none.

    Returns
    -------
    Figure
        Amplitude is the correlation coefficient where both autocorrelations are there, else DiFX's own units.

    Raises
    ------
    ValueError
        No such scan, baseline or polarization, or no data at all.
    """
    chosen = scan_of(dataset, scan)
    names = known(baselines, cross_baselines(chosen)[:_MOST_ROWS], cross_baselines(chosen), "baseline")
    every = polarizations_of(chosen)
    shown = known(polarizations, parallel_hands(every), every, "polarization")
    table = fringe_fit(chosen.sel(baseline=names, polarization=shown)) if fringes is None else fringes
    spectra = ScanAverages(chosen, table)
    figure = ShownFigure(figsize=(11.5, 1.1 + 2.15 * len(names)), layout="constrained")
    grid = figure.subplots(len(names), 3, squeeze=False, width_ratios=(1.15, 1.15, 1.0))
    for row, (axes, name) in enumerate(zip(grid, names, strict=True)):
        _draw_row(axes, spectra, name, shown, last=row == len(names) - 1)
    for axis, title in zip(grid[0], ("amplitude", "phase", "lag spectrum"), strict=True):
        axis.set_title(title, fontsize=10, parse_math=False)
    _add_legend(figure, shown)
    figure.suptitle(_headline(chosen, spectra.integrations), fontsize=11, parse_math=False)
    return figure


def weights_figure(weights: xr.DataArray) -> Figure:
    """Weights of each antenna against time.

    Parameters
    ----------
    weights : DataArray (time, antenna)
        From ``weights_array``.
    """
    figure = ShownFigure(figsize=(9.0, 3.2), layout="constrained")
    axes = figure.subplots()
    if draw_weights(weights, ax=axes):
        axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False, fontsize=9)
    return figure


def _headline(dataset: xr.Dataset, integrations: int) -> str:
    begin = pd.Timestamp(dataset["time"].values[0]).strftime("%Y-%m-%d %H:%M:%S")
    parts = (dataset.attrs.get("job", ""), dataset["scan_name"].values[0], dataset["field_name"].values[0])
    mean = f"{integrations} integration{'s' if integrations != 1 else ''} from {begin} UTC"
    return printable("   ".join([*(str(part) for part in parts if part), mean]))


def _add_legend(figure: Figure, polarizations: list[str]) -> None:
    """The colours, in the upper right corner."""
    for index, name in enumerate(reversed(polarizations)):
        figure.text(
            0.99 - 0.035 * index,
            0.995,
            printable(name),
            color=_colour(name),
            weight="bold",
            fontsize=10,
            ha="right",
            va="top",
            parse_math=False,
        )


def _colour(polarization: str) -> str:
    return LIGHT.polarization(polarization)


def _draw_row(
    axes: NDArray[np.object_], spectra: ScanAverages, baseline: str, shown: list[str], *, last: bool
) -> None:
    amplitude, phase, lag = axes
    scales = _scales(spectra, baseline, shown)
    _draw_bands(amplitude, phase, spectra, baseline, scales)
    _draw_lags(lag, spectra, baseline, shown, scales)
    if amplitude.lines:
        amplitude.set_ylim(0.0, 1.05 * amplitude.get_ylim()[1])
    else:
        for axis in axes:
            axis.text(0.5, 0.5, "no data", transform=axis.transAxes, ha="center", va="center", color="0.5")
    amplitude.set_ylabel(
        f"{printable(baseline)}\n"
        + ("DiFX units" if any(one is None for one in scales.values()) else "coefficient"),
        fontsize=9,
        parse_math=False,
    )
    phase.set(ylim=(-190, 190), yticks=(-180, -90, 0, 90, 180))
    phase.set_ylabel("degrees", fontsize=9)
    for axis in (amplitude, phase):
        _label_bands(axis, spectra, labels=last)
    if last:
        amplitude.set_xlabel("sky frequency (MHz)", fontsize=9)
        phase.set_xlabel("sky frequency (MHz)", fontsize=9)
    for axis in axes:
        axis.tick_params(labelsize=8)


def _positions(spectra: ScanAverages) -> dict[int, tuple[float, NDArray[np.float64]]]:
    """Where each band stands: bands have the same width on paper, however far apart they are in the sky."""
    bands = sorted(spectra.dataset["band"].values, key=lambda band: spectra.frequency(int(band))[0])
    found = {}
    for place, band in enumerate(bands):
        frequency = spectra.frequency(int(band))
        share = (np.arange(frequency.size) + 0.5) / frequency.size
        found[int(band)] = (place * (1 + _GAP), place * (1 + _GAP) + share)
    return found


Scales = dict[tuple[int, str], NDArray[np.float64] | None]
"""What turns amplitudes into coefficients, by band and polarization of what has data."""


def _scales(spectra: ScanAverages, baseline: str, shown: list[str]) -> Scales:
    """Scales of a row; where one is missing there are none, for an axis has one unit."""
    bands = [int(band) for band in spectra.dataset["band"].values]
    there = [(b, name) for b in bands for name in shown if spectra.spectrum(baseline, b, name) is not None]
    found = {key: spectra.scale(baseline, *key) for key in there}
    is_whole = all(one is not None for one in found.values())
    return found if is_whole else dict.fromkeys(found)


def _draw_bands(amplitude: Axes, phase: Axes, spectra: ScanAverages, baseline: str, scales: Scales) -> None:
    """Amplitudes and phases of all bands."""
    positions = _positions(spectra)
    for (band, name), scale in scales.items():
        where, spectrum = positions[band][1], spectra.spectrum(baseline, band, name)
        assert spectrum is not None
        height = np.abs(spectrum) * (1.0 if scale is None else scale)
        amplitude.step(where[1:], height[1:], where="mid", color=_colour(name), lw=1.0)
        phase.plot(where, np.degrees(np.angle(spectrum)), ".", ms=3.0, color=_colour(name))
        fringe = spectra.fringe(baseline, band, name)
        if fringe is not None and fringe["false_alarm_probability"] <= NOT_DETECTED:
            _draw_slope(phase, where, spectra.frequency(band), fringe, _colour(name))


def _draw_slope(
    axes: Axes,
    where: NDArray[np.float64],
    frequency: NDArray[np.float64],
    fringe: pd.Series[Any],
    colour: str,
) -> None:
    """Phase of the fitted delay, broken where it wraps."""
    fine = np.linspace(frequency[0], frequency[-1], 400)
    axes.plot(
        np.interp(fine, frequency, where), degrees_of(fringe, fine), "-", color=colour, lw=0.8, alpha=0.6
    )


def _label_bands(axes: Axes, spectra: ScanAverages, *, labels: bool) -> None:
    """Borders between bands, and the frequencies of their edges."""
    positions = _positions(spectra)
    ticks, texts = [], []
    for band, (start, where) in positions.items():
        frequency = spectra.frequency(band)
        if start:
            axes.axvspan(start - _GAP, start, color="0.88", lw=0, zorder=0)
        ticks.append(float(where.mean()))
        low, high = frequency[0] / 1e6, frequency[-1] / 1e6
        texts.append(f"{low:.2f} – {high:.2f}" if len(positions) <= 2 else f"{(low + high) / 2:.1f}")
    axes.set_xlim(0, len(positions) * (1 + _GAP) - _GAP)
    axes.set_xticks(ticks, texts if labels else [""] * len(texts))
    if labels and len(ticks) > 6:
        axes.tick_params(axis="x", rotation=60)
    axes.grid(visible=True, axis="y", color="0.9", lw=0.6)


def _draw_lags(axes: Axes, spectra: ScanAverages, baseline: str, shown: list[str], scales: Scales) -> None:
    """Lag spectra in amplitude, the mean over the bands, and the mean fitted delay of each polarization."""
    bands = [int(band) for band in spectra.dataset["band"].values]
    frequency = spectra.frequency(bands[0])
    width = float(frequency[1] - frequency[0]) if frequency.size > 1 else 1e6
    unit, factor = ("ns", 1e9) if 1 / width < 2e-6 else ("µs", 1e6)
    reach = min(0.5 / width, _LAG_REACH / (width * frequency.size))
    top = 0.0
    for index, name in enumerate(shown):
        mine = {band: 1.0 if one is None else one for (band, hand), one in scales.items() if hand == name}
        drawn = mean_lags(spectra, (baseline, name), mine)
        if drawn is None:
            continue
        axes.plot(drawn[0] * factor, drawn[1], color=_colour(name), lw=1.0)
        top = max(top, float(drawn[1].max()))
        delay = _mark_delay(axes, spectra, (baseline, name), bands, (factor, float(drawn[1].max()), index))
        reach = min(0.5 / width, max(reach, 2 * abs(delay)))
    axes.set(xlim=(-reach * factor, reach * factor), ylim=(0.0, 1.3 * top or 1.0))
    axes.set_xlabel(f"delay ({unit})", fontsize=9)
    axes.axvline(0.0, color="0.75", lw=0.7, zorder=0)


def _mark_delay(
    axes: Axes,
    spectra: ScanAverages,
    product: tuple[str, str],
    bands: list[int],
    place: tuple[float, float, int],
) -> float:
    """A triangle at the delay, averaged over the bands by its errors, and its value; gives the delay in s.

    `place` holds the factor to the unit of the axis, the height of the peak and the line for the text.
    """
    _, name = product
    factor, height, line = place
    found = mean_delay(spectra, product, bands)
    delay = 0.0 if found is None else found[0]
    text = printable(f"{name}  no fringe" if found is None else f"{name}  {with_error(*found)}")
    if found is not None:
        axes.plot([delay * factor], [height * 1.06], "v", ms=5, color=_colour(name), alpha=0.8)
    axes.text(
        0.98, 0.95 - 0.1 * line, text, transform=axes.transAxes, ha="right", va="top", fontsize=8,
        color=_colour(name), parse_math=False,
    )  # fmt: skip
    return delay
