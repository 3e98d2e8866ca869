# SPDX-License-Identifier: GPL-3.0-or-later
"""What each product of the monitor's list is: its place in the array of results, found with the ``.input``.

The list of a real guiServer is wrong in ways that leave its order intact (``difx-files.md`` 15, ``guiserver.md``
7.13): offsets are repeated within a group, names are looked up with the wrong index, autocorrelations are listed
and counted for bands that are not in the array, those of zoom bands are not listed at all. So cross products are
found by baseline and the place of their group, autocorrelations by their turn.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeAlias

from difxnb.formats.input import Datastream, Input
from difxnb.formats.result_layout import ResultProduct, result_layout
from difxnb.wire.monitor import Product, corrected_offsets

Match: TypeAlias = tuple[Product, ResultProduct | None]

_MOST_PLACES = 100_000
_SAME_HZ = 1.0  # within this, two edges are one: the wire carries MHz as a double


def match_products(
    products: Iterable[Product], input: Input, *, configuration: int = 0, phase_centers: int = 0
) -> list[Match]:
    """Each product with its place in the array of results; None where the ``.input`` has no such product.

    Parameters
    ----------
    products : iterable of Product
        The list of one scan, or some of it, in the server's order; repeated offsets are corrected.
    input : Input
        Of the same job.
    configuration : int
        Row of the configuration that the scan is correlated with.
    phase_centers : int
        Most phase centres of any scan: the array may be laid out for them. 0 counts those of the list.
    """
    corrected = corrected_offsets(products)
    array = _fitting_array(corrected, input, configuration, phase_centers)
    autos = iter(array.match_autos([product for product in corrected if product.is_autocorrelation]))
    return [
        (product, next(autos) if product.is_autocorrelation else array.match_cross(product))
        for product in corrected
    ]


def _fitting_array(products: list[Product], input: Input, configuration: int, centers: int) -> _Array:
    """The array as laid out for the phase centres of this list, or of all scans: as the offsets tell."""
    crosses = [product for product in products if not product.is_autocorrelation]
    listed = 1 + max((product.phase_center for product in crosses), default=0)
    bins = 1 + max((product.pulsar_bin for product in crosses), default=0)
    # A list has what the array has; one of absurd numbers must not make us lay out an array of that size.
    most = max(2 * len(products), _MOST_PLACES) // max(1, len(result_layout(input, configuration)))
    counts = [(n, bins) for n in sorted({listed, max(listed, centers)}) if 0 < n * bins <= most]
    arrays = [_Array(input, configuration, n, bins) for n, bins in counts or [(1, 1)]]
    return max(arrays, key=lambda array: sum(map(array.has_at_offset, crosses)))


class _Array:
    """The array of results of one configuration."""

    def __init__(self, input: Input, configuration: int, phase_centers: int, pulsar_bins: int) -> None:
        self.input = input
        self._streams = input.configurations[configuration].datastream_indices
        layout = result_layout(input, configuration, phase_centers=phase_centers, pulsar_bins=pulsar_bins)
        self._by_offset = {place.offset: place for place in layout}
        self._autos = [place for place in layout if place.kind == "auto"]
        self._groups: defaultdict[tuple[int, int, int, int], list[ResultProduct]] = defaultdict(list)
        self._bands: defaultdict[int, dict[int, None]] = defaultdict(dict)
        for place in layout:
            if place.kind == "cross":
                group = (place.baseline, place.freq_index, place.phase_center, place.pulsar_bin)
                self._groups[group].append(place)
                self._bands[place.baseline][place.freq_index] = None

    # --- cross products -------------------------------------------------------------------------------

    def has_at_offset(self, product: Product) -> bool:
        """Whether a cross product lies where the list says."""
        place = self.match_cross(product)
        return place is not None and place.offset == product.offset

    def match_cross(self, product: Product) -> ResultProduct | None:
        """Find a cross product: its group by offset and edge, or by edge alone; in it by its turn."""
        band = self._band_at(product)
        if product.baseline is None or band is None:
            return None
        found = self._groups.get((product.baseline, band, product.phase_center, product.pulsar_bin), [])
        if not 0 <= product.polarization_index < len(found):
            return None
        place = found[product.polarization_index]
        return place if place.channels == product.channels else None

    def _band_at(self, product: Product) -> int | None:
        """Row of the FREQ table that a cross product is written under; None where nothing tells."""
        place = self._by_offset.get(product.offset)
        if place is not None and place.baseline == product.baseline:
            # One band may be announced under either of its edges, a stitched one under that of a part.
            freq = self.input.freqs[place.freq_index]
            beyond = product.frequency_hz - freq.low_edge_hz
            if -_SAME_HZ < beyond < freq.bandwidth_hz + _SAME_HZ:
                return place.freq_index
        rows = self._bands.get(product.baseline, {}) if product.baseline is not None else {}
        named = [row for row in rows if self._is_edge(row, product.frequency_hz)]
        return named[0] if len(named) == 1 else None  # a lower and an upper sideband may share an edge

    def _is_edge(self, row: int, frequency_hz: float) -> bool:
        return abs(self.input.freqs[row].freq_mhz * 1e6 - frequency_hz) < _SAME_HZ

    # --- autocorrelations -----------------------------------------------------------------------------

    def match_autos(self, products: Sequence[Product]) -> list[ResultProduct | None]:
        """Find all autocorrelations of a list: by turn, by offset, or by name, whichever suits all of them."""
        expected = list(self._all_recorded())
        if [(p.channels, _rounded(p.frequency_hz)) for p in products] == [
            (freq.channels, _rounded(freq.freq_mhz * 1e6))
            for freq in (self.input.freqs[stream.band_freq_index(band)] for stream, _, band, _ in expected)
        ]:
            places = {(a.datastream, a.band_a, a.band_b == a.band_a): a for a in self._autos}
            return [places.get((turn, band, parallel)) for _, turn, band, parallel in expected]
        at_offset = [self._by_offset.get(product.offset) for product in products]
        if all(self._suits(p, place) for p, place in zip(products, at_offset, strict=True)):
            return at_offset
        return self._autos_by_name(products)

    def _all_recorded(self) -> Iterator[tuple[Datastream, int, int, bool]]:
        """Datastream, its turn, recorded band, whether parallel hands: as a real server lists them."""
        several = any(len(group) > 2 for group in self._groups.values())
        for turn, row in enumerate(self._streams):
            stream = self.input.datastreams[row]
            for parallel in (True, False) if several else (True,):
                for band in range(len(stream.bands)):
                    yield stream, turn, band, parallel

    def _suits(self, product: Product, place: ResultProduct | None) -> bool:
        return (
            place is not None
            and place.kind == "auto"
            and place.channels == product.channels
            and self._is_edge(place.freq_index, product.frequency_hz)
        )

    def _autos_by_name(self, products: Sequence[Product]) -> list[ResultProduct | None]:
        """The n-th of a station and band edge in the list is the n-th in the array."""
        seen: Counter[tuple[str, int]] = Counter()
        found: list[ResultProduct | None] = []
        for product in products:
            named = [
                place
                for place in self._autos
                if self._suits(product, place)
                and self.input.telescopes[place.antenna1].name == product.telescope1
            ]
            turn = seen[product.telescope1, _rounded(product.frequency_hz)]
            found.append(named[turn] if turn < len(named) else None)
            seen[product.telescope1, _rounded(product.frequency_hz)] += 1
        return found


def _rounded(frequency_hz: float) -> int:
    return round(frequency_hz / _SAME_HZ)
