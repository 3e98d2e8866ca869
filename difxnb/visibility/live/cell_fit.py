# SPDX-License-Identifier: GPL-3.0-or-later
"""Fringes of a scan from its cells, as :func:`difxnb.fringe_fit` gives them of all integrations.

In go `ScanCells`, out come the columns of the table, and the rates with which fringes survive when cells are added up.
Cells are stopped with a rate r about the first integration; what is left in them has the delay rate δ, and the delay τ'
and phase φ' in the middle, t later. The fringe then has the rate r + δ, the delay τ' + r t and the phase
φ' + 2π ν₀ r t.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from difxnb.visibility.axes import dataset_on
from difxnb.visibility.fits.blocks import BandData, Block
from difxnb.visibility.fits.coefficients import MeanPowers
from difxnb.visibility.fits.columns import NOT_DETECTED, FringeArrays
from difxnb.visibility.fits.fitting import column_order
from difxnb.visibility.fits.intervals import Interval
from difxnb.visibility.fits.search import Search, fit_band
from difxnb.visibility.live.antenna_rates import rates_by_antennas
from difxnb.visibility.live.scan_cells import ScanCells

_SEARCH = Search(workers=1)  # another CPU may be receiving
_ALL = slice(0, 1)
_SHIFT = (
    0.2  # errors of the phase of a cell: more, and products that have only a part of a cell are fitted again
)


def fit_cells(cells: ScanCells) -> FringeArrays:
    """Fit the scan so far.

    Raises
    ------
    ValueError
        A band cannot be fitted, as of a single channel.
    """
    found = _dataset(cells)
    cross = found.isel(baseline=slice(0, cells.crosses))
    interval = _interval(cells)
    arrays = FringeArrays(
        cross.drop_vars(list(cross.data_vars)).drop_dims("channel"), [interval], _order(cells)
    )
    scales = MeanPowers(found).scales([interval], cross, _SEARCH.edge_channels)
    for center, pulsar_bin, band in np.ndindex(*cells.axes.shape[:2], cells.axes.shape[3]):
        place = (center, pulsar_bin, slice(None), band)
        columns = _fit_band(cells, place, found["frequency"].values[band])
        columns["correlation"] = columns["amplitude"] / scales[:, band]
        arrays.put((_ALL, center, pulsar_bin, band, slice(None)), columns)
    return arrays


def rates_of(arrays: FringeArrays, cells: ScanCells) -> NDArray[np.float64]:
    """Rates with which to stop the products of cells, shape of `ScanCells.rate`.

    All products of a baseline share one: the median of those of the fringes that are found, by their weights, since
    a single one may be a false maximum beside a gap. A baseline without fringes has the rate of its antennas (least
    squares over the others, of the same phase centre and pulsar bin); where that is not determined either, the rates
    of its products stay.
    """
    rate, error, chance = (
        np.swapaxes(arrays.values[name][0], 2, 3)
        for name in ("delay_rate", "delay_rate_error", "false_alarm_probability")
    )
    found = (chance <= NOT_DETECTED) & np.isfinite(rate) & (error > 0)
    weight = np.where(found, 1 / np.where(found, error, 1.0) ** 2, 0.0)
    own = _medians(np.where(found, rate, 0.0), weight)
    total = weight.sum(axis=(3, 4), keepdims=True)
    by_antenna = rates_by_antennas(cells.axes.baselines[: cells.crosses], own[..., None, None], total)
    shared = np.where(total[..., 0, 0] > 0, own, by_antenna)[..., None, None]
    return np.where(np.isfinite(shared), shared, cells.rate)


def _medians(rate: NDArray[np.float64], weight: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weighted medians over bands and polarizations."""
    flat, weights = (one.reshape(*one.shape[:3], -1) for one in (rate, weight))
    order = np.argsort(flat, axis=-1)
    below = np.cumsum(np.take_along_axis(weights, order, -1), axis=-1)
    middle = (below >= below[..., -1:] / 2).argmax(axis=-1)[..., None]
    return np.asarray(np.take_along_axis(np.take_along_axis(flat, order, -1), middle, -1)[..., 0])


def _dataset(cells: ScanCells) -> xr.Dataset:
    """Coordinates of the products, and mean autocorrelations as one integration."""
    axes, first = cells.axes, cells.crosses
    mean = np.full((*axes.shape, axes.channels), np.nan, np.complex64)
    with np.errstate(invalid="ignore"):
        mean[:, :, first:] = cells.autos / cells.auto_counts[..., None]
    weight = np.zeros(axes.shape)
    weight[:, :, first:] = cells.auto_counts
    dims = ("time", *axes.dims)
    variables: dict[str, Any] = {
        "VISIBILITY": ((*dims, "channel"), mean.reshape(1, *axes.sizes, axes.channels)),
        "WEIGHT": (dims, weight.reshape(1, *axes.sizes)),
    }
    along = {"scan_name": [cells.scan], "field_name": [cells.source]}
    return dataset_on(axes, variables, np.array([cells.first_ns]), along, {})


def _interval(cells: ScanCells) -> Interval:
    ends = cells.first_ns - cells.step_ns // 2, cells.last_ns + cells.step_ns // 2
    return Interval(cells.scan, cells.source, _ALL, *ends, cells.first_ns, np.array([0.0, cells.span_s]))


def _order(cells: ScanCells) -> list[str]:
    return [*column_order(xr.Dataset()), *cells.layers]


def _lateness(
    cells: ScanCells, place: tuple[int | slice, ...], counts: NDArray[np.float32]
) -> NDArray[np.float64]:
    """By how much what a product has of each cell is later than the middle of the cell, s."""
    moments = np.moveaxis(cells.moments[: len(cells)][(slice(None), *place)], 0, -1)
    return np.where(counts > 0, moments / np.maximum(counts, 1) - cells.seconds, 0.0)


def _fit_band(
    cells: ScanCells, place: tuple[int | slice, ...], frequency: NDArray[np.float64]
) -> dict[str, NDArray[Any]]:
    """Columns of a band, shape (1, baseline, polarization)."""
    channels = int(np.isfinite(frequency).sum())
    # (cell, baseline, polarization, …) to (baseline, polarization, cell, …)
    counts = np.moveaxis(cells.counts[: len(cells)][(slice(None), *place)], 0, -1)
    sums = np.moveaxis(cells.sums[: len(cells)][(slice(None), *place)], 0, -2)[..., :channels]
    middle = cells.span_s / 2
    visibility = (sums / np.maximum(counts, 1)[..., None])[None]
    data = BandData(0, frequency[:channels], visibility, counts[None])
    block = Block(_ALL, slice(0, cells.crosses), _ALL, cells.seconds, middle, [data])
    found = fit_band(block, data, _SEARCH)
    late = _lateness(cells, place, counts)
    turns = np.nan_to_num(found["delay_rate"][0])[..., None] * found["reference_frequency"] * late
    strength = np.nan_to_num(found["snr"][0])[..., None] * np.sqrt(counts)
    total = np.sqrt(counts.sum(axis=-1, keepdims=True))
    if (np.abs(2 * np.pi * turns) * strength > _SHIFT * total).any():
        visibility *= np.exp(-2j * np.pi * turns).astype(np.complex64)[..., None]
        found = fit_band(block, data, _SEARCH)
    rate, reference = cells.rate[place], found["reference_frequency"]
    found["delay_rate"] = found["delay_rate"] + rate
    found["delay"] = found["delay"] + rate * middle
    turned = found["phase"] / (2 * np.pi) + reference * rate * middle
    found["phase"] = 2 * np.pi * (turned - np.rint(turned)) if cells.level else found["phase"]
    # cells tell fewer rates apart than the integrations did, of which all were searched before they were added up
    with np.errstate(divide="ignore"):
        peaks = np.log1p(-found["false_alarm_probability"]) * 2**cells.level
    found["false_alarm_probability"] = -np.expm1(peaks)
    found["n_integrations"] = counts.sum(axis=-1)[None].astype(np.int64)
    found["weight"] = np.full(rate.shape, np.nan)[None]
    found["rate_ambiguity"] = 1e9 / (cells.spacing_ns * reference) if cells.spacing_ns else np.nan
    return found | {name: layer[place][None] for name, layer in cells.layers.items()}
