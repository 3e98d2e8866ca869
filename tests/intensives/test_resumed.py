# SPDX-License-Identifier: GPL-3.0-or-later
"""Sessions that are cut off: killed before any line of the record and taken up again, they end the same."""

from __future__ import annotations

import asyncio
import sqlite3
import sys
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from difxnb import aio
from difxnb.errors import SessionNotDone
from difxnb.intensives import IntensiveRun, Recipe, run_intensive
from difxnb.intensives.correlated import QUEUE
from difxnb.intensives.recipe import ClocksRecipe, QualityRecipe
from difxnb.intensives.run import STEPS
from difxnb.sessions import read_record
from difxnb.sessions.record import RECORD
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
[clocks]
tables = ["{root}/counts.csv"]
[report]
html = false
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


@dataclass(frozen=True)
class Lived:
    """A session of many lives, all of them on one server.

    Attributes
    ----------
    root : Path
    recipe : Path
    run : IntensiveRun
        Of the last life.
    states : list of str
        Of the jobs in its queue, at its end.
    """

    root: Path
    recipe: Path
    run: IntensiveRun
    states: list[str]

    def jobs(self) -> list[str]:
        return sorted(path.name for path in (self.root / "one").glob("*.input"))


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Lived:
    """Each life writes two lines more than the one before and is then gone, connection and all.

    One of them is a process, and is killed while a job runs. A station never arrives.
    """
    root = tmp_path_factory.mktemp("lived").resolve()
    experiment = default_experiment(
        n_stations=3, n_scans=1, scan_seconds=2, n_bands=1, bandwidth=0.256e6, polarizations="R"
    )
    make_experiment(root, experiment=experiment, model="full")
    (root / "late").mkdir()
    for path in root.glob("CE_*"):
        path.rename(root / "late" / path.name)
    (root / "counts.csv").write_text(
        "station,time,offset\n"
        + "".join(f"BO,2025-03-12T06:00:{second:02},5\n" for second in range(0, 60, 20))
    )
    recipe = root / "short.toml"
    recipe.write_text(RECIPE.format(root=root))

    async def main() -> IntensiveRun:
        # One server for all of them, so that what a life has begun goes on.
        async with own_server(root) as server:
            for _ in range(3 * len(STEPS)):
                if not (root / "record" / QUEUE).exists() and step_of(root) == ("search_jobs", "done"):
                    await killed_while_a_job_runs(root, recipe, server.port)
                async with aio.connect("127.0.0.1", server.port) as difx:
                    # One that waits for data in vain has a line more to write.
                    lines = 3 if step_of(root)[0] == "data" else 2
                    run = await taken_up(difx, recipe, root, now=Clock(lines))
                    try:
                        await run.wait(timeout=60)
                    except Killed:
                        continue
                    return run
        raise AssertionError("it never came to its end")

    run = asyncio.run(main())
    lines = read_record(root / "record")
    assert (lines["step"] == "search_correlate").sum() > 3, "a process has begun it, and others went on"
    return Lived(root, recipe, run, states(root / "record" / QUEUE))


def step_of(root: Path) -> tuple[str, str]:
    """The step that has the last line, and its state."""
    lines = read_record(root / "record") if (root / "record" / RECORD).exists() else None
    return ("", "") if lines is None else tuple(lines[["step", "state"]].iloc[-1])


async def killed_while_a_job_runs(root: Path, recipe: Path, port: int) -> None:
    words = (sys.executable, "-c", CHILD, str(port), str(recipe), str(root / "record"))
    child = await asyncio.create_subprocess_exec(*words)
    queue, log = root / "record" / QUEUE, root / "one" / "one-search_1.difxlog"
    try:
        async with asyncio.timeout(60):
            # Of a job without a log nobody could know how it ended, and the queue would ask.
            while not (log.is_file() and {"running", "done"} & set(states(queue))):
                assert child.returncode is None
                await asyncio.sleep(0.01)
    finally:
        child.kill()
        await child.wait()


async def taken_up(difx: aio.Correlator, recipe: Path | Recipe, root: Path, **options: Any) -> IntensiveRun:
    return await run_intensive(difx, recipe, session="one", directory=root / "record", **options)


@pytest.mark.slow
def test_a_session_that_is_killed_before_every_line_ends_the_same(lived: Lived) -> None:
    frame = lived.run.frame()
    assert frame["state"].tolist() == ["done"] * len(STEPS)
    lines = read_record(lived.root / "record")
    done = lines.loc[lines["state"] == "done", "step"].tolist()
    assert done == [step.id for step in STEPS]  # each one once, in order
    assert lived.jobs() == ["one-search_1.input", "one_1.input"]
    counted = {one["antenna"]: one for one in frame.set_index("step")["outputs"]["clocks"]["compared"]}
    # An early clock of 5 us is late by -5; what the job used of it is what the .v2d says, near -3.4 us.
    assert counted["BO"]["measured"] == pytest.approx(-5e-6, abs=1e-9)
    assert abs(counted["BO"]["difference"]) < 3e-6
    report = lived.run.report()
    assert report is not None
    assert report.is_file()


@pytest.mark.slow
def test_no_job_runs_twice_though_a_process_was_killed_while_one_ran(lived: Lived) -> None:
    outputs = lived.run.frame().set_index("step")["outputs"]
    for step in ("search_correlate", "correlate"):
        assert [(one["state"], one["tries"]) for one in outputs[step]["jobs"]] == [("done", 1)]
    assert not list((lived.root / "one").glob("*.difx.*"))  # no output was moved aside for a second try
    assert lived.states == ["done", "done"]


@pytest.mark.slow
def test_what_is_done_is_not_done_again_and_other_clocks_make_other_jobs(lived: Lived) -> None:
    root, recipe = lived.root, lived.recipe

    async def main() -> None:
        async with own_server(root) as server, aio.connect("127.0.0.1", server.port) as difx:
            before = len(lived.run.record.lines)
            again = await taken_up(difx, recipe, root)
            assert await again.wait(timeout=60) == "done"
            assert len(again.record.lines) == before
            await what_comes_after_that_is_told(difx, lived)
            other = again.recipe.with_(clocks=ClocksRecipe(reference="BO", tables=(f"{root}/none.csv",)))
            third = await taken_up(difx, other, root)
            await third.wait(timeout=60)
            told = third.frame().set_index("step")["why"]["clocks"]
            assert "counts of none.csv were not compared: " in told
            # Whoever is never content has a report all the same, and a session that is not done.
            strict = other.with_(quality=QualityRecipe(stop_on=("go", "look", "no_go")))
            fourth = await taken_up(difx, strict, root)
            with pytest.raises(SessionNotDone, match="in step quality: quality"):
                await fourth.wait(timeout=60)
            frame = fourth.frame().set_index("step")
            assert frame["state"][["quality", "report", "hooks"]].tolist() == ["failed", "done", "done"]
            assert fourth.state == "failed"
            assert lived.jobs() == ["one-r2_1.input", "one-search_1.input", "one_1.input"]
            # Begun anew it makes others, and is itself taken up where it was.
            late = again.recipe.with_(clocks=ClocksRecipe(max_change_s=0.0))
            fifth = await taken_up(difx, late, root, resume=False)
            with pytest.raises(SessionNotDone, match="in step correct: clock change too large"):
                await fifth.wait(timeout=60)
            assert (root / "one" / "one-search-r2_1.input").is_file()
            assert fifth.frame().set_index("step")["outputs"]["data"]["arrived"] == ["AL", "BO", "CE"]
            count = len(fifth.record.lines)
            sixth = await taken_up(difx, late, root)
            with pytest.raises(SessionNotDone, match="in step correct"):
                await sixth.wait(timeout=60)
            assert [line.step for line in sixth.record.lines[count:]] == ["correct", "correct"]

    asyncio.run(main())


async def what_comes_after_that_is_told(difx: aio.Correlator, lived: Lived) -> None:
    """Data of a station that had not arrived: the session that is done stays so, and says it."""
    for path in (lived.root / "late").iterdir():
        path.rename(lived.root / path.name)
    for _ in range(2):
        late = await taken_up(difx, lived.recipe, lived.root)
        assert await late.wait(timeout=60) == "done"
        assert late.why.startswith(
            "data of CE have arrived, after this was correlated; resume=False correlates"
        )
        assert late.frame().set_index("step")["why"]["data"] == late.why
        lines = [line.step for line in late.record.lines[len(lived.run.record.lines) :]]
        assert lines == ["data"], "it is written down once, and nothing is done"
    assert lived.jobs() == ["one-search_1.input", "one_1.input"]
