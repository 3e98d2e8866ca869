# SPDX-License-Identifier: GPL-3.0-or-later
"""Spectra of all antennas, multiplied and summed.

A piece of a sub-integration comes in with the recordings of every datastream, sums of products go out. Per group and
channel the spectra of all streams stand in a matrix with real and imaginary parts side by side; below them stand the
same turned by -90°. One real matrix product then gives real and imaginary parts of all cross products, parallel and
cross hands and autocorrelations together: X = S · conj(S)ᵀ.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from difxnb.server.engine.plan import ConfigPlan, Feed, Group
from difxnb.server.engine.station import (
    Alignment,
    Rotation,
    Timing,
    blocks_sharing_rotation,
    channel_phasors,
)
from difxnb.server.engine.voltages import Recording, Window

_CHUNK_SAMPLES = 2**14
"""Samples of a stream that are worked on at a time, so that all stays in the cache."""

_BLAS_ALONE = 2**18
"""Products of this many multiplications BLAS does in the calling thread; our own threads are busy already."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Some transforms of one sub-integration, and the samples that they need.

    Attributes
    ----------
    timing : Timing
    alignments, windows : sequence
        Per datastream of the configuration.
    """

    timing: Sequence[Timing]
    alignments: Sequence[Alignment]
    windows: Sequence[Window]


class Sums:
    """Sums over transforms of a group.

    Attributes
    ----------
    products : ndarray
        float64, shape (channel, 2 · stream, stream): real parts of S_a conj(S_b), below them the imaginary parts.
    pair_weights : ndarray
        Shape (stream, stream): sum of the products of the validities.
    weights : ndarray
        Shape (stream,): sum of the validities.
    """

    def __init__(self, group: Group, channels: int) -> None:
        streams = group.n_streams
        self.products = np.zeros((channels, 2 * streams, streams))
        self.pair_weights = np.zeros((streams, streams))
        self.weights = np.zeros(streams)

    def add(self, other: Sums) -> None:
        """Add the sums over other transforms."""
        self.products += other.products
        self.pair_weights += other.pair_weights
        self.weights += other.weights

    def averaged(self, channels: int) -> Sums:
        """Replace every `channels` neighbouring channels by their mean."""
        shape = self.products.shape
        self.products = self.products.reshape(shape[0] // channels, channels, *shape[1:]).mean(axis=1)
        return self

    def spectrum(self, first: int, second: int) -> NDArray[np.complex128]:
        """Sum of S_first conj(S_second), per channel."""
        streams = len(self.weights)
        return self.products[:, first, second] + 1j * self.products[:, streams + first, second]


class Workspace:
    """Memory of one thread, used again for every piece."""

    def __init__(self) -> None:
        self._arrays: dict[tuple[str, type], NDArray[np.generic]] = {}

    def floats(self, name: str, *shape: int) -> NDArray[np.float32]:
        """A float32 array with whatever is in it."""
        return self._array(name, np.float32, shape)  # type: ignore[return-value]

    def complexes(self, name: str, *shape: int) -> NDArray[np.complex64]:
        """A complex64 array with whatever is in it."""
        return self._array(name, np.complex64, shape)  # type: ignore[return-value]

    def _array(self, name: str, dtype: type, shape: tuple[int, ...]) -> NDArray[np.generic]:
        size = int(np.prod(shape))
        held = self._arrays.get((name, dtype))
        if held is None or held.size < size:
            held = self._arrays[name, dtype] = np.empty(size, dtype)
        return held[:size].reshape(shape)


class Correlator:
    """Does the arithmetic of one configuration.

    Parameters
    ----------
    plan : ConfigPlan
    recordings : sequence of Recording
        Per datastream of the configuration.
    """

    def __init__(self, plan: ConfigPlan, recordings: Sequence[Recording]) -> None:
        self.plan = plan
        self._decoders = [recording.decoder for recording in recordings]
        self._bands = [recording.bands for recording in recordings]
        # Coarse and fine steps of the phasor tables: near the square root of the number of channels.
        self._fine = 1 << (plan.channels.bit_length() // 2)
        self._coarse = -(-plan.channels // self._fine)

    def sums(self, piece: Piece, workspace: Workspace) -> list[Sums]:
        """Correlate a piece; sums per group, channels averaged."""
        return [
            self._group_sums(group, piece, workspace).averaged(group.average) for group in self.plan.groups
        ]

    def _group_sums(self, group: Group, piece: Piece, workspace: Workspace) -> Sums:
        sums = Sums(group, self.plan.channels)
        validity = np.concatenate([self._validity(feed, piece) for feed in group.feeds])
        sums.weights = validity.sum(axis=1)
        sums.pair_weights = validity @ validity.T
        count = validity.shape[1]
        step = self._chunk_length(group, piece)
        for begin in range(0, count, step):
            end = min(begin + step, count)
            spectra = workspace.complexes("spectra", self.plan.channels, 2 * group.n_streams, end - begin)
            for feed in group.feeds:
                used = validity[list(feed.rows), begin:end].any(axis=0)
                self._spectra(feed, piece, (begin, end), used, spectra, workspace)
            parts = spectra.view(np.float32)
            sums.products += parts @ parts[:, : group.n_streams].transpose(0, 2, 1)
        return sums

    def _chunk_length(self, group: Group, piece: Piece) -> int:
        shared = min(
            blocks_sharing_rotation(feed, piece.alignments[feed.place].parabola, self.plan.fringe_order)
            for feed in group.feeds
        )
        cached = max(16, _CHUNK_SAMPLES // self.plan.samples)
        alone = _BLAS_ALONE // (4 * group.n_streams**2)
        return max(1, min(shared, cached, max(alone, 8)))

    def _validity(self, feed: Feed, piece: Piece) -> NDArray[np.float64]:
        """Share of good samples, shape (band, transform)."""
        window, starts = piece.windows[feed.place], piece.alignments[feed.place].starts
        threads = [self._bands[feed.place][band][0] for band in feed.bands]
        fractions = {
            thread: window.good_fraction(thread, starts, self.plan.samples)
            for thread in dict.fromkeys(threads)
        }
        return np.stack([fractions[thread] for thread in threads])

    def _spectra(
        self,
        feed: Feed,
        piece: Piece,
        chunk: tuple[int, int],
        used: NDArray[np.bool_],
        out: NDArray[np.complex64],
        workspace: Workspace,
    ) -> None:
        """Write the spectra of a feed into its rows of `out`, shape (channel, 2 · stream, transform)."""
        alignment = piece.alignments[feed.place].part(*chunk)
        rotation = Rotation(feed, piece.timing[feed.place], alignment, self.plan.fringe_order)
        transforms, streams = len(used), out.shape[1] // 2
        halves = self._transformed(feed, piece.windows[feed.place], alignment, rotation, workspace)
        made = None
        for number, (row, correction) in enumerate(zip(feed.rows, feed.corrections, strict=True)):
            if correction != made:
                table, turned = self._phasors(feed, number, alignment, rotation, used, workspace)
                made = correction
            half = halves[:, number * transforms : (number + 1) * transforms]
            np.multiply(half, table, out=out[:, row])
            np.multiply(half, turned, out=out[:, streams + row])

    def _phasors(
        self,
        feed: Feed,
        number: int,
        alignment: Alignment,
        rotation: Rotation,
        used: NDArray[np.bool_],
        workspace: Workspace,
    ) -> tuple[NDArray[np.complex64], NDArray[np.complex64]]:
        """Phasors of a band, shape (channel, transform), and the same turned by -90°; 0 where there are no data."""
        shape = self._coarse, self._fine, len(used)
        table, turned = workspace.complexes("phasors", *shape), workspace.complexes("turned", *shape)
        channel_phasors(
            feed, feed.corrections[number], self.plan.channels, alignment, rotation, used, table, turned
        )
        channels = self.plan.channels
        return table.reshape(-1, len(used))[:channels], turned.reshape(-1, len(used))[:channels]

    def _transformed(
        self, feed: Feed, window: Window, alignment: Alignment, rotation: Rotation, workspace: Workspace
    ) -> NDArray[np.complex64]:
        """Rotate and transform; the half of the spectrum that is the band, shape (channel, band · transform)."""
        channels, samples, blocks = self.plan.channels, self.plan.samples, len(alignment.starts)
        rotated = workspace.complexes("rotated", len(feed.bands), blocks, samples)
        phasor = rotation.phasor().view(np.float32)
        for number, band in enumerate(feed.bands):
            first, levels = self._levels(feed.place, band, window, alignment.starts, workspace)
            _rotate(levels, alignment.starts - first, phasor, rotated[number].view(np.float32))
        # Transforming along the first axis puts the transforms of a channel side by side, as the product needs them.
        spectra = scipy.fft.fft(rotated.reshape(-1, samples).T, axis=0, overwrite_x=True)
        return np.asarray(spectra[channels:] if feed.lower else spectra[:channels])

    def _levels(
        self, place: int, band: int, window: Window, starts: NDArray[np.int64], workspace: Workspace
    ) -> tuple[int, NDArray[np.float32]]:
        """Levels (each twice) of all samples that some blocks take, and the first of these samples."""
        decoder = self._decoders[place]
        first = int(starts[0]) - (int(starts[0]) - window.start) % decoder.quantum
        length = -(-(int(starts[-1]) + self.plan.samples - first) // decoder.quantum) * decoder.quantum
        levels = workspace.floats("levels", 2 * length)
        window.decode(decoder, self._bands[place][band], first, levels)
        return first, levels


def _rotate(
    levels: NDArray[np.float32],
    offsets: NDArray[np.int64],
    phasor: NDArray[np.float32],
    out: NDArray[np.float32],
) -> None:
    """Multiply blocks of doubled samples with a phasor, many blocks at once as long as they follow each other."""
    length = phasor.size
    breaks = np.flatnonzero(np.diff(offsets) != length // 2) + 1
    edges = [0, *breaks.tolist(), len(offsets)]
    for begin, end in zip(edges[:-1], edges[1:], strict=True):
        start = 2 * int(offsets[begin])
        blocks = levels[start : start + (end - begin) * length].reshape(-1, length)
        np.multiply(blocks, phasor, out=out[begin:end])
