# SPDX-License-Identifier: GPL-3.0-or-later
"""Lags, delay and SNR as guiServer's monitor computes them, for a server that has to send them.

Comes in: the visibility spectrum of one product. Goes out: what a lag packet carries. The formulas are those
of ``DifxMonitorExchange.h``, with its convention of signs: a phase that grows with frequency gives a negative
delay. Nothing here is meant for measuring; clients compute delays of their own from the spectra.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from difxnb.wire.monitor_packets import check_fft_size


@dataclass(frozen=True, slots=True)
class Lags:
    """Content of a lag packet.

    Attributes
    ----------
    magnitude : ndarray of float64
        One value per lag, in the order of the FFT: lags 0 ... H-1, then -H ... -1.
    maximum : int
        Index of the largest of them.
    delay_us : float
    snr : float
    """

    magnitude: NDArray[np.float64]
    maximum: int
    delay_us: float
    snr: float


def lags(visibility: NDArray[Any], fft_size: int) -> NDArray[np.float64]:
    """Magnitude of the inverse real FFT, not normalised, of a spectrum padded with zeros.

    Channel 0 counts once and its imaginary part is ignored; all others count twice.

    Parameters
    ----------
    visibility : ndarray
        Complex, shape (channels,).
    fft_size : int
        Power of two, at least twice the number of channels.

    Returns
    -------
    ndarray of float64, shape (fft_size,)
        In the order of the FFT (not shifted).
    """
    check_fft_size(fft_size, len(visibility))
    return np.abs(np.fft.irfft(visibility, fft_size, norm="forward"))


def delay_from_maximum(
    maximum: int, fft_size: int, channels: int, bandwidth_hz: float, *, half: bool = False
) -> float:
    """Delay of a lag, microseconds.

    With i = `maximum`, less `fft_size` in the upper half, it is ``i * channels / (fft_size * bandwidth)``.
    guiServer 2.9 gives half of that; `half` does, too.
    """
    index = maximum - fft_size if maximum > fft_size // 2 else maximum
    delay = index * channels / (fft_size * bandwidth_hz) * 1e6
    return delay / 2 if half else delay


def signal_to_noise(magnitude: NDArray[np.float64], maximum: int) -> float:
    """Maximum over the standard deviation outside a window of a twentieth of all lags on both sides of it.

    ``inf`` where the rest is constant, ``nan`` where all is zero or nothing is left outside.
    """
    size = len(magnitude)
    distance = np.abs((np.arange(size) - maximum + size // 2) % size - size // 2)
    rest = magnitude[distance > size // 20]
    spread = float(rest.std()) if rest.size else 0.0
    if spread == 0.0:
        return float("inf") if magnitude[maximum] > 0 and rest.size else float("nan")
    return float(magnitude[maximum]) / spread


def measure_lags(
    visibility: NDArray[Any], fft_size: int, bandwidth_hz: float, *, half_delay: bool = False
) -> Lags:
    """Compute all of a lag packet from one spectrum; see `lags`, `delay_from_maximum`, `signal_to_noise`."""
    magnitude = lags(visibility, fft_size)
    maximum = int(magnitude.argmax())
    delay = delay_from_maximum(maximum, fft_size, len(visibility), bandwidth_hz, half=half_delay)
    return Lags(magnitude, maximum, delay, signal_to_noise(magnitude, maximum))


def zero_lags(fft_size: int) -> Lags:
    """Give what a guiServer built with IPP 9 or later sends: lags of 0, and an SNR printed as ``-nan``."""
    return Lags(np.zeros(fft_size), 0, 0.0, -float("nan"))
