# SPDX-License-Identifier: GPL-3.0-or-later
"""A job: one ``.input`` file on the server, and what can be asked of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pandas as pd

from difxnb.aio.frames import findings_frame
from difxnb.aio.job_attach import attach
from difxnb.aio.job_machines import PlacedJob
from difxnb.aio.job_parameters import JobParameters
from difxnb.aio.job_run import JobRun
from difxnb.aio.job_start import Starting, Wishes, as_waivers
from difxnb.aio.job_stop import stop_cut_off, stop_elsewhere, stop_own
from difxnb.aio.job_visibilities import WrittenJob
from difxnb.aio.live_monitor import LIMIT_BYTES, Monitor, Select
from difxnb.aio.live_watch import watch_job
from difxnb.client.start_options import StartOptions
from difxnb.tables.jobs import STALL_SECONDS


class Job(PlacedJob, JobParameters, WrittenJob):
    """One ``.input`` file on the server, and what can be asked of it. Made by `Correlator.job`."""

    async def check(self) -> pd.DataFrame:
        """Look for what speaks against the job, without running anything.

        The files and machines of the job are looked at here, then the server checks its configuration.

        Returns
        -------
        DataFrame
            Findings: ``id`` (stays the same as long as the finding does), ``severity``, ``blocks`` (the job is not
            started with it unless it is waived), ``text``. ``attrs["passed"]`` says whether it would run.

        Raises
        ------
        RemoteFileNotFound, FileFormatError, JobRefused, NoReply, ConnectionLost
        """
        return findings_frame(*await Starting(self, self._correlator).check())

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
        ValueError, TypeError, UnsafeValue
            Options that contradict each other, that cannot work, or that must not reach the server's shell.
        OutputExists
            There is output already.
        RemoteFileNotFound
            The ``.input`` file, or its machines, do not exist.
        JobRefused
            Something speaks against it; the reason says what, `findings` what could be waived. Nothing was moved.
        NoReply, ConnectionLost
            The job may run all the same; `attach` finds out.
        """
        options = StartOptions(
            restart_seconds=0 if restart_seconds is None else restart_seconds,
            mpi_wrapper=mpi_wrapper,
            mpi_options=mpi_options,
            difx_program=difx_program,
        )
        wishes = Wishes(
            monitor=monitor,
            overwrite=overwrite,
            bail=bail_on_config_fail,
            waive=as_waivers(waive),
            function=function,
            options=options,
            stall_after=stall_after,
        )
        return await Starting(self, self._correlator).start(wishes)

    async def attach(self) -> JobRun:
        """Follow a job that is running, or that ended while nobody looked: from its messages, status and log.

        This is how to get a run back after a kernel was restarted, and how to follow one that somebody else started.
        It can be waited for and stopped; its outcome says with `JobRun.outcome_evidence` what it is based on.

        Raises
        ------
        RemoteFileNotFound
            Nothing was heard of the job, and it has no log.
        NoReply, ConnectionLost
        """
        return await attach(self, self._correlator)

    async def stop(self, *, mpi_wrapper: str | None = None, difx_program: str | None = None) -> None:
        """Stop the job, whoever started it; return when it shows no sign of life any more.

        A job that was not started from here is first asked by a message to end itself; its processes are killed where
        that does not help.

        Parameters
        ----------
        mpi_wrapper, difx_program : str, optional
            What it was started with, where that was not the usual; known where it was started from here.

        Raises
        ------
        JobNotStopped
            It still shows signs of life: its `signs` say which messages came, and how its output grew.
        UnsafeValue
            A program that must not reach the server's shell.
        NoReply, ConnectionLost
        """
        run = self._correlator.runs.get(self.input_file)
        if run is None or run.done:
            options = StartOptions(mpi_wrapper=mpi_wrapper, difx_program=difx_program)
            await stop_elsewhere(self, self._correlator, options)
            return
        if run.started is None:  # somebody else has started it, and only our caller knows how
            run.options = replace(run.options, mpi_wrapper=mpi_wrapper, difx_program=difx_program)
        await run.stop()

    async def stop_run(self, run: JobRun) -> None:
        """Stop one run; see `JobRun.stop`."""
        if run.search is None and run.started is not None and not run.started.ended:
            await stop_own(run, self._correlator)
        else:
            await stop_cut_off(run, self._correlator)

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
        await self.keep_calc()
        return await watch_job(self._correlator, self.input_file, *files, select, limit_bytes)

    def __repr__(self) -> str:
        return f"<Job {self.name}: {self.input_file} on {self._correlator.address.host}>"
