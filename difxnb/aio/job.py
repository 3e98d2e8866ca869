# SPDX-License-Identifier: GPL-3.0-or-later
"""A job: one ``.input`` file on the server, and what can be asked of it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import pandas as pd

from difxnb.aio.frames import findings_frame
from difxnb.aio.heard import Item
from difxnb.aio.job_machines import PlacedJob
from difxnb.aio.job_run import OVER, JobRun
from difxnb.aio.live_monitor import LIMIT_BYTES, Monitor, Select, watch_job
from difxnb.errors import JobNotStopped, JobRefused
from difxnb.formats.input import Input
from difxnb.tables.jobs import STALL_SECONDS
from difxnb.wire.job import Refusal
from difxnb.wire.message import JobState, Message, Status

if TYPE_CHECKING:
    pass

# DiFX cuts identifiers at this length, so longer job names are never heard in full.
_IDENTIFIER_LENGTH = 31

_log = logging.getLogger(__name__)


class Job(PlacedJob):
    """One ``.input`` file on the server, and what can be asked of it. Made by `Correlator.job`."""

    async def check(self) -> pd.DataFrame:
        """Have the correlator check the configuration, without running anything.

        Returns
        -------
        DataFrame
            Findings, ``severity text``; ``attrs["passed"]`` says whether it would run.

        Raises
        ------
        RemoteFileNotFound, JobRefused, NoReply, ConnectionLost
        """
        where = await self._placement_or_none()
        conversation = await self._correlator.head_node.check_job(self.input_file, where)
        return findings_frame(conversation.lines, conversation.config_passed)

    async def start(
        self,
        monitor: Select | bool | None = None,
        overwrite: bool = False,
        bail_on_config_fail: bool = True,
        *,
        waive: Iterable[str] = (),
        function: str | None = None,
        restart_seconds: int | None = None,
        mpi_wrapper: str | None = None,
        mpi_options: str | None = None,
        difx_program: str | None = None,
        stall_after: float = STALL_SECONDS,
    ) -> JobRun:
        """Start the job; return when the correlator has accepted it.

        When this is interrupted, the job is stopped again.

        Parameters
        ----------
        monitor : bool, mapping, DataFrame or callable, optional
            Watch live: True all products, otherwise those selected (see `monitor`).
        overwrite : bool
            Move output that exists aside, to ``JOB.difx.1``, ``.2`` and so on. It is never deleted.
        bail_on_config_fail : bool
            Refuse to run a job with findings (see `check`) that are not waived.
        waive : iterable of str
            Findings to run with all the same, by ``id`` or by their text.
        function : {"default", "NRAO", "USNO", "RUN_MONITOR", "BAIL_ON_CONFIG_FAIL"}, optional
            The word that guiServer gets; without it the one that the other options ask for.
        restart_seconds : int, optional
            Begin so many seconds after the beginning of the job.
        mpi_wrapper, mpi_options, difx_program : str, optional
            What guiServer runs in place of ``mpirun``, its usual options and ``mpifxcorr``.
        stall_after : float
            Seconds without progress after which the run counts as stalled.

        Raises
        ------
        OutputExists
            There is output already.
        RemoteFileNotFound
            The ``.input`` file, or its machines, do not exist.
        JobRefused
            The correlator does not want it; the reason says why.
        NoReply, ConnectionLost
            The job may run all the same.
        """
        head_node = self._correlator.head_node
        outputs = _outputs(await self.input(), self._base)
        where = await self._placement()
        if not overwrite:
            await self._clear(outputs, overwrite=False)
        run = JobRun(self, self._correlator)
        try:
            if monitor is not None and monitor is not False:
                if bail_on_config_fail:
                    await self._require_good_config()
                run.monitor = await self.monitor(None if monitor is True else monitor)
            await self._clear(outputs, overwrite=overwrite)
            function = _function(run.monitor is not None, bail_on_config_fail)
            run.started = await head_node.start_job(
                self.input_file, where, function=function, on_event=run.add_event
            )
        except BaseException:
            await run.abandon()
            raise
        if (earlier := self._correlator.runs.get(self.input_file)) is not None:
            earlier.stop_listening()
        self._correlator.runs[self.input_file] = run
        return run

    async def attach(self) -> JobRun:
        """Follow a job that is running, or that ended while nobody looked: from its messages, status and log.

        Raises
        ------
        RemoteFileNotFound
            Nothing was heard of the job, and it has no log.
        NoReply, ConnectionLost
        """
        raise NotImplementedError

    async def stop(self, *, mpi_wrapper: str | None = None, difx_program: str | None = None) -> None:
        """Stop the job, whoever started it; return when its end has been confirmed.

        Raises
        ------
        JobNotStopped
            It still shows signs of life.
        NoReply, ConnectionLost
        """
        run = self._correlator.runs.get(self.input_file)
        if run is not None and not run.done:
            await run.stop()
            return
        signs = _SignsOfLife(self.identifier)
        end = self._correlator.listen(signs.hear)
        try:
            await self._correlator.head_node.stop_job(self.input_file)
            if self._is_heard():
                await signs.require_silence(self._correlator.head_node.patience.quiet, self.name)
        finally:
            end()

    async def monitor(self, select: Select | None = None, *, limit_bytes: int = LIMIT_BYTES) -> Monitor:
        """Watch the job live, while it runs or before it is started.

        Any number of monitors may watch one job: over one connection towards the server of this package, one per
        connection towards a real guiServer.

        Parameters
        ----------
        select : mapping, DataFrame or callable, optional
            Which products, named as in the ``.input``: ``{"antenna": "AA", "polarization": ["RR", "LL"]}``. Each key
            restricts, the values of a list are alternatives, text may have wildcards:

            * ``antenna``: it takes part, at either end; ``antennas``: both ends are among these
            * ``baseline``: ``"AA-BB"``, in either order; ``"AA-AA"`` are autocorrelations
            * ``band``: row of the FREQ table; ``frequency``: in MHz, or in Hz from a million up, a band edge or any
              frequency inside a band; ``slice(8400, 8500)``: the bands that reach into that range
            * ``polarization``: ``"RR"``…, or ``"parallel"``, or ``"cross"`` for the cross hands
            * ``kind``: ``"cross"`` or ``"auto"``
            * ``scan``: identifier or index; ``source``: what it observes
            * any column of `Monitor.available`

            Or rows of `Monitor.available`, or a function that gets these as a DataFrame and gives rows or a mask. All
            by default. `Monitor.select` changes it while the job runs.
        limit_bytes : int
            Bytes of visibilities that are kept; beyond, the oldest fall out and are counted in `Monitor.dropped`.

        Raises
        ------
        RemoteFileNotFound
            The job does not exist.
        ConnectionFailed
            The server cannot watch; its reason is quoted.
        ValueError
            The job has no such products; what it has is named.
        NoReply, ConnectionLost
        """
        files = await self.input(), await self.delay_model()
        return await watch_job(self._correlator, self.input_file, *files, select, limit_bytes)

    # --- inside ---------------------------------------------------------------------------------------

    async def _clear(self, outputs: Sequence[str], *, overwrite: bool) -> None:
        for output in outputs:
            await self._correlator.head_node.clear_output(output, overwrite=overwrite)

    async def _require_good_config(self) -> None:
        findings = await self.check()
        if findings.attrs["passed"] is False:
            complaints = findings.loc[findings["severity"] != "INFO", "text"].tolist()
            raise JobRefused(
                Refusal.BAD_CONFIG,
                "\n".join([f"{self.name} was not started: the configuration check failed", *complaints[-5:]]),
            )

    def _is_heard(self) -> bool:
        frame = self._correlator.jobs.frame()
        mine = frame[frame["job"] == self.identifier]
        return bool(mine["silence"].notna().any())  # which it is as long as the job is not over

    def __repr__(self) -> str:
        return f"<Job {self.name}: {self.input_file} on {self._correlator.address.host}>"


def _outputs(inp: Input, base: str) -> list[str]:
    """Directories the job writes to: where guiServer looks, and where mpifxcorr does."""
    named = inp.output_filename
    return [f"{base}.difx", *([named] if named.startswith("/") and named != f"{base}.difx" else [])]


def _function(monitored: bool, bail_on_config_fail: bool) -> str:
    # guiServer takes one word only: with a monitor the check has been made before.
    if monitored:
        return "RUN_MONITOR"
    return "BAIL_ON_CONFIG_FAIL" if bail_on_config_fail else "default"


class _SignsOfLife:
    """Listens whether a job that somebody else started goes on after a stop."""

    def __init__(self, identifier: str) -> None:
        self._identifier = identifier
        self._last_running: float | None = None
        self._over = asyncio.Event()

    def hear(self, item: Item, when: float) -> None:
        """Take note of a message."""
        if not isinstance(item, Message) or item.header.identifier != self._identifier:
            return
        if isinstance(item.body, Status) and item.body.state == JobState.RUNNING:
            self._last_running = when
        elif isinstance(item.body, Status) and item.body.state in OVER:
            self._over.set()

    async def require_silence(self, seconds: float, name: str) -> None:
        """Wait until the job says that it is over, or for a time; JobNotStopped when it goes on running."""
        begin = time.time()
        try:
            async with asyncio.timeout(seconds):
                await self._over.wait()
        except TimeoutError as error:
            # What was on its way when the stop was sent arrives in the first moments.
            if self._last_running is not None and self._last_running > begin + seconds / 2:
                raise JobNotStopped(
                    f"{name} was told to stop and still reports progress; look at its processes"
                ) from error
