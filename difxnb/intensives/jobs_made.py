# SPDX-License-Identifier: GPL-3.0-or-later
"""Steps that make jobs: of some scans for the clock search, and of all scans with the clocks that were found."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from difxnb.errors import RemoteFileNotFound
from difxnb.formats.keyvalue import read_text
from difxnb.formats.v2d import V2d, parse_v2d
from difxnb.formats.vex import Vex
from difxnb.intensives.recipe import SearchRecipe
from difxnb.intensives.steps import IN_THE_WAY, Context, Done, StepFailed

_PROGRAMS_S = 3600.0


def search_jobs_inputs(context: Context) -> Mapping[str, Any]:
    """Of which schedule and data, and which scans."""
    search = context.recipe.search
    return {
        "vex": context.outputs["eop"]["vex"],
        "v2d": context.outputs["data"]["v2d"],
        "stations": context.outputs["data"]["arrived"],
        "scans": search.scans,
        "sources": search.sources,
        "n": search.n,
        "directory": context.place,
        "calc": context.recipe.correlate.calc,
    }


async def make_search_jobs(context: Context) -> Done:
    """Make jobs of the scans in which clocks are searched."""
    vex, orders = context.vex(), context.orders()
    scans, why = chosen_scans(vex, context.recipe.search, context.outputs["data"]["arrived"])
    made = await _make(context, vex, orders.only_scans(scans), context.numbered(f"{context.stem}-search"))
    return Done({**made, "scans": scans}, why)


def chosen_scans(vex: Vex, search: SearchRecipe, stations: list[str]) -> tuple[list[str], str]:
    """Scans for the clock search, and why these.

    Raises
    ------
    StepFailed
        There is no such scan, or none with two of the stations.
    """
    table = vex.scans()
    if search.scans:
        unknown = [name for name in search.scans if name not in set(table["scan"])]
        if unknown:
            raise StepFailed(f"no scan for the clock search: the schedule has no {', '.join(unknown)}")
        return list(search.scans), "scans that the recipe names"
    there = {name.upper() for name in stations}
    seen = [sum(name.upper() in there for name in str(names).split()) for names in table["stations"]]
    table = table.assign(seen=seen, order=range(len(table)))
    table = table[table["seen"] >= 2]
    if search.sources:
        rank = {name.upper(): place for place, name in enumerate(search.sources)}
        ranks = [rank.get(str(name).upper(), len(rank)) for name in table["source"]]
        table = table.assign(rank=ranks)
        table = table[table["rank"] < len(rank)].sort_values(
            ["rank", "seen", "duration", "order"], ascending=[True, False, False, True]
        )
        said = f"of {', '.join(search.sources)}"
    else:
        table = table.sort_values(["seen", "duration", "order"], ascending=[False, False, True])
        said = "those with most stations, the longest first"
    if table.empty:
        raise StepFailed("no scan for the clock search: none has two of the stations whose data are there")
    best = table.head(search.n)
    names = [str(name) for name in best["scan"]]
    numbers = ", ".join(
        f"{row['scan']} ({row['seen']} stations, {row['duration']:g} s)" for row in best.to_dict("records")
    )
    return names, f"{said}: {numbers}"


def jobs_inputs(context: Context) -> Mapping[str, Any]:
    """Of which schedule, with which clocks."""
    return {
        "vex": context.outputs["eop"]["vex"],
        "v2d": context.outputs["correct"]["v2d"],
        "changes": context.outputs["correct"]["changes"],
        "stations": context.outputs["data"]["arrived"],
        "directory": context.place,
        "calc": context.recipe.correlate.calc,
    }


async def make_all_jobs(context: Context) -> Done:
    """Make the jobs of the session."""
    path = Path(context.outputs["correct"]["v2d"])
    orders = parse_v2d(read_text(path), path)
    orders.use(context.vex())
    return Done(await _make(context, context.vex(), orders, context.numbered(context.stem)))


async def _make(context: Context, vex: Vex, orders: V2d, stem: str) -> Mapping[str, Any]:
    """Put both texts down and have jobs made; what this step had made before it was cut off is replaced."""
    name = f"{stem}.v2d"
    mark = f"# Made for session {context.session}, whose record is in {platform.node()}:{context.directory}\n"
    if context.again:
        await _require_own(context, f"{context.place}/{name}", mark)
    named = parse_v2d(mark + orders.text.removeprefix(mark), name)
    named["vex"] = Path(context.outputs["eop"]["vex"]).name
    named.use(vex)
    try:
        made = await context.difx.new_experiment(
            context.place,
            vex=vex,
            v2d=named,
            calc=context.recipe.correlate.calc,
            overwrite=context.again,
            timeout=_PROGRAMS_S,
        )
    except FileExistsError as error:
        said = f"files are in the way, and not of this session: {error}"
        raise StepFailed(said, {IN_THE_WAY: True}) from error
    lacking = made.loc[made["model"].isna(), "job"].tolist()
    if lacking:
        raise StepFailed(f"no delay model was made of {', '.join(lacking)}: {_said(made)}")
    return {
        "jobs": [str(path) for path in made["input"]],
        "v2d": made.attrs["v2d"],
        "warnings": list(made.attrs["warnings"])[:100],
    }


async def _require_own(context: Context, path: str, mark: str) -> None:
    """Refuse to replace what another session of the same name has made since this one was begun."""
    try:
        there = await context.difx.get_file(path)
    except RemoteFileNotFound:
        return
    if not there.startswith(mark.encode()):
        said = f"files are in the way, and not of this session: {path} was made for another record"
        raise StepFailed(f"{said}; call this session by another name", {IN_THE_WAY: True})


def _said(made: pd.DataFrame) -> str:
    return "; ".join(made.attrs["warnings"][:3]) or "nothing was said of it"
