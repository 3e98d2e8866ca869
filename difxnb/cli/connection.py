# SPDX-License-Identifier: GPL-3.0-or-later
"""What commands that connect share: their options, and a connection that an interrupt leaves at once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

if TYPE_CHECKING:
    from difxnb.notebook import Correlator

LEAVE_S = 0.3
"""Seconds that saying goodbye may take. Nothing depends on it: these commands start no jobs."""

Host: TypeAlias = Annotated[
    str | None,
    typer.Option(help="Where guiServer runs. Default: DIFX_CONTROL_HOST, the configuration file, localhost."),
]
Port: TypeAlias = Annotated[
    int | None,
    typer.Option(
        min=1, max=65535, help="Its TCP port. Default: DIFX_CONTROL_PORT, the configuration file, 50200."
    ),
]
Ssh: TypeAlias = Annotated[
    str | None,
    typer.Option(metavar="GATEWAY", help="Go through this ssh gateway: user@host, host:port or its name."),
]
Timeout: TypeAlias = Annotated[
    float, typer.Option(min=0.1, metavar="SECONDS", help="Seconds that connecting may take.")
]
TokenFile: TypeAlias = Annotated[
    Path | None, typer.Option(help="File with the access token, for a server that wants one.")
]
Once: TypeAlias = Annotated[bool, typer.Option("--once", help="Show what there is once, and end.")]
Json: TypeAlias = Annotated[bool, typer.Option("--json", help="Print JSON, one object on a line.")]


@contextmanager
def connected(
    host: str | None, port: int | None, ssh: str | None, timeout: float, token_file: Path | None
) -> Iterator[Correlator]:
    """A connection; it is left within a moment whatever happens.

    Raises
    ------
    DifxError
        As :func:`difxnb.connect`.
    """
    from difxnb.notebook import connect

    difx = connect(host, port, ssh=ssh, timeout=timeout, token_file=token_file)
    try:
        yield difx
    finally:
        leaving = threading.Thread(target=difx.close, kwargs={"force": True}, daemon=True)
        leaving.start()
        leaving.join(LEAVE_S)
