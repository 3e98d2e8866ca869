# SPDX-License-Identifier: GPL-3.0-or-later
"""The maximum-likelihood fit itself: blocks (item, time, channel) in, fringes out, memory bounded."""

from __future__ import annotations

import numpy as np
import scipy.fft
from numpy.typing import ArrayLike, NDArray

from difxnb.fringe.noise import false_alarm_probability, measure_noise
from difxnb.fringe.result import ARRAYS, Fringe, empty, without_empty

Floats = NDArray[np.float64]
Complexes = NDArray[np.complex128]

_CHUNK_SAMPLES = 2**20  # bounds the temporary arrays of one fit to some tens of MB
_FINE = 16  # channels whose phasors are made from one coarse phasor
_TIME_CELLS = 1024  # longer scans are searched on a coarser time grid; the refinement uses every integration
_NEWTON_STEPS = 6  # from a quarter of a cell to rounding; convergence is quadratic


class Blocks:
    """Blocks (item, time, channel) that share their axes, ready to be fitted a chunk of items at a time."""

    def __init__(
        self,
        visibility: NDArray[np.generic],
        weight: NDArray[np.generic] | None,
        frequency_hz: ArrayLike,
        time_s: ArrayLike,
        edge_channels: int,
        reference_frequency: float | None,
        reference_time: float | None = None,
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
        middle_time = float(time[0] + time[-1]) / 2 if time.size else 0.0
        self.reference_time = middle_time if reference_time is None else reference_time
        used = frequency[chosen]
        self.frequency = used[0] + self.width * np.arange(used.size)
        self.offset_hz = self.frequency - self.reference_frequency
        self.time = time - self.reference_time
        self.spacing = float(np.diff(time).min()) if time.size > 1 else 1.0
        self.rate_range = 1 / (self.spacing * self.reference_frequency)
        count = int(np.prod(self.shape))
        self.items = visibility[..., chosen].reshape(count, time.size, self.frequency.size)
        full = np.ones(1) if weight is None else weight
        full = np.broadcast_to(full, visibility.shape)[..., chosen]
        self.weights = full.reshape(self.items.shape)

    def fit(
        self,
        noise: ArrayLike | None,
        *,
        delay_window: tuple[float, float] | None = None,
        rate_window: tuple[float, float] | None = None,
        workers: int | None = None,
    ) -> Fringe:
        """Fit all items; memory is bounded by the chunk."""
        self.windows = (
            _window(delay_window, 1 / self.width, "delay"),
            _window(rate_window, self.rate_range, "rate"),
        )
        given = None if noise is None else np.broadcast_to(np.asarray(noise, dtype=float), self.shape).ravel()
        found = empty(len(self.items))
        step = max(1, _CHUNK_SAMPLES // max(1, 4 * self.items[:1].size))
        for start in range(0, len(self.items) if self.time.size else 0, step):
            part = slice(start, start + step)
            fringe = self._fit_part(part, None if given is None else given[part])
            for name in ARRAYS:
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
        held = self._confine(delay, rate)
        at_edge = (held[0] != delay) | (held[1] != rate)
        if at_edge.any():
            delay, rate = held
            total = (weighted * self._stop(delay, rate)).sum(axis=(1, 2))
        measured, degrees = measure_noise(visibility * self._stop(delay, rate), weight)
        sigma = measured if noise is None else noise
        weight_sum = weight.sum(axis=(1, 2))
        with np.errstate(divide="ignore", invalid="ignore"):
            snr = np.abs(total) / (sigma * np.sqrt(weight_sum))
            amplitude = np.abs(total) / weight_sum
        phase_error, delay_error, rate_error = self._errors(weight, snr, has_rate)
        alarm = false_alarm_probability(
            snr,
            self.frequency.size,
            self.time.size,
            noise_degrees=degrees if noise is None else np.inf,
            delay_share=(self.windows[0][1] - self.windows[0][0]) * self.width,
            rate_share=(self.windows[1][1] - self.windows[1][0]) / self.rate_range,
        )
        fringe = Fringe(
            delay=delay,
            delay_error=delay_error,
            delay_rate=np.where(has_rate, rate, np.nan),
            delay_rate_error=rate_error,
            phase=np.angle(total),
            phase_error=phase_error,
            amplitude=amplitude,
            amplitude_error=amplitude / snr,
            snr=snr,
            noise=np.array(sigma, dtype=float),
            false_alarm_probability=alarm,
            weight=weight_sum / np.maximum(usable.sum(axis=(1, 2)), 1),
            n_samples=usable.sum(axis=(1, 2)),
            at_edge=at_edge,
            reference_frequency=self.reference_frequency,
            reference_time=self.reference_time,
        )
        return without_empty(fringe, weight_sum > 0)

    def _stop(self, delay: Floats, rate: Floats) -> Complexes:
        """Phasors (item, time, channel) that stop a fringe of this delay and rate."""
        # channels are evenly spaced, so a phasor is the product of a coarse and a fine one: far fewer exponentials
        step = self.width * (delay[:, None] + rate[:, None] * self.time)
        first = delay[:, None] * self.offset_hz[0] + rate[:, None] * (self.time * self.frequency[0])
        channels = self.frequency.size
        coarse = np.arange(-(-channels // _FINE)) * _FINE
        turns = first[..., None] + step[..., None] * coarse
        fine = np.exp(-2j * np.pi * (step[..., None] * np.arange(_FINE)))
        phasors = np.exp(-2j * np.pi * turns)[..., None] * fine[..., None, :]
        return np.asarray(phasors.reshape(*step.shape, -1)[..., :channels], dtype=np.complex128)

    def _search(self, weighted: Complexes) -> tuple[Floats, Floats]:
        """Delay and rate of the highest point of the zero-padded FFT."""
        cells, spacing = self._time_cells()
        grid = weighted
        if cells is not None:
            grid = np.zeros((len(weighted), int(cells[-1]) + 1, weighted.shape[2]), dtype=np.complex128)
            for integration, cell in enumerate(cells):
                grid[:, cell] += weighted[:, integration]
        size = scipy.fft.next_fast_len(max(4, 2 * grid.shape[2] * (2 if grid.shape[1] == 1 else 1)))
        size_time = 1 if grid.shape[1] == 1 else scipy.fft.next_fast_len(2 * grid.shape[1])
        plane = np.abs(scipy.fft.fft2(grid.astype(np.complex64), s=(size_time, size)))
        delays = _nearest(scipy.fft.fftfreq(size, self.width), 1 / self.width, self.windows[0])
        rates = scipy.fft.fftfreq(size_time, spacing) / self.reference_frequency
        rates = _nearest(rates, self.rate_range, self.windows[1])
        plane[:, ~_inside(rates, self.windows[1])] = -1
        plane[:, :, ~_inside(delays, self.windows[0])] = -1
        best = plane.reshape(len(plane), -1).argmax(axis=1)
        return delays[best % size], rates[best // size]

    def _confine(self, delay: Floats, rate: Floats) -> tuple[Floats, Floats]:
        """The same within the windows."""
        (low, high), (low_rate, high_rate) = self.windows
        if high - low < 1 / self.width:
            delay = np.clip(delay, low, high)
        if high_rate - low_rate < self.rate_range:
            rate = np.clip(rate, low_rate, high_rate)
        return delay, rate

    def _time_cells(self) -> tuple[NDArray[np.int64] | None, float]:
        """Place of each integration on an even time grid (None: it is even already), and its spacing, s."""
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
                delay = _nearest(delay, 1 / self.width, self.windows[0])
                rate = _nearest(rate, self.rate_range, self.windows[1])
        return delay, rate, sums[:, 0]

    def _units(self) -> tuple[float, float]:
        """Half spans of (ν − ν₀) and of ν (t − t₀): what makes the Newton step of order one."""
        half = max(float(np.abs(self.offset_hz).max(initial=0.0)), self.width)
        half_time = max(float(np.abs(self.time).max(initial=0.0)), 1e-9)
        return half, half_time * abs(self.reference_frequency)

    def _errors(
        self, weight: Floats, snr: Floats, has_rate: NDArray[np.bool_]
    ) -> tuple[Floats, Floats, Floats]:
        """Cramér-Rao errors of phase (rad), delay (s), rate (s/s): the Fisher matrix inverted block-wise."""
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


def _window(window: tuple[float, float] | None, period: float, name: str) -> tuple[float, float]:
    """The window that is searched: what was asked for, at most one period."""
    low, high = (-period / 2, period / 2) if window is None else map(float, window)
    if not (np.isfinite(low) and np.isfinite(high) and low < high):
        raise ValueError(f"the {name} window of a fringe fit is (lowest, highest), got {window!r}")
    middle = (low + high) / 2
    return max(low, middle - period / 2), min(high, middle + period / 2)


def _nearest(value: Floats, period: float, window: tuple[float, float]) -> Floats:
    """The same but for whole periods, as near to the middle of the window as can be."""
    middle = (window[0] + window[1]) / 2
    return value - period * np.rint((value - middle) / period)


def _inside(grid: Floats, window: tuple[float, float]) -> NDArray[np.bool_]:
    """Which points of a grid lie in the window, or next to it if none does."""
    inside = (grid >= window[0]) & (grid <= window[1])
    if not inside.any():
        inside[np.abs(grid - (window[0] + window[1]) / 2).argmin()] = True
    return np.asarray(inside)


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
