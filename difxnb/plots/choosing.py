# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a Dataset or a table is drawn: names in, parts out, and errors that say what there is."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import TypeVar

import numpy as np
import pandas as pd
import xarray as xr

from difxnb.visibility.accessor.selecting import with_all_axes

Name = TypeVar("Name", bound=Hashable)


def scan_of(dataset: xr.Dataset, scan: str | None) -> xr.Dataset:
    """The integrations of one scan, of the first phase centre and pulsar bin.

    Parameters
    ----------
    dataset : Dataset
        Of the shape of :mod:`difxnb.visibility`; axes of one value may be gone.
    scan : str or None
        Its name; None for the last one with data.

    Raises
    ------
    TypeError
        It is no Dataset.
    ValueError
        There is no such scan, or no data at all.
    """
    if not isinstance(dataset, xr.Dataset):
        raise TypeError(f"visibilities to draw are a Dataset; got {type(dataset).__name__}")
    whole = with_all_axes(dataset)
    whole = whole.isel({dim: 0 for dim in ("phase_center", "pulsar_bin") if dim in whole.dims})
    names = whole["scan_name"].values.astype(str)
    there = list(dict.fromkeys(names))
    if scan is not None and scan not in there:
        raise ValueError(f"no scan {scan!r}; there are {', '.join(there) or 'none'}")
    for name in [scan] if scan is not None else reversed(there):
        part = whole.isel(time=np.flatnonzero(names == name))
        if scan is not None or np.isfinite(part["VISIBILITY"].values).any():
            return part
    raise ValueError("there are no visibilities to draw")


def cross_baselines(dataset: xr.Dataset) -> list[str]:
    """Names of the baselines between two antennas."""
    return [str(name) for name in dataset["baseline"].values[~dataset["is_autocorrelation"].values]]


def parallel_hands(names: Sequence[str]) -> list[str]:
    """Those of equal letters; all where there are none."""
    return [name for name in names if len(set(name)) == 1] or list(names)


def polarizations_of(dataset: xr.Dataset) -> list[str]:
    """Names of the polarization products."""
    return [str(name) for name in dataset["polarization"].values]


def known(
    asked: Name | Sequence[Name] | None, default: Sequence[Name], there: Sequence[Name], what: str
) -> list[Name]:
    """What was asked for, if all of it exists; one name may stand for a list of one.

    Raises
    ------
    ValueError
        Something does not exist, or nothing is named.
    """
    if asked is None:
        return list(default)
    several = isinstance(asked, Sequence | np.ndarray | pd.Index) and not isinstance(asked, str)
    wanted: list[Name] = list(asked) if several else [asked]  # type: ignore[arg-type,list-item]
    unknown = [str(name) for name in wanted if name not in there]
    listed = ", ".join(str(name) for name in there) or "none"
    if unknown:
        raise ValueError(f"no {what} {', '.join(unknown)}; there are {listed}")
    if not wanted:
        raise ValueError(f"no {what} is named; there are {listed}")
    return wanted


def first_of(names: Sequence[Name], most: int, what: str) -> tuple[list[Name], str]:
    """As many as can be told apart on one picture, and what is left out in words."""
    words = f"first {most} of {len(names)} {what}" if len(names) > most else ""
    return list(names[:most]), words
