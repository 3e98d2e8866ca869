# SPDX-License-Identifier: GPL-3.0-or-later
"""A recording that is being made: a session, written to a journal while it goes on."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from types import TracebackType

from difxnb.aio.tape import Situation, Tape
from difxnb.errors import DifxError, RecordingFailed, RecordingInterrupted
from difxnb.formats.journal_writer import JournalWriter

_log = logging.getLogger(__name__)


class SessionRecorder:
    """Records a session to a file. Made by `Correlator.record`.

    Attributes
    ----------
    path : Path
        The file; :func:`difxnb.open_recording` opens it, also while it grows, and after a crash.
    """

    def __init__(
        self, path: str | Path, tape: Tape, situation: Situation, *, warn: Callable[[Warning], None]
    ) -> None:
        self.path = Path(path)
        self._tape, self._warn = tape, warn
        self._loop = asyncio.get_running_loop()
        self._writer = JournalWriter(self.path, self._tell_of_failure)
        tape.begin(self._writer, situation, software=f"difxnb {version('difxnb')}")

    @property
    def bytes(self) -> int:
        """Bytes in the file so far."""
        return self._writer.written

    @property
    def dropped(self) -> int:
        """Records that there was no room for, because the disk was too slow, or full."""
        return self._writer.dropped

    @property
    def failure(self) -> DifxError | None:
        """Why nothing can be written for the moment; at the end, why the last part is missing."""
        return self._writer.failure

    @property
    def closed(self) -> bool:
        """Whether nothing is recorded any more."""
        return self._writer.closed

    async def stop(self) -> None:
        """End the recording; everything heard before is in the file then. A second call does nothing."""
        self._tape.end(self._writer)
        await asyncio.shield(asyncio.to_thread(self._writer.close))

    def _tell_of_failure(self, failure: RecordingFailed) -> None:
        """Warn, on the loop's thread; called on the writer's."""
        try:
            self._loop.call_soon_threadsafe(self._warn, RecordingInterrupted(str(failure)))
        except RuntimeError:
            _log.info("nobody is left to be warned: the loop has ended")

    async def __aenter__(self) -> SessionRecorder:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    def __repr__(self) -> str:
        state = "closed" if self.closed else "recording"
        state = f"failing: {self.failure}" if self.failure is not None else state
        return (
            f"<SessionRecorder to {self.path}: {state}, {self.bytes} bytes, {self.dropped} records dropped>"
        )
