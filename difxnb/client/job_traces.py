# SPDX-License-Identifier: GPL-3.0-or-later
"""What jobs leave behind on the server: the last word of their logs, and output that is in the way.

Mirrors guiserver.md 7.12, and 7.4 for where output goes.
"""

from __future__ import annotations

from difxnb.client.conversation import packets_of
from difxnb.client.patience import within
from difxnb.client.remote_files import look, ls_entries, move, require_path
from difxnb.client.session import Session
from difxnb.errors import OutputExists, RemoteFileNotFound
from difxnb.wire.control import StatusRequest, encode
from difxnb.wire.status import JobStatusRecord, StatusReader


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


async def job_status(session: Session, pattern: str) -> list[JobStatusRecord]:
    """Ask what the logs of jobs last said.

    Raises
    ------
    ValueError, UnsafeValue
        `pattern` is not the absolute path, with wildcards or without, of ``.input`` files. (Anything else can
        take a real server down, H9.)
    NoReply, ConnectionLost
    """
    require_path(pattern.replace("*", "x").replace("?", "x"), "pattern")
    if not pattern.endswith(".input"):
        raise ValueError(f"job_status asks about .input files, such as /data/exp/*.input; got {pattern!r}")
    what = f"job_status {pattern}"

    def request(address: str, port: int) -> bytes:
        return encode(StatusRequest(True, pattern, address, port))

    reader = StatusReader()
    stream = await session.open_exchange(request, what)
    packets = packets_of(stream, what)
    try:
        while not reader.complete:
            async with within(session.patience.listing, f"{what}: {session.peer} stopped in the middle"):
                reader.add(await anext(packets))
    finally:
        await packets.aclose()
        await stream.close()
    return reader.records
