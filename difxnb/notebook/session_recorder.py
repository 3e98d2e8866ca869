# SPDX-License-Identifier: GPL-3.0-or-later
"""A recording that is being made, as a cell holds it."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from difxnb import aio
from difxnb.client.blocking import LoopThread
from difxnb.markup import listed

if TYPE_CHECKING:
    from difxnb.errors import DifxError


class SessionRecorder:
    """Records a session to a file. Stop it, or use it with ``with``; closing the connection stops it, too."""

    def __init__(self, inner: aio.SessionRecorder, loop: LoopThread) -> None:
        self._inner, self._loop = inner, loop

    @property
    def path(self) -> Path:
        """The file; :func:`difxnb.open_recording` opens it, also while it grows, and after a crash."""
        return self._inner.path

    @property
    def bytes(self) -> int:
        """Bytes in the file so far."""
        return self._inner.bytes

    @property
    def dropped(self) -> int:
        """Records that there was no room for, because the disk was too slow, or full."""
        return self._inner.dropped

    @property
    def failure(self) -> DifxError | None:
        """Why nothing can be written for the moment; at the end, why the last part is missing."""
        return self._inner.failure

    @property
    def closed(self) -> bool:
        """Whether nothing is recorded any more."""
        return self._inner.closed

    def stop(self) -> None:
        """End the recording; everything heard before is in the file then. A second call does nothing."""
        if self._loop.running:
            self._loop.call(self._inner.stop())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def __repr__(self) -> str:
        return repr(self._inner)

    def _repr_html_(self) -> str:
        facts = {"file": str(self.path), "bytes": f"{self.bytes}", "dropped": f"{self.dropped}"}
        return listed(repr(self), facts)
