# SPDX-License-Identifier: GPL-3.0-or-later
"""A job as a cell holds it: one ``.input`` file on the server, and what can be asked of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from difxnb import aio
from difxnb.aio.live_monitor import LIMIT_BYTES
from difxnb.client.blocking import LoopThread
from difxnb.formats.input_summary import facts
from difxnb.markup import listed, plain, plain_table, titled
from difxnb.notebook.job_parameters import JobParameters
from difxnb.notebook.job_run import STOP_S, JobRun
from difxnb.notebook.job_visibilities import WrittenJob
from difxnb.notebook.live_monitor import Monitor
from difxnb.notebook.slow_bar import SlowBar
from difxnb.notebook.transfer_bar import Shown, transferring

if TYPE_CHECKING:
    import pandas as pd

    from difxnb.aio.live_monitor import Select
    from difxnb.formats.im import Im
    from difxnb.formats.input import Input
    from difxnb.notebook.correlator import Correlator
    from difxnb.panels.dashboard import Dashboard


# What a check, or a look at a job's traces, takes on a busy server.
_CHECK_S, _LOOK_S = 20.0, 5.0


class Job(JobParameters, WrittenJob):
    """One ``.input`` file on the server."""

    def __init__(self, inner: aio.Job, correlator: Correlator, loop: LoopThread) -> None:
        # Whoever holds a job holds its correlator: one in a box ends when it is forgotten.
        self._inner, self._correlator, self._loop = inner, correlator, loop

    @property
    def name(self) -> str:
        """Name of the job: its file name without directory and extension."""
        return self._inner.name

    @property
    def input_file(self) -> str:
        """Path of the ``.input`` file on the server."""
        return self._inner.input_file

    @property
    def input(self) -> Input:
        """The parsed ``.input`` file."""
        return self._loop.call(self._inner.input())

    @property
    def delay_model(self) -> Im | None:
        """The parsed ``.im`` file; None where there is none."""
        return self._loop.call(self._inner.delay_model())

    @property
    def machines(self) -> pd.DataFrame:
        """Rows ``node role threads`` from ``.machines`` and ``.threads``."""
        return self._loop.call(self._inner.machines())

    def set_machines(
        self,
        *,
        head_node: str,
        datastreams: Sequence[str],
        processors: Mapping[str, int],
        test: bool = False,
        mpi_wrapper: str | None = None,
        progress: Shown | None = None,
    ) -> pd.DataFrame:
        """Write ``.machines`` and ``.threads``; gives what was written, as `machines` does.

        Parameters
        ----------
        head_node : str
            Host that the job is led from.
        datastreams : sequence of str
            Hosts that read the data, one per datastream of the job, in the order of the ``.input`` file.
        processors : mapping of str to int
            Hosts that compute, and the threads of each; one thread of the head node is kept back.
        test : bool
            Try all hosts first, and leave out processors that do not answer.
        mpi_wrapper, progress
            Of that test, as for `test_machines`.
        """
        with transferring(progress, f"hosts of {self.name}", " hosts") as shown:
            setting = self._inner.set_machines(
                head_node=head_node,
                datastreams=datastreams,
                processors=processors,
                test=test,
                mpi_wrapper=mpi_wrapper,
                progress=shown.hear,
            )
            return self._loop.call(setting, while_waiting=shown.draw)

    def test_machines(
        self,
        nodes: Iterable[str] | None = None,
        *,
        mpi_wrapper: str | None = None,
        progress: Shown | None = None,
    ) -> pd.DataFrame:
        """Start a program on each host through MPI, as a start of the job would, and see which answer.

        A real guiServer takes a second for each host. The machines of the job stay as they are.

        Parameters
        ----------
        nodes : iterable of str, optional
            Hosts to try; those of `machines` by default.
        mpi_wrapper : str, optional
            In place of ``mpirun``.
        progress : callable or bool, optional
            A function of the number of hosts tried and of all; False shows no bar.

        Returns
        -------
        DataFrame
            ``node roles answered seconds``.
        """
        with transferring(progress, f"hosts of {self.name}", " hosts") as shown:
            testing = self._inner.test_machines(nodes, mpi_wrapper=mpi_wrapper, progress=shown.hear)
            return self._loop.call(testing, while_waiting=shown.draw)

    def check(self) -> pd.DataFrame:
        """Look for what speaks against the job, here and by the server's configuration check.

        Returns
        -------
        DataFrame
            Findings: ``id`` (for ``start(waive=[...])``), ``severity``, ``blocks``, ``text``; ``attrs["passed"]`` says
            whether the job would run.
        """
        with SlowBar(f"check of {self.name}", _CHECK_S) as bar:
            return self._loop.call(self._inner.check(), while_waiting=bar.show)

    def start(
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
        stall_after: float = 300.0,
    ) -> JobRun:
        """Start the job; returns when the correlator has accepted it, raises when it has refused.

        When this is interrupted, the job is stopped again.

        Parameters
        ----------
        monitor : bool, mapping, DataFrame or callable, optional
            True watches every product, a selection some of them; None does without.
        overwrite : bool
            Move existing output aside. It is never deleted.
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
        """
        starting = self._inner.start(
            monitor=monitor,
            overwrite=overwrite,
            bail_on_config_fail=bail_on_config_fail,
            waive=waive,
            function=function,
            restart_seconds=restart_seconds,
            mpi_wrapper=mpi_wrapper,
            mpi_options=mpi_options,
            difx_program=difx_program,
            stall_after=stall_after,
        )
        with SlowBar(f"start of {self.name}", _CHECK_S) as bar:
            return JobRun(self._loop.call(starting, while_waiting=bar.show), self, self._loop)

    def attach(self) -> JobRun:
        """Follow the job as it runs, or find out how it ended; whoever started it.

        After a kernel was restarted this gives the run back: state, progress, weights and outcome come from
        messages, job status and log. It can be waited for and stopped.
        """
        with SlowBar(f"traces of {self.name}", _LOOK_S) as bar:
            return JobRun(self._loop.call(self._inner.attach(), while_waiting=bar.show), self, self._loop)

    def stop(self, *, mpi_wrapper: str | None = None, difx_program: str | None = None) -> None:
        """Stop the job, whoever started it; returns when it shows no sign of life any more.

        Parameters
        ----------
        mpi_wrapper, difx_program : str, optional
            What it was started with, where that was not the usual.
        """
        stopping = self._inner.stop(mpi_wrapper=mpi_wrapper, difx_program=difx_program)
        with SlowBar(f"stop of {self.name}", STOP_S) as bar:
            self._loop.call(stopping, while_waiting=bar.show)

    def status(self) -> pd.DataFrame:
        """The job's row of job status."""
        return self._loop.call(self._inner.status())

    def log(self) -> str:
        """Text of the ``.difxlog``."""
        return self._loop.call(self._inner.log())

    def monitor(self, select: Select | None = None, *, limit_bytes: int = LIMIT_BYTES) -> Monitor:
        """Watch the job live, while it runs or before it is started.

        Parameters
        ----------
        select : mapping, DataFrame or callable, optional
            Which products, named as in the ``.input``: ``antenna``, ``antennas``, ``baseline``, ``band``,
            ``frequency``, ``polarization``, ``kind``, ``scan``, ``source``; see `difxnb.aio.Job.monitor` for what each
            may be. All by default. `Monitor.select` changes it while the job runs.
        limit_bytes : int
            Bytes of visibilities that are kept; beyond, the oldest fall out and are counted.
        """
        opening = self._inner.monitor(select, limit_bytes=limit_bytes)
        return Monitor(self._loop.call(opening), self._loop, self._correlator)

    def panel(self) -> Dashboard:
        """Launch the job, watch it, and see whether what it wrote is fine, behind tabs."""
        from difxnb.notebook.dashboard import Tabs

        return self._correlator._panels.add(
            Tabs(self._correlator).of_job(self.input_file), run=self.input_file
        )

    def __repr__(self) -> str:
        heard = self._heard()
        below = "" if heard.empty else "\n" + plain_table("heard of it:", heard)
        return plain(repr(self._inner), self._facts()) + below

    def _repr_html_(self) -> str:
        heard = self._heard()
        return listed(repr(self._inner), self._facts()) + (
            "" if heard.empty else titled("heard of it:", heard)
        )

    def _facts(self) -> dict[str, str]:
        """What is correlated, once the ``.input`` has been read; nothing is asked of the server for a repr."""
        known = self._inner.known_input
        return {} if known is None else facts(known)

    def _heard(self) -> pd.DataFrame:
        heard = self._correlator.jobs.frame()
        return heard[heard["job"] == self._inner.identifier]
