# SPDX-License-Identifier: GPL-3.0-or-later
"""How clocks, SNRs and weights move from session to session.

Each value is held against those of earlier sessions as values of checks are (:mod:`difxnb.quality.trend`): by the
median of the earlier ones, in units of their spread, and of its own error where that is larger.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from html import escape
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from difxnb.markup import printable
from difxnb.quality.limits import default_limits
from difxnb.quality.trend import deviations_from_earlier
from difxnb.sessions.calendar import start_of
from difxnb.sessions.finding import Recorded, number_of, recorded, rows_of
from difxnb.tables.columns import flags, integers, numbers, texts

if TYPE_CHECKING:
    from matplotlib.figure import Figure

QUANTITIES = ("clock", "snr", "weight")
_UNITS = {"clock": "s", "snr": "1", "weight": "1"}
_MOST_SHOWN = 20
_CLOCK_S = 1e-9  # clocks of quiet stations move by that much from day to day


@dataclass(frozen=True, repr=False)
class SessionTrends:
    """Values of sessions in order of time; made by :func:`difxnb.session_trends`.

    Attributes
    ----------
    table : DataFrame
        See :meth:`frame`.
    notes : tuple of str
        What could not be read.
    """

    table: pd.DataFrame
    notes: tuple[str, ...] = ()

    def frame(self) -> pd.DataFrame:
        """One row per session and value.

        Returns
        -------
        DataFrame
            ``session``, ``start`` (UTC); ``of`` (``clock``, ``snr``, ``weight``); ``name``: the station, or baseline
            and band; ``reference`` of a clock; ``value`` and ``error``: how late the station was found in the search
            (s), the median SNR of the baseline, the mean weight of the station; ``unit``; ``earlier``, how many
            earlier values it is held against, their ``median``, and the ``deviation`` from it in robust standard
            deviations; ``outlier``.
        """
        return self.table.copy()

    def outliers(self) -> pd.DataFrame:
        """Rows whose value is far from those of the sessions before, the farthest first."""
        far = self.table[self.table["outlier"]]
        return far.sort_values("deviation", key=np.abs, ascending=False, kind="stable").reset_index(drop=True)

    def figure(self) -> Figure:
        """One picture per quantity: values against time, the median of the earlier ones, outliers marked."""
        from difxnb.sessions.pictures import trends_figure

        return trends_figure(self.table)

    def _title(self) -> str:
        count = self.table["session"].nunique()
        return f"{count} sessions, {int(self.table['outlier'].sum())} values unlike those before them"

    def _lines(self) -> Iterator[str]:
        for row in self.outliers().head(_MOST_SHOWN).to_dict("records"):
            yield (
                f"{row['session']} {row['of']} of {row['name']}: {row['value']:.6g} {row['unit']}, "
                f"before {row['median']:.6g} ({row['deviation']:+.1f} deviations)"
            )

    def __repr__(self) -> str:
        return "\n".join(
            printable(line) for line in [self._title(), *(f"  {line}" for line in self._lines())]
        )

    def _repr_html_(self) -> str:
        return f"<pre>{escape(repr(self))}</pre>"


def session_trends(
    records: str | PathLike[str] | Iterable[str | PathLike[str]],
    *,
    last: int = 20,
    of: Iterable[str] = QUANTITIES,
) -> SessionTrends:
    """Follow clocks, SNRs and weights over the last sessions.

    Parameters
    ----------
    records : path, pattern, or iterable of paths
        As for :func:`difxnb.session_calendar`.
    last : int
        How many sessions, the newest.
    of : iterable of str
        ``"clock"``, ``"snr"``, ``"weight"``.

    Returns
    -------
    SessionTrends
        ``trends.frame()``, ``trends.outliers()``, ``trends.figure()``.

    Raises
    ------
    FileNotFoundError
        There is no such folder.
    ValueError
        `last` is below 1, or there is no such quantity.
    """
    wanted = (of,) if isinstance(of, str) else tuple(of)
    unknown = [name for name in wanted if name not in QUANTITIES]
    if unknown or not wanted:
        raise ValueError(
            f"of= takes {', '.join(QUANTITIES)}, not {', '.join(map(str, unknown)) or 'nothing'}"
        )
    if last < 1:
        raise ValueError(f"last= is a number of sessions from 1, not {last}")
    found, notes = recorded(records)
    chosen = sorted(found, key=start_of)[-last:]
    rows = [row for one in chosen for name in wanted for row in _VALUES[name](one)]
    return SessionTrends(_compared(_table(rows)), tuple(notes))


def _clocks(one: Recorded) -> Iterator[dict[str, Any]]:
    outputs = one.outputs("clocks")
    reference = str(outputs.get("reference") or "")
    for row in rows_of(outputs, "stations"):
        if str(row.get("antenna", "")).lower() != reference.lower():
            yield _labels(
                one, "clock", row.get("antenna"), row.get("delay"), row.get("delay_error"), reference
            )


def _snrs(one: Recorded) -> Iterator[dict[str, Any]]:
    for row in rows_of(one.outputs("quality"), "snr"):
        band = row.get("band")
        name = f"{row.get('baseline', '')} band {band}" if band not in (None, "") else row.get("baseline")
        yield _labels(one, "snr", name, row.get("median"))


def _weights(one: Recorded) -> Iterator[dict[str, Any]]:
    for row in rows_of(one.outputs("quality"), "weights"):
        yield _labels(one, "weight", row.get("antenna"), row.get("mean"))


_VALUES = {"clock": _clocks, "snr": _snrs, "weight": _weights}


def _labels(
    one: Recorded, of: str, name: object, value: object, error: object = None, reference: str = ""
) -> dict[str, Any]:
    return {
        "session": one.session,
        "start": start_of(one),
        "of": of,
        "name": str(name or ""),
        "reference": reference,
        "value": number_of(value),
        "error": number_of(error),
        "unit": _UNITS[of],
    }


def _table(rows: list[dict[str, Any]]) -> pd.DataFrame:
    rows = [row for row in rows if row["name"]]
    return pd.DataFrame(
        {
            "session": texts(row["session"] for row in rows),
            "start": pd.Series([row["start"] for row in rows], dtype="datetime64[ns]"),
            **{name: texts(row[name] for row in rows) for name in ("of", "name", "reference")},
            "value": numbers(row["value"] for row in rows),
            "error": numbers(row["error"] for row in rows),
            "unit": texts(row["unit"] for row in rows),
        }
    )


def _compared(table: pd.DataFrame) -> pd.DataFrame:
    """Each value beside the median of the earlier ones of the same station or baseline."""
    limits = default_limits()["trend"]
    counts = np.zeros(len(table), dtype=np.int64)
    medians, deviations = np.full(len(table), np.nan), np.full(len(table), np.nan)
    for (kind, _, _), part in table.groupby(["of", "name", "reference"], sort=False):
        values = part["value"].to_numpy(dtype=float)
        errors = part["error"].to_numpy(dtype=float)
        if kind == "clock":  # its zero means nothing: a share of it is no measure
            count, median, deviation = deviations_from_earlier(values, {**limits, "floor": 0.0})
            errors = np.fmax(errors, _CLOCK_S)
        else:
            count, median, deviation = deviations_from_earlier(values, limits)
        with np.errstate(invalid="ignore", divide="ignore"):
            own = (values - median) / errors
        # A value that is not known well is not far from the others.
        closer = np.isfinite(own) & (np.abs(own) < np.abs(deviation))
        counts[part.index], medians[part.index] = count, median
        deviations[part.index] = np.where(closer, own, deviation)
    far = np.nan_to_num(np.abs(deviations), nan=0.0) > float(limits["deviations"])
    return table.assign(
        earlier=integers(counts.tolist()),
        median=medians,
        deviation=deviations,
        outlier=flags(far.tolist()),
    )
