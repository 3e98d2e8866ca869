# SPDX-License-Identifier: GPL-3.0-or-later
"""Bands with an injected fringe, for tests of joint fits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from difxnb.fringe import Block


@dataclass
class Injected:
    """Blocks in noise of σ = 1 and what was put into them."""

    blocks: list[Block]
    time: np.ndarray
    delay: np.ndarray
    rate: np.ndarray
    phase: np.ndarray  # (trial, group)
    reference: float


@dataclass
class Band:
    """Where a band lies and how finely it is divided."""

    low_edge: float
    channels: int = 12
    width: float = 0.5e6
    sigma: float = 1.0

    @property
    def frequency(self) -> np.ndarray:
        return self.low_edge + self.width * np.arange(self.channels)


def inject(
    rng: np.random.Generator,
    bands: Sequence[Band],
    groups: Sequence[int],
    snr: float,
    *,
    trials: int,
    integrations: int = 4,
    offset: Sequence[float] | None = None,
    delay: float | np.ndarray | None = None,
    weights: Sequence[np.ndarray] | None = None,
) -> Injected:
    """Fringes of random delay, rate and phase; `snr` is that of all bands without their edge channels."""
    time = np.arange(integrations) * 0.5
    every = np.concatenate([band.frequency for band in bands])
    reference = (every.min() + every.max()) / 2
    if delay is None:
        delay = rng.uniform(-0.3, 0.3, trials) / max(band.width for band in bands)
    delay = np.broadcast_to(delay, trials)
    rate = rng.uniform(-0.3, 0.3, trials) / (0.5 * reference) * (integrations > 1)
    phase = rng.uniform(-np.pi, np.pi, (trials, max(groups) + 1))
    if weights is None:
        weights = [np.ones((trials, integrations, band.channels)) for band in bands]
    strength = sum(w[0, :, 1:-1].sum() / band.sigma**2 for band, w in zip(bands, weights, strict=True))
    amplitude = snr / np.sqrt(strength)
    blocks = []
    for place, (band, weight) in enumerate(zip(bands, weights, strict=True)):
        nu = band.frequency
        turns = delay[:, None, None] * (nu - reference)
        turns = turns + rate[:, None, None] * ((time - time.mean())[:, None] * nu)
        own = phase[:, groups[place]] + (0.0 if offset is None else offset[place])
        noise = rng.normal(size=turns.shape) + 1j * rng.normal(size=turns.shape)
        signal = amplitude * np.exp(1j * (own[:, None, None] + 2 * np.pi * turns))
        blocks.append(Block(signal + noise * band.sigma / np.sqrt(weight), nu, weight))
    return Injected(blocks, time, delay, rate, phase, reference)


def turned(phase: np.ndarray) -> np.ndarray:
    """The same phase within half a turn of zero."""
    return np.angle(np.exp(1j * np.asarray(phase)))
