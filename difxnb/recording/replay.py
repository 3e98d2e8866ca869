# SPDX-License-Identifier: GPL-3.0-or-later
"""A recorded session, played again: the tables fill as they did then, at any speed.

In: records with their times. Out: the objects of the session, and the moment that it has come to. One thread puts the
records in; it ends with the last one, or with `Replay.close`.
"""

from __future__ import annotations

import asyncio
import math
import threading
import time as clock
from collections import Counter
from collections.abc import Generator
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import pandas as pd

from difxnb.aio.server_info import ServerInfo
from difxnb.errors import DifxError, NoReply
from difxnb.formats.journal import Kind, Record
from difxnb.recording.monitor import RecordedMonitor
from difxnb.recording.played import ByJob, Played
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

_MESSAGES = (Kind.DATAGRAM, Kind.NOTICE, Kind.GAP)
_LATEST = 9.2e9  # unix seconds that nanoseconds in 64 bits can hold


if TYPE_CHECKING:
    from difxnb.panels.dashboard import Dashboard


class Replay:
    """A recorded session that goes on again. Made by `Recording.replay`; looking at it never waits.

    Parameters
    ----------
    records : Records
    speed : float
        Seconds of the recording per second.
    start, until : float, optional
        From and up to where, unix seconds.
    """

    def __init__(
        self, records: Records, speed: float, start: float | None = None, until: float | None = None
    ) -> None:
        times = records.times
        self._start = start if start is not None else (times[0] if len(times) else 0.0)
        self._until = until if until is not None else math.inf
        if not abs(self._start) < _LATEST:
            raise ValueError(f"a replay starts at a time; got {self._start} s")
        if not self._until >= self._start:
            raise ValueError("a replay ends after its start")
        self._end = max(self._start, min(self._until, max(times, default=self._start)))
        self._records = records
        self._change = threading.Condition()
        self._reached, self._since = self._start, clock.monotonic()
        self._speed = _as_speed(speed)
        self._is_paused = self._is_closed = False
        self._finished = threading.Event()
        self._waiting: list[tuple[asyncio.AbstractEventLoop, asyncio.Future[None]]] = []
        self.failure: DifxError | None = None
        counts = Counter(records.kinds)
        self._played = Played(lambda: self._reached_now(), sum(counts[kind] for kind in _MESSAGES))
        self._thread = threading.Thread(
            target=self._run, name=f"difxnb replay {records.path.name}", daemon=True
        )
        self._thread.start()

    # --- what the session had -------------------------------------------------------------------------

    @property
    def messages(self) -> RecordedMessages:
        """Everything that was relayed and said up to now."""
        return self._played.tables.messages

    @property
    def jobs(self) -> RecordedJobs:
        """Every job heard of up to now."""
        return self._played.tables.jobs

    @property
    def nodes(self) -> RecordedNodes:
        """Every host that was heard of up to now; like `Correlator.nodes`."""
        return self._played.tables.nodes

    @property
    def recorders(self) -> RecordedRecorders:
        """Every Mark5 and Mark6 unit that was heard of up to now; like `Correlator.recorders`."""
        return self._played.tables.recorders

    @property
    def alerts(self) -> RecordedAlerts:
        """Every trouble that was told of up to now, once; like `Correlator.alerts`."""
        return self._played.tables.alerts

    @property
    def monitors(self) -> ByJob[RecordedMonitor]:
        """Live monitors up to now, by job."""
        return self._played.monitors

    @property
    def runs(self) -> ByJob[RecordedRun]:
        """Runs up to now, by job."""
        return self._played.runs

    @property
    def server(self) -> ServerInfo:
        """What the server said of itself."""
        return self._played.server

    def panel(self) -> Dashboard:
        """What the session had up to now behind tabs, which fill as time goes on; see `Recording.panel`."""
        from difxnb.recording.panels import dashboard

        return dashboard(self)

    # --- its clock ------------------------------------------------------------------------------------

    @property
    def time(self) -> pd.Timestamp:
        """The moment of the recording that it has come to, UTC."""
        return pd.Timestamp(round(self._reached_now() * 1e9))

    @property
    def speed(self) -> float:
        """Seconds of the recording per second; to be set to another one at any time."""
        return self._speed

    @speed.setter
    def speed(self, speed: float) -> None:
        speed = _as_speed(speed)
        with self._change:
            self._settle()
            self._speed = speed
            self._change.notify_all()

    @property
    def paused(self) -> bool:
        """Whether it stands still."""
        return self._is_paused

    @property
    def finished(self) -> bool:
        """Whether it has come to its end, or was closed."""
        return self._finished.is_set()

    @property
    def closed(self) -> bool:
        """Whether it was closed."""
        return self._is_closed

    def pause(self) -> None:
        """Stand still, until `resume`."""
        self._set_paused(True)

    def resume(self) -> None:
        """Go on."""
        self._set_paused(False)

    def seek(self, time: object) -> None:
        """Go on from a later moment; what lies between comes at once.

        Parameters
        ----------
        time : datetime-like or float
            UTC; a number is seconds from the beginning of the replay. Behind the end means the end.

        Raises
        ------
        ValueError
            It lies behind what has come already: tables only grow. Begin another replay.
        """
        wanted = self._start + time if isinstance(time, int | float) else unix_seconds(time)
        with self._change:
            if not wanted >= self._reached_now():
                raise ValueError("a replay goes forward only; begin another one with start=")
            self._reached, self._since = min(wanted, self._end), clock.monotonic()
            self._change.notify_all()

    def wait(self, timeout: float | None = None) -> None:
        """Wait for the end.

        Raises
        ------
        NoReply
            `timeout` seconds have passed; it goes on.
        DifxError
            The file of the recording could not be read any further.
        """
        if not self._finished.wait(timeout):
            raise NoReply(f"the replay still runs after {timeout:g} s, and goes on")
        if self.failure is not None:
            raise self.failure

    def __await__(self) -> Generator[Any, None, None]:
        return self._ended().__await__()

    async def _ended(self) -> None:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        with self._change:
            if not self._finished.is_set():
                self._waiting.append((loop, future))
            else:
                future.set_result(None)
        await future
        if self.failure is not None:
            raise self.failure

    def close(self) -> None:
        """End it; what has come stays. A second call does nothing."""
        with self._change:
            self._is_closed = True
            self._change.notify_all()
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # --- the thread -----------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            for record in self._records.records():
                if not self._comes(record):
                    break
                self._played.take(record)
        except (DifxError, OSError) as error:
            self.failure = error if isinstance(error, DifxError) else DifxError(str(error))
        finally:
            with self._change:
                self._settle()
                self._finished.set()
                waiting, self._waiting = self._waiting, []
            for loop, future in waiting:
                if not loop.is_closed():
                    loop.call_soon_threadsafe(_finish, future)

    def _comes(self, record: Record) -> bool:
        """Wait for the turn of a record; False where it does not come."""
        with self._change:
            while not self._is_closed and record.time <= self._until:
                left = math.inf if self._is_paused else record.time - self._reached_now()
                if self._is_paused:
                    self._change.wait()
                elif left <= 0:
                    return True
                elif math.isinf(self._speed):
                    self._reached = record.time
                    return True
                else:
                    self._change.wait(min(left / self._speed, threading.TIMEOUT_MAX))
        return False

    def _reached_now(self) -> float:
        if self._is_paused or math.isinf(self._speed) or self._finished.is_set():
            return self._reached
        return min(self._reached + (clock.monotonic() - self._since) * self._speed, self._end)

    def _settle(self) -> None:
        """Count from now on with another speed."""
        self._reached, self._since = self._reached_now(), clock.monotonic()

    def _set_paused(self, paused: bool) -> None:
        with self._change:
            self._settle()
            self._is_paused = paused
            self._change.notify_all()

    def __repr__(self) -> str:
        state = (
            "closed" if self.closed else "at its end" if self.finished else f"{self.speed:g} times as fast"
        )
        state = "paused" if self.paused and not self.finished else state
        return f"<Replay of {self._records.path.name}: {self.time:%Y-%m-%d %H:%M:%S} UTC, {state}>"


def _finish(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


def _as_speed(speed: float) -> float:
    if not isinstance(speed, int | float) or not speed > 0:
        raise ValueError(f"a replay goes forward: speed is more than 0, or math.inf; got {speed!r}")
    return float(speed)
