# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows of ``ls``: names, sizes, owners and times in the columns of GNU ``ls``.

In: names with what the system knows of them. Out: lines without line feed, byte for byte as ``ls`` prints them into a
pipe. Ten thousand rows take a few tens of milliseconds: what repeats (owners, modes, zones) is written once.
"""

from __future__ import annotations

import grp
import os
import pwd
import stat
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from difxnb.wire.escapes import escape_name

_HALF_YEAR = 31556952 // 2
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

_CLOCK = tuple(f"{hour:02d}:{minute:02d}" for hour in range(24) for minute in range(60))
_QUARTER = 900
# Since 1972 every clock in the world has been set at a full quarter of an hour.
_WHOLE_QUARTERS = 94_694_400


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


class Item(NamedTuple):
    """One thing to print: its shown name, its status (None where it cannot be had), and where a link points."""

    name: str
    status: os.stat_result | None
    target: str | None

    @property
    def mode(self) -> int:
        """Type and permissions; 0 where they cannot be had."""
        return 0 if self.status is None else self.status.st_mode


class Rows:
    """Writes rows for one request.

    Parameters
    ----------
    options : Options
    now : float
        Unix time that decides between the two forms of the default time style.
    """

    def __init__(self, options: Options, now: float) -> None:
        self._options, self._now = options, now
        self._has_marks = bool(options.letters & {"p", "F"})
        self._numbers, self._escapes = "n" in options.letters, "b" in options.letters
        self._human = "h" in options.letters
        self._owners: dict[int, str] = {}
        self._groups: dict[int, str] = {}
        self._modes: dict[int, str] = {}
        self._zones: dict[int, tuple[int, str]] = {}
        self._zone_names: dict[int, str] = {}
        self._dates: dict[int, str] = {}

    def rows(self, items: list[Item]) -> list[str]:
        """Write all rows of one table; the widths of its columns depend on all of them."""
        if not self._options.long:
            return [self.name(item) for item in items]
        cells = [self._cells(item) for item in items]
        if not cells:
            return []
        links, owner, group, size, when = (
            max(map(len, column)) for column in list(zip(*cells, strict=True))[1:6]
        )
        row = f"%s %{links}s %-{owner}s %-{group}s %{size}s %{when}s %s"
        return [row % cell for cell in cells]

    def total(self, items: list[Item]) -> str:
        """The line above a long table."""
        blocks = sum(item.status.st_blocks for item in items if item.status is not None)
        return f"total {_human(blocks * 512) if self._human else -(-blocks // 2)}"

    def name(self, item: Item) -> str:
        """A name with the mark that `-p` and `-F` put after it."""
        name = self.shown(item.name)
        return name + self._mark(item.mode) if self._has_marks else name

    def shown(self, name: str) -> str:
        """A name on one line, whatever is in it: a line feed would look like two files."""
        return escape_name(name) if self._escapes else name.replace("\n", "?")

    def _mark(self, mode: int) -> str:
        if stat.S_ISDIR(mode):
            return "/"
        return _mark(mode, long=self._options.long) if "F" in self._options.letters else ""

    def _cells(self, item: Item) -> tuple[str, ...]:
        status, name = item.status, self.name(item)
        if status is None:
            return "??????????", "?", "?", "?", "?", "?", name
        if item.target is not None:
            name = f"{name} -> {self.shown(item.target)}"
        mode, user, group = status.st_mode, status.st_uid, status.st_gid
        return (
            self._modes.get(mode) or self._modes.setdefault(mode, stat.filemode(mode)),
            str(status.st_nlink),
            self._owners.get(user) or self._owners.setdefault(user, self._named(user, _user_name)),
            self._groups.get(group) or self._groups.setdefault(group, self._named(group, _group_name)),
            _human(status.st_size) if self._human else str(status.st_size),
            self._when(status.st_mtime_ns),
            name,
        )

    def _named(self, number: int, find: Callable[[int], str]) -> str:
        return str(number) if self._numbers else find(number)

    def _when(self, modified_ns: int) -> str:
        seconds = modified_ns // 1_000_000_000
        style = self._options.time_style
        if style == "full-iso":
            return self._full_iso(seconds, modified_ns - seconds * 1_000_000_000)
        if style == "+%s":
            return str(seconds)
        moment = time.localtime(seconds)
        if style:
            return time.strftime("%Y-%m-%d %H:%M" if style == "long-iso" else style[1:], moment)
        recent = self._now - _HALF_YEAR < seconds <= self._now + 1
        last = f"{moment.tm_hour:02d}:{moment.tm_min:02d}" if recent else f" {moment.tm_year}"
        return f"{_MONTHS[moment.tm_mon - 1]} {moment.tm_mday:2d} {last}"

    def _full_iso(self, seconds: int, nanoseconds: int) -> str:
        offset, zone = self._zones.get(seconds // _QUARTER) or self._zone(seconds)
        day, second = divmod(seconds + offset, 86400)
        date = self._dates.get(day) or self._dates.setdefault(day, _date(day))
        return f"{date} {_CLOCK[second // 60]}:{second % 60:02d}.{nanoseconds:09d} {zone}"

    def _zone(self, seconds: int) -> tuple[int, str]:
        """How far local time is ahead of UTC, in seconds and as text."""
        moment = time.localtime(seconds)
        offset = moment.tm_gmtoff
        name = self._zone_names.get(offset) or self._zone_names.setdefault(
            offset, time.strftime("%z", moment)
        )
        found = offset, name
        if seconds > _WHOLE_QUARTERS:
            self._zones[seconds // _QUARTER] = found
        return found


def _date(day: int) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(day * 86400))


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
