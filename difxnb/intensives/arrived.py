# SPDX-License-Identifier: GPL-3.0-or-later
"""What follows when all stations have arrived, or their time is over: a ``.v2d`` for those that are there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from difxnb.errors import ConnectionLost, DifxError, NoReply
from difxnb.formats.v2d import V2d
from difxnb.intensives.modules import copied_off, listed
from difxnb.intensives.recipe import StationData
from difxnb.intensives.steps import Context, Done, NotThereYet, Outputs

_NEXT = "put the data there and take the session up again"


async def settled(
    context: Context,
    orders: V2d,
    wanted: Mapping[str, StationData],
    arrived: Mapping[str, list[str]],
    missing: Mapping[str, str],
) -> Done:
    """Orders for the stations that are there."""
    rows = {name: f"not arrived: {why}" for name, why in missing.items()}
    _require_enough(context, wanted, rows)
    given = {one.station.upper() for one in context.recipe.data}
    for name, files in arrived.items():
        if name.upper() not in given:
            continue
        try:
            orders = await _with_data(context, orders, wanted[name], files)
        except (ConnectionLost, NoReply):
            raise
        except DifxError as error:  # of its recorder or its files; the others are correlated without it
            rows[name] = f"its data could not be taken: {error}"
    found = _require_enough(context, wanted, rows)
    if rows:
        orders = _without(orders, context.outputs["schedule"]["stations"], rows)
    kept = context.keep_new_text(f"{context.numbered(context.stem)}-there.v2d", orders.text)
    said = [f"left out: {'; '.join(f'{name} {why}' for name, why in rows.items())}"] if rows else []
    said += _few(context, wanted, {name: files for name, files in arrived.items() if name not in rows})
    return Done({**found, "v2d": kept}, "; ".join(said))


def _few(context: Context, wanted: Mapping[str, StationData], arrived: Mapping[str, list[str]]) -> list[str]:
    """Stations with fewer recordings than scans: one may hold several, or the last have not been copied yet."""
    observed = [str(names).upper().split() for names in context.vex().scans()["stations"]]
    found = list[str]()
    for name, files in arrived.items():
        scans = sum(name.upper() in names for names in observed)
        if wanted[name].kind != "module" and len(files) < scans:
            found.append(f"{name} has {len(files)} recordings for {scans} scans: look whether they hold all")
    return found


def _require_enough(context: Context, wanted: Iterable[str], rows: Mapping[str, str]) -> Outputs:
    """Who is there; NotThereYet where nothing can be done without those who are not."""
    there = [name for name in wanted if name not in rows]
    found = {
        "arrived": there,
        "missing": [{"station": name, "why": why} for name, why in rows.items()],
    }
    said = "; ".join(f"{name} {why}" for name, why in rows.items())
    if rows and context.recipe.on_missing == "stop":
        raise NotThereYet(f"{said} ({_NEXT})", found)
    if len(there) < 2:
        raise NotThereYet(
            f"data of {len(there)} stations are there, and two are needed: {said} ({_NEXT})", found
        )
    return found


async def _with_data(context: Context, orders: V2d, one: StationData, files: list[str]) -> V2d:
    """Orders that name the data of a station, where they are now."""
    if one.kind == "filelist":
        return orders.with_files(one.station, filelist=one.pattern)
    if one.kind == "module" and not one.copy_to:
        return orders.with_files(one.station, module=one.pattern.rpartition(":")[2])
    if context.only_looks and (one.copy_to or one.list_as):
        return orders
    there = await copied_off(context, one) if one.kind == "module" else files
    if one.list_as:
        return orders.with_files(one.station, filelist=await listed(context, one, there))
    return orders.with_files(one.station, files=there)


def _without(orders: V2d, stations: list[str], missing: Iterable[str]) -> V2d:
    """Orders without some stations, and without the hosts that were to read their data."""
    out = {name.upper() for name in missing}
    hosts = orders.words("machines")
    shorter = orders.without(*missing)
    if len(hosts) > 1 + len(stations):  # the head node, one for each station, and those that compute
        left_out = {place for place, name in enumerate(stations, start=1) if name.upper() in out}
        shorter["machines"] = [host for place, host in enumerate(hosts) if place not in left_out]
    return shorter
