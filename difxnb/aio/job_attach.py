# SPDX-License-Identifier: GPL-3.0-or-later
"""Attaching to a job that somebody else started, or that was started before this kernel.

In: a job. Out: a run of it, as far as messages, job status, log and output tell of it.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from difxnb.aio.job_run import OVER, JobRun
from difxnb.errors import RemoteFileNotFound

if TYPE_CHECKING:
    import pandas as pd

    from difxnb.aio.correlator import Correlator
    from difxnb.aio.job import Job

# A job that spoke so little ago lives.
_RECENT_S = 30.0


async def attach(job: Job, correlator: Correlator) -> JobRun:
    """Follow a job from now on; see `Job.attach`."""
    known = correlator.runs.get(job.input_file)
    if known is not None and not known.done:
        return known
    inp = await job.input()
    run = JobRun(job, correlator)
    heard = _recall(run, correlator.jobs.frame())
    search = run.look_for_outcome(inp, alive=heard and _speaks(run))
    try:
        await search.look()
        if not heard and search.finds_nothing:
            raise RemoteFileNotFound(
                f"there is nothing to attach to: {job.name} has no log on {correlator.address.host}, and nothing was "
                "heard of it; start it, or wait until it says something"
            )
    except BaseException:
        run.let_go()
        raise
    search.begin()
    correlator.tape.follow(run)
    correlator.runs.adopt(run)
    return run


def _recall(run: JobRun, jobs: pd.DataFrame) -> bool:
    """Tell a run what was heard of its job before; whether anything was."""
    job = run.job
    mine = jobs[(jobs["job"] == job.identifier) & jobs["input"].isin(["", job.input_file])]
    for row in mine.to_dict("records"):
        if row["state"] != "unknown":
            run.watch.recall(
                str(row["state"]),
                progress=float(row["progress"]),
                errors=int(row["errors"]),
                when=row["last_heard"].timestamp(),
            )
    return not mine.empty


def _speaks(run: JobRun) -> bool:
    return run.watch.state not in OVER and time.time() - run.watch.last_heard < _RECENT_S
