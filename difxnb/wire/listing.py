# SPDX-License-Identifier: GPL-3.0-or-later
"""Lines of ``ls -l`` become entries, and entries become such lines.

What is read is what GNU ls writes to a pipe, with ``--time-style=full-iso`` or in its default style, with ``-b``
(names escaped) or without. Headings of directories are heeded, totals and blank lines passed over. One line that
cannot be read costs no other: it stays as an entry of type ``"unknown"`` (guiserver.md 7.2).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from difxnb.errors import ProtocolError
from difxnb.wire.escapes import escape_name, unescape_name

_TYPES = {
    "-": "file",
    "d": "directory",
    "l": "link",
    "p": "fifo",
    "s": "socket",
    "b": "block",
    "c": "character",
    "?": "unknown",
}
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
# GNU ls gives the clock time instead of the year for half a Gregorian year back.
_RECENT = timedelta(seconds=31_556_952 / 2)
_ARROW = " -> "
# The word for it is in the language of the server: "total 8", "insgesamt 8".
_TOTAL = re.compile(r"[^\W\d]{1,20} [\d.,]{1,20}[A-Za-z]?")
_MODE = r"(?P<mode>[-dlpsbc][-rwxsStT]{9})[.+@]? +(?P<links>\d{1,18}) +"
_SIZE_AND_TIME = (
    r"(?P<size>\d{1,20}|\d{1,9}, *\d{1,9}) "
    r"(?:(?P<iso>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{1,9}) (?P<zone>[+-]\d{4})"
    r"|(?P<default>(?:" + "|".join(_MONTHS) + r") [ \d]\d (?:\d\d:\d\d| \d{4}))) (?P<name>.+)"
)
# mode, links, owner, group, size (or major, minor of a device), one of two time styles, name. No two
# neighbours can match the same characters, so that a hostile line costs no more than its length.
_ENTRY = re.compile(_MODE + r"(?P<owner>\S+) +(?P<group>\S+) +" + _SIZE_AND_TIME, re.ASCII | re.DOTALL)
# Directory services have groups such as "domain users"; which blank parts owner and group is a guess then.
_BEGINNING = re.compile(_MODE + r"(?P<owner>\S+) +", re.ASCII)
_REST = re.compile(r" " + _SIZE_AND_TIME, re.ASCII | re.DOTALL)
# What ls could not look at: the directory may be listed and not searched.
_UNSEEN = re.compile(r"(?P<mode>[-dlpsbc?]\?{9})(?: +\?){5} (?P<name>.+)", re.ASCII | re.DOTALL)
# With -b a blank in a name is escaped, so the first that is not belongs to the arrow.
_ESCAPED_LINK = re.compile(r"((?:[^\\ ]|\\.)*) -> (.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Entry:
    """One file or directory on the server.

    Attributes
    ----------
    name, path : str
        Last component, and absolute path as far as the directory given to `parse_listing` is absolute.
    type : str
        ``"file"``, ``"directory"``, ``"link"``, ``"fifo"``, ``"socket"``, ``"block"`` or ``"character"``;
        ``"unknown"`` for a line that could not be read, which is the name then, without a path.
    mode : str
        As ls writes it, ``"-rw-r--r--"``; ``"-?????????"`` where it could not look.
    owner, group : str
    size : int
        Bytes; 0 for devices, and where ls could not look.
    modified : datetime or None
        UTC; None where ls could not look, or wrote what is no time.
    target : str or None
        What a link points to.
    links : int
        Number of hard links.
    """

    name: str
    path: str
    type: str
    mode: str
    owner: str
    group: str
    size: int
    modified: datetime | None
    target: str | None = None
    links: int = 1


@dataclass(frozen=True, slots=True)
class Listed:
    """What ls wrote.

    Attributes
    ----------
    entries : list of Entry
    directories : set of str
        Paths of the directories that were listed under a heading of their own; others could not be opened.
    is_empty : bool
        There was no line at all: ls lists even an empty directory with a total, unless it could not open it.
    """

    entries: list[Entry]
    directories: set[str]
    is_empty: bool


def parse_listing(
    lines: Iterable[str], directory: str, *, now: datetime | None = None, escaped: bool = False
) -> list[Entry]:
    """Read the entries in the output of ``ls -l``; see `read_listing`."""
    return read_listing(lines, directory, now=now, escaped=escaped).entries


def read_listing(
    lines: Iterable[str], directory: str, *, now: datetime | None = None, escaped: bool = False
) -> Listed:
    """Read the output of ``ls -l``.

    Parameters
    ----------
    lines : iterable of str
        With or without their line feeds.
    directory : str
        What was listed. Names in the output that are not absolute are taken to be in there, until a heading
        names another directory.
    now : datetime, optional
        Aware; the server's clock and zone. Needed for the default time style, which leaves out the zone and
        mostly the year. A time that would lie more than a day after it belongs to the year before.
    escaped : bool
        The names are escaped, as ``ls -b`` writes them.

    Raises
    ------
    ProtocolError
        There are lines, and none of them is one of ls.
    ValueError
        A line is in the default time style, and `now` was not given.
    """
    reader = _Reader(directory, now, escaped=escaped)
    for line in lines:
        reader.read(line.removesuffix("\n"))
    if reader.unreadable and not reader.readable:
        raise ProtocolError(f"no line of ls -l: {reader.unreadable[:120]!r}")
    return Listed(reader.entries, reader.directories, not reader.readable)


def format_entry(
    entry: Entry,
    *,
    time_style: str = "full-iso",
    shown: str | None = None,
    now: datetime | None = None,
    escaped: bool = False,
) -> str:
    """Write one line of ``ls -l`` without line feed; `parse_listing` reads it back.

    Parameters
    ----------
    entry : Entry
        What to write.
    time_style : str
        ``"full-iso"`` or ``"default"``. The second keeps minutes only, and the day only where the time lies
        more than half a year before `now` or after it.
    shown : str, optional
        Text in place of the entry's name: ls shows the path where one was given on its command line.
    now : datetime, optional
        Aware; needed for the default style, which is written in its zone.
    escaped : bool
        Escape names as ``ls -b`` does.

    Raises
    ------
    ValueError
        The style is unknown, `now` is missing, or the entry's time has no zone.
    """
    if entry.modified is None or entry.modified.utcoffset() is None:
        raise ValueError(f"the time of {entry.path!r} has no zone")
    write = escape_name if escaped else str
    name = write(entry.name if shown is None else shown)
    if entry.target is not None:
        name += f" -> {write(entry.target)}"
    size = "0, 0" if entry.type in ("block", "character") else str(entry.size)
    time = _format_time(entry.modified, time_style, now)
    return f"{entry.mode} {entry.links} {entry.owner} {entry.group} {size} {time} {name}"


class _Reader:
    """Takes lines of ls one after the other."""

    def __init__(self, directory: str, now: datetime | None, *, escaped: bool) -> None:
        self.entries: list[Entry] = []
        self.directories: set[str] = set()
        self.readable, self.unreadable = False, ""
        self._directory, self._now = directory, now
        self._name: Callable[[str], str] = unescape_name if escaped else str
        self._split = _split_escaped if escaped else _split_link
        # ls writes headings at the top and after a blank line, totals there and under a heading
        self._heading_may_follow = self._total_may_follow = True

    def read(self, line: str) -> None:
        """Take one line."""
        if not line:
            self._heading_may_follow = self._total_may_follow = True
            return
        entry = self._entry(line)
        if entry is None and self._is_between(line):
            self.readable, self._heading_may_follow = True, False
            return
        if entry is None:
            self.unreadable = self.unreadable or line
            entry = Entry(line, "", "unknown", "", "", "", 0, None)
        else:
            self.readable = True
        self.entries.append(entry)
        self._heading_may_follow = self._total_may_follow = False

    def _is_between(self, line: str) -> bool:
        """Whether this is a heading, which is heeded, or a total, which is not."""
        if self._heading_may_follow and len(line) > 1 and line.endswith(":"):
            self._directory = _join(self._directory, self._name(line[:-1]))
            self.directories.add(self._directory)
            return True
        return self._total_may_follow and _TOTAL.fullmatch(line) is not None

    def _entry(self, line: str) -> Entry | None:
        match = _ENTRY.fullmatch(line)
        if match is not None:
            return self._seen(*match.groups())
        if (unseen := _UNSEEN.fullmatch(line)) is not None:
            path = _join(self._directory, self._name(unseen["name"]))
            return Entry(_last(path), path, _TYPES[line[0]], unseen["mode"], "?", "?", 0, None)
        beginning = _BEGINNING.match(line)
        rest = beginning and _REST.search(line, beginning.end())
        if beginning is None or rest is None:
            return None
        group = line[beginning.end() : rest.start()].strip()
        mode, links, owner = beginning.groups()
        return self._seen(mode, links, owner, group, *rest.groups())

    def _seen(
        self,
        mode: str,
        links: str,
        owner: str,
        group: str,
        size_text: str,
        iso: str | None,
        zone: str,
        default: str,
        shown: str,
    ) -> Entry:
        """Make an entry of the fields of a line, in the order of `_ENTRY`."""
        size = 0 if "," in size_text else int(size_text)  # a device has two numbers and no size
        name, target = self._split(shown, size) if mode[0] == "l" else (self._name(shown), None)
        path = _join(self._directory, name)
        modified = _full_iso(iso, zone) if iso else _default_style(default, self._now)
        kind = _TYPES[mode[0]]
        return Entry(_last(path), path, kind, mode, owner, group, size, modified, target, int(links))


def _split_link(text: str, size: int) -> tuple[str, str | None]:
    """Split "name -> target"; the size of a link is the length of its target, and tells names with arrows."""
    encoded = text.encode("utf-8", "surrogateescape")
    at = len(encoded) - size - len(_ARROW)
    if at > 0 and encoded[at : at + len(_ARROW)] == _ARROW.encode():
        name, target = encoded[:at], encoded[at + len(_ARROW) :]
        return name.decode("utf-8", "surrogateescape"), target.decode("utf-8", "surrogateescape")
    name_text, arrow, target_text = text.partition(_ARROW)
    return name_text, target_text if arrow else None


def _split_escaped(text: str, size: int) -> tuple[str, str | None]:
    match = _ESCAPED_LINK.fullmatch(text)
    if match is None:
        return unescape_name(text), None
    return unescape_name(match[1]), unescape_name(match[2])


def _join(directory: str, name: str) -> str:
    path = name if name.startswith("/") else f"{directory.rstrip('/')}/{name}"
    return path if path[-1] != "/" else path.rstrip("/") or "/"


def _last(path: str) -> str:
    return path[path.rfind("/") + 1 :] or "/"


def _full_iso(iso: str, zone: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(iso + zone)
        return moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None  # the file is there all the same


def _default_style(text: str, now: datetime | None) -> datetime | None:
    """Read "Nov 22 10:52" or "Nov 22  2025" in the zone of `now`."""
    if now is None or now.utcoffset() is None:
        raise ValueError("the default time style of ls has no zone and no year: give now, with its zone")
    try:
        return _date(text, now).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _date(text: str, now: datetime) -> datetime:
    month, day = _MONTHS.index(text[:3]) + 1, int(text[4:6])
    if ":" not in text:
        return datetime(int(text[-4:]), month, day, tzinfo=now.tzinfo)
    hour, minute = int(text[-5:-3]), int(text[-2:])
    # A day of grace: clocks of two machines differ, and so may their zones.
    latest = now + timedelta(days=1)
    if (month, day, hour, minute) > (latest.month, latest.day, latest.hour, latest.minute):
        return datetime(latest.year - 1, month, day, hour, minute, tzinfo=now.tzinfo)
    return datetime(latest.year, month, day, hour, minute, tzinfo=now.tzinfo)


def _format_time(modified: datetime, time_style: str, now: datetime | None) -> str:
    if time_style == "full-iso":
        return f"{modified.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}000 +0000"
    if time_style != "default":
        raise ValueError(f"time_style must be 'full-iso' or 'default'; got {time_style!r}")
    if now is None or now.utcoffset() is None:
        raise ValueError("the default time style depends on the present time: give now, with its zone")
    local = modified.astimezone(now.tzinfo)
    day = f"{_MONTHS[local.month - 1]} {local.day:2d}"
    recent = now - _RECENT < local <= now
    return f"{day} {local:%H:%M}" if recent else f"{day}  {local.year:04d}"
