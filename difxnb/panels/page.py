# SPDX-License-Identifier: GPL-3.0-or-later
"""Pieces of HTML that panels are made of: words with marks, tables that scroll, a style for light and dark themes.

Everything that goes in is text and is escaped here. Nothing is told by colour alone: a word or a mark stands beside it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape

from difxnb.markup import printable

LONGEST = 2000
"""Letters of one text that are shown."""

MARKS = {"good": "✓", "bad": "✗", "warn": "⚠", "busy": "…", "": ""}
"""What stands before words of each tone."""

STYLE = """<style>
.difxnb-page {color: var(--jp-ui-font-color1, #222); line-height: 1.35; overflow-wrap: anywhere}
.difxnb-page table {border-collapse: collapse; font-size: 0.92em}
.difxnb-page th, .difxnb-page td {padding: 0.15em 0.6em; text-align: left; vertical-align: top;
  border-bottom: 1px solid var(--jp-border-color2, #ccc)}
.difxnb-page pre {margin: 0.2em 0; max-height: 24em; overflow: auto; padding: 0.4em;
  color: var(--jp-ui-font-color1, #222); background: var(--jp-layout-color2, #eee)}
.difxnb-page h4 {margin: 0.6em 0 0.1em}
.difxnb-scroll {overflow: auto; max-height: 26em}
.difxnb-tone {white-space: pre-line; padding-left: 0.5em; border-left: 0.3em solid var(--jp-border-color1, #999)}
.difxnb-tone-good {border-left-color: #009E73}
.difxnb-tone-bad {border-left-color: #D55E00; font-weight: 600}
.difxnb-tone-warn {border-left-color: #E69F00}
.difxnb-tone-busy {border-left-color: #0072B2}
.difxnb-quiet {color: var(--jp-ui-font-color2, #555)}
.difxnb-mono select, .difxnb-mono input {font-family: var(--jp-code-font-family, monospace)}
</style>"""


def shown(text: str, longest: int = LONGEST) -> str:
    """Text that can stand in HTML; cut where it is too long, with the number of letters left out."""
    if len(text) <= longest:
        return escape(printable(text, keep="\n"))
    return f"{escape(printable(text[:longest], keep=chr(10)))}… ({len(text) - longest} letters more)"


def page(*pieces: str) -> str:
    """Pieces of HTML, as one page that fits the theme."""
    return f'<div class="difxnb-page">{"".join(pieces)}</div>'


def line(text: str, tone: str = "", *, is_news: bool = False) -> str:
    """One line of words; its tone is one of `MARKS`. With `is_news` it is read out when it changes."""
    if not text:
        return ""
    mark = f"<b>{MARKS[tone]}</b> " if MARKS[tone] else ""
    role = f' role="{"alert" if tone == "bad" else "status"}"' if is_news else ""
    return f'<div class="difxnb-tone difxnb-tone-{tone}"{role}>{mark}{shown(text)}</div>'


def quiet(text: str) -> str:
    """A line of less weight."""
    return f'<div class="difxnb-quiet">{shown(text)}</div>' if text else ""


def heading(text: str) -> str:
    """A heading within a panel."""
    return f"<h4>{shown(text)}</h4>"


def facts(pairs: Mapping[str, str]) -> str:
    """Names and values in two columns; what has no value is left out."""
    rows = "".join(
        f'<tr><th scope="row">{shown(name)}</th><td>{shown(value)}</td></tr>'
        for name, value in pairs.items()
        if value
    )
    return f'<div class="difxnb-scroll"><table>{rows}</table></div>' if rows else ""


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table that scrolls where there is no room for it; nothing where it has no rows."""
    body = "".join(f"<tr>{''.join(f'<td>{shown(cell)}</td>' for cell in row)}</tr>" for row in rows)
    if not body:
        return ""
    head = "".join(f'<th scope="col">{shown(name)}</th>' for name in columns)
    return f'<div class="difxnb-scroll"><table><tr>{head}</tr>{body}</table></div>'


def preformatted(text: str, longest: int) -> str:
    """Text as it is, in letters of one width; the first `longest` of them."""
    return f"<pre>{shown(text, longest)}</pre>"


def size_words(size: float) -> str:
    """Bytes in words, such as ``"1.2 MB"``."""
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if abs(size) < 1000 or unit == "TB":
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.3g} {unit}"
        size /= 1000
    raise AssertionError("there is a largest unit")


def duration_words(seconds: float) -> str:
    """Seconds in words, such as ``"2 min 5 s"``."""
    whole = round(seconds)
    if whole < 60:
        return f"{seconds:.3g} s" if seconds < 10 else f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
