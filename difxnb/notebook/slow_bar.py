# SPDX-License-Identifier: GPL-3.0-or-later
"""A progress bar for a wait whose length is known: it appears when the wait turns out to be long."""

from __future__ import annotations

import time
from types import TracebackType
from typing import TYPE_CHECKING, NoReturn, Self

if TYPE_CHECKING:
    from tqdm import tqdm

_LONG_S = 1.0
_BAR = "{desc}: {percentage:3.0f}%|{bar}| {elapsed}"


class SlowBar:
    """Seconds of a wait, as a bar; nothing is shown of short ones.

    Parameters
    ----------
    what : str
        What is waited for.
    seconds : float
        How long it should take; the bar stays full when it takes longer.
    """

    def __init__(self, what: str, seconds: float) -> None:
        self._what, self._seconds = what, max(seconds, _LONG_S)
        self._begin = time.monotonic()
        self._bar: tqdm[NoReturn] | None = None

    def show(self) -> None:
        """Draw how far it is by now."""
        passed = time.monotonic() - self._begin
        if self._bar is None and passed >= _LONG_S:
            from tqdm.auto import tqdm

            self._bar = tqdm(total=self._seconds, desc=self._what, bar_format=_BAR)
        if self._bar is not None:
            self._bar.n = min(passed, self._seconds)
            self._bar.refresh()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.close()
