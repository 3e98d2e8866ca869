# SPDX-License-Identifier: GPL-3.0-or-later
"""Coordinates of Measurement Sets and what is told about them: times, frequencies, polarizations, the processor.

In go values of a Dataset, out come coordinates and attributes as schema 4.0.1 wants them.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from difxnb.visibility.accessor.selecting import channel_centres

SCHEMA_VERSION = "4.0.1"
FIELD_TABLE = "field_and_source_base_xds"

OBSERVER = "gcrs"
"""Where frequencies are those seen: the geocentre, against which the correlator takes delays out."""

_LINEAR = {"H": "X", "V": "Y"}
_NS = 10**9


def quantity(value: float, units: str) -> dict[str, Any]:
    """Give a number with its unit, as attributes hold it."""
    return {"dims": [], "data": float(value), "attrs": {"units": units, "type": "quantity"}}


def unix_seconds(times: NDArray[Any]) -> NDArray[np.float64]:
    """Seconds since 1970 (UTC, no leap seconds), to the quarter of a microsecond that such a number can hold."""
    ns = np.atleast_1d(times).astype("datetime64[ns]").astype(np.int64)
    return np.asarray(ns // _NS + (ns % _NS) / _NS, dtype=np.float64)


def time_attrs(integration_time: float | None = None) -> dict[str, Any]:
    """Attributes of an axis of times."""
    found: dict[str, Any] = {"type": "time", "units": "s", "scale": "utc", "format": "unix"}
    if integration_time is not None:
        found["integration_time"] = quantity(integration_time, "s")
    return found


def frequency_coord(dataset: xr.Dataset, band: int, channels: Any, group: str) -> tuple[Any, ...]:
    """Centres of the channels of a band, Hz, and what is told about the band."""

    def of_band(name: str) -> Any:
        return np.atleast_1d(dataset[name].values)[band]

    centres = channel_centres(dataset)[band][channels]
    count = len(centres)
    whole = of_band("bandwidth")
    width = (centres[-1] - centres[0]) / (count - 1) if count > 1 else whole / of_band("n_channels")
    reference = {"units": "Hz", "observer": OBSERVER, "type": "spectral_coord"}
    attrs = {
        "type": "spectral_coord",
        "long_name": "Frequency",
        "units": "Hz",
        "observer": OBSERVER,
        "spectral_window_name": f"band{of_band('band')}",
        "spectral_window_intents": ["UNSPECIFIED"],
        "frequency_group_name": group,
        "reference_frequency": {"dims": [], "data": float(centres[0]), "attrs": reference},
        "channel_width": quantity(width, "Hz"),
        "sideband": str(of_band("sideband")),
        "bandwidth": quantity(whole, "Hz"),
    }
    return "frequency", np.asarray(centres, dtype=np.float64), attrs


def polarization_labels(labels: Iterable[str]) -> list[str]:
    """Give the names that MSv4 knows: linear hands that were called H and V are X and Y there."""
    plain = [str(label) for label in labels]
    renamed = ["".join(_LINEAR.get(letter, letter) for letter in label) for label in plain]
    return renamed if len(set(renamed)) == len(plain) else plain


def now() -> str:
    """Give the time as ISO 8601, to the millisecond."""
    return datetime.now(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds")


def node_attrs(dataset: xr.Dataset, obscode: str, variables: Iterable[str]) -> dict[str, Any]:
    """Attributes of a Measurement Set with these variables; under ``difx`` stands where its data come from."""
    made = now()
    group = {
        "correlated_data": "VISIBILITY",
        "flag": "FLAG",
        "weight": "WEIGHT",
        **({"uvw": "UVW"} if "UVW" in variables else {}),
        "field_and_source": FIELD_TABLE,
        "description": "Visibilities as the correlator wrote them, not calibrated",
        "date": made,
    }
    return {
        "type": "visibility",
        "schema_version": SCHEMA_VERSION,
        "creator": {"software_name": "difxnb", "version": version("difxnb")},
        "creation_date": made,
        "observation_info": {
            "observer": ["unknown"],
            "release_date": "",
            "project_UID": obscode or str(dataset.attrs.get("job", "")),
        },
        "processor_info": {"type": "CORRELATOR", "sub_type": "DiFX"},
        "data_groups": {"base": group},
        "difx": {str(name): _plain(value) for name, value in dataset.attrs.items()},
    }


def _plain(value: Any) -> Any:
    """Give a value as JSON can hold it."""
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    return value if isinstance(value, str | int | float | list | None) else str(value)
