# SPDX-License-Identifier: GPL-3.0-or-later
"""A job that runs, told to do something else, from a cell: the verbs of :mod:`difxnb.aio.job_parameters`, blocking."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from difxnb import aio
from difxnb.client.blocking import LoopThread
from difxnb.client.outgoing import Outgoing

if TYPE_CHECKING:
    import pandas as pd


class JobParameters:
    """The verbs of a `Job` that send messages to its processes, and its versions."""

    _inner: aio.Job
    _loop: LoopThread

    def send_parameter(
        self,
        name: str,
        value: Any,
        *,
        target: str | int | None = None,
        indices: Sequence[int] = (),
        preview: bool = False,
    ) -> Outgoing:
        """Set a parameter of the running job: ``dumpsta``, ``stachannels``, ``clockupdate``, ``stopat``…

        With `preview` the message is shown and not sent. See :meth:`difxnb.aio.Job.send_parameter`.
        """
        return self._loop.call(
            self._inner.send_parameter(name, value, target=target, indices=indices, preview=preview)
        )

    def stop_at(self, when: float | datetime, *, preview: bool = False) -> Outgoing:
        """Have the job end when it reaches a moment (UTC) of the observation, not of the clock on the wall."""
        return self._loop.call(self._inner.stop_at(when, preview=preview))

    def update_clock(self, antenna: str | int, *coefficients: float, preview: bool = False) -> Outgoing:
        """Add to an antenna's clock polynomial (µs, µs/s...; positive where its data are late) while the job runs."""
        return self._loop.call(self._inner.update_clock(antenna, *coefficients, preview=preview))

    def versions(self) -> pd.DataFrame:
        """DiFX versions of the server, the job's files and its processes; ``attrs["differ"]`` says whether they do."""
        return self._loop.call(self._inner.versions())
