# SPDX-License-Identifier: GPL-3.0-or-later
"""A made-up but complete DiFX job with VDIF data.

A directory comes in, and an experiment goes out that is ready to be correlated, here or by the real DiFX: observing
files, job files, delay model, recordings, and in ``truth.json`` what the fringes must be.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from difxnb.errors import FileFormatError, OutputExists
from difxnb.synthetic.experiment import default_experiment, small_experiment
from difxnb.synthetic.experiment_model import Band, Experiment, Scan, SkySource
from difxnb.synthetic.faults import FAULTS, bad_experiment, healthy_experiment
from difxnb.synthetic.full_model import full_delay_model
from difxnb.synthetic.job_files import write_job_files
from difxnb.synthetic.made_before import take_recordings
from difxnb.synthetic.observing_files import write_observing_files
from difxnb.synthetic.sky import delay_model
from difxnb.synthetic.station_model import Carrier, Gap, PhaseJump, PulseCal, Station
from difxnb.synthetic.truth import (
    TRUTH_FILE,
    ExpectedFringe,
    Truth,
    expected_fringes,
    read_truth,
    write_truth,
)
from difxnb.synthetic.voltages import write_recordings

__all__ = [
    "FAULTS",
    "MODELS",
    "Band",
    "Carrier",
    "DemoFiles",
    "ExpectedFringe",
    "Experiment",
    "Gap",
    "PhaseJump",
    "PulseCal",
    "Scan",
    "SkySource",
    "Station",
    "Truth",
    "bad_experiment",
    "default_experiment",
    "expected_fringes",
    "full_delay_model",
    "healthy_experiment",
    "make_experiment",
    "read_truth",
    "small_experiment",
]


Model = Literal["plain", "full"]
MODELS: tuple[Model, ...] = get_args(Model)


@dataclass(frozen=True, slots=True)
class DemoFiles:
    """Where a demonstration is: its directory, the ``.input``, the ``.joblist``, ``truth.json``, and its plan."""

    directory: Path
    input_file: Path
    joblist: Path
    truth_file: Path
    experiment: Experiment


def make_experiment(
    directory: str | Path,
    *,
    seed: int = 1,
    experiment: Experiment | None = None,
    overwrite: bool = False,
    model: Model = "plain",
) -> DemoFiles:
    """Make a complete experiment.

    Where ``DIFXNB_DEMO_DATA`` names the directory of the same experiment, its recordings are copied and not
    computed.

    Parameters
    ----------
    directory : path-like
        Made if it does not exist. File names inside the job are absolute.
    seed : int
        Of the default experiment; the same seed gives the same files.
    experiment : Experiment, optional
        Another plan, for instance from :func:`default_experiment`; it brings its own seed.
    overwrite : bool
        Write into a directory that is not empty. Files are replaced only where they belong to an earlier demonstration,
        as its ``truth.json`` says; the output of correlating it is left alone.
    model : str
        Delay model with which the recordings are made, and which the job has: ``"plain"`` geometry of the rotating
        Earth, or the ``"full"`` one of :func:`difxnb.geometry.delay_model`. Jobs that are made again from the schedule
        find the fringes of the ``"full"`` one where ``truth.json`` says.

    Returns
    -------
    DemoFiles

    Raises
    ------
    OutputExists
        Where the directory is not empty, or holds files of the same names that are not a demonstration's.
    ValueError
        There is no such model.
    """
    if model not in MODELS:
        raise ValueError(f"model is one of {', '.join(MODELS)}, not {model!r}")
    experiment = experiment if experiment is not None else default_experiment(seed=seed)
    directory = Path(directory).resolve()
    files = _file_names(experiment)
    _make_room(directory, files, overwrite)
    write_truth(experiment, files, directory, complete=False)
    im = full_delay_model(experiment, directory) if model == "full" else delay_model(experiment)
    write_observing_files(experiment, directory)
    write_job_files(experiment, im, directory)
    if not take_recordings(experiment, directory):
        write_recordings(experiment, im, directory)
    truth_file = write_truth(experiment, files, directory, complete=True)
    return DemoFiles(
        directory=directory,
        input_file=directory / f"{experiment.job_name}.input",
        joblist=directory / f"{experiment.name}.joblist",
        truth_file=truth_file,
        experiment=experiment,
    )


def _file_names(experiment: Experiment) -> list[str]:
    """Names of all files of the demonstration."""
    of_pass = [f"{experiment.name}.{extension}" for extension in ("vex", "v2d", "joblist")]
    of_job = [
        f"{experiment.job_name}.{extension}"
        for extension in ("input", "calc", "im", "flag", "threads", "machines")
    ]
    stations, scans = range(len(experiment.stations)), range(len(experiment.scans))
    recorded = [experiment.recording_name(station, scan) for station in stations for scan in scans]
    return [*of_pass, *of_job, *recorded, TRUTH_FILE]


def _make_room(directory: Path, files: list[str], overwrite: bool) -> None:
    """Make the directory, and remove the files of an earlier demonstration if that is allowed."""
    directory.mkdir(parents=True, exist_ok=True)
    if not any(directory.iterdir()):
        return
    if not overwrite:
        raise OutputExists(
            f"{directory} is not empty; choose another directory, or overwrite=True to replace a demonstration in it"
        )
    ours = _earlier_files(directory)
    in_the_way = [name for name in files if name not in ours and (directory / name).exists()]
    if in_the_way:
        raise OutputExists(
            f"{directory} holds {', '.join(in_the_way)}, not written by a demonstration; choose another directory"
        )
    for name in ours:
        (directory / name).unlink(missing_ok=True)


def _earlier_files(directory: Path) -> list[str]:
    """Files that an earlier demonstration says it wrote; none where there was none."""
    try:
        named = read_truth(directory).files
    except (FileNotFoundError, FileFormatError):
        return []
    return [name for name in named if Path(name).name == name]
