# SPDX-License-Identifier: GPL-3.0-or-later
"""A job as a cell holds it: one ``.input`` file on the server, and what can be asked of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from difxnb import aio
from difxnb.client.blocking import LoopThread
from difxnb.notebook.job_run import JobRun
from difxnb.notebook.live_monitor import Monitor
from difxnb.notebook.markup import titled

if TYPE_CHECKING:
    import pandas as pd

    from difxnb.aio.live_monitor import Select
    from difxnb.formats.im import Im
    from difxnb.formats.input import Input
    from difxnb.notebook.correlator import Correlator


class Job:
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
    ) -> pd.DataFrame:
        """Write ``.machines`` and ``.threads``; gives what was written, as `machines` does."""
        return self._loop.call(
            self._inner.set_machines(
                head_node=head_node, datastreams=datastreams, processors=processors, test=test
            )
        )

    def check(self) -> pd.DataFrame:
        """Run the configuration check; gives its findings, columns ``severity text``."""
        return self._loop.call(self._inner.check())

    def start(
        self,
        monitor: Select | bool | None = None,
        overwrite: bool = False,
        bail_on_config_fail: bool = True,
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
            Refuse to run a job whose configuration check fails.
        """
        return JobRun(
            self._loop.call(
                self._inner.start(
                    monitor=monitor, overwrite=overwrite, bail_on_config_fail=bail_on_config_fail
                )
            ),
            self,
            self._loop,
        )

    def stop(self) -> None:
        """Stop the job, whoever started it."""
        self._loop.call(self._inner.stop())

    def status(self) -> pd.DataFrame:
        """The job's row of job status."""
        return self._loop.call(self._inner.status())

    def log(self) -> str:
        """Text of the ``.difxlog``."""
        return self._loop.call(self._inner.log())

    def monitor(self, select: Select | None = None) -> Monitor:
        """Watch the job that is running."""
        return Monitor(self._loop.call(self._inner.monitor(select)), self._loop)

    def __repr__(self) -> str:
        return repr(self._inner)

    def _repr_html_(self) -> str:
        heard = self._correlator.jobs.frame()
        return titled(repr(self), heard[heard["job"] == self._inner.identifier])
