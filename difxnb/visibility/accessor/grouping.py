# SPDX-License-Identifier: GPL-3.0-or-later
"""Integrations that are averaged together: all, those of a scan, or those of a length of time.

In: the coordinates ``time``, ``scan_name`` and ``field_name``. Out: the places of the members of each group.
"""

from __future__ import annotations

import re
from typing import TypeAlias

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from difxnb.visibility.accessor.selecting import labels

Visibilities: TypeAlias = xr.Dataset | xr.DataArray
Places: TypeAlias = NDArray[np.int64]


def time_groups(data: Visibilities, step: str) -> list[Places]:
    """Integrations that belong together.

    Parameters
    ----------
    data : Dataset or DataArray
        With an axis ``time``.
    step : str
        ``"time"``: all; ``"scan"``: same scan and source, also where other scans lie between; else a length of time as
        pandas writes it (``"10s"``, ``"2min"``), counted from the beginning of each scan.

    Returns
    -------
    list of ndarray of int
        Places of the members of each group, in the order in which the groups begin.
    """
    if step == "time":
        return [np.arange(data.sizes.get("time", 1))]
    scans = _scans(data, required=step == "scan")
    if step == "scan":
        return scans
    length = step_ns(step)
    return [members for scan in scans for members in _bins(data, scan, length)]


def step_ns(step: str) -> int:
    """A length of time such as ``"10s"``, ns; ValueError where it is none, has no unit, or is not positive."""
    if re.search(r"[a-zA-Z:]", step) is None:  # a plain number would be nanoseconds
        raise ValueError(f"a length of time has a unit, as '10s'; got {step!r}")
    length = int(pd.Timedelta(step).as_unit("ns").value)
    if length <= 0:
        raise ValueError(f"a length of time is positive; got {step!r}")
    return length


def _scans(data: Visibilities, *, required: bool) -> list[Places]:
    if "scan_name" not in data.coords and not required:
        return [np.arange(data.sizes["time"])]
    names = [str(name) for name in labels(data, "scan_name", "time")]
    fields = [""] * len(names)
    if "field_name" in data.coords:
        fields = [str(name) for name in labels(data, "field_name", "time")]
    members: dict[tuple[str, str], list[int]] = {}
    for place, key in enumerate(zip(names, fields, strict=True)):
        members.setdefault(key, []).append(place)
    return [np.array(places) for places in members.values()]


def _bins(data: Visibilities, scan: Places, length_ns: int) -> list[Places]:
    times = times_ns(data)[scan]
    begun = times - np.rint(integration_times(data)[scan] / 2 * 1e9).astype(np.int64)
    numbers = (times - begun.min()) // length_ns
    order = np.argsort(numbers, kind="stable")
    ends = np.flatnonzero(np.diff(numbers[order])) + 1
    return list(np.split(scan[order], ends))


def times_ns(data: Visibilities) -> NDArray[np.int64]:
    """Times in ns since 1970, one where the axis is gone."""
    return labels(data, "time", "time").astype("datetime64[ns]").astype(np.int64)


def integration_times(data: Visibilities) -> NDArray[np.float64]:
    """Length of each integration, s; 0 where it is not known."""
    count = data.sizes.get("time", 1)
    if "integration_time" in data.coords:
        return np.asarray(labels(data, "integration_time", "time"), dtype=float)
    return np.full(count, float(data.attrs.get("integration_time", 0.0)))
