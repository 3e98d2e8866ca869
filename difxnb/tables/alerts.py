# SPDX-License-Identifier: GPL-3.0-or-later
"""Alerts, each trouble once: how often it was told, when first and last, how bad it is, and what it means.

In go messages with the time they were received, or a frame of messages, or of a log; out come DataFrames. Texts and
severities follow ``difxmessage.md`` 6.2 and 7.1; what they mean is in :mod:`difxnb.tables.causes`.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from difxnb.markup import titled
from difxnb.tables.alert_groups import AlertGroups, Told, alert_frame, finding_of
from difxnb.tables.columns import SEVERITIES
from difxnb.tables.message_rows import Item, require_texts, severity_number, unix_seconds
from difxnb.tables.traffic import Recent
from difxnb.wire.control import Notice, NoticeSeverity
from difxnb.wire.message import Alert, JobState, Message, Severity, Status

if TYPE_CHECKING:
    from difxnb.formats.input_model import Input

_REMEMBERED = 256
_MOST_INPUTS = 1000
_CACHED_FRAMES = 8
_SHOWN = ("severity", "cause", "count", "first", "last", "job", "from")
_GUISERVER = "guiServer"
_NOTICES = {
    NoticeSeverity.INFORMATION: Severity.INFO,
    NoticeSeverity.WARNING: Severity.WARNING,
    NoticeSeverity.ERROR: Severity.ERROR,
}
_BAD_STATES = frozenset({JobState.REFUSED, JobState.ABORTING, JobState.CRASHED})


class AlertTable:
    """Every alert that was heard, each trouble of each job in one row.

    Alerts come from mpifxcorr, mk5daemon and their tools. Three more things count as one: a job that was refused, was
    aborted or crashed; and of what guiServer says those texts of which the trouble is known, because it says much of
    its ordinary course as an error. One thread may add while others look.

    Parameters
    ----------
    limit : int
        Most rows of warnings and worse; the one heard of least recently falls out.
    limit_progress : int
        Most rows of anything less severe.

    Attributes
    ----------
    version : int
        Moves with every alert.
    duplicates : int
        Messages that came again, and were passed over.
    """

    def __init__(self, limit: int = 2000, *, limit_progress: int = 1000) -> None:
        self.version = self.duplicates = 0
        self._severe, self._progress = AlertGroups(limit), AlertGroups(limit_progress)
        self._inputs: OrderedDict[str, Input] = OrderedDict()
        self._recent = Recent(_REMEMBERED)
        self._frames: dict[Any, pd.DataFrame] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._severe)

    @property
    def dropped(self) -> int:
        """Rows that fell out."""
        return self._severe.dropped + self._progress.dropped

    def name_antennas(self, job: str, input: Input) -> None:
        """Let the causes of a job name its antennas and tell whose file is meant."""
        with self._lock:
            self._inputs[job] = input
            self._inputs.move_to_end(job)
            if len(self._inputs) > _MOST_INPUTS:
                self._inputs.popitem(last=False)
            self.version += 1

    def add(self, item: Item, time: float) -> None:
        """Take in one message; what is no alert is passed over."""
        told = _told(item, time)
        if told is None:
            return
        finding = finding_of(told)
        if isinstance(item, Notice) and (finding is None or finding.rule.is_progress):
            return
        with self._lock:
            if isinstance(item, Message) and self._is_repeated(item):
                self.duplicates += 1
                return
            is_severe = told.severity is not None and told.severity <= Severity.WARNING
            (self._severe if is_severe else self._progress).add(told, finding)
            self.version += 1

    def frame(
        self, severity: str | int | None = "warning", job: str | None = None, since: object = None
    ) -> pd.DataFrame:
        """One row per trouble, the worst first, and of those the latest.

        Parameters
        ----------
        severity : str or int, optional
            This severity or worse; None for all, which tells the ordinary course of jobs as well.
        job : str, optional
            Of this job only.
        since : datetime-like or float, optional
            Last told at this time (UTC; a number is unix seconds) or later.

        Returns
        -------
        DataFrame
            ``severity`` (ordered; the worst it was told with), ``cause`` (in plain language; the text itself where no
            rule knows it), ``count``, ``first``, ``last`` (UTC, received), ``job`` (None where the sender did not say
            it), ``from`` (host that told it as `text`), ``antenna`` (where the ``.input`` file of the job has been
            read), ``datastream`` (index in the job), ``file``, ``node``, ``senders`` (hosts, up to 64), ``rule``
            (that knew it; None), ``text`` (the latest of the most telling kind). ``attrs["dropped"]`` counts rows that
            fell out.

        Raises
        ------
        ValueError, TypeError
            There is no such severity; what is no time, or no name.
        """
        worst = None if severity is None else severity_number(severity)
        require_texts(job=job)
        start = None if since is None else unix_seconds(since)
        key = (worst, job, start)
        with self._lock:
            cached = self._frames.get(key)
            if cached is not None and cached.attrs["version"] == self.version:
                return cached.copy(deep=False)
            frame = self._made(worst, job, start)
            frame.attrs.update(version=self.version, dropped=self.dropped)
            self._frames = {
                old: kept for old, kept in self._frames.items() if kept.attrs["version"] == self.version
            }
            if len(self._frames) < _CACHED_FRAMES:
                self._frames[key] = frame
        return frame.copy(deep=False)

    def _made(self, worst: int | None, job: str | None, start: float | None) -> pd.DataFrame:
        pools = (
            (self._severe,)
            if worst is not None and worst <= Severity.WARNING
            else (self._severe, self._progress)
        )
        groups = [
            group
            for pool in pools
            for group in pool
            if (worst is None or (group.severity is not None and group.severity <= worst))
            and (job is None or group.job == job)
            and (start is None or (group.last is not None and group.last >= start))
        ]
        return alert_frame(groups, self._inputs)

    def _is_repeated(self, item: Message) -> bool:
        # A counter that does not count is no proof: some programs send 0 or -1 with everything.
        if item.sequence is None or item.sequence <= 0:
            return False
        return self._recent.has_seen((item.header, item.sequence, item.body))

    def __repr__(self) -> str:
        with self._lock:
            told = sum(group.count for group in self._severe)
        dropped = f", {self.dropped} dropped" if self.dropped else ""
        return f"<AlertTable: {len(self)} kinds of trouble, told {told} times{dropped}>"

    def _repr_html_(self) -> str:
        return titled(repr(self), self.frame()[list(_SHOWN)])


def _told(item: Item, time: float) -> Told | None:
    """The alert in a message; None where there is none."""
    if isinstance(item, Notice):
        return Told(item.text.strip(), int(_NOTICES[item.severity]), time, source=_GUISERVER)
    if not isinstance(item, Message):
        return None
    header, body = item.header, item.body
    if isinstance(body, Alert) and body.text:
        return Told(body.text, body.severity, time, header.identifier, header.source, header.mpi_id)
    if isinstance(body, Status) and body.state in _BAD_STATES:
        text = f"{body.state}: {body.message}" if body.message else str(body.state)
        return Told(text, int(Severity.ERROR), time, header.identifier, header.source, header.mpi_id)
    return None


def gather_alerts(
    frame: pd.DataFrame,
    input: Input | Mapping[str, Input] | None = None,
    *,
    severity: str | int | None = "warning",
) -> pd.DataFrame:
    """Alerts of a frame of messages or of a ``.difxlog``, each trouble once.

    Parameters
    ----------
    frame : DataFrame
        From ``messages.frame()`` or ``read_difxlog(path).frame()``: rows with a severity count.
    input : Input or mapping of job to Input, optional
        Names the antennas.
    severity : str or int, optional
        This severity or worse; None for all, which tells the ordinary course of jobs as well.

    Returns
    -------
    DataFrame
        As :meth:`AlertTable.frame`; times are those of `frame`, NaT where it has none.

    Examples
    --------
    >>> log = difxnb.read_difxlog("e_1.difxlog")  # doctest: +SKIP
    >>> gather_alerts(log.frame(run=-1), difxnb.read_input("e_1.input"))  # doctest: +SKIP
    """
    least = len(SEVERITIES) - 1
    codes = frame["severity"].cat.codes.to_numpy()
    worst = least if severity is None else severity_number(severity)
    wanted = (codes >= least - worst) & frame["text"].notna().to_numpy()
    groups = AlertGroups(max(1, int(wanted.sum())))
    for told in _read(frame.loc[wanted], least - codes[wanted]):
        groups.add(told, finding_of(told))
    return alert_frame(groups, input)


def _read(rows: pd.DataFrame, severities: np.ndarray[Any, Any]) -> list[Told]:
    stamps = rows["time"].to_numpy(dtype="datetime64[ns]")
    seconds = np.where(np.isnat(stamps), np.nan, stamps.astype(np.int64) / 1e9)
    return [
        Told(
            text,
            int(worst),
            None if np.isnan(time) else float(time),
            job or "",
            source or "",
            None if pd.isna(mpi_id) else int(mpi_id),
        )
        for text, worst, time, job, source, mpi_id in zip(
            rows["text"], severities, seconds, rows["job"], rows["from"], rows["mpi_id"], strict=True
        )
    ]
