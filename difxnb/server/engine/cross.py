# SPDX-License-Identifier: GPL-3.0-or-later
"""Spectra of all antennas, multiplied and summed.

A piece of a sub-integration comes in with the recordings of every datastream, sums of products go out. Per
group and channel the spectra of all streams stand in a matrix with real and imaginary parts side by side;
below them stand the same turned by -90°. One real matrix product then gives real and imaginary parts of all
cross products, parallel and cross hands and autocorrelations together: X = S · conj(S)ᵀ.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from difxnb.server.engine.plan import ConfigPlan, Feed, Group
from difxnb.server.engine.spectra import Chunks, FeedSamples, FeedSpectra, Workspace
from difxnb.server.engine.station import Alignment, FeedPhasors, Timing, blocks_sharing_rotation
from difxnb.server.engine.tones import ToneExtractor, ToneSums
from difxnb.server.engine.window import Packing, Window

_CHUNK_SAMPLES = 2**15
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
        float64, shape (channel, 2 · stream, stream): real parts of S_a conj(S_b), below them the imaginary
        parts.
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


@dataclass(frozen=True, slots=True)
class PieceSums:
    """What a piece, or several, gave.

    Attributes
    ----------
    groups : list of Sums
        Per group of the plan.
    tones : list of ToneSums or None
        Per datastream of the configuration; None for those without tones.
    """

    groups: list[Sums]
    tones: list[ToneSums | None]

    def add(self, other: PieceSums) -> None:
        """Add the sums over other transforms."""
        for sums, more in zip(self.groups, other.groups, strict=True):
            sums.add(more)
        for own, others in zip(self.tones, other.tones, strict=True):
            if own is not None and others is not None:
                own.add(others)


class Correlator:
    """Does the arithmetic of one configuration.

    Parameters
    ----------
    plan : ConfigPlan
    packings : sequence of Packing
        Of the recording of every datastream of the configuration.
    """

    def __init__(self, plan: ConfigPlan, packings: Sequence[Packing]) -> None:
        self.plan = plan
        self._packings = packings
        self._extractors = [
            None if comb is None else ToneExtractor(comb, plan.samples, plan.sample_rate)
            for comb in plan.combs
        ]

    def sums(self, piece: Piece, workspace: Workspace) -> PieceSums:
        """Correlate a piece; channels are averaged."""
        groups = [
            self._group_sums(group, piece, workspace).averaged(group.average) for group in self.plan.groups
        ]
        tones = [
            None if extractor is None else self._tone_sums(extractor, place, piece, workspace)
            for place, extractor in enumerate(self._extractors)
        ]
        return PieceSums(groups, tones)

    def _tone_sums(
        self, extractor: ToneExtractor, place: int, piece: Piece, workspace: Workspace
    ) -> ToneSums:
        packing, starts = self._packings[place], piece.alignments[place].starts
        validity = self._validities(place, range(len(packing.bands)), piece)
        chunks = Chunks(len(starts), max(16, _CHUNK_SAMPLES // self.plan.samples))
        samples = FeedSamples(packing, piece.windows[place], starts)
        return extractor.sums(samples, starts, validity, chunks, workspace)

    def _group_sums(self, group: Group, piece: Piece, workspace: Workspace) -> Sums:
        sums = Sums(group, self.plan.channels)
        validity = np.concatenate([self._validities(feed.place, feed.bands, piece) for feed in group.feeds])
        sums.weights = validity.sum(axis=1)
        sums.pair_weights = validity @ validity.T
        chunks = Chunks(validity.shape[1], self._chunk_length(group, piece))
        feeds = [
            self._feed_spectra(feed, piece, validity[list(feed.rows)], chunks, workspace)
            for feed in group.feeds
        ]
        streams = group.n_streams
        for number, (begin, end) in enumerate(chunks):
            spectra = workspace.complexes("spectra", 2, streams, self.plan.channels, end - begin)
            for feed in feeds:
                feed.write(number, spectra)
            parts = spectra.view(np.float32).reshape(2 * streams, self.plan.channels, -1).transpose(1, 0, 2)
            sums.products += parts @ parts[:, :streams].transpose(0, 2, 1)
        return sums

    def _chunk_length(self, group: Group, piece: Piece) -> int:
        shared = min(
            blocks_sharing_rotation(feed, piece.alignments[feed.place].parabola, self.plan.fringe_order)
            for feed in group.feeds
        )
        cached = max(16, _CHUNK_SAMPLES // self.plan.samples)
        alone = max(8, _BLAS_ALONE // (4 * group.n_streams**2))
        return max(1, min(shared, cached, alone))

    def _validities(self, place: int, bands: Iterable[int], piece: Piece) -> NDArray[np.float64]:
        """Share of good samples in bands of a datastream, shape (band, transform)."""
        window, starts = piece.windows[place], piece.alignments[place].starts
        places = self._packings[place].bands
        threads = [places[band][0] for band in bands]
        fractions = {
            thread: window.good_fraction(thread, starts, self.plan.samples)
            for thread in dict.fromkeys(threads)
        }
        return np.stack([fractions[thread] for thread in threads])

    def _feed_spectra(
        self, feed: Feed, piece: Piece, validity: NDArray[np.float64], chunks: Chunks, workspace: Workspace
    ) -> FeedSpectra:
        packing, place = self._packings[feed.place], feed.place
        samples = FeedSamples(packing, piece.windows[place], piece.alignments[place].starts)
        phasors = FeedPhasors(feed, piece.timing[place], piece.alignments[place], self.plan.fringe_order)
        used = np.asarray(validity.any(axis=0))
        return FeedSpectra(feed, self.plan.channels, samples, phasors, used, chunks, workspace)
