# SPDX-License-Identifier: GPL-3.0-or-later
"""One delay and one rate fitted to several bands and polarizations at once (signature; work in progress)."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from numpy.typing import ArrayLike

from difxnb.fringe.joint_result import Block, JointFringe


def fit_jointly(
    blocks: Sequence[Block],
    time_s: ArrayLike,
    *,
    groups: Sequence[Hashable],
    band_phase: ArrayLike | None = None,
    edge_channels: int = 1,
    noise: ArrayLike | None = None,
    reference_frequency: float | None = None,
    reference_time: float | None = None,
    delay_window: tuple[float, float] | None = None,
    rate_window: tuple[float, float] | None = None,
    workers: int | None = None,
) -> JointFringe:
    """Fit one delay and one delay rate to all blocks of each item.

    Parameters
    ----------
    blocks : sequence of Block
        Bands, or bands × polarizations, of the same items and times.
    time_s : array_like, shape (time,)
        Middle of each integration, seconds from any epoch, ascending.
    groups : sequence, one label per block
        Blocks with the same label are coherent: one phase, which makes their delay a multi-band delay. Groups
        have a phase each: give ``["RR", "RR", "LL", "LL"]`` for bands of two polarizations, or a
        different label to every block where nothing is known of the phases between bands.
    band_phase : array_like, optional
        Shape (block,) or (…, block), rad: phase of each block that is not the sky's, taken out before blocks of a
        group are added. Zero otherwise.
    edge_channels : int
        Channels left out at either end of each band.
    noise : array_like, optional
        Known σ (real part, one channel, weight 1), shape (block,) or (…, block); measured otherwise.
    reference_frequency, reference_time : float, optional
        Hz and s at which phases are stated.
    delay_window, rate_window : (low, high), optional
        s and s/s: the maximum is looked for inside; the whole unambiguous range otherwise.
    workers : int, optional
        Threads; as many as CPUs may be used otherwise. The result does not depend on it.

    Returns
    -------
    JointFringe

    Raises
    ------
    ValueError
        Shapes, axes, labels or windows do not fit.
    """
    raise NotImplementedError
