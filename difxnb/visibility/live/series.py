# SPDX-License-Identifier: GPL-3.0-or-later
"""Live visibilities: blocks of the monitor exchange go in from one thread, Datasets come out in any other."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
import xarray as xr

from difxnb.formats.im import Im
from difxnb.formats.input import Input
from difxnb.visibility.axes import Axes, Key
from difxnb.visibility.fits import fringe_fit
from difxnb.visibility.live.clock import Integration, IntegrationClock
from difxnb.visibility.live.cube import Cube, dataset_of
from difxnb.visibility.live.fringe_cells import FringeCells
from difxnb.visibility.live.offer import Choice, Offer
from difxnb.visibility.live.scan_cells import LiveRow
from difxnb.visibility.uvw import uvw_of_times
from difxnb.wire.monitor import Product, Scan, VisibilityBlock

LIMIT_BYTES = 256 * 2**20
"""Bytes of live visibilities that are kept when nothing else was said."""

_LAYERS = ("server_delay", "server_snr")
_FALLING = 16  # integrations at most that fall out together, since to free memory takes time
_NOWHERE: tuple[int, tuple[int, ...]] = (-1, ())  # of a product that is not watched


class VisibilitySeries:
    """Live visibilities of one job: blocks go in, Datasets come out.

    One thread adds, others look; each snapshot is a copy. When `limit_bytes` are used the oldest
    integrations fall out and are counted. The products that come may change; what has come stays, and what was
    not watched at a time is missing there.

    Parameters
    ----------
    input : Input
        Parsed ``.input`` of the job.
    products : iterable of Product, or Choice
        The products that were asked for, from the server's list.
    scans : sequence of Scan, optional
        The server's list of scans; makes times exact in jobs whose later scans are off the grid of the first.
    limit_bytes : int
        Bytes of visibilities kept.
    cells : FringeCells, optional
        Is given every integration, once its time is settled, for `fringes_so_far`.

    Attributes
    ----------
    version : int
        Moves with every block.
    dropped : int
        Spectra that fell out or came late, were of products not asked for, or of a length not announced.
    passed_over : int
        Spectra of scans that were not asked for.
    watched : Choice
        The products that are taken.
    latest_second : int
        Start of the latest integration of which anything came, whole seconds of the job's first day (UTC); -1 before.

    Raises
    ------
    ValueError
        No product of the list is in the ``.input``, or one integration alone is over the limit.
    """

    def __init__(
        self,
        input: Input,
        products: Iterable[Product] | Choice,
        *,
        scans: Sequence[Scan] = (),
        limit_bytes: int = LIMIT_BYTES,
        cells: FringeCells | None = None,
    ) -> None:
        if not isinstance(products, Choice):
            products = Offer(list(products), scans, input).choose(None)
        self.input = input
        self.version = self.dropped = self.passed_over = 0
        self.latest_second = -1
        self._limit_bytes = limit_bytes
        self._clock = IntegrationClock(input, scans)
        self._held: dict[int, Integration] = {}
        self._cells = cells
        self._unsettled: list[Integration] = []  # not in the cells yet
        self._oldest_ns = 0
        self._lock = threading.Lock()
        self._fringes: tuple[int, pd.DataFrame] | None = None
        self._ranks: dict[Key, int] = {}
        self._cube = Cube(self._axes_with(products), layers=_LAYERS)
        self.watch(products)

    def __len__(self) -> int:
        return len(self._held)

    @property
    def row_bytes(self) -> int:
        """Bytes of one integration."""
        return self._cube.axes.row_bytes

    @property
    def limit_rows(self) -> int:
        """Integrations that there is room for."""
        return self._limit_bytes // self._cube.axes.row_bytes

    def products_frame(self) -> pd.DataFrame:
        """The products that are taken (see :func:`products_frame`)."""
        return self.watched.frame.copy()

    # --- what is taken --------------------------------------------------------------------------------

    def require_room(self, choice: Choice) -> None:
        """Raise ValueError where an integration would not fit, with what is held and what is chosen."""
        self._axes_with(choice)

    def watch(self, choice: Choice) -> None:
        """Take these products from now on; everything that has come stays.

        Raises
        ------
        ValueError
            One integration would be over the limit.
        """
        with self._lock:
            axes = self._axes_with(choice)
            self._ranks |= _ranks(choice)
            if axes.keys != self._cube.axes.keys:
                self._cube.axes = axes
            self._places = {
                number: (self.input.channels(key.band), axes.place(key))
                for number, key in choice.keys.items()
            }
            self.watched = choice
            self._make_room(0)

    def note_gap(self) -> None:
        """Note that integrations may have been missed."""
        with self._lock:
            self._clock.note_gap()

    def _axes_with(self, choice: Choice) -> Axes:
        """Axes of all products that have been taken so far and are to be taken, in their usual order."""
        ranks = {**_ranks(choice), **self._ranks}
        axes = Axes(self.input, sorted(ranks, key=lambda key: ranks[key]))
        if axes.row_bytes > self._limit_bytes:
            raise ValueError(
                f"one integration takes {axes.row_bytes} bytes; the limit is {self._limit_bytes}"
            )
        return axes

    # --- blocks ---------------------------------------------------------------------------------------

    def add(self, block: VisibilityBlock) -> None:
        """Take one product of one integration.

        A block that cannot be used (unknown product, unexpected number of channels, older than what was
        dropped, one more in its second than there are integrations) is counted in `dropped`.
        """
        with self._lock:
            self.version += 1
            self.latest_second = max(self.latest_second, block.time)
            scan, source = block.scan, block.source
            if not scan:
                scan, source = self._clock.name_scan(source, block.time)
            if self.watched.scans is not None and scan not in self.watched.scans:
                self.passed_over += 1
            elif not self._store(block, scan, source):
                self.dropped += 1

    def _store(self, block: VisibilityBlock, scan: str, source: str) -> bool:
        channels, place = self._places.get(block.product, _NOWHERE)
        if len(block.visibility) != channels:
            return False
        integration = self._clock.take(block.product, scan, source, block.time)
        if self._clock.moved:
            self._move_corrected()
        if integration is None or integration.middle_ns < self._oldest_ns:
            return False
        time_ns = integration.middle_ns
        if self._held.get(time_ns) is not integration:
            self._hold(integration)
        row = self._cube.row(time_ns)
        row.put_at(place, block.visibility, np.nan)
        if block.server is not None:
            row.layers["server_delay"][place] = block.server.delay_us * 1e-6
            row.layers["server_snr"][place] = block.server.snr
        return True

    def _hold(self, integration: Integration) -> None:
        if integration.middle_ns not in self._held:
            self._make_room(1)
        self._held[integration.middle_ns] = integration
        if self._cells is not None:
            # when its second is over nothing moves an integration any more
            self._settle([one for one in self._unsettled if one.second is not integration.second])
            self._unsettled.append(integration)

    def _settle(self, integrations: Sequence[Integration]) -> None:
        """Add integrations to the cells."""
        for one in integrations:
            self._unsettled.remove(one)
            if self._cells is not None and self._held.get(one.middle_ns) is one:
                self._cells.add(self._live_row(one))

    def _live_row(self, integration: Integration) -> LiveRow:
        row = self._cube.hand_out(integration.middle_ns)
        return LiveRow(
            integration.scan,
            integration.source,
            integration.middle_ns,
            integration.second.span.step,
            row.axes,
            row.visibility,
            row.weight != 0,
            row.layers,
        )

    def _move_corrected(self) -> None:
        """Move integrations whose time became known better when their second was over."""
        moved, self._clock.moved = self._clock.moved, []
        for integration, before in reversed(moved):  # all move to later places: the last one first
            after = integration.middle_ns
            if self._held.get(before) is not integration:
                continue
            if after in self._held:  # of an earlier run of the same job
                integration.middle_ns = before
                continue
            self._held[after] = self._held.pop(before)
            self._cube.move(before, after)

    def _make_room(self, wanted: int) -> None:
        cube = self._cube
        count = len(cube) + wanted - self.limit_rows
        if count <= 0:
            return
        falling = cube.times[: max(count, min(self.limit_rows // 4, _FALLING))]
        self._settle([one for one in self._unsettled if one.middle_ns <= falling[-1]])
        for time_ns in falling:
            del self._held[time_ns]
        self._oldest_ns = falling[-1] + 1
        self.dropped += cube.drop(falling)

    # --- snapshots ------------------------------------------------------------------------------------

    def dataset(self, *, im: Im | None = None, last: int | None = None) -> xr.Dataset:
        """Snapshot of everything so far.

        Parameters
        ----------
        im : Im, optional
            Delay model of the job, for ``UVW``; NaN without it.
        last : int, optional
            Only so many integrations, the newest.

        Returns
        -------
        Dataset
            Shape of the package docstring, with ``time_uncertainty`` (s), which is 0 where `time` is exact (see
            :mod:`difxnb.visibility.live.clock`), and ``server_delay`` (s) and ``server_snr`` as guiServer sent
            them: not to be trusted. ``WEIGHT`` is NaN: the monitor does not send weights.
        """
        with self._lock:  # for moments: who receives does not wait for a copy
            axes, times = self._cube.axes, self._cube.times
            times = times[max(0, len(times) - last) :] if last is not None else times
            rows = {time_ns: self._cube.hand_out(time_ns) for time_ns in times}
            held = [self._held[time_ns] for time_ns in times]
            uncertainty = np.array([one.uncertainty_ns * 1e-9 for one in held], dtype=float)
            counts = {"dropped": self.dropped, "passed_over": self.passed_over}
        fields = [one.source for one in held]
        along_time = {
            "scan_name": np.array([one.scan for one in held], dtype=object),
            "field_name": np.array(fields, dtype=object),
            "time_uncertainty": uncertainty,
        }
        uvw = None if im is None else uvw_of_times(im, self.input, axes.baselines, times, fields)
        attrs = {"visibility_source": "live monitor", **counts}
        return dataset_of(rows, axes, uvw, along_time, attrs, layers=_LAYERS)

    def fringes(self) -> pd.DataFrame:
        """Fringe fit of every scan, baseline, band and polarization of what is kept (see :func:`fringe_fit`).

        Exact and fresh: made of all integrations anew when a block has come since the last call, which at a high rate
        of data takes longer than the next one does to come. Columns can be added to it.
        """
        version, cached = self.version, self._fringes
        if cached is None or cached[0] != version:
            self._fringes = cached = (version, fringe_fit(self.dataset()))
        return cached[1].copy(deep=False)

    def fringes_so_far(self) -> pd.DataFrame:
        """The same of everything that has come, kept or not, from few cells of time of each scan.

        Each scan is fitted from at most 32 cells (see :mod:`difxnb.visibility.live.scan_cells`), at a cost that does
        not grow with the time it takes, and once more when it is over. Of a scan of up to 32 integrations the table is
        exact; of a longer one values differ by a small part of their errors, and SNR and errors by as much as the
        noise of the fewer samples is uncertain: some 1.5 percent where there are 128 channels, 5 where there are 16.
        A fringe that is too weak to be seen when cells are added up, on a baseline whose antennas have none either, is
        weakened or lost where it turns by half a turn or more within a cell; so is what is chosen in the middle of a
        scan, until cells are added up again. Each call makes a fit.

        Returns
        -------
        DataFrame
            As :func:`fringe_fit` gives it; ``attrs["until"]`` is the middle of the last integration in it (UTC), NaT
            where there is none. ``attrs["left_out"]`` counts integrations that are not in it, since they came faster
            than they could be added up.

        Raises
        ------
        ValueError
            There are no cells; a band cannot be fitted, as of a single channel.
        """
        if self._cells is None:
            raise ValueError("this series was made without cells, and cannot tell the fringes so far")
        with self._lock:
            there = [one for one in self._unsettled if self._held.get(one.middle_ns) is one]
            pending = [self._live_row(one) for one in there]
        found = self._cells.table(pending)
        table, until = (self.fringes(), pd.NaT) if found is None else (found[0], pd.Timestamp(found[1]))
        table.attrs |= {"until": until, "left_out": self._cells.left_out}
        return table

    def __repr__(self) -> str:
        held = f"{len(self)} integrations, {self.dropped} spectra dropped"
        if self._cells is not None and self._cells.left_out:
            held += f", {self._cells.left_out} integrations left out of fringes"
        return f"<VisibilitySeries of {self.input.job_name}: {held}>"


def _ranks(choice: Choice) -> dict[Key, int]:
    """Where each product lies in the array of results, which orders the axes whatever was chosen first."""
    return {choice.keys[product.number]: product.offset for product in choice.products}
