# SPDX-License-Identifier: GPL-3.0-or-later
"""A text file on the server as a cell edits it: :class:`difxnb.aio.text.RemoteText`, blocking."""

from __future__ import annotations

from html import escape
from types import TracebackType
from typing import Self

from difxnb import aio
from difxnb.client.blocking import LoopThread


class RemoteText:
    """A text file on the server. Change `text`, look at `diff()`, and `save()`; or use it with ``with``."""

    def __init__(self, inner: aio.RemoteText, loop: LoopThread) -> None:
        self._inner, self._loop = inner, loop

    @property
    def path(self) -> str:
        """Absolute path on the server."""
        return self._inner.path

    @property
    def text(self) -> str:
        """Content, to be changed."""
        return self._inner.text

    @text.setter
    def text(self, text: str) -> None:
        self._inner.text = text

    @property
    def original(self) -> str:
        """Content when it was opened or last saved."""
        return self._inner.original

    @property
    def changed(self) -> bool:
        """Whether `text` differs from `original`."""
        return self._inner.changed

    def diff(self) -> str:
        """What was changed, as ``diff -u`` writes it; empty where nothing was."""
        return self._inner.diff()

    def save(self, backup: bool = True) -> str | None:
        """Write `text` to the server unless the file changed there; gives the path of the backup."""
        return self._loop.call(self._inner.save(backup))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.save()

    def __repr__(self) -> str:
        return repr(self._inner)

    def _repr_html_(self) -> str:
        return f"<pre>{escape(repr(self))}</pre><pre>{escape(self.diff())}</pre>"
