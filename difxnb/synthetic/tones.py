# SPDX-License-Identifier: GPL-3.0-or-later
"""What a station's receiver takes in beside sky and noise: pulse calibration tones and lines of interference.

A station and a band come in, one period of a voltage goes out. A tone of sky frequency f that is late by τ is
cos 2πf(u - τ) at the station's recorded time u, and comes to the sampler shifted by the band edge, mirrored in a lower
sideband; oscillators are in phase at every whole second. The correlator then states the phase +2πfτ
(``difx-files.md`` 14).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from difxnb.synthetic.experiment_model import Band, Experiment
from difxnb.synthetic.station_model import PulseCal, Station


def tone_frequencies(pulse_cal: PulseCal, band: Band) -> list[int]:
    """Sky frequencies of the tones strictly inside a band, Hz, ascending."""
    low, high = band.low_edge_hz, band.low_edge_hz + band.bandwidth_hz
    step = pulse_cal.interval_hz
    numbers = range(math.floor(low / step) + 1, math.ceil(high / step))
    return [number * step for number in numbers if number * step not in pulse_cal.absent_hz]


def steady_voltage(experiment: Experiment, station: int, band: int) -> NDArray[np.float32] | None:
    """Compute one period of a station's tones and carriers in a band.

    Parameters
    ----------
    experiment : Experiment
        What is observed.
    station, band : int
        Rows.

    Returns
    -------
    ndarray of float32, shape (sample,), or None
        In units of the rms of the receiver's noise; the first sample is that of a whole second. None where nothing is
        received.
    """
    about, place = experiment.stations[station], experiment.bands[band]
    lines = _lines(about, place)
    if not lines:
        return None
    rate = experiment.sample_rate_hz
    at_sampler = [round(abs(frequency - place.edge_hz)) for frequency, _, _ in lines]
    common = math.gcd(rate, *at_sampler)
    period = rate // common
    spectrum = np.zeros(period // 2 + 1, np.complex128)
    mirrored = -1 if place.sideband == "L" else 1
    for bin_hz, (frequency, amplitude, delay_s) in zip(at_sampler, lines, strict=True):
        turns = math.fmod(frequency * delay_s, 1.0)
        spectrum[bin_hz // common] += amplitude * period / 2 * np.exp(-2j * np.pi * mirrored * turns)
    return np.fft.irfft(spectrum, period).astype(np.float32)


def _lines(station: Station, band: Band) -> list[tuple[int, float, float]]:
    """Sky frequency (Hz), amplitude and delay (s) of everything steady inside a band."""
    low, high = band.low_edge_hz, band.low_edge_hz + band.bandwidth_hz
    lines = [(c.frequency_hz, c.amplitude, 0.0) for c in station.carriers if low < c.frequency_hz < high]
    if (comb := station.pulse_cal) is not None:
        lines += [(tone, comb.amplitude, comb.delay_s) for tone in tone_frequencies(comb, band)]
    return lines
