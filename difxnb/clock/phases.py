# SPDX-License-Identifier: GPL-3.0-or-later
"""Phases of stations, one set for each scan, band and polarization: between those instruments turn them freely."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from difxnb.clock.ambiguities import starting_values
from difxnb.clock.closure import CARRIED, carried_phase, middle_of, seconds_since
from difxnb.clock.measurements import LABELS, numbered, simultaneous
from difxnb.clock.nodes import Nodes, nodes_of

Floats = NDArray[np.float64]

_ROUNDS = 5
_STILL = 1e-9  # rad


def station_phases(
    table: pd.DataFrame, antennas: Sequence[str], reference: str, epoch: pd.Timestamp | None = None
) -> pd.DataFrame:
    """Phases of stations from those of fringes, φ12 = φ2 - φ1 modulo 2π.

    Parameters
    ----------
    table : DataFrame
        Good rows of a checked table.
    antennas, reference : sequence of str, str
        The reference has the phase 0.
    epoch : Timestamp, optional
        Time to which phases are carried by the rates of their fringes; else the mean time of each set.

    Returns
    -------
    DataFrame
        One row per scan, band, polarization and antenna that leads to the reference: labels, ``antenna``, ``phase``
        (rad, -π…π; positive where the station is late), ``phase_error``, ``reference_frequency`` (Hz),
        ``reference_time`` (UTC).
    """
    signal = simultaneous(table)
    nodes = nodes_of(table, antennas, ("polarization",))
    columns = {name: table[name].to_numpy(dtype=np.float64) for name in CARRIED[:-1]}
    first = middle_of(table) if len(table) else pd.Timestamp(0)
    columns["time"] = seconds_since(table, first)
    found = []
    for rows in np.split(np.argsort(signal, kind="stable"), np.cumsum(np.bincount(signal))[:-1]):
        if not rows.size:
            continue
        one = {name: values[rows] for name, values in columns.items()}
        when = first + pd.Timedelta(seconds=float(one["time"].mean())) if epoch is None else epoch
        frequency = float(one["reference_frequency"].mean())
        carried = carried_phase(one, (when - first).total_seconds(), frequency)
        ends = Nodes(nodes.antenna, nodes.labels, nodes.ends[rows])
        values, errors = _solved(*carried, ends, list(antennas).index(reference))
        known = np.flatnonzero(np.isfinite(values))
        found += [(rows[0], node, values[node], errors[node], frequency, when) for node in known]
    names = ["row", "node", "phase", "phase_error", "reference_frequency", "reference_time"]
    whole = pd.DataFrame(found, columns=names)
    place = whole["node"].to_numpy(dtype=int)
    labels = [name for name in LABELS if name in table and name not in _OF_A_ROW]
    return (
        table.iloc[whole["row"].to_numpy(dtype=int)][labels]
        .reset_index(drop=True)
        .assign(
            polarization=nodes.labels["polarization"].to_numpy()[place],
            antenna=np.array(antennas, dtype=object)[nodes.antenna[place]],
            phase=np.angle(np.exp(1j * whole["phase"].to_numpy(dtype=float))),
            **{name: whole[name] for name in names[3:]},
        )
    )


_OF_A_ROW = ("baseline", "polarization")


def number_of_sets(table: pd.DataFrame) -> int:
    """How many sets of phases a table has: signals and polarizations that share nothing."""
    pairs = pd.DataFrame({"signal": simultaneous(table), "polarization": table["polarization"].to_numpy()})
    return int(numbered(pairs, list(pairs.columns)).max(initial=-1)) + 1


def _solved(value: Floats, error: Floats, nodes: Nodes, reference: int) -> tuple[Floats, Floats]:
    """Phase and error of each node; NaN where nothing leads to the reference."""
    size = len(nodes.antenna)
    values, errors = np.full(size, np.nan), np.full(size, np.nan)
    good = np.isfinite(value) & np.isfinite(error)
    fixed = np.intersect1d(nodes.leading_to(reference)[0], nodes.ends)
    if not good.any() or not fixed.size:
        return values, errors
    ends, value, error = nodes.ends[good], value[good], error[good]
    spacing = np.full(len(value), 2 * np.pi)
    start = starting_values(ends, value, error, spacing, size, fixed)
    return _adjusted(ends, value, error, start, fixed)


def _adjusted(
    ends: NDArray[np.int64], value: Floats, error: Floats, start: Floats, fixed: NDArray[np.int64]
) -> tuple[Floats, Floats]:
    """Least squares from starting values, with whole turns taken off until they stay."""
    rows = np.flatnonzero(np.isfinite(start[ends]).all(axis=1))
    columns = np.setdiff1d(np.unique(ends[rows]), fixed)
    errors = np.full(len(start), np.nan)
    errors[fixed] = 0.0
    if not columns.size:
        return np.where(errors == 0, 0.0, np.nan), errors
    pair, count = ends[rows], np.arange(len(rows))
    whole = np.zeros((len(rows), len(start)))
    whole[count, pair[:, 1]] = 1.0
    whole[count, pair[:, 0]] = -1.0
    design = whole[:, columns] / error[rows, None]
    covariance = np.linalg.inv(design.T @ design)
    for _ in range(_ROUNDS):
        model = start[pair[:, 1]] - start[pair[:, 0]]
        near = value[rows] - 2 * np.pi * np.rint((value[rows] - model) / (2 * np.pi))
        moved = covariance @ design.T @ ((near - model) / error[rows])
        start[columns] += moved
        if np.abs(moved).max() < _STILL:
            break
    errors[columns] = np.sqrt(covariance.diagonal())
    return start, errors
