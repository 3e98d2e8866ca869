# SPDX-License-Identifier: GPL-3.0-or-later
"""The words and tables of a panel of visibilities, as HTML and as text. All of it is escaped and bounded."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from difxnb.panels import shown
from difxnb.panels.monitor.numbers import FringeRow, said_best, with_error
from difxnb.panels.monitor.snapshot import MonitorSnapshot
from difxnb.panels.monitor.snr_matrix import MARKS, WORDS, Cell, SnrMatrix, Verdict

COLOURS: dict[Verdict, str] = {
    "strong": shown.GREEN,
    "fringe": shown.BLUE,
    "none": shown.ORANGE,
    "no data": shown.GREY,
}
"""Of verdicts; the marks and numbers say the same."""

_STATES = {
    "live": shown.Mark("live", "●", shown.GREEN),
    "interrupted": shown.Mark("interrupted", "‖", shown.ORANGE),
    "failed": shown.Mark("failed", "✗", shown.RED),
    "ended": shown.Mark("ended", "■", shown.GREY),
    "not live": shown.Mark("not live", "■", shown.GREY),
    "not looked at yet": shown.Mark("not looked at yet", "…", shown.GREY),
}
_HELD = shown.Mark("held", "‖", shown.PURPLE)

_HEAD = ("baseline", "band", "pol.", "SNR", "fringe? (false alarm)", "delay (ns)", "rate (ps/s)", "phase (°)")
_MOST_SCANS = 8
_LEAST_CHANCE = 1e-99
_MOST_CELLS = 105  # of 15 stations


def head(seen: MonitorSnapshot) -> str:
    """How the source is, and what is counted."""
    condition, offered = seen.condition, seen.offered
    counts = [f"{offered.watched_products} of {offered.products} products watched"]
    if condition.dropped:
        counts.append(f"{condition.dropped} spectra dropped")
    if condition.passed_over:
        counts.append(f"{condition.passed_over} of other scans")
    if condition.silent_minutes:
        counts.append(f"nothing new for {condition.silent_minutes} min")
    marks = shown.badge(_STATES[condition.state]) + (f" {shown.badge(_HELD)}" if seen.is_held else "")
    name = f"<b>{shown.safe(seen.job)}</b> " if seen.job else ""
    why = f" {shown.safe(condition.why)}" if condition.why else ""
    return f'<div class="difxnb-said">{name}{marks}{why} · {" · ".join(counts)}</div>'


def news(seen: MonitorSnapshot) -> str:
    """What came of the last thing asked for, and what the server's monitor said last."""
    said = shown.said(seen.message, is_problem=seen.is_problem)
    busy = f"under way: {', '.join(seen.under_way)}" if seen.under_way else ""
    texts = "".join(shown.said(f"server: {text}") for text in seen.condition.texts)
    return said + shown.said(busy) + texts


def stamp(time: np.datetime64 | None) -> str:
    """A time in UTC to hundredths of a second; empty without one."""
    if time is None:
        return ""
    return str(time.astype("datetime64[ms]")).replace("T", " ")[:-1]


def position(seen: MonitorSnapshot) -> str:
    """Where in time one looks, and the scans around it."""
    if seen.time is None:
        return shown.said("no integrations yet")
    here = f"integration {seen.place + 1} of {seen.count} at hand, {stamp(seen.time)} UTC"
    place = 0 if seen.scan is None else seen.scans.index(seen.scan)
    first = max(0, min(place - _MOST_SCANS // 2, len(seen.scans) - _MOST_SCANS))
    some = seen.scans[first : first + _MOST_SCANS]
    named = (
        f'<b aria-current="true">▸ {shown.safe(scan.name, 40)} {shown.safe(scan.field, 40)}</b>'
        if scan is seen.scan
        else f"{shown.safe(scan.name, 40)} {shown.safe(scan.field, 40)}"
        for scan in some
    )
    left = len(seen.scans) - len(some)
    more = f" · {left} more scans at hand" if left else ""
    return f'<div class="difxnb-said">{here}<br>scans: {" · ".join(named)}{more}</div>'


def caption(seen: MonitorSnapshot, picture: str) -> str:
    """What the picture shows, and the numbers that matter most, for those who do not see it."""
    best = shown.safe(said_best(seen.rows))
    return f'<div class="difxnb-said" role="note">{shown.safe(picture, 600)}<br>{best}</div>'


def numbers(seen: MonitorSnapshot) -> str:
    """A table of the fringes of what is shown."""
    title = f"Fringes of scan {seen.fringes_scan}" if seen.fringes_scan else ""
    table = shown.table(
        _HEAD, (_cells(row) for row in seen.rows), title, empty="no fringes of what is shown yet"
    )
    return table + shown.said(shown.left_out(seen.left_out, "rows"))


def _cells(row: FringeRow) -> Sequence[str]:
    verdict = "● yes" if row.is_fringe else "○ no"
    return (
        shown.safe(row.baseline, 60),
        str(row.band),
        shown.safe(row.polarization, 20),
        f"{row.snr:.1f}",
        _unbroken(f"{verdict} ({_chance(row.false_alarm)})"),
        _unbroken(with_error(row.delay_ns, row.delay_error_ns)),
        _unbroken(with_error(row.rate_ps_s, row.rate_error_ps_s)),
        _unbroken(with_error(row.phase_deg, row.phase_error_deg)),
    )


def _chance(probability: float) -> str:
    """A probability; what no number of the machine is small enough for is said to be below."""
    return f"{probability:.0e}" if probability > _LEAST_CHANCE else f"&lt;{_LEAST_CHANCE:.0e}"


def _unbroken(words: str) -> str:
    return words.replace(" ", "&nbsp;")


def legend(matrix: SnrMatrix) -> str:
    """What numbers and marks of the matrix mean."""
    marks = ", ".join(f"{MARKS[verdict]} {word}" for verdict, word in WORDS.items())
    of_scan = f" of scan {matrix.scan}" if matrix.scan else ""
    return shown.said(f"Highest SNR{of_scan} of what is chosen of bands and polarizations: {marks}.")


def matrix_table(matrix: SnrMatrix) -> str:
    """The matrix as a table, the baselines without fringes first where it is too large."""
    if len(matrix.cells) > _MOST_CELLS:
        worst = matrix.ranked[:_MOST_CELLS]
        rows: list[list[str]] = [[shown.safe(cell.baseline, 60), _cell(cell)] for cell in worst]
        left = shown.said(shown.left_out(len(matrix.cells) - _MOST_CELLS, "baselines"))
        return shown.table(("baseline", "SNR"), rows, "SNR, lowest first") + left
    names = matrix.stations
    rows = [
        [f"<b>{shown.safe(one, 40)}</b>", *(_cell(matrix.cell(one, other)) for other in names)]
        for one in names
    ]
    return shown.table(("", *names), rows, f"SNR of baselines {matrix.scan}")


def _cell(cell: Cell | None) -> str:
    if cell is None:
        return ""
    mark = shown.Mark(
        "" if cell.snr is None else f"{cell.snr:.3g}", MARKS[cell.verdict], COLOURS[cell.verdict]
    )
    return f'<span title="{shown.safe(cell.said)}">{shown.badge(mark)}</span>'


def text(seen: MonitorSnapshot) -> str:
    """All this in a few lines."""
    held = ", held" if seen.is_held else ""
    where = f", {stamp(seen.time)} UTC" if seen.time is not None else ""
    scan = f", scan {seen.fringes_scan}" if seen.fringes_scan else ""
    lines = [
        f"Monitor of {seen.job or 'a job'}: {seen.condition.state}{held}{scan}{where}",
        said_best(seen.rows),
    ]
    return "\n".join([*lines, seen.message] if seen.message else lines)
