# SPDX-License-Identifier: GPL-3.0-or-later
"""Find where every spectrum of a SWIN file lies, from the headers alone.

The bytes of a file go in, a :class:`~difxnb.formats.swin_table.SwinTable` comes out. Mirrors ``difx-files.md`` 13.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np

from difxnb.formats.mjd import DAY_S, UNIX_EPOCH_MJD
from difxnb.formats.swin import Channels, SwinRecord, read_records
from difxnb.formats.swin_table import PRODUCT, SwinTable

OnError = Literal["raise", "skip"]


def index_swin(
    path: str | Path, channels: Channels | None = None, *, on_error: OnError = "raise", growing: bool = False
) -> SwinTable:
    """Index a SWIN file.

    Parameters
    ----------
    path : str or Path
        The file; it may be empty.
    channels : callable or mapping, optional
        Channels of a spectrum by row of the FREQ table, for example ``Input.channels``. Without it they are
        found from the distance to the next record.
    on_error : {"raise", "skip"}
        Whether damage is an error, or is passed over and listed in the table.
    growing : bool
        Whether the correlator may still be writing: an incomplete last record is then counted, not an error.

    Returns
    -------
    SwinTable

    Raises
    ------
    FileFormatError
        With the byte at which the damage starts, what was expected there and what was found.
    """
    records = list(read_records(path, channels, growing=growing))
    times = sorted({_time_ns(record) for record in records})
    row_of = {time: row for row, time in enumerate(times)}
    column_of: dict[tuple[object, ...], int] = {}
    pair_of: dict[tuple[int, int], int] = {}
    for record in records:
        column_of.setdefault(_product(record), len(column_of))
        pair_of.setdefault((record.antenna1, record.antenna2), len(pair_of))
    offsets = np.full((len(times), len(column_of)), -1, dtype=np.int64)
    weights = np.zeros(offsets.shape, dtype=np.float32)
    uvw = np.full((len(times), len(pair_of), 3), np.nan)
    sources = np.zeros(len(times), dtype=np.int32)
    configs = np.zeros(len(times), dtype=np.int32)
    for record in reversed(sorted(records, key=lambda record: record.antenna1 != record.antenna2)):
        row = row_of[_time_ns(record)]
        sources[row], configs[row] = record.source, record.config
    duplicates, end = 0, 0
    for record in records:
        row, column = row_of[_time_ns(record)], column_of[_product(record)]
        duplicates += int(offsets[row, column] >= 0)
        offsets[row, column], weights[row, column] = record.offset, record.weight
        uvw[row, pair_of[record.antenna1, record.antenna2]] = record.uvw
        end = record.offset + 74 + record.spectrum.nbytes
    return SwinTable(
        path=Path(path),
        end=end,
        times_ns=np.array(times, dtype=np.int64),
        sources=sources,
        configs=configs,
        products=np.array(list(column_of), dtype=PRODUCT),
        offsets=offsets,
        weights=weights,
        pairs=np.array(list(pair_of), dtype=np.int32).reshape(-1, 2),
        uvw=uvw,
        duplicates=duplicates,
        unfinished=Path(path).stat().st_size - end,
    )


def extend(
    table: SwinTable, channels: Channels | None = None, *, on_error: OnError = "raise", growing: bool = True
) -> SwinTable:
    """Index what was appended to a file since its table was made.

    Parameters
    ----------
    table : SwinTable
    channels, on_error, growing
        As of :func:`index_swin`.

    Returns
    -------
    SwinTable
        The same as if the whole file had been indexed anew.

    Raises
    ------
    FileFormatError
        The file has become shorter, or what was appended is damaged.
    """
    return index_swin(table.path, channels, on_error=on_error, growing=growing)


def _time_ns(record: SwinRecord) -> int:
    return (record.mjd - UNIX_EPOCH_MJD) * DAY_S * 10**9 + round(record.seconds * 1e9)


def _product(record: SwinRecord) -> tuple[object, ...]:
    return (
        record.antenna1,
        record.antenna2,
        record.freq,
        record.polarization,
        record.pulsar_bin,
        record.spectrum.size,
    )
