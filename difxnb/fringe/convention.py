# SPDX-License-Identifier: GPL-3.0-or-later
"""SNR as other programs state it: ours in, what they would print out.

Theirs are functions of the lag spectrum of a single record without padding. What is given here is the expected
value: of the noise by the moments of the distributions of Rice and of the folded normal (S. O. Rice, Bell System
Technical Journal 23, 282 (1944); F. C. Leone, L. S. Nelson and R. B. Nottingham, Technometrics 3, 543 (1961)), and
of the fringe by the transform of its spectrum, with its sidelobes where the delay lies between two lags.
"""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
import scipy  # scipy.special is dear: it is loaded when it is used
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Convention = Literal["difxnb", "plotDiFX", "vcal", "fourfit"]

_PLOTDIFX_LENGTH = 33_000  # of its lists, unless --maxchannels says otherwise
_VCAL_LEFT_OUT = 10  # lags before the peak, and from it on
_FOURFIT_BANDPASS = 0.970


def snr_in_convention(
    snr: ArrayLike,
    convention: Convention,
    *,
    channels: int,
    edge_channels: int = 1,
    integrations: ArrayLike = 1,
    delay: ArrayLike = 0.0,
    phase: ArrayLike = 0.0,
    bandwidth: float = 1.0,
) -> Floats:
    """SNR that another program would state for the same data.

    ``"difxnb"``
        Amplitude over the rms of one component of its noise, over all that was fitted: the SNR itself (A. E. E.
        Rogers, Radio Science 5, 1239, 1970).
    ``"plotDiFX"``
        Of one record with all its channels (``utilities/vis2screen/plotDiFX.py`` of DiFX): the highest lag
        amplitude over the standard deviation of a list of lag amplitudes, in which the highest and the one
        before it have been put to zero. (The one after it as well when its number is lower than the number of
        files less one, which is not counted here.) The list has 33 000 places (``--maxchannels``), and those
        beyond the last channel are zeros that lower the standard deviation, so the number grows with the root
        of that length over the number of channels. For a strong fringe it saturates where sidelobes outweigh
        noise.
    ``"vcal"``
        Of one record (``applications/difx_monitor/vcal.cpp`` of DiFX): the spectrum, taken for that of a real
        function, is transformed to twice as many lags; the highest absolute value over the standard deviation of
        the absolute values of all but 20 about it (ten before it, itself and nine after). A real function of lag
        oscillates within the band, so the number depends on the phase of the fringe and on its delay.
    ``"fourfit"``
        Not measured but computed from the correlation coefficient, the bandwidth and the time (``fill_param.c``
        and ``make_plotdata.c`` of HOPS): it is our definition with the noise that samples without interference
        must have, 0.970 for the loss by the filters, and all channels. The conversion holds as far as the noise of
        the data is that of theory, and for bands of more than 8 channels. (The loss by sampling is taken out by
        ``new_type1.c`` of difx2mark4 and put back by fourfit, rounded: for two bits that leaves 0.998, not counted
        here.) The amplitude of fourfit is corrected for the turning of the fringe within an integration, its SNR
        is not, like ours.

    Parameters
    ----------
    snr : array_like
        Of :class:`~difxnb.fringe.Fringe`.
    convention : {"difxnb", "plotDiFX", "vcal", "fourfit"}
        Whose SNR.
    channels : int
        Of the band, all of them.
    edge_channels : int
        Left out at either end of the band in our fit.
    integrations : array_like
        In our fit: the records among which it was shared alike.
    delay : array_like
        Seconds. Counts against the lags, 1/`bandwidth` apart (plotDiFX) or half of that (vcal).
    phase : array_like
        Radians, in the middle of the band. For vcal.
    bandwidth : float
        Hz, of the band.

    Returns
    -------
    ndarray of float64
        Expected values; what is printed scatters about them by about 1, relatively by 1/√(2 · channels) at least.

    Raises
    ------
    ValueError
        The convention is unknown, or the channels are too few for it.
    """
    if convention not in get_args(Convention):
        raise ValueError(f"SNR conventions are {', '.join(get_args(Convention))}; got {convention!r}")
    left_out = 2 * min(edge_channels, max(0, (channels - 4) // 2))
    fewest = _VCAL_LEFT_OUT + 1 if convention == "vcal" else 4
    if channels < fewest:
        raise ValueError(f"the SNR of {convention} needs {fewest} channels at least, got {channels}")
    ours = np.asarray(snr, dtype=float)
    if convention == "difxnb":
        return ours
    whole = ours * np.sqrt(channels / (channels - left_out))
    if convention == "fourfit":
        return np.asarray(_FOURFIT_BANDPASS * whole)
    record, cells, angle = np.broadcast_arrays(
        whole / np.sqrt(integrations),
        np.asarray(delay, dtype=float) * bandwidth,
        np.asarray(phase, dtype=float),
    )
    stated = _plotdifx if convention == "plotDiFX" else _vcal
    found = [stated(*one, channels) for one in zip(record.flat, cells.flat, angle.flat, strict=True)]
    return np.array(found, dtype=float).reshape(record.shape)


def _plotdifx(snr: float, cells: float, _phase: float, channels: int) -> float:
    """Of one record; noise of rms 1 in each component of a lag."""
    spectrum = np.exp(2j * np.pi * cells * np.arange(channels) / channels)
    fringe = snr * np.abs(np.fft.ifft(spectrum))
    mean, square = _rice_mean(fringe), fringe**2 + 2
    top = int(fringe.argmax())
    kept = np.ones(channels, dtype=bool)
    kept[[top, top - 1]] = False
    length = max(channels, _PLOTDIFX_LENGTH)
    variance = square[kept].sum() / length - (mean[kept].sum() / length) ** 2
    return float(mean[top] / np.sqrt(variance))


def _vcal(snr: float, cells: float, phase: float, channels: int) -> float:
    """Of one record; noise of rms 1 in a lag."""
    turns = cells * (np.arange(channels) - (channels - 1) / 2) / channels
    spectrum = np.exp(1j * (phase + 2 * np.pi * turns))
    fringe = np.abs(snr * np.fft.irfft(np.append(spectrum, 0), 2 * channels))
    mean, square = _folded_mean(fringe), fringe**2 + 1
    top = int(fringe.argmax())
    kept = np.ones(fringe.size, dtype=bool)
    kept[(top + np.arange(-_VCAL_LEFT_OUT, _VCAL_LEFT_OUT)) % fringe.size] = False
    return float(mean[top] / np.sqrt(square[kept].mean() - mean[kept].mean() ** 2))


def _rice_mean(height: Floats) -> Floats:
    """Mean amplitude of a phasor of this length with noise of rms 1 in each component."""
    quarter = height**2 / 4
    return np.asarray(
        np.sqrt(np.pi / 2)
        * ((1 + 2 * quarter) * scipy.special.ive(0, quarter) + 2 * quarter * scipy.special.ive(1, quarter))
    )


def _folded_mean(height: Floats) -> Floats:
    """Mean absolute value of a number of this size with noise of rms 1."""
    return np.asarray(
        np.sqrt(2 / np.pi) * np.exp(-(height**2) / 2) + height * scipy.special.erf(height / np.sqrt(2))
    )
