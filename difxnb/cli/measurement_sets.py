# SPDX-License-Identifier: GPL-3.0-or-later
"""``difxnb msv4``: visibilities for programs that read Measurement Sets of version 4."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from difxnb.cli.at_hand import JobHere, at_hand
from difxnb.cli.connection import USUAL, DryRun, Json, Server
from difxnb.cli.printed import print_json, say
from difxnb.cli.program import app, told_in_a_line

if TYPE_CHECKING:
    import xarray as xr


class Split(StrEnum):
    """By what else Measurement Sets are parted."""

    field = "field"
    scan = "scan"


@app.command(short_help="Write visibilities as Measurement Sets.")
def msv4(
    job: JobHere,
    to: Annotated[Path, typer.Argument(metavar="FOLDER", help="A new folder here; none is written over.")],
    split: Annotated[
        list[Split] | None, typer.Option(help="Make Measurement Sets of their own for each; may be repeated.")
    ] = None,
    dry_run: DryRun = False,
    as_json: Json = False,
    at: Server = USUAL,
) -> None:
    """Write a processing set in zarr, as 'xradio.measurement_set.open_processing_set' opens it. Needs the extra zarr.

    difxnb msv4 exp_1.difx exp_1.zarr

    difxnb msv4 exp_1.input exp_1.zarr --split field --dry-run
    """
    with told_in_a_line():
        _require_new(to)
        with at_hand(job, at) as source:
            tree = _arranged(source, [str(one) for one in split or []])
            if not dry_run:
                _require_zarr()
                tree.to_zarr(to, mode="w-", zarr_format=2)
        sets = {name: dict(one.sizes) for name, one in tree.children.items()}
        if as_json:
            print_json({"deed": "write", "path": str(to), "sets": sets, "done": not dry_run})
            return
        for name, sizes in sets.items():
            shape = ", ".join(f"{size} {axis}" for axis, size in sizes.items())
            say(f"{'would write ' if dry_run else ''}{to}/{name}: {shape}")


def _arranged(source: str | xr.Dataset, split: list[str]) -> xr.DataTree:
    from difxnb.visibility import open_visibilities
    from difxnb.visibility.msv4.tree import to_msv4

    return to_msv4(open_visibilities(source) if isinstance(source, str) else source, split=split)


def _require_new(folder: Path) -> None:
    if folder.exists() or folder.is_symlink():
        raise FileExistsError(f"{folder} is there already; nothing is written over")
    if not folder.absolute().parent.is_dir():
        raise FileNotFoundError(
            f"there is no directory {folder.absolute().parent} to write {folder.name} into"
        )


def _require_zarr() -> None:
    from importlib.util import find_spec

    if find_spec("zarr") is None:
        raise OSError("zarr is not installed: pip install 'difxnb[zarr]'")
