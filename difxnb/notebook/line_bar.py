# SPDX-License-Identifier: GPL-3.0-or-later
"""A bar for what runs elsewhere and tells no share of its work: the time it has taken, and the last thing it said."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from time import monotonic
from typing import TYPE_CHECKING, Any, Never, TypeVar

from difxnb.client.blocking import LoopThread

if TYPE_CHECKING:
    from tqdm import tqdm

T = TypeVar("T")

LinesShown = Callable[[str], None] | bool
"""How lines are shown: in a bar (True), not at all (False), or by a function of each line."""

PATIENCE_S = 1.0
"""What takes less than this shows no bar."""

_WIDTH = 60
_FORMAT = "{desc}: {elapsed} [{n_fmt} lines{postfix}]"


class LineBar:
    """A tqdm bar without an end, once something has lasted `PATIENCE_S`."""

    def __init__(self, title: str) -> None:
        self._title, self._began = title, monotonic()
        self._count, self._latest = 0, ""
        self._bar: tqdm[Never] | None = None

    def hear(self, line: str) -> None:
        """Keep the latest line; on the connection's thread."""
        self._count += 1
        self._latest = line

    def draw(self) -> None:
        """Draw; on the caller's thread."""
        if self._bar is None:
            if monotonic() - self._began < PATIENCE_S:
                return
            from tqdm.auto import tqdm

            self._bar = tqdm(desc=self._title, bar_format=_FORMAT)
        self._bar.set_postfix_str(self._latest[:_WIDTH], refresh=False)
        self._bar.update(self._count - self._bar.n)
        self._bar.refresh()

    def close(self) -> None:
        """Draw for the last time."""
        self.draw()
        if self._bar is not None:
            self._bar.close()


def call_showing(
    loop: LoopThread,
    work: Callable[[Callable[[str], None] | None], Coroutine[Any, Any, T]],
    progress: LinesShown | None,
    title: str,
) -> T:
    """Run something that tells lines, and show them as the caller wishes; by default in a bar.

    Parameters
    ----------
    loop : LoopThread
        Where it runs.
    work : callable
        Gives what is to run, with the function that takes the lines.
    progress : callable or bool, optional
        How the lines are shown.
    title : str
        Of the bar.
    """
    if progress is False:
        return loop.call(work(None))
    if callable(progress):
        return loop.call(work(progress))
    bar = LineBar(title)
    try:
        return loop.call(work(bar.hear), while_waiting=bar.draw)
    finally:
        bar.close()
