# SPDX-License-Identifier: GPL-3.0-or-later
"""Check `weights`: what fraction of the data that came was valid.

In go the weights of visibilities, or of a log where visibilities have none (live data); out comes the mean of every
antenna and scan, over what was written: what was not is another check. The last integration of a scan may be shortened
by its end, which lowers the weights of all (``difx-files.md`` 13): it counts relative to the highest of them.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from difxnb.quality.attendance import Attendance
from difxnb.quality.limits import Section
from difxnb.quality.material import Material
from difxnb.quality.naming import named
from difxnb.quality.verdict import Check, Scale, Verdict, graded, not_applicable, worst, worst_first

NAME = "weights"


def check_weights(material: Material, limits: Section) -> Check:
    """Compare the mean weight of every antenna and scan with the limits."""
    evidence = _of_visibilities(material.attendance)
    if evidence.empty:
        evidence = _of_log(material)
    if evidence.empty:
        return not_applicable(
            NAME, f"no weights are known{material.so_far}: live data have none, and there is no log with any"
        )
    verdicts = [graded(weight, limits["look"], limits["no_go"]) for weight in evidence["weight"]]
    evidence["verdict"] = [str(verdict) for verdict in verdicts]
    ordered = worst_first(evidence, "weight")
    lowest = ordered.iloc[0]
    bad = list(dict.fromkeys(ordered.loc[ordered["verdict"] != str(Verdict.GO), "antenna"]))
    where = f" in {lowest['scan']}" if lowest["scan"] else ""
    text = f"the lowest mean weight is {lowest['weight']:.3f}, of {lowest['antenna']}{where}{material.so_far}"
    if bad:
        text = f"data of {named(bad)} partly invalid; {text}"
    limit = f"at least {limits['look']:g} (no-go below {limits['no_go']:g})"
    scale = Scale("weight", limits["look"], limits["no_go"])
    return Check(NAME, worst(verdicts), float(lowest["weight"]), "", limit, text, ordered, scale)


def _of_visibilities(attendance: Attendance | None) -> pd.DataFrame:
    """Mean weight of each antenna in each scan: of its autocorrelation where it has one, else of its baselines."""
    rows = []
    if attendance is not None:
        for scan in attendance.scans:
            times = np.flatnonzero(attendance.scan == scan)
            weight = attendance.weight[times]
            weight = weight / _shortened(attendance, times)[:, None]
            for antenna in attendance.antennas:
                mine = weight[:, _columns(attendance, antenna)]
                if np.isfinite(mine).any():
                    rows.append({"antenna": antenna, "scan": scan, "weight": float(np.nanmean(mine))})
    return pd.DataFrame(rows, columns=["antenna", "scan", "weight"])


def _columns(attendance: Attendance, antenna: str) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    with_it = attendance.with_antenna(antenna)
    own = with_it & attendance.is_auto & np.isfinite(attendance.weight).any(axis=0)
    return own if own.any() else with_it & ~attendance.is_auto


def _shortened(
    attendance: Attendance, times: np.ndarray[tuple[int], np.dtype[np.int64]]
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """How much of each integration lies in its scan: 1 but for the last."""
    share = np.ones(len(times))
    last = attendance.highest[times[-1]]
    if 0 < last < 1:
        share[-1] = last
    return share


def _of_log(material: Material) -> pd.DataFrame:
    """Mean weight of each antenna over the latest run that the log tells of."""
    if material.log is None or not len(material.log):
        return pd.DataFrame(columns=["antenna", "scan", "weight"])
    weights = material.log.weights()
    means = weights.mean("time", skipna=True)
    rows = pd.DataFrame(
        {"antenna": means["antenna"].values.astype(str), "scan": "", "weight": means.values.astype(float)}
    )
    return rows[rows["weight"].notna()].reset_index(drop=True)
