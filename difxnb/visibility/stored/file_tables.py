# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables of SWIN files as a Dataset needs them: of known antennas only, and as they were at a time.

In go a path and what the ``.input`` knows, out comes a :class:`~difxnb.formats.swin_table.SwinTable`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from difxnb.errors import FileFormatError
from difxnb.formats.swin import HEADER
from difxnb.formats.swin_cache import cached_index
from difxnb.formats.swin_scan import OnError
from difxnb.formats.swin_table import PRODUCT, Skipped, SwinTable


def file_table(
    path: Path, channels: Mapping[int, int], n_antennas: int, *, on_error: OnError, growing: bool
) -> SwinTable:
    """Index a file, from the cache where that is possible.

    Parameters
    ----------
    path : Path
        The file.
    channels : mapping of int to int
        Channels by row of the FREQ table.
    n_antennas : int
        Rows of the TELESCOPE table.
    on_error : {"raise", "skip"}
        With "skip", a file that cannot be read at all is an empty table that says why.
    growing : bool
        Whether the last record may be incomplete.

    Raises
    ------
    FileFormatError
        The file is damaged, or of another job.
    OSError
        It cannot be read.
    """
    try:
        table = cached_index(path, channels, on_error=on_error, growing=growing)
    except OSError as error:
        if on_error == "raise":
            raise
        return _empty(path, error.strerror or str(error))
    strange = _strange(table.products, n_antennas)
    return _without(table, strange, n_antennas, on_error) if strange.any() else table


def _strange(products: NDArray[np.void], n_antennas: int) -> NDArray[np.bool_]:
    """Which products are of antennas that the job does not have."""
    low = np.minimum(products["antenna1"], products["antenna2"])
    high = np.maximum(products["antenna1"], products["antenna2"])
    return np.asarray((low < 0) | (high >= n_antennas))


def _without(table: SwinTable, strange: NDArray[np.bool_], n_antennas: int, on_error: OnError) -> SwinTable:
    """Leave out products of unknown antennas, or refuse the file for them."""
    skipped = []
    for column in np.flatnonzero(strange):
        offsets = table.offsets[:, column]
        first, product = int(offsets[offsets >= 0].min()), table.products[column]
        reason = (
            f"refers to antennas {product['antenna1']} and {product['antenna2']}; the job has {n_antennas}, "
            "counted from 0; is the .input the one of this file?"
        )
        if on_error == "raise":
            raise FileFormatError(table.path, f"byte {first}", reason)
        count = int((offsets >= 0).sum())
        skipped.append(Skipped(first, count * (HEADER.itemsize + 8 * int(product["channels"])), reason))
    left = chosen(table, (table.offsets >= 0) & ~strange)
    return replace(
        left,
        skipped=(*left.skipped, *skipped),
        skipped_places=left.skipped_places + len(skipped),
        skipped_bytes=left.skipped_bytes + sum(one.size for one in skipped),
    )


def up_to(table: SwinTable, end: int) -> SwinTable:
    """Give the table that a file had when it was shorter."""
    if table.end <= end:
        return table
    return replace(chosen(table, (table.offsets >= 0) & (table.offsets < end)), end=end)


def chosen(table: SwinTable, has: NDArray[np.bool_]) -> SwinTable:
    """Keep some spectra only, and the rows and columns that have any.

    Parameters
    ----------
    table : SwinTable
        Of a file.
    has : ndarray of bool, shape (time, product)
        Which of its spectra to keep.
    """
    rows, columns = np.flatnonzero(has.any(axis=1)), np.flatnonzero(has.any(axis=0))
    cells = np.ix_(rows, columns)
    pairs = np.array([_of_pair(table.products, pair) for pair in table.pairs], dtype=bool)
    has_pair = (
        np.array([has[:, mine].any(axis=1) for mine in pairs], dtype=bool).reshape(len(pairs), len(has)).T
    )
    used = has_pair.any(axis=0)
    uvw = np.where(has_pair[..., None], table.uvw, np.nan)[rows][:, used]
    return replace(
        table,
        times_ns=table.times_ns[rows],
        sources=table.sources[rows],
        configs=table.configs[rows],
        products=table.products[columns],
        offsets=np.where(has, table.offsets, -1)[cells],
        weights=np.where(has, table.weights, np.float32(0))[cells],
        pairs=table.pairs[used],
        uvw=uvw,
    )


def _of_pair(products: NDArray[np.void], pair: NDArray[np.int32]) -> NDArray[np.bool_]:
    return np.asarray((products["antenna1"] == pair[0]) & (products["antenna2"] == pair[1]))


def _empty(path: Path, reason: str) -> SwinTable:
    """Table of a file that cannot be read."""
    return SwinTable(
        path=path,
        end=0,
        times_ns=np.zeros(0, dtype=np.int64),
        sources=np.zeros(0, dtype=np.int32),
        configs=np.zeros(0, dtype=np.int32),
        products=np.zeros(0, dtype=PRODUCT),
        offsets=np.zeros((0, 0), dtype=np.int64),
        weights=np.zeros((0, 0), dtype=np.float32),
        pairs=np.zeros((0, 2), dtype=np.int32),
        uvw=np.zeros((0, 0, 3)),
        skipped=(Skipped(0, 0, reason),),
        skipped_places=1,
    )
