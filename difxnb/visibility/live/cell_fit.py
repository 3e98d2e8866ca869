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

from difxnb.visibility.axes import Axes, dataset_on
from difxnb.visibility.fits.blocks import BandData, Block
from difxnb.visibility.fits.coefficients import MeanPowers
from difxnb.visibility.fits.columns import NOT_DETECTED, FringeArrays
from difxnb.visibility.fits.fitting import column_order
from difxnb.visibility.fits.intervals import Interval
from difxnb.visibility.fits.search import Search, fit_band
from difxnb.visibility.live.scan_cells import ScanCells

_SEARCH = Search(workers=1)  # another CPU may be receiving
_ALL = slice(0, 1)


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


def no_fits(axes: Axes) -> FringeArrays:
    """The table before anything has come."""
    empty = dataset_on(axes, {}, np.empty(0, np.int64), {"scan_name": [], "field_name": []}, {})
    empty = empty.isel(baseline=~empty["is_autocorrelation"].values).drop_dims("channel")
    return FringeArrays(empty, [], column_order(empty))


def rates_of(arrays: FringeArrays, cells: ScanCells) -> NDArray[np.float64]:
    """Rates with which to stop the products of cells, shape of `ScanCells.rate`.

    A fringe that is found has its own. One that is not has that of its antennas: rates of baselines are differences
    of theirs (least squares over what is found, of the same phase centre and pulsar bin). Where that is not
    determined either, the rate stays.
    """
    values = {
        name: np.swapaxes(arrays.values[name][0], 2, 3)
        for name in ("delay_rate", "delay_rate_error", "false_alarm_probability")
    }
    rate, error = values["delay_rate"], values["delay_rate_error"]
    found = (values["false_alarm_probability"] <= NOT_DETECTED) & np.isfinite(rate) & (error > 0)
    by_antenna = np.full(rate.shape[:3], np.nan)
    for plane in np.ndindex(*rate.shape[:2]):
        by_antenna[plane] = _rates_of_antennas(cells, rate[plane], error[plane], found[plane])
    others = np.where(np.isfinite(by_antenna)[..., None, None], by_antenna[..., None, None], cells.rate)
    return np.where(found, rate, others)


def _rates_of_antennas(
    cells: ScanCells, rate: NDArray[np.float64], error: NDArray[np.float64], found: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Rates of baselines by those of antennas; NaN where what is found does not connect the two."""
    pairs = np.array(cells.axes.baselines[: cells.crosses]).reshape(-1, 2)
    antennas = np.unique(pairs)
    design = (pairs[:, 1:] == antennas).astype(float) - (pairs[:, :1] == antennas)
    weight = np.where(found, 1 / np.where(found, error, 1.0) ** 2, 0.0)
    total = weight.sum(axis=(1, 2))
    seen = total > 0
    if not seen.any():
        return np.full(len(pairs), np.nan)
    mean = np.where(found, rate * weight, 0.0).sum(axis=(1, 2))[seen] / total[seen]
    inverse = np.linalg.pinv(design[seen])
    is_known = np.abs(design @ inverse @ design[seen] - design).max(axis=1) < 1e-6
    return np.where(is_known, design @ (inverse @ mean), np.nan)


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


def _fit_band(
    cells: ScanCells, place: tuple[int | slice, ...], frequency: NDArray[np.float64]
) -> dict[str, NDArray[Any]]:
    """Columns of a band, shape (1, baseline, polarization)."""
    channels = int(np.isfinite(frequency).sum())
    # (cell, baseline, polarization, …) to (baseline, polarization, cell, …)
    counts = np.moveaxis(cells.counts[: len(cells)][(slice(None), *place)], 0, -1)
    sums = np.moveaxis(cells.sums[: len(cells)][(slice(None), *place)], 0, -2)[..., :channels]
    middle = cells.span_s / 2
    data = BandData(0, frequency[:channels], (sums / np.maximum(counts, 1)[..., None])[None], counts[None])
    block = Block(_ALL, slice(0, cells.crosses), _ALL, cells.seconds, middle, [data])
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
