# SPDX-License-Identifier: GPL-3.0-or-later
"""What panels are made of, as HTML: words, marks, bars, lines and tables, for light and dark and narrow screens.

Texts come from the wire and from files: everything here escapes and bounds them. Nothing is told by colour alone: a
word or a sign stands beside it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape

from difxnb.markup import printable

_LONGEST, _LONGEST_LINE = 300, 2000
_MINUTE, _HOUR, _DAY = 60.0, 3600.0, 86400.0
_NOW_S = 10.0

STYLE = """<style>
.difxnb-page {color: var(--jp-ui-font-color1, #222); line-height: 1.35; overflow-wrap: anywhere}
.difxnb-page pre {max-height: 24em; overflow: auto}
.difxnb-page.difxnb-page.difxnb-page pre {margin: 0.2em 0; padding: 0.4em;
  color: var(--jp-ui-font-color1, #222); background: var(--jp-layout-color2, #eee)}
.difxnb-page h4 {margin: 0.6em 0 0.1em}
.difxnb-table {overflow: auto; max-height: 28em}
.difxnb-table.difxnb-whole {max-height: none}
.difxnb-table.difxnb-table.difxnb-table table {border-collapse: collapse; margin: 0;
  color: var(--jp-ui-font-color1, inherit); font-size: 90%}
.difxnb-table.difxnb-table.difxnb-table tr {background: none}
.difxnb-table.difxnb-table.difxnb-table :is(th, td) {text-align: left; vertical-align: top; padding: .1em .6em;
  line-height: 1.5; border-bottom: 1px solid var(--jp-border-color2, #8888)}
.difxnb-table caption {text-align: left; font-weight: bold; padding: .3em 0}
.difxnb-mark {padding: 0 .45em; border-radius: .3em; white-space: nowrap; line-height: 1.5}
.difxnb-bar {display: inline-block; width: 7em; max-width: 30vw; height: .7em; vertical-align: middle;
  border: 1px solid var(--jp-border-color1, #888); background: var(--jp-layout-color2, transparent)}
.difxnb-bar > span {display: block; height: 100%}
.difxnb-said {line-height: 1.5; color: var(--jp-ui-font-color1, inherit)}
.difxnb-tone {white-space: pre-line; padding-left: 0.5em; border-left: 0.3em solid var(--jp-border-color1, #999)}
.difxnb-tone-good {border-left-color: #009E73}
.difxnb-tone-bad {border-left-color: #D55E00; font-weight: 600}
.difxnb-tone-warn {border-left-color: #E69F00}
.difxnb-tone-busy {border-left-color: #0072B2}
.difxnb-quiet {color: var(--jp-ui-font-color2, #555)}
.difxnb-mono select, .difxnb-mono input {font-family: var(--jp-code-font-family, monospace)}
</style>"""
"""The style sheet of all this; once in each panel, and in each twin.

A class named three times outweighs what JupyterLab says of tables and ``pre`` in outputs, where twins stand: numbers at
the right, stripes and other distances. It is said of our own elements alone, as sheets hold for the whole notebook.
"""


@dataclass(frozen=True)
class Mark:
    """How something stands: a word, a sign beside it, and a colour that every kind of sight tells apart."""

    word: str
    sign: str
    colour: str
    on_colour: str = "#000000"

    def __str__(self) -> str:
        return f"{self.sign} {self.word}"


BLUE, GREEN, ORANGE = "#56b4e9", "#009e73", "#e69f00"
RED, PURPLE, GREY = "#d55e00", "#cc79a7", "#b8b8b8"
"""After Okabe and Ito, Color Universal Design (2008); black letters read on each of them."""


def safe(text: object, longest: int = _LONGEST, *, keep: str = "") -> str:
    """Text that cannot act on a page; of what is too long the beginning, and how much more there is.

    Parameters
    ----------
    text : object
        What is shown of it is its text.
    longest : int
        Characters that are shown.
    keep : str
        Control characters that are left as they are, such as line breaks.
    """
    plain = str(text)
    left = len(plain) - longest
    more = f"… ({left} more characters)" if left > 0 else ""
    return escape(printable(plain[:longest], keep=keep) + more)


def badge(mark: Mark) -> str:
    """A mark on its colour."""
    style = f"background:{mark.colour};color:{mark.on_colour}"
    return f'<span class="difxnb-mark" style="{style}">{escape(mark.sign)} {safe(mark.word)}</span>'


def bar(share: float, colour: str = BLUE) -> str:
    """A share of the whole as a bar and as a number; nothing where it is not known."""
    if not math.isfinite(share):
        return ""
    percent = f"{100 * min(1.0, max(0.0, share)):.0f}"  # of the bar; the number may be beyond
    inner = f'<span style="width:{percent}%;background:{colour}"></span>'
    told = f'role="progressbar" aria-valuemin="0" aria-valuemax="100" aria-valuenow="{percent}"'
    return f'<span class="difxnb-bar" {told}>{inner}</span> {100 * share:.0f} %'


def said(text: str, *, is_problem: bool = False) -> str:
    """A sentence to whoever looks; a problem is said to be one. Empty where there is nothing to say."""
    if not text:
        return ""
    mark = f"{badge(Mark('problem', '✗', RED))} " if is_problem else ""
    role = "alert" if is_problem else "status"
    return f'<div class="difxnb-said" role="{role}">{mark}{safe(text, _LONGEST_LINE)}</div>'


def table(head: Sequence[str], rows: Iterable[Sequence[str]], caption: str = "", *, empty: str = "") -> str:
    """A table of cells that are HTML already; `empty` is said where there are no rows."""
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    if not body:
        return said(empty)
    titles = "".join(f'<th scope="col">{safe(title)}</th>' for title in head)
    above = f"<caption>{safe(caption)}</caption>" if caption else ""
    return f'<div class="difxnb-table"><table>{above}<tr>{titles}</tr>{body}</table></div>'


TONES = {"good": "✓", "bad": "✗", "warn": "⚠", "busy": "…", "": ""}
"""What stands before lines of each tone."""


def page(*pieces: str) -> str:
    """Pieces of HTML, as one page that fits the theme."""
    return f'<div class="difxnb-page">{"".join(pieces)}</div>'


def line(text: str, tone: str = "", *, is_news: bool = False) -> str:
    """One line of words; its tone is one of `TONES`. With `is_news` it is read out when it changes."""
    if not text:
        return ""
    sign = f"<b>{TONES[tone]}</b> " if TONES[tone] else ""
    role = f' role="{"alert" if tone == "bad" else "status"}"' if is_news else ""
    return f'<div class="difxnb-tone difxnb-tone-{tone}"{role}>{sign}{_lines(text)}</div>'


def quiet(text: str) -> str:
    """A line of less weight."""
    return f'<div class="difxnb-quiet">{_lines(text)}</div>' if text else ""


def heading(text: str) -> str:
    """A heading within a panel."""
    return f"<h4>{_lines(text)}</h4>"


def preformatted(text: str, longest: int) -> str:
    """Text as it is, in letters of one width; the first `longest` of them."""
    return f"<pre>{_lines(text, longest)}</pre>"


def _lines(text: str, longest: int = _LONGEST_LINE) -> str:
    return safe(text, longest, keep="\n")


def facts(pairs: Mapping[str, str]) -> str:
    """Names and values in two columns; what has no value is left out."""
    rows = "".join(
        f'<tr><th scope="row">{_lines(name)}</th><td>{_lines(value)}</td></tr>'
        for name, value in pairs.items()
        if value
    )
    return f'<div class="difxnb-table"><table>{rows}</table></div>' if rows else ""


def texts(rows: Iterable[Sequence[str]]) -> Iterator[list[str]]:
    """Rows of plain texts as cells of a `table`."""
    return ([_lines(cell) for cell in row] for row in rows)


def left_out(count: int, what: str) -> str:
    """How many more there are than are shown; empty where all are."""
    return f"{count} more {what} not shown" if count > 0 else ""


def counted(count: int, what: str) -> str:
    """A number of things, of which `what` is the name of one: ``"2 errors"``; empty of none."""
    return "" if not count else f"{count} {what}{'' if count == 1 else 's'}"


def span(seconds: float) -> str:
    """A length of time in words; empty where it is not known."""
    if not math.isfinite(seconds):
        return ""
    if seconds < _MINUTE:
        return f"{seconds:.0f} s"
    if seconds < _HOUR:
        return f"{seconds // _MINUTE:.0f} min {seconds % _MINUTE:02.0f} s"
    if seconds < _DAY:
        return f"{seconds // _HOUR:.0f} h {seconds % _HOUR // _MINUTE:02.0f} min"
    return f"{seconds / _DAY:.1f} days"


def ago(seconds: float) -> str:
    """How long ago in words that change seldom; empty where it is not known."""
    if not math.isfinite(seconds):
        return ""
    if seconds < _NOW_S:
        return "now"
    if seconds < _MINUTE:
        return f"{seconds // _NOW_S * _NOW_S:.0f} s ago"
    if seconds < _HOUR:
        return f"{seconds // _MINUTE:.0f} min ago"
    return f"{span(seconds)} ago"


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
