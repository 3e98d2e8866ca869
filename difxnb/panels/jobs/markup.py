# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs as HTML: a line of the tree, and what is told of one of them."""

from __future__ import annotations

import math

from difxnb.panels.jobs.model import JobDetail
from difxnb.panels.jobs.row import JobRow
from difxnb.panels.shown import ago, badge, bar, counted, left_out, safe, said, span, table

COLUMNS = ("job", "state", "progress", "lowest weight", "speed-up", "to go", "heard", "troubles")


def cells(row: JobRow) -> list[str]:
    """The cells of a job, in the order of `COLUMNS`."""
    return [
        safe(row.name),
        badge(row.mark),
        bar(row.progress, row.mark.colour),
        weight(row),
        speed(row),
        to_go(row),
        ago(row.age),
        troubles(row),
    ]


def line(row: JobRow) -> str:
    """A job beside its button: everything but the name."""
    titles = dict(zip(COLUMNS, cells(row), strict=True))
    words = [titles["state"], titles["progress"]]
    words += [f"{prefix}{titles[name]}" for name, prefix in _PREFIXES.items() if titles[name]]
    return '<span class="difxnb-said">' + " · ".join(word for word in words if word) + "</span>"


_PREFIXES = {
    "lowest weight": "lowest weight ",
    "speed-up": "speed ",
    "to go": "to go ",
    "heard": "heard ",
    "troubles": "",
}


def speed(row: JobRow) -> str:
    """Seconds of data per second, with as many digits as matter."""
    return "" if math.isnan(row.speed_up) else f"{row.speed_up:.{1 if row.speed_up < 10 else 0}f}×"


def weight(row: JobRow) -> str:
    """The lowest weight, and whose it is."""
    return "" if math.isnan(row.weight) else f"{row.weight:.2f} ({safe(row.antenna)})"


def to_go(row: JobRow) -> str:
    """How long it will take, rounded so that it does not change all the time."""
    if math.isnan(row.remaining) or row.mark.word not in ("running", "stalled"):
        return ""
    step = 1 if row.remaining < 60 else 10
    return span(math.ceil(row.remaining / step) * step)


def troubles(row: JobRow) -> str:
    """Warnings and errors, in numbers."""
    told = [counted(row.errors, "error"), counted(row.warnings, "warning")]
    return ", ".join(one for one in told if one)


def detail_html(detail: JobDetail | None) -> str:
    """What is told of a job."""
    if detail is None:
        return ""
    facts = table(
        ("what", "value"),
        [(f"<b>{safe(name)}</b>", safe(text)) for name, text in detail.facts],
        detail.row.name,
    )
    weights = table(
        ("antenna", "weight of the last integration", ""),
        [(safe(name), f"{value:.3f}", bar(value)) for name, value in detail.weights],
    )
    events = table(
        ("time (UTC)", "what", "text"),
        [tuple(safe(cell) for cell in event) for event in detail.events],
        "what happened, the latest first",
    )
    return facts + weights + events + said(left_out(detail.events_left_out, "events"))
