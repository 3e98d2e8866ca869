# SPDX-License-Identifier: GPL-3.0-or-later
"""Fill arrays from the parts of an assembly: spectra from the files, weights and baseline vectors from their tables.

Everything here takes ascending indices along time and along the five axes behind it, and gives an array over their
crossings with these five axes laid out as one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from difxnb.formats.swin_read import read_cells
from difxnb.visibility.stored.assembly import Assembly, Part
from difxnb.visibility.stored.plan import Ints

_BLOCK_BYTES = 16 * 2**20  # of spectra that are not read to where they stay

MISSING = np.complex64(complex(np.nan, np.nan))
"""What stands where nothing was written."""


@dataclass(frozen=True, slots=True, eq=False)
class _Piece:
    """What a part has of a selection.

    Attributes
    ----------
    rows, columns : ndarray
        Of its table.
    targets, places : ndarray
        Where they go: rows and columns of the result.
    """

    part: Part
    rows: Ints
    columns: Ints
    targets: Ints
    places: Ints

    @property
    def box(self) -> tuple[slice, slice]:
        """The smallest block of the result that holds the piece."""
        return slice(self.targets[0], self.targets[-1] + 1), slice(self.places.min(), self.places.max() + 1)

    @property
    def has(self) -> NDArray[np.bool_]:
        """Which of its spectra were written."""
        return self.part.table.offsets[np.ix_(self.rows, self.columns)] >= 0


def _pieces(assembly: Assembly, times: Ints, axes: list[Ints]) -> list[_Piece]:
    """What each part has of a selection, parts without any left out."""
    if not len(times):
        return []
    inverse = []
    for size, chosen in zip(assembly.shape, axes, strict=True):
        at = np.full(size, -1, dtype=np.intp)
        at[chosen] = np.arange(len(chosen))
        inverse.append(at)
    shape = tuple(len(chosen) for chosen in axes)
    parts = assembly.parts_between(int(times[0]), int(times[-1]))
    found = (_piece(part, times, inverse, shape) for part in parts)
    return [piece for piece in found if len(piece.rows) and len(piece.columns)]


def _piece(part: Part, times: Ints, inverse: list[Ints], shape: tuple[int, ...]) -> _Piece:
    targets, rows = _found_in(times, part.rows)
    at = np.array([one[places] for one, places in zip(inverse, part.places, strict=True)])
    columns = np.flatnonzero((at >= 0).all(axis=0))
    places = np.ravel_multi_index(tuple(at[:, columns]), shape) if len(columns) else columns
    return _Piece(part, rows, columns, targets, places)


def _found_in(wanted: Ints, there: Ints) -> tuple[Ints, Ints]:
    """Where values stand among the wanted ones, and which of them do."""
    if not len(wanted):
        return wanted, wanted
    at = np.minimum(np.searchsorted(wanted, there), len(wanted) - 1)
    is_wanted = np.flatnonzero(wanted[at] == there)
    return at[is_wanted], is_wanted


# --- spectra ---------------------------------------------------------------------------------------------


def fill_spectra(assembly: Assembly, times: Ints, axes: list[Ints], channels: Ints) -> NDArray[np.complex64]:
    """Read spectra.

    Returns
    -------
    ndarray, complex64, shape (time, everything else, channel)
        NaN where nothing was written.
    """
    width, n_channels = int(np.prod([len(one) for one in axes])), assembly.plan.n_channels
    out = np.empty((len(times), width, len(channels)), dtype=np.complex64)
    if out.size == 0:
        return out
    if len(channels) == n_channels:
        _read_into(out, _pieces(assembly, times, axes))
        return out
    step = max(1, _BLOCK_BYTES // (8 * width * n_channels))
    kept = slice(channels[0], channels[-1] + 1) if channels[-1] - channels[0] < len(channels) else channels
    for start in range(0, len(times), step):
        block = times[start : start + step]
        whole = np.empty((len(block), width, n_channels), dtype=np.complex64)
        _read_into(whole, _pieces(assembly, block, axes))
        out[start : start + step] = whole[..., kept]
    return out


def _read_into(out: NDArray[np.complex64], pieces: list[_Piece]) -> None:
    """Read every piece to its place: straight, where no other one goes there too."""
    direct = _are_direct(pieces)
    if sum(out[piece.box].size for piece, alone in zip(pieces, direct, strict=True) if alone) < out.size:
        out[...] = MISSING
    for piece, alone in zip(pieces, direct, strict=True):
        if alone:
            _read_piece(piece, out[piece.box])
        else:
            _merge(piece, out)


def _are_direct(pieces: list[_Piece]) -> list[bool]:
    """Which pieces fill all rows of their block, with no other one reaching into that."""
    edges = np.array([[(side.start, side.stop) for side in piece.box] for piece in pieces]).reshape(-1, 2, 2)
    start, stop = edges[..., 0], edges[..., 1]
    reaches = ((start[:, None] < stop[None]) & (start[None] < stop[:, None])).all(axis=2)
    runs = [bool((np.diff(piece.targets) == 1).all()) for piece in pieces]
    return [run and count == 1 for run, count in zip(runs, reaches.sum(axis=1).tolist(), strict=True)]


def _read_piece(piece: _Piece, out: NDArray[np.complex64]) -> None:
    """Read a piece into a block whose columns begin at its first place."""
    part, places = piece.part, piece.places - piece.places.min()
    read_cells(part.table, piece.rows, piece.columns, places, out)
    for place in places[part.is_turned[piece.columns]]:
        np.conjugate(out[:, place], out=out[:, place])


def _merge(piece: _Piece, out: NDArray[np.complex64]) -> None:
    """Read a piece beside, and lay what it has over what is there."""
    first, width = int(piece.places.min()), int(np.ptp(piece.places)) + 1
    step = max(1, _BLOCK_BYTES // (8 * width * out.shape[2]))
    for rows, targets in _blocks(piece, step):
        beside = np.empty((len(rows), width, out.shape[2]), dtype=np.complex64)
        block = _Piece(piece.part, rows, piece.columns, targets, piece.places)
        _read_piece(block, beside)
        i, j = np.nonzero(block.has)
        out[targets[i], piece.places[j]] = beside[i, piece.places[j] - first]


def _blocks(piece: _Piece, step: int) -> Iterator[tuple[Ints, Ints]]:
    for start in range(0, len(piece.rows), step):
        yield piece.rows[start : start + step], piece.targets[start : start + step]


# --- weights and baseline vectors ------------------------------------------------------------------------


def fill_weights(assembly: Assembly, times: Ints, axes: list[Ints]) -> NDArray[np.float32]:
    """Look up weights; shape (time, everything else), 0 where nothing was written."""
    out = np.zeros((len(times), int(np.prod([len(one) for one in axes]))), dtype=np.float32)
    pieces = _pieces(assembly, times, axes)
    for piece, alone in zip(pieces, _are_direct(pieces), strict=True):
        weights = piece.part.table.weights[np.ix_(piece.rows, piece.columns)]
        if alone:
            out[piece.box[0], piece.places] = weights
        else:
            i, j = np.nonzero(piece.has)
            out[piece.targets[i], piece.places[j]] = weights[i, j]
    return out


def fill_vectors(assembly: Assembly, times: Ints, centers: Ints, baselines: Ints) -> NDArray[np.float64]:
    """Look up baseline vectors; shape (time, phase centre, baseline, 3), NaN where nothing was written."""
    out = np.full((len(times), len(centers), len(baselines), 3), np.nan)
    parts = assembly.parts_between(int(times[0]), int(times[-1])) if len(times) else []
    for part in parts:
        targets, rows = _found_in(times, part.rows)
        to, pairs = _found_in(baselines, part.baselines)
        for center in np.flatnonzero(centers == part.phase_center):
            vectors = part.table.uvw[np.ix_(rows, pairs)]
            vectors = np.where(part.is_turned_pair[pairs, None], -vectors, vectors)
            at = (targets[:, None], center, to[None, :])
            out[at] = np.where(np.isnan(vectors), out[at], vectors)
    return out
