# SPDX-License-Identifier: GPL-3.0-or-later
"""One delay and rate for several bands, or for both parallel hands, of the same integrations.

In go bands of a block, out come the columns of `fringe_fit`. The fit itself is
:func:`difxnb.fringe.fit_jointly`; here is decided what is coherent with what, and how its results are named.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from difxnb.fringe import Block as FringeBlock
from difxnb.fringe import JointFringe, fit_jointly, snr_in_convention
from difxnb.visibility.fits.blocks import BandData, Block
from difxnb.visibility.fits.search import (
    Search,
    channel_width,
    channels_left,
    counted,
    lag_window_pull,
    rate_ambiguity,
    with_gap_errors,
)

Floats = NDArray[np.float64]
_SAME = (
    *("delay", "delay_error", "delay_rate", "delay_rate_error", "snr", "false_alarm_probability"),
    *("single_band_delay", "single_band_delay_error", "at_edge"),
)


@dataclass(frozen=True)
class Together:
    """What is fitted together.

    Attributes
    ----------
    hands : tuple of int or None
        Places of the polarizations that share a delay; None: each has its own.
    hand_names, band_names : tuple of str
        Of the places of the Dataset.
    has_bands : bool
        Whether all bands share a delay.
    is_free : bool
        Whether each band has a phase of its own.
    offsets : ndarray (baseline, polarization, band) or None
        Phases of bands, rad, which are taken out; NaN where not known.
    """

    hands: tuple[int, ...] | None
    hand_names: tuple[str, ...]
    band_names: tuple[str, ...]
    has_bands: bool
    is_free: bool
    offsets: Floats | None


@dataclass(frozen=True)
class _Part:
    """A band in one hand (None: in each by itself); arrays (interval, baseline[, polarization], time…)."""

    hand: int | None
    band: BandData

    def of(self, values: NDArray[Any]) -> NDArray[Any]:
        """The hand of an array with all of them."""
        return values if self.hand is None else values[:, :, self.hand]

    def block(self, known: NDArray[np.bool_]) -> FringeBlock:
        """For the fit; where the phase of a band is not known, it is left out."""
        weight = self.of(self.band.known_weight)
        return FringeBlock(
            self.of(self.band.visibility), self.band.frequency, np.where(known[..., None], weight, 0.0)
        )


def fit_together(block: Block, bands: Sequence[BandData], search: Search, what: Together) -> dict[str, Any]:
    """Columns of some bands of a block.

    Returns
    -------
    dict
        Arrays (interval, baseline, polarization); with combined hands there is one polarization.
    """
    hands: Sequence[int | None] = what.hands or (None,)
    parts = [_Part(hand, band) for hand in hands for band in bands]
    shape = parts[0].of(bands[0].weight).shape[:-1]
    offsets = np.stack([np.broadcast_to(_offsets(what, block, part), shape) for part in parts], axis=-1)
    known = np.isfinite(offsets)
    fringe = fit_jointly(
        [part.block(known[..., n]) for n, part in enumerate(parts)],
        block.seconds,
        groups=[(part.hand, part.band.place if what.is_free else -1) for part in parts],
        band_phase=np.where(known, offsets, 0.0),
        **search.of_times(block),
    )
    found = _delays(block, bands, fringe)
    found["n_channels"] = sum(channels_left(len(one.frequency), search.edge_channels) for one in bands)
    found["n_bands"] = np.isfinite(_by_hand(fringe.block_snr, hands)).any(axis=-2).sum(axis=-1)
    found["snr"] = _stated_snr(fringe, bands, search)
    found |= _phases(fringe, bands, what, hands)
    weights = np.mean([part.of(part.band.weight) for part in parts], axis=0)
    found |= with_gap_errors(found, block, weights, fringe.reference_frequency)
    found |= counted(
        [part.of(part.band.present) for part in parts], [part.of(part.band.weight) for part in parts]
    )
    if what.hands is None:
        return found
    return {name: values[..., None] if np.ndim(values) else values for name, values in found.items()}


def _offsets(what: Together, block: Block, part: _Part) -> Floats:
    """Phases of one band, shape (baseline, polarization), or (baseline,) of one hand."""
    if what.offsets is None:
        return np.zeros(())
    known = what.offsets[block.baselines, :, part.band.place]
    return known if part.hand is None else known[:, part.hand]


def _by_hand(values: Floats, hands: Sequence[int | None]) -> Floats:
    """Split the last axis, of blocks, into hands and bands."""
    return values.reshape(*values.shape[:-1], len(hands), -1)


def _delays(block: Block, bands: Sequence[BandData], fringe: JointFringe) -> dict[str, Any]:
    found: dict[str, Any] = {name: getattr(fringe, name) for name in _SAME}
    pull = max(lag_window_pull(band.frequency) for band in bands)
    found["single_band_delay_error"] = np.hypot(fringe.single_band_delay_error, pull)
    is_single = np.isnan(fringe.ambiguity)
    found["delay_error"] = np.where(is_single, np.hypot(fringe.delay_error, pull), fringe.delay_error)
    narrowest = 1 / max(channel_width(band.frequency) for band in bands)
    found["delay_ambiguity"] = np.where(is_single, narrowest, fringe.ambiguity)
    found["is_ambiguous"] = ~is_single & (6 * found["single_band_delay_error"] > fringe.ambiguity)
    found["rate_ambiguity"] = rate_ambiguity(block, fringe.reference_frequency)
    found["reference_frequency"] = fringe.reference_frequency
    known = np.isfinite(fringe.amplitude)
    weight = np.where(known, 1 / np.where(known, fringe.amplitude_error, 1.0) ** 2, 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        found["amplitude"] = (weight * np.where(known, fringe.amplitude, 0.0)).sum(axis=-1) / weight.sum(
            axis=-1
        )
        found["amplitude_error"] = np.where(known.any(axis=-1), 1 / np.sqrt(weight.sum(axis=-1)), np.nan)
    return found


def _stated_snr(fringe: JointFringe, bands: Sequence[BandData], search: Search) -> Floats:
    """SNR in the convention that is asked for; of bands that differ in channels their mean."""
    if search.snr_convention not in ("difxnb", "fourfit"):
        raise ValueError(
            f"{search.snr_convention} states the SNR of one band in one polarization alone; "
            'ask for snr_convention="difxnb" or "fourfit" of joint fits'
        )
    stated = [
        snr_in_convention(
            fringe.snr,
            search.snr_convention,
            channels=len(band.frequency),
            edge_channels=search.edge_channels,
        )
        for band in bands
    ]
    return np.asarray(np.mean(stated, axis=0), dtype=float)


def _phases(
    fringe: JointFringe, bands: Sequence[BandData], what: Together, hands: Sequence[int | None]
) -> dict[str, Floats]:
    """Phase of each hand, and by how much each band differs from it.

    Bands with free phases have a common phase, too: that of the sum of their phasors, each counted by its SNR².
    """
    phase, error = (_by_hand(values, hands) for values in (fringe.phase, fringe.phase_error))
    own, own_error = (_by_hand(values, hands) for values in (fringe.block_phase, fringe.block_phase_error))
    if what.is_free:
        weight = np.nan_to_num(_by_hand(fringe.block_snr, hands) ** 2)
        phase = np.angle(np.where(weight > 0, weight * np.exp(1j * own), 0.0).sum(axis=-1, keepdims=True))
        with np.errstate(divide="ignore"):
            error = 1 / np.sqrt(np.nansum(1 / own_error**2, axis=-1, keepdims=True))
        phase = np.where(np.isfinite(error), phase, np.nan)
    found = {"phase": phase[..., 0, 0], "phase_error": error[..., 0, 0]}
    turned = np.angle(np.exp(1j * (own - phase)))
    for row, hand in enumerate(hands):
        ending = "" if hand is None else f"_{what.hand_names[hand]}"
        if ending:
            found[f"phase{ending}"], found[f"phase_error{ending}"] = phase[..., row, 0], error[..., row, 0]
        for column, band in enumerate(bands if what.has_bands else ()):
            name = f"{what.band_names[band.place]}{ending}"
            found[f"band_phase_{name}"] = turned[..., row, column]
            found[f"band_phase_error_{name}"] = own_error[..., row, column]
    return found


def joint_columns(what: Together) -> list[str]:
    """Names of the columns that only joint fits have, in their order."""
    endings = [""] if what.hands is None else [f"_{what.hand_names[hand]}" for hand in what.hands]
    found = [f"{name}{ending}" for ending in endings if ending for name in ("phase", "phase_error")]
    if not what.has_bands:
        return found
    return [
        *("n_bands", "single_band_delay", "single_band_delay_error"),
        *found,
        *(
            f"{name}_{band}{ending}"
            for ending in endings
            for band in what.band_names
            for name in ("band_phase", "band_phase_error")
        ),
    ]
