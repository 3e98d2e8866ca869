# SPDX-License-Identifier: GPL-3.0-or-later
"""Alerts put together by what they mean: one group for each trouble of each job, however often it is told.

In go texts with their severity and time, out come groups, and rows of a DataFrame. Two texts are about the same where
a rule of :mod:`difxnb.tables.causes` says so, and otherwise where nothing but their numbers differs.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import pandas as pd

from difxnb.tables import columns
from difxnb.tables.cause_rules import RULES
from difxnb.tables.causes import LONGEST, Cause, Finding, explain, find, key_of, without_numbers
from difxnb.wire.message import Severity

if TYPE_CHECKING:
    from difxnb.formats.input_model import Input

    Inputs: TypeAlias = Input | Mapping[str, Input] | None

_PLACES = {rule: place for place, rule in enumerate(RULES)}
_LEAST = int(max(Severity))
_LONGEST_NAME = 255
_MOST_SENDERS = 64
_JOB_FILES = frozenset({".input", ".difx", ".machines", ".threads", ".calc", ".im"})


class Told(NamedTuple):
    """One alert; time in unix seconds, None where it has none."""

    text: str
    severity: int | None
    time: float | None
    job: str = ""
    source: str = ""
    mpi_id: int | None = None


@dataclass(slots=True)
class Group:
    """Alerts about one and the same trouble: the one that tells it best, and what all have together."""

    told: Told
    finding: Finding | None
    severity: int | None
    first: float | None
    last: float | None
    count: int = 0
    senders: set[str] = field(default_factory=set)

    def add(self, told: Told, finding: Finding | None) -> None:
        """Take in an alert."""
        self.count += 1
        if _place(finding) <= _place(self.finding):
            self.told, self.finding = told, finding
        if told.severity is not None and (self.severity is None or told.severity < self.severity):
            self.severity = told.severity
        if told.time is not None:
            self.first = told.time if self.first is None else min(self.first, told.time)
            self.last = told.time if self.last is None else max(self.last, told.time)
        if told.source and len(self.senders) < _MOST_SENDERS:
            self.senders.add(told.source)

    def cause(self, inputs: Inputs) -> Cause:
        """What it means; the text itself where no rule knows it."""
        if self.finding is None:
            return Cause("", self.told.text)
        return explain(self.finding, inputs.get(self.told.job) if isinstance(inputs, Mapping) else inputs)

    @property
    def job(self) -> str | None:
        """Name of the job; where the sender did not say it, by the file that the text names."""
        if self.told.job or self.finding is None:
            return self.told.job or None
        file = PurePosixPath(self.finding.found.groupdict().get("file") or "")
        return file.stem if file.suffix in _JOB_FILES else None


def _place(finding: Finding | None) -> int:
    """Place of a rule in the table: of several the first has the word."""
    return len(RULES) if finding is None else _PLACES[finding.rule]


class AlertGroups:
    """Groups of alerts, of which the one heard of least recently falls out when there are too many.

    Attributes
    ----------
    dropped : int
        Groups that fell out.
    """

    def __init__(self, limit: int) -> None:
        if limit < 1:
            raise ValueError("a table of alerts needs room for at least one")
        self.limit = limit
        self.dropped = 0
        self._groups: OrderedDict[tuple[object, ...], Group] = OrderedDict()

    def __len__(self) -> int:
        return len(self._groups)

    def __iter__(self) -> Iterator[Group]:
        return iter(self._groups.values())

    def add(self, told: Told, finding: Finding | None) -> None:
        """Take in an alert, and what a rule found of it."""
        job, source = told.job[:_LONGEST_NAME], told.source[:_LONGEST_NAME]
        told = told._replace(text=told.text[:LONGEST], job=job, source=source)
        # Programs like mk5daemon have one name on all hosts.
        host = source if told.mpi_id is None or told.mpi_id < 0 else ""
        key = (job, host, *(("", without_numbers(told.text)) if finding is None else key_of(finding)))
        group = self._groups.get(key)
        if group is None:
            if len(self._groups) >= self.limit:
                self._groups.popitem(last=False)
                self.dropped += 1
            group = self._groups[key] = Group(told, finding, told.severity, told.time, told.time)
        else:
            self._groups.move_to_end(key)
        group.add(told, finding)


def _order(group: Group) -> tuple[int, float]:
    """The worst first, and of those the latest."""
    worst = _LEAST + 1 if group.severity is None else group.severity
    return worst, -(group.last or 0.0)


def alert_frame(groups: Iterable[Group], inputs: Inputs) -> pd.DataFrame:
    """Groups as rows; see :meth:`difxnb.tables.alerts.AlertTable.frame`."""
    rows = sorted(groups, key=_order)
    causes = [group.cause(inputs) for group in rows]
    return pd.DataFrame(
        {
            "severity": columns.severities(group.severity for group in rows),
            "cause": columns.texts(cause.text for cause in causes),
            "count": pd.Series([group.count for group in rows], dtype="int64"),
            "first": columns.times(group.first for group in rows),
            "last": columns.times(group.last for group in rows),
            "job": columns.texts(group.job for group in rows),
            "from": columns.texts(group.told.source or None for group in rows),
            "antenna": columns.texts(cause.antenna for cause in causes),
            "datastream": columns.integers(cause.datastream for cause in causes),
            "file": columns.texts(cause.file for cause in causes),
            "node": columns.texts(cause.node for cause in causes),
            "senders": pd.Series([len(group.senders) for group in rows], dtype="int64"),
            "rule": columns.texts(cause.rule or None for cause in causes),
            "text": columns.texts(group.told.text for group in rows),
        }
    )


def finding_of(told: Told) -> Finding | None:
    """What the rules know of an alert."""
    return find(told.text, told.mpi_id, told.source[:_LONGEST_NAME])
