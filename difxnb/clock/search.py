# SPDX-License-Identifier: GPL-3.0-or-later
"""Clock search: delays, rates and phases of stations from fringes of baselines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import xarray as xr

from difxnb.clock.closure import middle_of
from difxnb.clock.measurements import LABELS, checked, refuse_repeated, sorted_out
from difxnb.clock.network import NetworkSolution, solve
from difxnb.clock.rows import covariance_array, offset_rows, residual_rows, station_rows, summary_of
from difxnb.clock.solution import ClockSolution, Tables

_OFFSETS = ("band", "polarization")
_FARTHEST = pd.Timedelta(days=3653)
"""From fringes to an epoch: no clock is known so far off, and numbers of rates and delays would drown each other."""


def clock_search(
    fringes: pd.DataFrame,
    reference: str | None = None,
    *,
    by: str | Sequence[str] = "all",
    offsets: str | Sequence[str] | None = None,
    max_false_alarm: float = 1e-4,
    epoch: pd.Timestamp | np.datetime64 | str | None = None,
    robust: bool = True,
) -> ClockSolution:
    """Delays, rates and phases of stations by weighted least squares over baselines.

    Each detected fringe between antennas 1 and 2 tells x2 - x1, where x is how late the data of a station are after
    the model of the correlator, and its rate; delays of several scans tell rates too. A station that is late by x
    needs the clock c - x (``difx-files.md`` 16.6): ``solution.edits(...)`` makes such files.

    Noise counts as independent between baselines. A source that makes a part ρ of the power of stations breaks that:
    among N stations true errors are then √(1 + (N - 2) ρ/(1 + ρ)) times those stated, and χ² comes out small (by the
    moments of Gaussian noise; 1.02 times for 10 stations and ρ = 0.005, 1.8 times for ρ = 0.4).

    Parameters
    ----------
    fringes : DataFrame
        As of :func:`difxnb.fringe_fit`: of one job or several, bands apart or fitted together. Cross hands and other
        phase centres than the first are left out. Where the table tells ambiguities of delays and rates, whole ones
        are taken off as triangles demand.
    reference : str, optional
        The antenna whose delay, rate and phase are 0; the one with most detected fringes if not given.
    by : str or sequence of str
        ``"all"``: one solution. Otherwise columns such as ``"scan"``, ``"band"``, ``"polarization"``: a solution for
        each of their values.
    offsets : str or sequence of str, optional
        ``"band"``, ``"polarization"`` or both: each station has offsets of its delay for each of them, and its clock
        is their mean, weighted as the fringes tell of them. The offsets of the reference are 0. Rates have none.
    max_false_alarm : float
        Fringes with a higher false alarm probability are not detected and take no part.
    epoch : time, optional
        UTC at which delays are to hold; the mean of the reference times of the fringes used if not given.
    robust : bool
        Whether to look for fringes that do not fit (by 5 of their errors) and leave them out; they are named in
        ``solution.outliers()``. One that another could as well be wrong instead of is kept.

    Returns
    -------
    ClockSolution
        ``.frame()``, ``.residuals()``, ``.outliers()``, ``.station_offsets()``, ``.phases()``, ``.closure``,
        ``.covariance``, ``.edits(...)``, ``.compare(...)``. Errors are as the fringes state theirs, and larger where
        residuals show that those are too small (``.summary()``).

    Raises
    ------
    ValueError
        The table lacks columns or has fringes twice, no fringe is detected, or the reference has none; the epoch is
        more than ten years from the fringes.
    """
    table = checked(fringes, max_false_alarm)
    used, not_used = sorted_out(table, max_false_alarm)
    if used.empty:
        raise ValueError(_nothing_detected(table, not_used, max_false_alarm))
    refuse_repeated(used)
    groups = () if by == "all" else _names(by, "by", [name for name in LABELS if name in table])
    wanted = (
        () if offsets is None else _names(offsets, "offsets", [name for name in _OFFSETS if name in table])
    )
    antennas = [str(name) for name in pd.unique(table[["antenna1_name", "antenna2_name"]].to_numpy().ravel())]
    chosen = _reference(used, antennas, reference)
    at = _near(_time(epoch), middle_of(used))
    found = [
        _Found(labels, rows, own, solve(rows, antennas, chosen, wanted, own, robust=robust))
        for labels, rows in _groups(used, groups)
        for own in [at if at is not None else middle_of(rows)]
    ]
    stations = [
        one.labelled(station_rows(one.network, one.rows, antennas, chosen, one.epoch)) for one in found
    ]
    tables = Tables(
        pd.concat(stations, ignore_index=True),
        pd.concat([one.labelled(offset_rows(one.network, antennas)) for one in found], ignore_index=True),
        pd.concat([residual_rows(one.network, one.rows) for one in found]).sort_index(),
        pd.DataFrame([one.labels | summary_of(one.network, one.epoch) for one in found]),
    )
    return ClockSolution(
        reference=chosen,
        epoch=at if at is not None else middle_of(used),
        by=groups,
        offsets=wanted,
        covariance=_joined([covariance_array(one.network, antennas) for one in found], groups),
        undetermined=_undetermined(stations, used, chosen),
        not_used=pd.concat([not_used, *(_not_connected(one, chosen) for one in found)]),
        tables=tables,
        fringes=used,
    )


class _Found(NamedTuple):
    """One of the solutions that fringes are divided into."""

    labels: dict[str, Any]
    rows: pd.DataFrame
    epoch: pd.Timestamp
    network: NetworkSolution

    def labelled(self, frame: pd.DataFrame) -> pd.DataFrame:
        """A table with the labels of this solution in front."""
        columns = [*self.labels, *(name for name in frame.columns if name not in self.labels)]
        return frame.assign(**self.labels)[columns]


def station_solutions(
    fringes: pd.DataFrame, by: str | Sequence[str] = "scan", *, reference: str | None = None
) -> pd.DataFrame:
    """Delays, rates and phases of stations for each scan (or band, or polarization) by itself.

    Parameters
    ----------
    fringes, by, reference
        As of :func:`clock_search`.

    Returns
    -------
    DataFrame
        One row per scan and station, as of ``ClockSolution.frame()``.
    """
    return clock_search(fringes, reference, by=by).frame()


def _names(asked: str | Sequence[str], what: str, possible: Sequence[str]) -> tuple[str, ...]:
    names = (asked,) if isinstance(asked, str) else tuple(asked)
    unknown = [name for name in names if name not in possible]
    if unknown or not names:
        raise ValueError(f"{what}: {asked!r} is none of the columns {', '.join(possible)}")
    return tuple(dict.fromkeys(names))


def _time(epoch: pd.Timestamp | np.datetime64 | str | None) -> pd.Timestamp | None:
    if epoch is None:
        return None
    if np.asarray(epoch).dtype.kind in "iuf":  # pandas would count nanoseconds since 1970, whatever was meant
        raise ValueError(f"epoch: {epoch!r} is no time; give one as 2024-01-01T12:00:00")
    try:
        stamp = pd.Timestamp(epoch)
    except (ValueError, TypeError) as error:
        raise ValueError(f"epoch: {epoch!r} is no time") from error
    if pd.isna(stamp):
        raise ValueError(f"epoch: {epoch!r} is no time")
    return stamp.tz_convert("UTC").tz_localize(None) if stamp.tzinfo else stamp


def _near(epoch: pd.Timestamp | None, fringes: pd.Timestamp) -> pd.Timestamp | None:
    if epoch is not None and abs(epoch - fringes) > _FARTHEST:
        raise ValueError(f"epoch: {epoch} is years from the fringes, which are of {fringes:%Y-%m-%d}")
    return epoch


def _reference(used: pd.DataFrame, antennas: Sequence[str], asked: str | None) -> str:
    """The antenna with most detected fringes, of those the one with the strongest."""
    ends = pd.concat(
        [
            used[["antenna1_name", "snr"]],
            used[["antenna2_name", "snr"]].set_axis(["antenna1_name", "snr"], axis=1),
        ]
    )
    there = (
        ends.groupby("antenna1_name")["snr"]
        .agg(["size", "sum"])
        .sort_values(["size", "sum"], ascending=False)
    )
    if asked is None:
        return str(there.index[0])
    if asked not in antennas:
        raise ValueError(f"no fringes of a station {asked!r}; there are {', '.join(antennas)}")
    if asked not in there.index:
        raise ValueError(
            f"no fringe of the reference {asked} is detected; there are some of {', '.join(there.index)}"
        )
    return asked


def _groups(used: pd.DataFrame, names: tuple[str, ...]) -> Iterator[tuple[dict[str, Any], pd.DataFrame]]:
    if not names:
        yield {}, used
        return
    for values, rows in used.groupby(list(names), sort=False, dropna=False):
        yield dict(zip(names, values, strict=True)), rows


def _not_connected(found: _Found, reference: str) -> pd.DataFrame:
    lost = found.rows.iloc[np.flatnonzero(~found.network.connected)]
    return lost.assign(reason=f"does not lead to the reference {reference}")


def _joined(covariances: list[xr.DataArray], groups: tuple[str, ...]) -> xr.DataArray:
    return xr.concat(covariances, "solution") if groups else covariances[0]


def _undetermined(stations: list[pd.DataFrame], used: pd.DataFrame, reference: str) -> dict[str, str]:
    """Stations without a clock in any solution, or in some, and why."""
    detected = set(used["antenna1_name"]) | set(used["antenna2_name"])
    missing = (
        pd.concat(stations).groupby("antenna", sort=False)["delay"].agg(lambda delay: int(delay.isna().sum()))
    )
    of = len(stations)
    reasons = {}
    for name, count in missing[missing > 0].items():
        why = f"no fringes that lead to {reference}" if name in detected else "no fringe is detected"
        reasons[str(name)] = why if count == of else f"{why} in {count} of {of} solutions"
    return reasons


def _nothing_detected(table: pd.DataFrame, not_used: pd.DataFrame, max_false_alarm: float) -> str:
    if table.empty:
        return "the table of fringes is empty"
    reasons = not_used["reason"].value_counts()
    listed = "; ".join(f"{count} of {len(table)}: {reason}" for reason, count in reasons.items())
    best = table["false_alarm_probability"].min()
    return f"no fringe to search clocks with ({listed}); the lowest false alarm probability is {best:.2g}"
