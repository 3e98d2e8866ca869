# SPDX-License-Identifier: GPL-3.0-or-later
"""One look at a whole correlator: jobs, nodes, recorders and troubles; as tables, in lines, and as data.

In: the tables of a connection. Out: what of them is wanted.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd
from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from difxnb.markup import printable
from difxnb.tables.job_life import is_terminal

_WIDE, _MIDDLE = 90, 60  # columns from which on there is room for everything, and for most
_BAR = 10
_TROUBLES = 3
_GIGA = 1e9
_OF_JOB = ("job", "state", "progress", "eta", "speed_up", "weight_min", "stalled", "errors", "last_heard")
_OF_NODE = ("node", "load", "cores", "memory", "network_in", "network_out", "jobs", "silent", "last_heard")
_OF_RECORDER = ("recorder", "state", "job", "scan", "rate", "modules", "inactive", "last_heard")

Cell = Callable[[Mapping[Any, Any]], str]


@dataclass(frozen=True)
class Wanted:
    """What of a correlator is to be shown.

    Attributes
    ----------
    jobs, nodes, recorders : bool
    ignore : Pattern or None
        Names in which this is found are left out.
    linger : float
        Seconds that jobs which are over stay.
    """

    jobs: bool
    nodes: bool
    recorders: bool
    ignore: re.Pattern[str] | None
    linger: float

    def of(self, frame: pd.DataFrame, name: str) -> pd.DataFrame:
        """Rows whose names are not ignored."""
        if self.ignore is None or frame.empty:
            return frame
        known = [self.ignore.search(text or "") is None for text in frame[name]]
        return frame[pd.Series(known, index=frame.index, dtype=bool)]

    def not_gone(self, jobs: pd.DataFrame) -> pd.DataFrame:
        """Jobs that run, or that ended a short time ago; those that run first."""
        over = jobs["state"].map(is_terminal).astype(bool)
        age = time.time() - jobs["last_heard"].astype("datetime64[ns]").astype("int64") / 1e9
        kept = jobs[~over | (age <= self.linger)]
        return kept.sort_values("state", key=lambda states: states.map(is_terminal), kind="stable")


@dataclass(frozen=True)
class BusyLook:
    """What is known of a correlator at one moment; tables that are not wanted are None.

    Attributes
    ----------
    where : str
        Which correlator this is, and whether it can be heard.
    troubles : DataFrame
        As `AlertTable.frame`.
    is_over : bool
        Never: this goes on until it is ended.
    """

    where: str
    jobs: pd.DataFrame | None
    nodes: pd.DataFrame | None
    recorders: pd.DataFrame | None
    troubles: pd.DataFrame
    is_over: bool = False

    def table(self, width: int, height: int | None) -> RenderableType:
        """Draw it for a terminal of that many columns and rows."""
        tables = [(one, *about) for one, about in zip(self._tables(), _ABOUT, strict=True) if one is not None]
        room = None if height is None else max(3, (height - 2 - _TROUBLES) // max(1, len(tables)) - 4)
        parts: list[RenderableType] = [Text(printable(self.where), style="bold")]
        for rows, title, _, cells in tables:
            if rows.empty:
                parts.append(Text(f"{title}: none heard yet"))
            else:
                parts.append(_drawn(rows, title, cells, width, room))
        parts += [Text(line, style="bold") for line in self._told_troubles()]
        return Group(*parts)

    def lines(self) -> Mapping[str, str]:
        """Say it in lines, which change when something important does."""
        told = {"where": self.where}
        for rows, (title, name, cells) in zip(self._tables(), _ABOUT, strict=True):
            for row in [] if rows is None else rows.to_dict("records"):
                # Ages and rates move all the time; whoever wants those asks for JSON.
                shown = [f"{head} {text}" for head, cell in cells.items() if (text := cell(row))]
                steady = [text for text in shown if not text.startswith(_RESTLESS)]
                told[f"{title} {row[name]}"] = ", ".join(steady)
        told |= {f"trouble {text}": text for text in self._told_troubles()}
        return told

    def data(self) -> dict[str, Any]:
        """Give it in SI units; times are UTC."""
        names = ("jobs", "nodes", "recorders")
        columns = (_OF_JOB, _OF_NODE, _OF_RECORDER)
        rows = {
            name: one[list(wanted)].to_dict("records")
            for name, one, wanted in zip(names, self._tables(), columns, strict=True)
            if one is not None
        }
        troubles = self.troubles[["severity", "count", "cause", "job"]].head(_TROUBLES).astype(object)
        return {"correlator": self.where, **rows, "troubles": troubles.to_dict("records")}

    def _tables(self) -> tuple[pd.DataFrame | None, pd.DataFrame | None, pd.DataFrame | None]:
        return self.jobs, self.nodes, self.recorders

    def _told_troubles(self) -> list[str]:
        rows = self.troubles.head(_TROUBLES).to_dict("records")
        return [printable(f"{row['severity']} ({row['count']}×): {row['cause']}")[:400] for row in rows]


def _drawn(
    rows: pd.DataFrame, title: str, cells: Mapping[str, Cell], width: int, room: int | None
) -> RenderableType:
    spare = () if width >= _WIDE else _SPARE if width >= _MIDDLE else _SPARE + _SPARE_FIRST
    heads = [head for head in cells if head not in spare]
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, title=title, title_justify="left")
    for head in heads:
        table.add_column(head, no_wrap=head == "progress", overflow="fold")
    shown = rows if room is None else rows.head(room)
    for row in shown.to_dict("records"):
        table.add_row(*(Text(printable(cells[head](row))) for head in heads))
    left = len(rows) - len(shown)
    return Group(table, Text(f"{left} more {title} in no room")) if left else table


def bar(share: float) -> str:
    """A share as a bar and a number; empty where it is not known."""
    if not math.isfinite(share):
        return ""
    full = round(min(1.0, max(0.0, share)) * _BAR)
    return f"{'█' * full}{'░' * (_BAR - full)} {100 * share:3.0f} %"


def _number(name: str, form: str, scale: float = 1.0) -> Cell:
    def cell(row: Mapping[Any, Any]) -> str:
        return "" if pd.isna(row[name]) else format(float(row[name]) / scale, form)

    return cell


def _text(name: str) -> Cell:
    def cell(row: Mapping[Any, Any]) -> str:
        return "" if pd.isna(row[name]) else str(row[name])

    return cell


def _state_of_job(row: Mapping[Any, Any]) -> str:
    stalled = " (stalled)" if row["stalled"] else ""
    errors = f", {row['errors']} errors" if row["errors"] else ""
    return f"{row['state']}{stalled}{errors}"


def _load(row: Mapping[Any, Any]) -> str:
    if pd.isna(row["load"]):
        return ""
    return f"{row['load']:.1f}" + ("" if pd.isna(row["cores"]) else f" of {row['cores']}")


def _seen(name: str, word: str) -> Cell:
    def cell(row: Mapping[Any, Any]) -> str:
        age = float(row["age"])
        return f"{word.upper()} for {age:.0f} s" if row[name] else f"{age:.0f} s ago"

    return cell


def _clock(row: Mapping[Any, Any]) -> str:
    return "" if pd.isna(row["eta"]) else f"{row['eta']:%H:%M:%S}"


_ABOUT: tuple[tuple[str, str, Mapping[str, Cell]], ...] = (
    (
        "jobs",
        "job",
        {
            "job": _text("job"),
            "state": _state_of_job,
            "progress": lambda row: bar(row["progress"]),
            "done at (UTC)": _clock,
            "speed-up": _number("speed_up", ".2f"),
            "least weight": _number("weight_min", ".2f"),
        },
    ),
    (
        "nodes",
        "node",
        {
            "node": _text("node"),
            "load": _load,
            "memory": _number("memory", ".0%"),
            "in MB/s": _number("network_in", ".1f", 1e6),
            "out MB/s": _number("network_out", ".1f", 1e6),
            "works for": _text("jobs"),
            "heard": _seen("silent", "silent"),
        },
    ),
    (
        "recorders",
        "recorder",
        {
            "recorder": _text("recorder"),
            "state": _text("state"),
            "job": _text("job"),
            "scan": _text("scan"),
            "Gbit/s": _number("rate", ".2f", _GIGA),
            "modules": _text("modules"),
            "heard": _seen("inactive", "silent"),
        },
    ),
)
"""Each table: its title, the column that names its rows, and its columns."""

_SPARE = ("done at (UTC)", "speed-up", "in MB/s", "out MB/s", "scan", "modules")
_SPARE_FIRST = ("least weight", "memory", "works for", "Gbit/s")
_RESTLESS = ("done at", "speed-up", "in MB/s", "out MB/s", "memory", "Gbit/s")
