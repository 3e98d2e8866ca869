# SPDX-License-Identifier: GPL-3.0-or-later
"""A text file on the server, to be looked at, changed here, compared and saved."""

from __future__ import annotations

import difflib
from collections.abc import Generator
from io import StringIO
from types import TracebackType
from typing import Any

from difxnb.client.head_node import AsyncHeadNode
from difxnb.errors import RemoteFileError


class RemoteText:
    """A text file on the server, as it was when it was opened.

    Attributes
    ----------
    path : str
        Absolute path on the server.
    text : str
        Content, to be changed. Line ends are left as they are; bytes that are no UTF-8 come as lone
        surrogates and go back as they were.
    original : str
        Content when it was opened or last saved.
    """

    def __init__(self, head_node: AsyncHeadNode, path: str, content: bytes) -> None:
        if b"\0" in content:
            raise RemoteFileError(f"open_text {path}: it holds NUL bytes, so it is no text; use get_file")
        self._head_node, self.path = head_node, path
        self.text = self.original = content.decode("utf-8", "surrogateescape")

    @property
    def changed(self) -> bool:
        """Whether `text` differs from `original`."""
        return self.text != self.original

    def diff(self) -> str:
        """What was changed, as ``diff -u`` writes it; empty where nothing was."""
        lines = difflib.unified_diff(
            _lines(self.original),
            _lines(self.text),
            self.path,
            f"{self.path} (changed here)",
        )
        return "".join(
            line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines
        )

    async def save(self, backup: bool = True) -> str | None:
        """Write `text` to the server, unless the file there has been changed meanwhile.

        Parameters
        ----------
        backup : bool
            Keep the old file beside it under the first free name of ``NAME~``, ``NAME~2``…

        Returns
        -------
        str or None
            Path of the backup; None where nothing was changed, or none was asked for.

        Raises
        ------
        RemoteFileChanged
            Somebody else changed or removed the file; it was left as it is.
        RemotePermission, RemoteFileError, NoReply, ConnectionLost
        """
        if not self.changed:
            return None
        old, new = (text.encode("utf-8", "surrogateescape") for text in (self.original, self.text))
        kept = await self._head_node.replace_file(self.path, old, new, backup=backup)
        self.original = new.decode("utf-8", "surrogateescape")
        return kept

    async def __aenter__(self) -> RemoteText:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            await self.save()

    def __repr__(self) -> str:
        state = "changed here" if self.changed else "unchanged"
        return f"<RemoteText {self.path}: {len(_lines(self.text))} lines, {state}>"


def _lines(text: str) -> list[str]:
    """Lines as ``diff`` sees them, which end with a line feed and nothing else."""
    return StringIO(text, newline="\n").readlines()


class OpeningText:
    """A text file about to be opened: ``await`` it, or use it with ``async with``."""

    def __init__(self, head_node: AsyncHeadNode, path: str) -> None:
        self._head_node, self._path = head_node, path
        self._opened: RemoteText | None = None

    async def _open(self) -> RemoteText:
        content = await self._head_node.get_file(self._path)
        self._opened = RemoteText(self._head_node, self._path, content)
        return self._opened

    def __await__(self) -> Generator[Any, None, RemoteText]:
        return self._open().__await__()

    async def __aenter__(self) -> RemoteText:
        return await self._open()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._opened is not None:
            await self._opened.__aexit__(kind, error, trace)

    def __repr__(self) -> str:
        return f"<{self._path} is not open yet; await it, or use it with 'async with'>"
