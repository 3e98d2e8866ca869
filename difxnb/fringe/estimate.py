# SPDX-License-Identifier: GPL-3.0-or-later
"""The two fits: one spectrum, or a block of integrations (definitions: package docstring)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from difxnb.fringe.axes import Window, make_axes
from difxnb.fringe.blocks import Blocks
from difxnb.fringe.result import Fringe


def estimate_fringe(
    visibility: ArrayLike,
    frequency_hz: ArrayLike,
    weight: ArrayLike | None = None,
    *,
    edge_channels: int = 1,
    noise: ArrayLike | None = None,
    reference_frequency: float | None = None,
    delay_window: Window | None = None,
) -> Fringe:
    """Fit one delay to each spectrum (definitions: package docstring).

    Parameters
    ----------
    visibility : array_like of complex, shape (…, channel)
        Spectra. Channels with NaN are left out.
    frequency_hz : array_like, shape (channel,)
        Channel centres, Hz, evenly spaced and ascending; NaN beyond the last channel of a padded spectrum.
    weight : array_like, optional
        Anything that broadcasts to the visibilities; the variance of a visibility is taken as 1/weight. Zero
        and NaN leave a channel out.
    edge_channels : int
        Channels left out at either end. The first one is not to be trusted, the last one is low. Fewer are
        left out where less than four channels would stay.
    noise : array_like, optional
        Known σ (real part, one channel, weight 1), shape (…); measured in the spectrum otherwise.
    reference_frequency : float, optional
        Frequency (Hz) at which the phase is stated.
    delay_window : (float, float), optional
        Lowest and highest delay (s) to search; by default the whole unambiguous range.

    Returns
    -------
    Fringe
        Arrays of shape (…); a spectrum without data gives NaN.

    Raises
    ------
    ValueError
        Shapes do not fit, or the frequencies are not evenly spaced and ascending.
    """
    spectra = np.asarray(visibility)[..., np.newaxis, :]
    weights = None if weight is None else np.asarray(weight)[..., np.newaxis, :]
    blocks = Blocks(
        spectra,
        weights,
        make_axes(frequency_hz, [0.0], spectra.shape, edge_channels),
        reference_frequency=reference_frequency,
        reference_time=None,
        delay_window=delay_window,
        rate_window=None,
    )
    return blocks.fit(noise, None)


def fringe_scan(
    visibility: ArrayLike,
    time_s: ArrayLike,
    frequency_hz: ArrayLike,
    weight: ArrayLike | None = None,
    *,
    edge_channels: int = 1,
    noise: ArrayLike | None = None,
    reference_frequency: float | None = None,
    reference_time: float | None = None,
    delay_window: Window | None = None,
    rate_window: Window | None = None,
    workers: int | None = None,
) -> Fringe:
    """Fit delay and delay rate jointly to each block of integrations (definitions: package docstring).

    Parameters
    ----------
    visibility : array_like of complex, shape (…, time, channel)
        One spectrum per integration; NaN is left out.
    time_s : array_like, shape (time,)
        Middle of each integration, seconds from any epoch, ascending.
    frequency_hz, edge_channels, noise, reference_frequency
        As for :func:`estimate_fringe`.
    weight : array_like, optional
        Shape (…, time), or that of the visibilities.
    reference_time : float, optional
        Time (s, from the epoch of `time_s`) at which phase and delay are stated; by default the middle.
    delay_window, rate_window : (float, float), optional
        Lowest and highest delay (s, at the middle of the times) and rate (s/s) to search; by default the whole
        unambiguous range. The false alarm probability is that of the window.
    workers : int, optional
        Threads; by default as many as there are CPUs to use. Results do not depend on it.

    Returns
    -------
    Fringe
        Arrays of shape (…). With a single integration the rate is NaN and the rest is that of
        :func:`estimate_fringe`. The rate is ambiguous by 1/(ν₀ · spacing of the integrations).

    Raises
    ------
    ValueError
        Shapes do not fit, or an axis is not ascending.
    """
    spectra = np.asarray(visibility)
    weights = None if weight is None else np.asarray(weight)
    if weights is not None and weights.ndim < spectra.ndim:
        weights = weights[..., np.newaxis]
    blocks = Blocks(
        spectra,
        weights,
        make_axes(frequency_hz, time_s, spectra.shape, edge_channels),
        reference_frequency=reference_frequency,
        reference_time=reference_time,
        delay_window=delay_window,
        rate_window=rate_window,
    )
    return blocks.fit(noise, workers)
