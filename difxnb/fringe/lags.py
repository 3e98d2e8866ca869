# SPDX-License-Identifier: GPL-3.0-or-later
"""Lag functions: spectra in, complex functions of delay out, for looking at."""

from __future__ import annotations

import numpy as np
import scipy  # scipy.fft is dear: it is loaded when it is used
from numpy.typing import ArrayLike, NDArray


def lag_axis(channels: int, channel_width_hz: float, *, padding: int = 8) -> NDArray[np.float64]:
    """Lags that belong to :func:`lag_spectrum`.

    Parameters
    ----------
    channels : int
        Channels of the spectrum.
    channel_width_hz : float
        Spacing of the channels, Hz.
    padding : int
        As given to :func:`lag_spectrum`.

    Returns
    -------
    ndarray, shape (channels · padding,)
        Seconds, ascending; positive where antenna 2 is late.
    """
    return np.asarray(
        scipy.fft.fftshift(scipy.fft.fftfreq(channels * padding, channel_width_hz)), dtype=float
    )


def lag_spectrum(visibility: ArrayLike, *, padding: int = 8, axis: int = -1) -> NDArray[np.complex128]:
    """Complex lag function of spectra.

    Parameters
    ----------
    visibility : array_like of complex
        Spectra along `axis`; NaN counts as absent.
    padding : int
        The lag axis is interpolated this many times.
    axis : int
        Axis of the channels.

    Returns
    -------
    ndarray of complex128
        Same shape but for `axis`, which is `padding` times longer; lags ascend as in :func:`lag_axis`. A
        spectrum of amplitude A and one delay peaks with the value A.
    """
    spectra = np.asarray(visibility)
    present = np.isfinite(spectra)
    used = np.maximum(present.sum(axis=axis, keepdims=True), 1)
    clean = np.where(present, spectra, 0)
    lags = scipy.fft.fft(clean, n=spectra.shape[axis] * padding, axis=axis) / used
    return np.asarray(scipy.fft.fftshift(lags, axes=axis), dtype=np.complex128)
