# SPDX-License-Identifier: GPL-3.0-or-later
"""How a session stands: its steps, what they found, and the newest decisions.

Outputs of steps come from a file that anybody may have written to: what is of another kind than it should be is passed
over here.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import PurePosixPath
from typing import Any

from difxnb.panels.intensive.session import Line, Session
from difxnb.panels.shown import span

_UNDER_WAY = ("running", "waiting")
_BEGUN = ("started", "waiting")
_MOST_DECISIONS, _MOST_ROWS, _MOST_WORDS = 12, 40, 4
ELAPSED_S = 5.0
"""Seconds by which the time that a step has taken grows, as it is shown."""
_FINGERPRINT = re.compile(r"[0-9a-f]{16,64}")
_QUIET = ("diff", "checks", "snr", "weights", "compared", "queue", "notes", "fingerprint")
_NAMES = ("station", "antenna", "input", "check", "name")


@dataclass(frozen=True)
class StepLine:
    """One step.

    Attributes
    ----------
    state : str
        ``planned``, ``running``, ``waiting``, ``done``, ``skipped``, ``failed``; ``cut off`` of one that was begun and
        does not go on, ``done before`` of one that is looked at again when its turn comes.
    begun, took : str
        When (UTC), and how long; empty where that is not known.
    found : str
        What it gave, in short; of a dry run what it would start from.
    why : str
        What was decided, in words.
    """

    step: str
    state: str
    begun: str
    took: str
    progress: float
    found: str
    why: str


@dataclass(frozen=True)
class Clock:
    """How late one station was found; what is not known is NaN."""

    station: str
    late_s: float
    error_s: float
    rate: float
    fringes: float
    why: str = ""


@dataclass(frozen=True)
class Decision:
    """One line of the record that is in words."""

    at: str
    step: str
    state: str
    why: str


@dataclass(frozen=True)
class Check:
    """One check that is not fine."""

    job: str
    check: str
    verdict: str
    text: str


@dataclass(frozen=True)
class Standing:
    """How a session stands.

    Attributes
    ----------
    clocks : tuple of Clock
    reference : str
        The station whose clock stays.
    missing : tuple of (str, str)
        Stations whose data are not there, and why.
    verdict : str
        Empty before there is one.
    checks : tuple of Check
        Those that are not fine.
    left_out : tuple of int
        How many clocks, missing stations and checks there are beyond those.
    reports : tuple of str
        Files that were written.
    running : bool
        Whether it goes on by itself, also while it waits.
    """

    session: str
    recipe: str
    directory: str
    state: str
    why: str
    step: str
    progress: float
    steps: tuple[StepLine, ...]
    decisions: tuple[Decision, ...]
    clocks: tuple[Clock, ...] = ()
    reference: str = ""
    missing: tuple[tuple[str, str], ...] = ()
    verdict: str = ""
    checks: tuple[Check, ...] = ()
    left_out: tuple[int, ...] = (0, 0, 0)
    reports: tuple[str, ...] = ()
    running: bool = False

    @property
    def is_over(self) -> bool:
        """Whether it has come to an end of its own."""
        return self.state in ("done", "failed")

    @property
    def is_planned(self) -> bool:
        """Whether it is a dry run."""
        return self.state == "planned"

    @property
    def rests(self) -> bool:
        """Whether it was begun, and does not go on."""
        return not (self.running or self.is_planned)

    @property
    def done(self) -> int:
        """Steps that are done."""
        return sum(one.state in ("done", "skipped") for one in self.steps)


def standing_of(run: Session, now: float) -> Standing:
    """How a session stands; `now` are unix seconds."""
    state, step, lines = run.state, run.step, run.record.lines
    rows = run.frame().to_dict("records")
    # What a session waits for that is suspended all the same, such as its server, ends no step.
    goes_as = "waiting" if run.running and state == "suspended" else state
    steps = tuple(_steps(rows, lines, goes_as, step, now))
    outputs = {one.step: _mapping(row["outputs"]) for one, row in zip(steps, rows, strict=True)}
    # What an earlier life of the session found is not what this one does.
    valid = {one.step: outputs[one.step] for one in steps if one.state != "done before"}
    clocks = _clocks(valid.get("clocks", {}))
    missing = _missing(valid.get("data", {}))
    verdict, checks = _quality(valid.get("quality", {}))
    counts = (len(clocks), len(missing), len(checks))
    return Standing(
        session=run.session,
        recipe=run.recipe.name,
        directory=str(run.directory),
        state=state,
        why=run.why,
        step=step,
        progress=run.progress,
        steps=steps,
        decisions=_decisions(lines),
        clocks=clocks[:_MOST_ROWS],
        reference=_text(valid.get("clocks", {}).get("reference")),
        missing=missing[:_MOST_ROWS],
        verdict=verdict,
        checks=checks[:_MOST_ROWS],
        left_out=tuple(max(0, count - _MOST_ROWS) for count in counts),
        reports=tuple(_texts(valid.get("report", {}).get("files")))[:_MOST_ROWS],
        running=run.running,
    )


# --- steps -----------------------------------------------------------------------------------------------------


def _steps(
    rows: Sequence[Mapping[str, Any]], lines: Sequence[Line], state: str, current: str, now: float
) -> Iterator[StepLine]:
    is_later, begun_at, lines_of = False, _begun_at(lines, current), _by_step(lines)
    for row in rows:
        name = str(row["step"])
        own = lines_of.get(name, [])
        if state == "planned":
            yield _planned(row)
        elif not own:
            yield StepLine(name, "planned", "", "", 0.0, "", "")
        else:
            # Steps that come later, and were done before this one was begun again.
            is_old = is_later and own[-1][0] < begun_at
            shown = _state(own[-1][1], state, is_current=name == current, is_old=is_old)
            yield _begun(row, [line for _, line in own], shown, now)
        is_later = is_later or name == current


def _planned(row: Mapping[str, Any]) -> StepLine:
    """A step of a dry run."""
    is_done = row["state"] == "done"
    return StepLine(
        step=str(row["step"]),
        state=str(row["state"]),
        begun=clock_time(_unix(row["since"])) if is_done else "",
        took="",
        progress=float(is_done),
        found=brief(_mapping(row["outputs" if is_done else "inputs"])),
        why=str(row["why"]),
    )


def _begun(row: Mapping[str, Any], own: Sequence[Line], shown: str, now: float) -> StepLine:
    """A step that was begun, of its lines."""
    last = own[-1]
    at = next((line.at for line in reversed(own) if line.state == "started"), last.at)
    is_under_way = shown in _UNDER_WAY
    took = last.seconds if last.state not in _BEGUN and last.seconds is not None else math.nan
    if is_under_way:
        took = max(0.0, now - at) // ELAPSED_S * ELAPSED_S
    return StepLine(
        step=last.step,
        state=shown,
        begun=clock_time(at),
        took=span(took),
        progress=float(row["progress"]) if is_under_way else float(shown in ("done", "skipped")),
        found=brief(last.outputs),
        why=last.why,
    )


def _state(last: Line, state: str, *, is_current: bool, is_old: bool) -> str:
    """The state of a step, of its last line and of whether the session goes on."""
    if last.state not in _BEGUN:
        return "done before" if is_old else last.state
    if state in _UNDER_WAY and is_current:
        return "waiting" if last.state == state == "waiting" else "running"
    return "cut off"


def _by_step(lines: Sequence[Line]) -> dict[str, list[tuple[int, Line]]]:
    """Lines of each step, with their places."""
    found: dict[str, list[tuple[int, Line]]] = {}
    for place, line in enumerate(lines):
        found.setdefault(line.step, []).append((place, line))
    return found


def _begun_at(lines: Sequence[Line], step: str) -> int:
    """Place of the line with which a step was last begun; -1 where it never was."""
    own = (place for place, line in enumerate(lines) if (line.step, line.state) == (step, "started"))
    return max(own, default=-1)


def _decisions(lines: Sequence[Line]) -> tuple[Decision, ...]:
    """The newest lines that are in words, the latest first."""
    told = islice((line for line in reversed(lines) if line.why), _MOST_DECISIONS)
    return tuple(Decision(clock_time(one.at), one.step, one.state, one.why) for one in told)


def clock_time(seconds: float) -> str:
    """A moment in UTC; empty where it is none."""
    if not math.isfinite(seconds):
        return ""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S}"


def _unix(time: Any) -> float:
    value = time.timestamp() if hasattr(time, "timestamp") else math.nan
    return float(value)


# --- what steps found ------------------------------------------------------------------------------------------


def _clocks(outputs: Mapping[str, Any]) -> tuple[Clock, ...]:
    found = [
        Clock(
            _text(row.get("antenna")),
            number(row.get("delay")),
            number(row.get("delay_error")),
            number(row.get("delay_rate")),
            number(row.get("n_used")),
        )
        for row in _rows(outputs.get("stations"))
    ]
    undetermined = _mapping(outputs.get("undetermined"))
    known = {one.station: one for one in found}
    for name, why in undetermined.items():
        known[str(name)] = Clock(str(name), math.nan, math.nan, math.nan, math.nan, _text(why))
    return tuple(known.values())


def _missing(outputs: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    return tuple((_text(row.get("station")), _text(row.get("why"))) for row in _rows(outputs.get("missing")))


def _quality(outputs: Mapping[str, Any]) -> tuple[str, tuple[Check, ...]]:
    checks = tuple(
        Check(*(_text(row.get(name)) for name in ("job", "check", "verdict", "text")))
        for row in _rows(outputs.get("checks"))
        if row.get("verdict") in ("look", "no-go", "no_go")
    )
    return _text(outputs.get("verdict")), checks


def brief(values: Mapping[str, Any]) -> str:
    """Values in a line: files by their names, of long lists the first and how many there are."""
    told = {name: word(value) for name, value in values.items() if name not in _QUIET}
    return "; ".join(f"{name} {text}" for name, text in told.items() if text)


def word(value: Any) -> str:
    """One value in a word or some."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return f"{value:.6g}" if math.isfinite(value) else ""
    if isinstance(value, str):
        if _FINGERPRINT.fullmatch(value):
            return ""  # of a text, so that another one is told from it
        return PurePosixPath(value).name if value.startswith("/") and "\n" not in value else value[:200]
    if isinstance(value, Mapping):
        name = next((value[one] for one in _NAMES if one in value), None)
        return (
            word(name) if isinstance(name, str) else ", ".join(str(one) for one in list(value)[:_MOST_WORDS])
        )
    if isinstance(value, list | tuple):
        more = f", … ({len(value)})" if len(value) > _MOST_WORDS else ""
        return ", ".join(filter(None, (word(one) for one in value[:_MOST_WORDS]))) + more
    return ""


def number(value: Any) -> float:
    """A number; NaN of anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return math.nan
    try:
        return float(value)
    except OverflowError:
        return math.nan


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _rows(value: Any) -> Iterable[Mapping[str, Any]]:
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list | tuple) else []


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _texts(value: Any) -> list[str]:
    return [one for one in value if isinstance(one, str)] if isinstance(value, list | tuple) else []
