# SPDX-License-Identifier: GPL-3.0-or-later
"""Files on the server as a browser of them knows them, and what is done to them."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pandas as pd

from difxnb.panels.acting import ActingModel, ActingSnapshot, Said
from difxnb.panels.files.listing import (
    MOST_ROWS,
    ORDERS,
    FileRow,
    is_pattern,
    join,
    matching,
    ordered,
    parent_of,
    rows_of,
)
from difxnb.panels.shown import size_words
from difxnb.panels.work import Work

LARGEST_READ = 4_000_000
"""Bytes of the largest file that is fetched to be read: the protocol knows no parts of files."""

HEAD_LETTERS = 20_000
"""Letters of a text that are shown."""


class FileServer(Protocol):
    """A correlator, as this panel needs it; see `difxnb.aio.files.FileVerbs`."""

    async def ls(self, path: str, recursive: bool = False) -> pd.DataFrame:
        """List."""

    async def mkdir(self, path: str) -> None:
        """Make a directory."""

    async def rm(self, path: str, recursive: bool = False, force: bool = False) -> None:
        """Remove."""

    async def get_file(self, path: str) -> bytes:
        """Fetch a file."""

    async def download(self, path: str, local: str | Path, *, recursive: bool = False) -> Path:
        """Fetch to this computer."""

    async def upload(self, local: str | Path, path: str, *, recursive: bool = False) -> int:
        """Send from this computer."""


@dataclass(frozen=True)
class FilesSnapshot(ActingSnapshot):
    """What the panel shows; names are as the server gave them, not escaped.

    Attributes
    ----------
    path : str
        Directory or pattern that is listed.
    rows : tuple of FileRow
        As filtered and ordered, `MOST_ROWS` at most.
    total, matching : int
        How many there are, and how many the filter lets through.
    selected : str
        Path of the chosen row; empty where there is none.
    read_path, read_text : str
        The text that was read last: where, and its beginning; `read_note` says how much is left out.
    confirming : str
        Path that is removed when it is asked for again.
    """

    path: str
    rows: tuple[FileRow, ...]
    total: int
    matching: int
    filter: str
    jobs_only: bool
    order: str
    selected: str
    read_path: str
    read_text: str
    read_note: str
    confirming: str

    @property
    def selected_row(self) -> FileRow | None:
        """The chosen row, where it is in the list."""
        return next((row for row in self.rows if row.path == self.selected), None)

    @property
    def counts(self) -> str:
        """How many there are and are shown, in words."""
        said = f"{self.total} in {self.path}"
        if self.matching != self.total:
            said += f", {self.matching} match the filter"
        left_out = self.matching - len(self.rows)
        return said + (f", the first {len(self.rows)} are shown and {left_out} left out" if left_out else "")


class FilesModel(ActingModel):
    """A browser of files on the server.

    Parameters
    ----------
    correlator : FileServer
    work : Work
        Where what is asked for is done.
    path : str
        Directory to begin with; listed with the first `refresh` or `begin`.

    Attributes
    ----------
    on_chosen : list of callable
        Each gets the path of an ``.input`` that is chosen as a job, on the thread that chose it; to be quick.
    """

    def __init__(self, correlator: FileServer, work: Work, path: str = "/") -> None:
        super().__init__(work)
        self._difx = correlator
        self._path = self._wanted = path
        self._rows: list[FileRow] = []
        self._list_number = 0
        self._filter, self._jobs_only, self._order = "", False, next(iter(ORDERS))
        self._found_rows: list[FileRow] = []
        self._found_for: tuple[object, ...] = ()
        self._selected = ""
        self._read = ("", "", "")
        self._has_begun = False
        self.on_chosen: list[Callable[[str], None]] = []

    def snapshot(self) -> FilesSnapshot:
        """All that the panel shows, as it is now."""
        with self._lock:
            found = self._found()
            return FilesSnapshot(
                path=self._path,
                rows=tuple(found[:MOST_ROWS]),
                total=len(self._rows),
                matching=len(found),
                filter=self._filter,
                jobs_only=self._jobs_only,
                order=self._order,
                selected=self._selected,
                read_path=self._read[0],
                read_text=self._read[1],
                read_note=self._read[2],
                confirming=self._confirmation.pending,
                under_way=self.under_way,
                said=self.said,
            )

    def _found(self) -> list[FileRow]:
        """Rows as filtered and ordered; worked out once, for directories may be large."""
        asked = (self._list_number, self._filter, self._jobs_only, self._order)
        if asked != self._found_for:
            rows = matching(self._rows, self._filter, jobs_only=self._jobs_only)
            self._found_rows, self._found_for = ordered(rows, self._order), asked
        return self._found_rows

    # --- looking --------------------------------------------------------------------------------------

    def begin(self) -> None:
        """List the first directory, unless something was listed before."""
        if not self._has_begun:
            self.refresh()

    def go(self, path: str) -> None:
        """List a directory or what a pattern matches; of a file its directory, with the file chosen."""
        wanted = path.strip() or "/"
        with self._changing():
            self._wanted, self._has_begun = wanted, True
        self._do(f"list of {wanted}", lambda: self._list(wanted), self._take_list)

    def refresh(self) -> None:
        """List again what is shown."""
        self.go(self._path)

    def up(self) -> None:
        """List the directory above."""
        self.go(parent_of(self._path))

    async def _list(self, path: str) -> tuple[str, str, str, list[FileRow]]:
        """Give what was asked for, what is listed, the path to choose, and the rows."""
        rows = rows_of(await self._difx.ls(path))
        is_one_file = len(rows) == 1 and rows[0].path == path.rstrip("/") and not rows[0].is_directory
        if not is_one_file or is_pattern(path):
            return path, path, "", rows
        above = parent_of(path)
        return path, above, rows[0].path, rows_of(await self._difx.ls(above))

    def _take_list(self, found: tuple[str, str, str, list[FileRow]]) -> None:
        asked, path, chosen, rows = found
        with self._changing():
            if asked != self._wanted:
                return  # somebody went elsewhere meanwhile
            keeps = chosen or (self._selected if path == self._path else "")
            self._path, self._rows = path, rows
            self._list_number += 1
            self._selected = keeps if any(row.path == keeps for row in rows) else ""
            self._confirmation.forget()
            if self._said.is_problem:
                self._said = Said()

    def set_filter(self, text: str) -> None:
        """Show only names with this in them, or that it matches as a pattern; in any case of letters."""
        with self._changing():
            self._filter = text

    def set_jobs_only(self, jobs_only: bool) -> None:
        """Show of the files only ``.input`` files."""
        with self._changing():
            self._jobs_only = bool(jobs_only)

    def set_order(self, order: str) -> None:
        """Order the list; one of `ORDERS`, ValueError for others."""
        if order not in ORDERS:
            raise ValueError(f"orders are {', '.join(ORDERS)}; got {order!r}")
        with self._changing():
            self._order = order

    def select(self, path: str) -> None:
        """Choose a row of the list; an empty path chooses none."""
        with self._changing():
            self._selected = path
            self._confirmation.forget()

    def open(self, path: str = "") -> None:
        """Go into a directory, take an ``.input`` for a job, read any other file; by default what is chosen."""
        target = path or self._selected
        row = self._row(target)
        if not target:
            self._say("choose something in the list first", is_problem=True)
        elif target.endswith(".input"):
            self.choose(target)
        elif row is None or row.is_directory or row.type == "link":
            self.go(target)
        else:
            self.read(target)

    def choose(self, path: str = "") -> None:
        """Take an ``.input`` for a job: `on_chosen` is told; by default what is chosen in the list."""
        target = path or self._selected
        if not target.endswith(".input"):
            what = target or "nothing"
            self._say(f"a job is named by its .input file; {what} is chosen", is_problem=True)
            return
        self._say(f"{target} is the job")
        for listener in tuple(self.on_chosen):
            listener(target)

    def read(self, path: str = "") -> None:
        """Show the beginning of a text; by default of what is chosen."""
        target = path or self._selected
        row = self._row(target)
        if not target or (row is not None and row.is_directory):
            self._say("choose a file in the list first", is_problem=True)
        elif row is not None and row.size > LARGEST_READ:
            said = f"{target} has {size_words(row.size)}, too much to be read here; download it"
            self._say(said, is_problem=True)
        else:
            self._do(f"read {target}", lambda: self._difx.get_file(target), lambda c: self._keep(target, c))

    def _keep(self, path: str, content: bytes) -> None:
        text, note = head_of(content)
        with self._changing():
            self._read = (path, text, note)

    def close_text(self) -> None:
        """Show no text any more."""
        with self._changing():
            self._read = ("", "", "")

    def _row(self, path: str) -> FileRow | None:
        with self._lock:
            return next((row for row in self._rows if row.path == path), None)

    # --- changing -------------------------------------------------------------------------------------

    def mkdir(self, name: str) -> None:
        """Make a directory: in the one that is listed, unless `name` is absolute."""
        name = name.strip()
        if not name:
            self._say("a new directory needs a name", is_problem=True)
            return
        path = name if name.startswith("/") else join(self._directory, name)
        self._change(f"new directory {path}", lambda: self._difx.mkdir(path), f"{path} is made")

    def delete(self, path: str = "") -> None:
        """Remove a file, or a directory and all that is in it, when asked for twice; by default what is chosen."""
        target = path or self._selected
        row = self._row(target)
        if row is None:
            self._say("choose what to remove in the list first", is_problem=True)
            return
        below = " and all that is in it" if row.is_directory else ""
        question = f"{target}{below} will be gone for good: press again within 5 s to remove it"
        if not self._confirms(target, question):
            return
        removal = self._difx.rm
        self._change(
            f"removal of {target}", lambda: removal(target, recursive=row.is_directory), f"{target} is gone"
        )

    def download(self, path: str = "", local: str = ".") -> None:
        """Fetch a file or a directory to this computer; nothing is overwritten. By default what is chosen."""
        target = path or self._selected
        row = self._row(target)
        if not target:
            self._say("choose what to download in the list first", is_problem=True)
            return
        tree = row is not None and row.is_directory
        fetch, here = self._difx.download, Path(local.strip() or ".")
        self._do(
            f"download of {target}",
            lambda: fetch(target, here.expanduser(), recursive=tree),
            lambda made: self._say(f"{target} is now {made.absolute()} on this computer"),
        )

    def upload(self, local: str) -> None:
        """Send a file or directory of this computer to the directory that is listed; nothing is overwritten."""
        if not local.strip():
            self._say("say which file of this computer is to be sent", is_problem=True)
            return
        source, directory = Path(local.strip()), self._directory
        self._change(
            f"upload of {source}",
            lambda: self._send(source.expanduser(), directory),
            f"{source} is sent to {directory}",
        )

    async def _send(self, source: Path, directory: str) -> None:
        await self._difx.upload(source, directory, recursive=source.is_dir())

    @property
    def _directory(self) -> str:
        """The directory that is listed, or that of the pattern."""
        return parent_of(self._path) if is_pattern(self._path) else self._path

    def _change(self, title: str, make: Callable[[], Coroutine[Any, Any, Any]], done: str) -> None:
        def then(_: object) -> None:
            self.refresh()
            self._say(done)

        self._do(title, make, then)


def head_of(content: bytes) -> tuple[str, str]:
    """Beginning of a text, and in words what is left out of it."""
    if b"\0" in content[:HEAD_LETTERS]:
        return "", f"{size_words(len(content))} that are no text; download it"
    text = content.decode("utf-8", "replace")
    left = len(text) - HEAD_LETTERS
    note = f"the first {HEAD_LETTERS} of {len(text)} letters" if left > 0 else size_words(len(content))
    return text[:HEAD_LETTERS], note
