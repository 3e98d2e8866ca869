# SPDX-License-Identifier: GPL-3.0-or-later
"""Whole ambiguities of delays, rates and phases: how many of them stations' values leave no choice but to add.

Each fringe tells x2 - x1 but for a multiple of its ambiguity. Around a triangle the multiples have to agree; which of
the stations is off by a whole one remains unknown, and as few fringes as possible are moved.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse import csgraph

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_CANDIDATES = 64
_FAR = 5.0


def turns(value: Floats, model: Floats, spacing: Floats) -> Floats:
    """Number of ambiguities to be subtracted from each value to bring it next to the model; 0 where there are none."""
    return np.rint(np.where(np.isfinite(spacing), (value - model) / spacing, 0.0))


def starting_values(
    ends: Ints, value: Floats, error: Floats, spacing: Floats, nodes: int, fixed: Ints
) -> Floats:
    """Rough values of nodes from values between them.

    Parameters
    ----------
    ends : ndarray
        (row, 2); each value is that of the second node minus that of the first.
    value, error, spacing : ndarray
        (row,)
    nodes : int
        Number of nodes.
    fixed : ndarray
        Nodes whose value is 0.

    Returns
    -------
    ndarray
        (nodes,) along the best paths from the fixed ones; NaN where there is none.
    """
    pairs, place = np.unique(np.sort(ends, axis=1), axis=0, return_inverse=True)
    place = place.ravel()
    forward = np.where(ends[:, 0] <= ends[:, 1], value, -value)
    between, variance = np.zeros(len(pairs)), np.zeros(len(pairs))
    between[place], variance[place] = forward, error**2
    counts = np.bincount(place)
    places = np.split(np.argsort(place, kind="stable"), np.cumsum(counts)[:-1])
    for one in np.flatnonzero(counts > 1):
        rows = places[one]
        between[one], variance[one] = _agreed(forward[rows], error[rows], spacing[rows])
    graph = sparse.csr_array((variance, (pairs[:, 0], pairs[:, 1])), shape=(nodes, nodes))
    far, before, _ = csgraph.dijkstra(
        graph, directed=False, indices=fixed, return_predecessors=True, min_only=True
    )
    known = {(int(a), int(b)): step for (a, b), step in zip(pairs, between, strict=True)}
    found = np.full(nodes, np.nan)
    found[fixed] = 0.0
    for node in np.argsort(far, kind="stable"):
        source = int(before[node])
        if source >= 0:
            step = known[min(source, int(node)), max(source, int(node))]
            found[node] = found[source] + (step if source < node else -step)
    return found


def _agreed(value: Floats, error: Floats, spacing: Floats) -> tuple[float, float]:
    """The value, of those measured on one baseline, that most others agree with, and its variance."""
    error = np.maximum(error, np.median(error))
    candidates = value[np.argsort(error, kind="stable")[:_CANDIDATES]]
    off = value - candidates[:, None]
    off -= turns(off, np.zeros(()), spacing) * np.where(np.isfinite(spacing), spacing, 0.0)
    best = int(np.minimum(np.abs(off) / error, _FAR).sum(axis=1).argmin())
    weight = np.where(np.abs(off[best]) < _FAR * error, 1 / error**2, 0.0)
    return float(candidates[best] + (weight * off[best]).sum() / weight.sum()), float(1 / weight.sum())


def moved_least(ends: Ints, count: Floats, spacing: Floats, nodes: int, fixed: Ints) -> Floats:
    """The same counts of ambiguities with nodes moved by whole ones so that most fringes stay as measured.

    Only nodes all of whose fringes have the same ambiguity can be moved.
    """
    count = count.copy()
    held = np.zeros(nodes, dtype=bool)
    held[fixed] = True
    for _ in range(3):  # a move may free a neighbour
        for node in np.flatnonzero(~held):
            second, first = ends[:, 1] == node, ends[:, 0] == node
            rows = second | first
            if (
                not rows.any()
                or not np.isfinite(spacing[rows]).all()
                or np.ptp(spacing[rows]) > 1e-9 * spacing[rows][0]
            ):
                continue
            move = np.rint(np.median(np.where(second, count, -count)[rows]))
            count += move * first - move * second
    return count
