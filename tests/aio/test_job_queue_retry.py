# SPDX-License-Identifier: GPL-3.0-or-later
"""What a queue does by itself: several jobs at once, again after a failure, then without a station, then stop."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pandas as pd
import pytest

from difxnb import aio
from difxnb.aio.job_queue import JobQueue
from difxnb.aio.job_queue_rebuild import OncePerSeries, rebuild_from_joblist
from difxnb.errors import NothingMade
from difxnb.queue import Blame, DiskLow, QueueEntry, QueueLimits, QueueState, RetryPolicy, Seen, WeightsLow
from difxnb.server.gui_server import GuiServer
from tests.aio.stage import stage, until_true
from tests.client.peers import ROBUST
from tests.queued_jobs import MACHINES, put_named

RUNNING = QueueState.RUNNING
AT_ONCE = RetryPolicy(again=1, wait=0.0)


@asynccontextmanager
async def queue_at(
    tmp_path: Path, made: Path, behaviour: str, *names: str
) -> AsyncIterator[tuple[aio.Correlator, list[str]]]:
    paths = put_named(made, "short", tmp_path.resolve(), *names)
    async with (
        stage(tmp_path, behaviour) as server,
        aio.connect("127.0.0.1", server.port, patience=ROBUST) as difx,
    ):
        difx.queue.desk.tick = 0.05
        yield difx, paths


def states(difx: aio.Correlator) -> list[str]:
    return [str(row.state) for row in difx.queue.rows]


async def test_the_higher_priority_goes_first_and_several_run_at_once(tmp_path: Path, made: Path) -> None:
    async with queue_at(tmp_path, made, "patient", "one", "two", "three") as (difx, paths):
        await difx.queue.pause()
        for priority, path in enumerate(paths):
            await difx.queue.add(path, machines=MACHINES, priority=priority)
        assert difx.queue.frame()["job"].tolist() == ["three", "two", "one"]
        difx.queue.limits = QueueLimits(at_once=2)
        await difx.queue.resume()
        await until_true(lambda: states(difx) == ["running", "running", "waiting"])
        await difx.queue.pause()
        for path in paths[1:]:
            await difx.job(path).stop()
        await until_true(lambda: not any(row.state.is_under_way for row in difx.queue.rows))
        shown = await difx.queue.drop_over()
        assert shown["job"].tolist() == ["one"]
        assert difx.queue.frame(history=True)["job"].tolist() == ["two", "three", "one"]
        assert (await difx.queue.priority("one", 7))["priority"].tolist() == [7]


async def test_a_job_is_tried_again_then_made_without_a_station_then_left(tmp_path: Path, made: Path) -> None:
    """Every step is in the history, every output is still there."""
    async with queue_at(tmp_path, made, "dies", "one", "without", "last") as (difx, (one, without, last)):
        told: list[str] = []
        asked: list[tuple[str, tuple[str, ...]]] = []

        async def blame(run: aio.JobRun) -> Sequence[Blame]:
            return [Blame("BB", "weights", "2% of its data")]

        async def rebuild(input_file: str, stations: Sequence[str]) -> list[str]:
            asked.append((input_file, tuple(stations)))
            return [without]

        difx.queue.desk.blame, difx.queue.desk.rebuild, difx.queue.desk.tell = blame, rebuild, told.append
        await difx.queue.add(one, policy=AT_ONCE, session="i26327", priority=3)
        await until_true(lambda: difx.queue.rows[0].state.is_over)
        assert states(difx) == ["refused"], "without machines, which is nothing to try again"
        for path in (one, without):
            await difx.job(path).set_machines(**MACHINES)
        await difx.queue.retry("one")
        await until_true(lambda: difx.queue.paused and all(row.state.is_over for row in difx.queue.rows))
        assert asked == [(one, ("BB",))]
        frame = difx.queue.frame()
        assert frame["job"].tolist() == ["one", "without"]
        assert frame["tries"].tolist() == [2, 2]
        assert frame["session"].tolist() == ["i26327"] * 2
        assert frame["priority"].tolist() == [3, 3]
        assert "made again without BB" in frame["why"][0]
        assert "try 1: " in frame["why"][1]
        assert "try 2: " in frame["why"][1]
        assert told == ["without has failed and is not tried again; see to it, then resume the queue"]
        history = difx.queue.history()
        mine = history[history["job"] == "without"]
        assert mine["what"].tolist() == [
            *("added", "started", "accepted", "ended", "retried"),
            *("started", "noted", "accepted", "ended", "noted"),
        ]
        assert mine["of"].tolist()[0] == one
        assert "in place of one, without BB: " in mine["why"].tolist()[0]
        await difx.queue.add(last, machines=MACHINES)
        assert states(difx)[-1] == "waiting", "the queue holds"
        await difx.queue.resume()
        await until_true(lambda: difx.queue.rows[-1].state.is_over)
        with pytest.raises(ValueError, match="no job 'none'"):
            await difx.queue.retry("none")


async def test_where_nobody_can_make_it_again_the_queue_stops_and_tells(tmp_path: Path, made: Path) -> None:
    async with queue_at(tmp_path, made, "dies", "one", "two_1") as (difx, (one, two)):

        async def blame(run: aio.JobRun) -> Sequence[Blame]:
            return [Blame("BB", "weights")]

        async def rebuild(input_file: str, stations: Sequence[str]) -> list[str]:
            raise NothingMade("vex2difx is on holiday")

        queue = difx.queue
        queue.desk.blame = blame
        policy = RetryPolicy(again=0)
        await queue.add(one, machines=MACHINES, policy=policy)
        await until_true(lambda: queue.paused)
        assert "one has no number" in queue.rows[0].why
        await queue.add(two, machines=MACHINES, policy=policy)
        await queue.resume()
        await until_true(lambda: queue.paused)
        assert "two.joblist" in queue.rows[1].why
        queue.desk.rebuild = rebuild
        await queue.add(one, machines=MACHINES, policy=policy, overwrite=True)
        await queue.resume()
        await until_true(lambda: queue.paused)
        assert "on holiday" in queue.rows[1].why


async def test_a_job_that_stalls_is_stopped_and_counts_as_failed(tmp_path: Path, made: Path) -> None:
    (one,) = put_named(made, "short", tmp_path.resolve(), "one")
    silent = [sys.executable, "-S", "-E", "-c", "import time; time.sleep(60)"]
    server = GuiServer(tmp_path.resolve(), correlator=lambda launch, root: silent)
    await server.start()
    try:
        async with aio.connect("127.0.0.1", server.port, patience=ROBUST) as difx:
            policy = RetryPolicy(again=0, without_station=False)
            await difx.queue.add(one, machines=MACHINES, policy=policy, stall_after=0.3)
            await until_true(lambda: difx.queue.rows[0].state.is_over)
            assert states(difx) == ["failed"]
            assert "stalled: no progress for" in difx.queue.rows[0].why
            assert difx.queue.paused
    finally:
        await server.close()


class _Flag:
    """A condition that does as it is told."""

    id = "flag"

    def __init__(self) -> None:
        self.why: str | None = "so it is"

    def holds(self, seen: Seen, now: float) -> str | None:
        return self.why


async def test_conditions_suspend_and_the_queue_goes_on_by_itself(tmp_path: Path, made: Path) -> None:
    async with queue_at(tmp_path, made, "integrates", "one", "two") as (difx, (one, two)):
        flag = _Flag()
        shown = await difx.queue.suspend(flag)
        assert shown.loc[0, ["id", "holds", "why"]].tolist() == ["flag", True, "so it is"]
        await difx.queue.add(one, machines=MACHINES)
        assert states(difx) == ["waiting"]
        assert difx.queue.why_suspended == "so it is"
        assert not difx.queue.paused
        assert [action.why for action in difx.queue.actions()] == ["so it is"]
        flag.why = None
        await until_true(lambda: states(difx) == ["done"])
        assert difx.queue.conditions["holds"].tolist() == [False]
        history = difx.queue.history()
        assert history[history["of"] == "flag"]["what"].tolist() == ["suspended", "resumed"]
        await difx.queue.suspend(DiskLow(1.0, str(tmp_path)))
        await difx.queue.add(two, machines=MACHINES)
        assert "disk low" in difx.queue.why_suspended
        with pytest.raises(ValueError, match="no condition 'rain'"):
            await difx.queue.resume("rain")
        await difx.queue.resume(f"disk low {tmp_path}")
        await until_true(lambda: states(difx) == ["done", "done"])


async def test_low_weights_of_a_job_that_runs_hold_the_next_one(tmp_path: Path, made: Path) -> None:
    async with queue_at(tmp_path, made, "patient", "one", "two") as (difx, (one, two)):
        await difx.queue.suspend(WeightsLow("BB", 0.85, 0.0))
        await difx.queue.add(one, machines=MACHINES)
        await difx.queue.add(two, machines=MACHINES)
        await until_true(lambda: "weights low: BB" in difx.queue.why_suspended)
        await difx.job(one).stop()
        await until_true(lambda: difx.queue.rows[0].state.is_over)
        assert states(difx)[1] == "waiting", "nothing better was seen"
        await difx.queue.resume("weights low BB")
        await until_true(lambda: difx.queue.rows[1].state is RUNNING)
        await difx.job(two).stop()


async def test_hosts_and_lengths_of_jobs_are_looked_up_where_limits_ask_for_them(
    tmp_path: Path, made: Path
) -> None:
    async with queue_at(tmp_path, made, "patient", "one", "two", "three") as (difx, (one, two, three)):
        queue = difx.queue
        queue.limits = QueueLimits(at_once=3, per_node=3)
        for path in (one, two):
            await difx.job(path).set_machines(**MACHINES)
            await queue.add(path)
        await until_true(lambda: states(difx) == ["running"] * 2)
        assert [sorted(fact.hosts) for fact in queue.desk.facts.values()] == [["localhost"]] * 2
        queue.limits = QueueLimits(at_once=3, per_node=2)
        await queue.add(three, machines=MACHINES)
        assert "2 jobs run on localhost already" in queue.actions()[-1].text
        await difx.job(one).stop()
        await until_true(lambda: queue.rows[2].state is RUNNING)
        queue.limits = QueueLimits(longest=0.5)
        for path in (two, three):
            await difx.job(path).stop()
        await until_true(lambda: all(row.state.is_over for row in queue.rows))
        await queue.add(one, machines=MACHINES, overwrite=True)
        await until_true(lambda: "1 s observed" in queue.actions()[-1].text)


JOBS = "{} 61000.{} 61000.{} 2 0 1 0 0 # AA BB\n"


async def test_the_job_in_whose_place_another_was_made_is_found_by_its_list() -> None:
    """By its time: where scans had only the station that is left out, the numbers of all later jobs are others."""
    head = "exper=TEST v2d=exp.v2d pass=exp mjd=61000.0 DiFX=DIFX vex2difx=2.9\n"
    times = ((100, 110), (110, 120), (120, 130))
    old = "".join(JOBS.format(f"exp_{number}", *span) for number, span in enumerate(times, 1))
    new = (
        JOBS.format("exp-2_1", 110, 120) + JOBS.format("exp-2_2", 121, 125) + JOBS.format("exp-2_3", 125, 130)
    )
    files = {
        "/data/exp.joblist": head + old,
        "/data/exp-2.joblist": head.replace("exp.v2d", "exp-2.v2d") + new,
    }
    asked: list[tuple[str, list[str]]] = []
    made = [f"/data/exp-2_{number}.input" for number in (1, 2, 3)]

    async def get_file(path: str) -> bytes:
        return files[path].encode()

    async def rebuild_without(v2d: str, stations: Sequence[str]) -> pd.DataFrame:
        asked.append((v2d, list(stations)))
        return pd.DataFrame({"input": made})

    async def found(input_file: str) -> list[str]:
        return await rebuild_from_joblist(get_file, rebuild_without, input_file, ["BB"])

    assert await found("/data/exp_2.input") == made[:1]
    assert asked == [("/data/exp.v2d", ["BB"])]
    assert await found("/data/exp_3.input") == made[1:], "one job may become two"
    with pytest.raises(NothingMade, match="none at the time of exp_1"):
        await found("/data/exp_1.input")
    with pytest.raises(NothingMade, match="does not say when exp_4 was"):
        await found("/data/exp_4.input")
    del made[1:]
    assert await found("/data/exp_2.input") == await found("/data/exp_4.input") == made
    with pytest.raises(NothingMade, match="1 job was made"):
        await found("/data/exp_3.input")
    with pytest.raises(ValueError, match="has no number"):
        await found("/data/exp.input")
    files["/data/exp.joblist"] = "exper=TEST v2d=../../etc/x pass=exp\n"
    with pytest.raises(ValueError, match="does not say"):
        await found("/data/exp_1.input")


async def test_a_series_is_made_again_once_for_all_of_its_jobs_that_fail(tmp_path: Path, made: Path) -> None:
    """Also for whoever goes on with the file; a job that stands for two is started once."""
    root, file = tmp_path.resolve(), tmp_path / "queue.sqlite"
    paths = put_named(
        made, "short", root, *(f"{series}_{k}" for series in ("exp", "exp-2") for k in (1, 2, 3))
    )
    old, new, made_of = paths[:3], paths[3:], list[tuple[str, list[str]]]()
    head = "exper=TEST v2d={}.v2d pass=x mjd=61000.0 DiFX=DIFX vex2difx=2.9\n"
    for series in ("exp", "exp-2"):
        jobs = "".join(JOBS.format(f"{series}_{k}", 100 + 10 * k, 110 + 10 * k) for k in (1, 2, 3))
        if series == "exp-2":  # without a station the second and third became one
            jobs = JOBS.format("exp-2_1", 110, 120) + JOBS.format("exp-2_2", 120, 140)
        (root / f"{series}.joblist").write_text(head.format(series) + jobs)
    (root / "exp.v2d").write_text("vex = exp.vex\n")
    (root / "exp.vex").write_text("VEX_rev = 1.5;\n")

    async def rebuild_without(v2d: str, stations: Sequence[str]) -> pd.DataFrame:
        made_of.append((v2d, list(stations)))
        return pd.DataFrame({"input": new[:2]})

    def once(difx: aio.Correlator) -> OncePerSeries:
        store = difx.queue.desk.store
        return OncePerSeries(
            difx.get_file,
            rebuild_without,
            lambda: store.setting("rebuilt"),
            lambda made: store.put_setting("rebuilt", made),
        )

    async def blame(run: aio.JobRun) -> Sequence[Blame]:
        return [Blame("BB", "weights")]

    async with stage(tmp_path, "dies") as server:
        for failing in (old[:2], old[2:]):
            async with aio.connect("127.0.0.1", server.port, patience=ROBUST) as difx:
                queue = difx.queue
                queue.desk.blame = blame
                await queue.keep(file)
                queue.desk.rebuild = partial(rebuild_from_joblist, difx.get_file, once(difx))
                await queue.resume()
                for path in failing:
                    await queue.add(path, machines=MACHINES, policy=RetryPolicy(again=0), priority=1)
                    await _until_made_again(queue, path)
                await queue.pause()
                shown = queue.frame()["job"].tolist()
                assert [name for name in shown if name.startswith("exp-2")] == ["exp-2_1", "exp-2_2"]
        assert made_of == [(f"{root}/exp.v2d", ["BB"])]
        (root / "exp.vex").write_text("VEX_rev = 1.5; * another scan\n")
        async with aio.connect("127.0.0.1", server.port, patience=ROBUST) as difx:
            await difx.queue.keep(file)
            assert (await once(difx)(f"{root}/exp.v2d", ["BB"]))["input"].tolist() == new[:2]
            await once(difx)(f"{root}/exp.v2d", ["BB"])
            assert len(made_of) == 2, "of another schedule it is made anew"
            Path(new[0]).unlink()
            await once(difx)(f"{root}/exp.v2d", ["BB"])
            assert len(made_of) == 3, "what is gone is made anew"


async def _until_made_again(queue: JobQueue, path: str) -> None:
    def row() -> QueueEntry:
        return next(one for one in queue.rows if one.input_file == path)

    await until_true(lambda: "made again without BB: exp-2_" in row().why)
    assert row().state is QueueState.FAILED


async def test_a_queue_that_is_kept_looks_at_the_disk_by_itself(tmp_path: Path, made: Path) -> None:
    async with queue_at(tmp_path, made, "integrates", "one") as (difx, (one,)):
        difx.queue.limits = QueueLimits(disk_low=1.0)
        await difx.queue.keep(tmp_path / "queue.sqlite")
        shown = await difx.queue.add(one, machines=MACHINES)
        assert "disk low" in difx.queue.why_suspended
        assert "disk low" in shown.attrs["problems"]["kind"].tolist()
        assert difx.queue.conditions["holds"].tolist() == [True]
        difx.queue.limits = QueueLimits(disk_low=0.0)
        await until_true(lambda: states(difx) == ["done"])


async def test_what_cannot_be_written_holds_the_queue_and_is_not_lost(tmp_path: Path, made: Path) -> None:
    async with queue_at(tmp_path, made, "patient", "one", "two") as (difx, (one, two)):
        await difx.queue.keep(tmp_path / "queue.sqlite")
        await difx.queue.add(one, machines=MACHINES)
        await until_true(lambda: difx.queue.rows[0].state is RUNNING)
        await difx.queue.add(two, machines=MACHINES)
        database = difx.queue.desk.store._file
        database.execute(
            "PRAGMA query_only = ON"
        )  # as of a disk that was mounted again without leave to write
        await difx.job(one).stop()
        await until_true(lambda: difx.queue.rows[0].state.is_over)
        assert "cannot be read or written" in difx.queue.why_paused
        assert states(difx)[1] == "waiting"
        with pytest.raises(OSError, match="cannot be read or written"):
            await difx.queue.remove("two")
        database.execute("PRAGMA query_only = OFF")
        await until_true(lambda: difx.queue.desk.store.entries()[0].state.is_over)
        await difx.queue.resume()
        await until_true(lambda: difx.queue.rows[1].state is RUNNING)
        await difx.job(two).stop()


async def test_what_speaks_against_a_job_is_a_table(tmp_path: Path, made: Path) -> None:
    async with queue_at(tmp_path, made, "integrates", "one") as (difx, (one,)):
        queue, data = difx.queue, tmp_path.resolve()
        Path(one).write_text(Path(one).read_text().replace("/elsewhere", str(data)))
        found = await queue.validate(one)
        assert found.attrs["passed"]
        assert found["kind"].tolist() == ["no-machines"]
        assert (await queue.validate(one, MACHINES))["kind"].tolist() == ["other-threads-file"]
        wrong = await queue.validate(one, {**MACHINES, "datastreams": ["localhost"]})
        assert wrong["kind"].tolist() == ["machines"]
        assert not wrong.attrs["passed"]
        assert (await queue.validate(str(tmp_path / "none.input")))["kind"].tolist() == ["no input"]
        Path(one).with_suffix(".difx").mkdir()
        next(data.glob("*.vdif")).unlink()
        await queue.pause()
        shown = await queue.add(one, machines=MACHINES)
        assert {"output exists", "missing data"} <= set(shown.attrs["problems"]["kind"])
        assert "clash" in (await queue.validate(one))["kind"].tolist()
        (tmp_path / "bad.input").write_text("rubbish")
        assert (await queue.validate(tmp_path / "bad.input"))["kind"].tolist() == ["bad input"]
