# SPDX-License-Identifier: GPL-3.0-or-later
"""Sentences of a correlator report: on the correlation as a whole, and on each station."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.metadata import version

import numpy as np
import pandas as pd

from difxnb.quality.report import QualityReport
from difxnb.quality.verdict import Verdict
from difxnb.reports.findings import Findings
from difxnb.reports.ivs_material import IvsMaterial
from difxnb.sessions.finding import names_of, number_of, rows_of

_BAD = (Verdict.LOOK, Verdict.NO_GO)


def correlator_notes(material: IvsMaterial) -> tuple[str, ...]:
    """What is to be said of all stations together."""
    return tuple(
        dict.fromkeys(
            [
                *(line.strip() for line in material.comments.splitlines() if line.strip()),
                *_software(material),
                *_verdicts(material),
                *(
                    [f"Not on this machine, and not in this report: {', '.join(material.away)}."]
                    if material.away
                    else []
                ),
                *_steps(material),
            ]
        )
    )


def _software(material: IvsMaterial) -> Iterator[str]:
    """With what the jobs were made and correlated."""
    calcs = [one.material.calc for one in material.found if one.material.calc is not None]
    versions = sorted({calc.difx_version for calc in calcs} - {""})
    if versions:
        yield f"Made for {', '.join(versions)}."
    for job in material.inputs[:1]:
        times = sorted({row.int_time for row in job.configurations})
        yield f"Integration time {', '.join(f'{value:g}' for value in times)} s."
    yield f"Fringes and quality codes by difxnb {version('difxnb')} (fringe_fit), not by fourfit."


def _verdicts(material: IvsMaterial) -> Iterator[str]:
    """What checks found, of each job or as the record has it."""
    for one in material.found:
        yield f"{one.name or 'Job'}: quality {one.quality.verdict}."
        for check in one.quality:
            if check.verdict in _BAD:
                yield f"{one.name or 'Job'}: {check.name} {check.verdict}: {check.text}."
    if material.found:
        return
    quality = material.outputs("quality")
    if quality.get("verdict"):
        yield f"Quality {quality['verdict']}."
    for row in rows_of(quality, "checks"):
        if str(row.get("verdict", "")).lower().replace("_", " ") in _BAD:
            yield f"{row.get('check', '')} {row['verdict']}: {row.get('text', '')}"


def _steps(material: IvsMaterial) -> Iterator[str]:
    """Steps of the session that did not go as they should."""
    last = {line.step: line for line in material.lines if line.state != "started"}
    for line in material.lines:
        if line.state == "failed" and line.why:
            again = last[line.step].state == "done"
            yield f"Step {line.step} failed: {line.why}{' (and was done later)' if again else ''}"
        elif line.state == "skipped" and line.why:
            yield f"Step {line.step} was skipped: {line.why}"
    for job in rows_of(material.outputs("correlate"), "jobs"):
        if job.get("why"):
            yield f"{str(job.get('input', '')).rpartition('/')[2]}: {job['why']}"


def station_notes(material: IvsMaterial) -> tuple[str, ...]:
    """One sentence or more on each station, by name."""
    said: dict[str, list[str]] = {}
    for one in rows_of(material.outputs("data"), "missing"):
        said.setdefault(str(one.get("station", "")).upper(), []).append(
            f"no data: {one.get('why') or 'not arrived'}"
        )
    for name, weight in _weights(material).items():
        said.setdefault(name.upper(), []).append(f"mean weight {weight:.3f}")
    for found in material.found:
        for name, text in _complaints(found.quality):
            said.setdefault(name.upper(), []).append(text)
    names = _names(material)
    for key in names:
        said.setdefault(key, [_silent(key, material)])
    return tuple(
        f"{names.get(key, key)}: {'; '.join(dict.fromkeys(texts))}."
        for key, texts in sorted(said.items())
        if key
    )


def _silent(key: str, material: IvsMaterial) -> str:
    """What is to be said of a station that nothing else is said of."""
    in_jobs = {one.name.upper() for job in material.inputs for one in job.telescopes}
    if key in in_jobs:
        return "in the jobs, and no visibilities of it"
    return "in no job" if material.inputs else "in the schedule; its jobs are not on this machine"


def _weights(material: IvsMaterial) -> Mapping[str, float]:
    """Mean weights of stations: of the jobs, else as the record has them."""
    tables = [_evidence(found, "weights") for found in material.found]
    tables = [table for table in tables if {"antenna", "weight"} <= set(table.columns)]
    if tables:
        means = pd.concat(tables).groupby("antenna")["weight"].mean()
        return {str(name): float(value) for name, value in means.items()}
    rows = rows_of(material.outputs("quality"), "weights")
    known = {str(one.get("antenna", "")): number_of(one.get("mean")) for one in rows}
    return {name: value for name, value in known.items() if np.isfinite(value)}


def _evidence(found: Findings, check: str) -> pd.DataFrame:
    return next((one.evidence for one in found.quality if one.name == check), pd.DataFrame())


def _complaints(quality: QualityReport) -> Iterator[tuple[str, str]]:
    """Stations that a check is not content with."""
    for check in quality:
        if check.verdict not in _BAD or "antenna" not in check.evidence:
            continue
        bad = check.evidence[check.evidence["verdict"].isin([str(one) for one in _BAD])]
        for name in dict.fromkeys(str(one) for one in bad["antenna"]):
            yield name, f"{check.name} {check.verdict}"


def _names(material: IvsMaterial) -> dict[str, str]:
    """Names as the record and the jobs write them, by upper case."""
    names = names_of(material.outputs("schedule"), "stations")
    jobs = [one.name for job in material.inputs for one in job.telescopes]
    known = {name.upper(): name for name in [*jobs, *names]}
    if material.vex is not None:
        for row in material.vex.stations().to_dict("records"):
            known[str(row["station"]).upper()] = f"{row['name']} ({row['station']})"
    return known
