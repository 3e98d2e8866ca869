# SPDX-License-Identifier: GPL-3.0-or-later
"""Read spectra of a SWIN file by row and column of its table.

A table and the wanted cells go in, spectra come out. Mirrors ``difx-files.md`` 13.

Cells are taken some rows at a time, in order of the file. What lies close together is read in one piece, and pieces
are collected in one buffer until it is full; then all spectra in it go to their places at once.
"""

from __future__ import annotations

import os
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from difxnb.errors import FileFormatError
from difxnb.formats.mjd import DAY_S, UNIX_EPOCH_MJD
from difxnb.formats.swin_bytes import read_into
from difxnb.formats.swin_header import CHANNEL_BYTES, HEADER_BYTES, START, key_of, product_of
from difxnb.formats.swin_table import SwinTable

Integers = NDArray[np.integer[Any]]

_BUFFER_BYTES = 2**20
_GAP_BYTES = 2**14
"""To read over so many bytes costs less than to read once more."""
_CELLS_AT_ONCE = 2**16
_START = np.uint64(int.from_bytes(START, "little"))
_CHECKED_BYTES = 56
_WEIGHT = slice(42, 50)
_NANO = 10**9


def read_cells(
    table: SwinTable, rows: Integers, columns: Integers, places: Integers, out: NDArray[np.complex64]
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
    rows, columns, places = (np.asarray(values, dtype=np.intp) for values in (rows, columns, places))
    channels = table.products["channels"][columns]
    _check_shapes(rows, columns, places, channels, out)
    if not out.size:
        return
    if out.strides[2] != CHANNEL_BYTES:
        straight = np.empty(out.shape, dtype=np.complex64)
        read_cells(table, rows, columns, places, straight)
        out[...] = straight
        return
    _blank(out, places, channels)
    keys = np.array([key_of(*product[:5]) for product in table.products[columns].tolist()], dtype=np.uint64)
    wanted = _Wanted(table, columns, places, channels, keys)
    at_once = max(1, _CELLS_AT_ONCE // max(1, columns.size))
    descriptor = os.open(table.path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        for begin in range(0, rows.size, at_once):
            part = slice(begin, begin + at_once)
            wanted.read(descriptor, rows[part], out[part])
    finally:
        os.close(descriptor)


def _check_shapes(
    rows: Integers, columns: Integers, places: Integers, channels: Integers, out: NDArray[np.complex64]
) -> None:
    if (
        out.dtype != np.complex64
        or out.ndim != 3
        or out.shape[0] != rows.size
        or places.shape != columns.shape
    ):
        raise ValueError(
            f"{rows.size} rows of {columns.size} columns do not fit {places.size} places in {out.dtype} {out.shape}"
        )
    if channels.max(initial=0) > out.shape[2]:
        raise ValueError(f"spectra of {channels.max()} channels do not fit into {out.shape[2]}")


def _blank(out: NDArray[np.complex64], places: Integers, channels: Integers) -> None:
    """Fill with NaN what no product has: whole places, and what is behind the last channel of a product."""
    filled = np.zeros(out.shape[1], dtype=np.int64)
    np.maximum.at(filled, places, channels)
    for count in np.unique(filled[filled < out.shape[2]]):
        out[:, filled == count, count:] = np.nan


class _Pieces(NamedTuple):
    """Records in order of the file, and the stretches of it in which they lie.

    Attributes
    ----------
    rows, columns, offsets : ndarray of int
        Of each record.
    firsts : ndarray of int
        First record of each stretch.
    begins, sizes : ndarray of int
        Of each stretch, bytes.
    """

    rows: Integers
    columns: Integers
    offsets: NDArray[np.int64]
    firsts: Integers
    begins: NDArray[np.int64]
    sizes: NDArray[np.int64]


class _Wanted(NamedTuple):
    """Products that are wanted, where they go, and by what they are recognized."""

    table: SwinTable
    columns: Integers
    places: Integers
    channels: Integers
    keys: NDArray[np.uint64]

    def read(self, descriptor: int, rows: Integers, out: NDArray[np.complex64]) -> None:
        """Read some rows, as many as `out` has."""
        offsets = self.table.offsets[np.ix_(rows, self.columns)]
        missing_rows, missing = np.nonzero(offsets < 0)
        out[missing_rows, self.places[missing]] = np.nan
        if missing.size == offsets.size:
            return
        pieces = self._pieces(offsets)
        positions = np.cumsum(pieces.sizes) - pieces.sizes
        buffers = np.flatnonzero(np.diff(positions // _BUFFER_BYTES, prepend=-1))
        ends = [*buffers[1:].tolist(), positions.size]
        positions -= np.repeat(positions[buffers], np.diff([*buffers, positions.size]))
        buffer = bytearray(int((positions + pieces.sizes).max()))
        for first, end in zip(buffers.tolist(), ends, strict=True):
            self._fill(descriptor, buffer, pieces, positions, range(first, end))
            self._distribute(buffer, rows, pieces, positions, first, end, out)

    def _pieces(self, table_offsets: NDArray[np.int64]) -> _Pieces:
        """Stretches of the file with the records of some cells: apart by a gap, and no longer than a buffer."""
        rows, columns = np.nonzero(table_offsets >= 0)
        offsets = table_offsets[rows, columns]
        if (offsets[1:] < offsets[:-1]).any():
            order = np.argsort(offsets, kind="stable")
            rows, columns, offsets = rows[order], columns[order], offsets[order]
        ends = np.maximum.accumulate(offsets + HEADER_BYTES + CHANNEL_BYTES * self.channels[columns])
        apart = np.ones(offsets.size, dtype=np.bool_)
        apart[1:] = offsets[1:] - ends[:-1] > _GAP_BYTES
        stretch = np.cumsum(apart) - 1
        buckets = (offsets - offsets[apart][stretch]) // _BUFFER_BYTES
        apart[1:] |= buckets[1:] != buckets[:-1]
        firsts = np.flatnonzero(apart)
        lasts = np.append(firsts[1:], offsets.size) - 1
        return _Pieces(rows, columns, offsets, firsts, offsets[firsts], ends[lasts] - offsets[firsts])

    def _fill(
        self, descriptor: int, buffer: bytearray, pieces: _Pieces, positions: Integers, which: range
    ) -> None:
        part = slice(which.start, which.stop)
        columns = (positions[part], pieces.sizes[part], pieces.begins[part])
        view = memoryview(buffer)
        for position, size, begin in zip(*(column.tolist() for column in columns), strict=True):
            read_into(self.table.path, descriptor, view[position : position + size], begin)

    def _distribute(
        self,
        buffer: bytearray,
        table_rows: Integers,
        pieces: _Pieces,
        positions: Integers,
        first: int,
        end: int,
        out: NDArray[np.complex64],
    ) -> None:
        """Check the records that lie in the buffer, and put their spectra into their places."""
        bounds = np.append(pieces.firsts, pieces.offsets.size)[first : end + 1]
        part = slice(bounds[0], bounds[-1])
        shifts = np.repeat(positions[first:end] - pieces.begins[first:end], np.diff(bounds))
        within = pieces.offsets[part] + shifts
        columns, rows = pieces.columns[part], pieces.rows[part]
        self._check(buffer, within, table_rows[rows], columns, pieces.offsets[part])
        channels = self.channels[columns]
        for count in np.unique(channels).tolist():
            chosen = slice(None) if (channels == count).all() else channels == count
            spectra = _windows(buffer, within[chosen] + HEADER_BYTES, CHANNEL_BYTES * count)
            cells = out[..., :count].view(f"V{CHANNEL_BYTES * count}")[..., 0]
            cells[rows[chosen], self.places[columns[chosen]]] = spectra

    def _check(
        self,
        buffer: bytearray,
        within: Integers,
        rows: Integers,
        columns: Integers,
        offsets: Integers,
    ) -> None:
        """Raise where the buffer does not hold the records that the table tells of."""
        heads = np.ascontiguousarray(_windows(buffer, within, _CHECKED_BYTES))
        words = heads.view("<u8").reshape(-1, _CHECKED_BYTES // 8)
        keys = words[:, 4] | (words[:, 1] & np.uint64(0xFFFF)) << np.uint64(16)
        wrong = np.flatnonzero((words[:, 0] != _START) | (keys != self.keys[columns]))
        if wrong.size:
            antenna1, antenna2, freq, letters, number = product_of(int(self.keys[columns[wrong[0]]]))
            what = f"antennas {antenna1} and {antenna2}, frequency {freq}, {letters}, bin {number}"
            raise self._changed(int(offsets[wrong[0]]), f"the record of {what}")
        # A job that was run again may write the same products at the same bytes.
        weights = heads.view(np.uint8).reshape(-1, _CHECKED_BYTES)[:, _WEIGHT].copy().view("<f8")[:, 0]
        wrong = np.flatnonzero(
            (_times_ns(words) != self.table.times_ns[rows])
            | (weights.astype(np.float32) != self.table.weights[rows, self.columns[columns]])
        )
        if wrong.size:
            raise self._changed(int(offsets[wrong[0]]), "the record of this time and weight")

    def _changed(self, offset: int, what: str) -> FileFormatError:
        reason = f"{what} is not here any more: the file changed since it was indexed; open it anew"
        return FileFormatError(self.table.path, f"byte {offset}", reason)


def _times_ns(words: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Times of headers, as the table has them."""
    days = (words[:, 1] >> np.uint64(32)).astype(np.int64) - UNIX_EPOCH_MJD
    seconds = np.ascontiguousarray(words[:, 2]).view(np.float64)
    with np.errstate(invalid="ignore"):  # of what is no time any more
        return days * (DAY_S * _NANO) + np.rint(seconds * _NANO).astype(np.int64)


def _windows(buffer: bytearray, starts: Integers, size: int) -> NDArray[np.void]:
    """Pieces of a buffer, each `size` bytes long; a view where they lie at equal distances."""
    steps = np.diff(starts)
    if steps.size and (steps == steps[0]).all():
        return np.ndarray((starts.size,), f"V{size}", buffer, int(starts[0]), (int(steps[0]),))
    return np.ndarray((len(buffer) - size + 1,), f"V{size}", buffer, 0, (1,))[starts]
