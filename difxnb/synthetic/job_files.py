# SPDX-License-Identifier: GPL-3.0-or-later
"""The job: ``.input``, ``.calc``, ``.im``, ``.flag``, ``.machines``, ``.threads`` and ``.joblist`` of an experiment.

What vex2difx, the delay calculator and genmachines would make of the observing files of :mod:`.observing_files`
(``difx-files.md`` 3, 5, 6, 7, 9, 10).
"""

from __future__ import annotations

import itertools
from pathlib import Path

from difxnb.formats.calc import Calc, CalcScan, CalcTelescope, Source, write_calc
from difxnb.formats.flag import Flag, write_flag
from difxnb.formats.im import Im, write_im
from difxnb.formats.input import (
    Band,
    Baseline,
    BaselineFreq,
    Configuration,
    Datastream,
    Freq,
    Input,
    RecordedFreq,
    Rule,
    Telescope,
    write_input,
)
from difxnb.formats.joblist import JobEntry, JobList, write_joblist
from difxnb.formats.machines import write_machines, write_threads
from difxnb.synthetic.experiment_model import QUANTISATION_BITS, Experiment
from difxnb.synthetic.sky import earth_orientation, start_time
from difxnb.synthetic.station_model import Station

DIFX_VERSION = "DiFX-2.9.0"
MODE = "m1"
SETUP = "default"
HOST = "localhost"
DATA_BUFFER_FACTOR, NUM_DATA_SEGMENTS = 32, 8
_DAY_S = 86_400
_BYTES_PER_VISIBILITY, _RECORD_HEADER_BYTES = 8, 74


def write_job_files(experiment: Experiment, im: Im, directory: Path) -> list[Path]:
    """Write all files of the job but the recordings; give their paths, the ``.input`` first."""
    job = directory / experiment.job_name
    paths = {
        ext: job.with_suffix(f".{ext}") for ext in ("input", "calc", "im", "flag", "threads", "machines")
    }
    joblist = directory / f"{experiment.name}.joblist"
    write_input(job_input(experiment, directory), paths["input"])
    write_calc(job_calc(experiment, directory), paths["calc"])
    write_im(im, paths["im"])
    write_flag(job_flags(experiment), paths["flag"])
    write_threads(experiment.cores, paths["threads"])
    write_machines(machines(experiment), paths["machines"])
    write_joblist(job_list(experiment, directory), joblist)
    return [*paths.values(), joblist]


def job_input(experiment: Experiment, directory: Path) -> Input:
    """Describe the correlation."""
    job = directory / experiment.job_name
    pairs = list(itertools.combinations(range(len(experiment.stations)), 2))
    return Input(
        calc_filename=f"{job}.calc",
        threads_filename=f"{job}.threads",
        execute_time=experiment.duration_s,
        start_mjd=experiment.start_mjd,
        start_seconds=experiment.start_seconds,
        active_datastreams=len(experiment.stations),
        active_baselines=len(pairs),
        output_filename=f"{job}.difx",
        configurations=[_configuration(experiment, len(pairs))],
        rules=[Rule(config_name=f"{MODE}_{SETUP}")],
        freqs=[_freq(experiment, row) for row in range(len(experiment.bands))],
        telescopes=[_telescope(experiment, station) for station in experiment.stations],
        datastreams=[_datastream(experiment, row, directory) for row in range(len(experiment.stations))],
        data_buffer_factor=DATA_BUFFER_FACTOR,
        num_data_segments=NUM_DATA_SEGMENTS,
        baselines=[Baseline(a, b, _baseline_freqs(experiment)) for a, b in pairs],
    )


def _configuration(experiment: Experiment, n_baselines: int) -> Configuration:
    return Configuration(
        name=f"{MODE}_{SETUP}",
        int_time=float(experiment.integration_s),
        subint_ns=experiment.subint_ns,
        datastream_indices=list(range(len(experiment.stations))),
        baseline_indices=list(range(n_baselines)),
    )


def _freq(experiment: Experiment, row: int) -> Freq:
    band = experiment.bands[row]
    return Freq(
        freq_mhz=band.edge_hz / 1e6,
        bandwidth_mhz=band.bandwidth_hz / 1e6,
        sideband=band.sideband,
        num_channels=experiment.n_channels,
    )


def _telescope(experiment: Experiment, station: Station) -> Telescope:
    return Telescope(station.code, float(experiment.start_mjd), [station.clock_us, station.clock_rate_us_s])


def _datastream(experiment: Experiment, row: int, directory: Path) -> Datastream:
    polarizations = experiment.polarizations
    return Datastream(
        telescope_index=row,
        data_format=experiment.stations[row].data_format,
        quantisation_bits=QUANTISATION_BITS,
        frame_size=experiment.frame_bytes,
        phase_cal_int_mhz=tone_interval_mhz(experiment.stations[row]),
        recorded_freqs=[
            RecordedFreq(freq, num_pols=len(polarizations)) for freq in range(len(experiment.bands))
        ],
        bands=[Band(polarization, freq) for freq, polarization in experiment.channels],
        files=recordings(experiment, row, directory),
    )


def tone_interval_mhz(station: Station) -> float:
    """Distance of the pulse calibration tones to extract, MHz; 0 for none."""
    return station.pulse_cal.interval_hz / 1e6 if station.pulse_cal is not None else 0


def recordings(experiment: Experiment, station: int, directory: Path) -> list[str]:
    """Recordings of a station, in order of the scans."""
    return [
        str(directory / experiment.recording_name(station, scan)) for scan in range(len(experiment.scans))
    ]


def _baseline_freqs(experiment: Experiment) -> list[BaselineFreq]:
    channel = {pair: number for number, pair in enumerate(experiment.channels)}
    return [
        BaselineFreq(
            freq, [(channel[freq, product[0]], channel[freq, product[1]]) for product in experiment.products]
        )
        for freq in range(len(experiment.bands))
    ]


def job_calc(experiment: Experiment, directory: Path) -> Calc:
    """Describe antennas, sources and scans."""
    job = directory / experiment.job_name
    start = experiment.start_mjd + experiment.start_seconds / _DAY_S
    return Calc(
        job_id=1,
        job_start_mjd=start,
        job_stop_mjd=start + experiment.duration_s / _DAY_S,
        duty_cycle=_observed_s(experiment) / experiment.duration_s,
        obscode=experiment.name.upper(),
        difx_version=DIFX_VERSION,
        vex_file=str(directory / f"{experiment.name}.vex"),
        start_mjd=start,
        start_time=start_time(experiment),
        telescopes=[
            CalcTelescope(name=s.code, x=s.position_m[0], y=s.position_m[1], z=s.position_m[2])
            for s in experiment.stations
        ],
        sources=[Source(name=s.name, ra=s.ra_rad, dec=s.dec_rad) for s in experiment.sources],
        scans=[
            CalcScan(
                s.identifier,
                s.start_s,
                s.duration_s,
                MODE,
                pointing_source=s.source,
                phase_centers=[s.source],
            )
            for s in experiment.scans
        ],
        eops=earth_orientation(experiment),
        im_filename=f"{job}.im",
        flag_filename=f"{job}.flag",
    )


def job_flags(experiment: Experiment) -> list[Flag]:
    """Flag every antenna between the scans, where nothing was observed."""
    start = experiment.start_mjd + experiment.start_seconds / _DAY_S
    gaps = [(a.start_s + a.duration_s, b.start_s) for a, b in itertools.pairwise(experiment.scans)]
    return [
        Flag(start + stop / _DAY_S, start + begin / _DAY_S, antenna)
        for stop, begin in gaps
        for antenna in range(len(experiment.stations))
    ]


def machines(experiment: Experiment) -> list[str]:
    """Hosts of the processes: manager, a datastream for each station, the cores."""
    return [HOST] * (1 + len(experiment.stations) + len(experiment.cores))


def job_list(experiment: Experiment, directory: Path) -> JobList:
    """List the only job."""
    start = experiment.start_mjd + experiment.start_seconds / _DAY_S
    name = experiment.name
    header = {
        "exper": name.upper(),
        "v2d": f"{name}.v2d",
        "pass": name,
        "mjd": f"{start:.7f}",
        "DiFX": DIFX_VERSION,
        "vex2difx": "3.1.0",
        "vex": str(directory / f"{name}.vex"),
    }
    job = JobEntry(
        name=experiment.job_name,
        mjd_start=round(start, 7),
        mjd_stop=round(start + experiment.duration_s / _DAY_S, 7),
        n_antennas=len(experiment.stations),
        tera_ops=_tera_operations(experiment),
        out_size_mb=_output_bytes(experiment) // 10**6,
        antennas=[station.code for station in experiment.stations],
    )
    return JobList(header=header, jobs=[job])


def _observed_s(experiment: Experiment) -> int:
    return sum(scan.duration_s for scan in experiment.scans)


def _tera_operations(experiment: Experiment) -> float:
    """Rough work: a transform of each channel sample, and the products of each baseline, 10^12 operations."""
    samples = experiment.sample_rate_hz * _observed_s(experiment)
    n_stations = len(experiment.stations)
    station = (
        samples * experiment.recorded_channels * n_stations * 5 * (2 * experiment.n_channels).bit_length()
    )
    cross = (
        samples
        // 2
        * len(experiment.bands)
        * len(experiment.products)
        * n_stations
        * (n_stations - 1)
        // 2
        * 8
    )
    return float(f"{(station + cross) / 1e12:.4g}")


def _output_bytes(experiment: Experiment) -> int:
    """Size of the visibilities."""
    n_stations = len(experiment.stations)
    records = n_stations * (n_stations + 1) // 2 * len(experiment.bands) * len(experiment.products)
    record = _RECORD_HEADER_BYTES + _BYTES_PER_VISIBILITY * experiment.n_channels
    return records * record * _observed_s(experiment) // experiment.integration_s
