# SPDX-License-Identifier: GPL-3.0-or-later
"""A bar for transfers that last: numbers come from the connection's thread, and are drawn on the caller's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import TYPE_CHECKING, Never, Protocol

if TYPE_CHECKING:
    from tqdm import tqdm

Shown = Callable[[int, int], None] | bool
"""How a transfer is shown: with a bar (True), not at all, or by a function of bytes done and bytes in all."""

PATIENCE_S = 1.0
"""What takes less than this shows no bar."""


class Show(Protocol):
    """What a transfer tells of itself, and where it is drawn."""

    def hear(self, done: int, total: int) -> None:
        """Take in bytes done and bytes in all, on the connection's thread."""

    def draw(self) -> None:
        """Draw, on the caller's thread."""


class _Function:
    """Calls a function of the user's, on the connection's thread."""

    def __init__(self, function: Callable[[int, int], None]) -> None:
        self.hear = function

    def draw(self) -> None:
        """Nothing to draw."""


def _nothing(done: int, total: int) -> None:
    """Tell nobody."""


class TransferBar:
    """A tqdm bar, in bytes or in what `unit` says, once the transfer has lasted `PATIENCE_S`."""

    def __init__(self, title: str, unit: str = "B") -> None:
        self._title, self._unit, self._began = title, unit, monotonic()
        self._latest: tuple[int, int] | None = None
        self._bar: tqdm[Never] | None = None

    def hear(self, done: int, total: int) -> None:
        """Keep the latest numbers."""
        self._latest = done, total

    def draw(self) -> None:
        """Draw the latest numbers."""
        if self._latest is None or (self._bar is None and monotonic() - self._began < PATIENCE_S):
            return
        done, total = self._latest
        bar = self._bar = _new_bar(self._title, total, self._unit) if self._bar is None else self._bar
        bar.total = total
        bar.update(done - bar.n)

    def close(self) -> None:
        """Draw for the last time."""
        if self._bar is not None:
            self.draw()
            self._bar.close()


def _new_bar(title: str, total: int, unit: str) -> tqdm[Never]:
    from tqdm.auto import tqdm

    return tqdm(total=total, desc=title, unit=unit, unit_scale=unit == "B", unit_divisor=1024)


@contextmanager
def transferring(progress: Shown | None, title: str, unit: str = "B") -> Iterator[Show]:
    """Show a transfer as its caller wishes."""
    if callable(progress):
        yield _Function(progress)
    elif progress is False:
        yield _Function(_nothing)
    else:
        bar = TransferBar(title, unit)
        try:
            yield bar
        finally:
            bar.close()
