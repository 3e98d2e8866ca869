# SPDX-License-Identifier: GPL-3.0-or-later
"""``difxnb vex``, ``v2d`` and ``eop``: what is in a schedule, in a ``.v2d``, in a table of Earth orientation."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from difxnb.cli.connection import Json
from difxnb.cli.printed import frame_data, print_frame, print_json, say
from difxnb.cli.program import NOT_FINE, app, told_in_a_line

if TYPE_CHECKING:
    import pandas as pd

    from difxnb.geometry import EopTable

SHOWN_DAYS = 5

Check = Annotated[
    bool, typer.Option("--check", "-c", help="What is wrong with it; status 3 where vex2difx would fail.")
]


@app.command(short_help="Show a schedule, or what is wrong with it.")
def vex(
    file: Annotated[Path, typer.Argument(metavar="FILE.vex", help="A schedule on this machine.")],
    table: Annotated[
        str,
        typer.Argument(
            metavar="[TABLE]",
            help="scans, scan_stations, stations, sources, modes, bands, clocks or eop; scans by default.",
            show_default=False,
        ),
    ] = "scans",
    mode: Annotated[str | None, typer.Option(help="Of --check: what of this mode is wrong.")] = None,
    check: Check = False,
    as_json: Json = False,
) -> None:
    """Show a table of a schedule, in VEX 1.5 or 2.0.

    difxnb vex r41234.vex

    difxnb vex r41234.vex stations --json

    difxnb vex r41234.vex --check
    """
    if mode is not None and not check:
        raise typer.BadParameter("it belongs to --check", param_hint="--mode")
    with told_in_a_line():
        from difxnb.formats.vex import read_vex

        schedule = read_vex(file)
        if check:
            _tell_problems(schedule.problems(mode), as_json=as_json)
        else:
            print_frame(schedule.frame(table), as_json=as_json)


@app.command(short_help="Show a .v2d, or what is wrong with it.")
def v2d(
    file: Annotated[Path, typer.Argument(metavar="FILE.v2d", help="A .v2d on this machine.")],
    table: Annotated[
        str,
        typer.Argument(
            metavar="[TABLE]",
            help="parameters, antennas, setups, rules or eops; parameters by default.",
            show_default=False,
        ),
    ] = "parameters",
    schedule: Annotated[
        Path | None,
        typer.Option(
            "--vex", metavar="FILE", help="Hold it against this schedule. Default: the one it names."
        ),
    ] = None,
    check: Check = False,
    defaults: Annotated[
        bool, typer.Option("--defaults", help="Every parameter of vex2difx, and what it takes here.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Show what a .v2d tells vex2difx.

    difxnb v2d r41234.v2d --check

    difxnb v2d r41234.v2d antennas

    difxnb v2d r41234.v2d --defaults
    """
    if check and defaults:
        raise typer.BadParameter("either --check or --defaults")
    with told_in_a_line():
        from difxnb.formats.v2d import read_v2d

        orders = read_v2d(file, vex=schedule)
        if check:
            _tell_problems(orders.problems(), as_json=as_json)
        elif defaults:
            print_frame(
                orders.defaults(),
                as_json=as_json,
                columns=("block", "name", "value", "taken", "unit", "text"),
            )
        else:
            print_frame(orders.frame(table), as_json=as_json)


@app.command(short_help="Show Earth orientation, and fetch it anew.")
def eop(
    source: Annotated[
        str | None,
        typer.Argument(
            metavar="[SOURCE]",
            help="A file, an address, usno_finals or iers. Default: eop of the configuration file, usno_finals.",
        ),
    ] = None,
    near: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="A time (UTC) that it must have. Default: now, as far as it goes."),
    ] = None,
    refresh: Annotated[bool, typer.Option("--refresh", help="Fetch it again in any case.")] = False,
    offline: Annotated[bool, typer.Option("--offline", help="Use the kept copy, and no network.")] = False,
    whole: Annotated[bool, typer.Option("--all", help="All days, not those around the time alone.")] = False,
    as_json: Json = False,
) -> None:
    """Show the days of Earth orientation around a time, where they are from, and how old they are.

    A table of the network is fetched once, and again when the copy is older than a week.

    difxnb eop --refresh

    difxnb eop usno_finals.erp --near 2026-11-23 --json
    """
    if refresh and offline:
        raise typer.BadParameter("either --refresh or --offline")
    with told_in_a_line():
        from difxnb.geometry import read_eop

        orientation = read_eop(source, near=near, refresh=refresh, offline=offline)
        days = orientation.table if whole else _around(orientation, near)
        facts = {
            "source": orientation.source,
            "fetched": orientation.fetched,
            "first": orientation.first,
            "last_measured": orientation.last_measured,
            "last": orientation.last,
            "age_days": orientation.age_days,
        }
        if as_json:
            print_json({**facts, **frame_data(days)})
            return
        for name, value in facts.items():
            shown = f"{value:.1f}" if name == "age_days" else str(value)[:16].replace("T", " ")
            say(f"{name:<14} {value if name == 'source' else shown}")
        print_frame(days, as_json=False)


def _around(orientation: EopTable, near: str | None) -> pd.DataFrame:
    """Some days around a time; the last ones where it does not go so far."""
    import pandas as pd

    days = orientation.table
    when = pd.Timestamp.now("UTC").tz_localize(None) if near is None else pd.Timestamp(near)
    if when.tzinfo is not None:
        when = when.tz_convert("UTC").tz_localize(None)
    after = int((days["time"] <= when).sum())
    first = max(0, min(after - (SHOWN_DAYS + 1) // 2, len(days) - SHOWN_DAYS))
    return days.iloc[first : first + SHOWN_DAYS].reset_index(drop=True)


def tell_problems(problems: pd.DataFrame, *, as_json: bool) -> None:
    """Print what is wrong; nothing where nothing is."""
    if as_json:
        print_json(frame_data(problems))
        return
    for row in problems.to_dict("records"):
        line = row["line"]
        at = f" (line {line})" if isinstance(line, int) else ""
        where = f"{row['where']}: " if row["where"] else ""
        say(f"{row['severity']}: {where}{row['text']}{at}{'; ' + row['fix'] if row['fix'] else ''}")


def _tell_problems(problems: pd.DataFrame, *, as_json: bool) -> None:
    tell_problems(problems, as_json=as_json)
    if not problems.attrs["passed"]:
        raise typer.Exit(NOT_FINE)
