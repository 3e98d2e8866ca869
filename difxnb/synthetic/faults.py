# SPDX-License-Identifier: GPL-3.0-or-later
"""Experiments that went wrong in one way each, to see that somebody notices.

The name of a fault comes in, an :class:`Experiment` goes out that is healthy but for it. Every fault is an attribute
of a station, so that others can be composed with :func:`dataclasses.replace`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace

from difxnb.synthetic.experiment import default_experiment
from difxnb.synthetic.experiment_model import Experiment
from difxnb.synthetic.station_model import Carrier, Gap, PhaseJump, PulseCal, Station

_BANDWIDTH_HZ, _CHANNELS = 0.128e6, 32
_TONE_INTERVAL_HZ = 25_000
_TONE_DELAY_S = 20e-9
_COMMON_POWER = 0.3
_MIXING = 0.05
_RFI_AMPLITUDE = 0.3
_OVERDRIVEN = 3.0
_FAULTY = 1  # row of the station that has the fault
_LIGHT_TIME_S = (
    0.03  # more than light takes through the Earth: by so much recorded time and the job's may differ
)


def healthy_experiment(
    *, seed: int = 1, scan_seconds: int = 4, n_scans: int = 2, n_bands: int = 2
) -> Experiment:
    """Compose a small experiment in which nothing is wrong.

    Three stations of like sensitivity, right- and left-hand polarization, 32 channels of 4 kHz in each band, every
    frame recorded, and pulse calibration tones every 25 kHz at all stations.

    Parameters
    ----------
    seed : int
        Of the noise.
    scan_seconds, n_scans : int
        Length of each scan, s, and how many there are.
    n_bands : int
        1, 2 or 4.

    Returns
    -------
    Experiment
    """
    usual = default_experiment(
        seed=seed,
        scan_seconds=scan_seconds,
        gap_seconds=2,
        n_scans=n_scans,
        n_bands=n_bands,
        bandwidth=_BANDWIDTH_HZ,
        n_channels=_CHANNELS,
    )
    stations = tuple(
        replace(
            station,
            common_power=_COMMON_POWER,
            data_format="INTERLACEDVDIF/0",
            missing=(),
            invalid=(),
            pulse_cal=PulseCal(_TONE_INTERVAL_HZ, delay_s=(row + 1) * _TONE_DELAY_S),
        )
        for row, station in enumerate(usual.stations)
    )
    return replace(usual, stations=stations, polarization_mixing=_MIXING)


def bad_experiment(
    fault: str, *, seed: int = 1, scan_seconds: int = 4, n_scans: int = 2, n_bands: int = 2
) -> Experiment:
    """Compose an experiment that is healthy but for one fault, of station BO.

    Parameters
    ----------
    fault : str
        One of `FAULTS`.
    seed, scan_seconds, n_scans, n_bands : int
        As of :func:`healthy_experiment`.

    Returns
    -------
    Experiment

    Raises
    ------
    ValueError
        There is no such fault; those that there are are named.
    """
    if fault not in _CHANGES:
        raise ValueError(f"there is no fault {fault!r}; faults are {', '.join(FAULTS)}")
    healthy = healthy_experiment(seed=seed, scan_seconds=scan_seconds, n_scans=n_scans, n_bands=n_bands)
    stations = list(healthy.stations)
    stations[_FAULTY] = _CHANGES[fault](healthy, stations[_FAULTY])
    return replace(healthy, stations=tuple(stations))


def _dead(experiment: Experiment, station: Station) -> Station:
    return replace(station, common_power=0.0)


def _clock_off(experiment: Experiment, station: Station) -> Station:
    transform_s = experiment.n_channels / experiment.bandwidth_hz
    return replace(station, residual_delay_s=1.5 * transform_s)


def _swapped(experiment: Experiment, station: Station) -> Station:
    return replace(station, swapped_polarizations=True)


def _stopped(experiment: Experiment, station: Station) -> Station:
    gaps = (
        Gap(row, scan.duration_s / 2 - _LIGHT_TIME_S, scan.duration_s + 1.0)
        for row, scan in enumerate(experiment.scans)
    )
    return replace(station, missing=tuple(gaps))


def _every_second_frame(experiment: Experiment, station: Station) -> Station:
    frame_s = 1 / experiment.frames_per_second
    gaps = (
        Gap(row, 2 * pair * frame_s, (2 * pair + 1) * frame_s)
        for row, scan in enumerate(experiment.scans)
        for pair in range(scan.duration_s * experiment.frames_per_second // 2)
    )
    return replace(station, missing=tuple(gaps))


def _silent(experiment: Experiment, station: Station) -> Station:
    return replace(station, silent_bands=(len(experiment.bands) - 1,))


def _overdriven(experiment: Experiment, station: Station) -> Station:
    return replace(station, level=_OVERDRIVEN)


def _interference(experiment: Experiment, station: Station) -> Station:
    return replace(station, carriers=(Carrier(round(experiment.bands[0].center_hz), _RFI_AMPLITUDE),))


def _tone_missing(experiment: Experiment, station: Station) -> Station:
    assert station.pulse_cal is not None
    third = round(experiment.bands[0].low_edge_hz / _TONE_INTERVAL_HZ + 3) * _TONE_INTERVAL_HZ
    return replace(station, pulse_cal=replace(station.pulse_cal, absent_hz=(third,)))


def _jumping(experiment: Experiment, station: Station) -> Station:
    half = experiment.scans[0].duration_s / 2
    return replace(station, phase_jumps=(PhaseJump(0, half, math.pi / 2),))


FAULTS: Mapping[str, str] = {
    "dead station": "BO hears nothing of the sky, only its own noise",
    "clock off": "the clock of BO is wrong by more than the fringe search can see",
    "swapped polarizations": "the two polarizations of BO are exchanged",
    "half the data missing": "the recorder of BO stops in the middle of every scan",
    "half the frames lost": "the recorder of BO loses every second frame",
    "zeroed band": "the last band of BO holds no signal",
    "overdriven sampler": "the voltage of BO is three times what its sampler is made for",
    "RFI line": "BO receives a carrier in the middle of the first band",
    "tone missing": "one pulse calibration tone of BO is missing",
    "phase jump": "the phase of BO jumps by 90 degrees in the middle of the first scan",
}
"""Every fault that :func:`bad_experiment` knows, and what it does."""

_CHANGES: Mapping[str, Callable[[Experiment, Station], Station]] = {
    "dead station": _dead,
    "clock off": _clock_off,
    "swapped polarizations": _swapped,
    "half the data missing": _stopped,
    "half the frames lost": _every_second_frame,
    "zeroed band": _silent,
    "overdriven sampler": _overdriven,
    "RFI line": _interference,
    "tone missing": _tone_missing,
    "phase jump": _jumping,
}
