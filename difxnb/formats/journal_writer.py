# SPDX-License-Identifier: GPL-3.0-or-later
"""The thread that writes a journal, so that a slow disk never holds up a connection.

In: records, from any thread, without waiting. Out: a growing file. Every fifth of a second what has come is written,
and so outlives the end of the process, however that comes; every five seconds it is also made to outlive the end of
the machine (fsync). Between the two is a queue with a limit: what does not fit is counted, and the count is written
when there is room again. Whoever says more than can be written meanwhile (some 100,000 records a second are) has what
is in that queue to lose, too. Where the disk is full the writer tries again each second, and the queue fills.
"""

from __future__ import annotations

import logging
import os
import secrets
import threading
import time as clock
from collections import deque
from collections.abc import Callable
from pathlib import Path

from difxnb.errors import OutputExists, RecordingFailed
from difxnb.formats.journal import MAX_PAYLOAD, RECORD_BYTES, Kind, encode_header, encode_record
from difxnb.formats.journal_content import encode_facts

LIMIT_BYTES = 64 * 2**20
"""Bytes that wait to be written at most."""
GATHER_SECONDS = 0.2
SYNC_SECONDS = 5.0
_RETRY_SECONDS = 1.0
_PIECE = 2**18  # bytes written at once
_PACKED_FROM = 512  # payloads of text from this length on are worth the time to pack them

_log = logging.getLogger(__name__)


class JournalWriter:
    """Writes records to a file that did not exist, on a thread of its own.

    Parameters
    ----------
    path : Path
    on_failure : callable
        Called on the writer's thread when writing fails, once until it works again; must not raise.
    limit_bytes : int
        Bytes that wait at most.

    Attributes
    ----------
    written : int
        Bytes in the file.
    dropped : int
        Records that there was no room for.
    failure : RecordingFailed or None
        Why nothing can be written for the moment, or for good after `close`.

    Raises
    ------
    OutputExists
        The file is there already.
    RecordingFailed
        It cannot be made.
    """

    def __init__(
        self, path: Path, on_failure: Callable[[RecordingFailed], None], *, limit_bytes: int = LIMIT_BYTES
    ) -> None:
        self.path, self.written, self.dropped = path, 0, 0
        self.failure: RecordingFailed | None = None
        self._on_failure, self._limit = on_failure, limit_bytes
        self._salt = secrets.randbits(32)
        self._queue: deque[tuple[int, float, bytes, bool]] = deque()
        self._waiting = 0
        self._lost: list[float] = []  # records, bytes, since when, until when
        self._lock = threading.Lock()
        self._filled, self._closing = threading.Event(), threading.Event()
        self._unwritten = bytearray(encode_header(self._salt))
        self._is_synced, self._sync_due = True, 0.0
        self._file = _new_file(path)
        self._write_out()
        self._thread = threading.Thread(target=self._run, name=f"difxnb journal {path.name}", daemon=True)
        self._thread.start()

    @property
    def closed(self) -> bool:
        """Whether nothing is taken any more."""
        return self._closing.is_set()

    def put(self, kind: int, time: float, payload: bytes, *, pack: bool = False) -> bool:
        """Take a record; whether there was room for it. Never waits."""
        size = len(payload) + RECORD_BYTES
        with self._lock:
            if self._closing.is_set():
                return False
            if self._waiting + size > self._limit or len(payload) > MAX_PAYLOAD:
                self._note_lost(size, time)
                return False
            self._tell_lost(time)
            self._queue.append((kind, time, payload, pack))
            self._waiting += size
        if not self._filled.is_set():
            self._filled.set()
        return True

    def close(self, timeout: float | None = None) -> None:
        """Write what waits, and close the file. A second call does nothing."""
        with self._lock:
            if not self._closing.is_set():
                self._tell_lost(clock.time())
                self._closing.set()
        self._filled.set()
        if threading.current_thread() is not self._thread:
            self._thread.join(timeout)

    # --- what does not fit ----------------------------------------------------------------------------

    def _note_lost(self, size: int, time: float) -> None:
        self.dropped += 1
        if not self._lost:
            self._lost = [0, 0, time, time]
        self._lost[0] += 1
        self._lost[1] += size
        self._lost[3] = time

    def _tell_lost(self, time: float) -> None:
        """Put the count of what was lost before what comes after it."""
        if self._lost:
            records, size, since, until = self._lost
            facts = encode_facts(records=int(records), bytes=int(size), since=since, until=until)
            self._queue.append((Kind.DROPPED, time, facts, False))
            self._lost = []

    # --- the thread -----------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            while not self._closing.is_set():
                self._filled.wait(None if self._is_synced else SYNC_SECONDS)
                self._closing.wait(GATHER_SECONDS if self.failure is None else _RETRY_SECONDS)
                self._filled.clear()
                self._write_all()
                if self._unwritten:
                    self._filled.set()
            self._finish()
        finally:
            os.close(self._file)

    def _finish(self) -> None:
        self._write_all()
        if self.failure is None:
            self._sync_or_tell()
        else:
            left = len(self._unwritten) + self._waiting
            _log.error("%s: %d bytes were not written: %s", self.path, left, self.failure)

    def _write_all(self) -> None:
        """Write what waits, piece by piece: a crash must not cost the whole of much that came at once."""
        while True:
            self._take_in()
            self._write_out()
            if self.failure is not None or not self._queue:
                return

    def _take_in(self) -> None:
        """Make a piece of bytes of what waits; while it cannot be written no more are made."""
        while self._queue and len(self._unwritten) < _PIECE:
            with self._lock:
                kind, time, payload, pack = self._queue.popleft()
                self._waiting -= len(payload) + RECORD_BYTES if kind != Kind.DROPPED else 0
            packed = pack and len(payload) >= _PACKED_FROM
            self._unwritten += encode_record(kind, time, payload, self._salt, pack=packed)

    def _write_out(self) -> None:
        try:
            while self._unwritten:
                done = os.write(self._file, self._unwritten)
                self.written += done
                del self._unwritten[:done]
                if self._is_synced:
                    self._is_synced, self._sync_due = False, clock.monotonic() + SYNC_SECONDS
            if not self._is_synced and clock.monotonic() >= self._sync_due:
                self._sync()
            self.failure = None
        except OSError as error:
            self._fail(error)

    def _sync(self) -> None:
        self._is_synced = True
        os.fsync(self._file)

    def _sync_or_tell(self) -> None:
        try:
            self._sync()
        except OSError as error:
            self._fail(error)

    def _fail(self, error: OSError) -> None:
        is_first = self.failure is None
        self.failure = RecordingFailed(
            f"{self.path} cannot be written: {error.strerror}. The session goes on, what is heard meanwhile is kept as "
            f"long as there is room for it ({self._limit} bytes), and the writing goes on as soon as it can"
        )
        self.failure.__cause__ = error
        if is_first:
            _log.error("%s", self.failure)
            self._on_failure(self.failure)


def _new_file(path: Path) -> int:
    try:
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o666)
    except FileExistsError as error:
        raise OutputExists(
            f"{path} exists already; a recording is not written over it. Choose another name"
        ) from error
    except OSError as error:
        raise RecordingFailed(f"{path} cannot be made: {error.strerror}; nothing is recorded") from error
