# SPDX-License-Identifier: GPL-3.0-or-later
"""What a notebook shows of an object instead of its repr: escaped text and small tables."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

_MAX_ROWS = 10


def titled(title: str, table: pd.DataFrame) -> str:
    """A line of text, and a table under it where it has any rows."""
    below = "" if table.empty else table.to_html(max_rows=_MAX_ROWS, index=False, escape=True)
    return f"<pre>{escape(title)}</pre>{below}"


def listed(title: str, facts: Mapping[str, str]) -> str:
    """A line of text, and a table of names and values under it; facts without a value are left out."""
    rows = "".join(
        f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in facts.items() if value
    )
    return f"<pre>{escape(title)}</pre><table>{rows}</table>"


def plain(title: str, facts: Mapping[str, str]) -> str:
    """The same as text: a line, and names and values in two columns under it; facts without a value are left out."""
    known = {name: value for name, value in facts.items() if value}
    width = max(map(len, known), default=0)
    return "\n".join([title, *(f"  {name:<{width}}  {value}" for name, value in known.items())])
