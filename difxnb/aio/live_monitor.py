# SPDX-License-Identifier: GPL-3.0-or-later
"""Live visibilities of a job: what the monitor sends, gathered into a Dataset."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeAlias

import pandas as pd

from difxnb.aio.frames import told_frame
from difxnb.aio.live_end import CATCH_UP_S, catch_up, second_of
from difxnb.client.monitor_feed import MonitorFeed
from difxnb.client.monitor_watch import MonitorWatch
from difxnb.errors import DifxError
from difxnb.formats.im import Im
from difxnb.formats.input import Input
from difxnb.wire.monitor import Product, VisibilityBlock

if TYPE_CHECKING:
    import xarray as xr

    from difxnb.aio.live_looks import LiveLooks
    from difxnb.aio.tape import MonitorTape
    from difxnb.plots import Artists
    from difxnb.quality.limits import Limits
    from difxnb.quality.report import QualityReport
    from difxnb.visibility import VisibilitySeries
    from difxnb.visibility.live.offer import Choice, Offer

Select: TypeAlias = Mapping[str, Any] | pd.DataFrame | Callable[[pd.DataFrame], Any]
"""Which products: see `Job.monitor`."""

LIMIT_BYTES = 256 * 2**20
"""Bytes of live visibilities that a monitor keeps when nothing else was said."""


class Monitor:
    """Live visibilities of a job. Made by `Job.monitor` or ``Job.start(monitor=…)``.

    Everything but `select` and `close` is a snapshot, usable from any thread. After a loss of the connection it goes
    on by itself as soon as that is back, unless the job has ended.

    Attributes
    ----------
    delay_model : Im or None
        The job's ``.im`` file, for the baseline coordinates.
    is_wanted : callable
        Whether its job may still send something.
    """

    def __init__(
        self,
        input_file: str,
        inp: Input,
        delay_model: Im | None,
        select: Select | None,
        *,
        open_feed: Callable[[], Awaitable[MonitorFeed]],
        forget: Callable[[Monitor], None],
        is_wanted: Callable[[], bool],
        limit_bytes: int,
        tape: MonitorTape,
    ) -> None:
        self.delay_model = delay_model
        self._tape = tape
        self._input_file, self._input, self._select = input_file, inp, select
        self._forget, self._limit_bytes, self.is_wanted = forget, limit_bytes, is_wanted
        self._offer: Offer
        self._series: VisibilitySeries | None = None
        self._looks: LiveLooks
        self._watch = MonitorWatch(
            open_feed,
            begin=self._take_offer,
            on_block=self._add,
            on_gap=self._note_gap,
            on_event=tape.event,
            is_wanted=is_wanted,
        )

    async def begin(self) -> None:
        """Ask the server for the data; done by `Job.monitor`."""
        await self._watch.open()

    def _take_offer(self, feed: MonitorFeed) -> Sequence[Product]:
        """Choose from what the server lists; called for each exchange."""
        # xarray takes a second to load, which whoever only lists files need not wait for.
        from difxnb.aio.live_looks import LiveLooks
        from difxnb.visibility import VisibilitySeries
        from difxnb.visibility.live.offer import Offer

        self._offer = Offer(feed.products, feed.scans, self._input)
        choice = self._offer.choose(self._select)
        if self._series is None:
            self._looks = LiveLooks()
            self._series = VisibilitySeries(
                self._input,
                choice,
                scans=self._offer.scans,
                limit_bytes=self._limit_bytes,
                cells=self._looks.cells,
            )
        else:
            self._series.watch(choice)
        self._tape.listed(feed.products, feed.scans)
        self._tape.chosen(choice)
        for text in feed.texts:
            self._tape.text(text)
        feed.on_text = self._tape.text
        self._tell(choice)
        return choice.products

    def _tell(self, choice: Choice) -> None:
        """Record what cannot be had."""
        if self._offer.strangers:
            text = (
                f"{self._offer.strangers} products of the server's list are not in the .input and not offered"
            )
            self._watch.note("note", text)
        if choice.left_out:
            text = (
                f"other products under the same numbers in {', '.join(choice.left_out)}: select these scans"
            )
            self._watch.note("note", text)

    def _add(self, block: VisibilityBlock) -> None:
        self._known.add(block)
        self._tape.block(block)

    def _note_gap(self) -> None:
        self._known.note_gap()
        self._tape.gap()

    @property
    def _known(self) -> VisibilitySeries:
        if self._series is None:
            raise ValueError(f"the monitor of {self._input_file} has not begun")
        return self._series

    @property
    def input_file(self) -> str:
        """The job's ``.input`` file on the server."""
        return self._input_file

    @property
    def products(self) -> pd.DataFrame:
        """What is watched, one row per product, named from the ``.input`` file.

        ``product baseline antenna1_name antenna2_name band frequency polarization is_autocorrelation`` and
        what the server needs to know.
        """
        return self._known.products_frame()

    @property
    def available(self) -> pd.DataFrame:
        """What could be watched: every product of the job, columns as `products`."""
        return self._offer.frame

    @property
    def scans(self) -> pd.DataFrame:
        """Scans of the job: ``scan`` (index), ``scan_name``, ``field_name``, ``start``, ``stop`` (UTC)."""
        return self._offer.scans_frame()

    @property
    def events(self) -> pd.DataFrame:
        """What happened to the watching itself, ``time event text``.

        Events are ``opened``, ``selected`` (other products), ``restarted`` (the server had given up waiting for
        data), ``lost`` and ``resumed`` (the connection), ``failed``, ``closed``, and ``note``. Between ``lost``,
        ``restarted`` or a change and what follows, integrations may be missing. ``attrs["dropped"]`` counts events
        that are not kept any more.
        """
        told = tuple(self._watch.events)
        frame = told_frame((one.time, one.event, one.text) for one in told)
        frame.attrs["dropped"] = self._watch.dropped_events
        return frame

    @property
    def passed_over(self) -> int:
        """Spectra of scans that were not asked for."""
        return self._known.passed_over

    async def select(self, select: Select | None = None) -> pd.DataFrame:
        """Watch other products from now on; what was received stays, and the job is not touched.

        Integrations that come meanwhile are missing: hardly any towards the server of this package, some ten
        seconds' worth towards a real guiServer, which needs that long to close the exchange before.

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
            The job has no such products (what it has is named), or the monitor has been closed. Nothing has
            changed then.
        ConnectionLost
            It goes on with the new selection when the connection is back.
        ConnectionFailed, NoReply
            Nothing is watched any more; a later `select` tries again.
        """
        choice = self._offer.choose(select)
        self._known.require_room(choice)
        before, self._select = self._known.watched, select
        if choice.products != before.products or self._watch.ended:
            await self._watch.change(f"{_described(select)}: {len(choice.products)} products")
        elif choice.scans != before.scans:
            self._known.watch(choice)
            self._tape.chosen(choice)
            self._watch.note("selected", _described(select))
            self._tell(choice)
        return self.products

    @property
    def pause_of_select(self) -> float:
        """Seconds that `select` takes at most before the server is asked, for a progress bar."""
        return self._watch.pause_of_change

    @property
    def dataset(self) -> xr.Dataset:
        """Everything received so far, a copy; ``UVW`` is NaN without a delay model."""
        return self._known.dataset(im=self.delay_model)

    def latest(self, integrations: int) -> xr.Dataset:
        """The newest integrations received, a copy: as `dataset`, but at a cost that does not grow with time.

        Parameters
        ----------
        integrations : int
            How many at most.
        """
        return self._known.dataset(im=self.delay_model, last=integrations)

    @property
    def fringes(self) -> pd.DataFrame:
        """Fringe fit of every scan, baseline, band and polarization so far, columns of :func:`difxnb.fringe_fit`.

        The whole of every scan, whether it is still in `dataset` or not: within a small part of the errors, what a fit
        of all integrations gives (see :meth:`VisibilitySeries.fringes_so_far
        <difxnb.visibility.VisibilitySeries.fringes_so_far>`). Made anew in the thread that asks, when there is
        something new and 25 times as long as the last fit took has passed since; until then the last table, whose
        ``attrs["until"]`` says up to which integration it goes (UTC), and ``attrs["left_out"]`` how many are not in it
        since they came faster than they could be added up. After the end of the job or the watching it is
        always that of everything. From a coroutine, at a high rate of data, ask in a thread:
        ``await asyncio.to_thread(lambda: monitor.fringes)``. A fit of `dataset`, fresh and exact:
        ``difxnb.fringe_fit(monitor.dataset)``.
        """
        known = self._known
        return self._looks.fringes(known, is_final=self._is_final)

    async def quality(self, limits: str | PathLike[str] | Limits | None = None) -> QualityReport:
        """Say whether the job is fine so far, check by check; see :func:`difxnb.check_quality`.

        Checks of fringes look at `fringes`; those of spectra, of weights (which the monitor does not send) and of
        missing data at the newest 32 MiB of integrations while the job runs, at everything kept afterwards. Made
        anew when 60 times as long as it takes has passed, in a thread of its own.

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
        known = self._known
        return await asyncio.to_thread(self._looks.quality, known, limits, is_final=self._is_final)

    @property
    def _is_final(self) -> bool:
        """Whether nothing more will come."""
        return self.closed or not self.is_wanted()

    @property
    def best_snr(self) -> float | None:
        """Highest signal-to-noise ratio of all fringes so far; None before there are any."""
        snr = self.fringes["snr"].dropna()
        return None if snr.empty else float(snr.max())

    @property
    def version(self) -> int:
        """Moves with every block received."""
        return self._known.version

    @property
    def dropped(self) -> int:
        """Spectra that could not be kept."""
        return self._known.dropped

    @property
    def texts(self) -> list[str]:
        """What the monitor said of itself."""
        return [text.text.strip() for text in self._watch.texts]

    @property
    def closed(self) -> bool:
        """Whether no more data will come."""
        return self._watch.ended

    @property
    def failure(self) -> DifxError | None:
        """Why no more data will come; None while they come, and after `close`."""
        return self._watch.failure

    @property
    def interruption(self) -> str:
        """Why nothing comes for the moment though it will again (the connection is lost); empty otherwise."""
        return self._watch.interruption

    async def catch_up(self, reached_mjd: float, patience: float = CATCH_UP_S) -> None:
        """Wait until data of a time have come, and no more follow them at once.

        What a job writes reaches its monitors by another way than its messages, and may come after its end.

        Parameters
        ----------
        reached_mjd : float
            Middle of an integration of the job, MJD in UTC.
        patience : float
            Seconds to wait at most; where the selection has nothing of that time, nothing will come.
        """
        await catch_up(self, self._known, second_of(reached_mjd, self._input), patience)

    def plot(self, kind: str = "spectra", *, ax: Any = None, **selection: Any) -> Artists:
        """Draw what has been received so far; see :meth:`difxnb.notebook.Monitor.plot`."""
        from difxnb.plots.kinds import plot

        return plot(self, kind, ax=ax, **selection)

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
        await self._watch.close()

    async def __aenter__(self) -> Monitor:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def __repr__(self) -> str:
        state = "failed" if self.failure else "closed" if self.closed else "open"
        state = "interrupted" if self.interruption else state
        counts = f"{len(self.products)} products, {self._watch.blocks} blocks, {self.dropped} dropped"
        counts += f", {self.passed_over} of other scans" if self.passed_over else ""
        counts += f", {self._watch.dropped_texts} texts dropped" if self._watch.dropped_texts else ""
        return f"<Monitor of {self._input_file}: {state}, {counts}>"


def _described(select: Select | None) -> str:
    """A selection in a few words."""
    if select is None:
        return "all"
    if isinstance(select, Mapping):
        return ", ".join(f"{name} {value}" for name, value in select.items())
    return (
        "rows of products" if isinstance(select, pd.DataFrame) else getattr(select, "__name__", "a function")
    )
