# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests for the version list and their answers, which come in the order of the requests.

guiServer has no acknowledgements; the end of the version list is used as one (guiserver.md 9.1).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from difxnb.errors import ConnectionLost


class Fences:
    """Answers that are expected, oldest first."""

    def __init__(self) -> None:
        self._expected: deque[asyncio.Future[None]] = deque()

    def expect(self) -> asyncio.Future[None]:
        """Note a request; the future is done when its answer has come."""
        answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._expected.append(answer)
        return answer

    def answer(self) -> None:
        """Note one answer: it belongs to the oldest request, also when nobody waits for that any more."""
        if self._expected:
            oldest = self._expected.popleft()
            if not oldest.done():
                oldest.set_result(None)

    def forget(self) -> None:
        """Expect no answer to what was asked so far."""
        self._expected.clear()

    def fail(self, failure: Callable[[], ConnectionLost]) -> None:
        """Let everyone who waits end with an error of their own, and nobody else wait."""
        while self._expected:
            answer = self._expected.popleft()
            if not answer.done():
                answer.set_exception(failure())
                answer.exception()  # nobody may be waiting any more; that is no mistake
