# SPDX-License-Identifier: GPL-3.0-or-later
"""Live visibilities of a job: what the monitor sends, gathered into a Dataset."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeAlias

import pandas as pd

from difxnb.client.monitor_feed import MonitorFeed
from difxnb.errors import DifxError
from difxnb.formats.im import Im
from difxnb.formats.input import Input
from difxnb.wire.monitor import Product

if TYPE_CHECKING:
    import xarray as xr

Select: TypeAlias = Mapping[str, Any] | pd.DataFrame | Callable[[pd.DataFrame], Any]


class Monitor:
    """Live visibilities of a job. Made by `Job.monitor` or ``Job.start(monitor=…)``.

    Everything but `close` is a snapshot, usable from any thread.

    Attributes
    ----------
    delay_model : Im or None
        The job's ``.im`` file, for the baseline coordinates.
    """

    def __init__(
        self,
        feed: MonitorFeed,
        inp: Input,
        delay_model: Im | None,
        select: Select | None,
        forget: Callable[[Monitor], None],
    ) -> None:
        # xarray takes a second to load, which whoever only lists files need not wait for.
        from difxnb.visibility import VisibilitySeries, products_frame

        first = min((product.scan for product in feed.products), default=0)
        # Numbers start anew in each scan and mean the same: those of one scan are enough to ask for.
        listed = [product for product in feed.products if product.scan == first]
        table = products_frame(listed, inp)
        wanted = set(_chosen(table, select)["product"])
        offsets = dict(zip(table["product"], table["offset"], strict=True))
        self._wanted: list[Product] = [
            replace(product, offset=int(offsets[product.number]))
            for product in listed
            if product.number in wanted
        ]
        self.delay_model = delay_model
        self._feed, self._forget = feed, forget
        self._series = VisibilitySeries(inp, self._wanted, scans=feed.scans)

    async def begin(self) -> None:
        """Ask the server for the data; done by `Job.monitor`."""
        await self._feed.request(self._wanted, self._series.add)

    @property
    def products(self) -> pd.DataFrame:
        """What is watched, one row per product, named from the ``.input`` file.

        ``product baseline antenna1_name antenna2_name band frequency polarization is_autocorrelation`` and
        what the server needs to know.
        """
        return self._series.products_frame()

    @property
    def available(self) -> pd.DataFrame:
        """What could be watched: every product of the job, columns as `products`."""
        raise NotImplementedError

    @property
    def scans(self) -> pd.DataFrame:
        """Scans of the job: ``scan`` (index), ``scan_name``, ``field_name``, ``start``, ``stop`` (UTC)."""
        raise NotImplementedError

    @property
    def events(self) -> pd.DataFrame:
        """What happened to the watching itself, ``time event text``: changes of selection, gaps."""
        raise NotImplementedError

    @property
    def passed_over(self) -> int:
        """Spectra of scans that were not asked for."""
        raise NotImplementedError

    async def select(self, select: Select | None = None) -> pd.DataFrame:
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
        ConnectionFailed, NoReply, ConnectionLost
            Nothing is watched any more; a later `select` tries again.
        """
        raise NotImplementedError

    @property
    def dataset(self) -> xr.Dataset:
        """Everything received so far, a copy; ``UVW`` is NaN without a delay model."""
        return self._series.dataset(im=self.delay_model)

    @property
    def fringes(self) -> pd.DataFrame:
        """Fringe fit of every scan, baseline, band and polarization so far."""
        return self._series.fringes()

    @property
    def best_snr(self) -> float | None:
        """Highest signal-to-noise ratio of all fringes so far; None before there are any."""
        snr = self.fringes["snr"].dropna()
        return None if snr.empty else float(snr.max())

    @property
    def version(self) -> int:
        """Moves with every block received."""
        return self._series.version

    @property
    def dropped(self) -> int:
        """Spectra that could not be kept."""
        return self._series.dropped

    @property
    def texts(self) -> list[str]:
        """What the monitor said of itself."""
        return [text.text.strip() for text in tuple(self._feed.texts)]

    @property
    def closed(self) -> bool:
        """Whether no more data will come."""
        return self._feed.ended

    @property
    def failure(self) -> DifxError | None:
        """Why no more data will come; None while they come, and after `close`."""
        return self._feed.failure

    def save(self, path: str | Path) -> Path:
        """Write the dataset to a netCDF file; OutputExists where there is one."""
        from difxnb.visibility import save_netcdf

        save_netcdf(self.dataset, path)
        return Path(path)

    async def close(self) -> None:
        """Stop watching; the job goes on, and the data stay. A second call does nothing.

        Raises
        ------
        ConnectionLost
        """
        self._forget(self)
        await self._feed.close()

    async def __aenter__(self) -> Monitor:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def __repr__(self) -> str:
        state = "failed" if self.failure else "closed" if self.closed else "open"
        counts = f"{len(self._wanted)} products, {self._feed.blocks} blocks, {self.dropped} dropped"
        return f"<Monitor of {self._feed.input_file}: {state}, {counts}>"


def _chosen(table: pd.DataFrame, select: Select | None) -> pd.DataFrame:
    if select is None:
        return table
    if isinstance(select, pd.DataFrame):
        return table[table["product"].isin(select["product"])]
    if isinstance(select, Mapping):
        return _matching(table, select)
    if not callable(select):
        raise TypeError(f"products are selected by a mapping, a DataFrame or a function; got {select!r}")
    found = select(table)
    return found if isinstance(found, pd.DataFrame) else table[found]


def _matching(table: pd.DataFrame, wanted: Mapping[str, Any]) -> pd.DataFrame:
    for column, value in wanted.items():
        if column not in table:
            raise ValueError(f"products have no {column!r}; there are {', '.join(table.columns)}")
        values = list(value) if isinstance(value, list | tuple | set | range) else [value]
        table = table[table[column].isin(values)]
    return table
