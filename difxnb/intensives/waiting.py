# SPDX-License-Identifier: GPL-3.0-or-later
"""Steps that wait for what comes from elsewhere: Earth orientation, and data of the stations."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from difxnb.errors import EopOutdated, RemoteFileNotFound
from difxnb.formats.keyvalue import read_text
from difxnb.formats.v2d import V2d, parse_v2d
from difxnb.formats.v2d_block import V2dParameters
from difxnb.formats.vex import parse_vex
from difxnb.geometry.eop import EopTable
from difxnb.geometry.eop_cache import read_eop
from difxnb.intensives.arrived import settled
from difxnb.intensives.modules import NOWHERE, look_at_modules
from difxnb.intensives.recipe import StationData
from difxnb.intensives.steps import Context, Done, NotThereYet, Outputs

# --- Earth orientation -----------------------------------------------------------------------------------------


def eop_inputs(context: Context) -> Mapping[str, Any]:
    """Of which schedule, and from where."""
    return {"vex": context.outputs["schedule"]["vex"], "eop": context.recipe.eop, **_texts(context)}


def _texts(context: Context) -> Mapping[str, Any]:
    """What the schedule and the orders say, so that others are others."""
    import hashlib

    schedule = context.outputs["schedule"]
    return {
        name: hashlib.sha256(read_text(schedule[name]).encode("utf-8", "surrogateescape")).hexdigest()[:16]
        for name in ("vex", "v2d")
    }


async def take_eop(context: Context) -> Done:
    """Put fresh Earth orientation into the schedule, or keep what it has."""
    schedule = context.outputs["schedule"]
    vex = parse_vex(read_text(schedule["vex"]), schedule["vex"])
    orders = parse_v2d(read_text(schedule["v2d"]))
    in_orders = any(True for _ in orders.statements.of_kind("EOP"))
    own = len(vex.eop()) > 0 or in_orders
    as_it_is = {"vex": schedule["vex"], "v2d": schedule["v2d"], "source": "v2d" if in_orders else "vex"}
    if context.recipe.eop is None and own:
        return Done(as_it_is, "the Earth orientation of the schedule is used")
    until = time.monotonic() + context.recipe.wait_s
    while True:
        try:
            table = await asyncio.to_thread(_fresh, context.recipe.eop, vex.start)
        except (ValueError, OSError, EopOutdated) as error:
            if own:
                said = f"EOP too old or not to be had: {error}; those of the schedule are used"
                return Done(as_it_is, said)
            if time.monotonic() >= until:
                raise NotThereYet(
                    f"EOP too old or not to be had: {error} (name a newer table as eop in the recipe, or put $EOP into "
                    "the schedule)"
                ) from error
            context.wait(f"no Earth orientation yet: {error}")
            await context.look_again()
            continue
        new, stem = table.to_vex(vex), context.numbered(context.stem)
        vex_path = context.keep_text(f"{stem}-eop.vex", new.text)
        v2d_path = schedule["v2d"]
        if in_orders:  # which would stand beside them
            v2d_path = context.keep_text(f"{stem}-eop.v2d", orders.with_eop([]).text)
        context.go_on()
        found = {"vex": vex_path, "v2d": v2d_path, "source": table.source, "age_days": table.age_days}
        return Done(found)


def _fresh(source: str | None, near: np.datetime64) -> EopTable:
    """A table that is new enough; EopOutdated is raised where it is not."""
    return read_eop(source, near=near, strict=True)


# --- data ------------------------------------------------------------------------------------------------------


def data_inputs(context: Context) -> Mapping[str, Any]:
    """Whose data, and where they are to be."""
    recipe = context.recipe
    eop = context.outputs["eop"]
    return {
        **_texts(context),
        "vex_with_eop": eop["vex"],
        "v2d_with_eop": eop["v2d"],
        "stations": context.outputs["schedule"]["stations"],
        "data": [
            [one.station, context.named(one.pattern), one.kind, *filter(None, (one.copy_to, one.list_as))]
            for one in recipe.data
        ],
        "on_missing": recipe.on_missing,
    }


async def take_data(context: Context) -> Done:
    """Wait until data of all stations are there and grow no more, as long as the recipe says."""
    recipe, began = context.recipe, time.monotonic()
    orders = parse_v2d(read_text(context.outputs["eop"]["v2d"]))
    orders.use(context.vex())
    wanted = _wanted(context, orders)
    given_up = _missed(context)
    looks: dict[str, dict[str, int]] = {}
    arrived: dict[str, list[str]] = {}
    while True:
        missing = await _looked_for(context, wanted, looks, arrived)
        waited = time.monotonic() - began
        late = [
            name
            for name in missing
            if name in looks
            and (name in given_up or waited >= _patience(context, wanted[name]))
            and not _may_be_there(missing[name])
        ]
        if not missing:
            break
        if recipe.on_missing != "wait" and len(late) == len(missing):
            break
        if told := {name: why for name, why in missing.items() if not _may_be_there(why)}:
            context.wait("; ".join(f"{name}: {why}" for name, why in told.items()))
        await context.look_again()
    context.go_on()
    return await settled(context, orders, wanted, arrived, missing)


async def _looked_for(
    context: Context,
    wanted: Mapping[str, StationData],
    looks: dict[str, dict[str, int]],
    arrived: dict[str, list[str]],
) -> dict[str, str]:
    """Look once at each station that has not arrived yet; why those have not that are still missing."""
    missing = dict[str, str]()
    for station, one in wanted.items():
        if station in arrived:
            continue
        sizes, why = await _look(context, one)
        if not why and (one.kind == "module" or sizes == looks.get(station)):
            arrived[station] = list(sizes)
        else:
            missing[station] = why or "not looked at twice yet"
            if not why and looks.get(station):
                missing[station] = "its data are still growing"
        looks[station] = sizes
    return missing


def _missed(context: Context) -> set[str]:
    """Stations that were waited for to the end before: what has come since is taken, and nothing else waited for."""
    lines = [line for line in context.record.lines if line.step == context.step]
    done = [line for line in lines if line.state == "done" and line.fingerprint == lines[-1].fingerprint]
    return {str(row["station"]) for row in done[-1].outputs.get("missing", [])} if done else set()


async def come_late(context: Context, known: Outputs) -> Done:
    """Which of the stations that were missing are there now."""
    missed = {str(row["station"]) for row in known.get("missing", [])}
    if not missed:
        return Done({})
    orders = parse_v2d(read_text(context.outputs["eop"]["v2d"]))
    wanted = {name: one for name, one in _wanted(context, orders).items() if name in missed}
    looks: dict[str, dict[str, int]] = {}
    arrived: dict[str, list[str]] = {}
    await _looked_for(context, wanted, looks, arrived)
    if any(looks.values()):
        await context.look_again()
        await _looked_for(context, wanted, looks, arrived)
    there = sorted(arrived)
    return Done({"late": there} if there else {}, f"data of {', '.join(there)} have arrived" if there else "")


def _may_be_there(why: str) -> bool:
    return why == "not looked at twice yet"


def _patience(context: Context, one: StationData) -> float:
    return context.recipe.wait_s if one.wait_s is None else one.wait_s


def _wanted(context: Context, orders: V2d) -> dict[str, StationData]:
    """What is to be there of each station that is correlated."""
    given = {one.station.upper(): one for one in context.recipe.data}
    blocks = {name.upper(): block for name, block in orders.antennas.items()}
    found = dict[str, StationData]()
    for station in context.outputs["schedule"]["stations"]:
        if (one := given.get(station.upper())) is not None:
            found[station] = replace(one, station=station, pattern=context.named(one.pattern))
            continue
        files, lists, modules = _named_data(orders, blocks.get(station.upper()))
        if files:
            found[station] = StationData(station, "\n".join(files))
        elif lists:
            found[station] = StationData(station, "\n".join(lists), "filelist")
        else:
            found[station] = StationData(station, " ".join(modules) or NOWHERE, "module")
    return found


def _named_data(orders: V2d, block: V2dParameters | None) -> tuple[list[str], list[str], list[str]]:
    """Files, lists and modules that the ``.v2d`` names for a station, in its block or in those of its datastreams."""
    if block is None:
        return [], [], []
    streams = [orders.datastreams[name] for name in block.words("datastreams") if name in orders.datastreams]
    files, lists, modules = (
        [word for one in (block, *streams) for word in one.words(name)]
        for name in ("file", "filelist", "module")
    )
    return files, lists, modules


async def _look(context: Context, one: StationData) -> tuple[dict[str, int], str]:
    """Sizes of the recordings of a station, and what is wrong with them."""
    if one.kind == "module":
        return {}, await look_at_modules(context, one)
    patterns = one.pattern.split("\n")
    if one.kind == "filelist":
        patterns, why = await _listed(context, patterns)
        if why:
            return {}, why
    sizes = dict[str, int]()
    for pattern in patterns:
        try:
            listed = await context.difx.ls(pattern)
        except RemoteFileNotFound:
            return sizes, f"{pattern} is not there"
        for path, size, kind in zip(listed["path"], listed["size"], listed["type"], strict=True):
            if kind == "directory":
                continue
            sizes[str(path)] = int(size)
            if not size:
                return sizes, f"{path} is empty"
    return sizes, "" if sizes else f"{patterns[0]} holds no recording"


async def _listed(context: Context, lists: list[str]) -> tuple[list[str], str]:
    """Recordings that lists name, and what is wrong with a list."""
    found = list[str]()
    for path in lists:
        try:
            text = (await context.difx.get_file(path)).decode("utf-8", "replace")
        except RemoteFileNotFound:
            return [], f"the list {path} is not there"
        rows = [line.split("#")[0].split() for line in text.splitlines()]
        named = [row[0] for row in rows if row]
        if not named:
            return [], f"the list {path} is empty"
        if relative := [one for one in named if not one.startswith("/")]:
            return [], f"the list {path} names {relative[0]}, which does not begin with /"
        found += named
    return found, ""
