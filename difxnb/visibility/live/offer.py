# SPDX-License-Identifier: GPL-3.0-or-later
"""What a live monitor can show of a job, and what of it a user chose.

In: the server's list of scans and products, the ``.input``, a selection. Out: tables of both with the names of the
``.input``, and the products to ask for. Each scan has a list of its own, numbered from 0; they differ only where
scans have different configurations or numbers of phase centres. A request names one set of offsets for all scans,
so the scans in which these mean something else are left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from itertools import groupby
from operator import attrgetter
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from difxnb.formats.input import Input
from difxnb.formats.mjd import DAY_S, UNIX_EPOCH_MJD
from difxnb.formats.result_layout import ResultProduct
from difxnb.visibility.axes import Key, key_of
from difxnb.visibility.live.choosing import Select, choose_rows, is_like
from difxnb.visibility.live.clock import is_a_time, second_of
from difxnb.visibility.live.matching import match_products
from difxnb.visibility.live.products import matches_frame
from difxnb.wire.monitor import Product, Scan

_SCAN_KEYS = ("scan", "source")
_CONTENT = attrgetter(*(field.name for field in fields(Product) if field.name != "scan"))


@dataclass(frozen=True)
class Choice:
    """Products of a job to watch.

    Attributes
    ----------
    products : tuple of Product
        To ask for: no number twice, nothing twice, offsets as the array of results has them.
    frame : DataFrame
        The same as a table.
    keys : dict
        What each product number is of.
    scans : frozenset of str or None
        Identifiers of the scans whose data belong to it; None: whatever comes.
    left_out : tuple of str
        Scans that were asked for, and in which these products cannot be had at the same time.
    """

    products: tuple[Product, ...]
    frame: pd.DataFrame
    keys: Mapping[int, Key]
    scans: frozenset[str] | None
    left_out: tuple[str, ...]


class _Place(NamedTuple):
    """Where a product lies, and what it is of."""

    offset: int
    channels: int
    key: Key


class _Listing:
    """The products of all scans that have the same list."""

    def __init__(self, products: Sequence[Product], input: Input, configuration: int, centers: int) -> None:
        self.scans: list[Scan] = []
        matches = match_products(products, input, configuration=configuration, phase_centers=centers)
        self.strangers = [product for product, place in matches if place is None]
        self.matches: list[tuple[Product, ResultProduct]] = []
        taken: set[Key] = set()
        for product, place in matches:
            # Two recordings of one antenna may have the same band: a Dataset has room for one of them.
            if place is not None and key_of(place) not in taken:
                taken.add(key_of(place))
                self.matches.append((replace(product, offset=place.offset), place))
        self.frame = matches_frame(self.matches, input)
        self.places = {
            product.number: _Place(place.offset, place.channels, key_of(place))
            for product, place in self.matches
        }

    def means_the_same(self, other: _Listing, numbers: Iterable[int]) -> bool:
        """Whether products of these numbers are the same here and there."""
        return self is other or all(self.places[number] == other.places.get(number) for number in numbers)


class Offer:
    """Everything that a monitor can be asked for.

    Parameters
    ----------
    products, scans : sequence
        The server's list.
    input : Input
        Of the same job.

    Attributes
    ----------
    strangers : int
        Products of the list that the ``.input`` does not know. They are not offered: nobody could say what they
        are, and a wrong offset makes a server read beyond its memory.
    """

    def __init__(self, products: Sequence[Product], scans: Sequence[Scan], input: Input) -> None:
        self._input = input
        self._scans = {scan.index: scan for scan in scans}
        self._listings = self._read(products)
        self.strangers = sum(len(listing.strangers) for listing in self._listings)

    def _read(self, products: Sequence[Product]) -> list[_Listing]:
        centers = 1 + max((product.phase_center for product in products), default=0)
        found: dict[tuple[object, ...], _Listing] = {}
        for index, listed in groupby(products, lambda product: product.scan):
            scan = self._scans.setdefault(index, Scan(index))
            own = list(listed)
            configuration = self._configuration(scan)
            content = (configuration, *map(_CONTENT, own))
            if content not in found:
                found[content] = _Listing(own, self._input, configuration, centers)
            found[content].scans.append(scan)
        return list(found.values())

    def _configuration(self, scan: Scan) -> int:
        """Configuration of a scan; the first where the rules do not tell."""
        try:
            row = self._input.configuration_for(scan.identifier, scan.source, scan.start_mjd, scan.stop_mjd)
        except ValueError:
            row = None
        return row or 0

    @property
    def frame(self) -> pd.DataFrame:
        """Every product that can be asked for, as `products_frame`; ``scan`` is the first that has the list."""
        frames = [listing.frame for listing in self._listings]
        return pd.concat(frames, ignore_index=True) if frames else matches_frame([], self._input)

    @property
    def scans(self) -> list[Scan]:
        """Scans of the job."""
        return list(self._scans.values())

    def scans_frame(self) -> pd.DataFrame:
        """Scans, one row each: ``scan`` (index), ``scan_name``, ``field_name``, ``start``, ``stop`` (UTC)."""
        scans = self.scans
        return pd.DataFrame(
            {
                "scan": [scan.index for scan in scans],
                "scan_name": pd.Series([scan.identifier for scan in scans], dtype=object),
                "field_name": pd.Series([scan.source for scan in scans], dtype=object),
                "start": _stamps((scan.start_mjd for scan in scans), self._input),
                "stop": _stamps((scan.stop_mjd for scan in scans), self._input),
            }
        )

    def choose(self, select: Select | None) -> Choice:
        """Choose products, and scans by ``scan`` (identifier or index) and ``source``.

        Raises
        ------
        ValueError, TypeError
            As `choose_rows`; also where nothing is left.
        """
        wanted, select = self._chosen_scans(select)
        listing, rows = self._rows(wanted, select)
        numbers = set(rows["product"])
        products = tuple(product for product, _ in listing.matches if product.number in numbers)
        if not products:
            raise ValueError(f"no products of {self._input.job_name} are selected; see Monitor.available")
        other = {
            scan.index
            for differing in self._listings
            if not listing.means_the_same(differing, numbers)
            for scan in differing.scans
        }
        left_out = tuple(scan.identifier for scan in wanted if scan.index in other)
        is_all = len(wanted) == len(self._scans) and not left_out
        names = frozenset(scan.identifier for scan in wanted if scan.index not in other)
        frame = listing.frame[listing.frame["product"].isin(numbers)].reset_index(drop=True)
        keys = {product.number: listing.places[product.number].key for product in products}
        return Choice(products, frame, keys, None if is_all else names, left_out)

    def _rows(self, wanted: Sequence[Scan], select: Select | None) -> tuple[_Listing, pd.DataFrame]:
        """The first list, of those of the scans that are wanted, in which the selection means something."""
        indices = {scan.index for scan in wanted}
        problem: ValueError | None = None
        for listing in self._listings:
            if indices.isdisjoint(scan.index for scan in listing.scans):
                continue
            try:
                return listing, choose_rows(listing.frame, _of(listing, select), self._input.freqs)
            except ValueError as error:
                problem = problem or error
        raise problem or ValueError(f"the server lists no products of {self._input.job_name}")

    def _chosen_scans(self, select: Select | None) -> tuple[list[Scan], Select | None]:
        scans = self.scans
        if isinstance(select, pd.DataFrame) or not isinstance(select, Mapping):
            return scans, select
        if "scan" in select:
            scans = _any_scan(scans, "scan", select["scan"], "identifier")
        if "source" in select:
            scans = _any_scan(scans, "source", select["source"], "source")
        return scans, {name: value for name, value in select.items() if name not in _SCAN_KEYS}


def _of(listing: _Listing, select: Select | None) -> Select | None:
    """The part of a selection that is about one list: numbers of rows begin anew in each."""
    if not isinstance(select, pd.DataFrame) or "scan" not in select or listing.frame.empty:
        return select
    rows: pd.DataFrame = select[select["scan"] == listing.frame["scan"].iloc[0]]
    if rows.empty:
        raise ValueError(f"no product of scan {listing.scans[0].identifier} is selected")
    return rows


def _any_scan(scans: list[Scan], name: str, value: Any, attribute: str) -> list[Scan]:
    """Scans that one of the values names."""
    values = [value] if isinstance(value, str | int | np.integer) else list(value)
    chosen: dict[int, Scan] = {}
    for one in values:
        found = list(_named(scans, one, attribute))
        if not found:
            there = ", ".join(dict.fromkeys(str(getattr(scan, attribute)) for scan in scans))
            raise ValueError(f"no scan has {name} {one!r}; there are {there or 'none'}")
        chosen |= {scan.index: scan for scan in found}
    if not values:
        raise ValueError(f"no {name} is named; there are {', '.join(s.identifier for s in scans)}")
    return [scan for scan in scans if scan.index in chosen]


def _named(scans: Iterable[Scan], value: Any, attribute: str) -> Iterator[Scan]:
    for scan in scans:
        if isinstance(value, str):
            if is_like([getattr(scan, attribute)], value).all():
                yield scan
        elif attribute == "identifier" and scan.index == value:
            yield scan


def _stamps(mjds: Iterable[float], input: Input) -> pd.Series[Any]:
    """UTC of times in the server's list; NaT where unknown, or beyond all sense."""
    day_ns = (input.start_mjd - UNIX_EPOCH_MJD) * DAY_S * 10**9
    return pd.Series(
        [pd.Timestamp(day_ns + second_of(mjd, input)) if is_a_time(mjd, input) else pd.NaT for mjd in mjds],
        dtype="datetime64[ns]",
    )
