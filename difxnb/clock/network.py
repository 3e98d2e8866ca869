# SPDX-License-Identifier: GPL-3.0-or-later
"""Stations and the fringes between them as one system of equations, solved.

A fringe of antennas 1 and 2 tells τ = x2 - x1 and τ' = x2' - x1' (``design.md`` 3), x(t) = x + x'·(t - epoch) of each
station: delays of several scans tell rates too. Where stations have offsets of bands or polarizations, each band or
hand of a station has its own x; its clock is the mean of them, weighted as the fringes that tell of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from difxnb.clock.ambiguities import moved_least, starting_values, turns
from difxnb.clock.closure import seconds_since
from difxnb.clock.least_squares import Adjustment, Observations, adjust, undetermined
from difxnb.clock.measurements import ambiguity_of, believed
from difxnb.clock.nodes import Nodes, nodes_of

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

_ROUNDS = 10
_SURE = 0.1  # error of a rate, in ambiguities, below which it tells whole ones
DELAY, RATE = 0, 1


@dataclass(frozen=True)
class NetworkSolution:
    """Delays and rates of a network, and what the fringes miss them by.

    Attributes
    ----------
    nodes : Nodes
    offset, offset_error : ndarray
        (node,) s, delay of a node less that of its antenna; NaN where nothing leads to the reference.
    delay, rate : ndarray
        (antenna,) s, s/s; NaN where not determined.
    covariance : ndarray
        (2·antenna, 2·antenna): delays, then rates.
    connected : ndarray
        (fringe,) whether it leads to the reference; the arrays that follow are of the connected fringes alone.
    turns, rate_turns : ndarray
        Ambiguities subtracted from the measured values.
    residual, n_sigma : ndarray
        (2, connected fringe): of delay and rate; NaN where not observed.
    adjustment : Adjustment or None
        None where no fringe leads to the reference.
    """

    nodes: Nodes
    offset: Floats
    offset_error: Floats
    delay: Floats
    rate: Floats
    covariance: Floats
    connected: Bools
    turns: Floats
    rate_turns: Floats
    residual: Floats
    n_sigma: Floats
    outlier: Bools
    adjustment: Adjustment | None


def solve(
    table: pd.DataFrame,
    antennas: Sequence[str],
    reference: str,
    offsets: Sequence[str],
    epoch: pd.Timestamp,
    *,
    robust: bool,
) -> NetworkSolution:
    """Solve for the clocks of antennas from the rows of a checked table."""
    return _System(table, antennas, reference, offsets, epoch).solution(robust=robust)


class _System:
    """The equations of one network."""

    def __init__(
        self,
        table: pd.DataFrame,
        antennas: Sequence[str],
        reference: str,
        offsets: Sequence[str],
        epoch: pd.Timestamp,
    ) -> None:
        self.antennas = list(antennas)
        self.reference = self.antennas.index(reference)
        self.nodes = nodes_of(table, antennas, offsets)
        self.fixed, self.reached = self.nodes.leading_to(self.reference)
        self.connected: Bools = np.asarray(self.reached[self.nodes.ends].all(axis=1), dtype=np.bool_)
        rows = table.iloc[np.flatnonzero(self.connected)]
        self.ends = self.nodes.ends[self.connected]
        self.ants = self.nodes.antenna[self.ends]
        self.later = seconds_since(rows, epoch)
        self.delay, self.delay_error = _columns(rows, "delay", "delay_error")
        self.rate, self.rate_error = _columns(rows, "delay_rate", "delay_rate_error")
        self.has_rate = np.isfinite(self.rate) & np.isfinite(self.rate_error)
        self.delay_error, self.rate_error = believed(self.delay_error), believed(self.rate_error)
        self.spacing = ambiguity_of(rows, "delay_ambiguity")
        self.rate_spacing = ambiguity_of(rows, "rate_ambiguity")

    def solution(self, *, robust: bool) -> NetworkSolution:
        """Fit, move values by whole ambiguities next to the fit, and again until they stay."""
        if not self.connected.any():
            return self._nothing()
        turned = self._delay_turns()
        rate_turns = self._as_delays_move(turned, self._rate_turns(), robust=robust)
        for _ in range(_ROUNDS):
            columns, observations = self._equations(turned, rate_turns)
            fit = adjust(observations, robust=robust)
            values = np.zeros(len(self.nodes.antenna) + len(self.antennas))
            values[columns] = fit.parameters
            model = self._difference(values, self.ends)
            again = turns(self.delay, model[DELAY], self.spacing)
            again_rate = np.where(self.has_rate, turns(self.rate, model[RATE], self.rate_spacing), 0.0)
            again = moved_least(self.ends, again, self.spacing, len(self.nodes.antenna), self.fixed)
            if (again == turned).all() and (again_rate == rate_turns).all():
                break
            turned, rate_turns = again, again_rate
        return self._collected(columns, fit, turned, rate_turns)

    def _difference(self, values: Floats, ends: Ints) -> tuple[Floats, Floats]:
        """Delay and rate that each fringe should show."""
        delays, rates = values[: len(self.nodes.antenna)], values[len(self.nodes.antenna) :]
        rate = rates[self.ants[:, 1]] - rates[self.ants[:, 0]]
        return delays[ends[:, 1]] - delays[ends[:, 0]] + rate * self.later, rate

    def _rate_turns(self) -> Floats:
        """Rates brought next to each other around the network, before anything is fitted."""
        counts = np.zeros(len(self.rate))
        rows = self.has_rate
        if not rows.any():
            return counts
        start = self._starting_rates()[self.ants[rows]]
        spacing = self.rate_spacing[rows]
        found = np.nan_to_num(turns(self.rate[rows], start[:, 1] - start[:, 0], spacing))
        fixed = np.array([self.reference])
        counts[rows] = moved_least(self.ants[rows], found, spacing, len(self.antennas), fixed)
        return counts

    def _as_delays_move(self, turned: Floats, rate_turns: Floats, *, robust: bool) -> Floats:
        """Other ambiguities of rates where delays of several scans tell which station is off by a whole one."""
        if not np.isfinite(self.rate_spacing).any():
            return rate_turns
        columns, delays = self._equations(turned, rate_turns, only_delays=True)
        fit = adjust(delays, robust=robust)
        size = len(self.nodes.antenna)
        values, errors = np.zeros(size + len(self.antennas)), np.full(size + len(self.antennas), np.inf)
        values[columns], errors[columns] = fit.parameters, np.sqrt(fit.covariance.diagonal())
        errors[size + self.reference] = 0.0
        sure = errors[size:][self.ants].max(axis=1) < _SURE * self.rate_spacing
        model = self._difference(values, self.ends)[RATE]
        return np.where(sure & self.has_rate, turns(self.rate, model, self.rate_spacing), rate_turns)

    def _starting_rates(self) -> Floats:
        rows = self.has_rate
        if not rows.any():
            return np.zeros(len(self.antennas))
        return starting_values(
            self.ants[rows],
            self.rate[rows],
            self.rate_error[rows],
            self.rate_spacing[rows],
            len(self.antennas),
            np.array([self.reference]),
        )

    def _delay_turns(self) -> Floats:
        rates = np.nan_to_num(self._starting_rates())
        drift = (rates[self.ants[:, 1]] - rates[self.ants[:, 0]]) * self.later
        size = len(self.nodes.antenna)
        start = starting_values(
            self.ends, self.delay - drift, self.delay_error, self.spacing, size, self.fixed
        )
        model = start[self.ends[:, 1]] - start[self.ends[:, 0]] + drift
        return moved_least(self.ends, turns(self.delay, model, self.spacing), self.spacing, size, self.fixed)

    def _equations(
        self, turned: Floats, rate_turns: Floats, *, only_delays: bool = False
    ) -> tuple[Ints, Observations]:
        """Columns of the parameters that can be determined, and the equations for them."""
        size, count = len(self.nodes.antenna), len(self.delay)
        row = np.arange(count)
        one = np.ones(count)
        antenna = size + self.ants
        parts = [
            (row, self.ends[:, 1], one),
            (row, self.ends[:, 0], -one),
            (row, antenna[:, 1], self.later),
            (row, antenna[:, 0], -self.later),
            (count + row, antenna[:, 1], one),
            (count + row, antenna[:, 0], -one),
        ]
        rows, columns, values = (np.concatenate(part) for part in zip(*parts, strict=True))
        whole = sparse.csr_array((values, (rows, columns)), shape=(2 * count, size + len(self.antennas)))
        observed = row if only_delays else np.concatenate([row, count + row[self.has_rate]])
        observations = Observations(
            whole[observed],
            np.concatenate(
                [_less(self.delay, turned, self.spacing), _less(self.rate, rate_turns, self.rate_spacing)]
            )[observed],
            np.concatenate([self.delay_error, self.rate_error])[observed],
            (observed % count).astype(np.int64),
            (observed // count).astype(np.int64),
        )
        free = np.zeros(whole.shape[1], dtype=bool)
        free[:size] = self.reached
        free[self.fixed] = False
        free[size + np.unique(self.ants)] = True
        free[size + self.reference] = False
        return self._determined(free, observations)

    def _determined(self, free: NDArray[np.bool_], whole: Observations) -> tuple[Ints, Observations]:
        """Without rates that nothing tells: such a station has one delay, and no rate."""
        size = len(self.nodes.antenna)
        columns = np.flatnonzero(free)
        lost = undetermined(_with_columns(whole, columns)) & (columns >= size)
        columns = columns[~lost]
        return columns, _with_columns(whole, columns)

    def _collected(
        self, columns: Ints, fit: Adjustment, turned: Floats, rate_turns: Floats
    ) -> NetworkSolution:
        size, count = len(self.nodes.antenna), len(self.delay)
        known = np.zeros(size + len(self.antennas), dtype=bool)
        known[columns] = True
        known[self.fixed] = known[size + self.reference] = True
        values = np.zeros(len(known))
        values[columns] = fit.parameters
        covariance = np.zeros((len(known), len(known)))
        covariance[np.ix_(columns, columns)] = fit.covariance
        clocks = self._clocks(self._node_weights(fit), known)
        apart = np.eye(size, len(known)) - clocks[self.nodes.antenna]
        both = np.vstack([clocks, np.eye(len(known))[size:]])
        found = both @ values
        spread = both @ covariance @ both.T
        there = np.concatenate([clocks.any(axis=1), known[size:]])
        found[~there] = np.nan
        spread[~there], spread[:, ~there] = np.nan, np.nan
        residual, n_sigma = np.full((2, 2 * count), np.nan)
        place = np.concatenate([np.arange(count), count + np.flatnonzero(self.has_rate)])
        residual[place], n_sigma[place] = fit.residual, fit.n_sigma
        return NetworkSolution(
            self.nodes,
            np.where(known[:size], apart @ values, np.nan),
            np.where(known[:size], np.sqrt(np.einsum("ij,jk,ik->i", apart, covariance, apart)), np.nan),
            found[: len(self.antennas)],
            found[len(self.antennas) :],
            spread,
            self.connected,
            turned,
            rate_turns,
            residual.reshape(2, count),
            n_sigma.reshape(2, count),
            np.logical_not(fit.used[:count]),
            fit,
        )

    def _node_weights(self, fit: Adjustment) -> Floats:
        """Sum of 1/σ² of the good fringes of each node."""
        weight = np.where(fit.used[: len(self.delay)], 1 / self.delay_error**2, 0.0)
        size = len(self.nodes.antenna)
        return np.asarray(
            np.bincount(self.ends[:, 0], weight, size) + np.bincount(self.ends[:, 1], weight, size),
            dtype=np.float64,
        )

    def _clocks(self, weights: Floats, known: Bools) -> Floats:
        """(antenna, parameter): the mean over the nodes of each antenna; 0 where there are none."""
        size = len(self.nodes.antenna)
        matrix = np.zeros((len(self.antennas), len(known)))
        matrix[self.nodes.antenna, np.arange(size)] = np.where(known[:size], weights, 0.0)
        total = matrix.sum(axis=1, keepdims=True)
        clocks: Floats = matrix / np.where(total > 0, total, 1.0)
        return clocks

    def _nothing(self) -> NetworkSolution:
        """No fringe leads to the reference: its own clock is 0, and nothing else is known."""
        delay = np.full(len(self.antennas), np.nan)
        nodes = np.full(len(self.nodes.antenna), np.nan)
        covariance = np.full((2 * len(self.antennas),) * 2, np.nan)
        none = np.zeros(0)
        return NetworkSolution(
            self.nodes,
            nodes,
            nodes.copy(),
            delay,
            delay.copy(),
            covariance,
            self.connected,
            none,
            none,
            np.zeros((2, 0)),
            np.zeros((2, 0)),
            np.zeros(0, dtype=bool),
            None,
        )


def _columns(table: pd.DataFrame, *names: str) -> tuple[Floats, ...]:
    return tuple(table[name].to_numpy(dtype=np.float64) for name in names)


def _less(value: Floats, counts: Floats, spacing: Floats) -> Floats:
    """Values less whole ambiguities."""
    return np.asarray(value - counts * np.where(np.isfinite(spacing), spacing, 0.0), dtype=np.float64)


def _with_columns(whole: Observations, columns: Ints) -> Observations:
    return Observations(whole.design[:, columns], whole.value, whole.error, whole.fringe, whole.kind)
