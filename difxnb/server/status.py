# SPDX-License-Identifier: GPL-3.0-or-later
"""Job status: what the logs beside ``.input`` files last said (guiserver.md 7.12).

In: the pattern of a request. Out: the elementary writes of the answer.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import datetime
from typing import BinaryIO

from difxnb.errors import UnsafeValue
from difxnb.formats.difxlog import last_status
from difxnb.server.confinement import Confinement
from difxnb.server.files import expand
from difxnb.server.words import read_words
from difxnb.wire.status import StatusId, encode_status

TAILS = (2**16, 2**20, 2**26)
"""Bytes at the end of a log that are searched for its last state: more where there is none among fewer."""


def job_status(
    root: Confinement, pattern: str, *, short: bool = True, now: datetime | None = None
) -> Iterator[bytes]:
    """Answer a job status request.

    Parameters
    ----------
    root : Confinement
        Where the jobs are.
    pattern : str
        Paths or patterns; only names that end in ``.input`` count, each must exist.
    short : bool
        False asks for a form that the real server never had: every log is answered as if without state.
    now : datetime, optional
        Local time that the answer names.
    """
    yield from encode_status(StatusId.TASK_STARTED)
    yield from encode_status(StatusId.TIME_STRING, ctime(now or datetime.now()))
    for path in _input_files(root, pattern):
        yield from encode_status(StatusId.INPUT_FILE_NAME, path)
        yield from _state(root, path, short=short)
    yield from encode_status(StatusId.TASK_ENDED_GRACEFULLY)


def ctime(when: datetime) -> str:
    """Write a time as C's ``ctime`` does, in English whatever the locale, without the line feed."""
    days = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
    months = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
    return f"{days[when.weekday()]} {months[when.month - 1]} {when.day:2d} {when:%H:%M:%S} {when.year}"


def _input_files(root: Confinement, pattern: str) -> list[str]:
    try:
        paths = expand(root, read_words(pattern))
    except (OSError, UnsafeValue):  # a pattern that no shell would take matches nothing
        return []
    return [path for path in paths if path.endswith(".input") and root.exists(path)]


def _state(root: Confinement, path: str, *, short: bool) -> list[bytes]:
    log = path.removesuffix(".input") + ".difxlog"
    try:
        descriptor = root.open_file(log)
    except OSError:
        return encode_status(StatusId.NO_DIFXLOG)
    with os.fdopen(descriptor, "rb") as content:
        status = _last_status(content) if short else None
    return encode_status(StatusId.NO_STATUS) if status is None else encode_status(StatusId.STATUS, status)


def _last_status(content: BinaryIO) -> str | None:
    size = os.fstat(content.fileno()).st_size
    for tail in TAILS:
        content.seek(max(0, size - tail))
        # What grows meanwhile is for the next request.
        status = last_status(content.read(tail).decode("utf-8", "replace"))
        if status is not None or tail >= size:
            return status
    return None
