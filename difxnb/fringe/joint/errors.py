# SPDX-License-Identifier: GPL-3.0-or-later
"""Errors of a joint fit: moments of the weights of bands and SNR of groups in, covariances out.

With the moments of x = (ν − ν₀, ν (t − t₀)) over the weights p·w of a group, C_g their covariance matrix, a
fringe of true SNR a_g in each group has the Fisher matrix J = (2π)² Σ a_g² C_g for (delay, rate), phases and
amplitudes free. Its inverse is the Cramér-Rao bound. Between groups only powers are added, and noise times
noise makes the scatter larger than the bound where the single groups are weak: the gradient of F then has the
variance 4 (2π)² Σ (a_g² + 2) C_g, and the covariance is J⁻¹ [(2π)² Σ (a_g² + 2) C_g] J⁻¹ (ours; ordinary
error propagation). What is measured is larger than a²: by 2 for each group and by 1 for delay and rate each,
in the mean; that is subtracted.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from difxnb.fringe.joint.band import Band

Floats = NDArray[np.float64]

_WORST_PHASE = np.pi / np.sqrt(3)  # rms of a phase that nothing is known of


def moments_of(weight: NDArray[np.float32], band: Band, time: Floats) -> Floats:
    """Sums (item, 6) of w times 1, x, y, x², xy, y² where x = ν − ν₀, y = ν (t − t₀)."""
    offset = band.offset_hz - band.middle_hz  # small numbers: nothing is lost in the sums
    along = weight.astype(float) @ np.stack([np.ones_like(offset), offset, offset**2], axis=1)
    m = np.einsum("itk,tj->ikj", along, np.stack([np.ones_like(time), time, time**2], axis=1))
    x, sky = band.middle_hz, float(band.frequency[0] + band.frequency[-1]) / 2
    return np.stack(
        [
            m[:, 0, 0],
            x * m[:, 0, 0] + m[:, 1, 0],
            sky * m[:, 0, 1] + m[:, 1, 1],
            x**2 * m[:, 0, 0] + 2 * x * m[:, 1, 0] + m[:, 2, 0],
            x * sky * m[:, 0, 1] + (x + sky) * m[:, 1, 1] + m[:, 2, 1],
            sky**2 * m[:, 0, 2] + 2 * sky * m[:, 1, 2] + m[:, 2, 2],
        ],
        axis=1,
    )


@dataclass(frozen=True, slots=True)
class Spread:
    """Means (…, 2) of x = (ν − ν₀, ν (t − t₀)) and their covariances (…, 2, 2); zero where there is no weight."""

    mean: Floats
    covariance: Floats

    @classmethod
    def of(cls, moments: Floats) -> Spread:
        """From the sums (…, 6) of :func:`moments_of`."""
        total = moments[..., :1]
        share = np.divide(moments, total, out=np.zeros_like(moments), where=total > 0)
        mean, square = share[..., 1:3], share[..., 3:]
        covariance = square[..., [[0, 1], [1, 2]]] - mean[..., :, None] * mean[..., None, :]
        return cls(mean, covariance)


def debiased(power: Floats, present: NDArray[np.bool_], has_rate: NDArray[np.bool_]) -> Floats:
    """a² of each group (item, group) from the measured squares of its SNR; one in all at least."""
    groups = present.sum(axis=1)
    whole = power.sum(axis=1) - 2 * groups - 1 - has_rate
    each = np.where(present, np.maximum(power - 2, 1e-3), 0.0)
    total = each.sum(axis=1)
    scale = np.divide(np.maximum(whole, 1.0), total, out=np.zeros_like(total), where=total > 0)
    return np.asarray(each * scale[:, None], dtype=float)


def covariance_of(
    power: Floats, spread: Floats, scatter: Floats, present: NDArray[np.bool_], has_rate: NDArray[np.bool_]
) -> Floats:
    """Covariance matrices (item, 2, 2) of delay and rate; those of the rate are 0 where there is none.

    Parameters
    ----------
    power : ndarray, shape (item, group)
        From :func:`debiased`.
    spread : ndarray, shape (item, group, 2, 2)
        Covariances of x with the strength of the fringe as a further weight: what bends the objective.
    scatter : ndarray, shape (item, group, 2, 2)
        Mean squares of x about the same means without it: where noise comes from. Equal to `spread` where bands are
        equally strong.
    present : ndarray of bool, shape (item, group)
        Which groups have data.
    has_rate : ndarray of bool, shape (item,)
        Which items have two integrations or more.
    """
    two_pi = (2 * np.pi) ** 2
    information = two_pi * np.einsum("ig,igkl->ikl", power, spread)
    noise = two_pi * np.einsum("ig,igkl->ikl", np.where(present, power + 2, 0.0), scatter)
    if present.shape[1] == 1:  # noise times noise lies along the phase of a single group, not along its delay
        noise = two_pi * np.einsum("ig,igkl->ikl", power, scatter)
    free = has_rate[:, None, None] | (np.arange(2) + np.arange(2)[:, None] == 0)
    scale = np.sqrt(np.where(free, information, 1.0)[:, [0, 1], [0, 1]])
    scale = np.where(scale > 0, scale, 1.0)
    unit = scale[:, :, None] * scale[:, None, :]
    information = np.where(free, information, np.eye(2)) / unit
    inverse = np.linalg.pinv(information)
    return np.asarray(np.where(free, inverse @ (noise / unit) @ inverse / unit, 0.0), dtype=float)


def phase_errors(power: Floats, mean: Floats, covariance: Floats) -> Floats:
    """Errors (item, group) of the phases at the reference, rad; at most those of a phase nobody knows."""
    drift = (2 * np.pi) ** 2 * np.einsum("igk,ikl,igl->ig", mean, covariance, mean)
    with np.errstate(divide="ignore"):
        return np.asarray(np.minimum(np.sqrt(1 / power + drift), _WORST_PHASE), dtype=float)
