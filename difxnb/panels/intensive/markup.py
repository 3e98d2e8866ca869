# SPDX-License-Identifier: GPL-3.0-or-later
"""A session as HTML and as a few lines of text: where it stands, its steps, and what was found."""

from __future__ import annotations

import math
from collections.abc import Iterator
from html import escape

from difxnb.markup import printable
from difxnb.panels import shown
from difxnb.panels.intensive.look import Clock, Standing, StepLine
from difxnb.panels.intensive.snapshot import Choice, Detail, Opened, RecipeText
from difxnb.panels.shown import BLUE, GREEN, GREY, ORANGE, PURPLE, RED, Mark

MARKS = {
    "planned": Mark("planned", "·", GREY),
    "running": Mark("running", "▶", BLUE),
    "waiting": Mark("waiting", "…", BLUE),
    "suspended": Mark("suspended", "■", PURPLE),
    "cut off": Mark("cut off", "■", PURPLE),
    "done": Mark("done", "✓", GREEN),
    "failed": Mark("failed", "✗", RED),
    "skipped": Mark("skipped", "–", GREY),
    "done before": Mark("done before", "◦", GREY),
    "started": Mark("started", "▶", BLUE),
}
"""How each state of a session, a step and a line of the record looks; none is told by its colour alone."""

_VERDICTS = {
    "go": Mark("go", "✓", GREEN),
    "look": Mark("look", "?", ORANGE),
    "no-go": Mark("no-go", "✗", RED),
}
_UNKNOWN = Mark("unknown", "?", PURPLE)
_STEP_HEAD = ("step", "state", "begun (UTC)", "took", "what was decided", "what it gave")
_PLAN_HEAD = ("step", "state", "what is known", "what it would start from")
_CLOCK_HEAD = ("station", "late by (µs)", "± (µs)", "rate (ps/s)", "fringes", "")
_LONGEST_HEAD, _LONGEST_WHY, _LONGEST_FOUND, _LONGEST_TEXT = 2000, 400, 300, 20_000
_LONGEST_REPORT = 200_000
STYLE = """<style>
.difxnb-steps .difxnb-table {max-height: none}
.difxnb-steps td:nth-last-child(-n+2) {min-width: 14em}
.difxnb-report pre {max-height: 48em}
.difxnb-report iframe {width: 100%; height: 48em; border: 1px solid var(--jp-border-color2, #8888); background: white}
.difxnb-moment {white-space: nowrap}
</style>"""
"""What this panel has beyond the style of all."""
_EMPTY = "No session yet: name the file of a recipe, and make a dry run."


def headline(standing: Standing) -> str:
    """The whole session in a sentence."""
    if standing.is_planned:
        return f"{standing.session}: a dry run of {standing.recipe}, nothing was done"
    return f"{standing.session}: {standing.state}{_where(standing)}"


def _where(standing: Standing) -> str:
    """How far it is, and why it stands as it does."""
    where = f" in {standing.step}" if standing.step and standing.state != "done" else ""
    why = f": {standing.why}" if standing.why else ""
    return f"{where}, {standing.done} of {len(standing.steps)} steps done{why}"


def label(choice: Choice) -> str:
    """A session in a list."""
    return printable(f"{choice.name} ({choice.state})")


def standing_html(standing: Standing | None) -> str:
    """Where a session stands, and what was found so far."""
    if standing is None:
        return shown.said(_EMPTY)
    mark = shown.badge(MARKS.get(standing.state, _UNKNOWN))
    share = "" if standing.is_planned else shown.bar(standing.progress, GREEN if standing.is_over else BLUE)
    # The mark says the state already.
    words = headline(standing) if standing.is_planned else standing.session + _where(standing)
    head = f'<div class="difxnb-said">{mark} <b>{shown.safe(words, _LONGEST_HEAD)}</b> {share}</div>'
    kept = shown.quiet(f"kept in {standing.directory}")
    reports = "".join(shown.quiet(f"report {path}") for path in standing.reports)
    found = _missing_html(standing), _verdict_html(standing)
    return shown.page(head, kept, reports, *found) + _clocks_html(standing)


def _missing_html(standing: Standing) -> str:
    cells = [(shown.safe(name), shown.safe(why, _LONGEST_WHY)) for name, why in standing.missing]
    more = shown.quiet(shown.left_out(standing.left_out[1], "stations"))
    return shown.table(("station", "why"), cells, "Missing stations") + more if cells else ""


def _verdict_html(standing: Standing) -> str:
    if not standing.verdict:
        return ""
    mark = _VERDICTS.get(standing.verdict, Mark(standing.verdict[:40], "?", PURPLE))
    cells = [
        (
            shown.safe(one.job),
            shown.safe(one.check),
            _verdict_of(one.verdict),
            shown.safe(one.text, _LONGEST_WHY),
        )
        for one in standing.checks
    ]
    table = shown.table(("job", "check", "verdict", "what was found"), cells) if cells else ""
    more = shown.quiet(shown.left_out(standing.left_out[2], "checks"))
    return f'<div class="difxnb-said">quality {shown.badge(mark)}</div>{table}{more}'


def _verdict_of(word: str) -> str:
    return shown.badge(_VERDICTS.get(word.replace("_", "-"), _UNKNOWN))


def _clocks_html(standing: Standing) -> str:
    cells = [_clock_cells(one, standing.reference) for one in standing.clocks]
    caption = f"Clocks found, against {standing.reference}" if standing.reference else "Clocks found"
    more = shown.said(shown.left_out(standing.left_out[0], "clocks"))
    return shown.table(_CLOCK_HEAD, cells, caption) + more if cells else ""


def _clock_cells(clock: Clock, reference: str) -> tuple[str, ...]:
    name = shown.safe(clock.station)
    if clock.station == reference:
        return name, "", "", "", "", "the reference"
    return (
        name,
        _number(clock.late_s * 1e6, "+.4f"),
        _number(clock.error_s * 1e6, ".4f"),
        _number(clock.rate * 1e12, "+.3f"),
        _number(clock.fringes, ".0f"),
        shown.safe(clock.why, _LONGEST_WHY),
    )


def _number(value: float, form: str) -> str:
    return f"{value:{form}}" if math.isfinite(value) else ""


def steps_html(standing: Standing | None) -> str:
    """The steps as a table."""
    if standing is None:
        return ""
    if standing.is_planned:
        cells = [_planned_cells(one) for one in standing.steps]
        table = shown.table(_PLAN_HEAD, cells, "What would be done")
    else:
        table = shown.table(_STEP_HEAD, [_step_cells(one) for one in standing.steps], "Steps")
    return f'<div class="difxnb-steps">{table}</div>'


def _planned_cells(step: StepLine) -> tuple[str, ...]:
    mark, why = shown.badge(MARKS.get(step.state, _UNKNOWN)), shown.safe(step.why, _LONGEST_WHY)
    return shown.safe(step.step), mark, why, shown.safe(step.found, _LONGEST_FOUND)


def _step_cells(step: StepLine) -> tuple[str, ...]:
    bar = f" {shown.bar(step.progress)}" if step.state in ("running", "waiting") and step.progress else ""
    return (
        shown.safe(step.step),
        shown.badge(MARKS.get(step.state, _UNKNOWN)) + bar,
        _moment(step.begun),
        _moment(step.took),
        shown.safe(step.why, _LONGEST_WHY),
        shown.safe(step.found, _LONGEST_FOUND),
    )


def _moment(text: str) -> str:
    """A time in one line."""
    return f'<span class="difxnb-moment">{text}</span>' if text else ""


def decisions_html(standing: Standing | None) -> str:
    """The newest lines of the record that are in words."""
    if standing is None or not standing.decisions:
        return ""
    cells = [
        (
            _moment(one.at),
            shown.safe(one.step),
            shown.badge(MARKS.get(one.state, _UNKNOWN)),
            shown.safe(one.why, _LONGEST_WHY),
        )
        for one in standing.decisions
    ]
    return shown.table(("at (UTC)", "step", "state", "why"), cells, "Decisions, the latest first")


def detail_html(detail: Detail | None) -> str:
    """All that a step took and gave."""
    if detail is None:
        return ""
    took = shown.preformatted(detail.inputs, _LONGEST_TEXT) if detail.inputs else shown.quiet("nothing")
    gave = shown.preformatted(detail.outputs, _LONGEST_TEXT) if detail.outputs else shown.quiet("nothing yet")
    return shown.page(
        shown.heading(f"What {detail.step} started from"), took, shown.heading("What it gave"), gave
    )


def recipe_html(recipe: RecipeText | None) -> str:
    """A recipe, and what is likely to go wrong with it."""
    if recipe is None:
        return ""
    head = ("severity", "where", "what", "what to do")
    problems = shown.table(head, shown.texts(recipe.problems)) if recipe.problems else ""
    return shown.page(shown.heading("Recipe"), shown.preformatted(recipe.text, _LONGEST_TEXT), problems)


def report_html(opened: Opened | None) -> str:
    """A report: a text as it is, a page in a frame of its own, in which nothing runs."""
    if opened is None:
        return ""
    text = shown.preformatted(opened.text, _LONGEST_REPORT)
    if opened.is_page:
        text = f'<iframe sandbox="" title="report" srcdoc="{escape(opened.text)}"></iframe>'
    return f'<div class="difxnb-report">{shown.page(shown.heading(opened.path), text)}</div>'


def plain_lines(standing: Standing | None) -> Iterator[str]:
    """The same as text, for a twin."""
    if standing is None:
        yield _EMPTY
        return
    yield printable(headline(standing)[:_LONGEST_HEAD])
    for step in standing.steps:
        why = f": {step.why[:_LONGEST_WHY]}" if step.why else ""
        yield printable(f"{MARKS.get(step.state, _UNKNOWN)} {step.step} {step.took}".rstrip() + why)
    for name, why in standing.missing:
        yield printable(f"missing {name[:80]}: {why[:_LONGEST_WHY]}")
    for clock in standing.clocks:
        if math.isfinite(clock.late_s):
            yield printable(f"{clock.station[:80]} late by {clock.late_s * 1e6:+.4f} µs")
    if standing.verdict:
        yield printable(f"quality {standing.verdict[:80]}")
    yield from (printable(path) for path in standing.reports)
