# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a job runs: its ``.machines`` and ``.threads`` files, read, written and tried out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import pandas as pd

from difxnb.aio.frames import placement_frame
from difxnb.aio.job_files import JobFiles
from difxnb.client.placement import Placement, check_placement
from difxnb.errors import RemoteFileNotFound


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
        return placement_frame(await self._placement())

    async def set_machines(
        self,
        *,
        head_node: str,
        datastreams: Sequence[str],
        processors: Mapping[str, int],
        test: bool = False,
    ) -> pd.DataFrame:
        """Write ``.machines`` and ``.threads``.

        Parameters
        ----------
        head_node : str
            Host that the job is led from.
        datastreams : sequence of str
            Hosts that read the data, one per datastream of the job, in the order of the ``.input`` file.
        processors : mapping of str to int
            Hosts that compute, and the threads of each; one thread of the head node is kept back.
        test : bool
            Try each processor first, and leave out those that do not answer.

        Returns
        -------
        DataFrame
            What is in the files now, as from `machines`; hosts left out in ``attrs["failed_hosts"]``.

        Raises
        ------
        ValueError, TypeError, UnsafeValue
            The numbers do not suit the job, or a name is no host name.
        RemoteFileNotFound, RemoteFileError
        """
        check_placement(head_node, datastreams, processors)
        wanted = (await self.input()).active_datastreams
        if len(datastreams) != wanted:
            raise ValueError(f"{self.name} has {wanted} datastreams; got {len(datastreams)} hosts for them")
        done = await self._correlator.head_node.define_placement(
            self.input_file, head_node=head_node, datastreams=datastreams, processors=processors, test=test
        )
        return placement_frame(await self._placement(), done.failed_hosts)

    async def test_machines(
        self,
        nodes: Iterable[str] | None = None,
        *,
        mpi_wrapper: str | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> pd.DataFrame:
        """Try to start a program on each host through MPI, as the job will."""
        raise NotImplementedError

    async def _placement(self) -> Placement:
        try:
            return await self._correlator.head_node.read_placement(self.input_file)
        except RemoteFileNotFound as error:
            raise RemoteFileNotFound(
                f"{self.name} has no machines yet ({error}); say where it is to run with set_machines"
            ) from error

    async def _placement_or_none(self) -> Placement:
        try:
            return await self._placement()
        except RemoteFileNotFound:
            # A check needs no machines; the server only wants to see some names.
            return Placement(("None", "None", "None"), (1,))
