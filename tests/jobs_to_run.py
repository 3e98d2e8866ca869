# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs for tests of the two faces: a short one with fringes, and one that runs for a while."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from tests.server.made_jobs import MadeJob

JOBS = {"short": MadeJob(seconds=1, pols="RL", products=4), "long": MadeJob(seconds=6)}


def write_jobs(folder: Path) -> None:
    """Write both, each into a directory of its name; all antennas record the same, so there are fringes."""
    for name, job in JOBS.items():
        codes = job.codes()
        codes[:] = codes[:1, :1]
        job.write(folder / name, codes)


def put(made: Path, name: str, root: Path) -> Path:
    """Give a test its own copy of a job; recordings are shared."""
    for file in (made / name).iterdir():
        if file.suffix == ".vdif":
            os.link(file, root / file.name)
        else:
            shutil.copy(file, root)
    return root / "job.input"
