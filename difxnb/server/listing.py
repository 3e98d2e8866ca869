# SPDX-License-Identifier: GPL-3.0-or-later
"""``ls`` without a shell: the lines that the real server's ``ls ARG PATH`` would print on standard output.

In: the two values of a client. Out: lines without line feed, in the order and columns of GNU ``ls``, and what
``ls`` would have said on its error output.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from difxnb.server.confinement import Confinement
from difxnb.server.files import error_text, expand
from difxnb.server.listing_rows import Item, Options, Rows
from difxnb.server.words import read_words
from difxnb.wire.escapes import escape_name

MAX_ROWS = 1_000_000
"""Names that one listing may hold."""

_LETTERS = frozenset("l1daApFhnbRtSrU")
# What the Java interface adds; listing a link to a directory by its content is what happens anyway.
_ACCEPTED = frozenset({"--dereference-command-line-symlink-to-dir"})


@dataclass
class Listing:
    """What ``ls`` printed.

    Attributes
    ----------
    lines : list of str
        Standard output.
    complaints : list of str
        Error output about paths, which the real server keeps to itself.
    refusal : str
        Why nothing was listed at all, when a flag or value is not acceptable; or why not everything was.
    """

    lines: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    refusal: str = ""


def list_files(root: Confinement, argument: str, path: str, *, now: float | None = None) -> Listing:
    """List files as ``ls`` does when its output goes into a pipe.

    Parameters
    ----------
    root : Confinement
        What can be seen.
    argument, path : str
        Flags and paths or patterns, as they came.
    now : float, optional
        Unix time that decides between the two forms of the default time style.
    """
    try:
        options = _options(argument)
        names = expand(root, read_words(path)) or [os.fspath(root.root)]
    except (OSError, ValueError) as error:
        return Listing(refusal=f"ls {argument} {path}: {error_text(error)}")
    lister = _Lister(root, options, time.time() if now is None else now)
    lister.print_all(names)
    return lister.listing


def _options(argument: str) -> Options:
    letters: set[str] = set()
    style = ""
    for word in (word.text for word in read_words(argument)):
        if word.startswith("--time-style="):
            style = word.removeprefix("--time-style=")
            if style not in ("full-iso", "long-iso") and not style.startswith("+"):
                raise ValueError(f"no time style {style!r}; there are full-iso, long-iso and +FORMAT")
        elif word.startswith("-") and set(word[1:]) <= _LETTERS:
            letters |= set(word[1:])
        elif word not in _ACCEPTED:
            raise ValueError(f"no flag {word!r}; there are -{''.join(sorted(_LETTERS))} and --time-style")
    return Options(frozenset(letters), style)


class _Lister:
    """Prints what was asked for: files first, then one directory after the other."""

    def __init__(self, root: Confinement, options: Options, now: float) -> None:
        self.listing = Listing()
        self._root, self._options = root, options
        self._rows = Rows(options, now)
        self._count = 0

    def print_all(self, names: list[str]) -> None:
        """List files, and what is in directories."""
        plain, directories = self._sort_out(names)
        self.listing.lines += self._rows.rows(self._sorted(plain))
        recursive = "R" in self._options.letters
        waiting = [item.name for item in reversed(self._sorted(directories))]
        while waiting and self._count < MAX_ROWS:
            name = waiting.pop()
            waiting += reversed(self._list_directory(name, heading=len(names) > 1 or recursive))
        if self._count >= MAX_ROWS:
            self.listing.refusal = f"ls: ended after {self._count} names; list the directories one by one"

    def _sort_out(self, names: list[str]) -> tuple[list[Item], list[Item]]:
        plain: list[Item] = []
        directories: list[Item] = []
        for name in names:
            try:
                item = _operand(self._root, name)
                shown = self._is_shown(item)
            except OSError as error:
                self.listing.complaints.append(f"ls: cannot access {name}: {error.strerror}")
                continue
            (plain if shown else directories).append(item)
        return plain, directories

    def _is_shown(self, item: Item) -> bool:
        """Whether an operand is listed itself; a bare name follows a link to a directory, others show the link."""
        if "d" in self._options.letters:
            return True
        leads = not self._options.shows_links and _leads_to_directory(self._root, item.name)
        return not (stat.S_ISDIR(item.mode) or leads)

    def _list_directory(self, name: str, *, heading: bool) -> list[str]:
        """Print a directory; gives those in it that are still to be printed."""
        try:
            with self._root.directory(name) as descriptor:
                items = self._sorted(self._content(descriptor))
        except OSError as error:
            self.listing.complaints.append(f"ls: cannot open directory {name}: {error.strerror}")
            return []
        self._count += len(items)
        lines = self.listing.lines
        if heading:
            lines += ([""] if lines else []) + [f"{self._heading(name)}:"]
        if self._options.long:
            lines.append(self._rows.total(items))
        lines += self._rows.rows(items)
        if "R" not in self._options.letters:
            return []
        return [
            f"{name.rstrip('/')}/{item.name}"
            for item in items
            if stat.S_ISDIR(item.mode) and item.name not in (".", "..")
        ]

    def _heading(self, name: str) -> str:
        if "b" not in self._options.letters:
            return self._rows.shown(name)
        return escape_name(name).replace("\\ ", " ").replace(":", "\\:")

    def _content(self, descriptor: int) -> Iterator[Item]:
        hidden = bool(self._options.letters & {"a", "A"})
        if "a" in self._options.letters:
            for name in (".", ".."):  # the directory above may be outside the root: both show this one
                yield Item(name, os.fstat(descriptor), None)
        with os.scandir(descriptor) as found:
            entries = [entry for entry in found if hidden or entry.name[0] != "."]
        for entry in entries:
            try:
                status = entry.stat(follow_symlinks=False)
                link = stat.S_ISLNK(status.st_mode)
                yield Item(entry.name, status, os.readlink(entry.name, dir_fd=descriptor) if link else None)
            except FileNotFoundError:  # removed since the directory was read
                continue
            except OSError as error:  # a directory that may be read and not searched
                self.listing.complaints.append(f"ls: cannot access {entry.name}: {error.strerror}")
                yield Item(entry.name, None, None)

    def _sorted(self, items: Iterable[Item]) -> list[Item]:
        letters = self._options.letters
        if "U" in letters:
            return [*items]
        order = _by_time if "t" in letters else _by_size if "S" in letters else _by_name
        return sorted(items, key=order, reverse="r" in letters)


def _by_name(item: Item) -> bytes:
    return item.name.encode("utf-8", "surrogateescape")


def _by_time(item: Item) -> tuple[int, bytes]:
    return -(item.status.st_mtime_ns if item.status else 0), _by_name(item)


def _by_size(item: Item) -> tuple[int, bytes]:
    return -(item.status.st_size if item.status else 0), _by_name(item)


def _operand(root: Confinement, name: str) -> Item:
    # A slash at the end asks for what a link leads to.
    if name.endswith("/") or str(root.real(name)) == str(root.root):
        with root.directory(name) as descriptor:
            return Item(name, os.fstat(descriptor), None)
    with root.parent(name) as (above, last):
        status = os.stat(last, dir_fd=above, follow_symlinks=False)
        return Item(name, status, _target(last, above, status))


def _leads_to_directory(root: Confinement, name: str) -> bool:
    try:
        return root.real(name).is_dir()
    except OSError:
        return False


def _target(name: str, above: int, status: os.stat_result) -> str | None:
    return os.readlink(name, dir_fd=above) if stat.S_ISLNK(status.st_mode) else None
