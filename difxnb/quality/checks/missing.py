# SPDX-License-Identifier: GPL-3.0-or-later
"""Check `missing`: time and records that the job was to give and did not.

In go the times and weights of visibilities and the job's schedule, ``.input`` and ``.calc``; out comes the share of the
records that are missing, for every scan and baseline. Without the files, or of a selection, records are missing where a
product that is there at other times is not, and time where a scan has a gap. A record with weight 0 is never written
(``difx-files.md`` 13): missing records are data that were invalid, or never came.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from difxnb.quality.attendance import Attendance
from difxnb.quality.limits import Section
from difxnb.quality.material import Material
from difxnb.quality.naming import antennas_of, named
from difxnb.quality.schedule import Schedule, ScheduledScan
from difxnb.quality.verdict import Check, Scale, graded, not_applicable, worst, worst_first
from difxnb.visibility.accessor.presence import scan_slots

NAME = "missing"
_MOST_SCANS = 3
_COLUMNS = ["scan", "baseline", "antenna1_name", "antenna2_name", "expected", "there", "seconds"]


def check_missing(material: Material, limits: Section) -> Check:
    """Compare what there is with what there should be, baseline by baseline and scan by scan."""
    attendance = material.attendance
    if material.dataset is None or attendance is None:
        return not_applicable(NAME, material.why_no("dataset"))
    schedule = None if material.is_part else material.schedule
    if schedule is None:
        rows = list(_by_gaps(material, attendance))
    else:
        rows = [
            row
            for scan in schedule.scans
            for row in _by_schedule(schedule, scan, attendance, material.running)
        ]
    evidence = pd.DataFrame(rows, columns=_COLUMNS)
    evidence = evidence[evidence["expected"] > 0].reset_index(drop=True)
    if evidence.empty:
        return not_applicable(NAME, f"there is nothing to be expected{material.so_far}")
    evidence["missing"] = 1.0 - np.minimum(evidence["there"] / evidence["expected"], 1.0)
    verdicts = [graded(share, limits["look"], limits["no_go"]) for share in evidence["missing"]]
    evidence["verdict"] = [str(verdict) for verdict in verdicts]
    text = _text(evidence, limits["look"]) + material.so_far
    if schedule is None:
        text += ", judged by gaps within scans alone"
        text += ": this is a part of a job" if material.is_part else ": .input or .calc are not here"
    limit = (
        f"at most {limits['look']:g} of the records of a baseline and scan (no-go above {limits['no_go']:g})"
    )
    scale = Scale("missing", limits["look"], limits["no_go"])
    most = float(evidence["missing"].max())
    shown = evidence.drop(columns=["antenna1_name", "antenna2_name"])
    return Check(
        NAME, worst(verdicts), most, "", limit, text, worst_first(shown, "missing", ascending=False), scale
    )


def _by_schedule(
    schedule: Schedule, scan: ScheduledScan, attendance: Attendance, running: bool
) -> Iterator[tuple[object, ...]]:
    """What a scan was to give, and gave; of a running job, up to the integration that came last."""
    inside = (attendance.time_ns >= scan.start_ns) & (attendance.time_ns < scan.stop_ns)
    integrations = scan.integrations
    if running:
        since_s = (int(attendance.time_ns.max(initial=0)) - scan.start_ns) / 1e9
        integrations = int(np.clip(np.ceil(since_s / scan.integration_s), 0, integrations))
    places = {str(name): place for place, name in enumerate(attendance.baseline)}
    ends = dict(zip(attendance.baseline.tolist(), _pairs(attendance), strict=True))
    for name, products in schedule.products(scan).items():
        taken = attendance.present[inside, places[name]] if name in places else np.zeros(0, dtype=np.int64)
        lost = integrations - int((taken > 0).sum())
        pair = ends.get(name, antennas_of(name))
        yield scan.name, name, *pair, products * integrations, int(taken.sum()), lost * scan.integration_s


def _by_gaps(material: Material, attendance: Attendance) -> Iterator[tuple[object, ...]]:
    """What scans should have between their first and their last integration, of products that are there at all."""
    assert material.dataset is not None
    products = (attendance.counts > 0).sum(axis=(1, 2))
    for slots in scan_slots(material.dataset):
        scan = str(attendance.scan[slots.places[0]])
        for place, (name, pair) in enumerate(zip(attendance.baseline, _pairs(attendance), strict=True)):
            taken = attendance.present[slots.places, place]
            lost = slots.wanted - len(np.unique(slots.slots[taken > 0]))
            expected = int(products[place]) * slots.wanted
            yield scan, str(name), *pair, expected, int(taken.sum()), lost * slots.length_s


def _pairs(attendance: Attendance) -> list[tuple[str, str]]:
    return list(zip(attendance.antenna1.tolist(), attendance.antenna2.tolist(), strict=True))


def _text(evidence: pd.DataFrame, look: float) -> str:
    """Scans without anything, then antennas that all of their baselines lack, then single baselines."""
    if not (evidence["missing"] > 0).any():
        baselines = evidence["baseline"].unique()
        who = f"{len(baselines)} baselines" if len(baselines) > 1 else str(baselines[0])
        return f"every record of {who} is there"
    sums = evidence.groupby("scan", sort=False)[["expected", "there"]].sum()
    empty = list(sums.index[sums["there"] == 0])
    rest = evidence[~evidence["scan"].isin(empty)]
    said = [f"nothing at all of scan {named(empty)}"] if empty else []
    guilty = _guilty(rest, look)
    said += _by_antenna(guilty, {*rest["antenna1_name"], *rest["antenna2_name"]})
    others = rest[
        (rest["missing"] > look)
        & ~rest["antenna1_name"].isin([antenna for antenna, _ in guilty])
        & ~rest["antenna2_name"].isin([antenna for antenna, _ in guilty])
    ]
    said += [f"records of {named(dict.fromkeys(others['baseline']))}"] if len(others) else []
    share = 1 - evidence["there"].sum() / evidence["expected"].sum()
    return (
        f"{share:.2%} of all records missing: {'; '.join(said)}"
        if said
        else f"{share:.2%} of all records missing"
    )


def _by_antenna(guilty: dict[tuple[str, str], float], antennas: set[str]) -> list[str]:
    """What is missing of antennas, scan by scan; of all of them at once where it is the same."""
    scans: dict[str, dict[str, float]] = {}
    for (antenna, scan), share in guilty.items():
        scans.setdefault(scan, {})[antenna] = share
    said = []
    for scan, shares in scans.items():
        same = {f"{share:.0%}" for share in shares.values()}
        who = "all antennas" if set(shares) == antennas else named(shares)
        amount = same.pop() if len(same) == 1 else f"up to {max(shares.values()):.0%}"
        said.append(f"{amount} of the records of {who}{f' in {scan}' if scan else ''}")
    more = [f"{len(said) - _MOST_SCANS} more scans"] if len(said) > _MOST_SCANS else []
    return said[:_MOST_SCANS] + more


def _guilty(evidence: pd.DataFrame, look: float) -> dict[tuple[str, str], float]:
    """Antennas of which every baseline lacks much, by scan, with what all of them lack at least; most first."""
    ends = pd.concat(
        [
            evidence.assign(antenna=evidence["antenna1_name"]),
            evidence.assign(antenna=evidence["antenna2_name"]),
        ]
    )
    least = ends.groupby(["antenna", "scan"], sort=False)["missing"].min()
    most = least[least > look].sort_values(ascending=False).reset_index()
    return {
        (str(antenna), str(scan)): float(share)
        for antenna, scan, share in zip(most["antenna"], most["scan"], most["missing"], strict=True)
    }
