# SPDX-License-Identifier: GPL-3.0-or-later
"""A job that is to be looked at: its files here, or fetched from a server into a directory that goes afterwards."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from difxnb.cli.connection import Server, connected

if TYPE_CHECKING:
    import xarray as xr

JobHere = Annotated[
    str,
    typer.Argument(
        metavar="JOB",
        help="An .input file or .difx folder here; of a server where --host, --port or --ssh name one.",
    ),
]


@contextmanager
def at_hand(job: str, at: Server) -> Iterator[str | xr.Dataset]:
    """A job as checks and reports take it: its name here, or its visibilities from a server.

    Raises
    ------
    DifxError, ValueError
        As :func:`difxnb.connect` and `Job.visibilities`.
    """
    if not at.is_named:
        yield job
        return
    input_file = job if job.endswith(".input") else f"{job.rstrip('/').removesuffix('.difx')}.input"
    with (
        tempfile.TemporaryDirectory(prefix="difxnb-") as directory,
        connected(at, gently=True) as difx,
    ):
        yield difx.job(input_file).visibilities(directory, progress=False)
