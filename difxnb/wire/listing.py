# SPDX-License-Identifier: GPL-3.0-or-later
"""Lines of ``ls -l`` become entries, and entries become such lines.

What is read is what GNU ls writes to a pipe, with ``--time-style=full-iso`` or in its default style in
English. Headings of directories, ``total N`` and blank lines are passed over, headings after being heeded.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

from difxnb.errors import ProtocolError

_TYPES = {
    "-": "file",
    "d": "directory",
    "l": "link",
    "p": "fifo",
    "s": "socket",
    "b": "block",
    "c": "character",
}
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
# GNU ls gives the clock time instead of the year for half a Gregorian year back.
_RECENT = timedelta(seconds=31_556_952 / 2)
_ARROW = " -> "
_TOTAL = re.compile(r"total \S+")
# mode, links, owner, group, size (or major, minor of a device), one of two time styles, name. No two
# neighbours can match the same characters, so that a hostile line costs no more than its length.
_ENTRY = re.compile(
    r"(?P<mode>[-dlpsbc][-rwxsStT]{9})[.+@]? +(?P<links>\d{1,18}) +(?P<owner>\S+) +(?P<group>\S+) +"
    r"(?P<size>\d{1,20}|\d{1,9}, *\d{1,9}) "
    r"(?:(?P<iso>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)\.(?P<fraction>\d{1,9}) "
    r"(?P<sign>[+-])(?P<hours>\d\d)(?P<minutes>\d\d)"
    r"|(?P<default>(?:" + "|".join(_MONTHS) + r") [ \d]\d (?:\d\d:\d\d| \d{4}))) (?P<name>.+)",
    re.ASCII | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One file or directory on the server.

    Attributes
    ----------
    name, path : str
        Last component, and absolute path as far as the directory given to `parse_listing` is absolute.
    type : str
        ``"file"``, ``"directory"``, ``"link"``, ``"fifo"``, ``"socket"``, ``"block"`` or ``"character"``.
    mode : str
        As ls writes it, ``"-rw-r--r--"``.
    owner, group : str
    size : int
        Bytes; 0 for devices.
    modified : datetime
        UTC.
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
    modified: datetime
    target: str | None = None
    links: int = 1


def parse_listing(lines: Iterable[str], directory: str, *, now: datetime | None = None) -> list[Entry]:
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

    Raises
    ------
    ProtocolError
        A line is none of ls.
    ValueError
        A line is in the default time style, and `now` was not given.
    """
    entries = []
    heading_may_follow = True  # ls writes headings at the top and after a blank line, nowhere else
    for raw in lines:
        line = raw.removesuffix("\n")
        match = _ENTRY.fullmatch(line)
        if match:
            entries.append(_entry(match, directory, now))
        elif heading_may_follow and line.endswith(":"):
            directory = _join(directory, line[:-1])
        elif line and not _TOTAL.fullmatch(line):
            raise ProtocolError(f"no line of ls -l: {line[:120]!r}")
        heading_may_follow = not line
    return entries


def format_entry(
    entry: Entry, *, time_style: str = "full-iso", shown: str | None = None, now: datetime | None = None
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

    Raises
    ------
    ValueError
        The style is unknown, `now` is missing, or the entry's time has no zone.
    """
    if entry.modified.utcoffset() is None:
        raise ValueError(f"the time of {entry.path!r} has no zone")
    name = entry.name if shown is None else shown
    if entry.target is not None:
        name += f" -> {entry.target}"
    size = "0, 0" if entry.type in ("block", "character") else str(entry.size)
    time = _format_time(entry.modified, time_style, now)
    return f"{entry.mode} {entry.links} {entry.owner} {entry.group} {size} {time} {name}"


def _entry(match: re.Match[str], directory: str, now: datetime | None) -> Entry:
    mode, text, target = match["mode"], match["name"], None
    size = 0 if "," in match["size"] else int(match["size"])  # a device has two numbers and no size
    if mode[0] == "l":
        text, target = _split_link(text, size)
    path = _join(directory, text)
    return Entry(
        name=path.rpartition("/")[2] or "/",
        path=path,
        type=_TYPES[mode[0]],
        mode=mode,
        owner=match["owner"],
        group=match["group"],
        size=size,
        modified=_time(match, now),
        target=target,
        links=int(match["links"]),
    )


def _split_link(text: str, size: int) -> tuple[str, str | None]:
    """Split "name -> target"; the size of a link is the length of its target, and tells names with arrows."""
    encoded = text.encode("utf-8", "surrogateescape")
    at = len(encoded) - size - len(_ARROW)
    if at > 0 and encoded[at : at + len(_ARROW)] == _ARROW.encode():
        name, target = encoded[:at], encoded[at + len(_ARROW) :]
        return name.decode("utf-8", "surrogateescape"), target.decode("utf-8", "surrogateescape")
    name_text, arrow, target_text = text.partition(_ARROW)
    return name_text, target_text if arrow else None


def _join(directory: str, name: str) -> str:
    path = name if name.startswith("/") else f"{directory.rstrip('/')}/{name}"
    return path.rstrip("/") or "/"


def _time(match: re.Match[str], now: datetime | None) -> datetime:
    if match["iso"] is None and (now is None or now.utcoffset() is None):
        raise ValueError("the default time style of ls has no zone and no year: give now, with its zone")
    try:
        local = _full_iso(match) if now is None or match["iso"] else _default_style(match["default"], now)
        return local.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise ProtocolError(f"no time that ls writes: {match[0][:120]!r} ({error})") from error


def _full_iso(match: re.Match[str]) -> datetime:
    moment = datetime.strptime(match["iso"], "%Y-%m-%d %H:%M:%S")
    offset = timedelta(hours=int(match["hours"]), minutes=int(match["minutes"]))
    zone = timezone(-offset if match["sign"] == "-" else offset)
    return moment.replace(microsecond=int(match["fraction"][:6].ljust(6, "0")), tzinfo=zone)


def _default_style(text: str, now: datetime) -> datetime:
    """Read "Nov 22 10:52" or "Nov 22  2025" in the zone of `now`."""
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
