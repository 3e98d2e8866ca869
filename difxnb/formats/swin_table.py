# SPDX-License-Identifier: GPL-3.0-or-later
"""Where every spectrum of a SWIN file lies: integrations by products, made from the headers alone.

The bytes of a file go in, a table of offsets, weights and baseline vectors comes out; the spectra stay where they
are until they are read. Mirrors ``difx-files.md`` 13.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

PRODUCT = np.dtype(
    [
        ("antenna1", "<i4"),
        ("antenna2", "<i4"),
        ("freq", "<i4"),
        ("polarization", "U2"),
        ("pulsar_bin", "<i4"),
        ("channels", "<i4"),
    ]
)
"""What a column of the table is of: rows of the TELESCOPE table, row of the FREQ table, letters, bin, channels."""


class Skipped(NamedTuple):
    """Bytes of a file that could not be understood.

    Attributes
    ----------
    offset, size : int
        First byte, and how many.
    reason : str
    """

    offset: int
    size: int
    reason: str


@dataclass(frozen=True, slots=True)
class SwinTable:
    """The records of one SWIN file as a table: a row per integration, a column per product.

    Attributes
    ----------
    path : Path
    end : int
        Bytes that are accounted for; a growing file continues here.
    times_ns : ndarray, int64, shape (time,)
        Middle of each integration, nanoseconds since 1970 (UTC), ascending.
    sources, configs : ndarray, int32, shape (time,)
        Row of the ``.calc``'s source list, and of the configurations: those of the first cross product that was
        written at that time (autocorrelations are of the pointing centre, which need not be a phase centre).
    products : ndarray of PRODUCT, shape (product,)
        In order of their first appearance.
    offsets : ndarray, int64, shape (time, product)
        First byte of each record; -1 where none was written.
    weights : ndarray, float32, shape (time, product)
        0 where none was written.
    pairs : ndarray, int32, shape (pair, 2)
        Rows of the TELESCOPE table, in order of first appearance.
    uvw : ndarray, float64, shape (time, pair, 3)
        Metres, as in the header of the first record of each pair and time; NaN where none was written.
    duplicates : int
        Records that were replaced by a later one of the same product and time.
    skipped : tuple of Skipped
        What was passed over with ``on_error="skip"``; of very many places only the first are listed.
    skipped_places, skipped_bytes : int
        All places that were passed over, and their bytes.
    unfinished : int
        Bytes behind `end` of a last record that is not complete.
    """

    path: Path
    end: int
    times_ns: NDArray[np.int64]
    sources: NDArray[np.int32]
    configs: NDArray[np.int32]
    products: NDArray[np.void]
    offsets: NDArray[np.int64]
    weights: NDArray[np.float32]
    pairs: NDArray[np.int32]
    uvw: NDArray[np.float64]
    duplicates: int = 0
    skipped: tuple[Skipped, ...] = field(default=())
    skipped_places: int = 0
    skipped_bytes: int = 0
    unfinished: int = 0
