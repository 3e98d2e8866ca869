# SPDX-License-Identifier: GPL-3.0-or-later
"""The report on a job: every check, its verdict, and the evidence.

In go visibilities, a job or a catalogue, out comes an answer to "is this job fine?" that is read as text, as a table,
as pictures or as JSON.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from os import PathLike
from typing import TYPE_CHECKING, Any, overload

from difxnb.catalogue import Catalogue
from difxnb.markup import printable
from difxnb.quality.checks import CHECKS
from difxnb.quality.gathering import JobSource, damage_is_checked, gather
from difxnb.quality.limits import Limits, limits_with
from difxnb.quality.markup import MARKS, html_report
from difxnb.quality.material import Material
from difxnb.quality.trend import QualityHistory, history_of
from difxnb.quality.verdict import Check, Verdict, worst

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class QualityReport:
    """What all checks say of one job; made by :func:`difxnb.check_quality`.

    ``report["weights"]`` is one check; the report has a length and gives its checks one after the other.

    Attributes
    ----------
    job : str
        Name of the job; empty where it is not known.
    checks : tuple of Check
        In the order of :data:`difxnb.quality.checks.CHECKS`.
    running : bool
        The job was not over: everything is "so far".
    """

    job: str
    checks: tuple[Check, ...]
    running: bool = False

    @property
    def verdict(self) -> Verdict:
        """The worst of all checks."""
        return worst(check.verdict for check in self.checks)

    def __getitem__(self, name: str) -> Check:
        for check in self.checks:
            if check.name == name:
                return check
        raise KeyError(f"no check {name!r}; there are {', '.join(check.name for check in self.checks)}")

    def __iter__(self) -> Iterator[Check]:
        return iter(self.checks)

    def __len__(self) -> int:
        return len(self.checks)

    def frame(self) -> pd.DataFrame:
        """One row per check.

        Returns
        -------
        DataFrame
            ``check``, ``verdict`` (go, look, no-go, not applicable), ``value`` (the number that decided; NaN where
            there is none), ``limit`` (in words), ``unit``, ``text``.
        """
        import pandas as pd

        rows = [
            (check.name, str(check.verdict), check.value, check.limit, check.unit, check.text)
            for check in self.checks
        ]
        frame = pd.DataFrame(rows, columns=["check", "verdict", "value", "limit", "unit", "text"])
        return frame.astype({"value": float})

    def figure(self) -> Figure:
        """The evidence as small pictures, one for each check that has one; see :mod:`difxnb.quality.pictures`."""
        from difxnb.quality.pictures import evidence_figure

        return evidence_figure(self._title(), self.checks)

    def to_dict(self) -> dict[str, Any]:
        """The report as plain values, which JSON can hold: NaN and infinite numbers become None."""
        return {
            "job": self.job,
            "verdict": str(self.verdict),
            "running": self.running,
            "checks": [_check_dict(check) for check in self.checks],
        }

    def _title(self) -> str:
        counts = Counter(check.verdict for check in self.checks)
        said = ", ".join(f"{counts[verdict]} {verdict}" for verdict in Verdict if counts[verdict])
        so_far = " so far (the job runs)" if self.running else ""
        return printable(
            f"quality of {self.job or 'these visibilities'}: {self.verdict}{so_far} ({said or 'no checks'})"
        )

    def __repr__(self) -> str:
        width = max((len(check.name) for check in self.checks), default=0)
        ordered = sorted(self.checks, key=lambda check: -list(MARKS).index(check.verdict))
        lines = [
            printable(f"  {MARKS[check.verdict]} {check.verdict:<14} {check.name:<{width}}  {check.text}")
            for check in ordered
        ]
        return "\n".join([self._title(), *lines])

    def _repr_html_(self) -> str:
        return html_report(self._title(), self.checks)


def _check_dict(check: Check) -> dict[str, Any]:
    columns = {str(name): [_plain(value) for value in column] for name, column in check.evidence.items()}
    return {
        "check": check.name,
        "verdict": str(check.verdict),
        "value": _plain(check.value),
        "unit": check.unit,
        "limit": check.limit,
        "text": check.text,
        "evidence": columns,
    }


def _plain(value: object) -> object:
    """A value of Python's own that JSON has; a text of what is none."""
    if hasattr(value, "item"):  # a number of numpy
        value = value.item()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, bool | int) else str(value)


@overload
def check_quality(
    source: JobSource,
    *,
    limits: str | PathLike[str] | Limits | None = None,
    fringes: pd.DataFrame | None = None,
    expected: Iterable[str] | None = None,
    running: bool | None = None,
    last: None = None,
) -> QualityReport: ...


@overload
def check_quality(
    source: Catalogue,
    *,
    limits: str | PathLike[str] | Limits | None = None,
    expected: Iterable[str] | None = None,
    last: int | None = None,
) -> QualityHistory: ...


def check_quality(
    source: JobSource | Catalogue,
    *,
    limits: str | PathLike[str] | Limits | None = None,
    fringes: pd.DataFrame | None = None,
    expected: Iterable[str] | None = None,
    running: bool | None = None,
    last: int | None = None,
) -> QualityReport | QualityHistory:
    """Say whether a job is fine, check by check.

    Parameters
    ----------
    source : Dataset, path, job or Catalogue
        Visibilities, stored or live: the files that they name are looked at too, where they are on this machine, and
        of a selection only what is in it. Or an ``.input`` file, a ``.difx`` folder, a stored job, or one of a
        correlator whose files are on this machine. Of a catalogue every job is looked at, and how each value moved.
    limits : path or mapping, optional
        Limits to use in place of those of ``difxnb/quality/limits.toml``: a TOML file of the same form, or nested
        mappings such as ``{"weights": {"look": 0.8}}``.
    fringes : DataFrame, optional
        Fringes per scan that :func:`difxnb.fringe_fit` gave already; otherwise they are fitted.
    expected : iterable of str, optional
        Baselines on which there should be fringes, such as ``["AA-BB"]``; all that are correlated by default.
    running : bool, optional
        Whether the job still runs, so that what is missing may come; found out from the log, or the kind of data, by
        default.
    last : int, optional
        Of a catalogue: only so many jobs, the last ones.

    Returns
    -------
    QualityReport or QualityHistory

    Raises
    ------
    ValueError
        There is no such check, limit or baseline; a name means several jobs; an option does not go with the source.
    TypeError
        The source is nothing that could be a job.
    FileNotFoundError, FileFormatError
        The ``.input`` is not on this machine, or is damaged. Other files that are missing leave their checks not
        applicable.
    """
    chosen = limits_with(limits)
    if isinstance(source, Catalogue):
        if fringes is not None or running is not None:
            raise ValueError("fringes= and running= are of one job, and do not go with a catalogue")
        with damage_is_checked():
            return history_of(source, _RowsOf(chosen, expected), chosen["trend"], last=last)
    if last is not None:
        raise ValueError("last= is a number of jobs, and goes with a catalogue")
    with damage_is_checked():
        material = gather(source, fringes=fringes, expected=expected, running=running)
        return report_on(material, chosen)


def report_on(material: Material, limits: Limits) -> QualityReport:
    """Make every check of what was gathered."""
    checks = tuple(check(material, limits[name]) for name, check in CHECKS.items())
    return QualityReport(material.job, checks, material.running)


class _RowsOf:
    """Checks one job of a catalogue."""

    def __init__(self, limits: Limits, expected: Iterable[str] | None) -> None:
        self._limits, self._expected = limits, None if expected is None else tuple(expected)

    def __call__(self, job: JobSource) -> pd.DataFrame:
        return report_on(gather(job, expected=self._expected), self._limits).frame()
