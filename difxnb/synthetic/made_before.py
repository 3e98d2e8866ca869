# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a demonstration is made, and recordings made beforehand, with which it starts at once on a small machine."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

from difxnb.synthetic.experiment_model import Experiment
from difxnb.synthetic.truth import TRUTH_FILE

PLACE = "DIFXNB_DEMO_DATA"
"""Environment variable that names the directory of an experiment made before, by `make_experiment`."""


def free_name(directory: Path) -> Path:
    """The directory itself when nothing is there, else the first free one of ``directory-2``, ``-3``, …"""
    candidate, number = directory.resolve(), 1
    while candidate.exists():
        number += 1
        candidate = directory.resolve().with_name(f"{directory.name}-{number}")
    return candidate


def take_recordings(experiment: Experiment, directory: Path) -> bool:
    """Copy the recordings of an experiment made before, where it is the very same.

    Parameters
    ----------
    experiment : Experiment
        What is being made.
    directory : Path
        Where; its ``truth.json`` and its delay model are there already.

    Returns
    -------
    bool
        Whether the recordings are there now. Signals and noise follow from the plan, its seed and the delay model:
        an experiment with the same ``truth.json`` and the same ``.im`` has the same recordings.
    """
    before = os.environ.get(PLACE)
    if not before or not (Path(before) / TRUTH_FILE).is_file():
        return False
    if _plan(Path(before)) != _plan(directory) | {"complete": True}:
        return False
    if _model(Path(before), experiment) != _model(directory, experiment):
        return False
    for station in range(len(experiment.stations)):
        for scan in range(len(experiment.scans)):
            name = experiment.recording_name(station, scan)
            shutil.copyfile(Path(before) / name, directory / name)
    return True


def _plan(directory: Path) -> dict[str, Any]:
    plan: dict[str, Any] = json.loads((directory / TRUTH_FILE).read_text(encoding="ascii"))
    return plan


def _model(directory: Path, experiment: Experiment) -> bytes:
    path = directory / f"{experiment.job_name}.im"
    return path.read_bytes() if path.is_file() else b""
