# SPDX-License-Identifier: GPL-3.0-or-later
"""Monitor products joined with the ``.input``: which antennas, band and polarizations a product number means.

guiServer numbers products, repeats offsets within a group, sends polarization products without their letters
and looks telescope names up in the wrong table (``guiserver.md`` 7.13). So the names here are those of the
``.input``, found by the place of each product in the array of results.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

import pandas as pd

from difxnb.formats.input import Input
from difxnb.formats.result_layout import ResultProduct, result_layout
from difxnb.wire.monitor import Product, corrected_offsets


def match_products(products: Iterable[Product], input: Input) -> list[tuple[Product, ResultProduct | None]]:
    """Each product with its place in the array of results; None where the ``.input`` has no such product.

    Cross products are found by baseline, band edge and place in their group, and by offset where that fails (a band
    recorded in both sidebands is written under one edge and announced under the other). Autocorrelations carry no
    such numbers: they are found by offset, unless one offset of the list is proved wrong; the server counts bands
    that are not in the array, and the offsets of all that follow are then too large.
    """
    corrected = corrected_offsets(list(products))
    layout = result_layout(
        input,
        phase_centers=1 + max((p.phase_center for p in corrected), default=0),
        pulsar_bins=1 + max((p.pulsar_bin for p in corrected), default=0),
    )
    by_offset = {place.offset: place for place in layout}
    are_right = all(
        (place := by_offset.get(p.offset)) is not None and _is_same_kind(p, place, input)
        for p in corrected
        if p.is_autocorrelation
    )
    seen: Counter[tuple[int, str, float]] = Counter()
    matched = []
    for product in corrected:
        place = by_offset.get(product.offset)
        if not (product.is_autocorrelation and are_right):
            by_name = _match_by_names(product, layout, input, seen)
            place = by_name or (None if product.is_autocorrelation else place)
        matched.append((product, place if place is not None and _agree(product, place) else None))
        seen[product.scan, product.telescope1, product.frequency_hz] += product.is_autocorrelation
    return matched


def _agree(product: Product, place: ResultProduct) -> bool:
    return product.channels == place.channels and product.is_autocorrelation == (place.kind == "auto")


def _is_same_kind(product: Product, place: ResultProduct, input: Input) -> bool:
    return _agree(product, place) and _is_band(input, place.freq_index, product.frequency_hz)


def _match_by_names(
    product: Product, layout: list[ResultProduct], input: Input, seen: Counter[tuple[int, str, float]]
) -> ResultProduct | None:
    """Find a product by what it is of: the n-th of its group in the list is the n-th in the layout."""
    group = [
        place
        for place in layout
        if _is_same_kind(product, place, input)
        and (
            input.telescopes[place.antenna1].name == product.telescope1
            if product.is_autocorrelation
            else (place.baseline, place.phase_center, place.pulsar_bin)
            == (product.baseline, product.phase_center, product.pulsar_bin)
        )
    ]
    index = (
        seen[product.scan, product.telescope1, product.frequency_hz]
        if product.is_autocorrelation
        else product.polarization_index
    )
    return group[index] if index < len(group) else None


def _is_band(input: Input, freq_index: int, frequency_hz: float) -> bool:
    """Whether a band edge as the server prints it is that of a row of the FREQ table."""
    return abs(input.freqs[freq_index].freq_mhz * 1e6 - frequency_hz) < 1.0


def products_frame(products: Iterable[Product], input: Input) -> pd.DataFrame:
    """Monitor products, one row each, named from the ``.input``.

    Parameters
    ----------
    products : iterable of Product
        As the server lists them; offsets that it repeats are corrected.
    input : Input
        Of the same job.

    Returns
    -------
    DataFrame
        ``product`` (number), ``scan`` (index), ``baseline`` (``"AA-BB"``), ``antenna1_name``,
        ``antenna2_name``, ``band`` (row of the FREQ table), ``frequency`` (Hz, band edge), ``polarization``,
        ``is_autocorrelation``, ``phase_center``, ``pulsar_bin``, ``offset``, ``channels``. A product that
        the ``.input`` does not know keeps the server's names, with ``band`` -1 and no polarization.
    """
    rows = [_product_row(product, place, input) for product, place in match_products(products, input)]
    columns = zip(*rows, strict=True) if rows else ((),) * len(_COLUMNS)
    return pd.DataFrame(
        {
            name: pd.Series(list(column), dtype=dtype).infer_objects()
            for (name, dtype), column in zip(_COLUMNS.items(), columns, strict=True)
        }
    )


_COLUMNS: dict[str, Any] = {
    "product": "int64",
    "scan": "int64",
    "baseline": object,
    "antenna1_name": object,
    "antenna2_name": object,
    "band": "int64",
    "frequency": float,
    "polarization": object,
    "is_autocorrelation": bool,
    "phase_center": "int64",
    "pulsar_bin": "int64",
    "offset": "int64",
    "channels": "int64",
}


def _product_row(product: Product, place: ResultProduct | None, input: Input) -> tuple[object, ...]:
    if place is None:
        first, second = product.telescope1, product.telescope2 or product.telescope1
        band, edge, letters, offset = -1, product.frequency_hz, "", product.offset
        is_auto = product.is_autocorrelation
    else:
        first, second = (input.telescopes[row].name for row in (place.antenna1, place.antenna2))
        band, edge = place.freq_index, input.freqs[place.freq_index].freq_mhz * 1e6
        letters, offset, is_auto = place.polarization, place.offset, place.antenna1 == place.antenna2
    names = (f"{first}-{second}", first, second)
    group = (product.phase_center, product.pulsar_bin)
    what = (band, edge, letters, is_auto)
    return (product.number, product.scan, *names, *what, *group, offset, product.channels)
