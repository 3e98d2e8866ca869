# SPDX-License-Identifier: GPL-3.0-or-later
"""Verdicts as HTML: every one is a word and a mark as well as a colour, so that no colour has to be seen.

Names in it come from files: they are escaped, and control characters are written out.
"""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from difxnb.markup import printable
from difxnb.quality.verdict import Check, Verdict

MARKS = {
    Verdict.NOT_APPLICABLE: "–",
    Verdict.GO: "✓",
    Verdict.LOOK: "?",
    Verdict.NO_GO: "✗",
}
"""A mark for every verdict, from nothing said to bad."""

COLOURS = {
    Verdict.NOT_APPLICABLE: "#777777",
    Verdict.GO: "#0072b2",
    Verdict.LOOK: "#e69f00",
    Verdict.NO_GO: "#d55e00",
}
"""Colours that every kind of sight tells apart (Okabe and Ito 2008, Color Universal Design)."""

_ON_COLOUR = {verdict: "#000000" if verdict is Verdict.LOOK else "#ffffff" for verdict in Verdict}


def verdict_html(verdict: Verdict) -> str:
    """A verdict as a word on its colour."""
    style = f"background:{COLOURS[verdict]};color:{_ON_COLOUR[verdict]};padding:0 .5em;white-space:nowrap"
    return f'<span style="{style}">{MARKS[verdict]} {escape(verdict)}</span>'


def html_report(title: str, checks: Iterable[Check]) -> str:
    """The checks as a table, the bad ones first."""
    order = list(MARKS)
    ordered = sorted(checks, key=lambda check: -order.index(check.verdict))
    rows = "".join(_row(check) for check in ordered)
    head = "".join(f"<th>{name}</th>" for name in ("check", "verdict", "value", "limit", "what was found"))
    return f"<pre>{escape(printable(title))}</pre><table><tr>{head}</tr>{rows}</table>"


def _row(check: Check) -> str:
    value = "" if check.value is None else f"{check.value:.4g} {check.unit}".strip()
    cells = [
        escape(check.name),
        verdict_html(check.verdict),
        *(shown(t) for t in (value, check.limit, check.text)),
    ]
    return "<tr>" + "".join(f'<td style="text-align:left">{cell}</td>' for cell in cells) + "</tr>"


def shown(text: str) -> str:
    """Text that cannot act on a page."""
    return escape(printable(text))
