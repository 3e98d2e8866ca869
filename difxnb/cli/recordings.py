# SPDX-License-Identifier: GPL-3.0-or-later
"""``difxnb coverage`` and ``filelist``: recordings against a schedule, and lists of them for a ``.v2d``."""

from __future__ import annotations

from typing import Annotated

import typer

from difxnb.cli.connection import USUAL, DryRun, Json, Server, connected
from difxnb.cli.files import tell
from difxnb.cli.printed import complain, print_frame
from difxnb.cli.program import NOT_FINE, app, told_in_a_line

_COVERED = ("scan", "station", "start", "needed", "recorded", "share", "state", "note")


@app.command(short_help="Say what of a schedule was recorded.")
def coverage(
    vex: Annotated[str, typer.Argument(metavar="FILE.vex", help="The schedule: on the server, or here.")],
    media: Annotated[
        list[str],
        typer.Argument(
            metavar="STATION=MEDIUM...",
            help="RECORDER:VSN, or a list of files or directory of a module on the server; more by commas.",
        ),
    ],
    slack: Annotated[
        float, typer.Option(min=0, metavar="SECONDS", help="What may be missing at the ends of a scan.")
    ] = 5.0,
    wait: Annotated[
        float, typer.Option(min=1, metavar="SECONDS", help="Seconds that a recorder may take.")
    ] = 60.0,
    as_json: Json = False,
    at: Server = USUAL,
) -> None:
    """Hold scans of a schedule against modules and lists of files. The status is 3 where something is missing.

    Of stations that are not named nothing is known, which is no fault.

    difxnb coverage /data/e/e.vex WZ=mark5-03:VSN+0123 KK=/data/kk.filelist
    """
    with told_in_a_line():
        wanted = _media(media)
        with connected(at, gently=True) as difx:
            table = difx.coverage(vex, wanted, slack=slack, timeout=wait)
        for row in table.attrs["failed"].to_dict("records"):
            complain(f"{row['station']} {row['medium']}: {row['why']}")
        print_frame(table, as_json=as_json, columns=_COVERED)
        is_fine = table["state"].isin(("complete", "nothing known")).all() and table.attrs["failed"].empty
        raise typer.Exit(0 if is_fine else NOT_FINE)


def _media(words: list[str]) -> dict[str, list[str]]:
    media: dict[str, list[str]] = {}
    for word in words:
        station, equals, names = word.partition("=")
        if not (station and equals and names):
            raise ValueError(f"{word!r} is not STATION=MEDIUM, such as WZ=mark5-03:VSN+0123")
        media.setdefault(station, []).extend(one.strip() for one in names.split(",") if one.strip())
    return media


@app.command(short_help="List recordings with their times.")
def filelist(
    files: Annotated[
        list[str], typer.Argument(metavar="FILE...", help="Recordings on the server, or patterns.")
    ],
    data_format: Annotated[
        str, typer.Option("--format", "-f", metavar="FORMAT", help="As VDIF, MARK5B, MKIV or VLBA begins.")
    ],
    mjd: Annotated[int, typer.Option(metavar="DAY", help="A day near the recordings, as 60000.")],
    to: Annotated[
        str | None, typer.Option(metavar="PATH", help="The list, on the server; or give --v2d and --antenna.")
    ] = None,
    v2d: Annotated[
        str | None, typer.Option(metavar="PATH", help="Have this .v2d of the server name the list.")
    ] = None,
    antenna: Annotated[
        str | None, typer.Option("--antenna", metavar="AA", help="Whose recordings they are, in that .v2d.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a list that is there.")] = False,
    wait: Annotated[float, typer.Option(min=1, metavar="SECONDS", help="Seconds that it may take.")] = 600.0,
    dry_run: DryRun = False,
    as_json: Json = False,
    at: Server = USUAL,
) -> None:
    """Write a list of recordings for vex2difx; with --v2d and --antenna straight into a .v2d, whose old text is kept.

    difxnb filelist "/d/*.vdif" -f VDIF --mjd 60000 --to /d/d.filelist

    difxnb filelist "/d/*.vdif" -f VDIF --mjd 60000 --v2d /d/e.v2d --antenna KK
    """
    if (to is None) == (v2d is None) or (v2d is None) != (antenna is None):
        raise typer.BadParameter("give either --to, or --v2d and --antenna")
    progress = False if as_json else complain
    with told_in_a_line(), connected(at, gently=True) as difx:
        paths = [str(path) for name in files for path in difx.ls(name)["path"]]
        if dry_run:
            for path in paths:
                tell("list", path, to or v2d, dry_run=True, as_json=as_json)
        elif to is not None:
            listed = difx.file_list(paths, to, data_format, mjd, overwrite, timeout=wait, progress=progress)
            print_frame(listed, as_json=as_json)
        elif v2d is not None and antenna is not None:
            listed = difx.list_recordings(
                v2d, antenna, paths, data_format, mjd, overwrite=overwrite, timeout=wait, progress=progress
            )
            print_frame(listed, as_json=as_json)
