# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask what the logs of jobs last said, for one job or for thousands.

In: patterns of ``.input`` files. Out: records, and the clock of the server, which is all that tells its zone. Mirrors
guiserver.md 7.12 and hazard H9.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from difxnb.client.conversation import packets_of
from difxnb.client.patience import within
from difxnb.client.session import Session
from difxnb.errors import RemoteFileError
from difxnb.formats.difxlog import parse_time
from difxnb.wire.control import StatusRequest, encode
from difxnb.wire.quoting import require_plain
from difxnb.wire.status import JobStatusRecord, StatusReader

MAX_PATTERN = 999
"""Bytes of all patterns of one request; a real server pastes them into a line of 1023."""

# The server runs `ls` with what it is given, and dies of a listed name of five characters (H9): a directory that
# is called like a job must not be looked into.
_DIRECTORIES_THEMSELVES = "-d"
_WILDCARDS = re.compile(r"\*|\?|\[[!^]?[\w.-]+\]", re.ASCII)
_ZONE_STEP_S = 900


@dataclass(frozen=True, slots=True)
class StatusReport:
    """What a server knows of some jobs.

    Attributes
    ----------
    records : tuple of JobStatusRecord
        One for each job, in the order of the server; a job that several patterns match comes once.
    server_time : str
        Local time of the server, as it wrote it; empty where it did not.
    received : float
        When that came here, unix seconds.
    """

    records: tuple[JobStatusRecord, ...]
    server_time: str
    received: float

    @property
    def utc_offset(self) -> timedelta | None:
        """How far the server's local time is ahead of UTC, to a quarter of an hour; None where it did not tell.

        It is the zone of today: what was logged in another season may be off by an hour.
        """
        ahead = self._ahead()
        return None if ahead is None else timedelta(seconds=_ZONE_STEP_S * round(ahead / _ZONE_STEP_S))

    @property
    def clock_difference(self) -> timedelta | None:
        """What is left of the difference between its clock and ours beside the zone; its stamps are whole seconds."""
        ahead, offset = self._ahead(), self.utc_offset
        return None if ahead is None or offset is None else timedelta(seconds=ahead) - offset

    def _ahead(self) -> float | None:
        there = parse_time(self.server_time)
        if there is None:
            return None
        here = datetime.fromtimestamp(self.received, UTC).replace(tzinfo=None)
        return (there - here).total_seconds()


async def status_report(session: Session, patterns: str | Iterable[str]) -> StatusReport:
    """Ask what the logs of jobs last said.

    Parameters
    ----------
    session : Session
        The connection.
    patterns : str or iterable of str
        Absolute paths of ``.input`` files, with the wildcards ``* ? [abc]`` or without. Long lists take several
        requests.

    Raises
    ------
    ValueError, UnsafeValue
        One is something else. (Anything else can take a real server down, H9.)
    RemoteFileError
        The server could not look.
    NoReply, ConnectionLost
    """
    wanted = [patterns] if isinstance(patterns, str) else list(patterns)
    for pattern in wanted:
        require_pattern(pattern)
    replies = [await _ask(session, text) for text in _requests(wanted)]
    # An empty list asks nothing; the time is that of the last answer.
    server_time, received = (replies[-1][0].server_time or "", replies[-1][1]) if replies else ("", 0.0)
    records = {record.input_file: record for reply, _ in replies for record in reply.records}
    return StatusReport(tuple(records.values()), server_time, received)


def require_pattern(pattern: str) -> str:
    """Return `pattern` if a server can be asked about it; errors as those of `status_report`."""
    if not isinstance(pattern, str):
        raise TypeError(f"job_status takes paths of .input files; got {pattern!r}")
    if not pattern.startswith("/") or not pattern.endswith(".input"):
        raise ValueError(
            f"job_status asks about .input files by absolute paths, such as /data/exp/*.input; got {pattern!r}"
        )
    require_plain(_WILDCARDS.sub("x", pattern), "pattern")
    return pattern


def _requests(patterns: Sequence[str]) -> Iterator[str]:
    """Put as many patterns into each request as it can hold."""
    text = _DIRECTORIES_THEMSELVES
    for pattern in patterns:
        if len(text) + 1 + len(pattern) > MAX_PATTERN:
            yield text
            text = _DIRECTORIES_THEMSELVES
        text += f" {pattern}"
    if text != _DIRECTORIES_THEMSELVES:
        yield text


async def _ask(session: Session, text: str) -> tuple[StatusReader, float]:
    what = f"job_status {text.removeprefix(_DIRECTORIES_THEMSELVES).strip()}"

    def request(address: str, port: int) -> bytes:
        return encode(StatusRequest(True, text, address, port))

    reader, received = StatusReader(), 0.0
    before = session.notice_count
    stream = await session.open_exchange(request, what)
    packets = packets_of(stream, what)
    try:
        while not reader.complete:
            async with within(session.patience.listing, f"{what}: {session.peer} stopped in the middle"):
                reader.add(await anext(packets))
            if reader.server_time is not None and not received:
                received = time.time()
    finally:
        await packets.aclose()
        await stream.close()
    if reader.failed:
        raise RemoteFileError(f"{what}: {session.peer} could not look{session.said_since(before)}; try again")
    return reader, received
