# SPDX-License-Identifier: GPL-3.0-or-later
"""Steps of the clocks: fringes of the search, the clocks that they ask for, and a ``.v2d`` that has them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from difxnb.clock.edits import edits_of
from difxnb.clock.search import clock_search
from difxnb.clock.solution import ClockSolution
from difxnb.formats.clock_change import ClockChange
from difxnb.intensives.correlated import correlated_jobs
from difxnb.intensives.steps import Context, Done, StepFailed
from difxnb.visibility.fits import fringe_fit

if TYPE_CHECKING:
    import xarray as xr


def clocks_inputs(context: Context) -> Mapping[str, Any]:
    """Of which jobs, against which station."""
    clocks = context.recipe.clocks
    return {
        "jobs": correlated_jobs(context, "search_correlate"),
        "reference": clocks.reference,
        "max_false_alarm": clocks.max_false_alarm,
        "tables": [context.named(one) for one in clocks.tables],
        "positive": clocks.positive,
    }


async def visibilities_of(context: Context, input_file: str) -> xr.Dataset:
    """What a job has written, in place or fetched, once, into the directory of the session."""
    if input_file not in context.opened:
        folder = context.directory / "fetched" / PurePosixPath(input_file).stem
        context.opened[input_file] = await context.difx.job(input_file).visibilities(folder, overwrite=True)
    return context.opened[input_file]


async def search_clocks(context: Context) -> Done:
    """Fit fringes of the search and solve for clocks of the stations."""
    tables = []
    for path in correlated_jobs(context, "search_correlate"):
        tables.append(await asyncio.to_thread(fringe_fit, await visibilities_of(context, path)))
    clocks = context.recipe.clocks
    fringes = pd.concat(tables, ignore_index=True)
    names = [str(one) for one in pd.unique(fringes[["antenna1_name", "antenna2_name"]].to_numpy().ravel())]
    reference = next((one for one in names if one.upper() == clocks.reference.upper()), None)
    if clocks.reference and reference is None:
        raise StepFailed(
            f"the reference {clocks.reference} is in no job of the search; there are {', '.join(names)}"
        )
    try:
        solution = await asyncio.to_thread(
            clock_search, fringes, reference, max_false_alarm=clocks.max_false_alarm
        )
    except ValueError as error:
        raise StepFailed(f"no clocks: {error}") from error
    compared, lacking = await _compared(context, solution)
    rows = solution.frame().to_dict("records")
    outputs = {
        "reference": solution.reference,
        "stations": [
            {
                name: row[name]
                for name in ("antenna", "delay", "delay_error", "delay_rate", "delay_rate_error", "n_used")
            }
            for row in rows
        ],
        "changes": [
            {
                "antenna": one.antenna,
                "delay": one.delay_s,
                "delay_rate": one.delay_rate,
                "epoch": str(one.epoch.astype("datetime64[ns]")),
            }
            for one in solution.changes()
        ],
        "undetermined": dict(solution.undetermined),
        "compared": compared,
        "not_compared": lacking,
    }
    said = [
        f"{row['antenna']} {row['delay'] * 1e6:+.4f} us (+- {row['delay_error'] * 1e6:.4f})"
        for row in rows
        if row["antenna"] != solution.reference and np.isfinite(row["delay"])
    ]
    said += [f"{name}: {why}" for name, why in solution.undetermined.items()]
    return Done(outputs, "; ".join([f"late against {solution.reference}: {', '.join(said)}", *lacking]))


async def _compared(context: Context, solution: ClockSolution) -> tuple[list[dict[str, Any]], list[str]]:
    """What counters of the stations show, beside the solution; and which could not be compared, and why."""
    found, lacking = list[dict[str, Any]](), list[str]()
    tables, until = context.recipe.clocks.tables, time.monotonic() + context.recipe.wait_s
    jobs = correlated_jobs(context, "search_correlate")
    used = await context.difx.job(jobs[0]).input() if tables else None
    for table in tables:
        path = Path(context.named(table))
        while True:
            try:
                await asyncio.to_thread(_require_whole, path, context.recipe.look_s)
                rows = await asyncio.to_thread(
                    solution.compare, path, positive=context.recipe.clocks.positive, input=used
                )
            except (OSError, ValueError, TypeError) as error:
                if time.monotonic() >= until:
                    lacking.append(f"counts of {path.name} were not compared: {error}")
                    break
                context.wait(f"no counts yet: {error}")
                await context.look_again()
            else:
                found += [
                    {str(name): value for name, value in row.items()} for row in rows.to_dict("records")
                ]
                break
    context.go_on()
    return found, lacking


def _require_whole(path: Path, quiet_s: float) -> None:
    """Refuse a file that was written to a moment ago: it may be still being copied."""
    age = time.time() - path.stat().st_mtime
    if 0 <= age < quiet_s:
        raise ValueError(f"{path} was written {age:.0f} s ago, and may not be whole")


def correct_inputs(context: Context) -> Mapping[str, Any]:
    """Which orders, and what is taken out of the clocks."""
    return {
        "v2d": context.outputs["data"]["v2d"],
        "changes": context.outputs["clocks"]["changes"],
        "max_change_s": context.recipe.clocks.max_change_s,
    }


async def correct_clocks(context: Context) -> Done:
    """Write a new ``.v2d`` with the clocks that were found; the old one stays."""
    rows = context.outputs["clocks"]["changes"]
    most = context.recipe.clocks.max_change_s
    far = [one for one in rows if abs(one["delay"]) > most]
    if far:
        told = ", ".join(f"{one['antenna']} {one['delay'] * 1e6:+.3f} us" for one in far)
        raise StepFailed(
            f"clock change too large: {told}, and max_change_s is {most:g}; nothing was written. Look at the fringes "
            "of the search, then allow more or correct the .v2d"
        )
    changes = [
        ClockChange(one["antenna"], one["delay"], one["delay_rate"], np.datetime64(one["epoch"]))
        for one in rows
    ]
    orders = context.orders()
    # The .v2d names the schedule beside it, where a clock may stand.
    orders["vex"] = Path(context.outputs["eop"]["vex"]).name
    name = f"{context.numbered(context.stem)}-clocks.v2d"
    path = context.keep_text(name, orders.text)
    edit = edits_of(changes, v2d=path).v2d
    assert edit is not None
    context.keep_text(name, edit.after)
    return Done(
        {"v2d": path, "changes": rows, "diff": edit.diff[:100_000], "notes": list(edit.notes)},
        "; ".join(f"{one['antenna']} {-one['delay'] * 1e6:+.4f} us" for one in rows) or "no clock changes",
    )
