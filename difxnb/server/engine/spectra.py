# SPDX-License-Identifier: GPL-3.0-or-later
"""Spectra of one feed: samples decoded, turned, transformed and corrected, chunk by chunk.

Windows of a recording and phasors come in; spectra go out into the array in which all streams of a group
meet. The chunks are short, so that everything stays in the processor's cache.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from math import prod

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from difxnb.server.engine.plan import Correction, Feed
from difxnb.server.engine.station import FeedPhasors
from difxnb.server.engine.window import Packing, Window

_TURN = np.complex64(-1j)


class Workspace:
    """Memory of one thread, used again and again; arrays of one name must not be in use at the same time."""

    def __init__(self) -> None:
        self._floats: dict[str, NDArray[np.float32]] = {}

    def floats(self, name: str, *shape: int) -> NDArray[np.float32]:
        """A float32 array with whatever is in it."""
        size = prod(shape)
        held = self._floats.get(name)
        if held is None or held.size < size:
            held = self._floats[name] = np.empty(size, np.float32)
        return held[:size].reshape(shape)

    def complexes(self, name: str, *shape: int) -> NDArray[np.complex64]:
        """A complex64 array with whatever is in it."""
        return self.floats(name, *shape[:-1], 2 * shape[-1]).view(np.complex64)


class Chunks:
    """`count` transforms, cut into chunks of at most `length`."""

    def __init__(self, count: int, length: int) -> None:
        self.begins = np.arange(0, count, length)
        self.ends = np.minimum(self.begins + length, count)

    def __iter__(self) -> Iterator[tuple[int, int]]:
        """First transform and one past the last of every chunk."""
        return zip(self.begins.tolist(), self.ends.tolist(), strict=True)


class FeedSamples:
    """The samples that a feed's transforms take."""

    def __init__(self, packing: Packing, window: Window, starts: NDArray[np.int64]) -> None:
        self._decoder, self._bands = packing.decoder, packing.bands
        self._window, self._starts = window, starts
        self._jumps = np.diff(starts)

    def rotated(
        self,
        band: int,
        chunk: tuple[int, int],
        rotation: NDArray[np.complex64],
        workspace: Workspace,
    ) -> NDArray[np.complex64]:
        """Samples of a band times the rotation, shape (transform, sample)."""
        begin, end = chunk
        out = workspace.complexes("rotated", end - begin, rotation.size)
        factors = rotation.view(np.float32)
        for run, following, levels in self.runs(band, chunk, rotation.size, workspace):
            np.multiply(levels, factors, out=out[run:following].view(np.float32))
        return out

    def runs(
        self, band: int, chunk: tuple[int, int], length: int, workspace: Workspace
    ) -> Iterator[tuple[int, int, NDArray[np.float32]]]:
        """Levels of a chunk, in runs of transforms that follow each other.

        Yields the first transform of a run, counted from that of the chunk, one past its last, and the levels, each
        of them twice: shape (transform, 2 · sample). They mostly all follow; where the delay has changed by a sample
        they do not.
        """
        begin, end = chunk
        first, levels = self._levels(band, begin, end, length, workspace)
        breaks = np.flatnonzero(self._jumps[begin : end - 1] != length) + 1
        for run, following in pairwise([0, *breaks.tolist(), end - begin]):
            at = 2 * (int(self._starts[begin + run]) - first)
            yield run, following, levels[at : at + (following - run) * 2 * length].reshape(-1, 2 * length)

    def _levels(
        self, band: int, begin: int, end: int, length: int, workspace: Workspace
    ) -> tuple[int, NDArray[np.float32]]:
        """Levels (each twice) of all samples of a chunk, and which sample is the first."""
        quantum = self._decoder.quantum
        start = int(self._starts[begin])
        first = start - (start - self._window.start) % quantum
        count = -(-(int(self._starts[end - 1]) + length - first) // quantum) * quantum
        levels = workspace.floats("levels", 2 * count)
        self._window.decode(self._decoder, self._bands[band], first, levels)
        return first, levels


class FeedSpectra:
    """Makes the spectra of a feed for one piece.

    Parameters
    ----------
    feed : Feed
    channels : int
        Channels of the transform.
    samples : FeedSamples
    phasors : FeedPhasors
    used : ndarray
        False for transforms without data.
    chunks : Chunks
        How the transforms of the piece are cut.
    workspace : Workspace
    """

    def __init__(
        self,
        feed: Feed,
        channels: int,
        samples: FeedSamples,
        phasors: FeedPhasors,
        used: NDArray[np.bool_],
        chunks: Chunks,
        workspace: Workspace,
    ) -> None:
        self._feed, self._channels, self._samples, self._workspace = feed, channels, samples, workspace
        self._cuts = list(chunks)
        self._rotations = phasors.rotations(chunks.begins, chunks.ends)
        # Coarse and fine steps near the square root of the number of channels need the fewest sines.
        fine = 1 << (channels.bit_length() // 2)
        self._tables = {
            correction: phasors.corrections(correction, channels, fine, used)
            for correction in dict.fromkeys(feed.corrections)
        }

    def write(self, chunk: int, out: NDArray[np.complex64]) -> None:
        """Write the spectra of a chunk into the feed's rows of `out`.

        `out` has the shape (2, stream, channel, transform); its second half takes the spectra times -i.
        """
        made = None
        for band, row, correction in zip(
            self._feed.bands, self._feed.rows, self._feed.corrections, strict=True
        ):
            if correction != made:
                factors = self._factors(correction, self._cuts[chunk])
                made = correction
            np.multiply(self._transformed(band, chunk), factors, out=out[0, row])
            np.multiply(out[0, row], _TURN, out=out[1, row])

    def _transformed(self, band: int, chunk: int) -> NDArray[np.complex64]:
        """The half of the spectra that is the band, shape (channel, transform)."""
        rotated = self._samples.rotated(band, self._cuts[chunk], self._rotations[chunk], self._workspace)
        # Along the first axis, so that the transforms of a channel lie side by side, as their product needs
        # them.
        spectra = scipy.fft.fft(rotated.T, axis=0, overwrite_x=True)
        return np.asarray(spectra[self._channels :] if self._feed.lower else spectra[: self._channels])

    def _factors(self, correction: Correction, chunk: tuple[int, int]) -> NDArray[np.complex64]:
        """Factors of all channels, shape (channel, transform)."""
        rough, exact = (table[:, chunk[0] : chunk[1]] for table in self._tables[correction])
        factors = self._workspace.complexes("factors", len(rough), len(exact), chunk[1] - chunk[0])
        np.multiply(rough[:, np.newaxis], exact, out=factors)
        return factors.reshape(-1, chunk[1] - chunk[0])[: self._channels]
