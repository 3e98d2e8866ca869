# SPDX-License-Identifier: GPL-3.0-or-later
"""Read spectra of a SWIN file by row and column of its table.

A table and the wanted cells go in, spectra come out. Mirrors ``difx-files.md`` 13.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from difxnb.errors import FileFormatError
from difxnb.formats.swin import HEADER, SYNC
from difxnb.formats.swin_table import SwinTable


def read_cells(
    table: SwinTable,
    rows: NDArray[np.integer[Any]],
    columns: NDArray[np.integer[Any]],
    places: NDArray[np.integer[Any]],
    out: NDArray[np.complex64],
) -> None:
    """Read the spectra of some integrations and products.

    Only what is wanted is read, in few large reads. Threads may call this at once.

    Parameters
    ----------
    table : SwinTable
        Of the file that is read.
    rows, columns : array of int
        Integrations and products, in any order.
    places : array of int, shape of `columns`
        Where each product goes along the second axis of `out`.
    out : ndarray, complex64, shape (len(rows), n_places, n_channels)
        What it held is lost: where there is no spectrum, and behind the last channel of a product, it becomes NaN.

    Raises
    ------
    FileFormatError
        The file is not any more what it was when the table was made.
    """
    out[...] = np.nan
    with open(table.path, "rb") as stream:
        for i, row in enumerate(rows):
            for column, place in zip(columns, places, strict=True):
                offset = int(table.offsets[row, column])
                if offset < 0:
                    continue
                n = int(table.products["channels"][column])
                stream.seek(offset)
                content = stream.read(HEADER.itemsize + 8 * n)
                if len(content) < HEADER.itemsize + 8 * n or int.from_bytes(content[:4], "little") != SYNC:
                    raise FileFormatError(
                        table.path, f"byte {offset}", "the file changed since it was opened"
                    )
                out[i, place, :n] = np.frombuffer(content[HEADER.itemsize :], dtype="<c8")
