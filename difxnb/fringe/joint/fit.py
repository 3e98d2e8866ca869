# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps of a joint fit for some items: search, noise, refinement (definitions: ``joint/__init__.py``)."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from difxnb.fringe.joint.band import Band, Cells, in_cells
from difxnb.fringe.joint.refine import Sums, delay_shifts
from difxnb.fringe.joint.result import JointFringe
from difxnb.fringe.joint.search import coarse_plane, search, search_grid
from difxnb.fringe.joint.statistics import Peak, statistics
from difxnb.fringe.noise import measure_noise

Floats = NDArray[np.float64]
Window = tuple[float, float]
Data = list[tuple[NDArray[np.complex64], NDArray[np.float32]]]

FITTED = tuple(
    f.name for f in fields(JointFringe) if f.name not in ("groups", "reference_frequency", "reference_time")
)


@dataclass(frozen=True, slots=True)
class JointFit:
    """What is the same for all items of a joint fit.

    Attributes
    ----------
    bands : list of Band
    group : ndarray of int, shape (block,)
    time : ndarray
        Seconds from the middle of the time axis.
    epoch : float
        Reference time, in the same seconds.
    frequency : float
        Reference frequency, Hz.
    delay_window, rate_window : (float, float)
    borders : (bool, bool)
        Whether delay and rate window were asked for.
    """

    bands: list[Band]
    group: NDArray[np.int64]
    time: Floats
    epoch: float
    frequency: float
    delay_window: Window
    rate_window: Window
    borders: tuple[bool, bool]

    @property
    def groups(self) -> int:
        """How many groups there are."""
        return int(self.group.max()) + 1

    def nothing(self, count: int) -> dict[str, NDArray[Any]]:
        """The result of items without data."""
        sizes = {"phase": self.groups, "amplitude": self.groups, "group": self.groups}
        sizes |= {"block": len(self.bands), "residual": len(self.bands), "noise": len(self.bands)}
        kinds: dict[str, Any] = {"at_edge": False, "n_samples": 0}
        found = {}
        for name in FITTED:
            size = sizes.get(name.split("_")[0])
            found[name] = np.full(count if size is None else (count, size), kinds.get(name, np.nan))
        return found

    def part(self, part: slice, phase: Floats, sigma: Floats | None) -> dict[str, NDArray[Any]]:
        """Fit some items; `phase` and `sigma` have shape (item, block)."""
        data = [band.part(part) for band in self.bands]
        weight = np.stack([w.sum(axis=(1, 2), dtype=float) for _, w in data], axis=1)
        used = np.any([(w > 0).any(axis=2) for _, w in data], axis=0)
        has_rate = used.sum(axis=1) > 1
        delay, rate = self._search(data, weight, phase)
        rate[~has_rate] = 0.0
        cells, noise, _ = self._stop(data, delay, rate, sigma)
        scale, turned = _scales(noise, weight, phase)
        delay, rate = self._settle(cells, turned, scale * weight, has_rate, delay, rate)
        # once more: what the search left of a strong fringe looks like noise
        cells, noise, degrees = self._stop(data, delay, rate, sigma)
        scale, turned = _scales(noise, weight, phase)
        strength = scale * weight
        sums = Sums(cells, turned, strength, self.group)
        at, rate_at, at_edge = self._refine(sums, has_rate, delay, rate, np.zeros_like(delay))
        blocks = sums.blocks(at - delay, rate_at - rate)
        single = self._single_band(cells, turned, strength, has_rate)
        peak = Peak(
            delay=at,
            rate=rate_at,
            has_rate=has_rate,
            at_edge=at_edge,
            blocks=blocks,
            single=(delay + single[0], single[1]),
            phase=phase,
            scale=scale,
            weight=np.where(scale > 0, weight, 0.0),
            noise=noise,
            degrees=degrees,
        )
        return statistics(self, peak, data)

    def _coherent(self) -> bool:
        """Whether any group has bands at different frequencies."""
        return any(
            len({band.middle_hz for band, g in zip(self.bands, self.group, strict=True) if g == one}) > 1
            for one in range(self.groups)
        )

    def _resolution(self) -> float:
        """One over the bandwidth of the widest band, s."""
        return 1 / max(band.bandwidth for band in self.bands)

    def _limits(self, window: Window, which: int) -> Window:
        """The borders that a refinement may not cross: none where the whole range was searched."""
        return window if self.borders[which] else (-np.inf, np.inf)

    def _search(self, data: Data, weight: Floats, phase: Floats) -> tuple[Floats, Floats]:
        """Delay and rate to a part of the resolution; of the noise only the mean power is known yet."""
        grid = search_grid(self.bands, self.group, self.time, self.delay_window, self.rate_window)
        planes = []
        strength = np.zeros_like(phase)
        for block, ((visibility, some), band) in enumerate(zip(data, self.bands, strict=True)):
            weighted = visibility * some
            power = np.real(np.einsum("itc,itc->i", weighted, visibility.conj(), dtype=np.complex128))
            samples = np.count_nonzero(some, axis=(1, 2))
            scale = np.divide(2.0 * samples, power, out=np.zeros_like(power), where=power > 0)
            strength[:, block] = scale * weight[:, block]
            there = weight[:, block] > 0
            factor = np.sqrt(np.divide(scale, weight[:, block], out=np.zeros_like(scale), where=there))
            factor = factor * np.exp(-1j * phase[:, block])
            planes.append(coarse_plane(weighted * factor.astype(np.complex64)[:, None, None], band, grid))
        middle = np.array([band.middle_hz for band in self.bands])
        return search(planes, strength, middle, self.group, grid)

    def _stop(
        self, data: Data, delay: Floats, rate: Floats, noise: Floats | None
    ) -> tuple[list[Cells], Floats, Floats]:
        """Sums in cells with this fringe stopped, and the noise with its degrees of freedom."""
        cells = []
        sigma = np.empty((len(delay), len(data)))
        degrees = np.full_like(sigma, np.inf)
        for block, ((visibility, weight), band) in enumerate(zip(data, self.bands, strict=True)):
            stopped = visibility * band.stopping(self.time, delay, rate)
            if noise is None:
                sigma[:, block], degrees[:, block] = measure_noise(stopped, weight)
            cells.append(in_cells(stopped * weight, band, self.time))
        return cells, sigma if noise is None else np.array(noise), degrees

    def _settle(
        self,
        cells: list[Cells],
        turned: NDArray[np.complex128],
        strength: Floats,
        has_rate: NDArray[np.bool_],
        delay: Floats,
        rate: Floats,
    ) -> tuple[Floats, Floats]:
        """Delay and rate of the highest maximum nearby: bands that repeat have several of nearly the same height."""
        sums = Sums(cells, turned, strength, self.group)
        if not self._coherent():
            return self._refine(sums, has_rate, delay, rate, np.zeros_like(delay))[:2]
        low, high = self._limits(self.delay_window, 0)
        shifts = sums.scan_delays(delay_shifts(sums.span, self._resolution()), low - delay, high - delay)
        best = np.full(len(delay), -1.0)
        found, found_rate = delay, rate
        for shift in shifts.T:
            to, to_rate, _ = self._refine(sums, has_rate, delay, rate, shift)
            height = sums.heights(to - delay, to_rate - rate)
            higher = height > best
            best = np.where(higher, height, best)
            found, found_rate = np.where(higher, to, found), np.where(higher, to_rate, found_rate)
        return found, found_rate

    def _refine(
        self, sums: Sums, has_rate: NDArray[np.bool_], delay: Floats, rate: Floats, start: Floats
    ) -> tuple[Floats, Floats, NDArray[np.bool_]]:
        """Delay and rate at the maximum `start` (s) from these, and whether it lies on a border."""
        low, high = self._limits(self.delay_window, 0)
        low_rate, high_rate = self._limits(self.rate_window, 1)
        limits = (low - delay, low_rate - rate), (high - delay, high_rate - rate)
        shift, shift_rate = sums.refine(has_rate, *limits, start)
        at_edge = (shift <= limits[0][0]) | (shift >= limits[1][0])
        at_edge |= has_rate & ((shift_rate <= limits[0][1]) | (shift_rate >= limits[1][1]))
        return delay + shift, rate + shift_rate, at_edge

    def _single_band(
        self,
        cells: list[Cells],
        turned: NDArray[np.complex128],
        strength: Floats,
        has_rate: NDArray[np.bool_],
    ) -> tuple[Floats, Floats]:
        """Delay of the slopes within bands, from where the cells were stopped, and SNR² (item, block) there."""
        alone = Sums(cells, turned, strength, np.arange(len(cells)))
        reach = self._resolution()
        free = np.full(len(strength), np.inf)
        shift = alone.scan_delays(delay_shifts(0.5 / reach, reach), -free, free)[:, 0]
        shift, rate = alone.refine(has_rate, (-free, -free), (free, free), shift)
        sums = alone.blocks(shift, rate) * turned
        return shift, np.divide(np.abs(sums) ** 2, strength, out=np.zeros_like(strength), where=strength > 0)


def _scales(noise: Floats, weight: Floats, phase: Floats) -> tuple[Floats, NDArray[np.complex128]]:
    """p = 1/σ² of each block, 0 where it does not take part, and the same with its phase taken out."""
    usable = (weight > 0) & np.isfinite(noise) & (noise > 0)
    scale = np.divide(1.0, noise**2, out=np.zeros_like(noise), where=usable)
    return scale, scale * np.exp(-1j * phase)
