# SPDX-License-Identifier: GPL-3.0-or-later
"""Sessions that are cut off: killed before any line of the record and taken up again, they end the same."""

from __future__ import annotations

import asyncio
import sqlite3
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest

from difxnb import aio
from difxnb.errors import SessionNotDone
from difxnb.intensives import IntensiveRun, run_intensive
from difxnb.intensives.correlated import QUEUE
from difxnb.intensives.recipe import ClocksRecipe, QualityRecipe
from difxnb.intensives.run import STEPS
from difxnb.sessions import read_record
from difxnb.synthetic import default_experiment, make_experiment
from tests.client.peers import own_server

RECIPE = """\
name = "short"
schedule = "{root}/demo.vex"
v2d = "{root}/demo.v2d"
directory = "{root}/{{session}}"
newest = 0
wait_s = 0
look_s = 0
{more}
"""


class Killed(BaseException):
    """Nothing in the session handles this: it ends as if its process were gone."""


class Clock:
    """Gives the time until a line too many is to be written."""

    def __init__(self, lines: int) -> None:
        self.left = lines

    def __call__(self) -> float:
        self.left -= 1
        if self.left < 0:
            raise Killed
        return time.time()


@asynccontextmanager
async def connected(root: Path) -> AsyncIterator[aio.Correlator]:
    async with own_server(root) as server, aio.connect("127.0.0.1", server.port) as difx:
        yield difx


def put_down(root: Path, more: str = "") -> Path:
    """A small experiment, and a recipe for it."""
    experiment = default_experiment(
        n_stations=2, n_scans=1, scan_seconds=2, n_bands=1, bandwidth=0.256e6, polarizations="R"
    )
    make_experiment(root, experiment=experiment, model="full")
    recipe = root / "short.toml"
    recipe.write_text(RECIPE.format(root=root, more=more))
    return recipe


@pytest.mark.slow
def test_a_session_that_is_killed_before_every_line_ends_the_same(tmp_path: Path) -> None:
    """Each life writes two lines more than the one before and is then gone, connection and all."""
    root = tmp_path.resolve()
    recipe = put_down(root)

    async def main() -> IntensiveRun:
        # One server for all of them, so that what a life has begun goes on.
        async with own_server(root) as server:
            for _ in range(3 * len(STEPS)):
                async with aio.connect("127.0.0.1", server.port) as difx:
                    run = await run_intensive(
                        difx, recipe, session="one", directory=root / "record", now=Clock(2)
                    )
                    try:
                        await run.wait(timeout=60)
                    except Killed:
                        continue
                    return run
        raise AssertionError("it never came to its end")

    run = asyncio.run(main())
    frame = run.frame()
    assert frame["state"].tolist() == ["done"] * len(STEPS)
    lines = read_record(root / "record")
    done = lines.loc[lines["state"] == "done", "step"].tolist()
    assert done == [step.id for step in STEPS]  # each one once, in order
    jobs = sorted(path.name for path in (root / "one").glob("*.input"))
    assert jobs == ["one-search_1.input", "one_1.input"]
    queued = frame.set_index("step")["outputs"]["correlate"]["jobs"]
    assert [one["tries"] for one in queued] == [1]
    assert not list((root / "one").glob("*.difx.*"))  # no output was moved aside for a second try
    report = run.report()
    assert report is not None
    assert report.is_file()


@pytest.mark.slow
def test_what_is_done_is_not_done_again_and_other_clocks_make_other_jobs(tmp_path: Path) -> None:
    root = tmp_path.resolve()
    recipe = put_down(root)

    async def main() -> None:
        async with connected(root) as difx:
            first = await run_intensive(difx, recipe, session="one", directory=root / "record")
            await first.wait(timeout=60)
            before = len(first.record.lines)
            again = await run_intensive(difx, recipe, session="one", directory=root / "record")
            assert await again.wait(timeout=60) == "done"
            assert len(again.record.lines) == before
            other = first.recipe.with_(clocks=ClocksRecipe(reference="BO"))
            third = await run_intensive(difx, other, session="one", directory=root / "record")
            await third.wait(timeout=60)
            # Whoever is never content has a report all the same, and a session that is not done.
            strict = other.with_(quality=QualityRecipe(stop_on=("go", "look", "no_go")))
            fourth = await run_intensive(difx, strict, session="one", directory=root / "record")
            with pytest.raises(SessionNotDone, match="in step quality: quality"):
                await fourth.wait(timeout=60)
            frame = fourth.frame().set_index("step")
            assert frame["state"][["quality", "report", "hooks"]].tolist() == ["failed", "done", "done"]
            assert fourth.state == "failed"
            jobs = sorted(path.name for path in (root / "one").glob("*.input"))
            assert jobs == ["one-r2_1.input", "one-search_1.input", "one_1.input"]
            # Begun anew it makes others, and is itself taken up where it was.
            late = first.recipe.with_(clocks=ClocksRecipe(max_change_s=0.0))
            fifth = await run_intensive(difx, late, session="one", directory=root / "record", resume=False)
            with pytest.raises(SessionNotDone, match="in step correct: clock change too large"):
                await fifth.wait(timeout=60)
            assert (root / "one" / "one-search-r2_1.input").is_file()
            count = len(fifth.record.lines)
            sixth = await run_intensive(difx, late, session="one", directory=root / "record")
            with pytest.raises(SessionNotDone, match="in step correct"):
                await sixth.wait(timeout=60)
            assert [line.step for line in sixth.record.lines[count:]] == ["correct", "correct"]

    asyncio.run(main())


CHILD = """\
import asyncio, sys
from difxnb import aio
from difxnb.intensives import run_intensive

async def main(port, recipe, directory):
    async with aio.connect("127.0.0.1", int(port)) as difx:
        run = await run_intensive(difx, recipe, session="one", directory=directory)
        await run.wait()

asyncio.run(main(*sys.argv[1:]))
"""


def states(queue: Path) -> list[str]:
    """States of the jobs in the file of a queue; none where there is no such file yet."""
    if not queue.is_file():
        return []
    with closing(sqlite3.connect(f"file:{queue}?mode=ro", uri=True)) as file:
        try:
            return [state for (state,) in file.execute("SELECT state FROM entries ORDER BY number")]
        except sqlite3.OperationalError:  # it is being made
            return []


@pytest.mark.slow
def test_a_process_that_is_killed_while_a_job_runs_is_followed_by_another_and_no_job_runs_twice(
    tmp_path: Path,
) -> None:
    root = tmp_path.resolve()
    recipe = put_down(root)
    queue, log = root / "record" / QUEUE, root / "one" / "one-search_1.difxlog"

    async def main() -> IntensiveRun:
        async with own_server(root) as server:
            words = (sys.executable, "-c", CHILD, str(server.port), str(recipe), str(root / "record"))
            child = await asyncio.create_subprocess_exec(*words)
            try:
                async with asyncio.timeout(60):
                    # Of a job without a log nobody could know how it ended, and the queue would ask.
                    while not (log.is_file() and {"running", "done"} & set(states(queue))):
                        assert child.returncode is None
                        await asyncio.sleep(0.01)
            finally:
                child.kill()
                await child.wait()
            async with aio.connect("127.0.0.1", server.port) as difx:
                run = await run_intensive(difx, recipe, session="one", directory=root / "record")
                assert await run.wait(timeout=60) == "done"
                return run

    run = asyncio.run(main())
    outputs = run.frame().set_index("step")["outputs"]
    for step in ("search_correlate", "correlate"):
        assert [(one["state"], one["tries"]) for one in outputs[step]["jobs"]] == [("done", 1)]
    assert not list((root / "one").glob("*.difx.*"))
    assert states(queue) == ["done", "done"]
