# SPDX-License-Identifier: GPL-3.0-or-later
"""What correlation must find: the expected fringe of every baseline, scan, band and polarization product.

Written to ``truth.json`` and read back. Signs: a delay is positive where antenna 2 is late, and the visibility goes as
exp(+2πi ν τ) (``design.md`` 3); the phase is that at the middle of the band and of the scan.

What the correlator itself adds is not in the truth: mpifxcorr, and so the embedded one, takes the samples nearest to
the wanted time but turns them by the delay at the wanted time (``mpifxcorr-algorithm.md`` 2 and 3). With f the band
edge and D' the rate of the whole delay model, clock included, this puts a saw-tooth of at most π f abs(D') / (samples
per second) per station into the phase, which jumps back whenever the delay has moved by a sample, and D'² into the rate
in between: some 0.01 rad and 0.1 ps/s in the default experiment, whose samples are long. It averages out where the
delay moves by many samples within what is fitted.
"""

from __future__ import annotations

import dataclasses
import itertools
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from difxnb.errors import FileFormatError
from difxnb.synthetic.experiment_model import Experiment
from difxnb.synthetic.sampling import quantised_correlation
from difxnb.synthetic.station_model import Station

TRUTH_FILE = "truth.json"
MARKER = "difxnb demonstration"
STRONG_SNR = 10.0
_EXTRAORDINARY = (
    "pulse_cal",
    "carriers",
    "phase_jumps",
    "silent_bands",
    "swapped_polarizations",
    "level",
)
_CONVENTION = (
    "delay_s > 0: antenna 2 is late; V = S1 conj(S2) ~ exp(+2 pi i nu delay); phase_rad: of V at "
    "reference_frequency_hz, the middle of the band; delay_s and phase_rad hold at mid_scan_s seconds after the "
    "start of the job, elsewhere the delay is delay_s + delay_rate (t - mid_scan_s), and the phase turns by "
    "2 pi reference_frequency_hz delay_rate per second; the correlator takes whole samples, by which the phases of "
    "single integrations differ from this by up to pi f (abs(D1') + abs(D2')) / (samples per second), f being the "
    "band edge and D' the rates of the stations' delay models"
)


@dataclass(frozen=True, slots=True)
class ExpectedFringe:
    """The fringe that one product of a baseline shows in a scan.

    Attributes
    ----------
    antenna1, antenna2 : str
        Station codes, in the order of the visibility.
    scan, source : str
        Identifier of the scan, and what it observed.
    scan_index : int
        Row of the scan.
    band : int
        Row of the FREQ table.
    polarization : str
        ``"RR"``, ``"LL"``, ``"RL"``, ``"LR"``: of antenna 1 and antenna 2.
    delay_s, delay_rate : float
        s and s/s, at the middle of the scan; positive where antenna 2 is late.
    phase_rad : float
        At `reference_frequency_hz` (the middle of the band) and the middle of the scan, -π … π.
    mid_scan_s : float
        Middle of the scan, s after the start of the job.
    correlation : float
        Correlation coefficient V/√(A1 A2) of an integration: quantisation and the smearing by the rate included; 0
        where nothing can be seen, be it for a silent band or a delay longer than a transform.
    snr : float
        correlation · √(2·bandwidth·duration) of the whole scan, with nothing missing and no jump of phase.
    strong : bool
        Whether the fringe cannot be missed: `snr` of at least `STRONG_SNR`.
    """

    antenna1: str
    antenna2: str
    scan: str
    scan_index: int
    source: str
    band: int
    polarization: str
    delay_s: float
    delay_rate: float
    phase_rad: float
    reference_frequency_hz: float
    mid_scan_s: float
    correlation: float
    snr: float
    strong: bool

    def delay_at(self, seconds: float) -> float:
        """Delay so many seconds after the start of the job, s."""
        return self.delay_s + self.delay_rate * (seconds - self.mid_scan_s)

    def phase_at(self, seconds: float, frequency_hz: float | None = None) -> float:
        """Phase so many seconds after the start of the job, at the reference or another frequency, rad, -π … π."""
        frequency = self.reference_frequency_hz if frequency_hz is None else frequency_hz
        turns = frequency * self.delay_at(seconds) - self.reference_frequency_hz * self.delay_s
        return math.remainder(self.phase_rad + 2 * math.pi * turns, 2 * math.pi)


@dataclass(frozen=True, slots=True)
class Truth:
    """Content of a ``truth.json``.

    Attributes
    ----------
    job : str
        Name of the job.
    seed : int
        Of the noise.
    start_mjd, start_seconds : int
        Start of the job, UTC.
    complete : bool
        False while the experiment is being made.
    files : tuple of str
        Names of all files of the demonstration, without directory.
    fringes : tuple of ExpectedFringe
    """

    job: str
    seed: int
    start_mjd: int
    start_seconds: int
    complete: bool
    files: tuple[str, ...]
    fringes: tuple[ExpectedFringe, ...]


def expected_fringes(experiment: Experiment) -> list[ExpectedFringe]:
    """Compute the fringe of every scan, baseline, band and product, in this order."""
    stations = range(len(experiment.stations))
    return [
        _fringe(experiment, scan, pair, band, product)
        for scan in range(len(experiment.scans))
        for pair in itertools.combinations(stations, 2)
        for band in range(len(experiment.bands))
        for product in experiment.products
    ]


def _fringe(
    experiment: Experiment, scan: int, pair: tuple[int, int], band: int, product: str
) -> ExpectedFringe:
    one, two = (experiment.stations[row] for row in pair)
    heard = "".join(_heard(experiment, row, letter) for row, letter in zip(pair, product, strict=True))
    about, center = experiment.scans[scan], experiment.bands[band].center_hz
    middle = about.start_s + about.duration_s / 2
    delay = two.residual_s(middle, heard[1]) - one.residual_s(middle, heard[0])
    rate = two.residual_rate - one.residual_rate
    phase = 2 * math.pi * center * delay + one.signal_phase_rad(heard[0]) - two.signal_phase_rad(heard[1])
    common = math.sqrt(one.common_power * two.common_power)
    mixed = common if heard[0] == heard[1] else common * experiment.polarization_mixing
    smearing = _sinc(center * rate * experiment.integration_s)
    correlation = quantised_correlation(mixed, one.level, two.level) * smearing
    if (
        band in one.silent_bands + two.silent_bands
        or abs(delay) >= experiment.n_channels / experiment.bandwidth_hz
    ):
        correlation = 0.0
    snr = correlation * math.sqrt(2 * experiment.bandwidth_hz * about.duration_s)
    return ExpectedFringe(
        antenna1=one.code,
        antenna2=two.code,
        scan=about.identifier,
        scan_index=scan,
        source=experiment.sources[about.source].name,
        band=band,
        polarization=product,
        delay_s=delay,
        delay_rate=rate,
        phase_rad=math.remainder(phase, 2 * math.pi),
        reference_frequency_hz=center,
        mid_scan_s=middle,
        correlation=correlation,
        snr=snr,
        strong=snr >= STRONG_SNR,
    )


def _heard(experiment: Experiment, station: int, letter: str) -> str:
    """Polarization that a station records under a letter."""
    channel = experiment.polarizations.index(letter)
    return experiment.channels[experiment.received_channel(station, channel)][1]


def _sinc(turns: float) -> float:
    """What is left of a fringe that turns so often while it is integrated."""
    return math.sin(math.pi * turns) / (math.pi * turns) if turns else 1.0


def write_truth(experiment: Experiment, files: list[str], directory: Path, *, complete: bool) -> Path:
    """Write ``truth.json``: the expected fringes, the experiment itself, and which files belong to it."""
    content = {
        "made_by": MARKER,
        "complete": complete,
        "convention": _CONVENTION,
        "job": experiment.job_name,
        "seed": experiment.seed,
        "start_mjd": experiment.start_mjd,
        "start_seconds": experiment.start_seconds,
        "files": files,
        "experiment": _plan(experiment),
        "fringes": [dataclasses.asdict(fringe) for fringe in expected_fringes(experiment)],
    }
    path = directory / TRUTH_FILE
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="ascii")
    return path


def _plan(experiment: Experiment) -> dict[str, Any]:
    """The experiment as plain values; of what stations may have beyond the ordinary, only what they do have."""
    usual = {field.name: field.default for field in dataclasses.fields(Station)}
    plan = dataclasses.asdict(experiment)
    for station in plan["stations"]:
        for name in _EXTRAORDINARY:
            if station[name] == usual[name]:
                del station[name]
    return plan


def read_truth(path: str | Path) -> Truth:
    """Read a ``truth.json``.

    Parameters
    ----------
    path : path-like
        The file, or the directory of the demonstration.

    Raises
    ------
    FileNotFoundError
        Where there is none.
    FileFormatError
        Where it is not one of ours.
    """
    path = Path(path)
    path = path / TRUTH_FILE if path.is_dir() else path
    content = _content(path)
    try:
        return Truth(
            job=str(content["job"]),
            seed=int(content["seed"]),
            start_mjd=int(content["start_mjd"]),
            start_seconds=int(content["start_seconds"]),
            complete=bool(content["complete"]),
            files=tuple(str(name) for name in content["files"]),
            fringes=tuple(ExpectedFringe(**fringe) for fringe in content["fringes"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise FileFormatError(path, "", f"not the truth of a demonstration: {error}") from error


def _content(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise FileFormatError(path, "", f"not JSON: {error}") from error
    if not isinstance(content, dict) or content.get("made_by") != MARKER:
        raise FileFormatError(path, "", "not written by the demonstration")
    return content
