# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables that fit a terminal: the first column is cut at half of it, the last one gets what the others leave."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from difxnb.markup import printable

_BETWEEN = 2  # blanks between two columns


def fitted_table(heads: Sequence[str], rows: Sequence[Sequence[str]], width: int, below: str) -> Table:
    """A table of that many columns of a terminal, with a line below it; each row takes one line."""
    cells = [tuple(map(printable, row)) for row in rows]
    table = Table(box=None, pad_edge=False, caption=Text(printable(below)), caption_justify="left")
    for head, room in zip(heads, _widths(heads, cells, width), strict=True):
        table.add_column(head, no_wrap=True, width=room)
    for row in cells:
        table.add_row(*map(Text, row))
    return table


def _widths(heads: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> list[int]:
    longest = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    first = min(longest[0], width // 2)
    left = width - first - sum(longest[1:-1]) - _BETWEEN * (len(heads) - 1)
    return [first, *longest[1:-1], max(1, min(longest[-1], left))]
