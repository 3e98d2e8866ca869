# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows of ``ls``: names, sizes, owners and times in the columns of GNU ``ls``.

In: names with what the system knows of them. Out: lines without line feed, byte for byte as ``ls`` prints them into a
pipe. Ten thousand rows take a few tens of milliseconds: what repeats (owners, minutes) is written once.
"""

from __future__ import annotations

import grp
import os
import pwd
import stat
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from difxnb.wire.escapes import escape_name

_HALF_YEAR = 31556952 // 2
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True)
class Options:
    """Flags of ``ls``, one letter each, and the time style."""

    letters: frozenset[str]
    time_style: str = ""

    @property
    def long(self) -> bool:
        """Whether there is more than names."""
        return bool(self.letters & {"l", "n"})

    @property
    def shows_links(self) -> bool:
        """Whether a link to a directory is shown as a link."""
        return bool(self.letters & {"l", "n", "F"})


@dataclass(frozen=True, slots=True)
class Item:
    """One thing to print: its shown name, its status (None where it cannot be had), and where a link points."""

    name: str
    status: os.stat_result | None
    target: str | None

    @property
    def mode(self) -> int:
        """Type and permissions; 0 where they cannot be had."""
        return 0 if self.status is None else self.status.st_mode


@dataclass
class Rows:
    """Writes rows for one request.

    Parameters
    ----------
    options : Options
    now : float
        Unix time that decides between the two forms of the default time style.
    """

    options: Options
    now: float
    _owners: dict[int, str] = field(default_factory=dict)
    _groups: dict[int, str] = field(default_factory=dict)
    _minutes: dict[int, tuple[str, str]] = field(default_factory=dict)

    def rows(self, items: list[Item]) -> list[str]:
        """Write all rows of one table; the widths of its columns depend on all of them."""
        if not self.options.long:
            return [self.name(item) for item in items]
        cells = [self._cells(item) for item in items]
        links, owner, group, size, when = (
            max((len(row[at]) for row in cells), default=0) for at in range(1, 6)
        )
        return [
            f"{row[0]} {row[1]:>{links}} {row[2]:{owner}} {row[3]:{group}} {row[4]:>{size}} {row[5]:>{when}} {row[6]}"
            for row in cells
        ]

    def total(self, items: list[Item]) -> str:
        """The line above a long table."""
        blocks = sum(item.status.st_blocks for item in items if item.status is not None)
        return f"total {self._size(blocks * 512, 1024)}"

    def name(self, item: Item) -> str:
        """A name with the mark that `-p` and `-F` put after it."""
        mode, letters = item.mode, self.options.letters
        mark = ""
        if stat.S_ISDIR(mode):
            mark = "/" if letters & {"p", "F"} else ""
        elif "F" in letters:
            mark = _mark(mode, long=self.options.long)
        return self.shown(item.name) + mark

    def shown(self, name: str) -> str:
        """A name on one line, whatever is in it: a line feed would look like two files."""
        return escape_name(name) if "b" in self.options.letters else name.replace("\n", "?")

    def _cells(self, item: Item) -> tuple[str, ...]:
        status = item.status
        name = self.name(item)
        if status is None:
            return "??????????", "?", "?", "?", "?", "?", name
        if item.target is not None:
            name = f"{name} -> {self.shown(item.target)}"
        return (
            stat.filemode(status.st_mode),
            str(status.st_nlink),
            self._named(status.st_uid, self._owners, _user_name),
            self._named(status.st_gid, self._groups, _group_name),
            self._size(status.st_size, 1),
            self._when(status.st_mtime_ns),
            name,
        )

    def _named(self, number: int, known: dict[int, str], find: Callable[[int], str]) -> str:
        name = known.get(number)
        if name is None:
            name = known[number] = str(number) if "n" in self.options.letters else find(number)
        return name

    def _size(self, size: int, unit: int) -> str:
        if "h" not in self.options.letters:
            return str(-(-size // unit))
        return _human(size)

    def _when(self, modified_ns: int) -> str:
        seconds, nanoseconds = divmod(modified_ns, 10**9)
        style = self.options.time_style
        if style in ("full-iso", "long-iso"):
            minute, second, zone = self._local(seconds)
            return minute if style == "long-iso" else f"{minute}:{second:02d}.{nanoseconds:09d} {zone}"
        if style == "+%s":
            return str(seconds)
        moment = time.localtime(seconds)
        if style:
            return time.strftime(style[1:], moment)
        recent = self.now - _HALF_YEAR < seconds <= self.now + 1
        last = f"{moment.tm_hour:02d}:{moment.tm_min:02d}" if recent else f" {moment.tm_year}"
        return f"{_MONTHS[moment.tm_mon - 1]} {moment.tm_mday:2d} {last}"

    def _local(self, seconds: int) -> tuple[str, int, str]:
        """A time down to its minute, the second, and the zone; most files of a directory share a few minutes."""
        if (known := self._minutes.get(seconds // 60)) is not None:
            return known[0], seconds % 60, known[1]
        moment = time.localtime(seconds)
        minute, zone = time.strftime("%Y-%m-%d %H:%M", moment), time.strftime("%z", moment)
        if moment.tm_gmtoff % 60 == 0:  # not so in some zones before 1972
            self._minutes[seconds // 60] = minute, zone
        return minute, moment.tm_sec, zone


def _human(size: int) -> str:
    value, letters = float(size), iter("KMGTPE")
    suffix = ""
    while value >= 1024:
        value, suffix = value / 1024, next(letters)
    # Rounded up, one decimal below ten, as in GNU ls.
    if suffix and value < 9.95:
        return f"{-(-value * 10 // 1) / 10:.1f}{suffix}"
    return f"{int(-(-value // 1))}{suffix}"


def _mark(mode: int, *, long: bool) -> str:
    if stat.S_ISLNK(mode):
        return "" if long else "@"
    if stat.S_ISFIFO(mode):
        return "|"
    if stat.S_ISSOCK(mode):
        return "="
    return "*" if stat.S_ISREG(mode) and mode & 0o111 else ""


def _user_name(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def _group_name(number: int) -> str:
    try:
        return grp.getgrgid(number).gr_name
    except KeyError:
        return str(number)
