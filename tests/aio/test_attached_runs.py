# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs that were attached to: started elsewhere, or before this kernel, or long gone."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from difxnb.aio.run_history import not_heard
from difxnb.aio.run_watch import Row
from difxnb.errors import RemoteFileNotFound
from difxnb.wire.job import JobOutcome
from tests.aio.stage import job_at, place, stage, until_state, until_true
from tests.client.peers import ROBUST, own_server, patience_for
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
        assert (attached.done, attached.outcome) == (True, JobOutcome.UNKNOWN)
        assert await attached.wait(10) is JobOutcome.UNKNOWN
        run = await job.start()
        await until_state(difx)
        assert not run.done
        await run.stop()


async def test_a_job_that_somebody_else_runs(tmp_path: Path, made: Path) -> None:
    """State, progress, weights and outcome from its messages alone; waited for like any other."""
    path = put(made, "short", tmp_path.resolve())
    async with (
        stage(tmp_path, "patient", "2.9,-lost-stops") as server,
        job_at(path, server.port, patience=patience_for("2.9")) as (_, job),
        job_at(path, server.port, patience=patience_for("2.9")) as (difx, same_job),
        contextlib.AsyncExitStack() as ending,
    ):
        await place(job)
        run = await job.start()
        ending.push_async_callback(
            difx.head_node.ask_to_stop, str(path)
        )  # also of a test that fails: leaving waits
        await until_state(difx)
        attached = await same_job.attach()
        assert attached is await difx.job(str(path)).attach()
        assert run is await job.attach()
        await until_true(lambda: attached.progress > 0.89)
        assert (attached.outcome, attached.state, attached.done) == (None, "Running", False)
        assert attached.silence is not None
        assert attached.latest_weights == {"AA": 0.9, "BB": 0.8}
        assert set(attached.events["source"]) == {"mpifxcorr"}
        assert repr(attached) == "<JobRun of job: Running, 90 %>"
        waiting = asyncio.create_task(attached.wait(60))
        await difx.head_node.ask_to_stop(str(path))  # a patient job is done then
        assert await waiting is JobOutcome.DONE
        assert "messages: Done" in attached.outcome_evidence
        assert await run.wait(30) in (JobOutcome.DONE, JobOutcome.STOPPED)
        # Attached to once more, it is known what this connection has heard.
        again = await same_job.attach()
        assert again is not attached
        assert (again.outcome, again.done, again.state) == (JobOutcome.DONE, True, "Done")


def test_what_was_heard_and_is_in_the_log_is_told_once() -> None:
    """Times of a log are whole seconds, and so is the clock that they are held against."""
    heard = pd.DataFrame({"time": pd.to_datetime([1e9, 1e9 + 1], unit="s"), "text": ["Starting", "Running"]})

    def row(seconds: float, text: str) -> Row:
        return (seconds, "difxlog", "state", None, text)

    before, apart = row(1e9 - 0.5, "Spawning"), row(1e9 - 60, "Starting")
    logged = [apart, before, row(1e9 - 0.9, "Starting"), row(1e9 - 0.1, "Running"), row(1e9 + 1, "Done")]
    assert not_heard(logged, heard) == [apart, before]


async def test_a_job_that_has_ended_before_anybody_came(tmp_path: Path, made: Path) -> None:
    """Outcome, weights and what happened, all from the log of a real server."""
    path = put(made, "short", tmp_path.resolve())
    async with own_server(tmp_path, "2.9") as server:
        async with job_at(path, server.port, patience=patience_for("2.9")) as (_, job):
            await place(job)
            run = await job.start()
            await run.wait(60)
            heard = run.weights
        async with job_at(path, server.port, patience=patience_for("2.9")) as (_, job):
            attached = await job.attach()
            assert await attached.wait(10) is JobOutcome.DONE
            assert attached.outcome_evidence == "log: Done"
            assert (attached.done, attached.progress, attached.state) == (True, 1.0, "Done")
            assert attached.weights.sizes == heard.sizes
            assert attached.weights["antenna"].values.tolist() == ["AA", "BB"]
            assert abs(attached.weights.values - heard.values).max() <= 0.005  # the log has two digits
            apart = pd.to_timedelta(attached.weights["time"].values - heard["time"].values)
            assert abs(apart.total_seconds()).max() < 0.02  # messages have 7 digits of a day
            events = attached.events
            assert events["source"].tolist() == ["difxlog"] * len(events)
            assert [text.partition(" ")[0] for text in events["text"]] == [
                "Starting",
                "Running",
                "Ending",
                "Done",
            ]
            now = pd.Timestamp.now("UTC").tz_localize(None)
            assert (abs((events["time"] - now).dt.total_seconds()) < 300).all()
            await attached.stop()


async def test_there_is_nothing_to_attach_to(tmp_path: Path, made: Path) -> None:
    path = put(made, "short", tmp_path.resolve())
    async with own_server(tmp_path) as server, job_at(path, server.port) as (difx, job):
        with pytest.raises(RemoteFileNotFound, match="nothing to attach to: job has no log"):
            await job.attach()
        assert difx.runs.values() == []
        with pytest.raises(RemoteFileNotFound, match=r"none\.input"):
            await difx.job(f"{tmp_path.resolve()}/none.input").attach()


async def test_a_log_of_the_run_before(tmp_path: Path, made: Path) -> None:
    """8.2: states reach the log late, so it may still end with the run before; what is heard is newer."""
    path = put(made, "short", tmp_path.resolve())
    path.with_suffix(".difxlog").write_text(f"{STAMP}  STATUS Starting  \n{STAMP}  STATUS Done  \n")
    async with (
        stage(tmp_path, "endless", "2.9,late-log") as server,
        job_at(path, server.port, patience=patience_for("2.9")) as (_, job),
        job_at(path, server.port, patience=patience_for("2.9")) as (difx, same_job),
    ):
        await place(job)
        await job.start()
        await until_state(difx)
        attached = await same_job.attach()
        assert (attached.outcome, attached.done) == (None, False)
        await job.stop()


async def test_an_attached_job_is_stopped(tmp_path: Path, made: Path) -> None:
    path = put(made, "short", tmp_path.resolve())
    async with (
        stage(tmp_path, "endless", "2.9") as server,
        job_at(path, server.port, patience=patience_for("2.9")) as (_, job),
        job_at(path, server.port, patience=replace(patience_for("2.9"), gentle=0.2)) as (difx, same_job),
    ):
        await place(job)
        await job.start()
        await until_state(difx)
        attached = await same_job.attach()
        await until_state(difx)
        await attached.stop()
        assert attached.outcome is JobOutcome.STOPPED
        assert "stopped from here" in attached.outcome_evidence
        with pytest.raises(ValueError, match="stalls after"):
            await same_job.start(stall_after=-1.0)


async def test_equal_names_are_not_confused(tmp_path: Path, made: Path) -> None:
    """H27: messages that name another file are another job's."""
    paths = []
    for folder in ("one", "two"):
        (tmp_path.resolve() / folder).mkdir()
        paths.append(put(made, "short", tmp_path.resolve() / folder))
    paths[1].with_suffix(".difxlog").write_text(f"{STAMP}  STATUS Starting  \n{STAMP}  STATUS Running  \n")
    patience = replace(ROBUST, look=0.05, gone=0.3)
    async with (
        stage(tmp_path, "endless") as server,
        job_at(paths[0], server.port, patience=patience) as (difx, job),
    ):
        await place(job)
        run = await job.start()
        attached = await difx.job(str(paths[1])).attach()
        await until_state(difx)
        assert await attached.wait(30) is JobOutcome.UNKNOWN
        assert run.outcome is None
        await run.stop()
