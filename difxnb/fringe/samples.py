# SPDX-License-Identifier: GPL-3.0-or-later
"""Visibilities made ready for fits: unusable samples out, weights in, and sums over channels and integrations.

The precision of the visibilities is kept: complex64 data are not copied to complex128.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from difxnb.fringe.axes import Axes

Floats = NDArray[np.float64]
Complexes = NDArray[np.complexfloating]


@dataclass(frozen=True, slots=True)
class Samples:
    """Items (item, time, channel) to be fitted together.

    Attributes
    ----------
    weighted : ndarray of complex, shape (item, time, channel)
        Weight times visibility; 0 where there is nothing to use.
    weight : ndarray, shape (item, time, channel) or (item, time, 1)
        0 where there is nothing to use. The short shape says that all channels of an integration weigh the same.
    usable : ndarray, shape (item, time)
        Channels of each integration that are used.
    """

    weighted: Complexes
    weight: NDArray[np.floating]
    usable: NDArray[np.int64]

    def weight_moments(self, axes: Axes) -> Floats:
        """Σ w f^k over channels for k = 0, 1, 2, shape (item, time, 3); f = (ν − ν₀) in its unit."""
        scaled = axes.offset_hz / axes.units[0]
        basis = np.stack([np.ones_like(scaled), scaled, scaled**2], axis=1)
        if self.weight.shape[2] == 1:
            return np.asarray(self.weight * basis.sum(axis=0), dtype=float)
        return np.asarray(self.weight.astype(float) @ basis, dtype=float)


def make_samples(visibility: Complexes, weight: NDArray[np.floating] | None) -> Samples:
    """Leave out what is not finite or has no weight."""
    single = visibility.dtype == np.complex64
    if not single:
        visibility = visibility.astype(np.complex128, copy=False)
    real = np.float32 if single else np.float64
    if visibility.strides[-1] != visibility.itemsize:
        visibility = np.ascontiguousarray(visibility)
    # real and imaginary parts: far faster than complex numbers
    parts: NDArray[np.floating] = visibility.view(real)
    whole = bool(np.isfinite(parts).all())
    if weight is None:
        weight = np.ones((*visibility.shape[:2], 1), dtype=real)
    weight = weight.astype(real, copy=False)
    weight = np.where((weight > 0) & np.isfinite(weight), weight, real(0))
    if whole and weight.shape[2] == 1:
        weighted = (parts * weight).view(visibility.dtype)
    elif whole:
        weighted = visibility * weight
    else:
        weight = np.where(np.isfinite(visibility), weight, real(0))
        weighted = np.where(weight > 0, visibility, 0) * weight
    used = (weight > 0).sum(axis=2)
    usable = used * visibility.shape[2] if weight.shape[2] == 1 else used
    return Samples(weighted, weight, usable)
