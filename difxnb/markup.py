# SPDX-License-Identifier: GPL-3.0-or-later
"""What is shown of an object, as text and as HTML that says the same: escaped text and small tables.

Names come from files and from other machines: nothing in them may act on a terminal or a page, or stop it.
"""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

_MAX_ROWS = 10


def printable(text: str, keep: str = "") -> str:
    """Text whose control characters, and halves of characters, are written as escapes, but for those to keep."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() or one in keep else ascii(one)[1:-1] for one in text)


def titled(title: str, table: pd.DataFrame) -> str:
    """A line of text, and a table under it where it has any rows."""
    below = "" if table.empty else table.to_html(max_rows=_MAX_ROWS, index=False, escape=True)
    return printable(f"<pre>{escape(title)}</pre>{below}", keep="\n")


def plain_table(title: str, table: pd.DataFrame) -> str:
    """The same as text."""
    below = "" if table.empty else "\n" + table.to_string(max_rows=_MAX_ROWS, index=False)
    return printable(title + below, keep="\n")


def listed(title: str, facts: Mapping[str, str]) -> str:
    """A line of text, and a table of names and values under it; facts without a value are left out."""
    rows = "".join(
        f"<tr><th>{escape(name)}</th><td>{escape(printable(value))}</td></tr>"
        for name, value in facts.items()
        if value
    )
    below = f"<table>{rows}</table>" if rows else ""
    return f"<pre>{escape(printable(title))}</pre>{below}"


def plain(title: str, facts: Mapping[str, str]) -> str:
    """The same as text: a line, and names and values in two columns under it; facts without a value are left out."""
    known = {name: printable(value) for name, value in facts.items() if value}
    width = max(map(len, known), default=0)
    return "\n".join([printable(title), *(f"  {name:<{width}}  {value}" for name, value in known.items())])
