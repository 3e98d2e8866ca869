# SPDX-License-Identifier: GPL-3.0-or-later
"""Clocks of a session as a correlator report has them: early is positive.

The ``.input`` is positive where late, so its sign turns. What fringes leave (`delay` of a clock solution, positive
where the signal is late) is added to an early clock as it is: ``difx-files.md`` 16.6.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from difxnb.clock.search import clock_search
from difxnb.clock.solution import ClockSolution
from difxnb.errors import DifxError
from difxnb.formats.clock_change import Clock
from difxnb.formats.input import Input
from difxnb.formats.mjd import DAY_S, UNIX_EPOCH_MJD
from difxnb.reports.ivs_material import IvsMaterial
from difxnb.sessions.finding import number_of, rows_of

_COLUMNS = ("station", "epoch", "fmout_gps", "used", "rate", "comment")


def clock_rows(material: IvsMaterial) -> pd.DataFrame:
    """Clocks of all stations, and a further row where a job was correlated with another clock.

    Returns
    -------
    DataFrame
        ``station``, ``epoch`` (UTC, start of the first job with this clock), ``fmout_gps`` and ``used`` (s, early
        positive, at the epoch), ``rate`` (s/s), ``comment``.
    """
    moved, counted = _moved(material), _counted(material)
    rows = []
    for station, epoch, offset, rate in _used(material.inputs):
        reading = counted.get(station.upper())
        later = 0.0 if reading is None else (epoch - reading[0]).total_seconds()
        measured = np.nan if reading is None else reading[1] + reading[2] * later
        rows.append((station, epoch, measured, offset, rate, moved.get(station.upper(), "")))
    return pd.DataFrame(rows, columns=list(_COLUMNS))


def _used(inputs: tuple[Input, ...]) -> Iterator[tuple[str, pd.Timestamp, float, float]]:
    """Station, epoch, and early clock and rate then, of every clock that differs from one job to the next."""
    last = dict[str, tuple[float, ...]]()
    found = list[tuple[str, pd.Timestamp, float, float]]()
    for job in inputs:
        mjd = job.start_mjd + job.start_seconds / DAY_S
        epoch = pd.Timestamp(0) + pd.Timedelta(days=job.start_mjd - UNIX_EPOCH_MJD, seconds=job.start_seconds)
        for one in job.telescopes:
            known = (float(one.clock_ref_mjd), *map(float, one.clock_coeffs))
            if last.get(one.name) == known:
                continue
            last[one.name] = known
            coefficients = [value * 1e-6 for value in one.clock_coeffs] or [0.0]
            late, rate, *_ = (*Clock(one.clock_ref_mjd, tuple(coefficients)).about(mjd).coefficients, 0.0)
            found.append((one.name, epoch, 0.0 - late, 0.0 - rate))
    yield from sorted(found, key=lambda row: row[0])


def _moved(material: IvsMaterial) -> dict[str, str]:
    """What a clock search found, by station, as a move of the early clock."""
    if material.clocks is not None:
        stations = material.clocks.frame().to_dict("records")
        return _moves(material.clocks.reference, stations, "asks for")
    outputs = material.outputs("clocks")
    found = rows_of(outputs, "stations")
    was_applied = bool(material.outputs("correct"))
    return _moves(str(outputs.get("reference") or ""), found, "moved it by" if was_applied else "asks for")


def _moves(reference: str, stations: Iterable[Mapping[Any, Any]], verb: str) -> dict[str, str]:
    said = dict[str, str]()
    for one in stations:
        name, delay, error = (
            str(one.get("antenna") or ""),
            number_of(one.get("delay")),
            number_of(one.get("delay_error")),
        )
        if name.upper() == reference.upper():
            said[name.upper()] = "reference of the clock search"
        elif np.isfinite(delay):
            spread = f" +- {error * 1e6:.4f}" if np.isfinite(error) else ""
            said[name.upper()] = f"the clock search {verb} {delay * 1e6:+.4f}{spread} usec"
        else:
            said[name.upper()] = "the clock search does not tell"
    return said


def _counted(material: IvsMaterial) -> dict[str, tuple[pd.Timestamp, float, float]]:
    """Epoch, early clock and rate that the counters of stations show; empty where nobody gave readings."""
    if material.counts is None:
        return {}
    solution = material.clocks or _solved(material)
    if solution is None:
        return {}
    table = solution.compare(material.counts.table, positive=material.counts.positive)
    known = table[np.isfinite(table["measured"].to_numpy(dtype=float))]
    return {
        str(row["antenna"]).upper(): (
            solution.epoch,
            -float(row["measured"]),
            -float(row["measured_rate"]) if np.isfinite(row["measured_rate"]) else 0.0,
        )
        for row in known.to_dict("records")
    }


def _solved(material: IvsMaterial) -> ClockSolution | None:
    """A solution of the fringes of the session, for its epoch and its stations."""
    tables = [one.material.fringes for one in material.found]
    known = [table for table in tables if table is not None and not table.empty]
    try:
        return clock_search(pd.concat(known, ignore_index=True)) if known else None
    except (ValueError, DifxError):
        return None
