# SPDX-License-Identifier: GPL-3.0-or-later
"""Amplitude and phase against frequency, and amplitude against delay, of the mean over one scan."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from numpy.typing import NDArray

from difxnb.fringe import lag_axis
from difxnb.fringe import lag_spectrum as lag_function
from difxnb.plots.artists import Artists, add_legend, curve_name, name_axes, on_axes, say_nothing_there
from difxnb.plots.products import Chosen, Curve
from difxnb.plots.squeezed import set_bands
from difxnb.plots.units import delay_unit, with_error
from difxnb.visibility.averages import ScanAverages
from difxnb.visibility.fits.columns import NOT_DETECTED

_LAG_PADDING = 8
_LAG_REACH = 16  # lags drawn on either side, in units of 1/bandwidth
_HEADROOM = 1.06


def amplitude(
    dataset: xr.Dataset,
    *,
    ax: Axes | None = None,
    baselines: Sequence[str] | None = None,
    bands: Sequence[int] | None = None,
    polarizations: Sequence[str] | None = None,
    scan: str | None = None,
    fringes: pd.DataFrame | None = None,
) -> Artists:
    """Amplitude against sky frequency: the mean over one scan.

    The integrations are averaged by weight after the fitted delay rate has been stopped. Bands stand side by side,
    with the gaps between them drawn narrow and grey.

    Parameters
    ----------
    dataset : Dataset
        Of the shape of :mod:`difxnb.visibility`.
    ax : Axes, optional
        Where to draw; a new figure, as wide as a column of a journal, when not given. A legend is drawn only there:
        for yours, ``ax.legend()`` finds the labels.
    baselines : sequence of str, optional
        Cross baselines, such as ``["AA-BB"]``; by default the first six.
    bands : sequence of int, optional
        Rows of the FREQ table; by default all.
    polarizations : sequence of str, optional
        By default the parallel hands, or all where there are none.
    scan : str, optional
        Name of the scan; by default the last one with data.
    fringes : DataFrame, optional
        From ``fringe_fit``; fitted here when not given.

    Returns
    -------
    Artists
        The curves, in MHz and in correlation coefficients where all of them have both autocorrelations, else in
        DiFX's own units.

    Raises
    ------
    ValueError
        No such scan, baseline, band or polarization, or no data at all.

    Examples
    --------
    >>> from difxnb import plots
    >>> plots.amplitude(ds, baselines=["AA-BB"], polarizations=["RR"])
    >>> plots.amplitude(ds).figure.savefig("amplitude.pdf")
    """
    chosen = Chosen(
        dataset, scan=scan, baselines=baselines, bands=bands, polarizations=polarizations, fringes=fringes
    )
    artists = on_axes(ax)
    _draw_amplitudes(artists, chosen)
    name_axes(artists.axes, "sky frequency (MHz)", chosen.unit)
    add_legend(artists, left_out=chosen.left_out)
    return artists


def _draw_amplitudes(artists: Artists, chosen: Chosen) -> None:
    axes, top = artists.axes, 0.0
    set_bands(axes, chosen.edges_mhz())
    for curve in chosen.curves:
        for label, (band, mhz, spectrum) in _labelled(curve, chosen):
            heights = np.abs(spectrum) * chosen.scale(curve, band)
            artists += axes.step(
                mhz, heights, where="mid", color=curve.colour, ls=curve.style, lw=1.0, label=label,
                marker="." if mhz.size == 1 else None,
            )  # fmt: skip
            inner = heights[1:] if heights.size > 2 else heights  # the lowest channel swings with the fringe
            top = max(top, float(np.nanmax(inner, initial=0.0)))
    if not artists:
        say_nothing_there(axes)
    elif artists.is_own:
        axes.set_ylim(0.0, _HEADROOM * top or 1.0)


def _labelled(curve: Curve, chosen: Chosen) -> Iterator[tuple[str, tuple[int, Any, Any]]]:
    """Pieces of a curve; the first with a label for the legend, the others with one that stays out of it."""
    for place, piece in enumerate(chosen.pieces(curve)):
        yield (f"_{curve.label} band {piece[0]}" if place else curve.label), piece


def phase(
    dataset: xr.Dataset,
    *,
    ax: Axes | None = None,
    baselines: Sequence[str] | None = None,
    bands: Sequence[int] | None = None,
    polarizations: Sequence[str] | None = None,
    scan: str | None = None,
    fringes: pd.DataFrame | None = None,
) -> Artists:
    """Phase against sky frequency, and the fitted delay as a line: the mean over one scan.

    V = S1 · conj(S2) ∝ exp(+2πi ν τ): the phase of ``"AA-BB"`` rises with frequency where BB is late, in both
    sidebands. The delay rate is stopped, so that phases are those at the middle of the scan.

    Parameters
    ----------
    dataset, ax, baselines, bands, polarizations, scan, fringes
        As of :func:`amplitude`.

    Returns
    -------
    Artists
        Points, and lines where a fringe was detected, in MHz and degrees.

    Raises
    ------
    ValueError
        No such scan, baseline, band or polarization, or no data at all.

    Examples
    --------
    >>> plots.phase(ds, baselines=["AA-BB"], bands=[0])
    """
    chosen = Chosen(
        dataset, scan=scan, baselines=baselines, bands=bands, polarizations=polarizations, fringes=fringes
    )
    artists = on_axes(ax)
    axes = artists.axes
    set_bands(axes, chosen.edges_mhz())
    for curve in chosen.curves:
        for label, (band, mhz, spectrum) in _labelled(curve, chosen):
            artists += axes.plot(
                mhz,
                np.degrees(np.angle(spectrum)),
                curve.marker,
                ms=2.5,
                color=curve.colour,
                mew=0,
                label=label,
            )
            fringe = chosen.spectra.fringe(curve.baseline, band, curve.polarization)
            if fringe is not None and fringe["false_alarm_probability"] <= NOT_DETECTED:
                artists += _draw_slope(axes, mhz, fringe, curve)
    if not artists:
        say_nothing_there(axes)
    name_phases(axes)
    add_legend(artists, left_out=chosen.left_out)
    return artists


def name_phases(axes: Axes) -> None:
    """One turn of phase on the y axis."""
    axes.set(ylim=(-190, 190), yticks=(-180, -90, 0, 90, 180))
    name_axes(axes, "sky frequency (MHz)", "phase (degrees)")


def _draw_slope(axes: Axes, mhz: NDArray[np.float64], fringe: pd.Series[Any], curve: Curve) -> list[Any]:
    """Phase of the fitted delay, broken where it wraps."""
    fine = np.linspace(mhz[0], mhz[-1], 400)
    wrapped = degrees_of(fringe, fine * 1e6)
    return axes.plot(fine, wrapped, "-", color=curve.colour, lw=0.7, alpha=0.7, label=f"_{curve.label} fit")


def degrees_of(fringe: pd.Series[Any], frequency: NDArray[np.float64]) -> NDArray[np.float64]:
    """Phase of a fit at frequencies (Hz), within half a turn of 0; NaN where it jumps by one."""
    turns = fringe["delay"] * (frequency - fringe["reference_frequency"])
    wrapped = np.degrees(np.angle(np.exp(1j * (fringe["phase"] + 2 * np.pi * turns))))
    wrapped[1:][np.abs(np.diff(wrapped)) > 180] = np.nan
    return np.asarray(wrapped, dtype=float)


def lag_spectrum(
    dataset: xr.Dataset,
    *,
    ax: Axes | None = None,
    baselines: Sequence[str] | None = None,
    bands: Sequence[int] | None = None,
    polarizations: Sequence[str] | None = None,
    scan: str | None = None,
    fringes: pd.DataFrame | None = None,
) -> Artists:
    """Amplitude against delay: lag spectra of the mean over one scan, averaged over the bands.

    A fringe peaks at +τ where the second antenna of the baseline is late by τ. Triangles stand at the fitted delay, the
    mean of the bands by their errors, which the legend states; both only where a fringe was detected.

    Parameters
    ----------
    dataset, ax, baselines, bands, polarizations, scan, fringes
        As of :func:`amplitude`.

    Returns
    -------
    Artists
        Curves and triangles, in ns or µs and the unit of the amplitudes.

    Raises
    ------
    ValueError
        No such scan, baseline, band or polarization, or no data at all.

    Examples
    --------
    >>> plots.lag_spectrum(ds, baselines=["AA-BB"])
    """
    chosen = Chosen(
        dataset, scan=scan, baselines=baselines, bands=bands, polarizations=polarizations, fringes=fringes
    )
    artists = on_axes(ax)
    drawn = [(curve, found) for curve in chosen.curves if (found := _lags(chosen, curve)) is not None]
    delays = {curve: mean_delay(chosen.spectra, _product(curve), chosen.bands) for curve, _ in drawn}
    reach = _reach(chosen, [found[0] for found in delays.values() if found is not None])
    unit, factor = delay_unit(reach)
    for curve, (lags, heights) in drawn:
        near = np.abs(lags) <= reach
        _draw_lags(artists, curve, (lags[near] * factor, heights[near]), delays[curve], factor)
    if not artists:
        say_nothing_there(artists.axes)
    elif artists.is_own:
        artists.axes.set(xlim=(-reach * factor, reach * factor))
        artists.axes.set_ylim(bottom=0.0)
    name_axes(artists.axes, f"delay ({unit})", chosen.unit)
    add_legend(artists, left_out=chosen.left_out)
    return artists


def _draw_lags(
    artists: Artists,
    curve: Curve,
    drawn: tuple[NDArray[np.float64], NDArray[np.float64]],
    delay: tuple[float, float] | None,
    factor: float,
) -> None:
    said = "" if delay is None else with_error(*delay)
    artists += artists.axes.plot(
        *drawn, color=curve.colour, ls=curve.style, lw=1.0, label=curve_name(curve.label, said)
    )
    if delay is not None:
        artists += artists.axes.plot(
            [delay[0] * factor], [float(np.nanmax(drawn[1])) * _HEADROOM], "v", ms=4, color=curve.colour,
            label=f"_{curve.label} delay",
        )  # fmt: skip


def _reach(chosen: Chosen, delays: list[float]) -> float:
    """Lags drawn on either side, s: some resolutions about zero, further where a fringe is."""
    frequency = chosen.spectra.frequency(chosen.bands[0])
    width = float(frequency[1] - frequency[0]) if frequency.size > 1 else 1e6
    wanted = max([_LAG_REACH / (width * frequency.size), *(2 * abs(one) for one in delays)])
    return min(0.5 / width, wanted)


def _lags(chosen: Chosen, curve: Curve) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    scales = {band: chosen.scale(curve, band) for band in chosen.bands}
    return mean_lags(chosen.spectra, _product(curve), scales)


def _product(curve: Curve) -> tuple[str, str]:
    return curve.baseline, curve.polarization


def mean_lags(
    spectra: ScanAverages, product: tuple[str, str], scales: dict[int, NDArray[np.float64] | float]
) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """Magnitude of the lag spectrum on the lag axis of the first band, the mean over those that share it."""
    baseline, hand = product
    found: list[NDArray[np.float64]] = []
    axis: NDArray[np.float64] | None = None
    for band, scale in scales.items():
        spectrum = spectra.spectrum(baseline, band, hand)
        if spectrum is None or spectrum.size < 3:
            continue
        spectrum = spectrum * scale
        spectrum[[0, -1]] = np.nan  # the edges carry no fringe to be trusted
        frequency = spectra.frequency(band)
        lags = lag_axis(frequency.size, float(frequency[1] - frequency[0]), padding=_LAG_PADDING)
        if axis is None or (lags.size == axis.size and np.allclose(lags, axis)):
            axis = lags
            found.append(np.abs(lag_function(spectrum, padding=_LAG_PADDING)))
    return None if axis is None else (axis, np.mean(found, axis=0))


def mean_delay(
    spectra: ScanAverages, product: tuple[str, str], bands: list[int]
) -> tuple[float, float] | None:
    """Delay and its error, s: the mean over the bands with a fringe, by their errors; None without any."""
    fits = (spectra.fringe(product[0], band, product[1]) for band in bands)
    good = [fit for fit in fits if fit is not None and fit["false_alarm_probability"] <= NOT_DETECTED]
    if not good:
        return None
    weight = np.array([1 / max(float(fit["delay_error"]), 1e-15) ** 2 for fit in good])
    delay = float(np.average([float(fit["delay"]) for fit in good], weights=weight))
    return delay, float(1 / np.sqrt(weight.sum()))
