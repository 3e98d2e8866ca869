# SPDX-License-Identifier: GPL-3.0-or-later
"""A session that was recorded, opened without a server.

In: a journal (:mod:`difxnb.formats.journal`), or a capture of raw traffic (:mod:`difxnb.recording.captures`). Out: the
objects that the session had.
"""

from __future__ import annotations

import secrets
import threading
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from difxnb.aio.server_info import ServerInfo
from difxnb.errors import FileFormatError
from difxnb.formats.journal import (
    Damage,
    Kind,
    encode_header,
    encode_record,
    is_journal,
    read_journal,
)
from difxnb.formats.journal_content import decode_facts, monitor_of
from difxnb.formats.new_file import new_file
from difxnb.markup import listed
from difxnb.recording.captures import read_capture
from difxnb.recording.monitor import KINDS as MONITOR_KINDS
from difxnb.recording.monitor import RecordedMonitor
from difxnb.recording.played import ByJob, Played, connections_frame, note_damage
from difxnb.recording.records import Records
from difxnb.recording.run import RecordedRun
from difxnb.recording.tables import (
    RecordedAlerts,
    RecordedJobs,
    RecordedMessages,
    RecordedNodes,
    RecordedRecorders,
)
from difxnb.tables.message_rows import unix_seconds

if TYPE_CHECKING:
    from difxnb.panels.dashboard import Dashboard
    from difxnb.recording.replay import Replay

_MESSAGES = (Kind.DATAGRAM, Kind.NOTICE, Kind.GAP)


def open_recording(path: str | Path, *, epoch: object = None) -> Recording:
    """Open a recorded session: a file that `Correlator.record` made, or a capture of raw traffic.

    Nothing but the frame of the file is read at first; messages are understood when somebody looks at them, and
    visibilities when somebody looks at those. A file that is still being written is opened up to its end as it is now.

    Parameters
    ----------
    path : path
        A recording, or a ``.jsonl`` or ``.jsonl.gz`` file with a line for each piece of traffic as it came: ``t``
        (seconds), ``conn`` (1 is the main connection), ``dir`` (``c2s`` or ``s2c``) and ``hex``.
    epoch : datetime-like or float, optional
        When a capture began (UTC; a number is unix seconds); captures do not say, and begin in 1970 without it.

    Returns
    -------
    Recording

    Raises
    ------
    FileNotFoundError
    FileFormatError
        It is neither, or a folder, or of a later version. Files that are damaged or cut are opened: see
        `Recording.damage`.
    """
    path = Path(path)
    if path.is_dir():
        raise FileFormatError(
            path, "", "a folder is no recording; tables of an export open with pandas and xarray"
        )
    with open(path, "rb") as file:
        beginning = file.read(16)
    if is_journal(beginning):
        return Recording(read_journal(path))
    if beginning[:2] == b"\x1f\x8b" or beginning[:1] == b"{" or path.name.endswith((".jsonl", ".jsonl.gz")):
        return Recording(read_capture(path, begin=0.0 if epoch is None else unix_seconds(epoch)))
    return Recording(read_journal(path))  # which says what is wrong with it


class Recording:
    """A session that was recorded. Made by `open_recording`; usable from any thread.

    Parameters
    ----------
    records : Records
        What was recorded.
    """

    def __init__(self, records: Records) -> None:
        self._records = records
        self._counts = Counter(records.kinds)
        # Not the time of the last one: runs that were there before are introduced with the times of their beginning.
        self._last = max(records.times, default=None)
        self._lock = threading.RLock()
        self._played: Played | None = None

    @property
    def path(self) -> Path:
        """The file."""
        return self._records.path

    # --- times ----------------------------------------------------------------------------------------

    @property
    def start(self) -> pd.Timestamp:
        """When it began, UTC; NaT where nothing is in it."""
        return _moment(self._start)

    @property
    def stop(self) -> pd.Timestamp:
        """Time of the last thing in it, UTC."""
        return _moment(self._stop)

    @property
    def duration(self) -> pd.Timedelta:
        """From the beginning to the end."""
        return self.stop - self.start

    @property
    def _start(self) -> float | None:
        times = self._records.times
        return times[0] if len(times) else None

    @property
    def _stop(self) -> float | None:
        return self._last

    # --- what the session had -------------------------------------------------------------------------

    @property
    def messages(self) -> RecordedMessages:
        """Everything that the server relayed and said; like `Correlator.messages`."""
        return self._session.tables.messages

    @property
    def jobs(self) -> RecordedJobs:
        """Every job that was heard of; like `Correlator.jobs`."""
        return self._session.tables.jobs

    @property
    def nodes(self) -> RecordedNodes:
        """Every host that was heard of; like `Correlator.nodes`."""
        return self._session.tables.nodes

    @property
    def recorders(self) -> RecordedRecorders:
        """Every Mark5 and Mark6 unit that was heard of; like `Correlator.recorders`."""
        return self._session.tables.recorders

    @property
    def alerts(self) -> RecordedAlerts:
        """Every trouble that was told of, once; like `Correlator.alerts`."""
        return self._session.tables.alerts

    @property
    def monitors(self) -> ByJob[RecordedMonitor]:
        """Live monitors, by job: ``dataset``, ``products``, ``fringes``, ``save``… as a `Monitor` has them."""
        return self._session.monitors

    @property
    def runs(self) -> ByJob[RecordedRun]:
        """Runs that were started or followed from here, by job."""
        return self._session.runs

    @property
    def server(self) -> ServerInfo:
        """What the server said of itself."""
        return self._session.server

    @property
    def connections(self) -> pd.DataFrame:
        """What became of the connection and of the recording itself: ``time event text``."""
        return connections_frame(self._session.connections)

    @property
    def damage(self) -> list[Damage]:
        """What could not be used of the file: first byte, end, and why. Everything else is there."""
        played = self._played
        return [*self._records.damage, *([] if played is None else played.damage)]

    @property
    def is_complete(self) -> bool:
        """Whether it was closed as it should be, and nothing of it is missing."""
        return bool(self._counts[Kind.END]) and not self.damage and not self._counts[Kind.DROPPED]

    @property
    def _session(self) -> Played:
        with self._lock:
            if self._played is None:
                expected = sum(self._counts[kind] for kind in _MESSAGES)
                played = Played(self._now, expected, fill=self._fill)
                for record in self._records.records(_ALL_BUT_BLOCKS):
                    played.take(record)
                self._played = played
            return self._played

    def _now(self) -> float:
        return self._stop or 0.0

    def _fill(self, number: int, monitor: RecordedMonitor) -> None:
        """Give a monitor its records."""
        damage = self._session.damage
        for record in self._records.records(MONITOR_KINDS):
            try:
                if _number(record.kind, record.payload) == number:
                    monitor.take(record)
            except (ValueError, OverflowError, IndexError, KeyError) as error:
                note_damage(damage, record, error)

    # --- what can be done with it ---------------------------------------------------------------------

    def panel(self) -> Dashboard:
        """Jobs, monitors, quality, messages and nodes of the session behind tabs, as `Correlator.panel` has them."""
        from difxnb.recording.panels import dashboard

        return dashboard(self)

    def replay(self, speed: float = 1.0, start: object = None, until: object = None) -> Replay:
        """Play it again: the same tables, which fill as time goes on, for panels and for practice.

        Parameters
        ----------
        speed : float
            Seconds of the recording per second; ``math.inf`` for as fast as can be. `Replay.speed` changes it.
        start, until : datetime-like or float, optional
            From and up to where (UTC; a number is seconds from the beginning of the recording). What came before
            `start` is there at once.

        Returns
        -------
        Replay
            It has begun. Close it, or use it with ``with``.

        Raises
        ------
        ValueError
            No such speed, or no time.
        """
        from difxnb.recording.replay import Replay

        begin = self._start or 0.0
        return Replay(self._records, speed, _seconds(start, begin), _seconds(until, begin))

    def anonymized(self) -> Recording:
        """The same without names of users, hosts, addresses and directories, and without the server's environment.

        The same pseudonym stands for the same name everywhere: ``user-1``, ``host-1``, ``domain-1``, ``address-1``,
        ``/path-1``. Names of experiments, jobs, antennas, sources and scans stay, but for words in them that are names
        of users or hosts; so do the names of job files, without their directories. Names that occur nowhere but in
        free text, and do not look like an address or a path there, cannot be known: look through what you publish.
        """
        from difxnb.recording.anonymous import AnonymousRecords, pseudonyms_for

        return Recording(AnonymousRecords(self._records, pseudonyms_for(self._records)))

    def export(self, path: str | Path, format: str = "parquet", *, anonymize: bool = False) -> Path:
        """Write what is in it to a folder of files that need no `difxnb` to be read.

        Tables (messages, jobs and what happened to them, weights, runs, senders, connections…) are Parquet files;
        visibilities of monitors are in `format`. ``manifest.json`` lists them.

        Parameters
        ----------
        path : path
            Folder to make.
        format : {"parquet", "zarr", "netcdf"}
            How visibilities are written; in Parquet one row for each spectrum. zarr needs ``difxnb[zarr]``.
        anonymize : bool
            Let no names of users, hosts, addresses and directories out: see `anonymized`.

        Returns
        -------
        Path
            The folder.

        Raises
        ------
        OutputExists
            There is something already; nothing is overwritten.
        ValueError
            No such format.
        """
        from difxnb.recording.export import export

        source = self.anonymized() if anonymize else self
        return export(source, path, format, is_anonymous=anonymize)

    def save_journal(self, path: str | Path, *, anonymize: bool = False) -> Path:
        """Write it as a recording of its own: a capture turned into one, or one without names, to be shared.

        Parameters
        ----------
        path : path
            File to make.
        anonymize : bool
            See `anonymized`.

        Raises
        ------
        OutputExists
            The file is there already.
        """
        source = self.anonymized() if anonymize else self
        salt = secrets.randbits(32)
        with new_file(path, "recordings") as partial, open(partial, "xb") as file:
            file.write(encode_header(salt))
            for kind, time, payload, _ in source._records.records():
                is_text = kind in (Kind.FILE, Kind.OFFER, Kind.SERVER)
                file.write(encode_record(kind, time, payload, salt, pack=is_text))
        return Path(path)

    @property
    def software(self) -> str:
        """What made the recording."""
        return self._session.software

    def __repr__(self) -> str:
        return f"<Recording {self.path.name}: {', '.join(self._facts().values())}>"

    def _repr_html_(self) -> str:
        return listed(f"Recording {self.path.name}", self._facts())

    def _facts(self) -> dict[str, str]:
        """What is in it, as far as that is known without understanding all of it."""
        counts = self._counts
        messages = sum(counts[kind] for kind in _MESSAGES)
        facts = {
            "from": "empty" if self._start is None else f"{self.start:%Y-%m-%d %H:%M:%S} UTC",
            "length": "" if self._start is None else str(self.duration.round("s")),
            "messages": f"{messages} messages",
            "visibilities": f"{counts[Kind.BLOCK]} spectra" if counts[Kind.BLOCK] else "",
            **self._names(),
            "end": "" if counts[Kind.END] else "not closed",
            "damage": _loss(self.damage),
        }
        return {name: value for name, value in facts.items() if value}

    def _names(self) -> dict[str, str]:
        """Jobs that were watched and run, once somebody has looked at anything."""
        played = self._played
        if played is None:
            return {}
        watched, run = ", ".join(played.monitors), ", ".join(played.runs)
        return {"watched": watched and f"watched {watched}", "run": run and f"run {run}"}


_ALL_BUT_BLOCKS = frozenset(Kind) - {Kind.BLOCK}


def _moment(seconds: float | None) -> pd.Timestamp:
    found = pd.NaT if seconds is None else pd.Timestamp(round(seconds * 1e9))
    assert isinstance(found, pd.Timestamp) or found is pd.NaT
    return found  # type: ignore[return-value]  # NaT, where there is none


def _seconds(value: object, begin: float) -> float | None:
    if value is None:
        return None
    if isinstance(value, int | float):
        return begin + value
    if isinstance(value, pd.Timedelta):
        return begin + value.total_seconds()
    return unix_seconds(value)


def _number(kind: int, payload: bytes) -> int:
    return monitor_of(payload) if kind == Kind.BLOCK else int(decode_facts(payload).get("monitor", 0))


def _loss(damage: list[Damage]) -> str:
    if not damage:
        return ""
    lost = sum(one.end - one.begin for one in damage)
    places = "one place" if len(damage) == 1 else f"{len(damage)} places"
    return f"damaged in {places}, {lost} bytes lost"
