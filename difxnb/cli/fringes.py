# SPDX-License-Identifier: GPL-3.0-or-later
"""``difxnb fringe``: fringes of a job that was correlated."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from difxnb.cli.at_hand import JobHere, at_hand
from difxnb.cli.connection import USUAL, Json, Server
from difxnb.cli.printed import frame_data, print_json, print_rows, say
from difxnb.cli.program import NOT_FINE, app, told_in_a_line
from difxnb.cli.watching import selection

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

_KEYS = ("antenna", "baseline", "band", "frequency", "polarization", "scan", "source")
_HEADS = ("scan", "source", "baseline", "band", "pol", "fringe", "SNR", "delay ns", "rate ps/s", "phase °")


@app.command(short_help="Fit fringes of a correlated job.")
def fringe(
    job: JobHere,
    by: Annotated[
        str, typer.Option(metavar="LENGTH", help="One fit per 'scan', per '10s', or per 'integration'.")
    ] = "scan",
    select: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=VALUE", help="Fit some data, as antenna=AA; values may have commas."),
    ] = None,
    multiband: Annotated[bool, typer.Option("--multiband", help="One delay for all bands.")] = False,
    found: Annotated[bool, typer.Option("--found", help="Leave out rows without a fringe.")] = False,
    as_json: Json = False,
    at: Server = USUAL,
) -> None:
    """Fit delay, rate and phase per scan, baseline, band and polarization. The status is 3 where no fringe is found.

    Keys of --select are antenna, baseline (AA-BB), band (a number), frequency (MHz), polarization, scan, source. JSON
    is in SI units.

    difxnb fringe /data/exp/exp_1.difx

    difxnb fringe exp_1.input --by 10s --select antenna=AA --json
    """
    with told_in_a_line():
        wanted = selection(select or []) or {}
        if unknown := sorted(wanted.keys() - set(_KEYS)):
            raise ValueError(f"there is no key {unknown[0]!r}; there are {', '.join(_KEYS)}")
        with at_hand(job, at) as source:
            rows = _fit(source, by, wanted, multiband=multiband)
        is_found = rows["found"].astype(bool)
        shown = rows[is_found] if found else rows
        if as_json:
            print_json(frame_data(shown))
        else:
            print_rows(_cells(shown), _HEADS, right=_HEADS[6:])
            say(f"{int(is_found.sum())} of {len(rows)} have a fringe")
        raise typer.Exit(0 if is_found.any() else NOT_FINE)


def _fit(source: str | xr.Dataset, by: str, wanted: dict[str, Any], *, multiband: bool) -> pd.DataFrame:
    from difxnb.visibility import open_visibilities
    from difxnb.visibility.fits import fringe_fit
    from difxnb.visibility.fits.columns import NOT_DETECTED

    data = open_visibilities(source) if isinstance(source, str) else source
    for key, value in wanted.items():
        data = _selected(data, key, value if isinstance(value, list) else [value])
    rows = fringe_fit(data, by, multiband=multiband)
    rows["found"] = rows["false_alarm_probability"] <= NOT_DETECTED
    return rows


def _selected(data: xr.Dataset, key: str, values: list[Any]) -> xr.Dataset:
    from difxnb.visibility.accessor import selecting

    if key == "frequency":
        if len(values) > 1:
            raise ValueError("one frequency is selected at a time")
        return selecting.band(data, frequency=values[0])
    if key == "baseline":
        if len(values) > 1:
            raise ValueError("one baseline is selected at a time; antenna=AA,BB selects several")
        first, _, second = values[0].partition("-")
        return selecting.baseline(data, first, second or None)
    chosen: xr.Dataset = getattr(selecting, key)(data, *values)
    return chosen


def _cells(rows: pd.DataFrame) -> Iterator[tuple[Any, ...]]:
    for row in rows.to_dict("records"):
        yield (
            *(row["scan"], row["source"], row["baseline"], row.get("band", "all"), row["polarization"]),
            "yes" if row["found"] else "no",
            f"{row['snr']:.1f}",
            f"{row['delay'] * 1e9:+.3f}",
            f"{row['delay_rate'] * 1e12:+.3f}",
            f"{math.degrees(row['phase']):+.1f}",
        )
