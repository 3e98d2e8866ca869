# SPDX-License-Identifier: GPL-3.0-or-later
"""Signal-to-noise ratios of all baselines at one look.

In goes a table of fringes, out comes, for each baseline, its best band and polarization, with a mark that says whether
there is a fringe.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd

from difxnb.panels.monitor.names import Offered

DETECTED = 1e-3
"""False-alarm probability, of the best of all bands and polarizations, below which there is a fringe."""

Verdict = Literal["strong", "fringe", "none", "no data"]

MARKS: dict[Verdict, str] = {"strong": "●", "fringe": "◐", "none": "○", "no data": "·"}
"""Marks beside the numbers, so that colour is never alone."""

WORDS: dict[Verdict, str] = {
    "strong": "strong fringe",
    "fringe": "fringe",
    "none": "no fringe",
    "no data": "no data",
}

_STRONG = 20.0  # SNR from which a phase is good to three degrees


@dataclass(frozen=True)
class Cell:
    """A baseline.

    Attributes
    ----------
    baseline, first, second : str
        Its name, and its stations.
    verdict : str
        A key of `MARKS`.
    snr : float, optional
        The highest of its bands and polarizations; None without data.
    false_alarm : float
        Probability that noise alone gives as high a best one.
    best : str
        Band and polarization of that.
    """

    baseline: str
    first: str
    second: str
    verdict: Verdict = "no data"
    snr: float | None = None
    false_alarm: float = 1.0
    best: str = ""

    @property
    def short(self) -> str:
        """Number and mark."""
        return MARKS[self.verdict] if self.snr is None else f"{self.snr:.3g} {MARKS[self.verdict]}"

    @property
    def said(self) -> str:
        """In words."""
        if self.snr is None:
            return f"{self.baseline}: no data"
        return (
            f"{self.baseline}: {WORDS[self.verdict]}, SNR {self.snr:.1f} in {self.best}, "
            f"false alarm {self.false_alarm:.1e}"
        )


@dataclass(frozen=True)
class SnrMatrix:
    """All baselines of a scan.

    Attributes
    ----------
    stations : tuple of str
    cells : tuple of Cell
        One for each baseline.
    scan : str
        Of the fringes; empty where there are none.
    """

    stations: tuple[str, ...] = ()
    cells: tuple[Cell, ...] = ()
    scan: str = ""

    def cell(self, one: str, other: str) -> Cell | None:
        """The cell of two stations, in either order."""
        return next((cell for cell in self.cells if {cell.first, cell.second} == {one, other}), None)

    @property
    def ranked(self) -> list[Cell]:
        """Cells, those without fringes first, since they want to be seen."""
        return sorted(self.cells, key=lambda cell: (cell.snr is None, cell.snr or 0.0))


def matrix_of(fringes: pd.DataFrame, offered: Offered, scan: str) -> SnrMatrix:
    """Best fringe of each baseline.

    Parameters
    ----------
    fringes : DataFrame
        Of one scan.
    offered : Offered
        All baselines of the job.
    scan : str
        Name of the scan.
    """
    best = {} if fringes.empty else _best(fringes)
    cells = tuple(best.get(name) or Cell(name, *offered.ends(name)) for name in offered.baselines)
    return SnrMatrix(offered.stations, cells, scan)


def _best(fringes: pd.DataFrame) -> dict[str, Cell]:
    there = fringes[fringes["snr"].notna()]
    counts = {str(name): int(count) for name, count in there["baseline"].value_counts().items()}
    rows = there.loc[there.groupby("baseline")["snr"].idxmax()].to_dict("records")
    return {str(row["baseline"]): _cell(row, counts[str(row["baseline"])]) for row in rows}


def _cell(row: Mapping[Any, Any], tried: int) -> Cell:
    single = float(row["false_alarm_probability"])
    # with tiny probabilities one minus them is one
    false_alarm = 1.0 - (1.0 - single) ** tried if single > 1e-12 else tried * single
    snr = float(row["snr"])
    verdict: Verdict = "none" if not false_alarm < DETECTED else "strong" if snr >= _STRONG else "fringe"
    return Cell(
        str(row["baseline"]),
        str(row["antenna1_name"]),
        str(row["antenna2_name"]),
        verdict,
        snr,
        false_alarm,
        f"band {row['band']} {row['polarization']}",
    )


def scan_rows(fringes: pd.DataFrame, scan: str | None) -> tuple[pd.DataFrame, str]:
    """Rows of a scan, of the newest where it has none or is not named, and its name."""
    if fringes.empty:
        return fringes, ""
    if scan is None or not (fringes["scan"] == scan).any():
        scan = str(fringes["scan"].iloc[int(fringes["stop"].argmax())])
    return fringes[fringes["scan"] == scan].reset_index(drop=True), scan


def chosen_rows(
    fringes: pd.DataFrame, baselines: Sequence[str], bands: Sequence[int], polarizations: Sequence[str]
) -> pd.DataFrame:
    """Rows of these names, of all bands where none are named."""
    if fringes.empty:
        return fringes
    keep = fringes["baseline"].isin(baselines) & fringes["polarization"].isin(polarizations)
    return fringes[keep & fringes["band"].isin(bands)] if bands else fringes[keep]
