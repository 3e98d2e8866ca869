# SPDX-License-Identifier: GPL-3.0-or-later
"""Operations with a side connection, as coroutines: ls, transfers, job status, machines definition.

In: a request and an open side connection. Out: what the real server writes there, piece by piece. What blocks
on files runs in threads.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from itertools import islice

from difxnb.server.confinement import Confinement
from difxnb.server.listing import list_files
from difxnb.server.machines import define_machines
from difxnb.server.side import SideConnection
from difxnb.server.status import job_status
from difxnb.server.transfers import Upload, download
from difxnb.wire.control import StatusRequest
from difxnb.wire.files import END_OF_LINES, encode_size
from difxnb.wire.machines import encode_machines
from difxnb.wire.message import FileOperation, FileTransfer, MachinesDefinition

Complain = Callable[[str], Awaitable[None]]
"""Tells the client on its main connection what went wrong."""

_BATCH = 256
_LINES = 2048
# Each turn of a thread costs as much as writing 100 kB.
_WRITE_SIZE = 2**20


async def list_directory(
    root: Confinement, request: FileOperation, side: SideConnection, complain: Complain
) -> None:
    """Answer ``ls``: lines with their lengths, then a zero."""
    listing = await asyncio.to_thread(list_files, root, request.arg or "", request.path or "")
    if listing.refusal:
        await complain(listing.refusal)
    pieces = _line_pieces(listing.lines)
    while batch := list(islice(pieces, _LINES)):
        await side.write(batch)


async def upload(root: Confinement, request: FileTransfer, side: SideConnection, *, text_only: bool) -> None:
    """Take a file from the client."""
    begun = asyncio.create_task(
        asyncio.to_thread(Upload, root, request.destination or "", text_only=text_only), name="begin upload"
    )
    try:
        incoming = await asyncio.shield(begun)
    except asyncio.CancelledError:  # the client went: the thread makes its temporary file all the same
        (await begun).abort()
        raise
    answer: bytes | None = None
    waiting, size = [], 0
    try:
        while answer is None and (data := await side.read()):
            waiting.append(data)
            size += len(data)
            if size >= min(_WRITE_SIZE, incoming.missing):
                pieces, waiting, size = waiting, [], 0
                answer = await asyncio.to_thread(incoming.receive_data, *pieces)
    finally:
        if answer is None:
            incoming.receive_data(*waiting)
            incoming.abort()
    if answer is not None:
        await side.write([answer])


async def send_file(root: Confinement, request: FileTransfer, side: SideConnection) -> None:
    """Give a file to the client."""
    parts = download(root, request.origin or "")
    await side.write([await asyncio.to_thread(next, parts)])
    while part := await asyncio.to_thread(next, parts, b""):
        await side.write_content(part)


async def report_status(root: Confinement, request: StatusRequest, side: SideConnection) -> None:
    """Answer a job status request."""
    await _write_all(side, job_status(root, request.pattern, short=request.short))


async def make_machines(
    root: Confinement, request: MachinesDefinition, side: SideConnection, *, local_names: frozenset[str]
) -> None:
    """Answer a machines definition."""
    events = define_machines(root, request, local_names=local_names)
    await _write_all(side, (piece for event in events for piece in encode_machines(event)))


def _line_pieces(lines: list[str]) -> Iterator[bytes]:
    for line in lines:
        content = f"{line}\n".encode("utf-8", "surrogateescape")
        yield encode_size(len(content))
        yield content
    yield END_OF_LINES


async def _write_all(side: SideConnection, pieces: Iterator[bytes]) -> None:
    """Write pieces in batches; making them may read files, so that is done in a thread."""
    while batch := await asyncio.to_thread(lambda: list(islice(pieces, _BATCH))):
        await side.write(batch)
