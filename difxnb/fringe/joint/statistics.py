# SPDX-License-Identifier: GPL-3.0-or-later
"""From the maximum of a joint fit to everything that is said of it: phases, errors, SNR, false alarms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from difxnb.fringe.ambiguity import spacing_ambiguity
from difxnb.fringe.joint.detection import SearchedWindow, joint_false_alarm
from difxnb.fringe.joint.errors import Spread, covariance_of, debiased, moments_of, phase_errors

if TYPE_CHECKING:
    from difxnb.fringe.joint.fit import Data, JointFit

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Peak:
    """The maximum of some items, about the middle of the time axis; shapes (item,) and (item, block).

    Attributes
    ----------
    delay, rate : ndarray
    has_rate, at_edge : ndarray of bool
    blocks : ndarray of complex
        S_b at the maximum, phases at the reference frequency.
    single : (ndarray, ndarray)
        Single-band delay, and SNR² of each block there.
    phase : ndarray
        Phase that each block is said to have.
    scale, weight : ndarray
        p and W; 0 for a block that did not take part.
    noise, degrees : ndarray
        σ and its complex degrees of freedom.
    """

    delay: Floats
    rate: Floats
    has_rate: Flags
    at_edge: Flags
    blocks: NDArray[np.complex128]
    single: tuple[Floats, Floats]
    phase: Floats
    scale: Floats
    weight: Floats
    noise: Floats
    degrees: Floats


def statistics(fit: JointFit, peak: Peak, data: Data) -> dict[str, NDArray[Any]]:
    """All arrays of a :class:`~difxnb.fringe.JointFringe` for some items."""
    strength = peak.scale * peak.weight
    usable = strength > 0
    moments = np.stack(
        [moments_of(w, band, fit.time - fit.epoch) for (_, w), band in zip(data, fit.bands, strict=True)],
        axis=1,
    )
    member = np.eye(fit.groups)[fit.group]  # (block, group)
    norm = strength @ member
    present = norm > 0
    sums = (peak.blocks * peak.scale * np.exp(-1j * peak.phase)) @ member
    power = _ratio(np.abs(sums) ** 2, norm)
    block_power = _ratio(np.abs(peak.blocks) ** 2 * peak.scale, peak.weight)
    scaled = moments * peak.scale[..., None]
    share = _ratio(strength, norm[:, fit.group])
    spread = Spread.of(np.einsum("ibm,bg->igm", scaled, member))
    single = Spread.of(scaled)
    degrees, loss = _measured(fit, peak.degrees, share, present)
    # 1/σ² of few samples is too large in the mean, and so is the power it is multiplied with
    honest = (loss / (1 + 1 / degrees))[:, None]
    squared = debiased(power * honest, present, peak.has_rate)
    along = np.real(peak.blocks * np.exp(-1j * peak.phase) * sums[:, fit.group].conj())
    strong = Spread.of(np.einsum("ibm,bg->igm", scaled * _strengths(along, peak.weight), member))
    aside = spread.mean - strong.mean
    scatter = spread.covariance + aside[..., :, None] * aside[..., None, :]
    covariance = covariance_of(squared, strong.covariance, scatter, present, peak.has_rate)
    squared_single = debiased(peak.single[1] * honest, usable, peak.has_rate)
    alone = covariance_of(squared_single, single.covariance, single.covariance, usable, peak.has_rate)
    equal = covariance_of(squared, spread.covariance, spread.covariance, present, peak.has_rate)
    drift = _quadratic(single.mean - spread.mean[:, fit.group], equal)
    # what the fit takes of the scatter of a block: its part in the phase of the group and in delay and rate
    leverage = share * (1 + squared[:, fit.group] * drift)
    # in the mean 1/σ² of m degrees of freedom is too large by m/(m − 1)
    own = np.maximum(block_power * (1 - 1 / np.maximum(peak.degrees, 2.0)) - 1, 0.5)
    # of the noise each group took one part along, and delay and rate one part each of all groups
    taken = 1 + (1.0 + peak.has_rate)[:, None] * _ratio(squared, squared.sum(axis=1, keepdims=True))
    turn = np.exp(2j * np.pi * fit.frequency * peak.rate * fit.epoch)  # from the middle to the reference time
    period, ambiguity = _ambiguities(fit, usable)
    window = _searched(fit, peak, spread, single, share, period)
    samples = np.stack([np.count_nonzero(w, axis=(1, 2)) for _, w in data], axis=1)
    samples = np.where(usable, samples, 0).sum(axis=1)
    total = power.sum(axis=1)
    found: dict[str, NDArray[Any]] = {
        "delay": peak.delay + peak.rate * fit.epoch,
        "delay_error": np.sqrt(covariance[:, 0, 0]),
        "delay_rate": np.where(peak.has_rate, peak.rate, np.nan),
        "delay_rate_error": np.where(peak.has_rate, np.sqrt(covariance[:, 1, 1]), np.nan),
        "snr": np.sqrt(total),
        "false_alarm_probability": joint_false_alarm(total * loss, present.sum(axis=1), degrees, window),
        "single_band_delay": peak.single[0] + peak.rate * fit.epoch,
        "single_band_delay_error": np.sqrt(alone[:, 0, 0]),
        "ambiguity": ambiguity,
        "at_edge": peak.at_edge,
        "n_samples": samples,
        "weight": _ratio(peak.weight.sum(axis=1), samples),
        "phase": np.angle(sums * turn[:, None]),
        "phase_error": phase_errors(squared, strong.mean, covariance),
        "amplitude": np.sqrt(_ratio(np.maximum(power - taken, 0.0), norm)),
        "amplitude_error": np.sqrt(_ratio(np.ones_like(norm), norm)),
        "group_snr": np.sqrt(power),
        "block_phase": np.angle(peak.blocks * turn[:, None]),
        "block_phase_error": 1 / np.sqrt(own),
        "residual_phase": np.angle(peak.blocks * np.exp(-1j * peak.phase) * sums[:, fit.group].conj()),
        "residual_phase_error": np.sqrt(np.clip(1 - leverage, 0, 1) / own),
        "block_snr": np.sqrt(block_power),
        "noise": peak.noise,
    }
    return _without_missing(found, fit, usable, present)


def _strengths(along: Floats, weight: Floats) -> Floats:
    """Amplitudes (item, block, 1) in phase with the group, of any scale; none is negative."""
    return np.maximum(_ratio(along, weight), 0.0)[..., None]


def _searched(
    fit: JointFit, peak: Peak, spread: Spread, single: Spread, share: Floats, period: Floats
) -> SearchedWindow:
    """The window in units of what the groups and blocks of each item resolve."""
    groups = (share @ np.eye(fit.groups)[fit.group] > 0).sum(axis=1)
    return SearchedWindow(
        spread=_ratio(spread.covariance.sum(axis=1), groups[:, None, None]),
        within=_ratio((share * single.covariance[..., 0, 0]).sum(axis=1), groups),
        period=period,
        delay=fit.delay_window[1] - fit.delay_window[0],
        rate=np.where(peak.has_rate, fit.rate_window[1] - fit.rate_window[0], 0.0),
        borders=fit.borders,
    )


def _ratio(above: Floats, below: NDArray[Any]) -> Floats:
    """The ratio, 0 where there is nothing to divide by."""
    below = np.broadcast_to(below, above.shape)
    return np.asarray(np.divide(above, below, out=np.zeros_like(above), where=below > 0), dtype=float)


def _quadratic(offset: Floats, covariance: Floats) -> Floats:
    """Variance (item, block), rad², of a phase that lies so far from the mean of its group."""
    return np.asarray(
        (2 * np.pi) ** 2 * np.einsum("ibk,ikl,ibl->ib", offset, covariance, offset), dtype=float
    )


def _measured(fit: JointFit, degrees: Floats, share: Floats, present: Flags) -> tuple[Floats, Floats]:
    """What a measured σ does to the SNR² of noise: complex degrees of freedom (item,), and loss of level (item,).

    Relative variances of σ² add with the squares of the shares of the blocks in a group, and with those of n groups
    in the sum, which in the mean over directions of noise are 2/(n (n + 1)) each. Blocks whose σ came out too small
    weigh too much, which raises the power of noise by the variance between blocks, twice; and the mean of 1/σ² is
    that of each group, not that of their sum (all to first order in the relative variances).
    """
    groups = np.maximum(present.sum(axis=1), 1)
    pairs = groups * (groups + 1) / 2
    with np.errstate(divide="ignore"):
        counted = pairs / (share**2 * np.where(degrees > 0, 1 / degrees, 1.0)).sum(axis=1)
    variance = 1 / np.maximum(degrees - 1, 1.0)  # of few degrees of freedom the mean of 1/σ² is m/(m − 1)
    of_sum = (share**2 * variance).sum(axis=1)
    between = (share * variance).sum(axis=1) - of_sum
    return counted, 1 / (1 + 2 * between / groups + of_sum * (1 / groups - 1 / pairs))


def _ambiguities(fit: JointFit, usable: Flags) -> tuple[Floats, Floats]:
    """Period and ambiguity of the delay function of the bands that each item has, s."""
    middle = np.array([band.middle_hz for band in fit.bands])
    longest = 1 / min(band.width for band in fit.bands)
    patterns, which = np.unique(usable, axis=0, return_inverse=True)
    found = [
        spacing_ambiguity([middle[(fit.group == one) & there] for one in range(fit.groups)], longest)
        for there in patterns
    ]
    ambiguity, period = np.array(found).reshape(-1, 2)[which.ravel()].T
    return period, ambiguity


def _without_missing(
    found: dict[str, NDArray[Any]], fit: JointFit, usable: Flags, present: Flags
) -> dict[str, NDArray[Any]]:
    """NaN in every array for the items, groups and blocks that had no data."""
    there = usable.any(axis=1)
    for name, values in found.items():
        if values.ndim == 1:
            values[~there] = np.nan if values.dtype.kind == "f" else 0
        else:
            values[~(usable if name.startswith(("block", "residual", "noise")) else present)] = np.nan
    return found
