# SPDX-License-Identifier: GPL-3.0-or-later
"""What the logs of jobs say: their last states, or all their lines, for one job or for thousands.

The long form of guiServer's job status was never made (guiserver.md 7.12), so a history is made of the logs
themselves. Their times are local times of the server; its clock, which comes with the states, tells the zone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from difxnb.aio.status_frames import history_frame, status_frame
from difxnb.client.head_node import AsyncHeadNode
from difxnb.client.job_status import StatusReport
from difxnb.client.remote_files import Progress
from difxnb.errors import RemoteFileNotFound
from difxnb.tables.difxlog import JobLog

if TYPE_CHECKING:
    import pandas as pd

FETCHED_AT_ONCE = 8
"""Logs that are fetched at the same time from a server of this package.

A real one gets one after the other: two transfers at a time on one connection end it within some hundred files.
"""


class StatusVerbs:
    """The verb of a `Correlator` that asks for the states of jobs."""

    head_node: AsyncHeadNode

    async def job_status(
        self,
        pattern: str | Path | Iterable[str | Path],
        history: bool = False,
        *,
        progress: Progress | None = None,
    ) -> pd.DataFrame:
        """What the logs of jobs last said, one row per job, or all that they say.

        Parameters
        ----------
        pattern : str, path, or iterable of them
            Absolute path of ``.input`` files, with the wildcards ``* ? [abc]`` or without: ``"/data/exp/*.input"``.
        history : bool
            One row for every line of every log, which are fetched for it.
        progress : callable, optional
            Called with logs fetched and logs in all, on the connection's thread.

        Returns
        -------
        DataFrame
            ``job``, ``state`` (None without one), ``time`` (UTC), ``logged`` (local time of the server host, as it
            stands in the log), ``message``, ``log`` (``"status"``, ``"no_log"``: never started through guiServer,
            ``"no_status"``, ``"open_error"``), ``input``; empty where nothing matches.

            With `history` ``job time logged type from mpi_id severity state text run line input``, where ``run`` counts
            the attempts at a job. Jobs without a log have no row; they are listed in ``attrs["without_log"]``.

            ``attrs["utc_offset"]`` is how far the server's local time is ahead of UTC today, which is how ``time`` was
            found: lines of another season may be off by an hour. ``attrs["clock_difference"]`` is what its clock
            differs from ours beside that.

        Raises
        ------
        UnsafeValue, ValueError, RemoteFileError, NoReply, ConnectionLost
        """
        patterns = [pattern] if isinstance(pattern, str | Path) else list(pattern)
        report = await self.head_node.status_report(map(_text, patterns))
        if not history:
            return status_frame(report)
        logs, missing = await self._fetch_logs(report, progress)
        return await asyncio.to_thread(history_frame, report, logs, missing)

    async def _fetch_logs(
        self, report: StatusReport, progress: Progress | None
    ) -> tuple[dict[str, JobLog], list[str]]:
        """Fetch the logs of a report, some at a time; jobs whose log is not there come second."""
        wanted = [record.input_file for record in report.records if record.kind != "no_log"]
        logs: dict[str, JobLog | None] = dict.fromkeys(wanted)
        waiting = iter(wanted)
        done = 0

        async def fetch() -> None:
            nonlocal done
            for input_file in waiting:
                logs[input_file] = await self._fetch_log(input_file)
                done += 1
                if progress is not None:
                    progress(done, len(wanted))

        at_once = FETCHED_AT_ONCE if self.head_node.description.is_own else 1
        await _all_of([asyncio.create_task(fetch()) for _ in range(at_once)])
        missing = [record.input_file for record in report.records if logs.get(record.input_file) is None]
        return {name: log for name, log in logs.items() if log is not None}, missing

    async def _fetch_log(self, input_file: str) -> JobLog | None:
        path = f"{input_file.removesuffix('.input')}.difxlog"
        try:
            content = await self.head_node.get_file(path)
        except RemoteFileNotFound:
            return None  # it was taken away since
        return await asyncio.to_thread(JobLog, content, Path(path))


def _text(pattern: str | Path) -> str:
    return str(pattern) if isinstance(pattern, Path) else pattern


async def _all_of(tasks: Sequence[asyncio.Task[None]]) -> None:
    """Wait for all; where one fails, end the others and let its error out."""
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
