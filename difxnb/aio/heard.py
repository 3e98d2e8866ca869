# SPDX-License-Identifier: GPL-3.0-or-later
"""Every job that was heard of, as tables and arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from difxnb.aio.messages import Messages
from difxnb.tables import JobTable
from difxnb.tables.message_rows import Item

if TYPE_CHECKING:
    import xarray as xr

    from difxnb.formats.input import Input

__all__ = ["Item", "Jobs", "Messages"]


class Jobs:
    """Every job that was heard of, ours or not, by its messages. May be looked at from any thread."""

    def __init__(self) -> None:
        self._table = JobTable()
        self._inputs: dict[str, Input] = {}

    @property
    def version(self) -> int:
        """Moves with every message of a job."""
        return self._table.version

    @property
    def dropped(self) -> int:
        """Jobs that fell out of the table."""
        return self._table.dropped

    def __len__(self) -> int:
        return len(self._table)

    def add(self, item: Item, time: float) -> None:
        """Follow one message."""
        self._table.add(item, time)

    def name_antennas(self, job: str, input: Input) -> None:
        """Let the weights of a job carry the names of its antennas."""
        self._inputs[job] = input

    def frame(self) -> pd.DataFrame:
        """One row per job; see :meth:`difxnb.tables.JobTable.frame`."""
        return self._table.frame()

    def events(self, job: str) -> pd.DataFrame:
        """State changes, warnings and errors of a job; KeyError where nothing was heard of it."""
        return self._table.events(job)

    def version_of(self, job: str) -> str:
        """Version of mpifxcorr that a job last said it runs with; empty where it has not been heard."""
        return self._table.version_of(job)

    def is_running(self, job: str) -> bool:
        """Whether a job was heard of and has not said that it is over."""
        return self._table.is_running(job)

    def weights_table(self, job: str) -> pd.DataFrame:
        """Weights as rows; see :meth:`difxnb.tables.JobTable.weights`. KeyError where nothing was heard of it."""
        return self._table.weights(job)

    def latest_weights(self, job: str) -> dict[str, float]:
        """Weight of each antenna in the last integration that a job told of; KeyError where nothing was heard of it."""
        from difxnb.tables.difxlog_frames import antenna_name

        known = self._inputs.get(job)
        return {antenna_name(index, known): weight for index, weight in self._table.latest_weights(job)}

    def weights(self, job: str) -> xr.DataArray:
        """Weights of the latest run of a job, (time, antenna), 0 to 1.

        Antennas have names where the ``.input`` file of the job has been read here, numbers of datastreams
        otherwise.

        Raises
        ------
        KeyError
            Nothing was heard of that job.
        """
        from difxnb.visibility import weights_array

        return weights_array(self._table.weights(job), self._inputs.get(job))

    def __repr__(self) -> str:
        return f"<Jobs: {len(self)} heard of, {self.dropped} dropped>"

    def _repr_html_(self) -> str:
        return self.frame().to_html(max_rows=20)
