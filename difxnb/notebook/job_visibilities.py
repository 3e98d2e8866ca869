# SPDX-License-Identifier: GPL-3.0-or-later
"""The visibilities that a job has written, from a cell: :mod:`difxnb.aio.job_visibilities`, blocking."""

from __future__ import annotations

from os import PathLike
from typing import TYPE_CHECKING, Any

from difxnb import aio
from difxnb.client.blocking import LoopThread
from difxnb.notebook.transfer_bar import Shown, transferring

if TYPE_CHECKING:
    import xarray as xr


class WrittenJob:
    """The verb of a `Job` that opens its output."""

    _inner: aio.Job
    _loop: LoopThread

    def visibilities(
        self,
        directory: str | PathLike[str] | None = None,
        *,
        overwrite: bool = False,
        progress: Shown | None = None,
        **options: Any,
    ) -> xr.Dataset:
        """Open what the job has written: where it is, or else fetched into a directory first.

        Parameters
        ----------
        directory : path-like, optional
            Where to put the job's files and output where this machine does not have them under the same name.
        overwrite : bool
            Replace what is there already, as when a running job is fetched again.
        progress : callable or bool, optional
            A function of bytes received and of all; False shows no bar.
        **options
            As of :func:`difxnb.open_visibilities`; ``growing`` is True by itself while the job runs.
        """
        with transferring(progress, f"get {self._inner.name}.difx") as show:
            opening = self._inner.visibilities(directory, overwrite=overwrite, progress=show.hear, **options)
            return self._loop.call(opening, while_waiting=show.draw)
