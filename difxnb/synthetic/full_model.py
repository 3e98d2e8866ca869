# SPDX-License-Identifier: GPL-3.0-or-later
"""The delay model of a made-up experiment as a real delay calculator would compute it for its job.

:mod:`.sky` is plain geometry. A job that is made again from the schedule has the full model (aberration, relativity,
tides, air), which is microseconds away from it, each scan by others: recordings that such jobs are to correlate are
made with this one.
"""

from __future__ import annotations

from pathlib import Path

from difxnb.formats.im import Im
from difxnb.geometry.delay_model import delay_model
from difxnb.synthetic.experiment_model import Experiment
from difxnb.synthetic.job_files import job_calc


def full_delay_model(experiment: Experiment, directory: str | Path) -> Im:
    """Compute the model of the whole job, as of its ``.calc``.

    Parameters
    ----------
    experiment : Experiment
        Its stations stand at their places of the schedule, with its made-up Earth orientation.
    directory : path-like
        Where its job is, or will be; nothing is read or written there.
    """
    return delay_model(job_calc(experiment, Path(directory)))
