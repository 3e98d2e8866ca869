# SPDX-License-Identifier: GPL-3.0-or-later
"""Stopping a job, and not believing it before nothing of it is heard or seen any more.

A job of this connection is killed by guiServer, which reports its end. Of any other one nobody reports the end: it is
first asked by a message to end itself, which closes its output, then killed, then watched. Processes themselves cannot
be seen from here; what can be is messages and output that grows.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from difxnb.aio.heard import Item
from difxnb.aio.run_watch import OVER
from difxnb.client.job_stop import IDENTIFIER_LENGTH
from difxnb.client.start_options import StartOptions
from difxnb.errors import ConnectionLost, DifxError, JobNotStopped
from difxnb.wire.message import Message, Status

if TYPE_CHECKING:
    from difxnb.aio.correlator import Correlator
    from difxnb.aio.job_files import JobFiles
    from difxnb.aio.job_run import JobRun

_log = logging.getLogger(__name__)


class SignsOfLife:
    """Looks and listens whether a job goes on; to be used in a ``with`` block."""

    def __init__(self, job: JobFiles, correlator: Correlator) -> None:
        self.over = asyncio.Event()
        self._job, self._correlator = job, correlator
        named = job.known_input
        self._outputs = [f"{job.base}.difx"] if named is None else job.outputs(named)
        self._messages: list[tuple[float, Status]] = []

    def __enter__(self) -> SignsOfLife:
        self._end = self._correlator.listen(self._hear)
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def _hear(self, item: Item, when: float) -> None:
        if not isinstance(item, Message) or not isinstance(item.body, Status):
            return
        other = item.body.input not in (None, "", self._job.input_file)
        if other or item.header.identifier != self._job.identifier:
            return
        if item.body.state in OVER:
            self.over.set()
        else:
            self._messages.append((when, item.body))

    async def heard_or_written(self) -> tuple[bool, bool]:
        """Whether messages say that it runs, and whether there is output."""
        frame = self._correlator.jobs.frame()
        mine = frame[(frame["job"] == self._job.identifier) & frame["input"].isin(["", self._job.input_file])]
        # A silence is measured for as long as a job is not over.
        heard = bool(mine["silence"].notna().any())
        return heard, await self._size() is not None

    async def wait_over(self, seconds: float) -> bool:
        """Wait until the job says that it is over; whether it did."""
        try:
            async with asyncio.timeout(seconds):
                await self.over.wait()
        except TimeoutError:
            return False
        return True

    async def seen_within(self, seconds: float) -> tuple[str, ...]:
        """Watch for a time; what was on its way when the stop was sent passes in the first half of it."""
        if await self.wait_over(seconds / 2):
            return ()
        middle, before = time.time(), await self._size()
        if await self.wait_over(seconds / 2):
            return ()
        signs = []
        late = [(when, status) for when, status in self._messages if when > middle]
        if late:
            when, status = late[-1]
            ago = time.time() - when
            signs.append(f"{len(late)} status messages came, the last one {status.state} {ago:.1f} s ago")
        after = await self._size()
        if after is not None and after != before:
            signs.append(f"its output grew from {before or 0} to {after} bytes in {seconds / 2:g} s")
        return tuple(signs)

    async def _size(self) -> int | None:
        return await self._correlator.head_node.output_size(self._outputs)


async def stop_own(run: JobRun, correlator: Correlator) -> None:
    """Stop a run whose conversation lasts; guiServer reports its end when all its processes there are gone.

    Raises
    ------
    JobNotStopped, NoReply, ConnectionLost
    """
    head_node, patience = correlator.head_node, correlator.head_node.patience
    with SignsOfLife(run.job, correlator) as signs:
        try:
            await head_node.stop_job(run.job.input_file, run.started, options=run.options)
        except ConnectionLost:
            # It may have had its effect. Doing it once more, as for a job that others started, does no harm.
            await run.cut_off()
            await stop_cut_off(run, correlator)
            return
        except JobNotStopped as error:
            asked = await _ask_gently(run.job, correlator)
            if asked and await signs.wait_over(patience.gentle):
                correlator.runs.note_stopped(run.job.input_file)
                return
            raise _not_stopped(run.job, str(error), await signs.seen_within(patience.quiet)) from error
        # A real guiServer does not see processes on other hosts.
        doubted = not head_node.description.is_own
        if doubted and (seen := await signs.seen_within(patience.quiet)):
            raise _not_stopped(run.job, "guiServer says that it has stopped", seen)
    correlator.runs.note_stopped(run.job.input_file)


async def stop_elsewhere(job: JobFiles, correlator: Correlator, options: StartOptions) -> None:
    """Stop a job that another connection started, or one that is gone.

    Raises
    ------
    JobNotStopped, UnsafeValue, NoReply, ConnectionLost
    """
    head_node, patience = correlator.head_node, correlator.head_node.patience
    with SignsOfLife(job, correlator) as signs:
        heard, written = await signs.heard_or_written()
        gone = False
        if (heard or written) and not head_node.description.is_own and await _ask_gently(job, correlator):
            gone = await signs.wait_over(patience.gentle if heard else patience.quiet)
        said = "" if gone else await head_node.stop_job(job.input_file, options=options)
        watched = not gone and (heard or written)
        if watched and (seen := await signs.seen_within(patience.quiet)):
            raise _not_stopped(job, f"it was asked to end, then killed{said}", seen)
    correlator.runs.note_stopped(job.input_file)


async def stop_cut_off(run: JobRun, correlator: Correlator) -> None:
    """Stop a run that is followed without its conversation, and find out how it ended.

    Raises
    ------
    JobNotStopped, NoReply, ConnectionLost
    """
    lived = run.outcome is None
    await stop_elsewhere(run.job, correlator, run.options)
    if run.search is None:
        return
    try:
        await run.search.look()
    except DifxError as error:
        _log.info("%s was stopped; what it left could not be looked at: %s", run.job.name, error)
    run.search.note_stopped(lived=lived)


async def _ask_gently(job: JobFiles, correlator: Correlator) -> bool:
    """Ask by a message, unless another job of that name could feel addressed; whether it was asked."""
    frame = correlator.jobs.frame()
    namesakes = frame[(frame["job"] == job.identifier) & ~frame["input"].isin(["", job.input_file])]
    if len(job.name) > IDENTIFIER_LENGTH or not namesakes.empty:
        return False
    await correlator.head_node.ask_to_stop(job.input_file)
    return True


def _not_stopped(job: JobFiles, what: str, signs: Sequence[str]) -> JobNotStopped:
    return JobNotStopped(
        f"{job.name} goes on: {what}; look at its processes on the head node, and at those of its other hosts",
        tuple(signs),
    )
