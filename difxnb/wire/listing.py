# SPDX-License-Identifier: GPL-3.0-or-later
"""Lines of ``ls -l`` become entries, and entries become such lines.

What is read is what GNU ls writes to a pipe, with ``--time-style=full-iso`` or in its default style in
English. Headings of directories, ``total N`` and blank lines are passed over, headings after being heeded.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

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
        What was listed; names in the output that are not absolute are taken to be in there, until a heading
        names another directory.
    now : datetime, optional
        Aware; the server's clock and zone. Needed for the default time style, which leaves out the year and
        the zone. A time that would lie more than a day after it belongs to the year before.

    Raises
    ------
    ProtocolError
        A line is none of ls.
    ValueError
        A line is in the default time style, and `now` was not given.
    """
    raise NotImplementedError


def format_entry(
    entry: Entry, *, time_style: str = "full-iso", shown: str | None = None, now: datetime | None = None
) -> str:
    """Write one line of ``ls -l`` without line feed; `parse_listing` reads it back.

    Parameters
    ----------
    entry : Entry
    time_style : str
        ``"full-iso"`` or ``"default"``; the second keeps minutes only, or the day for times that lie more than
        half a year before `now` or after it.
    shown : str, optional
        Text in place of the entry's name: ls shows the path where one was given on its command line.
    now : datetime, optional
        Needed for the default style; its zone is the one written.
    """
    raise NotImplementedError
