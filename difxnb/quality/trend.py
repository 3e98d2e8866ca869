# SPDX-License-Identifier: GPL-3.0-or-later
"""How the values of checks move from job to job.

In go a catalogue and a function that checks one job, out comes a row per job and check, with what the earlier jobs
had. A value is held against the median of the earlier ones, in units of their median absolute deviation times 1.4826,
which for normal errors is their standard deviation (Rousseeuw and Croux 1993, J. Am. Stat. Assoc. 88, 1273).
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from difxnb.catalogue import Catalogue, StoredJob
from difxnb.markup import printable
from difxnb.quality.limits import Section
from difxnb.quality.markup import MARKS, shown, verdict_html
from difxnb.quality.verdict import Verdict, worst

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NORMAL_MAD = 1.4826
"""Standard deviation of normal errors over their median absolute deviation."""

_MOST_SHOWN = 20


@dataclass(frozen=True)
class QualityHistory:
    """The checks of many jobs in order of time, and how each value moved; made by :func:`difxnb.check_quality`.

    Attributes
    ----------
    table : DataFrame
        See `frame`.
    """

    table: pd.DataFrame

    @property
    def verdict(self) -> Verdict:
        """The worst of all checks of the last job, its trends included; not applicable without jobs."""
        if self.table.empty:
            return Verdict.NOT_APPLICABLE
        last = self.table[self.table["input"] == self.table["input"].iloc[-1]]
        return worst(Verdict(one) for one in [*last["verdict"], *last["trend"]])

    def frame(self) -> pd.DataFrame:
        """One row per job and check, jobs in the order in which they were observed.

        Returns
        -------
        DataFrame
            ``start`` (UTC), ``job``, ``check``, ``verdict``, ``value``, ``unit``, ``limit``, ``text``; ``earlier`` (how
            many earlier values it is held against), ``median`` (of those), ``deviation`` (from it, in robust
            standard deviations of the earlier values), ``trend`` (go, look, not applicable); ``input``. A job that
            could not be checked has one row, whose check is empty and whose text tells why.
        """
        return self.table.copy()

    def verdicts(self) -> pd.DataFrame:
        """Verdicts alone: a row per job, a column per check."""
        checked = self.table[self.table["check"] != ""]
        order = list(dict.fromkeys(checked["check"]))
        wide = checked.pivot_table(
            index=["start", "job", "input"], columns="check", values="verdict", aggfunc="first"
        )
        return wide.reindex(columns=order).reset_index("input", drop=True)

    def outliers(self) -> pd.DataFrame:
        """Rows whose value is far from those of the earlier jobs, the farthest first."""
        far = self.table[self.table["trend"] == str(Verdict.LOOK)]
        return far.sort_values("deviation", key=np.abs, ascending=False).reset_index(drop=True)

    def figure(self) -> Figure:
        """Each value against the jobs in order of time, with the median of the earlier ones."""
        from difxnb.quality.pictures import trend_figure

        return trend_figure(self._title(), self.table)

    def to_dict(self) -> dict[str, Any]:
        """The table as plain values, which JSON can hold."""
        kept = self.table.assign(start=self.table["start"].astype(str)).replace([np.inf, -np.inf], np.nan)
        rows = kept.astype(object).where(kept.notna(), None).to_dict("records")
        return {"verdict": str(self.verdict), "rows": rows}

    def _title(self) -> str:
        jobs = self.table.drop_duplicates("input")
        counts = Counter(
            worst(Verdict(one) for one in rows["verdict"])
            for _, rows in self.table.groupby("input", sort=False)
        )
        said = ", ".join(f"{counts[verdict]} {verdict}" for verdict in Verdict if counts[verdict])
        return f"quality of {len(jobs)} jobs ({said or 'none'}), {len(self.outliers())} values unlike those before them"

    def _lines(self) -> pd.DataFrame:
        """Jobs with what is worst of each, the last of them."""
        rows = []
        for _, checks in self.table.groupby("input", sort=False):
            verdict = worst(Verdict(one) for one in [*checks["verdict"], *checks["trend"]])
            named = checks[(checks["verdict"] == verdict) | (checks["trend"] == verdict)]["check"]
            causes = ", ".join(name or "could not be checked" for name in named)
            begun = checks["start"].iloc[0]
            start = "" if pd.isna(begun) else f"{begun:%Y-%m-%d %H:%M}"
            is_said = verdict in (Verdict.LOOK, Verdict.NO_GO)
            rows.append((start, checks["job"].iloc[0], verdict, causes if is_said else ""))
        return pd.DataFrame(rows, columns=["start", "job", "verdict", "checks"]).tail(_MOST_SHOWN)

    def __repr__(self) -> str:
        shown_jobs = self._lines()
        width = max((len(str(job)) for job in shown_jobs["job"]), default=0)
        lines = [
            f"  {MARKS[Verdict(str(row.verdict))]} {row.verdict:<14} {row.start:<16} "
            f"{row.job!s:<{width}}  {row.checks}".rstrip()
            for row in shown_jobs.itertuples()
        ]
        return "\n".join(printable(line) for line in [self._title(), *lines])

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{row.start}</td><td>{shown(str(row.job))}</td><td>{verdict_html(Verdict(str(row.verdict)))}</td>"
            f'<td style="text-align:left">{shown(str(row.checks))}</td></tr>'
            for row in self._lines().itertuples()
        )
        head = "<tr><th>start</th><th>job</th><th>verdict</th><th>checks</th></tr>"
        return f"<pre>{escape(self._title())}</pre><table>{head}{rows}</table>"


def history_of(
    catalogue: Catalogue,
    check: Callable[[StoredJob], pd.DataFrame],
    limits: Section,
    *,
    last: int | None = None,
) -> QualityHistory:
    """Check the jobs of a catalogue, side by side, and compare each value with those of earlier jobs.

    Parameters
    ----------
    catalogue : Catalogue
        The jobs.
    check : callable
        Gives the rows of a report.
    limits : mapping
        The section ``trend``.
    last : int, optional
        Check only so many jobs, the last ones in order of time.

    Raises
    ------
    ValueError
        `last` is below 1.
    """
    if last is not None and last < 1:
        raise ValueError(f"last= is a number of jobs from 1, not {last}")
    known = catalogue.frame()
    order = known.sort_values(["start", "job"], kind="stable").index
    chosen = order if last is None else order[-last:]
    jobs = Catalogue([catalogue[int(place)] for place in chosen])
    rows = _checked(jobs, check)
    starts = known.set_index("input")["start"]
    table = rows.assign(start=pd.to_datetime(starts.reindex(rows["input"].astype(str)).to_numpy()))
    return QualityHistory(_with_trends(table, limits)[list(_COLUMNS)])


_COLUMNS = (
    "start", "job", "check", "verdict", "value", "unit", "limit", "text", "earlier", "median", "deviation", "trend",
    "input",
)  # fmt: skip


def _checked(jobs: Catalogue, check: Callable[[StoredJob], pd.DataFrame]) -> pd.DataFrame:
    """Rows of all reports; a job that cannot be checked has one that tells why."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*jobs failed; see the column 'error'")
        found = jobs.map(check)
    columns = {"check": "", "verdict": str(Verdict.NOT_APPLICABLE), "limit": "", "unit": "", "text": ""}
    rows = found.reindex(columns=["job", *columns, "value", "input", "error"])
    failed = rows["error"].notna() & (rows["error"] != "")
    rows = rows.fillna(columns).astype(
        {"value": float, "job": object, "input": object} | dict.fromkeys(columns, object)
    )
    rows.loc[failed, "verdict"] = str(Verdict.NO_GO)
    rows.loc[failed, "text"] = rows.loc[failed, "error"].astype(str)
    return rows.drop(columns="error")


def _with_trends(table: pd.DataFrame, limits: Section) -> pd.DataFrame:
    """Each value beside the median of the earlier ones of its check."""
    compared = table.assign(earlier=0, median=np.nan, deviation=np.nan, trend=str(Verdict.NOT_APPLICABLE))
    for _, rows in table.groupby("check", sort=False):
        counts, medians, deviations = deviations_from_earlier(rows["value"].to_numpy(dtype=float), limits)
        compared.loc[rows.index, "earlier"] = counts
        compared.loc[rows.index, "median"] = medians
        compared.loc[rows.index, "deviation"] = deviations
    is_known = compared["deviation"].notna()
    far = compared["deviation"].abs() > limits["deviations"]
    compared.loc[is_known, "trend"] = np.where(far[is_known], str(Verdict.LOOK), str(Verdict.GO))
    return compared


def deviations_from_earlier(
    values: NDArray[np.float64], limits: Section
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """Hold each value against the known ones of up to ``window`` jobs before it.

    Parameters
    ----------
    values : ndarray, shape (job,)
        In order of time; NaN where a job has none.
    limits : mapping
        ``window``, ``least``, ``floor`` of the section ``trend``.

    Returns
    -------
    counts, medians, deviations : ndarray, shape (job,)
        How many known values are among those before; their median; the difference from it in units of 1.4826 times
        their median absolute deviation, or of ``floor`` times the median where that is more. NaN where there are fewer
        than ``least``; infinite where a value left those that were all 0.
    """
    counts = np.zeros(len(values), dtype=np.int64)
    medians, deviations = np.full(len(values), np.nan), np.full(len(values), np.nan)
    for place, value in enumerate(values):
        earlier = values[max(0, place - int(limits["window"])) : place]
        earlier = earlier[np.isfinite(earlier)]
        counts[place] = len(earlier)
        if len(earlier) < limits["least"] or not np.isfinite(value):
            continue
        medians[place] = middle = np.median(earlier)
        spread = max(NORMAL_MAD * np.median(np.abs(earlier - middle)), limits["floor"] * abs(middle))
        if spread > 0:
            deviations[place] = (value - middle) / spread
        elif value == middle:
            deviations[place] = 0.0
        else:
            deviations[place] = np.copysign(np.inf, value - middle)
    return counts, medians, deviations
