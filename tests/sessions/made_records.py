# SPDX-License-Identifier: GPL-3.0-or-later
"""Records of made-up sessions, a day apart."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from difxnb.sessions.record import SessionRecord

FIRST = dt.datetime(2026, 11, 1, 7, 30, tzinfo=dt.UTC)


class Later:
    """A clock that begins at a time and moves by a second at each look."""

    def __init__(self, begin: dt.datetime) -> None:
        self.seconds = begin.timestamp()

    def __call__(self) -> float:
        self.seconds += 1.0
        return self.seconds


def code(day: int) -> str:
    return f"i26{305 + day}"


def put(
    root: Path,
    day: int,
    *,
    delay: float = 3.0e-6,
    error: float = 1e-9,
    snr: float = 40.0,
    weight: float = 0.98,
    until: str = "report",
    fails: str = "",
) -> SessionRecord:
    """The record of the session of a day, up to a step, which may fail."""
    start = FIRST + dt.timedelta(days=day)
    record = SessionRecord.open(root / code(day), code(day), now=Later(start + dt.timedelta(hours=2)))
    outputs = {
        "schedule": {
            "vex": "",
            "start": start.isoformat(),
            "stop": (start + dt.timedelta(hours=1)).isoformat(),
            "stations": ["Kk", "Ny", "Wz"],
        },
        "data": {"arrived": ["Kk", "Wz"], "missing": [{"station": "Ny", "why": "not arrived"}]},
        "clocks": {
            "reference": "Wz",
            "stations": [
                {"antenna": "Wz", "delay": 0.0, "delay_error": 0.0},
                {"antenna": "Kk", "delay": delay, "delay_error": error, "delay_rate": 0.0, "n_used": 24},
            ],
        },
        "correlate": {"jobs": [{"input": f"/data/{code(day)}_1.input", "state": "done", "why": ""}]},
        "quality": {
            "verdict": "go",
            "checks": [],
            "snr": [{"baseline": "Kk-Wz", "band": "X", "median": snr}],
            "weights": [{"antenna": "Kk", "mean": weight}, {"antenna": "Wz", "mean": 1.0}],
        },
        "report": {"files": ["report.txt"]},
    }
    for step, found in outputs.items():
        record.begin(step, {})
        if step == fails:
            record.fail(step, "it did not work")
            break
        record.end(step, found)
        if step == until:
            break
    return record
