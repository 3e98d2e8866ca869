# SPDX-License-Identifier: GPL-3.0-or-later
"""One job as the tree shows it: how it stands in a word, and its numbers.

In go rows of the table of jobs, or of answers to ``job_status``; out come plain values.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from difxnb.panels.shown import BLUE, GREEN, GREY, ORANGE, PURPLE, RED, Mark

RUNNING, DONE = Mark("running", "▶", BLUE), Mark("done", "✓", GREEN)
STALLED, WAITING = Mark("stalled", "!", PURPLE), Mark("starting", "…", ORANGE)
_MARKS = {
    "Spawning": WAITING,
    "Starting": WAITING,
    "Running": RUNNING,
    "Ending": Mark("ending", "▶", BLUE),
    "Done": DONE,
    "MpiDone": DONE,
    "Aborting": Mark("aborting", "✗", RED),
    "Terminating": Mark("terminating", "✗", RED),
    "Terminated": Mark("terminated", "✗", RED),
    "Crashed": Mark("crashed", "✗", RED),
    "Refused": Mark("refused", "✗", RED),
}


@dataclass(frozen=True)
class JobRow:
    """What is known of a job; NaN and empty where nothing is.

    Attributes
    ----------
    name, input_file : str
    mark : Mark
        How it stands.
    progress : float
        0 to 1.
    weight, antenna
        The lowest of the last integration, and whose it is.
    speed_up : float
        Seconds of data per second.
    remaining, age : float
        Seconds until it will be done, and since it was heard.
    warnings, errors : int
        How many it told.
    is_heard : bool
        Otherwise it is known from an answer to ``job_status`` alone.
    """

    name: str
    input_file: str
    mark: Mark
    progress: float = math.nan
    weight: float = math.nan
    antenna: str = ""
    speed_up: float = math.nan
    remaining: float = math.nan
    age: float = math.nan
    warnings: int = 0
    errors: int = 0
    is_heard: bool = True


def mark_of(state: str | None, *, stalled: bool = False) -> Mark:
    """How a job stands that said this."""
    if stalled:
        return STALLED
    if not state:
        return Mark("not known", "?", GREY)
    return _MARKS.get(state, Mark(state, "?", GREY))


def heard_row(row: Mapping[str, Any], weights: Mapping[str, float]) -> JobRow:
    """A job that was heard of; its age is told as long as it is not over."""
    antenna = min(weights, key=lambda name: weights[name], default="")
    return JobRow(
        row["job"],
        row["input"] or "",
        mark_of(row["state"], stalled=bool(row["stalled"])),
        row["progress"],
        weights.get(antenna, math.nan),
        antenna,
        row["speed_up"] if math.isnan(row["speed_up_now"]) else row["speed_up_now"],
        row["remaining"],
        row["silence"],
        int(row["warnings"]),
        int(row["errors"]),
    )


def told_row(row: Mapping[str, Any]) -> JobRow:
    """A job of which only its log is known."""
    state = row["state"]
    mark = mark_of(state) if isinstance(state, str) else Mark("no log", "–", GREY)
    progress = 1.0 if mark is DONE else math.nan
    return JobRow(row["job"], row["input"], mark, progress, is_heard=False)
