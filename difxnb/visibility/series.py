# SPDX-License-Identifier: GPL-3.0-or-later
"""Live visibilities: blocks of the monitor exchange go in from one thread, Datasets come out in any other."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from difxnb.formats.im import Im
from difxnb.formats.input import Input
from difxnb.formats.mjd import DAY_S, UNIX_EPOCH_MJD
from difxnb.visibility.cube import Axes, Cube, Key, key_of
from difxnb.visibility.fits import fringe_fit
from difxnb.visibility.matching import match_products
from difxnb.visibility.products import products_frame
from difxnb.visibility.uvw import uvw_of_times
from difxnb.wire.monitor import Product, Scan, VisibilityBlock

_MJD_STEP_S = 0.0087  # scan starts travel as days with seven decimals


class IntegrationClock:
    """Turns the whole seconds of the monitor into the grid of integrations.

    The monitor says only in which second after 0h of START MJD an integration began. Integration i of a scan
    begins at scan start + i · INT TIME, so the k-th block of a product within a second is the k-th grid time
    in it.
    """

    def __init__(self, input: Input, scans: Iterable[Scan]) -> None:
        self.step = float(input.configurations[0].int_time)
        self.day = (input.start_mjd - UNIX_EPOCH_MJD) * DAY_S
        self._job_start = float(input.start_seconds)
        self._starts = {
            scan.identifier: _scan_start(scan, input.start_mjd)
            for scan in scans
            if math.isfinite(scan.start_mjd)
        }
        self._last: dict[int, tuple[str, int, float]] = {}

    def middle_ns(self, product: int, scan: str, second: int) -> int | None:
        """Middle of the integration, ns since 1970; None when there is no room in its second."""
        start = self._starts.get(scan, self._job_start)
        earliest = math.ceil((second - start) / self.step - 1e-6)
        if start + earliest * self.step >= second + 1:  # no grid time here, so the origin is another one
            start, earliest = float(second), 0
        index: float = earliest
        last = self._last.get(product)
        if last is not None and last[:2] == (scan, second):
            index = last[2] + 1
            if start + index * self.step >= second + 1 - 1e-6 * self.step:
                return None
        self._last[product] = (scan, second, index)
        return round((start + (index + 0.5) * self.step) * 1e9) + self.day * 10**9


def _scan_start(scan: Scan, start_mjd: int) -> float:
    """Seconds after 0h of START MJD; a whole second where the rounding of the wire allows it."""
    seconds = (scan.start_mjd - start_mjd) * DAY_S
    whole = round(seconds)
    return float(whole) if abs(seconds - whole) < _MJD_STEP_S else round(seconds, 2)


class VisibilitySeries:
    """Live visibilities of one job: blocks go in, Datasets come out.

    One thread adds, others look; each snapshot is a copy. When `limit_bytes` are used the oldest quarter of
    the integrations falls out and is counted.

    Parameters
    ----------
    input : Input
        Parsed ``.input`` of the job.
    products : iterable of Product
        The products that were asked for, from the server's list.
    scans : sequence of Scan, optional
        The server's list of scans; makes times exact in jobs whose later scans are off the grid of the first.
    limit_bytes : int
        Bytes of visibilities kept.

    Attributes
    ----------
    version : int
        Moves with every block.
    dropped : int
        Spectra that fell out or came late, were of products not asked for, or of a length not announced.

    Raises
    ------
    ValueError
        No product of the list is in the ``.input``, or one integration alone is over the limit.
    """

    def __init__(
        self,
        input: Input,
        products: Iterable[Product],
        *,
        scans: Sequence[Scan] = (),
        limit_bytes: int = 256 * 2**20,
    ) -> None:
        self.input = input
        self.products = list(products)
        self.version = 0
        self.dropped = 0
        self._keys: dict[int, Key] = {}
        for product, place in match_products(self.products, input):
            if place is not None:  # numbers start anew in each scan and mean the same
                self._keys.setdefault(product.number, key_of(place))
        axes = Axes(input, self._keys.values())
        self.limit_rows = limit_bytes // axes.row_bytes
        if self.limit_rows < 1:
            raise ValueError(f"one integration takes {axes.row_bytes} bytes; the limit is {limit_bytes}")
        self._clock = IntegrationClock(input, scans)
        self._cube = Cube(axes, min(16, self.limit_rows), layers=("server_delay", "server_snr"))
        self._labels: dict[int, tuple[str, str]] = {}
        self._oldest_ns = 0
        self._lock = threading.Lock()
        self._fringes: tuple[int, pd.DataFrame] | None = None

    def __len__(self) -> int:
        return len(self._cube.times)

    def products_frame(self) -> pd.DataFrame:
        """The products of this series (see :func:`products_frame`)."""
        return products_frame(self.products, self.input)

    def add(self, block: VisibilityBlock) -> None:
        """Take one product of one integration.

        A block that cannot be used (unknown product, unexpected number of channels, older than what was
        dropped, one more in its second than there are integrations) is counted in `dropped`.
        """
        with self._lock:
            self.version += 1
            if not self._store(block):
                self.dropped += 1

    def _store(self, block: VisibilityBlock) -> bool:
        key = self._keys.get(block.product)
        if key is None or len(block.visibility) != self.input.channels(key.band):
            return False
        time_ns = self._clock.middle_ns(block.product, block.scan, block.time)
        if time_ns is None or time_ns < self._oldest_ns:
            return False
        if time_ns not in self._labels:
            self._make_room()
            self._labels[time_ns] = (block.scan, block.source)
        row = self._cube.row(time_ns)
        self._cube.put(row, key, block.visibility, np.nan)
        if block.server is not None:
            place = (row, *self._cube.axes.place(key))
            self._cube.layers["server_delay"][place] = block.server.delay_us * 1e-6
            self._cube.layers["server_snr"][place] = block.server.snr
        return True

    def _make_room(self) -> None:
        if len(self._cube.times) < self.limit_rows:
            return
        count = max(1, self.limit_rows // 4)
        for time_ns in self._cube.times[:count]:
            del self._labels[time_ns]
            self._oldest_ns = max(self._oldest_ns, time_ns + 1)
        self.dropped += self._cube.drop_oldest(count)

    def dataset(self, *, im: Im | None = None) -> xr.Dataset:
        """Snapshot of everything so far.

        Parameters
        ----------
        im : Im, optional
            Delay model of the job, for ``UVW``; NaN without it.

        Returns
        -------
        Dataset
            Shape of the package docstring, with ``server_delay`` (s) and ``server_snr`` as guiServer sent
            them: not to be trusted. ``WEIGHT`` is NaN: the monitor does not send weights.
        """
        with self._lock:
            times = list(self._cube.times)
            labels = [self._labels[time_ns] for time_ns in times]
            scans, fields = [scan for scan, _ in labels], [field for _, field in labels]
            uvw = None if im is None else self._uvw(im, times, fields)
            attrs = {"visibility_source": "live monitor", "dropped": self.dropped}
            return self._cube.dataset(uvw, scans, fields, attrs)

    def _uvw(self, im: Im, times: list[int], fields: list[str]) -> NDArray[np.float64]:
        return uvw_of_times(im, self.input, self._cube.axes.baselines, times, fields)

    def fringes(self) -> pd.DataFrame:
        """Fringe fit of every scan, baseline, band and polarization (see :func:`fringe_fit`).

        Made anew only when a block has come since the last call; columns can be added to it.
        """
        version, cached = self.version, self._fringes
        if cached is None or cached[0] != version:
            self._fringes = cached = (version, fringe_fit(self.dataset()))
        return cached[1].copy(deep=False)

    def __repr__(self) -> str:
        held = f"{len(self)} integrations, {self.dropped} spectra dropped"
        return f"<VisibilitySeries of {self.input.job_name}: {held}>"
