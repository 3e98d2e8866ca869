# SPDX-License-Identifier: GPL-3.0-or-later
"""Detours of transfers: by way of a plain name where a real server cannot be given the one that is meant.

The origin of a download and the directory of an upload are pasted into a shell command and looked up as they stand, so
no quoting suits both; such a file goes through a plain name, by cp or mv, which can be quoted. The server of this
package takes any name. Mirrors the table of guiserver.md 5.4.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from difxnb.client.remote_files import remove_quietly
from difxnb.client.remote_moves import copy_exactly
from difxnb.client.session import Session
from difxnb.errors import RemoteFileError
from difxnb.wire.files import Entry
from difxnb.wire.quoting import is_plain, quote_after_slash, require_sendable, upload_destination

_ELSEWHERE = "/tmp"


def plain_places(path: str) -> list[str]:
    """Made-up plain names for what is at `path`: as near to it as can be, and where everybody may write."""
    directory = path.rpartition("/")[0]
    while directory and not is_plain(f"{directory}/x"):
        directory = directory.rpartition("/")[0]
    mark = f"part-{secrets.token_hex(8)}"
    return [f"{place}/{mark}" for place in dict.fromkeys([directory, _ELSEWHERE]) if place]


def destination(session: Session, path: str) -> str | None:
    """What to give as destination of an upload to `path`; None where a plain name has to be used on the way."""
    directory, _, name = path.rpartition("/")
    if session.description.is_own:
        return f"{directory and require_sendable(directory)}/{quote_after_slash(name)}"
    # A real server finds no directory in front of the only slash.
    return upload_destination(path) if is_plain(directory) else None


@asynccontextmanager
async def readable(session: Session, path: str, entry: Entry, what: str) -> AsyncIterator[str]:
    """Give the origin of a download of `path`: itself, or a copy that is gone afterwards.

    A copy is made as well where it is not certain that the server may read the file: asked for one that it cannot
    read, a real server runs rubbish in its shell (H8).
    """
    if session.description.is_own:
        yield require_sendable(path)
    elif is_plain(path) and _is_surely_readable(session, entry):
        yield path
    else:
        copy = await _plain_copy(session, path, what)
        try:
            yield copy
        finally:
            await remove_quietly(session, copy)


def _is_surely_readable(session: Session, entry: Entry) -> bool:
    user = session.description.user
    owners, everyones = entry.mode[1:2] == "r", entry.mode[7:8] == "r"
    return user == "root" or (owners if entry.owner == user else everyones)


async def _plain_copy(session: Session, path: str, what: str) -> str:
    failures: list[RemoteFileError] = []
    for place in plain_places(path):
        try:
            await copy_exactly(session, path, place, what)
        except RemoteFileError as error:
            await remove_quietly(session, place)
            failures.append(error)
        except BaseException:
            await remove_quietly(session, place)
            raise
        else:
            return place
    raise RemoteFileError(
        f"{what}: this has to be copied before it can be fetched safely, and that failed: {failures[-1]}"
    ) from failures[0]
