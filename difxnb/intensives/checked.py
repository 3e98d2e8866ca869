# SPDX-License-Identifier: GPL-3.0-or-later
"""Steps at the end: whether the jobs are fine, and the reports on them."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import pandas as pd

from difxnb.errors import NotebookFailed, OutputExists
from difxnb.intensives.clock_pass import visibilities_of
from difxnb.intensives.correlated import correlated_jobs
from difxnb.intensives.steps import Context, Done, Outputs, StepFailed
from difxnb.quality.report import check_quality
from difxnb.quality.verdict import Verdict, worst
from difxnb.reports.ivs_report import ivs_report
from difxnb.reports.writing import report
from difxnb.visibility.fits import fringe_fit

if TYPE_CHECKING:
    import xarray as xr

    from difxnb.quality.report import QualityReport


def quality_inputs(context: Context) -> Mapping[str, Any]:
    """Of which jobs, and how they are judged."""
    quality = context.recipe.quality
    limits = quality.limits
    return {
        "jobs": correlated_jobs(context, "correlate"),
        "limits": context.named(limits) if isinstance(limits, str) else limits,
        "stop_on": quality.stop_on,
    }


async def judge(context: Context) -> Done:
    """Make every check of every job."""
    checks, snr, weights = list[dict[str, Any]](), list[pd.DataFrame](), list[pd.DataFrame]()
    verdicts = list[Verdict]()
    limits = quality_inputs(context)["limits"]
    for path in correlated_jobs(context, "correlate"):
        name = PurePosixPath(path).stem
        seen, fringes = await asyncio.to_thread(_looked_at, await visibilities_of(context, path), limits)
        verdicts.append(seen.verdict)
        checks += [
            {
                "job": name,
                "check": check.name,
                "verdict": str(check.verdict),
                "value": check.value,
                "unit": check.unit,
                "text": check.text,
            }
            for check in seen
        ]
        snr.append(fringes)
        weights += [check.evidence for check in seen if check.name == "weights"]
    verdict = worst(verdicts)
    outputs = {"verdict": str(verdict), "checks": checks, "snr": _medians(snr), "weights": _means(weights)}
    bad = [f"{one['job']} {one['check']}: {one['text']}" for one in checks if one["verdict"] == Verdict.NO_GO]
    if str(verdict).replace("-", "_") in context.recipe.quality.stop_on:
        raise StepFailed(f"quality {verdict}: {'; '.join(bad[:5])}", outputs)
    return Done(outputs, f"quality {verdict}")


def _looked_at(dataset: xr.Dataset, limits: Any) -> tuple[QualityReport, pd.DataFrame]:
    fringes = fringe_fit(dataset)
    return check_quality(dataset, limits=limits), fringes


def _medians(tables: list[pd.DataFrame]) -> list[dict[str, Any]]:
    """Median signal-to-noise ratio of the fringes of each baseline and band."""
    if not tables:
        return []
    whole = pd.concat(tables, ignore_index=True)
    whole = whole.assign(baseline=whole["antenna1_name"] + "-" + whole["antenna2_name"])
    medians = whole.groupby(["baseline", "band"], sort=False)["snr"].median().reset_index()
    return [
        {"baseline": str(row["baseline"]), "band": str(row["band"]), "median": float(row["snr"])}
        for row in medians.to_dict("records")
    ]


def _means(tables: list[pd.DataFrame]) -> list[dict[str, Any]]:
    """Mean weight of each station."""
    known = [table for table in tables if {"antenna", "weight"} <= set(table.columns)]
    if not known:
        return []
    means = pd.concat(known, ignore_index=True).groupby("antenna", sort=False)["weight"].mean()
    return [{"antenna": str(name), "mean": float(value)} for name, value in means.items()]


def report_inputs(context: Context) -> Mapping[str, Any]:
    """Of which jobs, and where to."""
    wanted = context.recipe.report
    quality = context.outputs.get("quality", {})
    return {
        "jobs": correlated_jobs(context, "correlate"),
        "verdict": quality.get("verdict"),
        "to": context.named(wanted.to),
        "html": wanted.html,
        "ivs": wanted.ivs,
    } | ({"notebook": _notebook(context)} if wanted.notebook else {})


def _notebook(context: Context) -> bool | str:
    wanted = context.recipe.report.notebook
    return context.named(wanted) if isinstance(wanted, str) else wanted


async def write_reports(context: Context) -> Done:
    """Write the text of the session and a page for each job."""
    wanted = context.recipe.report
    folder = Path(context.named(wanted.to)) if wanted.to else context.directory
    folder.mkdir(parents=True, exist_ok=True)
    jobs = [(path, await visibilities_of(context, path)) for path in correlated_jobs(context, "correlate")]
    files = list[str]()
    if wanted.ivs:
        target = folder / f"{_plain(context.session)}.ivs.txt"
        made = await asyncio.to_thread(ivs_report, context.directory, jobs=[one for _, one in jobs])
        overwrite = _is_ours(context, target)
        files.append(str(await asyncio.to_thread(made.write, target, overwrite=overwrite)))
    if wanted.html:
        for path, dataset in jobs:
            target = folder / f"{PurePosixPath(path).stem}-report.html"
            overwrite = _is_ours(context, target)
            written = await asyncio.to_thread(report, dataset, target, overwrite=overwrite)
            files.append(str(written))
    if wanted.notebook:
        for path, dataset in jobs:
            target = folder / f"{PurePosixPath(path).stem}-notebook.html"
            files += await _with_notebook(context, dataset, target, files)
    return Done({"files": files})


async def _with_notebook(context: Context, dataset: xr.Dataset, target: Path, so_far: list[str]) -> list[str]:
    """Run the notebook of the recipe on a job; what was written before is told where it fails."""
    both = (target, target.with_suffix(".ipynb"))
    ours = [_is_ours(context, one) for one in both]
    notebook = _notebook(context)
    try:
        await asyncio.to_thread(report, dataset, target, notebook=notebook, overwrite=any(ours))
    except (NotebookFailed, ImportError) as error:
        raise StepFailed(str(error), {"files": so_far}) from error
    return [str(one) for one in both]


def _plain(name: str) -> str:
    return re.sub(r"[^\w.+-]", "_", name).lstrip(".") or "session"


def _is_ours(context: Context, target: Path) -> bool:
    """Whether a file of this name may be replaced; OutputExists where another wrote it."""
    if not target.exists():
        return False
    earlier = [line for line in context.record.lines if line.step == "report"]
    named = [str(one) for line in earlier for one in _files(line.outputs)]
    begun = sum(line.state == "started" for line in earlier) > 1
    if str(target) in named or begun or target.parent == context.directory:
        return True
    raise OutputExists(f"{target} exists already, and is not of this session; name another directory")


def _files(outputs: Outputs) -> list[Any]:
    files = outputs.get("files")
    return files if isinstance(files, list) else []
