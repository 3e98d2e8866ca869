# SPDX-License-Identifier: GPL-3.0-or-later
"""One look at a job that is watched live, as a table, in lines, and as data.

In: the row of the job, the fringes of its monitor, its latest weights. Fringes of the newest scan alone are shown.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd
from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from difxnb.markup import printable

_BESIDE = 9  # rows of a terminal that are not fringes
_WIDE = 72  # columns from which on there is room for everything
_COLUMNS = {
    "baseline": "baseline",
    "band": "band",
    "polarization": "pol",
    "snr": "SNR",
    "found": "fringe",
    "delay": "delay ns",
    "delay_rate": "rate ps/s",
    "phase": "phase °",
}
_NARROW = ("baseline", "band", "polarization", "snr", "found", "delay")


@dataclass(frozen=True)
class FringeLook:
    """What is known of a watched job at one moment.

    Attributes
    ----------
    job, state : str
    progress : float
        0 to 1; NaN where nothing was heard.
    fringes : DataFrame
        Of the whole watch, columns of :func:`difxnb.fringe_fit`.
    weights : mapping
        Weight of each antenna in the latest integration, 0 to 1.
    said : str
        What else there is to know: an interruption, what could not be kept.
    is_over : bool
        Whether nothing more will come.
    """

    job: str
    state: str
    progress: float
    fringes: pd.DataFrame
    weights: Mapping[str, float]
    said: str
    is_over: bool

    @property
    def newest(self) -> pd.DataFrame:
        """Fringes of the newest scan, in units that people read: ns, ps/s, degrees."""
        if self.fringes.empty:
            return self.fringes
        # It comes with xarray, which takes long to load, and is there once fringes are.
        from difxnb.visibility.fits.columns import NOT_DETECTED

        newest = self.fringes["start"] == self.fringes["start"].max()
        rows: pd.DataFrame = self.fringes[newest]
        return rows.assign(found=rows["false_alarm_probability"] <= NOT_DETECTED)

    @property
    def scan(self) -> str:
        """Scan and source of the newest fringes; empty before there are any."""
        rows = self.newest
        return "" if rows.empty else f"{rows['scan'].iloc[0]} ({rows['source'].iloc[0]})"

    @property
    def headline(self) -> str:
        """Job, state, progress and scan in a line."""
        done = "" if pd.isna(self.progress) else f" {100 * self.progress:.0f} %"
        scan = f", scan {self.scan}" if self.scan else ""
        return f"{self.job}: {self.state or 'nothing heard of it yet'}{done}{scan}"

    def table(self, width: int, height: int | None) -> RenderableType:
        """Draw it for a terminal of that many columns and rows."""
        parts: list[RenderableType] = [Text(printable(self.headline), style="bold")]
        if self.weights:
            parts.append(Text(printable(f"weights {self._weights()}")))
        rows = self.newest
        if not rows.empty:
            names = list(_COLUMNS) if width >= _WIDE else list(_NARROW)
            most = len(rows) if height is None else max(1, height - _BESIDE)
            parts.append(_drawn(rows.head(most), names))
            if len(rows) > most:
                parts.append(Text(f"{len(rows) - most} more rows; a taller window or --select shows them"))
        if self.said:
            parts.append(Text(printable(self.said)))
        return Group(*parts)

    def lines(self) -> Mapping[str, str]:
        """Say it in lines."""
        told = {"job": self.headline, "weights": f"{self.job}: weights {self._weights()}", "said": self.said}
        for row in self.newest.to_dict("records"):
            cells = _cells(row)
            text = f"{row['scan']} {cells['baseline']} band {cells['band']} {cells['polarization']}"
            numbers = f"SNR {cells['snr']}, delay {cells['delay']} ns, rate {cells['delay_rate']} ps/s"
            told[text] = f"{text}: {numbers}, phase {cells['phase']}°, fringe: {cells['found']}"
        empty = {"weights": not self.weights, "said": not self.said}
        return {name: text for name, text in told.items() if not empty.get(name, False)}

    def data(self) -> dict[str, Any]:
        """Give it in SI units: s, s/s, rad, Hz."""
        dropped = ("server_delay", "server_snr")
        rows = self.newest.drop(columns=list(dropped), errors="ignore")
        return {
            "job": self.job,
            "state": self.state,
            "progress": self.progress,
            "weights": dict(self.weights),
            "message": self.said,
            "fringes": rows.to_dict("records"),
        }

    def _weights(self) -> str:
        return " ".join(f"{name} {weight:.2f}" for name, weight in self.weights.items())


def _drawn(rows: pd.DataFrame, names: list[str]) -> Table:
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    for name in names:
        table.add_column(_COLUMNS[name], no_wrap=True, justify="left" if name == "baseline" else "right")
    for row in rows.to_dict("records"):
        cells = _cells(row)
        table.add_row(*(Text(cells[name]) for name in names), style="" if row["found"] else "dim")
    return table


def _cells(row: Mapping[Any, Any]) -> dict[str, str]:
    """One fringe in words."""
    return {
        "baseline": printable(str(row["baseline"])),
        "band": str(row["band"]),
        "polarization": printable(str(row["polarization"])),
        "snr": _number(row["snr"], ".1f"),
        "found": "yes" if row["found"] else "no",
        "delay": _number(row["delay"] * 1e9, "+.3f"),
        "delay_rate": _number(row["delay_rate"] * 1e12, "+.3f"),
        "phase": _number(math.degrees(row["phase"]), "+.1f"),
    }


def _number(value: float, form: str) -> str:
    return "–" if pd.isna(value) else format(value, form)
