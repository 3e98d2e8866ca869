# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs that were attached to a job which is long gone: a real server's log never says that it was stopped."""

from __future__ import annotations

from pathlib import Path

from tests.aio.stage import job_at, place, stage, until_state
from tests.client.peers import patience_for
from tests.jobs_to_run import put

STAMP = "Thu Mar 12 10:20:31 2015   0 head"


async def test_a_job_that_was_killed_long_ago_can_be_started_after_a_stop(tmp_path: Path, made: Path) -> None:
    """15, state after a stop: status still says Running; seen with a real guiServer 2.9."""
    path = put(made, "short", tmp_path.resolve())
    path.with_suffix(".difxlog").write_text(f"{STAMP}  STATUS Starting  \n{STAMP}  STATUS Running  \n")
    async with (
        stage(tmp_path, "endless", "2.9") as server,
        job_at(path, server.port, patience=patience_for("2.9")) as (difx, job),
    ):
        await place(job)
        attached = await job.attach()
        assert not attached.done
        assert "its log ends with Running" in attached.outcome_evidence
        await job.stop()
        run = await job.start()
        await until_state(difx)
        assert not run.done
        await run.stop()
