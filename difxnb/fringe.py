# SPDX-License-Identifier: GPL-3.0-or-later
"""Fringes: delay, delay rate, phase, amplitude, SNR and their errors from complex spectra.

In go visibilities with frequencies ascending, out come numbers; numpy and scipy alone, no clock, no dice.

**Sign.** V = S1 · conj(S2) ∝ exp(+2πi ν τ): τ > 0 where antenna 2 is late, for upper and lower sideband alike.

**Model.** V(t, ν) = A · exp i[φ + 2π(ν − ν₀) τ + 2π ν τ' (t − t₀)] + noise, where the noise of each of the real
and imaginary parts has the rms σ/√w. ν₀ is the middle of the frequency axis, t₀ the middle of the time axis.

**Estimator.** Maximum likelihood for that model, which is the maximum of |S|² with S = Σ w V exp(−i…): found on
the grid of a zero-padded FFT (over channels, and over time when a rate is fitted), then refined by Newton's
method on ln|S|², so that the grid leaves no trace. A = |S|/Σw, φ = arg S.

**Noise.** Measured in the data, after the fringe has been stopped: from differences between neighbouring channels
and integrations (both at once where there are several integrations, else second differences along the
spectrum). Neither the fringe nor a smooth bandpass leaks into it; outliers (tones, interference) are cut.

**SNR** = |S| / (σ √Σw): amplitude over the rms of one component of the summed noise. Hence the error of the phase is
1/SNR rad and the probability that noise exceeds s in one given cell is exp(−s²/2) [1, 2].

**Errors** are the Cramér-Rao bound of the model, reached above an SNR of about 7. With reference frequency and time
at the weighted means: phase 1/SNR, delay 1/(2π SNR σ_ν), rate 1/(2π SNR ν₀ σ_t), where σ_ν and σ_t are the weighted
rms spreads of frequency and time [1]; in general the inverse of the full 3 × 3 matrix. They know thermal noise
only, neither atmosphere nor instrument.

References
----------
[1] A. E. E. Rogers, Radio Science 5, 1239 (1970).
[2] A. R. Thompson, J. M. Moran, G. W. Swenson, Interferometry and Synthesis in Radio Astronomy, chapter 9.
[3] S. O. Rice, Bell System Technical Journal 23, 282 (1944): crossings of an envelope; R. J. Adler, The Geometry
    of Random Fields (1981): the same in two dimensions.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np
import scipy.fft
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Complexes = NDArray[np.complex128]

_CHUNK_SAMPLES = 2**20  # bounds the temporary arrays of one fit to some tens of MB
_TIME_CELLS = 1024  # longer scans are searched on a coarser time grid; the refinement uses every integration
_NEWTON_STEPS = 6  # from a quarter of a cell to rounding; convergence is quadratic
_FEWEST_DIFFERENCES = 4  # fewer say nothing about the noise
_OUTLIER = 10.0  # in units of the mean square: noise goes beyond it once in 22 000


@dataclass(frozen=True, slots=True)
class Fringe:
    """Result of a fringe fit; each array has the leading axes of the visibilities, NaN where there was nothing.

    Attributes
    ----------
    delay, delay_error : ndarray
        Seconds; positive where antenna 2 is late. Ambiguous by 1/(channel width).
    delay_rate, delay_rate_error : ndarray
        Seconds per second; NaN where no rate was fitted.
    phase, phase_error : ndarray
        Radians, at `reference_frequency` and `reference_time`.
    amplitude : ndarray
        In the units of the visibilities; biased upwards by A/(2 SNR²) as every maximum is.
    snr : ndarray
        Amplitude over the rms of one component of its noise (module docstring).
    noise : ndarray
        Rms σ of the real part of one channel in one integration at weight 1.
    false_alarm_probability : ndarray
        Probability that noise alone gives such a peak anywhere in the search.
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
    snr: Floats
    noise: Floats
    false_alarm_probability: Floats
    reference_frequency: float
    reference_time: float


_ARRAYS = tuple(f.name for f in fields(Fringe) if not f.name.startswith("reference"))


def lag_axis(channels: int, channel_width_hz: float, *, padding: int = 8) -> Floats:
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


def lag_spectrum(visibility: ArrayLike, *, padding: int = 8, axis: int = -1) -> Complexes:
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
        Same shape but for `axis`, which is `padding` times longer; lags ascend as in :func:`lag_axis`. A spectrum of
        amplitude A and one delay peaks with the value A.
    """
    spectra = np.asarray(visibility)
    present = np.isfinite(spectra)
    used = np.maximum(present.sum(axis=axis, keepdims=True), 1)
    clean = np.where(present, spectra, 0)
    lags = scipy.fft.fft(clean, n=spectra.shape[axis] * padding, axis=axis) / used
    return np.asarray(scipy.fft.fftshift(lags, axes=axis), dtype=np.complex128)


def estimate_fringe(
    visibility: ArrayLike,
    frequency_hz: ArrayLike,
    weight: ArrayLike | None = None,
    *,
    edge_channels: int = 1,
    noise: ArrayLike | None = None,
    reference_frequency: float | None = None,
) -> Fringe:
    """Fit one delay to each spectrum (definitions: module docstring).

    Parameters
    ----------
    visibility : array_like of complex, shape (…, channel)
        Spectra. Channels with NaN are left out.
    frequency_hz : array_like, shape (channel,)
        Channel centres, Hz, evenly spaced and ascending; NaN beyond the last channel of a padded spectrum.
    weight : array_like, optional
        Anything that broadcasts to the visibilities; the variance of a visibility is taken as 1/weight. Zero and NaN
        leave a channel out.
    edge_channels : int
        Channels left out at either end. The first one is not to be trusted, the last one is low. Fewer are left
        out where less than four channels would stay.
    noise : array_like, optional
        Known σ (real part, one channel, weight 1), shape (…); measured in the spectrum otherwise.
    reference_frequency : float, optional
        Frequency (Hz) at which the phase is stated.

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
    weights = None if weight is None else np.broadcast_to(weight, np.shape(visibility))[..., np.newaxis, :]
    blocks = _Blocks(spectra, weights, frequency_hz, [0.0], edge_channels, reference_frequency)
    return blocks.fit(noise)


def fringe_scan(
    visibility: ArrayLike,
    time_s: ArrayLike,
    frequency_hz: ArrayLike,
    weight: ArrayLike | None = None,
    *,
    edge_channels: int = 1,
    noise: ArrayLike | None = None,
    reference_frequency: float | None = None,
) -> Fringe:
    """Fit delay and delay rate jointly to each block of integrations (definitions: module docstring).

    Parameters
    ----------
    visibility : array_like of complex, shape (…, time, channel)
    time_s : array_like, shape (time,)
        Middle of each integration, seconds from any epoch, ascending.
    frequency_hz, edge_channels, noise, reference_frequency
        As for :func:`estimate_fringe`.
    weight : array_like, optional
        Shape (…, time), or that of the visibilities.

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
    blocks = _Blocks(spectra, weights, frequency_hz, time_s, edge_channels, reference_frequency)
    return blocks.fit(noise)


def false_alarm_probability(
    snr: ArrayLike, channels: int, integrations: int = 1, *, noise_degrees: ArrayLike = np.inf
) -> Floats:
    """Probability that noise alone shows a peak of at least this SNR somewhere in the search.

    In one cell noise exceeds s with probability exp(−s²/2), or (1 + s²/2m)^−m when σ itself was measured with m
    complex degrees of freedom. The search is over a continuous delay (and rate), so instead of a number of
    cells the expected number of peaks above s is used [3]: √(2π) a s times that of a cell for N channels, and
    2π a b (s² − 1) times for N channels and T integrations, where a² = (N² − 1)/12, b² = (T² − 1)/12.

    Parameters
    ----------
    snr : array_like
    channels, integrations : int
        Size of what was searched, the whole range of delay and rate that it can tell apart.
    noise_degrees : array_like
        Complex degrees of freedom m of the noise estimate.

    Returns
    -------
    ndarray of float64
        0…1, falling with SNR; NaN where the SNR is NaN.
    """
    spread, spread_time = np.sqrt((channels**2 - 1) / 12), np.sqrt((integrations**2 - 1) / 12)
    # below its own maximum the expected number falls again although a peak there is certain
    level = np.maximum(np.asarray(snr, dtype=float), np.sqrt(3.0) if integrations > 1 else 1.0)
    degrees = np.asarray(noise_degrees, dtype=float)
    finite = np.where(np.isfinite(degrees) & (degrees > 0), degrees, 1.0)
    cell = np.where(np.isinf(degrees), np.exp(-(level**2) / 2), (1 + level**2 / (2 * finite)) ** -finite)
    if integrations > 1:
        expected = 2 * np.pi * spread * spread_time * (level**2 - 1) * cell
    else:
        expected = np.sqrt(2 * np.pi) * spread * level * cell
    return np.asarray(-np.expm1(-expected), dtype=float)


class _Blocks:
    """Blocks (item, time, channel) that share their axes, ready to be fitted a chunk of items at a time."""

    def __init__(
        self,
        visibility: NDArray[np.generic],
        weight: NDArray[np.generic] | None,
        frequency_hz: ArrayLike,
        time_s: ArrayLike,
        edge_channels: int,
        reference_frequency: float | None,
    ) -> None:
        frequency, time = np.asarray(frequency_hz, dtype=float), np.asarray(time_s, dtype=float)
        if visibility.ndim < 2 or visibility.shape[-2:] != (time.size, frequency.size):
            raise ValueError(
                f"{time.size} times and {frequency.size} frequencies do not fit {visibility.shape}"
            )
        if time.size > 1 and not np.all(np.diff(time) > 0):
            raise ValueError("the times of a fringe fit must ascend")
        chosen, self.width, middle = _fit_channels(frequency, edge_channels)
        self.shape = visibility.shape[:-2]
        self.reference_frequency = middle if reference_frequency is None else reference_frequency
        self.reference_time = float(time[0] + time[-1]) / 2 if time.size else 0.0
        self.offset_hz = frequency[chosen] - self.reference_frequency
        self.frequency = frequency[chosen]
        self.time = time - self.reference_time
        self.spacing = float(np.diff(time).min()) if time.size > 1 else 1.0
        self.rate_range = 1 / (self.spacing * self.reference_frequency)
        self.items = visibility[..., chosen].reshape(-1, time.size, self.frequency.size)
        full = np.ones(1) if weight is None else weight
        full = np.broadcast_to(full, visibility.shape)[..., chosen]
        self.weights = full.reshape(self.items.shape)

    def fit(self, noise: ArrayLike | None) -> Fringe:
        """Fit all items; memory is bounded by the chunk."""
        given = None if noise is None else np.broadcast_to(np.asarray(noise, dtype=float), self.shape).ravel()
        found = {name: np.full(len(self.items), np.nan) for name in _ARRAYS}
        step = max(1, _CHUNK_SAMPLES // max(1, 4 * self.items[:1].size))
        for start in range(0, len(self.items) if self.time.size else 0, step):
            part = slice(start, start + step)
            fringe = self._fit_part(part, None if given is None else given[part])
            for name in _ARRAYS:
                found[name][part] = getattr(fringe, name)
        shaped = {name: values.reshape(self.shape) for name, values in found.items()}
        return Fringe(
            **shaped, reference_frequency=self.reference_frequency, reference_time=self.reference_time
        )

    def _fit_part(self, part: slice, noise: Floats | None) -> Fringe:
        visibility = self.items[part].astype(np.complex128)
        weight = np.asarray(self.weights[part], dtype=float)
        usable = np.isfinite(visibility) & (weight > 0)
        weight, visibility = np.where(usable, weight, 0.0), np.where(usable, visibility, 0.0)
        weighted = weight * visibility
        delay, rate = self._search(weighted)
        has_rate = usable.any(axis=2).sum(axis=1) > 1
        rate[~has_rate] = 0.0
        delay, rate, total = self._refine(weighted, delay, rate, has_rate)
        measured, degrees = _noise(visibility * self._stop(delay, rate), weight)
        sigma = measured if noise is None else noise
        weight_sum = weight.sum(axis=(1, 2))
        with np.errstate(divide="ignore", invalid="ignore"):
            snr = np.abs(total) / (sigma * np.sqrt(weight_sum))
            amplitude = np.abs(total) / weight_sum
        phase_error, delay_error, rate_error = self._errors(weight, snr, has_rate)
        alarm = false_alarm_probability(
            snr, self.frequency.size, self.time.size, noise_degrees=degrees if noise is None else np.inf
        )
        fringe = Fringe(
            delay, delay_error, np.where(has_rate, rate, np.nan), rate_error, np.angle(total), phase_error,
            amplitude, snr, np.asarray(sigma, dtype=float), alarm, self.reference_frequency, self.reference_time,
        )  # fmt: skip
        return _without_empty(fringe, weight_sum > 0)

    def _stop(self, delay: Floats, rate: Floats) -> Complexes:
        """Phasors (item, time, channel) that stop a fringe of this delay and rate."""
        turns = delay[:, None] * self.offset_hz
        if self.time.size == 1:
            return np.exp(-2j * np.pi * turns)[:, None, :]
        moving = rate[:, None, None] * (self.time[:, None] * self.frequency)
        return np.exp(-2j * np.pi * (turns[:, None, :] + moving))

    def _search(self, weighted: Complexes) -> tuple[Floats, Floats]:
        """Delay and rate of the highest point of the zero-padded FFT."""
        cells, spacing = self._time_cells()
        grid = weighted
        if cells is not None:
            grid = np.zeros((len(weighted), int(cells[-1]) + 1, weighted.shape[2]), dtype=np.complex128)
            np.add.at(grid, (slice(None), cells), weighted)
        size = scipy.fft.next_fast_len(max(4, 2 * grid.shape[2] * (2 if grid.shape[1] == 1 else 1)))
        size_time = 1 if grid.shape[1] == 1 else scipy.fft.next_fast_len(2 * grid.shape[1])
        plane = np.abs(scipy.fft.fft2(grid.astype(np.complex64), s=(size_time, size)))
        best = plane.reshape(len(plane), -1).argmax(axis=1)
        delay = scipy.fft.fftfreq(size, self.width)[best % size]
        rate = scipy.fft.fftfreq(size_time, spacing)[best // size] / self.reference_frequency
        return delay, rate

    def _time_cells(self) -> tuple[NDArray[np.int64] | None, float]:
        """Place of each integration on an even time grid (None: they are one already), and its spacing in s."""
        if self.time.size == 1:
            return None, 1.0
        spacing = max(self.spacing, float(self.time[-1] - self.time[0]) / (_TIME_CELLS - 1))
        cells = np.rint((self.time - self.time[0]) / spacing).astype(np.int64)
        return (None if cells.size == cells[-1] + 1 else cells), spacing

    def _refine(
        self, weighted: Complexes, delay: Floats, rate: Floats, has_rate: NDArray[np.bool_]
    ) -> tuple[Floats, Floats, Complexes]:
        """Newton's method on ln|S|², which is concave over the whole main lobe; the sum S comes back too."""
        unit, unit_rate = self._units()
        first = np.broadcast_to(self.offset_hz / unit, (self.time.size, self.frequency.size)).ravel()
        second = (self.time[:, None] * self.frequency / unit_rate).ravel()
        basis = np.stack([np.ones_like(first), first, second, first**2, first * second, second**2], axis=1)
        moments = basis.astype(np.complex128)
        for step in range(_NEWTON_STEPS):
            turned = (weighted * self._stop(delay, rate)).reshape(len(weighted), -1)
            sums = turned @ moments
            if step == _NEWTON_STEPS - 1:
                break
            move, move_rate = _newton_step(sums, has_rate)
            delay, rate = delay + move / unit, rate + move_rate / unit_rate
            if (
                step == 2
            ):  # near enough to tell on which side of the ambiguity it lies; the rest settles there
                delay, rate = _wrapped(delay, 1 / self.width), _wrapped(rate, self.rate_range)
        return delay, rate, sums[:, 0]

    def _units(self) -> tuple[float, float]:
        """Half spans of (ν − ν₀) and of ν (t − t₀): what makes the Newton step of order one."""
        half = max(float(np.abs(self.offset_hz).max(initial=0.0)), self.width)
        half_time = max(float(np.abs(self.time).max(initial=0.0)), 1e-9)
        return half, half_time * abs(self.reference_frequency)

    def _errors(
        self, weight: Floats, snr: Floats, has_rate: NDArray[np.bool_]
    ) -> tuple[Floats, Floats, Floats]:
        """Cramér-Rao errors of phase (rad), delay (s) and rate (s/s): inverse of the Fisher matrix, block-wise."""
        unit, unit_rate = self._units()
        first = self.offset_hz / unit
        second = self.time[:, None] * self.frequency / unit_rate
        with np.errstate(divide="ignore", invalid="ignore"):
            share = weight / weight.sum(axis=(1, 2), keepdims=True)
            mean = (share * first).sum(axis=(1, 2))
            mean_rate = (share * second).sum(axis=(1, 2))
            centred = first - mean[:, None, None]
            centred_rate = np.where(has_rate[:, None, None], second - mean_rate[:, None, None], 0.0)
            spread = (share * centred**2).sum(axis=(1, 2))
            spread_rate = np.where(has_rate, (share * centred_rate**2).sum(axis=(1, 2)), np.inf)
            cross = (share * centred * centred_rate).sum(axis=(1, 2))
            variance = 1 / (spread - cross**2 / spread_rate)
            variance_rate = np.where(has_rate, 1 / (spread_rate - cross**2 / spread), 0.0)
            covariance = np.where(has_rate, -cross / (spread * spread_rate - cross**2), 0.0)
            drift = mean**2 * variance + 2 * mean * mean_rate * covariance + mean_rate**2 * variance_rate
            phase_error = np.sqrt(1 + drift) / snr
            delay_error = np.sqrt(variance) / (2 * np.pi * unit * snr)
            rate_error = np.sqrt(variance_rate) / (2 * np.pi * unit_rate * snr)
        return phase_error, delay_error, np.where(has_rate, rate_error, np.nan)


def _fit_channels(frequency: Floats, edge_channels: int) -> tuple[slice, float, float]:
    """Channels that take part, their spacing and the middle of the whole axis (Hz)."""
    count = int(np.isfinite(frequency).sum())
    if edge_channels < 0 or count < 2 or not np.isfinite(frequency[:count]).all():
        raise ValueError(
            "a fringe fit needs two or more frequencies, NaN only behind the last, and no negative edge"
        )
    steps = np.diff(frequency[:count])
    if not np.allclose(steps, steps.mean(), rtol=1e-3, atol=0) or steps.mean() <= 0:
        raise ValueError("the frequencies of a fringe fit must be evenly spaced and ascending")
    edge = min(edge_channels, max(0, (count - 4) // 2))
    return slice(edge, count - edge), float(steps.mean()), float(frequency[0] + frequency[count - 1]) / 2


def _wrapped(value: Floats, period: float) -> Floats:
    """The same within half a period of zero."""
    return value - period * np.rint(value / period)


def _newton_step(sums: Complexes, has_rate: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Step of (delay, rate) in the scaled units, from the six moments of each item."""
    with np.errstate(divide="ignore", invalid="ignore"):
        relative = sums / sums[:, :1]
    gradient, gradient_rate = (2 * np.real(-2j * np.pi * relative[:, i]) for i in (1, 2))
    curve, twist, curve_rate = (
        -8 * np.pi**2 * np.real(relative[:, k] - relative[:, i] * relative[:, j])
        for i, j, k in ((1, 1, 3), (1, 2, 4), (2, 2, 5))
    )
    determinant = curve * curve_rate - twist**2
    joint = has_rate & (determinant > 0) & (curve < 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        alone = np.where(curve < 0, -gradient / curve, 0.0)
        alone_rate = np.where(has_rate & (curve_rate < 0), -gradient_rate / curve_rate, 0.0)
        both = (twist * gradient_rate - curve_rate * gradient) / determinant
        both_rate = (twist * gradient - curve * gradient_rate) / determinant
    # half a turn over the half span is more than the search can have been wrong
    return np.clip(np.where(joint, both, alone), -0.25, 0.25), np.clip(
        np.where(joint, both_rate, alone_rate), -0.25, 0.25
    )


def _noise(stopped: Complexes, weight: Floats) -> tuple[Floats, Floats]:
    """Rms of one component at weight 1 per item, and the complex degrees of freedom of that number.

    `stopped` holds visibilities (item, time, channel) whose fringe has been stopped.
    """
    with np.errstate(divide="ignore"):
        variance = 1 / weight  # infinite where there is nothing
    along = _mean_square(np.diff(stopped, n=2, axis=2), _neighbours(variance, (1, 4, 1)), 35 / 18)
    if stopped.shape[1] < 2:
        return along
    pairs = np.diff(np.diff(stopped, axis=2), axis=1)
    pair_variance = _neighbours(variance, (1, 1))
    between = _mean_square(pairs, pair_variance[:, 1:] + pair_variance[:, :-1], 9 / 4)
    enough = np.isfinite(between[0])
    return np.where(enough, between[0], along[0]), np.where(enough, between[1], along[1])


def _neighbours(variance: Floats, factors: tuple[int, ...]) -> Floats:
    """Variance of a difference of neighbouring channels with these squared coefficients."""
    last = variance.shape[2] - len(factors) + 1
    return np.asarray(
        sum(f * variance[:, :, i : i + max(0, last)] for i, f in enumerate(factors)), dtype=float
    )


def _mean_square(differences: Complexes, variance: Floats, correlation: float) -> tuple[Floats, Floats]:
    """Rms of one component from differences of known relative variance, outliers cut at a multiple of the median.

    `correlation` is how many overlapping differences count as one independent one.
    """
    square = (np.abs(differences) ** 2 / variance).reshape(len(differences), -1)
    valid = np.isfinite(variance).reshape(square.shape)
    count = valid.sum(axis=1)
    if square.shape[1] == 0:
        return np.full(len(square), np.nan), np.zeros(len(square))
    ordered = np.sort(np.where(valid, square, np.inf), axis=1)
    median = np.take_along_axis(ordered, np.minimum(count // 2, square.shape[1] - 1)[:, None], axis=1)
    kept = valid & (square <= _OUTLIER / np.log(2) * median)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(kept, square, 0.0).sum(axis=1) / kept.sum(axis=1)
    few = count < _FEWEST_DIFFERENCES
    return np.where(few, np.nan, np.sqrt(mean / 2)), np.where(few, 0.0, kept.sum(axis=1) / correlation)


def _without_empty(fringe: Fringe, present: NDArray[np.bool_]) -> Fringe:
    """The same with NaN in every column of the items without data."""
    if present.all():
        return fringe
    return replace(fringe, **{name: np.where(present, getattr(fringe, name), np.nan) for name in _ARRAYS})
