# SPDX-License-Identifier: GPL-3.0-or-later
"""Fringes of a Dataset as a table, and weights of a job as an array."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from difxnb.formats.input import Input
from difxnb.fringe import Fringe, fringe_scan

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
_INNER = ("baseline", "polarization", "time")
_FX_PULL = 0.1  # by the correlator's lag window, in units of 1/(bandwidth · channels)
_SERVER = ("server_delay", "server_snr")


def fringe_fit(dataset: xr.Dataset, *, edge_channels: int = 1) -> pd.DataFrame:
    """Fit delay and rate per scan, cross baseline, band and polarization.

    The estimator is that of :mod:`difxnb.fringe`, the same for live and file data. Its thermal error of the
    delay is added in quadrature to what the correlator leaves: where the residual delay is τ, segments of length
    T overlap by T - |τ| only, the lags are weighted with a triangle, and that pulls the delay of a band of width
    B and N channels by up to about 0.1/(B·N).

    Parameters
    ----------
    dataset : Dataset
        Of the shape in the package docstring. Where weights are unknown they count as 1.
    edge_channels : int
        Channels left out at either end of each band.

    Returns
    -------
    DataFrame
        One row per fit with data: ``scan``, ``source``, ``baseline``, ``antenna1_name``, ``antenna2_name``,
        ``band``, ``polarization`` (and ``phase_center``, ``pulsar_bin`` where there are several); ``delay``
        (s, positive where antenna 2 is late), ``delay_error``, ``delay_rate`` (s/s), ``delay_rate_error``,
        ``phase`` (rad, at ``reference_frequency`` and ``reference_time``), ``phase_error``, ``amplitude``
        (units of the visibilities), ``snr``, ``false_alarm_probability``, ``n_integrations``,
        ``reference_frequency`` (Hz), ``reference_time`` (UTC). Live data have ``server_delay`` (s) and
        ``server_snr`` too: guiServer's own last values, raw, known to be wrong.
    """
    cross = dataset.isel(baseline=np.flatnonzero(~dataset["is_autocorrelation"].values))
    parts = [
        part
        for scan, times in _scans(cross)
        for labels, plane in _planes(cross.isel(time=times))
        for part in _fit_plane(plane, {"scan": scan, **labels}, edge_channels)
    ]
    if parts:
        return pd.concat(parts, ignore_index=True)
    server = [name for name in _SERVER if name in dataset]
    return pd.DataFrame(columns=[*_LABELS, *_FITTED, "n_integrations", "reference_frequency", *server])


_LABELS = ("scan", "source", "baseline", "antenna1_name", "antenna2_name", "band", "polarization")


def _scans(dataset: xr.Dataset) -> Iterator[tuple[str, slice]]:
    """Runs of integrations with the same scan and source."""
    names = list(zip(dataset["scan_name"].values, dataset["field_name"].values, strict=True))
    start = 0
    for stop in range(1, len(names) + 1):
        if stop == len(names) or names[stop] != names[start]:
            yield str(names[start][0]), slice(start, stop)
            start = stop


def _planes(dataset: xr.Dataset) -> Iterator[tuple[dict[str, int], xr.Dataset]]:
    """One Dataset per phase centre and pulsar bin, with their numbers where there are several."""
    extra = [name for name in ("phase_center", "pulsar_bin") if name in dataset.dims]
    for place in np.ndindex(*(dataset.sizes[name] for name in extra)):
        chosen = dict(zip(extra, place, strict=True))
        yield {name: int(dataset[name].values[i]) for name, i in chosen.items()}, dataset.isel(chosen)


def _fit_plane(
    dataset: xr.Dataset, labels: dict[str, str | int], edge_channels: int
) -> Iterator[pd.DataFrame]:
    stamps = dataset["time"].values
    seconds = (stamps - stamps[0]).astype(np.int64) / 1e9
    seconds[-1] -= _cut_off_s(dataset) / 2
    for index, band in enumerate(dataset["band"].values):
        channels = int(dataset["n_channels"].values[index])
        one = dataset.isel(band=index, channel=slice(0, channels))
        visibility = one["VISIBILITY"].transpose(*_INNER, "channel").values
        weight = known_weights(one["WEIGHT"].transpose(*_INNER).values)
        fringe = fringe_scan(
            visibility, seconds, one["frequency"].values, weight, edge_channels=edge_channels
        )
        present = (weight > 0) & np.isfinite(visibility).any(axis=-1)
        middle = stamps[0] + np.timedelta64(round(fringe.reference_time * 1e9), "ns")
        pull = _FX_PULL / (float(one["bandwidth"]) * channels)
        frame = _fringe_rows(one, fringe, present)
        frame["delay_error"] = np.hypot(frame["delay_error"], pull)
        frame = frame.assign(
            reference_time=pd.Series(middle, index=frame.index, dtype="datetime64[ns]"),
            **_server_columns(one, present),
        )
        yield _with_labels(frame[frame["n_integrations"] > 0], {**labels, "band": int(band)})


def _cut_off_s(dataset: xr.Dataset) -> float:
    """Seconds by which the end of the scan shortened the last integration.

    DiFX leaves such an integration at its nominal middle (``difx-files.md`` 13), which would bend the rate by many
    of its errors. Where no product reached full weight the end of the scan is the reason; the gaps of a single
    station are not known to this precision.
    """
    weight = dataset["WEIGHT"].isel(time=-1).values
    length = float(dataset.attrs.get("integration_time", 0.0))
    if np.isnan(weight).any():
        return 0.0
    return length * (1.0 - float(np.clip(weight.max(initial=0.0), 0, 1)))


def known_weights(weight: NDArray[np.floating]) -> NDArray[np.floating]:
    """Weights with those that are not known, of the live monitor, counted as 1."""
    return np.where(np.isnan(weight), 1.0, weight)


def _fringe_rows(dataset: xr.Dataset, fringe: Fringe, present: NDArray[np.bool_]) -> pd.DataFrame:
    shape = present.shape[:2]
    along = {name: np.repeat(dataset[name].values, shape[1]) for name in ("baseline", *_LABELS[3:5])}
    return pd.DataFrame(
        {
            "source": str(dataset["field_name"].values[0]),
            **along,
            "polarization": np.tile(dataset["polarization"].values, shape[0]),
            **{name: getattr(fringe, name).ravel() for name in _FITTED},
            "n_integrations": present.sum(axis=2).ravel(),
            "reference_frequency": fringe.reference_frequency,
        }
    )


def _server_columns(dataset: xr.Dataset, present: NDArray[np.bool_]) -> dict[str, NDArray[np.float64]]:
    """The server's values of the last integration that each product has."""
    last = np.where(present.any(axis=2), present.shape[2] - 1 - present[..., ::-1].argmax(axis=2), 0)
    return {
        name: np.take_along_axis(dataset[name].transpose(*_INNER).values, last[..., None], 2).ravel()
        for name in _SERVER
        if name in dataset
    }


def _with_labels(frame: pd.DataFrame, labels: dict[str, str | int]) -> pd.DataFrame:
    """Put the labels in front, in the order of the documentation."""
    labelled = frame.assign(**labels)
    front = [*_LABELS, *(name for name in labels if name not in _LABELS)]
    return labelled[[*front, *(name for name in frame.columns if name not in front)]]


def weights_array(weights: pd.DataFrame, input: Input | None = None) -> xr.DataArray:
    """Weights of a job as an array.

    Parameters
    ----------
    weights : DataFrame
        From ``JobTable.weights(job)``.
    input : Input, optional
        Names the antennas. Two datastreams of one antenna are averaged. Without it each datastream stands
        for itself under the name ``"datastream 0"``.

    Returns
    -------
    DataArray (time, antenna)
        Mean autocorrelation weight of each integration, 0…1; NaN where none was reported.
    """
    named = weights.assign(antenna=[antenna_name(index, input) for index in weights["datastream"]])
    order = list(dict.fromkeys(named.sort_values("datastream")["antenna"]))
    table = named.pivot_table(index="time", columns="antenna", values="weight", aggfunc="mean")
    table = table.reindex(columns=order)
    return xr.DataArray(
        table.to_numpy(dtype=float).reshape(len(table), len(order)),
        coords={"time": table.index.to_numpy(dtype="datetime64[ns]"), "antenna": order},
        dims=("time", "antenna"),
        name="WEIGHT",
        attrs={"units": "1", "long_name": "fraction of valid data"},
    )


def antenna_name(datastream: int, input: Input | None) -> str:
    """Name of the antenna that a job's datastream comes from; its number where the job has no such datastream."""
    rows = () if input is None else input.configurations[0].datastream_indices
    if input is None or not 0 <= datastream < len(rows):
        return f"datastream {datastream}"
    row = rows[datastream]
    return input.telescopes[input.datastreams[row].telescope_index].name
