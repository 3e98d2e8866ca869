# SPDX-License-Identifier: GPL-3.0-or-later
"""The maximum-likelihood fit itself: blocks (item, time, channel) in, fringes out, memory bounded."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import ArrayLike, NDArray

from difxnb.fringe.accuracy import Spread, errors_at, spread_of, strength_of, true_snr
from difxnb.fringe.axes import Axes, Window, make_range
from difxnb.fringe.false_alarm import chance_of_peak
from difxnb.fringe.noise import measure_noise
from difxnb.fringe.refine import Peak, Refinement, stop_delay, stop_rate
from difxnb.fringe.result import ARRAYS, Fringe, empty, without_empty
from difxnb.fringe.samples import Samples, make_samples
from difxnb.fringe.search import plan_search

Floats = NDArray[np.float64]

_AT_ONCE = (
    2**19
)  # samples of the items that are fitted at a time: many, lest threads wait for the interpreter
_FEWEST = 16  # items of a part, unless it were too large
_PARTS = 16  # of many items, for as many threads; their number must not change the result


class Blocks:
    """Blocks (…, time, channel) that share their axes, ready to be fitted some items at a time."""

    def __init__(
        self,
        visibility: NDArray[np.complexfloating],
        weight: NDArray[np.floating] | None,
        axes: Axes,
        *,
        reference_frequency: float | None,
        reference_time: float | None,
        delay_window: Window | None,
        rate_window: Window | None,
    ) -> None:
        self.axes = axes
        self.shape = visibility.shape[:-2]
        self.frequency = axes.middle_hz if reference_frequency is None else float(reference_frequency)
        self.time = axes.middle_s if reference_time is None else float(reference_time)
        self.delay = make_range(delay_window, axes.delay_range, "delay")
        self.rate = make_range(rate_window, axes.rate_range, "rate")
        self.search = plan_search(axes, self.delay, self.rate)
        self.refinement = Refinement(axes, self.delay, self.rate)
        # one leading axis at least, to take items along; none of this copies
        self.visibility = visibility if self.shape else visibility[np.newaxis]
        self.weight = None
        if weight is not None:
            full = np.broadcast_to(weight, (*self.visibility.shape[:-1], weight.shape[-1]))
            self.weight = full[..., axes.channels] if weight.shape[-1] > 1 else full

    def fit(self, noise: ArrayLike | None, workers: int | None) -> Fringe:
        """Fit all items."""
        count = int(np.prod(self.shape, dtype=int))
        given = None if noise is None else np.broadcast_to(np.asarray(noise, dtype=float), self.shape).ravel()
        found = empty(count)

        def fit_part(part: slice) -> None:
            fringe = self._fit_items(part, None if given is None else given[part])
            for name in ARRAYS:
                found[name][part] = getattr(fringe, name)

        parts = list(self._parts(count))
        threads = min(len(parts), _cpus() if workers is None else workers)
        if threads > 1:
            with ThreadPoolExecutor(threads) as pool:
                list(pool.map(fit_part, parts))
        else:
            for part in parts:
                fit_part(part)
        shaped = {name: values.reshape(self.shape) for name, values in found.items()}
        return Fringe(**shaped, reference_frequency=self.frequency, reference_time=self.time)

    def _parts(self, count: int) -> Iterator[slice]:
        times, channels = self.axes.offset_s.size, self.axes.offset_hz.size
        step = min(max(1, _AT_ONCE // max(1, times * channels)), max(_FEWEST, -(-count // _PARTS)))
        for start in range(0, count if times else 0, step):
            yield slice(start, min(start + step, count))

    def _samples(self, part: slice) -> Samples:
        place = np.unravel_index(np.arange(part.start, part.stop), self.visibility.shape[:-2])
        weight = None if self.weight is None else self.weight[place]
        return make_samples(self.visibility[place][..., self.axes.channels], weight)

    def _fit_items(self, part: slice, noise: Floats | None) -> Fringe:
        axes, samples = self.axes, self._samples(part)
        has_rate = (samples.usable > 0).sum(axis=1) > 1
        delay, rate = self.search.run(samples.weighted)
        peak = self.refinement.run(samples, delay, rate, has_rate)
        sigma, degrees = self._noise(samples, peak) if noise is None else (noise, np.inf)
        spread = spread_of(samples, axes, has_rate)
        moments = samples.weight_moments(axes)
        weight = moments[..., 0].sum(axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            amplitude_error = sigma / np.sqrt(weight)
            snr = np.abs(peak.total) / weight / amplitude_error
            strength = strength_of(snr, has_rate)
            mean_weight = weight / samples.usable.sum(axis=1)
        phase_error, delay_error, rate_error = errors_at(spread, strength, self.frequency, self.time)
        later = self.time - axes.middle_s
        turns = (self.frequency - axes.middle_hz) * peak.delay + self.frequency * peak.rate * later
        phase = np.angle(peak.total * np.exp(2j * np.pi * turns))
        fringe = Fringe(
            delay=np.where(spread.has_delay, peak.delay + peak.rate * later, np.nan),
            delay_error=delay_error,
            delay_rate=np.where(has_rate, peak.rate, np.nan),
            delay_rate_error=rate_error,
            phase=phase,
            phase_error=phase_error,
            amplitude=true_snr(snr, has_rate) * amplitude_error,
            amplitude_error=amplitude_error,
            snr=snr,
            noise=np.array(sigma, dtype=float),
            false_alarm_probability=self._false_alarm(snr, spread, has_rate, degrees),
            weight=mean_weight,
            n_samples=samples.usable.sum(axis=1),
            at_edge=self.delay.on_border(peak.delay) | (has_rate & self.rate.on_border(peak.rate)),
            reference_frequency=self.frequency,
            reference_time=self.time,
        )
        return without_empty(fringe, weight > 0)

    def _noise(self, samples: Samples, peak: Peak) -> tuple[Floats, Floats]:
        """Rms of one component and its degrees of freedom, from some integrations at a time."""
        axes, weight = self.axes, samples.weight
        offset = axes.offset_hz if self.refinement.migrates else np.zeros(1)
        phasors = stop_delay(peak.delay, axes.offset_hz)[:, None].astype(samples.weighted.dtype)
        step = max(2, _AT_ONCE // max(1, len(weight) * axes.offset_hz.size))
        squares, degrees = np.zeros(len(weight)), np.zeros(len(weight))
        for start in range(0, max(1, axes.offset_s.size - 1), step):
            part = slice(start, start + step + 1)  # the last one of a part is the first one of the next
            here = weight[:, part]
            scale = np.divide(1, here, out=np.zeros_like(here), where=here > 0)
            stop = stop_rate(peak.rate, axes, part, offset) * scale
            stopped = samples.weighted[:, part] * phasors
            stopped *= stop.astype(stopped.dtype)
            sigma, number = measure_noise(stopped, here)
            squares += np.where(number > 0, number * sigma**2, 0.0)
            degrees += number
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.sqrt(squares / degrees), degrees

    def _false_alarm(
        self, snr: Floats, spread: Spread, has_rate: NDArray[np.bool_], degrees: ArrayLike
    ) -> Floats:
        """Probability of such a peak in noise, of the window that was searched."""
        sizes = [
            np.sqrt(2 * np.pi) * (window.high - window.low) * unit
            for window, unit in zip((self.delay, self.rate), self.axes.units, strict=True)
        ]
        border, border_rate = float(not self.delay.whole), np.where(has_rate, float(not self.rate.whole), 1.0)
        line, line_rate = sizes[0] * np.sqrt(spread.variance), sizes[1] * np.sqrt(spread.variance_rate)
        plane = sizes[0] * sizes[1] * spread.area
        return chance_of_peak(
            snr, plane, line * border_rate + line_rate * border, border * border_rate, degrees
        )


def _cpus() -> int:
    """CPUs that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
