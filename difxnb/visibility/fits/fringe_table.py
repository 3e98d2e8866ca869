# SPDX-License-Identifier: GPL-3.0-or-later
"""``fringe_fit``: the question, and how its answer is put together block by block."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, overload

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from difxnb.fringe import Fringe, fringe_scan
from difxnb.visibility.fits.blocks import BandData, Block, blocks_of, most_integrations
from difxnb.visibility.fits.coefficients import MeanPowers
from difxnb.visibility.fits.columns import AXES, FringeArrays
from difxnb.visibility.fits.intervals import By, intervals_of, stacks_of

_FX_PULL = 0.1  # by the correlator's lag window, in units of 1/(bandwidth · channels)
_SERVER = ("server_delay", "server_snr")
_FITTED = (
    "delay",
    "delay_error",
    "delay_rate",
    "delay_rate_error",
    "phase",
    "phase_error",
    "amplitude",
    "snr",
    "false_alarm_probability",
)
_COLUMNS = (
    *_FITTED[:7],
    "amplitude_error",
    "correlation",
    *_FITTED[7:],
    "n_integrations",
    "weight",
    "delay_ambiguity",
    "rate_ambiguity",
    "reference_frequency",
    *_SERVER,
)


@overload
def fringe_fit(
    dataset: xr.Dataset,
    by: By = ...,
    *,
    edge_channels: int = ...,
    as_dataset: Literal[False] = ...,
) -> pd.DataFrame: ...
@overload
def fringe_fit(
    dataset: xr.Dataset,
    by: By = ...,
    *,
    edge_channels: int = ...,
    as_dataset: Literal[True],
) -> xr.Dataset: ...
def fringe_fit(
    dataset: xr.Dataset,
    by: By = "scan",
    *,
    edge_channels: int = 1,
    as_dataset: bool = False,
) -> pd.DataFrame | xr.Dataset:
    """Fit delay and rate per scan (or solution interval), cross baseline, band and polarization.

    The estimator is that of :mod:`difxnb.fringe`, the same for live and file data. Its thermal error of the
    delay is added in quadrature to what the correlator leaves: where the residual delay is τ, segments of length
    T overlap by T - |τ| only, the lags are weighted with a triangle, and that pulls the delay of a band of width
    B and N channels by up to about 0.1/(B·N).

    Parameters
    ----------
    dataset : Dataset
        Of the shape in the package docstring. Where weights are unknown they count as 1.
    by : str or timedelta
        What has one delay and one rate: ``"scan"`` (integrations with the same scan and source that follow each
        other), a length of time such as ``"10s"`` or a timedelta (counted from the beginning of each scan), or
        ``"integration"`` (no rates then). Scans are not fitted together: between them phases wander by turns.
    edge_channels : int
        Channels left out at either end of each band.
    as_dataset : bool
        Whether to return arrays instead of rows.

    Returns
    -------
    DataFrame
        One row per fit with data: ``scan``, ``source``, ``baseline``, ``antenna1_name``, ``antenna2_name``,
        ``band``, ``polarization`` (and ``phase_center``, ``pulsar_bin`` where there are several); then

        * ``start``, ``stop``: UTC, ends of the interval
        * ``delay`` (s, positive where antenna 2 is late), ``delay_error``, ``delay_rate`` (s/s),
          ``delay_rate_error``, ``phase`` (rad, at ``reference_frequency`` and ``reference_time``), ``phase_error``
        * ``amplitude``, ``amplitude_error``: units of the visibilities
        * ``correlation``: the amplitude as a coefficient, by the autocorrelations of the same interval and channels;
          NaN where they are not there or not to be trusted. Nothing is done about the loss in sampling.
        * ``snr``, ``false_alarm_probability``
        * ``n_integrations`` with data, and their mean ``weight``: NaN where unknown
        * ``delay_ambiguity`` (s), 1/(channel width), and ``rate_ambiguity`` (s/s), 1/(ν₀ · spacing of the
          integrations): what may be added to delay and rate without any change of the visibilities. Rates come out
          within half of the latter, whatever the truth is
        * ``flags``: words separated by blanks: ``not_detected`` (false alarm probability above 0.001),
          ``one_integration`` (hence no rate), ``few_channels``, ``window_edge`` (the highest point stands at the
          border of what was searched)
        * ``reference_frequency`` (Hz), ``reference_time`` (UTC)

        Live data have ``server_delay`` (s) and ``server_snr`` too: guiServer's own last values, raw, known to be
        wrong.
    Dataset
        With ``as_dataset``: the same on the axes ``scan``, ``baseline``, ``band``, ``polarization``; of shorter
        intervals each has its place on the axis ``scan``, with the coordinates ``start`` and ``stop``.

    Raises
    ------
    ValueError
        `by` is none of these, or an axis makes no sense.
    """
    cross = dataset.isel(baseline=np.flatnonzero(~dataset["is_autocorrelation"].values))
    intervals = intervals_of(cross, by)
    order = [name for name in _COLUMNS if name not in _SERVER or name in dataset]
    arrays = FringeArrays(cross, intervals, order)
    powers = MeanPowers(dataset)
    for labels, plane in _planes(cross):
        for stack in stacks_of(intervals, most_integrations(plane)):
            for block in blocks_of(plane, intervals, stack):
                for band in block.bands:
                    found = _fit_band(plane, block, band, edge_channels)
                    arrays.put((block.intervals, *labels, band.place, block.baselines), found)
    for place, interval in enumerate(intervals):
        scales = powers.scales(interval, cross, edge_channels)
        arrays.put((place,), {"correlation": arrays.values["amplitude"][place] / scales})
    return arrays.array() if as_dataset else arrays.frame()


def _planes(dataset: xr.Dataset) -> Iterator[tuple[tuple[int, int], xr.Dataset]]:
    """One Dataset per phase centre and pulsar bin, with their places on those axes."""
    for place in np.ndindex(*(dataset.sizes.get(name, 1) for name in AXES[1:3])):
        chosen = {name: at for name, at in zip(AXES[1:3], place, strict=True) if name in dataset.dims}
        yield (place[0], place[1]), dataset.isel(chosen)


def _fit_band(plane: xr.Dataset, block: Block, band: BandData, edge_channels: int) -> dict[str, Any]:
    """Columns of one band of a block, shape (interval, baseline, polarization)."""
    fringe = fringe_scan(
        band.visibility, block.seconds, band.frequency, band.known_weight, edge_channels=edge_channels
    )
    channels = len(band.frequency)
    found: dict[str, Any] = {name: getattr(fringe, name) for name in _FITTED}
    pull = _FX_PULL / (float(plane["bandwidth"].values[band.place]) * channels)
    found["delay_error"] = np.hypot(fringe.delay_error, pull)
    found["amplitude_error"] = fringe.amplitude / fringe.snr
    found["n_integrations"] = band.present.sum(axis=-1)
    found["n_channels"] = float(channels)
    with np.errstate(invalid="ignore"):
        found["weight"] = (band.weight * band.present).sum(axis=-1) / found["n_integrations"]
    found["delay_ambiguity"] = channels / float(plane["bandwidth"].values[band.place])
    found["rate_ambiguity"] = _rate_ambiguity(block, fringe)
    found["reference_frequency"] = fringe.reference_frequency
    return found | _server_columns(plane, block, band)


def _rate_ambiguity(block: Block, fringe: Fringe) -> float:
    spacing = np.diff(block.seconds).min(initial=np.inf)
    return float(1 / (spacing * fringe.reference_frequency)) if np.isfinite(spacing) else np.nan


def _server_columns(plane: xr.Dataset, block: Block, band: BandData) -> dict[str, NDArray[np.float64]]:
    """The server's values of the last integration that each product has."""
    there = [name for name in _SERVER if name in plane]
    present = band.present
    last = np.where(present.any(axis=-1), present.shape[-1] - 1 - present[..., ::-1].argmax(axis=-1), 0)
    found = {}
    for name in there:
        one = plane[name].isel(time=block.times, baseline=block.baselines, band=band.place)
        values = one.transpose("baseline", "polarization", "time").values
        split = np.moveaxis(values.reshape(*values.shape[:2], len(present), -1), 2, 0)
        found[name] = np.take_along_axis(split, last[..., None], -1)[..., 0]
    return found
