# SPDX-License-Identifier: GPL-3.0-or-later
"""Check `closure`: whether delays and phases of fringes add up to nothing around triangles of antennas.

In goes the table of fringes, out come its closures (:mod:`difxnb.clock.closure`). Whatever an antenna does drops out
of them, so that what is left is false fringes, errors of single baselines, or structure of the source. A closure counts
where it is beyond so many of its errors and beyond what sources have of themselves.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from difxnb.clock.closure import closure_delays, closure_phases
from difxnb.quality.limits import Section
from difxnb.quality.material import Material
from difxnb.quality.naming import named
from difxnb.quality.verdict import Check, Scale, Verdict, graded, not_applicable, worst_first

NAME = "closure"
_FRONT = [
    "kind",
    "triangle",
    "scan",
    "band",
    "polarization",
    "value",
    "error",
    "n_sigma",
    "times_limit",
    "verdict",
]


def check_closure(material: Material, limits: Section) -> Check:
    """Count triangles that do not close."""
    fringes = material.fringes
    if fringes is None:
        return not_applicable(NAME, material.why_no("fringes"))
    alarm = limits["false_alarm_probability"]
    if fringes.empty or not (fringes["false_alarm_probability"] <= alarm).any():
        return not_applicable(NAME, f"no fringe is certain enough{material.so_far}")
    evidence = pd.concat(
        [
            _judged(
                "delay", closure_delays(fringes, max_false_alarm=alarm), limits["sigmas"], limits["delay"]
            ),
            _judged(
                "phase", closure_phases(fringes, max_false_alarm=alarm), limits["sigmas"], limits["phase"]
            ),
        ],
        ignore_index=True,
    )
    if evidence.empty:
        return not_applicable(NAME, f"no three antennas have fringes with one another{material.so_far}")
    is_open = evidence["verdict"] != str(Verdict.GO)
    share = float(is_open.mean())
    ordered = worst_first(evidence, "times_limit", ascending=False)
    limit = f"none beyond {limits['sigmas']:g} errors (no-go above {limits['no_go']:g} of them)"
    return Check(
        NAME,
        graded(share, 0.0, limits["no_go"]),
        share,
        "",
        limit,
        _text(ordered, int(is_open.sum())) + material.so_far,
        ordered[[*_FRONT, *(name for name in ("phase_center", "pulsar_bin") if name in ordered)]],
        Scale("times_limit", 1.0),
    )


def _judged(kind: str, closures: pd.DataFrame, sigmas: float, least: float) -> pd.DataFrame:
    """Closures (s or rad) with a verdict each; `least` is what may come from structure.

    ``times_limit`` says how many times a closure is as large as it may be: the lesser by errors and by size.
    """
    times = np.minimum(closures["n_sigma"].abs() / sigmas, closures["value"].abs() / least)
    verdict = np.where(times > 1.0, str(Verdict.LOOK), str(Verdict.GO))
    return closures.assign(kind=kind, times_limit=times, verdict=verdict)


def _text(evidence: pd.DataFrame, count: int) -> str:
    total = len(evidence)
    if not count:
        largest = evidence["n_sigma"].abs().max()
        return f"all {total} closure delays and phases are 0 within {largest:.1f} of their errors"
    bad = evidence.head(count)
    first = bad.iloc[0]
    value = (
        f"{first['value'] * 1e9:+.3g} ns"
        if first["kind"] == "delay"
        else f"{np.degrees(first['value']):+.0f}°"
    )
    return (
        f"{count} of {total} closures are open, on {named(dict.fromkeys(bad['triangle']))}; the farthest a "
        f"{first['kind']} of {value} ({abs(first['n_sigma']):.0f} errors): a false fringe, one bad baseline, or a "
        "source with structure"
    )
