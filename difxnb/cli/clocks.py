# SPDX-License-Identifier: GPL-3.0-or-later
"""``difxnb clocks``: the clocks that fringes ask for, and the files that set them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from difxnb.cli.at_hand import at_hand
from difxnb.cli.connection import USUAL, DryRun, Json, Server
from difxnb.cli.printed import frame_data, print_json, say
from difxnb.cli.program import app, told_in_a_line

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from difxnb.clock.edits import ClockEdits


@app.command(short_help="Say what the clocks are, and correct them.")
def clocks(
    jobs: Annotated[
        list[str],
        typer.Argument(
            metavar="JOB...",
            help="Files of .input or .difx here; of a server where --host, --port or --ssh name one.",
        ),
    ],
    reference: Annotated[
        str | None,
        typer.Option("--reference", "-r", metavar="AA", help="The station whose clock is right."),
    ] = None,
    input_file: Annotated[
        Path | None, typer.Option("--input", metavar="FILE", help="Take what is late out of this .input.")
    ] = None,
    v2d: Annotated[Path | None, typer.Option(metavar="FILE", help="Out of this .v2d.")] = None,
    vex: Annotated[Path | None, typer.Option(metavar="FILE", help="Out of this .vex.")] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Write these files; else only how they would differ is shown.")
    ] = False,
    dry_run: DryRun = False,
    as_json: Json = False,
    at: Server = USUAL,
) -> None:
    """Solve for the clocks of stations from the fringes of jobs; late is positive, JSON is in SI units.

    Give the files that the jobs were made with, and write them once: a second time it would be taken out twice.

    difxnb clocks exp_1.difx --reference WZ

    difxnb clocks exp_1.difx --v2d exp.v2d

    difxnb clocks exp_1.difx --v2d exp.v2d --overwrite
    """
    files = {"input": input_file, "v2d": v2d, "vex": vex}
    named = {name: path for name, path in files.items() if path is not None}
    if overwrite and not named:
        raise typer.BadParameter("name the files: --input, --v2d or --vex", param_hint="--overwrite")
    with told_in_a_line():
        import pandas as pd

        from difxnb.clock.search import clock_search

        fringes = []
        for job in jobs:
            with at_hand(job, at) as source:
                fringes.append(_fringes(source))
        solution = clock_search(pd.concat(fringes, ignore_index=True), reference)
        edits = solution.edits(**named) if named else None
        written = edits.write(overwrite=True) if edits is not None and overwrite and not dry_run else []
        if as_json:
            facts = {"reference": solution.reference, "undetermined": dict(solution.undetermined)}
            print_json({**facts, **_told(edits, written), **frame_data(solution.frame())})
            return
        say(repr(solution))
        for edit in edits or ():
            say(edit.diff or f"nothing changes in {edit.path}")
        for path in written:
            say(f"wrote {path}")


def _fringes(source: str | xr.Dataset) -> pd.DataFrame:
    from difxnb.visibility import open_visibilities
    from difxnb.visibility.fits import fringe_fit

    return fringe_fit(open_visibilities(source) if isinstance(source, str) else source)


def _told(edits: ClockEdits | None, written: list[Path]) -> dict[str, object]:
    changed = [edit for edit in edits or () if edit.before != edit.after]
    diffs = [{"path": edit.path, "diff": edit.diff, "done": edit.path in written} for edit in changed]
    return {"edits": diffs}
