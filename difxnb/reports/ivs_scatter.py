# SPDX-License-Identifier: GPL-3.0-or-later
"""Fringes of bands together, and how much their phases and amplitudes scatter.

Phases between bands are not known at first, so each band keeps its own. Those of the strongest scan of a baseline are
then taken out of its other scans, as a manual phase calibration does, and bands fitted with one delay: what scatters
about that is looked at. What noise alone makes of a scatter is taken off it, and of the strongest scan nothing is
told of its bands.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import gammaincinv

from difxnb.visibility.fits import fringe_fit
from difxnb.visibility.fits.band_phases import offsets_of

if TYPE_CHECKING:
    import xarray as xr

MOST_FALSE_ALARM = 1e-4
"""Probability above which a fringe counts as not found."""
_SEGMENT_SNR = 10.0
_MOST_SEGMENTS = 10
_SURE = 0.999


@dataclass(frozen=True)
class Looked:
    """A fringe of a scan and baseline, bands and parallel hands together.

    Attributes
    ----------
    scan, source, baseline : str
    antennas : tuple of str
    snr, false_alarm_probability : float
    at_edge, lacks_band : bool
        Whether it stands at the edge of the window, and whether a band has no data.
    weakest : float
        Amplitude of the weakest band, as a share of the mean of its hand.
    band_phase, time_phase : float
        Scatter of phases by band and by time, rad; NaN where nothing tells.
    band_amplitude, time_amplitude : float
        The same of amplitudes, as a share of their mean.
    """

    scan: str
    source: str
    baseline: str
    antennas: tuple[str, str]
    snr: float
    false_alarm_probability: float
    at_edge: bool
    lacks_band: bool
    weakest: float
    band_phase: float
    time_phase: float
    band_amplitude: float
    time_amplitude: float


def looked_into(part: xr.Dataset) -> Iterator[Looked]:
    """Fit and look at every scan and baseline of cross-correlations of parallel hands.

    Nothing comes out where nothing can be fitted, such as of a single channel.
    """
    try:
        free = _fitted(part, "free")
    except ValueError:
        return
    best = _strongest(free)
    offsets = None if best.empty else offsets_of(best, part)
    joint = {} if best.empty else {_key(row): row for row in _records(_fitted(part, best))}
    calibrators = {_key(row)[1:]: row for row in _records(best)}
    scans = _Scans(part)
    for row in _records(free):
        other = joint.get(_key(row))
        if other is None or not np.isfinite(other["delay"]):
            yield _looked(row, row, _left(scans, row, None), None)
            continue
        calibrator = calibrators[_key(row)[1:]]
        is_calibrator = _key(row) == _key(calibrator)
        # Phases that were found in a scan prove no fringe in it: noise would make its own.
        told = row if is_calibrator or row["snr"] > other["snr"] else other
        lent = None if is_calibrator else float(calibrator["snr"])
        yield _looked(row, told, _left(scans, other, offsets), lent)


def _fitted(part: xr.Dataset, phases: str | pd.DataFrame) -> pd.DataFrame:
    several = part.sizes["polarization"] > 1
    return fringe_fit(part, multiband=True, band_phases=phases, combine_polarizations=several)


def _strongest(free: pd.DataFrame) -> pd.DataFrame:
    """The strongest scan of each baseline (and hand) that has fringes."""
    found = free[free["false_alarm_probability"] <= MOST_FALSE_ALARM]
    return found.sort_values("snr", ascending=False, kind="stable").drop_duplicates(
        ["baseline", "polarization"]
    )


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(name): value for name, value in row.items()} for row in table.to_dict("records")]


def _key(row: dict[str, Any]) -> tuple[Any, ...]:
    return row["start"], row["baseline"], row["polarization"]


@dataclass(frozen=True)
class _Left:
    """What stays of visibilities when a fringe is turned out of them: sums and weights (time, band, hand)."""

    sums: NDArray[np.complex128]
    counts: NDArray[np.float64]


class _Scans:
    """Visibilities scan by scan, each read once: fringes come in order of scans."""

    def __init__(self, part: xr.Dataset) -> None:
        self.baselines = [str(name) for name in part["baseline"].values]
        self._part, self._times = part, part["time"].values
        self._start: object = None
        self._scan = part

    def of(self, row: dict[str, Any]) -> xr.Dataset:
        """Visibilities of the scan and baseline of a fringe (time, band, polarization, channel)."""
        if self._start != row["start"]:
            first, last = np.datetime64(row["start"]), np.datetime64(row["stop"])
            inside = np.flatnonzero((self._times >= first) & (self._times <= last))
            self._scan = self._part[["VISIBILITY", "WEIGHT"]].isel(time=inside).load()
            self._start = row["start"]
        mine = self._scan.isel(baseline=self.baselines.index(str(row["baseline"])))
        return mine.transpose("time", "band", "polarization", "channel", ...)


def _left(scans: _Scans, row: dict[str, Any], offsets: NDArray[np.float64] | None) -> _Left:
    mine = scans.of(row)
    values = mine["VISIBILITY"].values[..., 1:-1]
    weights = np.nan_to_num(mine["WEIGHT"].values, nan=1.0)[..., None] * np.isfinite(values)
    frequency = mine["frequency"].values[:, 1:-1]
    later = (mine["time"].values - np.datetime64(row["reference_time"])) / np.timedelta64(1, "s")
    rate = row["delay_rate"] if np.isfinite(row["delay_rate"]) else 0.0
    # Without phases between bands a delay holds within each of them alone.
    middle = (
        row["reference_frequency"] if offsets is not None else np.nanmean(frequency, axis=1, keepdims=True)
    )
    turns = (frequency - middle)[None] * row["delay"] + frequency[None] * (rate * later)[:, None, None]
    left = np.nan_to_num(values) * np.exp(-2j * np.pi * np.nan_to_num(turns))[:, :, None]
    if offsets is not None:
        place = scans.baselines.index(str(row["baseline"]))
        left = left * np.exp(-1j * np.nan_to_num(offsets[place]).T)[None, :, :, None]
    return _Left((left * weights).sum(axis=-1), weights.sum(axis=-1))


def _looked(row: dict[str, Any], told: dict[str, Any], left: _Left, lent: float | None) -> Looked:
    """A fringe and its scatter; `lent` is the SNR of the scan whose phases of bands were taken out."""
    total, weight = left.sums.sum(axis=0), left.counts.sum(axis=0)
    is_known = weight > 0
    snr = float(told["snr"])
    count = np.sqrt(max(int(is_known.sum()), 1))
    noise = count / max(snr, 1e-9)
    with_lent = np.inf if lent is None else float(np.hypot(noise, count / max(lent, 1e-9)))
    with np.errstate(invalid="ignore", divide="ignore"):
        amplitude = np.where(is_known, np.abs(total) / weight, np.nan)
    # Receivers differ from hand to hand: what is compared is a band with the other bands of its hand.
    shares = amplitude / _mean(amplitude)
    phases = np.where(is_known, np.angle(total), np.nan)
    alike = (left.sums * np.exp(-1j * np.nan_to_num(phases))).sum(axis=(1, 2))
    time_phase, time_amplitude = _by_time(alike, left.counts.sum(axis=(1, 2)), snr)
    return Looked(
        scan=str(row["scan"]),
        source=str(row["source"]),
        baseline=str(row["baseline"]),
        antennas=(str(row["antenna1_name"]), str(row["antenna2_name"])),
        snr=snr,
        false_alarm_probability=float(told["false_alarm_probability"]),
        at_edge="window_edge" in str(told["flags"]).split(),
        lacks_band=not bool(is_known.all()),
        weakest=float(np.nanmin(shares, initial=np.inf)),
        band_phase=np.nan if lent is None else _rms_above(_about_mean(phases), with_lent),
        time_phase=time_phase,
        band_amplitude=_rms_above(shares - 1.0, noise),
        time_amplitude=time_amplitude,
    )


def _mean(amplitude: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean over bands of what is known (1, hand)."""
    known = np.isfinite(amplitude)
    total = np.where(known, amplitude, 0.0).sum(axis=0, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(total / known.sum(axis=0, keepdims=True))


def _about_mean(phases: NDArray[np.float64]) -> NDArray[np.float64]:
    """Phases (band, hand) about the mean of their hand, -π…π."""
    turned = np.where(np.isfinite(phases), np.exp(1j * np.nan_to_num(phases)), 0.0)
    middle = np.angle(turned.sum(axis=0, keepdims=True))
    return np.where(np.isfinite(phases), np.angle(turned * np.exp(-1j * middle)), np.nan)


def _by_time(sums: NDArray[np.complex128], counts: NDArray[np.float64], snr: float) -> tuple[float, float]:
    """Scatter of phase and amplitude over stretches of the scan, each long enough to show the fringe."""
    there = np.flatnonzero(counts > 0)
    segments = int(min(_MOST_SEGMENTS, there.size, (snr / _SEGMENT_SNR) ** 2)) if np.isfinite(snr) else 0
    if segments < 2:
        return np.nan, np.nan
    parts = np.array_split(there, segments)
    means = np.array([sums[part].sum() / counts[part].sum() for part in parts])[:, None]
    amplitudes = np.abs(means) / np.abs(means).mean()
    noise = np.sqrt(segments) / snr
    return _rms_above(_about_mean(np.angle(means)), noise), _rms_above(amplitudes - 1.0, noise)


def _rms_above(values: NDArray[np.float64], noise: float) -> float:
    """Root mean square of what is known (band, hand), less what noise makes of it; NaN of single bands.

    0 where noise alone scatters as much in a case of a thousand: few values of a weak fringe tell no more.
    """
    known = np.isfinite(values)
    degrees = int(np.maximum(known.sum(axis=0) - 1, 0).sum())
    if degrees < 1:
        return np.nan
    squares = float(np.sum(values[known] ** 2))
    if squares / noise**2 <= 2 * gammaincinv(degrees / 2, _SURE):
        return 0.0
    return float(np.sqrt(max(squares / degrees - noise**2, 0.0)))
