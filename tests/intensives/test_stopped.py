# SPDX-License-Identifier: GPL-3.0-or-later
"""Sessions that are stopped, planned only, out of room, or held in a cell."""

from __future__ import annotations

import asyncio
import errno
import shutil
import time
from pathlib import Path
from typing import Any

import pytest

import difxnb
from difxnb import aio
from difxnb.errors import QueueTaken, SessionNotDone
from difxnb.intensives import IntensiveRun, Recipe, read_recipe, run_intensive
from difxnb.intensives.recipe import SearchRecipe
from difxnb.synthetic import small_experiment
from tests.aio.stage import until_true
from tests.client.peers import own_server
from tests.full_disk import room_for
from tests.intensives.small_sessions import begun, put_down


def test_a_session_is_stopped_and_goes_on(tmp_path: Path) -> None:
    root = tmp_path.resolve()
    recipe = put_down(root).with_(
        schedule=f"{root}/later.vex", wait_s=3600, search=SearchRecipe(scans=("x",))
    )

    async def main() -> None:
        async with own_server(root) as server, aio.connect("127.0.0.1", server.port) as difx:
            run = await begun(difx, root, recipe)
            with pytest.raises(TimeoutError, match="in schedule after"):
                await run.wait(timeout=0.1)
            with pytest.raises(QueueTaken, match=r"record\.jsonl is run by process"):
                await begun(difx, root, recipe)
            await run.stop()
            assert run.state == "suspended"
            with pytest.raises(SessionNotDone, match="it was stopped"):
                await run.wait()
            (root / "demo.vex").rename(root / "later.vex")
            await run.resume()
            with pytest.raises(SessionNotDone, match="search_jobs"):
                await run.wait(timeout=30)
            assert run.record.last("schedule").state == "done"  # type: ignore[union-attr]

    asyncio.run(main())


def test_a_dry_run_tells_what_each_step_would_start_from_and_does_nothing(tmp_path: Path) -> None:
    root = tmp_path.resolve()
    recipe = put_down(root)
    before = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}

    async def main() -> IntensiveRun:
        async with own_server(root) as server, aio.connect("127.0.0.1", server.port) as difx:
            run = await run_intensive(difx, recipe, session="one", directory=root / "record", dry_run=True)
            assert run.state == "planned"
            with pytest.raises(ValueError, match="dry run"):
                await run.resume()
            return run

    run = asyncio.run(main())
    frame = run.frame().set_index("step")
    assert {path: path.read_bytes() for path in root.rglob("*") if path.is_file()} == before
    assert frame["state"]["search_jobs"] == "planned"
    assert "3 stations" in frame["why"]["search_jobs"]
    assert frame["inputs"]["schedule"]["schedule"] == f"{root}/demo.vex"
    assert frame["inputs"]["search_jobs"]["directory"] == f"{root}/one"
    assert frame["inputs"]["hooks"] == {"hooks": []}, "how it has gone is not known before"


@pytest.mark.parametrize(
    ("changes", "left", "step", "state", "said"),
    [
        ({"wait_s": 60}, 2, "data", "waiting", "and waited for 60 s, then left out: CE not arrived"),
        ({"wait_s": 60, "on_missing": "stop"}, 2, "data", "waiting", "then the end of the session: CE"),
        ({"wait_s": 60}, 0, "data", "waiting", "data of 0 stations are there"),
        ({"on_missing": "wait"}, 0, "data", "waiting", "and waited for without end"),
        ({}, 0, "data", "failed", "data of 0 stations are there"),
        ({"wait_s": 60, "schedule": "/none.vex"}, 3, "schedule", "waiting", "no schedule"),
        ({"wait_s": 60, "newest": 30.0}, 3, "schedule", "failed", "old schedule"),
    ],
)
def test_a_dry_run_tells_what_is_late_from_what_is_wrong(
    tmp_path: Path, changes: dict[str, Any], left: int, step: str, state: str, said: str
) -> None:
    root = tmp_path.resolve()
    recipe = put_down(root).with_(**changes)
    for station in ("AL", "BO", "CE")[left:]:
        for path in root.glob(f"{station}_*"):
            path.unlink()

    async def main() -> IntensiveRun:
        async with own_server(root) as server, aio.connect("127.0.0.1", server.port) as difx:
            return await run_intensive(difx, recipe, session="one", directory=root / "record", dry_run=True)

    row = asyncio.run(main()).frame().set_index("step").loc[step]
    assert row["state"] == state
    assert said in row["why"]


def test_the_same_from_a_cell(tmp_path: Path) -> None:
    """Blocking: a recipe of a file, an end that is not good, and the record of it."""
    root = tmp_path.resolve()
    recipe = root / "daily.toml"
    recipe.write_text(put_down(root).with_(on_missing="stop").to_toml())
    assert read_recipe(recipe).on_missing == "stop"
    with difxnb.demo(root / "box", experiment=small_experiment(scan_seconds=2)) as difx:
        run = difx.intensive(recipe, session="one", directory=root / "record")
        with pytest.raises(SessionNotDone, match="in step"):
            run.wait(timeout=30)
        assert run.state == "failed"
        assert "IntensiveRun one: failed in" in repr(run)
        assert "<table" in run._repr_html_()
        assert run.report() is None
        run.close()


class Gone(BaseException):
    """Nothing in the session handles this: it ends as if its process were gone."""


class Cut:
    """The time, until a line too many is to be written."""

    def __init__(self, lines: int) -> None:
        self.left = lines

    def __call__(self) -> float:
        self.left -= 1
        if self.left < 0:
            raise Gone
        return time.time()


class FullAtFirst:
    """The time; but the first lines of a record find the disk full."""

    def __init__(self, times: int) -> None:
        self.left = times

    def __call__(self) -> float:
        self.left -= 1
        if self.left >= 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        return time.time()


def test_a_full_disk_suspends_a_session_and_it_goes_on_when_there_is_room(tmp_path: Path) -> None:
    root = tmp_path.resolve()
    recipe = put_down(root).with_(search=SearchRecipe(scans=("No0009",)))

    async def main() -> None:
        async with own_server(root) as server, aio.connect("127.0.0.1", server.port) as difx:
            run = await run_intensive(
                difx, recipe, session="one", directory=root / "record", now=FullAtFirst(2)
            )
            async with asyncio.timeout(30):
                while run.state != "suspended":
                    await asyncio.sleep(0)
            assert "disk low: " in run.why
            with pytest.raises(SessionNotDone, match="search_jobs"):
                await run.wait(timeout=30)
            assert [line.state for line in run.record.lines if line.step == "schedule"] == ["started", "done"]

    asyncio.run(main())


def test_a_disk_that_fills_up_in_the_middle_of_a_step_leaves_nothing_half(tmp_path: Path) -> None:
    """The record has room for some lines; the copy of the schedule has not."""
    root = tmp_path.resolve()
    recipe = put_down(root).with_(wait_s=60, search=SearchRecipe(scans=("No0009",)))

    async def main() -> None:
        async with own_server(root) as server, aio.connect("127.0.0.1", server.port) as difx:
            with room_for(2000):
                run = await begun(difx, root, recipe)
                await until_true(lambda: run.state == "suspended")
                assert "disk low: " in run.why
                assert run.step == "schedule"
                assert not list((root / "record").glob("*.vex"))
            with pytest.raises(SessionNotDone, match="search_jobs"):
                await run.wait(timeout=30)
            assert not run.record.notes
            assert (root / "record" / "one.vex").read_text() == (root / "demo.vex").read_text()
            assert not list((root / "record").glob("*.partial"))

    asyncio.run(main())


def test_the_same_session_of_two_records_makes_its_jobs_once(tmp_path: Path) -> None:
    """One is cut off before its jobs are made; another of the same name makes them, and they stay as they are."""
    root = tmp_path.resolve()
    recipe = put_down(root)

    async def main() -> None:
        async with own_server(root) as server, aio.connect("127.0.0.1", server.port) as difx:
            run = await run_intensive(difx, recipe, session="one", directory=root / "first", now=Cut(7))
            with pytest.raises(Gone):
                await run.wait(timeout=30)
            assert run.record.lines[-1].step == "search_jobs"
            shutil.rmtree(root / "one")  # as if it had been gone a moment earlier
            other = await run_intensive(difx, recipe, session="one", directory=root / "second")
            with pytest.raises(SessionNotDone, match="in step search_correlate"):
                await other.wait(timeout=30)
            made = {path: path.read_bytes() for path in (root / "one").iterdir()}
            assert made
            again = await run_intensive(difx, recipe, session="one", directory=root / "first")
            with pytest.raises(SessionNotDone, match=r"files are in the way, .* another record; call this"):
                await again.wait(timeout=30)
            assert {path: path.read_bytes() for path in (root / "one").iterdir()} == made

    asyncio.run(main())


class Jumping:
    """A clock that somebody sets by a day, forth and back, with every look at it."""

    def __init__(self) -> None:
        self.looks = 0

    def __call__(self) -> float:
        self.looks += 1
        return time.time() + 86400.0 * (self.looks % 2)


def test_a_clock_that_jumps_and_a_recipe_that_is_edited_between_runs_do_no_harm(tmp_path: Path) -> None:
    """What is done from the same stays done; what another recipe asks for is done under other names."""
    root = tmp_path.resolve()
    recipe = put_down(root).with_(search=SearchRecipe(scans=("No0009",)))

    async def main() -> None:
        async with own_server(root) as server, aio.connect("127.0.0.1", server.port) as difx:

            async def failed(given: Recipe) -> IntensiveRun:
                run = await run_intensive(
                    difx, given, session="one", directory=root / "record", now=Jumping()
                )
                with pytest.raises(SessionNotDone, match="search_jobs"):
                    await run.wait(timeout=30)
                return run

            first = await failed(recipe)
            before = {path: path.read_bytes() for path in (root / "record").glob("*.v*")}
            again = await failed(recipe)
            count = len(first.record.lines)
            assert [line.step for line in again.record.lines[count:]] == ["search_jobs"] * 2
            assert all(line.seconds is None or line.seconds >= 0.0 for line in again.record.lines)
            fewer = await failed(recipe.with_(stations=("AL", "BO")))
            assert fewer.frame().set_index("step")["outputs"]["data"]["arrived"] == ["AL", "BO"]
            assert {path: path.read_bytes() for path in before} == before
            back = await failed(recipe)
            assert back.frame().set_index("step")["outputs"]["data"]["arrived"] == ["AL", "BO", "CE"]
            assert {path: path.read_bytes() for path in before} == before

    asyncio.run(main())
