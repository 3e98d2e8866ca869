# SPDX-License-Identifier: GPL-3.0-or-later
"""The first step: the schedule and the ``.v2d`` are fetched as soon as both are there and whole.

Whoever copies a file writes it bit by bit. So each is taken when two looks have found the same, and one that ends in
the middle of something is waited for as one that is not there yet.
"""

from __future__ import annotations

import asyncio
import difflib
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import numpy as np
import pandas as pd

from difxnb.aio.experiment_orders import Named, find_orders, fitted
from difxnb.aio.experiment_sources import Source, find_source, is_text
from difxnb.errors import ConnectionLost, FileFormatError, NoReply
from difxnb.formats.v2d import V2d, parse_v2d
from difxnb.formats.v2d_block import V2dParameters
from difxnb.formats.v2d_templates import V2dTemplate
from difxnb.formats.vex import Vex, parse_vex
from difxnb.intensives.steps import Context, Done, NotThereYet, StepFailed, clock_words

_FETCH_S = 60.0
_LATER = ("no clock", "no eop", "eop outside", "eop twice", "few eop")
"""Problems of a schedule or ``.v2d`` that a later step may mend."""
_CUT = ("missing block", "no scans", "no line end")
"""Problems of a file of which only the beginning is there."""


class _NotYet(Exception):
    """What is waited for is not there, or not whole."""


@dataclass(frozen=True, slots=True)
class _Texts:
    """The schedule, and the ``.v2d`` or the template of it."""

    schedule: Source
    orders: Source

    def same(self, other: _Texts | None) -> bool:
        """Whether another look has found the same."""
        return other is not None and (
            (self.schedule.content, self.orders.content) == (other.schedule.content, other.orders.content)
        )


def schedule_inputs(context: Context) -> Mapping[str, Any]:
    """What the schedule and the orders come from."""
    recipe = context.recipe
    return {
        "schedule": context.named(recipe.schedule),
        "v2d": None if recipe.v2d is None else context.named(recipe.v2d),
        "template": None if recipe.template is None else context.named(recipe.template),
        "variables": {name: str(value) for name, value in recipe.variables.items()},
        "stations": recipe.stations,
        "newest": recipe.newest,
    }


async def take_schedule(context: Context) -> Done:
    """Fetch the schedule and the ``.v2d``, and look whether jobs can be made of them."""
    until = time.monotonic() + context.recipe.wait_s
    latest = clock_words(context.recipe.wait_s)
    seen: _Texts | None = None
    while True:
        why = ""
        try:
            texts = await _texts(context)
            if texts.same(seen):
                done = await _taken(context, texts)
                context.go_on()
                return done
            why = "" if seen is None else "the schedule or the .v2d is still being written"
            seen = texts
        except _NotYet as error:
            seen, why = None, str(error)
        if why:
            if time.monotonic() >= until:
                raise NotThereYet(f"{why} (put it there whole, and take the session up again)")
            context.wait(f"{why}; waited for until {latest} at most")
        await context.look_again()


# --- what is there -----------------------------------------------------------------------------------------------


async def _texts(context: Context) -> _Texts:
    recipe = context.recipe
    schedule = await _found(context, recipe.schedule, "schedule")
    if recipe.template is not None:
        return _Texts(schedule, await _found(context, recipe.template, "template"))
    return _Texts(schedule, await _found(context, recipe.v2d or "", "v2d file"))


async def _found(context: Context, given: str, what: str) -> Source:
    try:
        return await find_source(context.difx, context.named(given), what, _FETCH_S)
    except (ConnectionLost, NoReply):
        raise
    except OSError as error:
        if not isinstance(error, FileNotFoundError) and not given.startswith(("http://", "https://")):
            raise
        raise _NotYet(f"no {what}: {error}") from error


async def _taken(context: Context, texts: _Texts) -> Done:
    source, recipe = texts.schedule, context.recipe
    try:
        vex = await asyncio.to_thread(parse_vex, source.text, source.path or source.name or "schedule")
    except FileFormatError as error:
        raise _not_whole(recipe.schedule, f"the schedule is not whole, or none: {error}") from error
    _require_sound(vex.problems(), "the schedule", recipe.schedule, source.note)
    _require_new(context, vex)
    stations = list(vex.stations()["station"])
    for name in (*recipe.stations, *(one.station for one in recipe.data)):
        _require_station(name, stations)
    stem = context.numbered(context.stem)
    name = f"{stem}.vex"
    given = recipe.v2d or recipe.template or ""
    try:
        orders = await _orders(context, vex, name, texts)
    except FileFormatError as error:
        raise _not_whole(given, f"the .v2d is not whole, or none: {error}") from error
    _require_sound(orders.problems(vex), "the .v2d", given, texts.orders.note)
    kept = context.keep_text(name, source.text)
    return Done(
        {
            "vex": kept,
            "v2d": context.keep_text(f"{stem}-orders.v2d", orders.text),
            "source": source.path or source.note,
            "start": pd.Timestamp(vex.start),
            "stop": pd.Timestamp(vex.stop),
            "stations": list(orders["antennas"]) if "antennas" in orders else stations,
            "scans": len(vex.scans()),
        }
    )


def _not_whole(given: str, why: str) -> Exception:
    """What is to follow on a text that ends too early: it may grow, unless it stands in the recipe."""
    return StepFailed(why) if is_text(given) else _NotYet(why)


# --- the .v2d ----------------------------------------------------------------------------------------------------


async def _orders(context: Context, vex: Vex, name: str, texts: _Texts) -> V2d:
    recipe, source = context.recipe, texts.orders
    if recipe.template is None:
        orders = parse_v2d(source.text)
    else:
        template = V2dTemplate(source.text, source.path or source.name or None)
        named = Named(name, texts.schedule.note)
        orders, _ = await find_orders(context.difx, (vex, named), template, None, recipe.variables, _FETCH_S)
    path = str(context.directory / f"{context.stem}.v2d")
    orders = fitted(orders, vex, name, path, recipe.stations or None, ())
    if "jobSeries" in orders:
        del orders["jobSeries"]  # jobs are called after the files of the session
    # A .v2d means files beside it; of what comes from elsewhere, files beside the schedule are meant.
    beside = source.path if source.path and recipe.template is None else texts.schedule.path
    return _from_the_root(orders, beside)


def _from_the_root(orders: V2d, beside: str | None) -> V2d:
    """The same for a file in another directory: recordings that it names are where they were."""
    orders = orders.changed(orders.text)
    for where, block, name in _relative(orders):
        words = block.words(name)
        if beside is None:
            raise StepFailed(
                f"data of {where}: {next(one for one in words if not one.startswith('/'))} is a relative path, and "
                "neither the .v2d nor the schedule is on the server: name it from / on"
            )
        block[name] = [str(PurePosixPath(beside).parent / one) for one in words]
    return orders


def _relative(orders: V2d) -> Iterator[tuple[str, V2dParameters, str]]:
    """Blocks, and the names in them, that hold paths which do not begin with /."""
    for blocks in (orders.antennas, orders.datastreams):
        for where, block in blocks.items():
            for name in ("file", "filelist"):
                if any(not one.startswith("/") for one in block.words(name)):
                    yield where, block, name


# --- what is asked of them ---------------------------------------------------------------------------------------


def _require_sound(problems: pd.DataFrame, what: str, given: str, of: str) -> None:
    errors = problems[(problems["severity"] == "error") & ~problems["kind"].isin(_LATER)]
    if errors.empty:
        return
    told = [
        f"{row['kind']}: {row['where']}: {row['text']}" + (f" ({row['fix']})" if row["fix"] else "")
        for row in errors.to_dict("records")[:5]
    ]
    said = f"{'; '.join(told)} (of {of})"
    if errors["kind"].isin(_CUT).any():
        raise _not_whole(given, f"{what} is not whole, or none: {said}")
    raise StepFailed(said)


def _require_new(context: Context, vex: Vex) -> None:
    days = context.recipe.newest
    if not days or np.isnat(vex.stop):
        return
    age = (np.datetime64(int(time.time()), "s") - vex.stop) / np.timedelta64(1, "D")
    if age > days:
        raise StepFailed(
            f"old schedule: it ended on {np.datetime_as_string(vex.stop, 'D')}, {age:.0f} days ago; "
            "newest = 0 in the recipe takes it"
        )


def _require_station(name: str, stations: Iterable[str]) -> None:
    known = {one.upper(): one for one in stations}
    if name.upper() not in known:
        near = difflib.get_close_matches(name.upper(), known, n=1, cutoff=0.5)
        hint = f"; {known[near[0]]} is the nearest name" if near else ""
        raise StepFailed(
            f"unknown station: {name} is not in the schedule, which has {', '.join(known.values())}{hint}"
        )
