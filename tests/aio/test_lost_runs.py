# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs whose conversation broke: unknown only as long as it must be, found from what is left, and never guessed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from difxnb import aio
from difxnb.errors import ConnectionLost, NoReply
from difxnb.wire.job import JobId, JobOutcome
from difxnb.wire.packet import encode_int
from tests.aio.stage import Cable, job_at, place, stage, until_state, until_true
from tests.client.peers import ROBUST, patience_for, scripted
from tests.jobs_to_run import put

# A second of silence is long for a job that speaks every 10 ms, and short for a test.
SOON = replace(ROBUST, look=0.1, gone=1.0)


@asynccontextmanager
async def cabled(
    server_port: int, path: Path, **options: object
) -> AsyncIterator[tuple[Cable, aio.Correlator, aio.Job]]:
    cable = Cable(server_port)
    async with scripted(cable) as port, job_at(path, port, **{"patience": SOON, **options}) as (difx, job):
        await place(job)
        yield cable, difx, job


async def test_a_job_is_followed_beyond_the_loss_of_its_connection(tmp_path: Path, made: Path) -> None:
    """9.8: reconnected, it goes on being heard, and its end comes from messages and log."""
    path = put(made, "short", tmp_path.resolve())
    async with (
        stage(tmp_path, "patient", "real-name") as server,
        job_at(path, server.port) as (_, same_job),
        cabled(server.port, path) as (cable, difx, job),
    ):
        run = await job.start()
        await until_state(difx)
        waiting = asyncio.create_task(run.wait(60))
        cable.cut()
        await until_true(lambda: run.outcome is not None)
        assert run.outcome is JobOutcome.UNKNOWN
        assert not run.done
        assert "outcome unknown" in repr(run)
        await until_state(difx)
        assert run.outcome is None
        await same_job.stop()
        assert await waiting is JobOutcome.DONE
        assert run.outcome_evidence == "log: Done; messages: Done"
        assert (run.state, run.progress, run.done, run.silence) == ("Done", 1.0, True, None)
        assert run.latest_weights == {"AA": 0.9, "BB": 0.8}
        assert "lost" in run.events["event"].tolist()
        assert {"guiServer", "mpifxcorr", "difxnb"} == set(run.events["source"])


@pytest.mark.parametrize("quirks", ["2.9,late-log", "real-name,forgotten-jobs"])
async def test_a_job_that_ends_while_nobody_is_connected(tmp_path: Path, made: Path, quirks: str) -> None:
    """9.8: nothing of its end was heard; the log has it."""
    path = put(made, "short", tmp_path.resolve())
    patience = replace(SOON, settle=patience_for(quirks).settle)
    async with (
        stage(tmp_path, "integrates", quirks) as server,
        job_at(path, server.port, patience=patience_for(quirks)) as (other, _),
        cabled(server.port, path, patience=patience) as (cable, _, job),
    ):
        ended = asyncio.create_task(until_state(other, "Done"))
        run = await job.start()
        cable.cut(broken=True)
        await ended
        with pytest.raises(NoReply, match="not known yet whether job has ended"):
            await run.wait(0.05)
        assert run.outcome is JobOutcome.UNKNOWN
        cable.broken = False
        assert await run.wait(60) is JobOutcome.DONE
        assert run.outcome_evidence.startswith("log: Done")
        # The weights that nobody heard are in the log too.
        assert run.weights.sizes["time"] == 5
        assert run.latest_weights == {"AA": 0.9, "BB": 0.8}
        assert run.progress == 1.0


async def test_a_server_that_dies_before_it_says_how_the_job_ended(tmp_path: Path, made: Path) -> None:
    """H1: the terminal packet is lost with the connection; the outcome is found all the same."""
    path = put(made, "short", tmp_path.resolve())
    async with stage(tmp_path, "integrates", "2.9") as server:
        patience = replace(SOON, settle=0.1)
        async with cabled(server.port, path, patience=patience) as (cable, difx, job):
            cable.cut_before = encode_int(JobId.DIFX_COMPLETE)
            run = await job.start()
            assert await run.wait(60) is JobOutcome.DONE
            assert cable.cut_before == b""
            assert run.outcome_evidence.startswith("log: Done")
            assert difx.head_node.reconnections == 1
            assert (await job.start(overwrite=True)).outcome is None


async def test_a_job_that_dies_without_a_word_stays_unknown(tmp_path: Path, made: Path) -> None:
    """difxmessage.md 14.14: silence is no end. An old log that ends well is another run's."""
    path = put(made, "short", tmp_path.resolve())
    stamp = "Thu Mar 12 10:20:31 2015   0 head"
    path.with_suffix(".difxlog").write_text(f"{stamp}  STATUS Starting  \n{stamp}  STATUS Done  \n")
    async with (
        stage(tmp_path, "endless", "lost-stops,ignored-status,real-name") as server,
        job_at(path, server.port, patience=replace(ROBUST, gentle=0.1)) as (_, same_job),
        cabled(server.port, path) as (cable, difx, job),
    ):
        run = await job.start()
        await until_state(difx)
        cable.cut(broken=True)
        await same_job.stop()
        cable.broken = False
        assert await run.wait(60) is JobOutcome.UNKNOWN
        assert run.done
        assert "its log ends with Running at" in run.outcome_evidence
        assert "nothing was heard of it for" in run.outcome_evidence
        assert repr(run) == "<JobRun of job: unknown>"
        # It is listened to for ever: what shows signs of life again is not over.
        again = await same_job.start(overwrite=True)
        await until_true(lambda: run.outcome is None)
        await again.stop()


async def test_stopping_what_was_lost(tmp_path: Path, made: Path) -> None:
    """7.5: the new connection did not start it; it is asked, killed, and watched."""
    path = put(made, "short", tmp_path.resolve())
    quirks = "lost-stops,ignored-status,real-name"
    async with (
        stage(tmp_path, "endless", quirks) as server,
        cabled(server.port, path, patience=replace(SOON, gentle=0.1)) as (cable, difx, job),
    ):
        run = await job.start()
        await until_state(difx)
        cable.cut()
        await until_true(lambda: run.search is not None)
        await until_state(difx)
        await run.stop()
        assert (run.outcome, run.done) == (JobOutcome.STOPPED, True)
        assert "until it was stopped from here" in run.outcome_evidence
        assert await run.wait(10) is JobOutcome.STOPPED
        await run.stop()


async def test_closing_before_the_outcome_is_found(tmp_path: Path, made: Path) -> None:
    path = put(made, "short", tmp_path.resolve())
    async with (
        stage(tmp_path, "endless", "real-name") as server,
        cabled(server.port, path) as (cable, difx, job),
    ):
        run = await job.start()
        await until_state(difx)
        waiting = asyncio.create_task(run.wait(60))
        cable.cut(broken=True)
        await until_true(lambda: run.search is not None)
        await difx.close()
        with pytest.raises(ConnectionLost, match="closed here before the outcome was found"):
            await waiting
        assert run.outcome is JobOutcome.UNKNOWN


async def test_closing_in_the_middle_of_a_job(tmp_path: Path, made: Path) -> None:
    path = put(made, "short", tmp_path.resolve())
    async with stage(tmp_path, "endless") as server, job_at(path, server.port) as (difx, job):
        await place(job)
        run = await job.start()
        waiting = asyncio.create_task(run.wait(60))
        await until_state(difx)
        await difx.close()
        with pytest.raises(ConnectionLost, match=r"closed here|given up here"):
            await waiting


async def test_a_stall_is_seen_and_noted(tmp_path: Path, made: Path) -> None:
    """The watchdog: a row while it lasts, two when it is over, and it can be read off the run."""
    path = put(made, "short", tmp_path.resolve())
    patience = replace(SOON, fence=0.5)
    async with (
        stage(tmp_path, "endless") as server,
        cabled(server.port, path, patience=patience) as (cable, difx, job),
    ):
        run = await job.start(stall_after=0.3)
        await until_state(difx)
        assert run.silence is not None
        assert not run.stalled
        assert "stalled" not in run.events["event"].tolist()
        cable.silent = True
        await until_true(lambda: run.stalled)
        assert run.silence > 0.25
        assert "stalled" in repr(run)
        (stalled,) = run.events[run.events["event"] == "stalled"]["severity"]
        assert stalled == "WARNING"
        assert run.outcome is None


async def test_another_job_over_the_same_connection(tmp_path: Path, made: Path) -> None:
    """H1: the server that dies after one job takes the conversation about the other with it, and no more."""
    path = put(made, "short", tmp_path.resolve())
    second = path.with_name("other.input")
    second.write_bytes(path.read_bytes())
    patience = replace(SOON, settle=0.1)
    quirks = "2.9,-lost-stops,dies-after-job"
    async with (
        stage(tmp_path, "patient", quirks) as server,
        job_at(path, server.port, patience=patience) as (difx, job),
    ):
        other = difx.job(str(second))
        await place(job)
        await place(other)
        run, beside = await job.start(), await other.start()
        await until_state(difx)
        await run.stop()
        assert await run.wait(30) is JobOutcome.STOPPED
        await until_true(lambda: beside.search is not None)
        await until_true(lambda: beside.outcome is None)
        await beside.stop()
        assert await beside.wait(30) is JobOutcome.DONE
        assert "messages: Done" in beside.outcome_evidence


async def test_a_log_that_cannot_be_read(tmp_path: Path, made: Path) -> None:
    """What was heard is taken then, and it is said that the log was not asked."""
    path = put(made, "short", tmp_path.resolve())
    async with (
        stage(tmp_path, "patient", "real-name") as server,
        cabled(server.port, path) as (cable, difx, job),
    ):
        run = await job.start()
        await until_state(difx)
        cable.cut()
        await until_true(lambda: run.search is not None)
        await until_state(difx)
        log = path.with_suffix(".difxlog")
        log.unlink()
        log.mkdir()
        await difx.head_node.ask_to_stop(str(path))
        assert await run.wait(30) is JobOutcome.DONE
        assert run.outcome_evidence.startswith("messages: Done; not compared with its log: ")
        assert "directory" in run.outcome_evidence
