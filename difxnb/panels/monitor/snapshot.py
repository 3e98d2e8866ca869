# SPDX-License-Identifier: GPL-3.0-or-later
"""All that a panel of visibilities shows, at one moment."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from difxnb.panels.monitor.gathering import Data
from difxnb.panels.monitor.history import Scan
from difxnb.panels.monitor.looking import Looking
from difxnb.panels.monitor.names import Chosen, Offered, shown_baselines, shown_polarizations
from difxnb.panels.monitor.numbers import FringeRow, fringe_rows
from difxnb.panels.monitor.snr_matrix import SnrMatrix, chosen_rows, matrix_of, scan_rows
from difxnb.panels.monitor.source import Source

_SHOWN_TEXTS = 3


@dataclass(frozen=True)
class Condition:
    """How a source is.

    Attributes
    ----------
    state : str
        ``"not looked at yet"``, ``"live"``, ``"interrupted"``, ``"failed"``, ``"ended"`` or ``"not live"``.
    why : str
        What was said of it.
    is_final : bool
        Nothing more will come.
    version, dropped, passed_over : int
        Counts of the source.
    texts : tuple of str
        The last things that the server's monitor said.
    silent_minutes : int
        Whole minutes for which a live source has had nothing new.
    """

    state: str = "not looked at yet"
    why: str = ""
    is_final: bool = False
    version: int = 0
    dropped: int = 0
    passed_over: int = 0
    texts: tuple[str, ...] = ()
    silent_minutes: int = 0


def condition_of(source: Source) -> Condition:
    """How a source is now."""
    closed, failure, interruption = source.closed, source.failure, source.interruption
    is_live = hasattr(source, "select")
    state = "ended" if is_live else "not live"
    if failure:
        state = "failed"
    elif interruption:
        state = "interrupted"
    elif not closed:
        state = "live"
    return Condition(
        state,
        str(failure or interruption or ""),
        closed,
        source.version,
        source.dropped,
        source.passed_over,
        tuple(source.texts[-_SHOWN_TEXTS:]),
    )


class Listening:
    """How a source is, and for how long nothing new has come of it.

    Parameters
    ----------
    source : Source
    clock : callable
        Gives seconds.
    """

    def __init__(self, source: Source, clock: Callable[[], float] = time.monotonic) -> None:
        self._source, self._clock = source, clock
        self._heard = clock()
        self._version = source.version

    def condition(self) -> Condition:
        """As it is now."""
        found, now = condition_of(self._source), self._clock()
        if found.version != self._version:
            self._version, self._heard = found.version, now
        if found.state != "live":
            return found
        return replace(found, silent_minutes=int((now - self._heard) // 60))


@dataclass(frozen=True)
class MonitorSnapshot:
    """What is shown.

    Attributes
    ----------
    job : str
        Name of the job; empty where unknown.
    condition : Condition
    offered : Offered
        What can be chosen.
    chosen : Chosen
        What is.
    baselines, polarizations : tuple of str
        What that shows.
    is_held : bool
        The picture stands still, though more may come.
    count, place : int
        Integrations at hand, and which of them is the newest that is shown; -1 without any.
    time : datetime64, optional
        Its middle, UTC.
    scan : Scan, optional
        Its scan.
    only_scan : str, optional
        The one that was chosen alone.
    scans : tuple of Scan
        Those at hand.
    scan_names : tuple of str
        All that were ever seen.
    rows, left_out : tuple of FringeRow, int
        Fringes of what is shown, and how many more there are.
    fringes_scan : str
        The scan of these.
    matrix : SnrMatrix
    under_way : tuple of str
        What has been asked for and has not ended.
    message, is_problem : str, bool
        What came of what was asked for, in words.
    version : int
        Moves with every change.
    data_version : int
        Moves with the data.
    """

    job: str
    condition: Condition
    offered: Offered
    chosen: Chosen
    baselines: tuple[str, ...]
    polarizations: tuple[str, ...]
    is_held: bool
    count: int
    place: int
    time: np.datetime64 | None
    scan: Scan | None
    only_scan: str | None
    scans: tuple[Scan, ...]
    scan_names: tuple[str, ...]
    rows: tuple[FringeRow, ...]
    left_out: int
    fringes_scan: str
    matrix: SnrMatrix
    under_way: tuple[str, ...]
    message: str
    is_problem: bool
    version: int
    data_version: int


@dataclass(frozen=True)
class Said:
    """What came of what was asked for.

    Attributes
    ----------
    text : str
        In words.
    is_problem : bool
    """

    text: str = ""
    is_problem: bool = False


@dataclass(frozen=True)
class Digest:
    """What is shown of a table of fringes.

    Attributes
    ----------
    rows, left_out : tuple of FringeRow, int
        Those of what is shown, and how many more there are.
    scan : str
        Their scan.
    scan_names : tuple of str
        All scans of the table.
    matrix : SnrMatrix
    """

    rows: tuple[FringeRow, ...]
    left_out: int
    scan: str
    scan_names: tuple[str, ...]
    matrix: SnrMatrix


def digest_of(fringes: pd.DataFrame, offered: Offered, chosen: Chosen, scan: str | None) -> Digest:
    """Rows and matrix of a scan; of the newest where none is named."""
    baselines, polarizations = shown_baselines(chosen, offered), shown_polarizations(chosen, offered)
    of_scan, name = scan_rows(fringes, scan)
    rows, left_out = fringe_rows(
        chosen_rows(of_scan, baselines, chosen.bands, polarizations), chosen.reference
    )
    of_matrix = chosen_rows(of_scan, offered.baselines, chosen.bands, polarizations)
    names = () if fringes.empty else tuple(map(str, fringes["scan"].unique()))
    return Digest(rows, left_out, name, names, matrix_of(of_matrix, offered, name))


class LastDigest:
    """Digests of tables; the last one is kept, since fringes change much less often than everything else."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._of: tuple[pd.DataFrame, Offered, Chosen, str | None] | None = None
        self._digest: Digest | None = None

    def get(self, fringes: pd.DataFrame, offered: Offered, chosen: Chosen, scan: str | None) -> Digest:
        """As `digest_of`."""
        with self._lock:
            last = self._of
            if (
                self._digest is None
                or last is None
                or last[0] is not fringes
                or last[1:] != (offered, chosen, scan)
            ):
                self._of = (fringes, offered, chosen, scan)
                self._digest = digest_of(fringes, offered, chosen, scan)
            return self._digest


def snapshot_of(
    data: Data,
    condition: Condition,
    looking: Looking,
    said: Said,
    *,
    digests: LastDigest,
    under_way: tuple[str, ...],
    version: int,
) -> MonitorSnapshot:
    """What a look at some data shows."""
    chosen, offered, history = looking.chosen, data.offered, data.history
    place = looking.place(history)
    scan = history.scan(place)
    at_scan = looking.scan or (scan.name if looking.is_held and scan is not None else None)
    digest = digests.get(data.fringes, offered, chosen, at_scan)
    at_hand = (scan.name for scan in history.scans)
    return MonitorSnapshot(
        job=str(data.dataset.attrs.get("job", "")) if data.dataset is not None else "",
        condition=condition,
        offered=offered,
        chosen=chosen,
        baselines=shown_baselines(chosen, offered),
        polarizations=shown_polarizations(chosen, offered),
        is_held=looking.is_held,
        count=len(history),
        place=place,
        time=history.time(place),
        scan=scan,
        only_scan=looking.scan,
        scans=history.scans,
        scan_names=tuple(dict.fromkeys([*digest.scan_names, *at_hand])),
        rows=digest.rows,
        left_out=digest.left_out,
        fringes_scan=digest.scan,
        matrix=digest.matrix,
        under_way=under_way,
        message=said.text,
        is_problem=said.is_problem,
        version=version,
        data_version=data.version,
    )
