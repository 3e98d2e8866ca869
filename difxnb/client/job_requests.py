# SPDX-License-Identifier: GPL-3.0-or-later
"""What a head node can be asked about jobs: one verb each, over a connection that may be made anew.

What only looks is asked again after a reconnection; what has an effect is done once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from difxnb.client import job_control, job_stop, job_traces, mpi_test, placement
from difxnb.client.job_control import OnEvent, StartedJob
from difxnb.client.job_traces import JobTraces
from difxnb.client.link import Link
from difxnb.client.mpi_test import OnHost, TriedHost
from difxnb.client.placement import Placement
from difxnb.client.start_options import USUAL, StartOptions
from difxnb.wire.job import JobConversation


class JobRequests(Link):
    """The verbs of a head node that deal with jobs; parameters as those of `Link`."""

    async def read_placement(self, input_file: str) -> Placement:
        """Read where the processes of a job run; see `placement.read_placement`."""
        return await self.ask(
            f"machines of {input_file}", lambda session: placement.read_placement(session, input_file)
        )

    async def write_placement(self, input_file: str, where: Placement) -> None:
        """Say where the processes of a job run; see `placement.write_placement`."""
        await self.do(
            f"set_machines of {input_file}",
            lambda session: placement.write_placement(session, input_file, where),
        )

    async def try_hosts(
        self,
        input_file: str,
        nodes: Iterable[str],
        *,
        mpi_wrapper: str | None = None,
        on_host: OnHost = lambda _done, _total: None,
    ) -> list[TriedHost]:
        """Start a program on each host through MPI; see `mpi_test.try_hosts`."""
        return await self.do(
            f"test_machines of {input_file}",
            lambda session: mpi_test.try_hosts(
                session, input_file, nodes, mpi_wrapper=mpi_wrapper, on_host=on_host
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
        self,
        input_file: str,
        where: Placement,
        *,
        options: StartOptions = USUAL,
        on_event: OnEvent,
    ) -> StartedJob:
        """Start a job and follow it; see `job_control.start_job`."""
        return await self.do(
            f"start of {input_file}",
            lambda session: job_control.start_job(
                session, input_file, where, options=options, on_event=on_event
            ),
        )

    async def stop_job(
        self, input_file: str, started: StartedJob | None = None, *, options: StartOptions = USUAL
    ) -> str:
        """Kill the processes of a job; see `job_stop.stop_job`."""
        return await self.do(
            f"stop of {input_file}",
            lambda session: job_stop.stop_job(session, input_file, started, options=options),
        )

    async def ask_to_stop(self, input_file: str) -> None:
        """Have a job end itself; see `job_stop.ask_to_stop`."""
        await self.do(
            f"stop of {input_file} by a message", lambda session: job_stop.ask_to_stop(session, input_file)
        )

    async def look_at_job(self, input_file: str, outputs: Sequence[str]) -> JobTraces:
        """Look at what a job leaves behind while it runs; see `job_traces.look_at_job`."""
        return await self.ask(
            f"look at {input_file}", lambda session: job_traces.look_at_job(session, input_file, outputs)
        )

    async def output_size(self, outputs: Sequence[str]) -> int | None:
        """Bytes in a job's outputs; see `job_traces.output_size`."""
        what = f"look at {', '.join(outputs)}"
        return await self.ask(what, lambda session: job_traces.output_size(session, outputs))
