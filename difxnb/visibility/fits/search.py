# SPDX-License-Identifier: GPL-3.0-or-later
"""What is searched for a fringe, and the fit of one band."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from difxnb.fringe import Fringe, fringe_scan, snr_in_convention
from difxnb.fringe.convention import Convention
from difxnb.visibility.fits.blocks import BandData, Block
from difxnb.visibility.fits.timing import gap_errors

FX_PULL = 0.1  # rms that the correlator's lag window adds to a delay, in units of 1/(bandwidth · channels)
SERVER = ("server_delay", "server_snr")
FITTED = (
    *("delay", "delay_error", "delay_rate", "delay_rate_error", "phase", "phase_error"),
    *("amplitude", "amplitude_error", "snr", "false_alarm_probability"),
)

Window = tuple[float, float]


@dataclass(frozen=True)
class Search:
    """Where fringes are looked for; see `fringe_fit`."""

    edge_channels: int = 1
    delay_window: Window | None = None
    rate_window: Window | None = None
    reference_frequency: float | None = None
    snr_convention: Convention = "difxnb"
    workers: int | None = None

    def __post_init__(self) -> None:
        """Refuse a number of channels that is none, and an unknown convention."""
        if self.snr_convention not in get_args(Convention):
            raise ValueError(
                f"snr_convention is {', '.join(get_args(Convention))}; got {self.snr_convention!r}"
            )
        if not (isinstance(self.edge_channels, int | np.integer) and self.edge_channels >= 0):
            raise ValueError(f"edge_channels is a whole number, 0 or more; got {self.edge_channels!r}")

    def of_times(self, block: Block) -> dict[str, Any]:
        """Arguments of both kinds of fits."""
        return {
            "edge_channels": self.edge_channels,
            "delay_window": self.delay_window,
            "rate_window": self.rate_window,
            "reference_frequency": self.reference_frequency,
            "reference_time": block.middle_s,
            "workers": self.workers,
        }


def fit_band(block: Block, band: BandData, search: Search) -> dict[str, Any]:
    """Columns of one band of a block, shape (interval, baseline, polarization)."""
    fringe = fringe_scan(
        band.visibility, block.seconds, band.frequency, band.known_weight, **search.of_times(block)
    )
    found: dict[str, Any] = {name: getattr(fringe, name) for name in FITTED}
    found["delay_error"] = np.hypot(fringe.delay_error, lag_window_pull(band.frequency))
    found |= with_gap_errors(found, block, band.weight, fringe.reference_frequency)
    found["snr"] = _stated_snr(fringe, band, search)
    found["at_edge"] = fringe.at_edge
    found["n_channels"] = channels_left(len(band.frequency), search.edge_channels)
    found["delay_ambiguity"] = 1 / channel_width(band.frequency)
    found["rate_ambiguity"] = rate_ambiguity(block, fringe.reference_frequency)
    found["reference_frequency"] = fringe.reference_frequency
    return found | counted([band.present], [band.weight])


def with_gap_errors(
    found: dict[str, Any], block: Block, weight: NDArray[np.floating], frequency: float
) -> dict[str, Any]:
    """Errors of rate, delay and phase with what gaps within integrations add to them."""
    rate_error, shift = gap_errors(block, weight, found["delay_rate"])
    added = {
        "delay_rate_error": rate_error,
        "delay_error": shift,
        "phase_error": 2 * np.pi * frequency * shift,
    }
    return {name: np.hypot(found[name], error) for name, error in added.items() if name in found}


def _stated_snr(fringe: Fringe, band: BandData, search: Search) -> NDArray[np.float64]:
    """SNR in the convention that is asked for; NaN where there is none."""
    if search.snr_convention == "difxnb":
        return fringe.snr
    there = np.isfinite(fringe.snr)
    away = 2 * np.pi * (float(band.frequency.mean()) - fringe.reference_frequency)
    found = np.full(fringe.snr.shape, np.nan)
    found[there] = snr_in_convention(
        fringe.snr[there],
        search.snr_convention,
        channels=len(band.frequency),
        edge_channels=search.edge_channels,
        integrations=band.present.sum(axis=-1)[there],
        delay=fringe.delay[there],
        phase=(fringe.phase + away * fringe.delay)[there],
        bandwidth=channel_width(band.frequency) * len(band.frequency),
    )
    return found


def counted(present: Sequence[NDArray[np.bool_]], weight: Sequence[NDArray[np.floating]]) -> dict[str, Any]:
    """Integrations that any of several arrays (…, time) has, and the mean weight of what is there.

    The weight is NaN where one of them is not known.
    """
    there, weights = np.stack(present), np.stack(weight)
    with np.errstate(invalid="ignore"):
        mean = np.where(there, weights, 0.0).sum(axis=(0, -1)) / there.sum(axis=(0, -1))
    return {"n_integrations": there.any(axis=0).sum(axis=-1), "weight": mean}


def channels_left(channels: int, edge_channels: int) -> int:
    """Channels of a band that take part, as :func:`difxnb.fringe.fringe_scan` leaves them."""
    return channels - 2 * min(edge_channels, max(0, (channels - 4) // 2))


def channel_width(frequency: NDArray[np.float64]) -> float:
    """Spacing of channels, Hz."""
    return float(frequency[-1] - frequency[0]) / (len(frequency) - 1)


def lag_window_pull(frequency: NDArray[np.float64]) -> float:
    """Rms by which the lag window of the correlator pulls the delay of a band, s (see `fringe_fit`)."""
    return FX_PULL / (channel_width(frequency) * len(frequency) ** 2)


def rate_ambiguity(block: Block, frequency: float) -> float:
    """What may be added to a rate, s/s; NaN of one integration."""
    spacing = np.diff(block.seconds).min(initial=np.inf)
    return float(1 / (spacing * frequency)) if np.isfinite(spacing) else np.nan
