# SPDX-License-Identifier: GPL-3.0-or-later
"""Monitor products as a table: which antennas, band and polarizations a product number means.

The names are those of the ``.input``, found by the place of each product in the array of results, because the
server's are wrong (see :mod:`difxnb.visibility.live.matching`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd

from difxnb.formats.input import Input
from difxnb.formats.result_layout import ResultProduct
from difxnb.visibility.live.matching import Match, match_products
from difxnb.wire.monitor import Product


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
    return matches_frame(match_products(products, input), input)


def matches_frame(matches: Iterable[Match], input: Input) -> pd.DataFrame:
    """Products with their places, one row each, as `products_frame`."""
    rows = [_product_row(product, place, input) for product, place in matches]
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
