# SPDX-License-Identifier: GPL-3.0-or-later
"""What goes wrong in the night: which step says so, and in what words."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from pathlib import Path

import pytest

import difxnb
from difxnb.intensives import Recipe
from difxnb.intensives.clock_pass import correct_clocks
from difxnb.intensives.drive import Drive
from difxnb.intensives.jobs_made import chosen_scans
from difxnb.intensives.recipe import ClocksRecipe, SearchRecipe
from difxnb.intensives.steps import Context, Done, Step, StepFailed
from tests.intensives.small_sessions import changed, context, ended, put_down


def no_schedule(root: Path, recipe: Recipe) -> Recipe:
    return recipe.with_(schedule=f"{root}/other.vex")


def old_schedule(_: Path, recipe: Recipe) -> Recipe:
    return recipe.with_(newest=30.0)


def no_mode(root: Path, recipe: Recipe) -> Recipe:
    changed(root / "demo.vex", "; mode = ", "; mode = OTHER")
    return recipe


def unknown_antenna(root: Path, recipe: Recipe) -> Recipe:
    changed(root / "demo.v2d", "antennas = AL", "antennas = XX, AL")
    return recipe


def unknown_station(_: Path, recipe: Recipe) -> Recipe:
    return recipe.with_(stations=("AL", "BQ"))


def no_eop(root: Path, recipe: Recipe) -> Recipe:
    text = (root / "demo.vex").read_text()
    (root / "demo.vex").write_text(text[: text.index("$EOP;")])
    (root / "eop.vex").write_text(text[: text.index("$SITE;")].replace("demo", "x"))
    return recipe.with_(eop=str(root / "eop.vex"))


def no_data(root: Path, recipe: Recipe) -> Recipe:
    for path in root.glob("CE_*"):
        path.unlink()
    return recipe.with_(on_missing="stop")


def empty_data(root: Path, recipe: Recipe) -> Recipe:
    for path in root.glob("CE_*"):
        path.write_bytes(b"")
    return recipe.with_(on_missing="stop")


def only_one(root: Path, recipe: Recipe) -> Recipe:
    for path in (*root.glob("CE_*"), *root.glob("BO_*")):
        path.unlink()
    return recipe


def in_the_way(root: Path, recipe: Recipe) -> Recipe:
    (root / "one").mkdir()
    (root / "one" / "one-search.v2d").write_text("of somebody else\n")
    return recipe


def no_such_scan(_: Path, recipe: Recipe) -> Recipe:
    return recipe.with_(search=SearchRecipe(scans=("No0009",)))


@pytest.mark.parametrize(
    ("spoil", "step", "said"),
    [
        (
            no_schedule,
            "schedule",
            "no schedule: .*other.vex.*put it there whole, and take the session up again",
        ),
        (old_schedule, "schedule", "old schedule: it ended on .* days ago; newest = 0"),
        (no_mode, "schedule", "missing mode"),
        (unknown_antenna, "schedule", "unknown station: .*XX"),
        (unknown_station, "schedule", "unknown station: BQ .*BO is the nearest name"),
        (no_eop, "eop", "EOP too old or not to be had.*name a newer table as eop in the recipe"),
        (no_data, "data", "CE not arrived: .* is not there .put the data there and take the session up"),
        (empty_data, "data", "CE not arrived: .* is empty"),
        (only_one, "data", "data of 1 stations are there, and two are needed"),
        (in_the_way, "search_jobs", "files are in the way, and not of this session"),
        (no_such_scan, "search_jobs", "the schedule has no No0009"),
    ],
)
def test_a_session_says_with_what_it_ended(
    tmp_path: Path, spoil: Callable[[Path, Recipe], Recipe], step: str, said: str
) -> None:
    root = tmp_path.resolve()
    recipe = spoil(root, put_down(root))
    before = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
    where, why, run = ended(root, recipe)
    assert where == step
    assert re.search(said, why), why
    frame = run.frame().set_index("step")
    assert frame["state"][step] == "failed"
    assert frame["why"][step] == why
    assert frame["state"]["hooks"] == "done"
    assert frame["state"]["correlate"] == "planned"
    assert {path: path.read_bytes() for path in before} == before
    assert not list(root.rglob("*.input"))


def test_files_of_others_stay_however_often_it_is_tried(tmp_path: Path) -> None:
    root = tmp_path.resolve()
    recipe = in_the_way(root, put_down(root))
    for _ in range(2):
        step, why, _ = ended(root, recipe)
        assert (step, "in the way" in why) == ("search_jobs", True)
        assert (root / "one" / "one-search.v2d").read_text() == "of somebody else\n"


def test_a_clock_that_moves_too_far_is_not_written(tmp_path: Path) -> None:
    recipe = put_down(tmp_path).with_(clocks=ClocksRecipe(max_change_s=1e-6))
    moved = {"antenna": "BO", "delay": 3e-6, "delay_rate": 0.0, "epoch": "2025-03-12T06:00:00"}
    at = context(tmp_path, recipe, clocks={"changes": [moved]})
    with pytest.raises(StepFailed, match=r"too large: BO \+3.000 us, and max_change_s is 1e-06; nothing was"):
        asyncio.run(correct_clocks(at))
    assert not list(at.directory.glob("*.v2d"))


def test_scans_of_the_search_have_most_stations_or_the_sources_that_are_named(tmp_path: Path) -> None:
    put_down(tmp_path)
    vex = difxnb.read_vex(tmp_path / "demo.vex")
    stations = ["AL", "BO", "CE"]
    assert chosen_scans(vex, SearchRecipe(n=1), stations)[0] == ["No0001"]
    assert chosen_scans(vex, SearchRecipe(sources=("beacon",)), stations)[0] == ["No0002"]
    assert chosen_scans(vex, SearchRecipe(scans=("No0002",)), stations)[0] == ["No0002"]
    with pytest.raises(StepFailed, match="none has two"):
        chosen_scans(vex, SearchRecipe(), ["AL"])


class Away:
    """A connection that is lost and does not come back."""

    connected = False


def test_a_step_that_waits_in_silence_for_a_lost_connection_is_said_to_and_one_broken_off_has_failed(
    tmp_path: Path,
) -> None:
    at = context(tmp_path, put_down(tmp_path).with_(wait_s=3600))
    at.difx = Away()  # type: ignore[assignment]

    async def silent(context: Context) -> Done:
        async with asyncio.timeout(30):
            while context.state != "suspended":
                await asyncio.sleep(0)
        raise asyncio.CancelledError  # of a task of somebody else, and nobody has stopped this one

    ended = asyncio.run(Drive(at, [Step("data", lambda _: {}, silent)]).go())
    assert ended == ("failed", "something that it waited for was broken off; take it up again")
    assert [line.state for line in at.record.lines] == ["started", "waiting", "failed"]
    assert "the connection to the server is lost; waited for until 20" in at.record.lines[1].why
