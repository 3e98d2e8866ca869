# SPDX-License-Identifier: GPL-3.0-or-later
"""The made-up world of the demonstration: its stations, sources, bands, and what is wrong with them.

Nothing here exists. Station positions are plausible points of the Earth's surface 800 to 2700 km apart, from which
both sources stand high in the sky at the time of the experiment.
"""

from __future__ import annotations

import math
import random
from dataclasses import replace

from difxnb.synthetic.experiment_model import Band, Experiment, Scan, SkySource
from difxnb.synthetic.sampling import QUANTISATION_EFFICIENCY
from difxnb.synthetic.station_model import Gap, Station

SOURCES = (
    SkySource("LANTERN", "17h12m00.0s", "33d00'00.0\""),
    SkySource("BEACON", "19h24m00.0s", "52d00'00.0\""),
)
_TRANSFORM_S = 250e-6
_NS = 1e-9
_PS = 1e-12
_DEGREE = math.pi / 180
_STATIONS = (
    Station(
        "AL", "ALDMOOR", (3742309.185, -157503.535, 5145405.856), clock_us=1.75, clock_rate_us_s=1.0e-6,
        residual_delay_s=35 * _NS, residual_rate=1.5 * _PS, phase_rad=10 * _DEGREE, common_power=0.35,
    ),
    Station(
        "BO", "BOREFELL", (3050112.174, 516983.072, 5559680.128), clock_us=-3.4375, clock_rate_us_s=-2.5e-6,
        residual_delay_s=-310 * _NS, residual_rate=-4 * _PS, phase_rad=75 * _DEGREE,
        left_delay_s=40 * _NS, left_phase_rad=-35 * _DEGREE, common_power=0.3,
    ),
    Station(
        "CE", "CERVANA", (4418630.688, 1173229.677, 4433052.928), clock_us=12.625, clock_rate_us_s=4.0e-6,
        residual_delay_s=240 * _NS, residual_rate=6 * _PS, phase_rad=-120 * _DEGREE, common_power=0.25,
    ),
    Station(
        "DA", "DALSUND", (3086183.096, 1303654.780, 5409265.958), clock_us=-0.8125, clock_rate_us_s=0.5e-6,
        residual_delay_s=-95 * _NS, residual_rate=-2 * _PS, phase_rad=33 * _DEGREE, common_power=0.3,
    ),
    Station(
        "EL", "ELMARCH", (4279651.299, 194337.828, 4709525.560), clock_us=5.25, clock_rate_us_s=-1.0e-6,
        residual_delay_s=130 * _NS, residual_rate=3 * _PS, phase_rad=150 * _DEGREE, common_power=0.3,
    ),
    Station(
        "FO", "FOSSARO", (4919835.498, -543154.896, 4009876.598), clock_us=-7.5, clock_rate_us_s=2.0e-6,
        residual_delay_s=-180 * _NS, residual_rate=-5 * _PS, phase_rad=-60 * _DEGREE, common_power=0.3,
    ),
)  # fmt: skip
_EDGES_MHZ = ((8400.0, "U"), (8404.0, "U"), (8418.0, "L"), (8440.0, "U"))


def default_experiment(
    *,
    seed: int = 1,
    scan_seconds: int = 4,
    gap_seconds: int = 5,
    n_stations: int = 3,
    n_scans: int = 2,
    n_bands: int = 4,
    bandwidth: float = 0.512e6,
    n_channels: int | None = None,
    polarizations: str = "RL",
    weak_snr: float = 15.0,
    threads: int = 2,
    name: str = "demo",
) -> Experiment:
    """Compose the experiment of the demonstration.

    Station BO lost frames (weights below 1), a few frames of AL carry the invalid bit, and CE, if there are three
    stations or more, hardly sees the sources.

    Parameters
    ----------
    seed : int
        Of the noise and of the lost frames.
    scan_seconds, gap_seconds : int
        Length of each scan, and time between scans, s.
    n_stations, n_scans, n_bands : int
        2 to 6 stations; scans take turns on two sources; 1, 2 or 4 bands, of which the third (or the second of two)
        is a lower sideband.
    bandwidth : float
        Of each band, Hz.
    n_channels : int or None
        Channels of a band; None takes as many as make a transform last 250 µs. Shorter transforms would pull the
        measured delay towards zero: by its 0.2 / `n_channels`, as every FX correlator does.
    polarizations : str
        ``"RL"``, ``"R"`` or ``"L"``.
    weak_snr : float
        Signal-to-noise ratio that the weak station reaches with AL in one scan, band and parallel hand
        (coefficient · √(2·bandwidth·time)).
    threads : int
        Threads of the core process.
    name : str
        Name of the pass; letters and digits.

    Returns
    -------
    Experiment

    Raises
    ------
    ValueError
        Where DiFX could not correlate such an experiment.
    """
    if not 2 <= n_stations <= len(_STATIONS):
        raise ValueError(f"n_stations is 2 to {len(_STATIONS)}, not {n_stations}")
    scans = tuple(
        Scan(f"No{i + 1:04d}", i * (scan_seconds + gap_seconds), scan_seconds, i % len(SOURCES))
        for i in range(n_scans)
    )
    experiment = Experiment(
        stations=_STATIONS[:n_stations],
        sources=SOURCES,
        scans=scans,
        bands=_bands(n_bands, bandwidth),
        name=name,
        seed=seed,
        polarizations=polarizations,
        n_channels=n_channels if n_channels is not None else max(1, round(bandwidth * _TRANSFORM_S)),
        cores=(threads,),
    )
    return _with_faults(experiment, weak_snr)


def small_experiment(*, seed: int = 1, scan_seconds: int = 2) -> Experiment:
    """Compose a small one for tests: about 6 MB, two scans of two integrations, two bands, four products."""
    return default_experiment(
        seed=seed, scan_seconds=scan_seconds, gap_seconds=2, n_bands=2, bandwidth=0.256e6
    )


def _bands(n_bands: int, bandwidth: float) -> tuple[Band, ...]:
    if n_bands not in (1, 2, 4):
        raise ValueError(
            f"n_bands is 1, 2 or 4 (a VDIF frame holds a power of two of channels), not {n_bands}"
        )
    chosen = {1: _EDGES_MHZ[:1], 2: _EDGES_MHZ[0:3:2], 4: _EDGES_MHZ}[n_bands]
    return tuple(Band(edge * 1e6, bandwidth, sideband) for edge, sideband in chosen)


def _with_faults(experiment: Experiment, weak_snr: float) -> Experiment:
    """Let station BO lose frames, AL mark some as invalid, and CE be nearly blind."""
    first, second, *others = experiment.stations
    duration = experiment.scans[0].duration_s
    invalid = (Gap(0, 0.6 * duration, 0.6 * duration + 0.03),)
    outage = Gap(0, 0.3 * duration, 0.3 * duration + 0.25)
    second = replace(
        second,
        data_format="INTERLACEDVDIF/0",
        missing=(outage, *_single_losses(experiment, len(experiment.scans) - 1)),
    )
    if others:
        seconds = 2 * experiment.bandwidth_hz * duration
        needed = (weak_snr / QUANTISATION_EFFICIENCY) ** 2 / (seconds * first.common_power)
        others[0] = replace(others[0], common_power=min(needed, others[0].common_power))
    return replace(experiment, stations=(replace(first, invalid=invalid), second, *others))


def _single_losses(experiment: Experiment, scan: int) -> list[Gap]:
    """Single frames lost here and there in a scan, about one in fifty."""
    frames = experiment.scans[scan].duration_s * experiment.frames_per_second
    lost = random.Random(experiment.seed).sample(range(frames), max(1, frames // 50))
    frame_s = 1 / experiment.frames_per_second
    return [Gap(scan, frame * frame_s, (frame + 1) * frame_s) for frame in sorted(lost)]
