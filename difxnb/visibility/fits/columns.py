# SPDX-License-Identifier: GPL-3.0-or-later
"""What a table of fringes says: its columns, flags in words, and its two forms.

In go arrays (interval, phase_center, pulsar_bin, band, baseline, polarization), out come a DataFrame with a row per fit
that had data, or a Dataset on the same axes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from difxnb.visibility.fits.intervals import Interval

AXES = ("interval", "phase_center", "pulsar_bin", "band", "baseline", "polarization")
LABELS = ("scan", "source", "baseline", "antenna1_name", "antenna2_name", "band", "polarization")
NOT_DETECTED = 1e-3  # probability of a false alarm beyond which a fringe is not called one
_FEW_CHANNELS = 8
_UNITS = {
    "delay": "s", "delay_error": "s", "delay_rate": "s/s", "delay_rate_error": "s/s", "phase": "rad",
    "phase_error": "rad", "delay_ambiguity": "s", "rate_ambiguity": "s/s", "reference_frequency": "Hz",
    "single_band_delay": "s", "single_band_delay_error": "s", "snr": "1", "correlation": "1", "weight": "1",
    "false_alarm_probability": "1", "server_delay": "s", "server_snr": "1",
}  # fmt: skip


class FringeArrays:
    """Results of fits on the axes of the Dataset that they are of.

    Parameters
    ----------
    dataset : Dataset
        Cross-correlations.
    intervals : sequence of Interval
    order : sequence of str
        Names of the columns behind the labels.
    """

    def __init__(self, dataset: xr.Dataset, intervals: Sequence[Interval], order: Sequence[str]) -> None:
        self.dataset = dataset
        self.intervals = intervals
        self.order = order
        self.shape = (len(intervals), *(dataset.sizes.get(name, 1) for name in AXES[1:]))
        self.values: dict[str, NDArray[Any]] = {name: self._empty(name) for name in order}

    def put(self, place: tuple[int | slice, ...], found: dict[str, NDArray[Any]]) -> None:
        """Write what was found at a place of all six axes."""
        for name, values in found.items():
            if name not in self.values:
                self.values[name] = self._empty(name)
            self.values[name][place] = values

    def _empty(self, name: str) -> NDArray[Any]:
        return np.zeros(self.shape, np.int64) if name.startswith("n_") else np.full(self.shape, np.nan)

    def frame(self) -> pd.DataFrame:
        """One row per fit with data."""
        there = np.nonzero(self.values["n_integrations"])
        along = dict(zip(AXES, there, strict=True))
        columns: dict[str, Any] = {
            "scan": self._of_intervals("scan")[along["interval"]],
            "source": self._of_intervals("source")[along["interval"]],
        }
        for name in (name for name in LABELS[2:] if name in self.dataset):
            axis = name if name in AXES else "baseline"
            columns[name] = self.dataset[name].values[along[axis]]
        for name in ("phase_center", "pulsar_bin"):
            if name in self.dataset.dims:
                columns[name] = self.dataset[name].values[along[name]]
        for name in ("start", "stop"):
            columns[name] = self._stamps(f"{name}_ns")[along["interval"]]
        columns.update({name: self.values[name][there] for name in self.order})
        columns["flags"] = self.flags()[there]
        columns["reference_time"] = self._stamps("reference_ns")[along["interval"]]
        return pd.DataFrame(columns)

    def array(self) -> xr.Dataset:
        """The same as a Dataset; NaN and no flags where there were no data."""
        kept = [place for place, name in enumerate(AXES) if place == 0 or name in self.dataset.dims]
        gone = tuple(place for place in range(len(AXES)) if place not in kept)
        dims = tuple("scan" if place == 0 else AXES[place] for place in kept)
        variables = {
            name: (dims, np.squeeze(values, gone), {"units": _UNITS[name]} if name in _UNITS else {})
            for name, values in [*((name, self.values[name]) for name in self.order), ("flags", self.flags())]
        }
        coords: dict[str, Any] = {
            "scan": self._of_intervals("scan"),
            "source": ("scan", self._of_intervals("source")),
            **{name: ("scan", self._stamps(f"{name}_ns")) for name in ("start", "stop")},
            "reference_time": ("scan", self._stamps("reference_ns")),
            **{
                name: self.dataset[name].variable
                for name in (*AXES[1:], *LABELS[3:5])
                if name in self.dataset
            },
        }
        return xr.Dataset(variables, coords).transpose(
            "scan", ..., "baseline", "band", "polarization", missing_dims="ignore"
        )

    def flags(self) -> NDArray[np.object_]:
        """Words about each fit, separated by blanks."""
        words = np.full(self.shape, "", dtype=object)
        fitted = self.values["n_integrations"] > 0
        alarm = self.values.get("false_alarm_probability", np.full(self.shape, np.nan))
        said = {
            "not_detected": ~(alarm <= NOT_DETECTED),
            "one_integration": self.values["n_integrations"] == 1,
            "few_channels": self.values.get("n_channels", np.zeros(self.shape)) < _FEW_CHANNELS,
            "window_edge": self.values.get("at_edge", np.zeros(self.shape)) > 0,
            "ambiguous_delay": self.values.get("is_ambiguous", np.zeros(self.shape)) > 0,
            "no_pcal": self.values.get("lacks_tones", np.zeros(self.shape)) > 0,
        }
        for word, where in said.items():
            chosen = where & fitted
            words[chosen] = [f"{before} {word}".strip() for before in words[chosen]]
        return words

    def _of_intervals(self, name: str) -> NDArray[np.object_]:
        return np.array([getattr(one, name) for one in self.intervals], dtype=object)

    def _stamps(self, name: str) -> NDArray[np.datetime64]:
        stamps = np.array([getattr(one, name) for one in self.intervals], dtype=np.int64)
        return stamps.view("datetime64[ns]")
