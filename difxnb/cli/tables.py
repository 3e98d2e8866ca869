# SPDX-License-Identifier: GPL-3.0-or-later
"""``difxnb table``: any file of a job as a table."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from difxnb.cli.connection import Json
from difxnb.cli.printed import print_frame
from difxnb.cli.program import app, told_in_a_line

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

_READERS = {
    "input": "read_input",
    "calc": "read_calc",
    "im": "read_im",
    "difxlog": "read_difxlog",
    "flag": "read_flag",
    "machines": "read_machines",
    "threads": "read_threads",
    "joblist": "read_joblist",
    "polyco": "read_polyco",
    "binconfig": "read_binconfig",
    "channelflags": "read_channelflags",
    "pcal": "read_pcal",
    "switchedpower": "read_switched_power",
}
_OF_SEVERAL = ("input", "calc")


@app.command(short_help="Show a file of a job as a table.")
def table(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A file on this machine.")],
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="[TABLE]",
            help="Of an .input: products, freqs, telescopes, datastreams, …; of a .calc: scans, telescopes, …",
        ),
    ] = None,
    kind: Annotated[
        str | None,
        typer.Option("--kind", "-k", metavar="KIND", help="What it is, where its name does not say so."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Show an .input, .calc, .im, .difxlog, .flag, .machines, .threads, .joblist or .polyco as a table.

    Files of pulsar bins and channel flags, tones (PCAL_*) and switched power (SWITCHEDPOWER_*) as well: their kinds are
    binconfig, channelflags, pcal and switchedpower. JSON is in SI units.

    difxnb table exp_1.input telescopes

    difxnb table exp_1.difx/PCAL_60310_043200_BB --json
    """
    with told_in_a_line():
        print_frame(_frame(file, _kind_of(file, kind), name), as_json=as_json)


def _kind_of(file: Path, kind: str | None) -> str:
    known = kind or file.suffix.removeprefix(".") or file.name.partition("_")[0]
    if known.lower() not in _READERS:
        raise ValueError(f"what is {file}? --kind says so; there are {', '.join(_READERS)}")
    return known.lower()


def _frame(file: Path, kind: str, name: str | None) -> pd.DataFrame:
    import difxnb

    if name is not None and kind not in _OF_SEVERAL:
        raise ValueError(f"a file of the kind {kind} is one table")
    found: Any = getattr(difxnb, _READERS[kind])(file)
    if kind == "pcal":
        return _tones(found)
    if kind == "switchedpower":
        frame: pd.DataFrame = found
    else:
        frame = found.frame() if name is None else found.frame(name)
    return frame


def _tones(found: xr.Dataset) -> pd.DataFrame:
    """A row for each tone that was measured: complex numbers are neither JSON nor read easily."""
    import numpy as np

    rows = found["PHASE_CAL"].to_dataframe().dropna(subset="PHASE_CAL").reset_index()
    values = rows.pop("PHASE_CAL").to_numpy()
    return rows.assign(amplitude=np.abs(values), phase=np.angle(values))
