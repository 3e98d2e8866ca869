# SPDX-License-Identifier: GPL-3.0-or-later
"""Check `speed`: how fast a job was correlated, against the time it took to observe.

In goes the ``.difxlog`` of a job, out comes the speed-up of its latest run: observed time over wall time, as
:attr:`difxnb.tables.difxlog.JobLog.runs` has it. A job that took a few seconds spent them on starting.
"""

from __future__ import annotations

from difxnb.quality.limits import Section
from difxnb.quality.material import Material
from difxnb.quality.verdict import Check, Scale, Verdict, graded, not_applicable

NAME = "speed"
_COLUMNS = ["run", "outcome", "observed", "wall_time", "elapsed", "speed_up"]


def check_speed(material: Material, limits: Section) -> Check:
    """Compare the speed-up of the latest run with the limits."""
    log = material.log
    if log is None:
        return not_applicable(NAME, material.why_no("log"))
    latest = log.reports[-1] if log.reports else None
    wall = (latest.facts.wall_time_s or latest.elapsed_s) if latest else None
    if latest is None or latest.speed_up is None or not wall:
        return not_applicable(NAME, f"the log does not tell how long the job took{material.so_far}")
    if wall < limits["least_seconds"]:
        return not_applicable(
            NAME, f"{wall:.3g} s are too short to tell{material.so_far}: starting takes that long"
        )
    verdict = graded(latest.speed_up, limits["look"], limits["no_go"])
    evidence = log.runs[_COLUMNS].copy()
    evidence["verdict"] = str(Verdict.NOT_APPLICABLE)
    evidence.loc[evidence.index[-1], "verdict"] = str(verdict)
    text = (
        f"{latest.observed_s:.4g} s of observing in {wall:.4g} s, "
        f"{latest.speed_up:.3g} times as fast{material.so_far}"
    )
    limit = f"at least {limits['look']:g} (no-go below {limits['no_go']:g})"
    scale = Scale("speed_up", limits["look"], limits["no_go"])
    return Check(
        NAME, verdict, float(latest.speed_up), "", limit, text, evidence[::-1].reset_index(drop=True), scale
    )
