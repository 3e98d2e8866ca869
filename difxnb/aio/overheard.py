# SPDX-License-Identifier: GPL-3.0-or-later
"""What guiServer says to humans while something runs: kept for the result, shown as it comes, added to errors.

Notices carry no mark of the operation they belong to, so what is said of something else meanwhile is in here too.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Collection
from types import TracebackType
from typing import TYPE_CHECKING, Self

from difxnb.errors import DifxError, NoReply
from difxnb.wire.control import Notice, NoticeSeverity

if TYPE_CHECKING:
    from difxnb.aio.correlator import Listener
    from difxnb.aio.heard import Item

OnLine = Callable[[str], None]
"""Called with each line as it comes, on the connection's thread."""

KEPT_NOTICES = 10_000
"""Notices kept of one operation; when there are more, the first ones are dropped, and counted."""

_IN_ERRORS = 20


class Overheard:
    """Notices during a ``with`` block; an error of this package that ends it gets the last of them as a note.

    Where a time-out ends it, another note says for how long nothing was said: work that goes on, or one that hangs.

    Parameters
    ----------
    listen : callable
        Registers a listener, and gives what ends that.
    progress : callable, optional
        Called with each line.
    repeats : bool
        Whether the notices only repeat lines that come another way; then they are not shown.

    Attributes
    ----------
    dropped : int
        Notices that were not kept.
    """

    def __init__(
        self,
        listen: Callable[[Listener], Callable[[], None]],
        progress: OnLine | None = None,
        *,
        repeats: bool = False,
    ) -> None:
        if progress is not None and not callable(progress):
            raise TypeError(f"progress is a function of one line; got {progress!r}")
        self._listen, self._progress, self._repeats = listen, progress, repeats
        self._notices: deque[tuple[float, Notice]] = deque(maxlen=KEPT_NOTICES)
        self._end: Callable[[], None] | None = None
        self.dropped = 0

    @property
    def notices(self) -> list[Notice]:
        """What was said, oldest first."""
        return [notice for _, notice in self._notices]

    @property
    def heard(self) -> list[tuple[float, Notice]]:
        """What was said, oldest first, each with its time (unix seconds)."""
        return list(self._notices)

    @property
    def lines(self) -> list[str]:
        """What was said, as texts."""
        return [notice.text.strip() for notice in self.notices]

    @property
    def warnings(self) -> list[str]:
        """What was said as a warning or an error; much of it is ordinary progress."""
        severe = [notice for notice in self.notices if notice.severity is not NoticeSeverity.INFORMATION]
        return [notice.text.strip() for notice in severe]

    def warnings_beside(self, lines: Collection[str]) -> list[str]:
        """Warnings that are neither commands nor among `lines`."""
        known = {"", *(line.strip() for line in lines)}
        return [text for text in self.warnings if text not in known and not text.startswith("executing: ")]

    def say(self, line: str) -> None:
        """Show a line that came another way."""
        if self._progress is not None:
            self._progress(line)

    def __enter__(self) -> Self:
        self._end = self._listen(self._hear)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress = None  # what was given up may go on speaking
        if self._end is not None:
            self._end()
        if isinstance(error, DifxError) and self._notices:
            said = "\n".join(f"    {line}" for line in self.lines[-_IN_ERRORS:])
            error.add_note(f"guiServer said meanwhile:\n{said}")
        if isinstance(error, NoReply):
            error.add_note(self._silence())

    def _silence(self) -> str:
        if not self._notices:
            return "guiServer said nothing meanwhile"
        return (
            f"guiServer said nothing more for the last {max(0.0, time.time() - self._notices[-1][0]):.0f} s"
        )

    def _hear(self, item: Item, time: float) -> None:
        if not isinstance(item, Notice):
            return
        if len(self._notices) == KEPT_NOTICES:
            self.dropped += 1
        self._notices.append((time, item))
        if not self._repeats:
            self.say(item.text.strip())


def require_timeout(timeout: float) -> float:
    """Return a time-out that makes sense; ValueError otherwise."""
    if not (timeout > 0 and math.isfinite(timeout)):
        raise ValueError(f"timeout is a number of seconds above zero; got {timeout!r}")
    return timeout
