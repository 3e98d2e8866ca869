# SPDX-License-Identifier: GPL-3.0-or-later
"""``ls`` without a shell: the lines that the real server's ``ls ARG PATH`` would print on standard output.

In: the two values of a client. Out: lines without line feed, in the order and columns of GNU ``ls``, and what
``ls`` would have said on its error output.
"""

from __future__ import annotations

import grp
import os
import pwd
import stat
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from difxnb.server.confinement import Confinement
from difxnb.server.files import error_text, expand
from difxnb.server.words import read_words

_LETTERS = frozenset("l1daApFhn")
# What the Java interface adds; listing a link to a directory by its content is what happens anyway.
_ACCEPTED = frozenset({"--dereference-command-line-symlink-to-dir"})
_HALF_YEAR = 31556952 // 2


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
        Why nothing was listed at all, when a flag or value is not acceptable.
    """

    lines: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    refusal: str = ""


@dataclass(frozen=True)
class _Options:
    letters: frozenset[str]
    time_style: str = ""

    @property
    def long(self) -> bool:
        return bool(self.letters & {"l", "n"})

    @property
    def shows_links(self) -> bool:
        return bool(self.letters & {"l", "n", "F"})


@dataclass(frozen=True)
class _Item:
    """One thing to print: its shown name, its status, and where a link points."""

    name: str
    status: os.stat_result
    target: str | None


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
    listing = Listing()
    plain, directories = _sort_out(root, names, options, listing)
    listing.lines += _rows(plain, options, now)
    for name in directories:
        _list_directory(root, name, options, listing, now, heading=len(names) > 1)
    return listing


def _options(argument: str) -> _Options:
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
    return _Options(frozenset(letters), style)


def _sort_out(
    root: Confinement, names: list[str], options: _Options, listing: Listing
) -> tuple[list[_Item], list[str]]:
    plain: list[_Item] = []
    directories: list[str] = []
    for name in sorted(names):
        try:
            item = _operand(root, name)
            # A bare name follows a link to a directory; a long or classifying listing shows the link.
            shown = "d" in options.letters or not (
                stat.S_ISDIR(item.status.st_mode)
                or (not options.shows_links and _leads_to_directory(root, name))
            )
        except OSError as error:
            listing.complaints.append(f"ls: cannot access {name}: {error.strerror}")
            continue
        if shown:
            plain.append(item)
        else:
            directories.append(name)
    return plain, directories


def _operand(root: Confinement, name: str) -> _Item:
    # A slash at the end asks for what a link leads to.
    if name.endswith("/") or str(root.real(name)) == str(root.root):
        with root.directory(name) as descriptor:
            return _Item(name, os.fstat(descriptor), None)
    with root.parent(name) as (above, last):
        status = os.stat(last, dir_fd=above, follow_symlinks=False)
        return _Item(name, status, _target(last, above, status))


def _leads_to_directory(root: Confinement, name: str) -> bool:
    try:
        return root.real(name).is_dir()
    except OSError:
        return False


def _list_directory(
    root: Confinement, name: str, options: _Options, listing: Listing, now: float | None, *, heading: bool
) -> None:
    try:
        with root.directory(name) as descriptor:
            items = list(_content(descriptor, options))
    except OSError as error:
        listing.complaints.append(f"ls: cannot open directory {name}: {error.strerror}")
        return
    if heading:
        listing.lines += ([""] if listing.lines else []) + [f"{name}:"]
    if options.long:
        listing.lines.append(f"total {_size(sum(i.status.st_blocks for i in items) * 512, options, 1024)}")
    listing.lines += _rows(items, options, now)


def _content(descriptor: int, options: _Options) -> Iterator[_Item]:
    hidden = bool(options.letters & {"a", "A"})
    names = [n for n in os.listdir(descriptor) if hidden or not n.startswith(".")]
    if "a" in options.letters:
        for name in (".", ".."):  # the directory above may be outside the root: both show this one
            yield _Item(name, os.fstat(descriptor), None)
    for name in sorted(names, key=os.fsencode):
        try:
            status = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
        except FileNotFoundError:  # removed since the directory was read
            continue
        yield _Item(name, status, _target(name, descriptor, status))


def _target(name: str, above: int, status: os.stat_result) -> str | None:
    return os.readlink(name, dir_fd=above) if stat.S_ISLNK(status.st_mode) else None


def _rows(items: list[_Item], options: _Options, now: float | None) -> list[str]:
    if not options.long:
        return [_name(item, options) for item in items]
    now = time.time() if now is None else now
    table = [_columns(item, options, now) for item in items]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return [" ".join(cells) for row in table for cells in [_align(row, widths)]]


def _align(row: tuple[str, ...], widths: list[int]) -> Iterable[str]:
    mode, links, owner, group, size, when, name = row
    return (
        mode,
        links.rjust(widths[1]),
        owner.ljust(widths[2]),
        group.ljust(widths[3]),
        size.rjust(widths[4]),
        when.rjust(widths[5]),
        name,
    )


def _columns(item: _Item, options: _Options, now: float) -> tuple[str, ...]:
    status = item.status
    name = _name(item, options)
    if item.target is not None:
        name = f"{name} -> {_printable(item.target)}"
    owner, group = _owner(status.st_uid, options), _group(status.st_gid, options)
    size = _size(status.st_size, options, 1)
    when = _when(status.st_mtime_ns, options.time_style, now)
    return stat.filemode(status.st_mode), str(status.st_nlink), owner, group, size, when, name


def _name(item: _Item, options: _Options) -> str:
    mode = item.status.st_mode
    mark = ""
    if stat.S_ISDIR(mode) and options.letters & {"p", "F"} and not item.name.endswith("/"):
        mark = "/"
    elif "F" in options.letters:
        mark = _mark(mode, long=options.long)
    return _printable(item.name) + mark


def _mark(mode: int, *, long: bool) -> str:
    if stat.S_ISLNK(mode):
        return "" if long else "@"
    if stat.S_ISFIFO(mode):
        return "|"
    if stat.S_ISSOCK(mode):
        return "="
    return "*" if stat.S_ISREG(mode) and mode & 0o111 else ""


def _printable(name: str) -> str:
    # One line per name, whatever is in it: a line feed would look like two files.
    return name.replace("\n", "?")


def _owner(uid: int, options: _Options) -> str:
    if "n" in options.letters:
        return str(uid)
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _group(gid: int, options: _Options) -> str:
    if "n" in options.letters:
        return str(gid)
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)


def _size(size: int, options: _Options, unit: int) -> str:
    if "h" not in options.letters:
        return str(-(-size // unit))
    value, letters = float(size), iter("KMGTPE")
    suffix = ""
    while value >= 1024:
        value, suffix = value / 1024, next(letters)
    # Rounded up, one decimal below ten, as in GNU ls.
    if suffix and value < 9.95:
        return f"{-(-value * 10 // 1) / 10:.1f}{suffix}"
    return f"{int(-(-value // 1))}{suffix}"


def _when(modified_ns: int, style: str, now: float) -> str:
    seconds, nanoseconds = divmod(modified_ns, 10**9)
    moment = datetime.fromtimestamp(seconds).astimezone()
    if style == "full-iso":
        return f"{moment:%Y-%m-%d %H:%M:%S}.{nanoseconds:09d} {moment:%z}"
    if style == "long-iso":
        return f"{moment:%Y-%m-%d %H:%M}"
    if style:
        return str(seconds) if style == "+%s" else moment.strftime(style[1:])
    month = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")[
        moment.month - 1
    ]
    recent = now - _HALF_YEAR < seconds <= now + 1
    return f"{month} {moment.day:2d} " + (f"{moment:%H:%M}" if recent else f" {moment.year}")
