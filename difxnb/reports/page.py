# SPDX-License-Identifier: GPL-3.0-or-later
"""The page of a report: HTML without scripts, that asks nothing of a network and reads in light, in dark and on paper.

Names come from files and from other machines: every text is escaped, and control characters are written out.
"""

from __future__ import annotations

import math
from base64 import b64encode
from collections.abc import Iterable, Mapping
from html import escape

import pandas as pd

from difxnb.clock.solution import ClockSolution
from difxnb.markup import printable
from difxnb.quality.markup import MARKS, verdict_html
from difxnb.quality.verdict import Check
from difxnb.reports.findings import Findings, Run
from difxnb.reports.pictures import Picture

MOST_ROWS = 400
"""Rows of a table that are shown; what is left out is counted."""

_STYLE = """
:root { color-scheme: light dark; --ink: #1a1a1a; --paper: #fff; --line: #bbb; --soft: #f3f3f3; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e6e6; --paper: #161616; --line: #555; --soft: #242424; } }
body { color: var(--ink); background: var(--paper); font: 15px/1.45 system-ui, sans-serif; margin: 0 auto;
  max-width: 72rem; padding: 1rem; }
table { border-collapse: collapse; font-size: .85rem; font-variant-numeric: tabular-nums; }
th, td { border-bottom: 1px solid var(--line); padding: .2rem .6rem; text-align: left; vertical-align: top; }
thead th { background: var(--soft); }
.wide { overflow-x: auto; } .number { text-align: right; }
figure { margin: 1rem 0; } figure img { max-width: 100%; height: auto; background: #fff; }
figcaption, .note { font-size: .85rem; opacity: .85; overflow-wrap: anywhere; }
@media print { :root { --ink: #000; --paper: #fff; --line: #999; --soft: #eee; } body { max-width: none; padding: 0; }
  .wide { overflow: visible; } figure, tr { break-inside: avoid; } h2 { break-after: avoid; } }
"""
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
_FRINGES = {  # column: heading, factor, decimals
    "delay": ("delay (ns)", 1e9, 3),
    "delay_error": ("± (ns)", 1e9, 3),
    "delay_rate": ("rate (ps/s)", 1e12, 3),
    "delay_rate_error": ("± (ps/s)", 1e12, 3),
    "phase": ("phase (°)", math.degrees(1.0), 1),
    "snr": ("SNR", 1.0, 1),
}
_LABELS = ("scan", "source", "baseline", "band", "polarization")


def page(
    found: Findings,
    pictures: Iterable[Picture],
    facts: Mapping[str, str],
    files: pd.DataFrame,
    alerts: pd.DataFrame,
) -> str:
    """The whole report."""
    title = f"Report on {found.name or 'visibilities'}"
    parts = [
        f"<header><h1>{_text(title)}</h1><p>{verdict_html(found.quality.verdict)}{_so_far(found)}</p></header>",
        _section("Verdicts", _verdicts(found.quality)),
        *([_section("Run", _run(found.run))] if found.run is not None else []),
        _section("Fringes", _fringes(found.material.fringes)),
        _section("Figures", "".join(map(_figure, pictures))),
        _section("Clocks", _clock(found.clock)),
        _section("Messages", _rows(alerts, "no warnings or errors are known")),
        _section("Files", _rows(files, "the files of the job are not on this machine")),
        _section("Provenance", _pairs(facts)),
    ]
    head = (
        f'<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        f"<title>{_text(title)}</title><style>{_STYLE}</style>"
    )
    body = "\n".join(parts)
    return f'<!DOCTYPE html>\n<html lang="en">\n<head>{head}</head>\n<body>\n{body}\n</body>\n</html>\n'


def _text(value: object) -> str:
    return escape(printable(str(value)))


def _so_far(found: Findings) -> str:
    return " so far: the job was running when this was written" if found.quality.running else ""


def _section(title: str, inside: str) -> str:
    return f"<section><h2>{title}</h2>{inside}</section>"


def _note(text: str) -> str:
    return f'<p class="note">{_text(text)}</p>'


def _verdicts(checks: Iterable[Check]) -> str:
    order = list(MARKS)
    ordered = sorted(checks, key=lambda check: -order.index(check.verdict))
    rows = [
        [_text(one.name), verdict_html(one.verdict), _text(one.limit), _text(one.text)] for one in ordered
    ]
    return _table(["check", "verdict", "limit", "what was found"], rows, numbers=())


def _run(run: Run) -> str:
    outcome = "not known" if run.outcome is None else str(run.outcome)
    known = {"state": run.state, "outcome": outcome, "because": run.outcome_evidence}
    return _pairs(known) + _rows(run.events, "nothing was said of it")


def _fringes(fringes: pd.DataFrame | None) -> str:
    if fringes is None or fringes.empty:
        return _note("there are no fringes")
    rows = [[*map(_text, labels), *map(_text, values)] for labels, values in _fringe_rows(fringes)]
    heads = [*_LABELS, *(heading for heading, _, _ in _FRINGES.values()), "false alarm"]
    numbers = range(len(_LABELS), len(heads))
    said = "A delay is positive where the second antenna is late. Phases hold at the reference frequency of the band."
    return _table(heads, rows, numbers) + _left_out(fringes) + _note(said)


def _fringe_rows(fringes: pd.DataFrame) -> Iterable[tuple[list[str], list[str]]]:
    for row in fringes.head(MOST_ROWS).to_dict("records"):
        values = [f"{row[name] * factor:.{digits}f}" for name, (_, factor, digits) in _FRINGES.items()]
        yield [str(row[name]) for name in _LABELS], [*values, f"{row['false_alarm_probability']:.1g}"]


def _clock(clock: ClockSolution | str) -> str:
    if isinstance(clock, str):
        return _note(f"not solved: {clock}")
    when = f"{clock.epoch:%Y-%m-%d %H:%M:%S} UTC"
    said = f"How late each station is after the model, against {clock.reference}, at {when} (seconds, s/s, radians)."
    return _note(said) + _rows(clock.frame(), "no stations")


def _rows(frame: pd.DataFrame, nothing: str) -> str:
    """A DataFrame as it is, with short numbers."""
    if frame.empty:
        return _note(nothing)
    rows = [[_text(_short(value)) for value in row] for row in frame.head(MOST_ROWS).itertuples(index=False)]
    return _table([str(name) for name in frame.columns], rows, numbers=()) + _left_out(frame)


def _short(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _left_out(frame: pd.DataFrame) -> str:
    more = len(frame) - MOST_ROWS
    return _note(f"{more} more rows are left out") if more > 0 else ""


def _table(heads: Iterable[str], rows: Iterable[list[str]], numbers: Iterable[int]) -> str:
    """A table of cells that are escaped already."""
    right = set(numbers)
    head = "".join(f'<th scope="col">{_text(name)}</th>' for name in heads)
    body = "".join(
        "<tr>" + "".join(_cell(at in right, cell) for at, cell in enumerate(row)) + "</tr>" for row in rows
    )
    return f'<div class="wide" tabindex="0"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _cell(is_number: bool, inside: str) -> str:
    return f'<td class="number">{inside}</td>' if is_number else f"<td>{inside}</td>"


def _pairs(known: Mapping[str, str]) -> str:
    rows = "".join(
        f'<tr><th scope="row">{_text(name)}</th><td>{_text(value)}</td></tr>'
        for name, value in known.items()
        if value
    )
    return f'<div class="wide" tabindex="0"><table><tbody>{rows}</tbody></table></div>'


def _figure(picture: Picture) -> str:
    caption = f"<figcaption>{_text(picture.title)}. {_text(picture.caption)}</figcaption>"
    if picture.png is None:
        return f"<figure>{caption}</figure>"
    image = b64encode(picture.png).decode()
    return f'<figure><img alt="{_text(picture.title)}" src="data:image/png;base64,{image}">{caption}</figure>'
