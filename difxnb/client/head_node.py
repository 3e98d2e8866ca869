# SPDX-License-Identifier: GPL-3.0-or-later
"""The head node of a correlator, where guiServer runs: all verbs with typed values, awaitable.

Values that would reach the server's shell are checked, results that the server does not confirm are looked
for. How the connection lives is in :mod:`difxnb.client.link`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from difxnb.client import job_control, job_traces, monitor_feed, placement
from difxnb.client.file_requests import FileRequests
from difxnb.client.job_control import OnEvent, StartedJob
from difxnb.client.monitor_feed import MonitorFeed
from difxnb.client.placement import Placement
from difxnb.wire.job import JobConversation
from difxnb.wire.machines import MachinesConversation
from difxnb.wire.status import JobStatusRecord


class AsyncHeadNode(FileRequests):
    """A guiServer, and everything that it can be asked for; parameters as those of `Link`."""

    async def fence(self) -> None:
        """Wait until the server has been through with everything that was sent before.

        Raises
        ------
        NoReply, ConnectionLost
        """
        await self.ask("fence", lambda session: session.fence())

    async def job_status(self, pattern: str) -> list[JobStatusRecord]:
        """Ask what the logs of jobs last said; see `job_traces.job_status`."""
        return await self.ask(
            f"job_status {pattern}", lambda session: job_traces.job_status(session, pattern)
        )

    async def read_placement(self, input_file: str) -> Placement:
        """Read where the processes of a job run; see `placement.read_placement`."""
        return await self.ask(
            f"machines of {input_file}", lambda session: placement.read_placement(session, input_file)
        )

    async def define_placement(
        self,
        input_file: str,
        *,
        head_node: str,
        datastreams: Sequence[str],
        processors: Mapping[str, int],
        test: bool = False,
    ) -> MachinesConversation:
        """Define where the processes of a job run; see `placement.define_placement`."""
        return await self.do(
            f"set_machines of {input_file}",
            lambda session: placement.define_placement(
                session,
                input_file,
                head_node=head_node,
                datastreams=datastreams,
                processors=processors,
                test=test,
            ),
        )

    async def check_job(self, input_file: str, where: Placement) -> JobConversation:
        """Run the configuration check alone; see `job_control.check_job`."""
        return await self.ask(
            f"check of {input_file}", lambda session: job_control.check_job(session, input_file, where)
        )

    async def clear_output(self, output: str, *, overwrite: bool) -> str | None:
        """Make room for a job's output, moving aside what is there; see `job_traces.clear_output`."""
        return await self.do(
            f"moving {output} aside",
            lambda session: job_traces.clear_output(session, output, overwrite=overwrite),
        )

    async def start_job(
        self, input_file: str, where: Placement, *, function: str = "default", on_event: OnEvent
    ) -> StartedJob:
        """Start a job and follow it; see `job_control.start_job`."""
        return await self.do(
            f"start of {input_file}",
            lambda session: job_control.start_job(
                session, input_file, where, function=function, on_event=on_event
            ),
        )

    async def stop_job(self, input_file: str, started: StartedJob | None = None) -> None:
        """Stop a job; see `job_control.stop_job`."""
        await self.do(
            f"stop of {input_file}", lambda session: job_control.stop_job(session, input_file, started)
        )

    async def open_monitor(self, input_file: str) -> MonitorFeed:
        """Open the live monitor; see `monitor_feed.open_monitor`."""
        return await self.do(
            f"monitor of {input_file}", lambda session: monitor_feed.open_monitor(session, input_file)
        )
