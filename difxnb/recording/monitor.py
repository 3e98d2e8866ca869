# SPDX-License-Identifier: GPL-3.0-or-later
"""The live visibilities of a job as they were recorded.

In: lists, choices, blocks and events, in the order in which they came. Out: what :class:`difxnb.aio.Monitor` showed.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, replace
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from difxnb.aio.frames import told_frame
from difxnb.client.monitor_watch import WatchEvent
from difxnb.formats.im import Im, read_im
from difxnb.formats.input import Input, read_input
from difxnb.formats.journal import Kind, Record
from difxnb.formats.journal_content import (
    Chosen,
    Listed,
    decode_block,
    decode_chosen,
    decode_facts,
    decode_listed,
    text_of,
)
from difxnb.markup import listed as listed_facts

if TYPE_CHECKING:
    import xarray as xr

    from difxnb.panels import Panel
    from difxnb.plots import Artists
    from difxnb.quality.limits import Limits
    from difxnb.quality.report import QualityReport
    from difxnb.visibility import VisibilitySeries
    from difxnb.visibility.live.offer import Choice, Offer

KINDS = frozenset({Kind.MONITOR, Kind.OFFER, Kind.CHOICE, Kind.BLOCK})

# What is kept in memory of a recording; what a live monitor kept, where that is more.
_LIMIT_BYTES, _MOST_BYTES = 2 * 2**30, 16 * 2**30
_KEPT_EVENTS = 10_000


class RecordedMonitor:
    """Recorded live visibilities of a job; everything is a snapshot, usable from any thread.

    Attributes
    ----------
    job, input_file : str
        The job's name, and its ``.input`` file on the server.
    input : Input or None
        That file, where it was recorded, or given by `use_input`.
    delay_model : Im or None
        The job's ``.im`` file, for the baseline coordinates.
    """

    def __init__(
        self,
        job: str,
        input_file: str,
        limit_bytes: int,
        *,
        files: tuple[Input | None, Im | None] = (None, None),
        fill: Callable[[RecordedMonitor], None] | None = None,
    ) -> None:
        self.job, self.input_file = job, input_file
        self.input, self.delay_model = files
        self._limit_bytes = max(_LIMIT_BYTES, min(limit_bytes, _MOST_BYTES))
        self._fill, self._is_filled = fill, fill is None
        self._lock = threading.RLock()
        self._empty()

    def _empty(self) -> None:
        self._listed: Listed | None = None
        self._chosen: Chosen | None = None
        self._offer: Offer | None = None
        self._series: VisibilitySeries | None = None
        self._events: deque[WatchEvent] = deque(maxlen=_KEPT_EVENTS)
        self._texts: deque[str] = deque(maxlen=_KEPT_EVENTS)
        self._state = self._why = ""
        self._blocks = self._unused = 0

    # --- taking in ------------------------------------------------------------------------------------

    def take(self, record: Record) -> None:
        """Take in a record of this monitor; ValueError where it makes no sense."""
        with self._lock:
            match record.kind:
                case Kind.OFFER:
                    self._listed, self._offer = decode_listed(record.payload), None
                case Kind.CHOICE:
                    self._chosen = decode_chosen(record.payload)
                    self._choose()
                case Kind.BLOCK:
                    self._add(record.payload)
                case Kind.MONITOR:
                    self._note(record)

    def _choose(self) -> None:
        if self.input is None or self._listed is None or self._chosen is None:
            return
        # xarray takes a second to load, which whoever only reads messages need not wait for.
        from difxnb.visibility import VisibilitySeries
        from difxnb.visibility.live.offer import Offer

        listed = self._listed
        self._offer = self._offer or Offer(listed.products, listed.scans, self.input)
        choice = _again(self._offer, self._chosen)
        if self._series is None:
            scans, limit = self._offer.scans, self._limit_bytes
            self._series = VisibilitySeries(self.input, choice, scans=scans, limit_bytes=limit)
        else:
            self._series.watch(choice)

    def _add(self, payload: bytes) -> None:
        self._blocks += 1
        if self._series is None:
            self._unused += 1
        else:
            self._series.add(decode_block(payload)[1])

    def _note(self, record: Record) -> None:
        facts = decode_facts(record.payload)
        match facts.get("event"):
            case "gap" if self._series is not None:
                self._series.note_gap()
            case "text":
                self._texts.append(text_of(facts, "text").strip())
            case "event":
                event = WatchEvent(record.time, text_of(facts, "name"), text_of(facts, "text"))
                self._events.append(event)
                if event.event != "note":
                    self._state, self._why = event.event, event.text

    def use_input(self, input: str | Path | Input, delay_model: str | Path | Im | None = None) -> None:
        """Give the ``.input`` file of the job, where it is not in the recording (captures have none).

        Parameters
        ----------
        input : path or Input
            The file, or what was read from it.
        delay_model : path or Im, optional
            The ``.im`` file, for the baseline coordinates.

        Raises
        ------
        FileFormatError
            One of them cannot be read.
        ValueError
            It does not fit what the server listed; or this is a replay, whose visibilities have gone by.
        """
        if self._fill is None and self._blocks:
            raise ValueError("visibilities have been passed over already; give the .input before the replay")
        inp = input if isinstance(input, Input) else read_input(input)
        model = read_im(delay_model) if isinstance(delay_model, str | Path) else delay_model
        with self._lock:
            self.input, self.delay_model = inp, model
            self._is_filled = self._fill is None
            if self._fill is not None:
                self._empty()

    def _filled(self) -> RecordedMonitor:
        with self._lock:
            if not self._is_filled and self._fill is not None:
                self._is_filled = True
                self._fill(self)
        return self

    @property
    def _known(self) -> VisibilitySeries:
        series = self._filled()._series
        if series is None:
            what = "holds no choice of products of"
            if self.input is None:
                what = "holds no .input file (give it with use_input(path)) of"
            raise ValueError(f"the recording {what} the monitor of {self.input_file}")
        return series

    # --- what a monitor shows -------------------------------------------------------------------------

    @property
    def products(self) -> pd.DataFrame:
        """What was watched last, one row per product, named from the ``.input`` file where there is one."""
        if self._filled()._series is not None:
            return self._known.products_frame()
        chosen, frame = self._chosen, self.available
        if chosen is None or frame.empty:
            return frame
        number = "number" if "number" in frame else "product"
        mine = frame[number].isin(chosen.numbers) & (frame["scan"] == chosen.scan)
        return frame[mine].reset_index(drop=True)

    @property
    def available(self) -> pd.DataFrame:
        """What could be watched; without an ``.input`` file as the server listed it."""
        if self._filled()._offer is not None:
            return self._offer.frame if self._offer is not None else pd.DataFrame()
        return pd.DataFrame([asdict(product) for product in self._products()])

    def _products(self) -> tuple[Any, ...]:
        return () if self._listed is None else self._listed.products

    @property
    def scans(self) -> pd.DataFrame:
        """Scans of the job: ``scan`` (index), ``scan_name``, ``field_name``, ``start``, ``stop`` (UTC)."""
        if self._filled()._offer is not None:
            return self._offer.scans_frame() if self._offer is not None else pd.DataFrame()
        return pd.DataFrame([] if self._listed is None else [asdict(scan) for scan in self._listed.scans])

    @property
    def events(self) -> pd.DataFrame:
        """What happened to the watching itself: ``time event text``; see :attr:`difxnb.aio.Monitor.events`."""
        told = tuple(self._filled()._events)
        frame = told_frame((one.time, one.event, one.text) for one in told)
        frame.attrs["dropped"] = 0
        return frame

    @property
    def dataset(self) -> xr.Dataset:
        """Everything that was received, a copy; ``UVW`` is NaN without a delay model.

        Raises
        ------
        ValueError
            The recording does not hold the job's ``.input``: see `use_input`.
        """
        return self._known.dataset(im=self.delay_model)

    def latest(self, integrations: int) -> xr.Dataset:
        """The newest integrations received, a copy; as `dataset`.

        Parameters
        ----------
        integrations : int
            How many at most.

        Raises
        ------
        ValueError
            The recording does not hold the job's ``.input``: see `use_input`.
        """
        return self._known.dataset(im=self.delay_model, last=integrations)

    @property
    def fringes(self) -> pd.DataFrame:
        """Fringe fit of every scan, baseline, band and polarization."""
        return self._known.fringes()

    def quality(self, limits: str | PathLike[str] | Limits | None = None) -> QualityReport:
        """Say whether what was received is fine; see :func:`difxnb.check_quality`.

        Parameters
        ----------
        limits : path or mapping, optional
            Limits in place of the usual ones.

        Raises
        ------
        ValueError
            There is no such check or limit, or the recording does not hold the job's ``.input``.
        FileFormatError, FileNotFoundError
            The file of limits is no TOML, or not there.
        """
        from difxnb.quality.report import check_quality

        return check_quality(self.dataset, limits=limits, fringes=self.fringes, running=not self.closed)

    @property
    def version(self) -> int:
        """Moves with every block."""
        return self._filled()._blocks

    @property
    def dropped(self) -> int:
        """Spectra that there was no room for, or that nobody can place."""
        return self._unused if self._filled()._series is None else self._known.dropped

    @property
    def passed_over(self) -> int:
        """Spectra of scans that were not asked for."""
        return 0 if self._filled()._series is None else self._known.passed_over

    @property
    def texts(self) -> list[str]:
        """What the monitor said of itself."""
        return list(self._filled()._texts)

    @property
    def closed(self) -> bool:
        """Whether the watching had ended."""
        return self._filled()._state in ("closed", "failed")

    @property
    def failure(self) -> str:
        """Why it ended; empty where it was closed, or had not ended."""
        return self._why if self._filled()._state == "failed" else ""

    @property
    def interruption(self) -> str:
        """Why nothing came at the end though it would again; empty otherwise."""
        return self._why if self._filled()._state == "lost" else ""

    def plot(self, kind: str = "spectra", *, ax: Any = None, **selection: Any) -> Artists:
        """Draw what has been received so far; see :meth:`difxnb.notebook.Monitor.plot`."""
        from difxnb.plots.kinds import plot

        return plot(self, kind, ax=ax, **selection)

    def panel(self) -> Panel:
        """Pictures and numbers of what was received; see :meth:`difxnb.notebook.Monitor.panel`."""
        from difxnb.recording.panels import monitor_panel

        return monitor_panel(self)

    def save(self, path: str | Path) -> Path:
        """Write the dataset to a netCDF file; OutputExists where there is one."""
        from difxnb.visibility import save_netcdf

        save_netcdf(self.dataset, path)
        return Path(path)

    def __repr__(self) -> str:
        state = self._filled()._state or "not opened"
        return (
            f"<RecordedMonitor of {self.input_file}: {state}, {len(self.products)} products, "
            f"{self._blocks} blocks, {self.dropped} dropped>"
        )

    def _repr_html_(self) -> str:
        return listed_facts(repr(self), {"failure": self.failure, "interrupted": self.interruption})


def _again(offer: Offer, chosen: Chosen) -> Choice:
    """The choice that was made then."""
    rows = pd.DataFrame({"product": list(chosen.numbers), "scan": chosen.scan})
    choice = offer.choose(rows)
    scans = None if chosen.scans is None else frozenset(chosen.scans)
    return replace(choice, scans=scans, left_out=chosen.left_out)
