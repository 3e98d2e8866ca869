# SPDX-License-Identifier: GPL-3.0-or-later
"""Live visibilities of a job as a cell holds them."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from difxnb import aio
from difxnb.client.blocking import LoopThread
from difxnb.markup import listed
from difxnb.notebook.slow_bar import SlowBar

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from difxnb.aio.live_monitor import Select
    from difxnb.errors import DifxError
    from difxnb.notebook.correlator import Correlator
    from difxnb.panels import Panel
    from difxnb.plots import Artists
    from difxnb.quality.limits import Limits
    from difxnb.quality.report import QualityReport


class Monitor:
    """Live visibilities of a running job. Looking at it never waits."""

    def __init__(self, inner: aio.Monitor, loop: LoopThread, difx: Correlator) -> None:
        self._inner, self._loop, self._difx = inner, loop, difx

    @property
    def input_file(self) -> str:
        """The job's ``.input`` file on the server."""
        return self._inner.input_file

    @property
    def products(self) -> pd.DataFrame:
        """Products of the monitor, one row each, named from the ``.input`` file."""
        return self._inner.products

    @property
    def available(self) -> pd.DataFrame:
        """What could be watched: every product of the job, columns as `products`."""
        return self._inner.available

    @property
    def scans(self) -> pd.DataFrame:
        """Scans of the job: ``scan`` (index), ``scan_name``, ``field_name``, ``start``, ``stop`` (UTC)."""
        return self._inner.scans

    @property
    def events(self) -> pd.DataFrame:
        """What happened to the watching itself, ``time event text``: changes of selection, gaps."""
        return self._inner.events

    @property
    def passed_over(self) -> int:
        """Spectra of scans that were not asked for."""
        return self._inner.passed_over

    def select(self, select: Select | None = None) -> pd.DataFrame:
        """Watch other products from now on; what was received stays, and the job is not touched.

        Parameters
        ----------
        select : mapping, DataFrame or callable, optional
            As for `Job.monitor`; all products by default.

        Returns
        -------
        DataFrame
            What is watched now, as `products`.

        Raises
        ------
        ValueError
            The job has no such products; what it has is named. Nothing has changed then.
        """
        with SlowBar(
            "waiting for the server to end the selection before", self._inner.pause_of_select
        ) as bar:
            return self._loop.call(self._inner.select(select), while_waiting=bar.show)

    @property
    def dataset(self) -> xr.Dataset:
        """A snapshot of everything received so far."""
        return self._inner.dataset

    def latest(self, integrations: int) -> xr.Dataset:
        """The newest integrations received, a copy: as `dataset`, but at a cost that does not grow with time.

        Parameters
        ----------
        integrations : int
            How many at most.
        """
        return self._inner.latest(integrations)

    @property
    def fringes(self) -> pd.DataFrame:
        """Fringe fit of every scan, baseline, band and polarization so far, columns of :func:`difxnb.fringe_fit`.

        The whole of every scan, whether it is still in `dataset` or not, within a small part of the errors. While the
        job runs it is made anew when 25 times as long as it takes has passed; ``attrs["until"]`` says up to which
        integration (UTC) it goes. After the end it is that of everything. A fit of `dataset`, fresh and exact:
        ``difxnb.fringe_fit(monitor.dataset)``.
        """
        return self._inner.fringes

    def quality(self, limits: str | PathLike[str] | Limits | None = None) -> QualityReport:
        """Say whether the job is fine so far, check by check; see :func:`difxnb.check_quality`.

        Checks of fringes look at `fringes`, those of spectra at the newest 32 MiB of integrations while the job
        runs, at everything kept afterwards. Made anew when 60 times as long as it takes has passed.

        Parameters
        ----------
        limits : path or mapping, optional
            Limits in place of the usual ones.

        Raises
        ------
        ValueError
            There is no such check or limit.
        FileFormatError, FileNotFoundError
            The file of limits is no TOML, or not there.
        """
        return self._loop.call(self._inner.quality(limits))

    @property
    def version(self) -> int:
        """Grows with everything received."""
        return self._inner.version

    @property
    def dropped(self) -> int:
        """Integrations that fell out of the bounded memory."""
        return self._inner.dropped

    @property
    def texts(self) -> list[str]:
        """What the server's monitor said in words."""
        return self._inner.texts

    @property
    def closed(self) -> bool:
        """Whether watching has ended."""
        return self._inner.closed

    @property
    def failure(self) -> DifxError | None:
        """Why no more data will come; None while they come, and after `close`."""
        return self._inner.failure

    @property
    def interruption(self) -> str:
        """Why nothing comes for the moment though it will again (the connection is lost); empty otherwise."""
        return self._inner.interruption

    def plot(self, kind: str = "spectra", *, ax: Any = None, **selection: Any) -> Artists:
        """Draw what has been received so far.

        Parameters
        ----------
        kind : str
            ``"spectra"`` (amplitude, phase and lags of a scan: a whole figure), ``"amplitude"``, ``"phase"``,
            ``"lag_spectrum"``, ``"waterfall"``, ``"autocorrelation"``, ``"weights"``, ``"reference_station"`` (with
            ``antenna=``), ``"fringe_history"`` (with ``quantity=``), ``"snr_matrix"``: the functions of
            :mod:`difxnb.plots` of the same names.
        ax : Axes, optional
            Where to draw; a new figure when not given.
        **selection
            As of that function: ``baselines``, ``bands``, ``polarizations``, ``scan``….

        Raises
        ------
        ValueError
            No such kind, or the function does not find what was selected; what there is is named.

        Examples
        --------
        >>> monitor.plot("phase", baselines=["AA-BB"])
        >>> monitor.plot("fringe_history", quantity="snr")
        """
        from difxnb.plots.kinds import plot

        return plot(self, kind, ax=ax, **selection)

    def save(self, path: str | Path) -> Path:
        """Write the dataset to a netCDF file; refuses to overwrite."""
        return self._inner.save(path)

    def panel(self) -> Panel:
        """Live pictures and numbers of what comes: products by name, history, SNR of all baselines."""
        from difxnb.notebook.watching import Watched

        return self._difx._panels.add(Watched(self._difx).panel_of(self._inner), run=self.input_file)

    def close(self) -> None:
        """Stop watching. The job goes on."""
        self._loop.call(self._inner.close())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return repr(self._inner)

    def _repr_html_(self) -> str:
        snr = self._inner.best_snr
        facts = {
            "best SNR": "" if snr is None else f"{snr:.0f}",
            "interrupted": self.interruption,
            "failure": "" if self.failure is None else str(self.failure),
        }
        return listed(repr(self), facts)
