# SPDX-License-Identifier: GPL-3.0-or-later
"""What a fringe fit gives back."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Fringe:
    """Result of a fringe fit; arrays have the leading axes of the visibilities, NaN where nothing was.

    Attributes
    ----------
    delay, delay_error : ndarray
        Seconds, at `reference_time`; positive where antenna 2 is late. Ambiguous by 1/(channel width).
    delay_rate, delay_rate_error : ndarray
        Seconds per second; NaN where no rate was fitted.
    phase, phase_error : ndarray
        Radians, at `reference_frequency` and `reference_time`.
    amplitude : ndarray
        In the units of the visibilities, without the noise that every maximum takes along.
    amplitude_error : ndarray
        Rms of the amplitude, σ/√Σw.
    snr : ndarray
        Amplitude of the maximum over the rms of one component of its noise (package docstring).
    noise : ndarray
        Rms σ of the real part of one channel in one integration at weight 1.
    false_alarm_probability : ndarray
        Probability that noise alone gives such a peak anywhere in the search.
    weight : ndarray
        Mean weight of the samples that were used.
    n_samples : ndarray
        How many samples (a channel of an integration) were used.
    at_edge : ndarray of bool
        The peak lies on the border of the window that was searched: the fringe is likely outside.
    reference_frequency : float
        Hz, middle of the frequency axis unless asked otherwise.
    reference_time : float
        Seconds, middle of the time axis that was given; 0 for a single spectrum.
    """

    delay: Floats
    delay_error: Floats
    delay_rate: Floats
    delay_rate_error: Floats
    phase: Floats
    phase_error: Floats
    amplitude: Floats
    amplitude_error: Floats
    snr: Floats
    noise: Floats
    false_alarm_probability: Floats
    weight: Floats
    n_samples: NDArray[np.int64]
    at_edge: NDArray[np.bool_]
    reference_frequency: float
    reference_time: float


ARRAYS = tuple(f.name for f in fields(Fringe) if not f.name.startswith("reference"))


def without_empty(fringe: Fringe, present: NDArray[np.bool_]) -> Fringe:
    """Put NaN into every array for the items without data."""
    if present.all():
        return fringe
    for name in ARRAYS:
        values = getattr(fringe, name)
        values[~present] = np.nan if values.dtype.kind == "f" else 0
    return fringe


def empty(count: int) -> dict[str, NDArray[Any]]:
    """Arrays for `count` items that nothing is known of."""
    found: dict[str, NDArray[Any]] = {name: np.full(count, np.nan) for name in ARRAYS}
    return found | {"n_samples": np.zeros(count, dtype=np.int64), "at_edge": np.zeros(count, dtype=bool)}
