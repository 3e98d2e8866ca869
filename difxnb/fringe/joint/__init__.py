# SPDX-License-Identifier: GPL-3.0-or-later
"""One delay and one rate fitted to several bands and polarizations at once.

Bands with their visibilities go in, a :class:`~difxnb.fringe.JointFringe` comes out.

**Model.** V_b(t, ν) = A_g exp i[φ_g + β_b + 2π(ν − ν₀) τ + 2π ν τ' (t − t₀)] + noise for block b of group g.
Delay τ and rate τ' are common to all, amplitude and phase to a group; β_b is the phase that the instrument is
said to add.

**Estimator.** Maximum likelihood: the maximum of F = Σ_g |S_g|²/N_g with S_g = Σ_b p_b S_b, N_g = Σ_b p_b
W_b, where S_b = Σ w V exp −i[β_b + …] and W_b = Σ w of a block and p_b = 1/σ_b² by its own noise. Groups of
one block each add bands or polarizations incoherently; the delay of a group of several bands is the
*multi-band delay* (A. E. E. Rogers, Radio Science 5, 1239 (1970); multi-band and single-band delay as in HOPS
fourfit, but with one delay within and between bands).

**SNR** = √F, in which each group counts with the square of its own SNR, amplitude over the rms of one
component of its noise.

**Errors** know thermal noise only (``joint/errors.py``). Errors follow the strengths that the bands of a
group show; those of residual phases take them to be equal. A delay that is off by the ambiguity of the band
spacing is no matter of errors: how near that is `single_band_delay_error` tells, held against half the
`ambiguity`.

**False alarms** are counted over the window that was searched, for a chi-squared variable of twice as many
degrees of freedom as there are groups (``joint/detection.py``).
"""

from __future__ import annotations

import os
from collections.abc import Hashable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from difxnb.fringe.joint.band import Band, bands_of
from difxnb.fringe.joint.fit import FITTED, JointFit
from difxnb.fringe.joint.result import Block, JointFringe
from difxnb.fringe.joint.search import time_spacing

_CHUNK_SAMPLES = (
    2**20
)  # visibilities of all bands that are fitted at once; some 100 bytes are needed for each


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
        Hz and s at which delay and phases are stated.
    delay_window, rate_window : (low, high), optional
        s (in the middle of the time axis) and s/s: the maximum is looked for inside. Otherwise the whole range that
        the finest channels, and the integrations at the reference frequency, can tell apart; in scans of more than 1024
        integrations that of 1024 equal parts.
    workers : int, optional
        Threads; as many as CPUs may be used otherwise. The result does not depend on it.

    Returns
    -------
    JointFringe
        An item without data gives NaN. A block without noise that could be measured counts as missing.

    Raises
    ------
    ValueError
        Shapes, axes, labels or windows do not fit, or the rate window is wider than what is searched of a long scan.
    """
    time = _time_axis(time_s)
    labels = tuple(dict.fromkeys(groups))
    if not blocks or len(groups) != len(blocks):
        raise ValueError(
            f"a joint fit needs one group for each block, got {len(groups)} for {len(blocks)} blocks"
        )
    bands, shape, frequency = bands_of(list(blocks), time.size, edge_channels, reference_frequency)
    middle = float(time[0] + time[-1]) / 2 if time.size else 0.0
    epoch = middle if reference_time is None else float(reference_time)
    widest = 1 / min(band.width for band in bands)
    range_of_rate = _range_of_rate(time, frequency, rate_window)
    fit = JointFit(
        bands=bands,
        group=np.array([labels.index(one) for one in groups], dtype=np.int64),
        time=time - middle,
        epoch=epoch - middle,
        frequency=frequency,
        delay_window=_window(delay_window, widest, "delay"),
        rate_window=_window(rate_window, range_of_rate, "rate"),
        borders=(delay_window is not None, rate_window is not None),
    )
    phase = _per_block(0.0 if band_phase is None else band_phase, shape, len(blocks), "band_phase")
    sigma = None if noise is None else _per_block(noise, shape, len(blocks), "noise")
    found = _fit_chunks(fit, bands, phase, sigma, workers)
    return JointFringe(
        **{name: values.reshape(shape + values.shape[1:]) for name, values in found.items()},
        groups=labels,
        reference_frequency=frequency,
        reference_time=epoch,
    )


def _fit_chunks(
    fit: JointFit,
    bands: list[Band],
    phase: NDArray[np.float64],
    sigma: NDArray[np.float64] | None,
    workers: int | None,
) -> dict[str, NDArray[Any]]:
    """All items, a few at a time, in threads."""
    count = len(bands[0].items)
    samples = sum(int(np.prod(band.items.shape[1:])) for band in bands)
    if count == 0 or samples == 0:
        return fit.nothing(count)
    step = max(1, _CHUNK_SAMPLES // samples)
    parts = [slice(start, min(start + step, count)) for start in range(0, count, step)]
    threads = len(os.sched_getaffinity(0)) if workers is None else workers
    with ThreadPoolExecutor(max(1, threads)) as pool:
        done = list(pool.map(lambda p: fit.part(p, phase[p], None if sigma is None else sigma[p]), parts))
    return {name: np.concatenate([one[name] for one in done]) for name in FITTED}


def _time_axis(time_s: ArrayLike) -> NDArray[np.float64]:
    time = np.asarray(time_s, dtype=float)
    if time.ndim != 1 or not np.isfinite(time).all() or np.any(np.diff(time) <= 0):
        raise ValueError("the times of a joint fit are a list of seconds that ascend")
    return time


def _range_of_rate(time: NDArray[np.float64], frequency: float, asked: tuple[float, float] | None) -> float:
    """Rates that the search of these times can tell apart, s/s; no less may have been asked for of what they have."""
    searched = 1 / (time_spacing(time) * frequency)
    there = 1 / (float(np.diff(time).min()) * frequency) if time.size > 1 else searched
    if asked is not None and min(asked[1] - asked[0], there) > searched * (1 + 1e-9):
        raise ValueError(
            f"a rate window of {asked[1] - asked[0]:.3g} s/s is too wide for a joint fit of {time.size} integrations, "
            f"which searches {searched:.3g} s/s at most; ask for a narrower one or fit shorter intervals"
        )
    return searched


def _window(window: tuple[float, float] | None, period: float, name: str) -> tuple[float, float]:
    """The window that is searched: what was asked for, at most one period about its middle."""
    low, high = (-period / 2, period / 2) if window is None else (float(window[0]), float(window[1]))
    if not (np.isfinite(low) and np.isfinite(high) and low < high):
        raise ValueError(f"the {name} window of a joint fit is (lowest, highest), got {window!r}")
    middle = (low + high) / 2
    return max(low, middle - period / 2), min(high, middle + period / 2)


def _per_block(values: ArrayLike, shape: tuple[int, ...], blocks: int, name: str) -> NDArray[np.float64]:
    """One number for each item and block."""
    try:
        full = np.broadcast_to(np.asarray(values, dtype=float), (*shape, blocks))
    except ValueError:
        raise ValueError(
            f"{name} of a joint fit has shape {np.shape(values)}; {(blocks,)} or {(*shape, blocks)} was expected"
        ) from None
    return full.reshape(int(np.prod(shape)), blocks)
