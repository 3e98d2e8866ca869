# SPDX-License-Identifier: GPL-3.0-or-later
"""What jobs leave behind on the server: the last word of their logs, and output that is in the way.

Mirrors guiserver.md 7.12, and 7.4 for where output goes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from difxnb.client.job_status import status_report
from difxnb.client.placement import base_name
from difxnb.client.remote_files import look, ls_entries
from difxnb.client.remote_moves import move
from difxnb.client.session import Session
from difxnb.errors import OutputExists, RemoteFileNotFound
from difxnb.wire.status import JobStatusRecord


async def clear_output(session: Session, output: str, *, overwrite: bool) -> str | None:
    """Make sure that nothing is where a job is going to write.

    What is there is moved to the first free name ``JOB.difx.1``, ``JOB.difx.2``…; nothing is deleted, and
    guiServer's own ``force``, which deletes, is never used.

    Returns
    -------
    str or None
        Where the old output is now; None where there was none.

    Raises
    ------
    OutputExists
        There is some, and `overwrite` is False.
    """
    output = output.rstrip("/")
    if await look(session, output) is None:
        return None
    if not overwrite:
        raise OutputExists(f"{output} exists on {session.peer}; overwrite=True moves it aside")
    try:
        taken = {entry.path for entry in await ls_entries(session, f"{output}.*")}
    except RemoteFileNotFound:
        taken = set()  # it never was moved aside before
    number = 1
    while f"{output}.{number}" in taken:
        number += 1
    await move(session, output, f"{output}.{number}")
    return f"{output}.{number}"


@dataclass(frozen=True, slots=True)
class JobTraces:
    """What a job has left on the server so far.

    Attributes
    ----------
    status : JobStatusRecord or None
        The last state in its log; None where the server knows no such job.
    server_time : str or None
        Local time of the server now, in the form of the log's own times.
    log_size, output_size : int or None
        Bytes of its log, and of the files in its output; None where there is none.
    """

    status: JobStatusRecord | None
    server_time: str | None
    log_size: int | None
    output_size: int | None


async def look_at_job(session: Session, input_file: str, outputs: Sequence[str]) -> JobTraces:
    """Look at a job's status, log and outputs; errors as those of `status_report` and `ls_entries`."""
    reply = await status_report(session, input_file)
    log = await look(session, f"{base_name(input_file)}.difxlog")
    return JobTraces(
        next((record for record in reply.records if record.input_file == input_file), None),
        reply.server_time or None,
        None if log is None else log.size,
        await output_size(session, outputs),
    )


async def output_size(session: Session, outputs: Sequence[str]) -> int | None:
    """Bytes in the files of a job's outputs; None where there are none. Errors as those of `ls_entries`."""
    sizes = [await _size(session, output) for output in outputs]
    found = [size for size in sizes if size is not None]
    return sum(found) if found else None


async def _size(session: Session, output: str) -> int | None:
    try:
        return sum(entry.size for entry in await ls_entries(session, output))
    except RemoteFileNotFound:
        return None  # it has not written yet, or what was there was moved aside
