# SPDX-License-Identifier: GPL-3.0-or-later
"""Telling what somebody chose in a widget from what the painter wrote into it."""

from __future__ import annotations

import threading
from types import TracebackType


class Echo:
    """Entered, with ``with``, by a thread that writes input widgets; their callbacks ask whether it was this."""

    def __init__(self) -> None:
        self._writing = threading.Lock()
        self._writer: int | None = None

    @property
    def is_heard(self) -> bool:
        """Whether the callback that asks was called by what is being written."""
        return self._writer == threading.get_ident()

    def __enter__(self) -> None:
        self._writing.acquire()
        self._writer = threading.get_ident()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer = None
        self._writing.release()
