# SPDX-License-Identifier: GPL-3.0-or-later
"""Collect what the headers of a SWIN file say, and make a table of it.

Columns of headers and the offsets of their records go in, a table of integrations by products comes out. Mirrors
``difx-files.md`` 13.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from difxnb.errors import FileFormatError
from difxnb.formats.swin_header import CHANNEL_BYTES, HEADER_BYTES, Headers, Runs, key_of
from difxnb.formats.swin_products import ProductColumns
from difxnb.formats.swin_table import PRODUCT, Skipped, SwinTable

_FREE_CELLS = 10**7
_CELLS_A_RECORD = 64
_MOST_LISTED = 1000


class _Piece(NamedTuple):
    """Records in order of the file, with what of their headers is wanted.

    Runs and groups are by place of their first record; a group is of successive records of one time and baseline.
    """

    offsets: NDArray[np.int64]
    columns: NDArray[np.int32]
    weights: NDArray[np.float32]
    runs: Runs
    groups: NDArray[np.intp]
    uvw: NDArray[np.float64]


class Gathered:
    """The records of a file so far."""

    def __init__(self, path: Path) -> None:
        self.path, self.products = path, ProductColumns()
        self._pieces: list[_Piece] = []
        self._before: SwinTable | None = None
        self._replaced = 0

    def add(
        self, offsets: NDArray[np.int64], columns: NDArray[np.int32], headers: Headers, runs: Runs
    ) -> None:
        """Add successive records; `runs` and `columns` are those of their headers."""
        if not offsets.size:
            return
        starts = np.zeros(offsets.size, dtype=np.bool_)
        starts[runs.starts] = True
        baselines = headers.baseline_mjd
        starts[1:] |= baselines[1:] != baselines[:-1]
        groups = np.flatnonzero(starts)
        weights = headers.weight.astype(np.float32)
        self._pieces.append(_Piece(offsets, columns, weights, runs, groups, headers.uvw[groups]))

    def last_offset(self) -> int:
        """Where the last record starts; -1 without one."""
        if self._pieces:
            return int(self._pieces[-1].offsets[-1])
        return -1 if self._before is None else int(self._before.offsets.max(initial=-1))

    def drop_last(self) -> None:
        """Forget the last record."""
        pieces = self._pieces or self._thawed()
        piece = pieces.pop()
        kept = piece.offsets.size - 1
        groups = np.searchsorted(piece.groups, kept)
        if kept:
            columns = [column[:kept] for column in piece[:3]]
            rest = piece.runs.before(kept), piece.groups[:groups], piece.uvw[:groups]
            pieces.append(_Piece._make((*columns, *rest)))
        self._pieces = pieces

    def begin_with(self, table: SwinTable) -> None:
        """Begin with the records of a table, as if they had been added in order of the file."""
        self.products.add(key_of(*product[:5]) for product in table.products.tolist())
        self._replaced, self._before = table.duplicates, table

    def _thawed(self) -> list[_Piece]:
        """The records of the table that this began with, from now on like others."""
        table, self._before = self._before, None
        return [] if table is None or not table.offsets.size else [_piece_of(table)]

    def table(
        self, lengths: NDArray[np.int64], end: int, *, unfinished: int, skips: SkippedPlaces
    ) -> SwinTable:
        """Make the table; `lengths` are bytes of a record by row of the FREQ table.

        Raises
        ------
        FileFormatError
            The table would be far larger than the file: times and products without rhyme or reason.
        """
        facts: dict[str, Any] = {
            "end": end,
            "unfinished": unfinished,
            "skipped": tuple(skips.listed),
            "skipped_places": skips.places,
            "skipped_bytes": skips.bytes,
        }
        if self._before is not None and not self._pieces:
            return replace(self._before, **facts)
        self._pieces = [*self._thawed(), *self._pieces]
        places = _Places(self._pieces, self.products.keys)
        records, n_cells = places.rows.size, places.times.size * places.keys.size
        if n_cells > max(_FREE_CELLS, _CELLS_A_RECORD * records):
            raise FileFormatError(
                self.path,
                "",
                f"{records} records are of {places.times.size} times and {places.keys.size} products; no job writes so",
            )
        offsets, weights = places.cells(self._pieces)
        sources, configs = places.of_rows(self._pieces)
        pairs, uvw = places.positions(self._pieces)
        return SwinTable(
            path=self.path,
            times_ns=places.times,
            sources=sources,
            configs=configs,
            products=_product_table(places.keys, lengths),
            offsets=offsets,
            weights=weights,
            pairs=pairs,
            uvw=uvw,
            duplicates=self._replaced + records - int(np.count_nonzero(offsets >= 0)),
            **facts,
        )


@dataclass(slots=True)
class SkippedPlaces:
    """What was passed over: the first places one by one, all of them as numbers."""

    listed: list[Skipped] = field(default_factory=list)
    places: int = 0
    bytes: int = 0

    def add(self, skipped: Skipped) -> None:
        """Note a place."""
        self.places += 1
        self.bytes += skipped.size
        if len(self.listed) < _MOST_LISTED:
            self.listed.append(skipped)


class _Places:
    """Row and column of every record, in order of the file."""

    def __init__(self, pieces: list[_Piece], keys: list[int]) -> None:
        counts = [piece.offsets.size for piece in pieces]
        self._begins = np.cumsum([0, *counts])
        run_starts = _joined([piece.runs.starts for piece in pieces], np.intp, self._begins)
        self._run_starts = run_starts
        run_times = _joined([piece.runs.times_ns for piece in pieces], np.int64)
        self.times, self._run_rows = np.unique(run_times, return_inverse=True)
        lengths = np.diff(np.append(run_starts, self._begins[-1]))
        self.rows = np.repeat(self._run_rows, lengths)
        columns = _joined([piece.columns for piece in pieces], np.int32)
        used = np.bincount(columns, minlength=len(keys)) > 0
        self.keys = np.array(keys, dtype=np.uint64)[used]
        # Products of which every record was dropped again have no column.
        self.columns = columns if used.all() else (np.cumsum(used) - 1)[columns]

    def cells(self, pieces: list[_Piece]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Offsets and weights by row and column; of several records of a cell the last."""
        shape = self.times.size, self.keys.size
        offsets, weights = np.full(shape, -1, dtype=np.int64), np.zeros(shape, dtype=np.float32)
        for piece, begin in zip(pieces, self._begins, strict=False):
            part = slice(begin, begin + piece.offsets.size)
            places = self.rows[part] * self.keys.size + self.columns[part]
            offsets.reshape(-1)[places] = piece.offsets
            weights.reshape(-1)[places] = piece.weights
        return offsets, weights

    def of_rows(self, pieces: list[_Piece]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Source and configuration by row: of the first run with a cross product, else of the first."""
        sources = _joined([piece.runs.sources for piece in pieces], np.int32)
        configs = _joined([piece.runs.configs for piece in pieces], np.int32)
        if not sources.size:
            return sources, configs
        antenna1, antenna2 = (
            self.keys >> np.uint64(24) & np.uint64(255),
            self.keys >> np.uint64(16) & np.uint64(255),
        )
        crosses = np.logical_or.reduceat((antenna1 != antenna2)[self.columns], self._run_starts)
        order = np.lexsort((~crosses, self._run_rows))
        firsts = order[np.searchsorted(self._run_rows[order], np.arange(self.times.size))]
        return sources[firsts], configs[firsts]

    def positions(self, pieces: list[_Piece]) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
        """Pairs of antennas, and their uvw by row and pair."""
        baselines = (self.keys >> np.uint64(16) & np.uint64(0xFFFF)).astype(np.int64)
        numbers, first = np.unique(baselines, return_index=True)
        numbers = numbers[np.argsort(first)]
        of_baseline = np.zeros(2**16, dtype=np.int64)
        of_baseline[numbers] = np.arange(numbers.size)
        groups = _joined([piece.groups for piece in pieces], np.intp, self._begins)
        values = np.concatenate([np.zeros((0, 3)), *(piece.uvw for piece in pieces)])
        uvw = np.full((self.times.size, numbers.size, 3), np.nan)
        places = self.rows[groups] * numbers.size + of_baseline[baselines[self.columns[groups]]]
        # Backwards, so that the first of each time and pair stays.
        uvw.reshape(-1, 3)[places[::-1]] = values[::-1]
        return np.stack((numbers // 256 - 1, numbers % 256 - 1), axis=1).astype(np.int32), uvw


def _joined(
    columns: list[NDArray[Any]], dtype: type[np.generic], begins: NDArray[np.int64] | None = None
) -> NDArray[Any]:
    """Columns of all pieces in one; places within a piece become places among all records."""
    if begins is not None:
        columns = [column + begin for column, begin in zip(columns, begins, strict=False)]
    return np.concatenate([np.zeros(0, dtype=dtype), *columns])


def _product_table(keys: NDArray[np.uint64], lengths: NDArray[np.int64]) -> NDArray[np.void]:
    """What :func:`~difxnb.formats.swin_header.product_of` tells of every key, and the channels."""
    freq, baseline, letters, pulsar_bin = (
        keys >> np.uint64(shift) & np.uint64(65535) for shift in (0, 16, 32, 48)
    )
    found = np.zeros(keys.size, dtype=PRODUCT)
    found["antenna1"] = (baseline >> np.uint64(8)).astype(np.int32) - 1
    found["antenna2"] = (baseline & np.uint64(255)).astype(np.int32) - 1
    found["freq"], found["pulsar_bin"] = freq, pulsar_bin
    found["polarization"] = letters.astype("<u2").view("S2")
    found["channels"] = (lengths[freq.view(np.int64)] - HEADER_BYTES) // CHANNEL_BYTES
    return found


def _piece_of(table: SwinTable) -> _Piece:
    """The records of a table in order of the file."""
    rows, columns = np.nonzero(table.offsets >= 0)
    order = np.argsort(table.offsets[rows, columns], kind="stable")
    rows, columns = rows[order], columns[order]
    starts = np.flatnonzero(np.diff(rows, prepend=-1))
    of_runs = rows[starts]
    runs = Runs(starts, table.times_ns[of_runs], table.sources[of_runs], table.configs[of_runs])
    antennas = np.stack((table.products["antenna1"], table.products["antenna2"]), axis=1)
    pairs = np.array([table.pairs.tolist().index(pair) for pair in antennas.tolist()], dtype=np.intp)[columns]
    groups = np.flatnonzero((np.diff(rows, prepend=-1) != 0) | (np.diff(pairs, prepend=-1) != 0))
    return _Piece(
        table.offsets[rows, columns],
        columns.astype(np.int32),
        table.weights[rows, columns],
        runs,
        groups,
        table.uvw[rows[groups], pairs[groups]],
    )
