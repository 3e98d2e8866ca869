# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a job runs: its ``.machines`` and ``.threads`` files, read, written and tried out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import pandas as pd

from difxnb.aio.frames import placement_frame, tried_frame
from difxnb.aio.job_files import JobFiles
from difxnb.client.placement import Placement, check_placement
from difxnb.errors import HostsNotReached, RemoteFileNotFound


class PlacedJob(JobFiles):
    """A job and the hosts of its processes."""

    async def machines(self) -> pd.DataFrame:
        """Where the job is to run, from its ``.machines`` and ``.threads`` files.

        Returns
        -------
        DataFrame
            ``node``, ``role`` (head, datastream or processor), ``threads`` (of processors).

        Raises
        ------
        RemoteFileNotFound
            They have not been set.
        """
        return placement_frame(await self.placement())

    async def set_machines(
        self,
        *,
        head_node: str,
        datastreams: Sequence[str],
        processors: Mapping[str, int],
        test: bool = False,
        mpi_wrapper: str | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> pd.DataFrame:
        """Write ``.machines`` and ``.threads``, and read them back.

        Parameters
        ----------
        head_node : str
            Host that the job is led from.
        datastreams : sequence of str
            Hosts that read the data, one per datastream of the job, in the order of the ``.input`` file.
        processors : mapping of str to int
            Hosts that compute, and the threads of each; one thread of the head node is kept back.
        test : bool
            Try all hosts first (see `test_machines`), and leave out processors that do not answer.
        mpi_wrapper, progress
            Of that test.

        Returns
        -------
        DataFrame
            What is in the files now, as from `machines`; hosts left out in ``attrs["failed_hosts"]``.

        Raises
        ------
        ValueError, TypeError, UnsafeValue
            The numbers do not suit the job, or a name is no host name.
        HostsNotReached
            With `test`: hosts that cannot be left out do not answer. Nothing was written.
        RemoteFileNotFound, RemotePermission, RemoteFileError
            The files could not be written.
        NoReply, ConnectionLost
        """
        wanted = (await self.input()).active_datastreams
        where = check_placement(head_node, datastreams, processors, active_datastreams=wanted)
        failed: list[str] = []
        if test:
            tried = await self._correlator.head_node.try_hosts(
                self.input_file,
                (head_node, *datastreams, *processors),
                mpi_wrapper=mpi_wrapper,
                on_host=progress or _show_nothing,
            )
            failed = [host.node for host in tried if not host.answered]
            self._require_needed(failed, head_node, datastreams, processors)
            left = {host: number for host, number in processors.items() if host not in failed}
            where = check_placement(head_node, datastreams, left)
        await self._correlator.head_node.write_placement(self.input_file, where)
        return placement_frame(where, failed)

    def _require_needed(
        self, failed: Sequence[str], head_node: str, datastreams: Sequence[str], processors: Mapping[str, int]
    ) -> None:
        """Raise HostsNotReached where the job cannot do without hosts that do not answer."""
        needed = [host for host in failed if host in (head_node, *datastreams)]
        if needed or set(failed) >= set(processors):
            which = "datastreams and head node" if needed else "all processors"
            raise HostsNotReached(
                f"{self.name} cannot run: {', '.join(failed)} did not answer through MPI, and {which} cannot be left "
                "out; nothing was written",
                tuple(failed),
            )

    async def test_machines(
        self,
        nodes: Iterable[str] | None = None,
        *,
        mpi_wrapper: str | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> pd.DataFrame:
        """Start a program on each host through MPI, as a start of the job would, and see which answer.

        A real guiServer takes a second for each host. The machines of the job stay as they are.

        Parameters
        ----------
        nodes : iterable of str, optional
            Hosts to try; those of `machines` by default.
        mpi_wrapper : str, optional
            In place of ``mpirun``.
        progress : callable, optional
            Called with the number of hosts tried and of all.

        Returns
        -------
        DataFrame
            ``node``, ``roles`` (what it is in the job, empty where nothing), ``answered`` (missing where the server
            did not say), ``seconds`` (until it was known).

        Raises
        ------
        TypeError, ValueError, UnsafeValue
            One text where a list of hosts belongs, or names that are not plain.
        RemoteFileNotFound
            No `nodes` were named, and the job has no machines.
        RemotePermission, RemoteFileError
            Nothing can be made in the job's directory.
        NoReply, ConnectionLost
        """
        if isinstance(nodes, str):
            raise TypeError(f"nodes are a list of hosts; got {nodes!r}")
        where = await self.placement() if nodes is None else await self.placement_or_none()
        tried = await self._correlator.head_node.try_hosts(
            self.input_file,
            where.hosts if nodes is None and where is not None else nodes or (),
            mpi_wrapper=mpi_wrapper,
            on_host=progress or _show_nothing,
        )
        return tried_frame(tried, where)

    async def placement(self) -> Placement:
        """Read where the job runs; RemoteFileNotFound, which says what to do, where that was not said yet."""
        try:
            return await self._correlator.head_node.read_placement(self.input_file)
        except RemoteFileNotFound as error:
            raise RemoteFileNotFound(
                f"{self.name} has no machines yet ({error}); say where it is to run with set_machines"
            ) from error

    async def placement_or_none(self) -> Placement | None:
        """Read where the job runs; None where that was not said yet."""
        try:
            return await self.placement()
        except RemoteFileNotFound:
            return None


def _show_nothing(done: int, total: int) -> None:
    """Take the progress of a test that nobody watches."""
