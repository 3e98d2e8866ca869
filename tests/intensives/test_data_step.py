# SPDX-License-Identifier: GPL-3.0-or-later
"""Data of the stations: waited for while they grow, and from wherever they are."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pandas as pd
import pytest

import difxnb
from difxnb import aio
from difxnb.errors import SessionNotDone
from difxnb.intensives import IntensiveRun
from difxnb.intensives.recipe import SearchRecipe, StationData
from difxnb.intensives.waiting import take_data
from tests.client.peers import own_server
from tests.intensives.small_sessions import begun, context, ended, put_down


def test_data_that_come_late_are_waited_for_and_those_that_grow_too(tmp_path: Path) -> None:
    root = tmp_path.resolve()
    recipe = put_down(root).with_(
        on_missing="wait",
        data=(StationData("CE", f"{root}/late/*.vdif"),),
        search=SearchRecipe(scans=("none",)),
    )
    (root / "late").mkdir()

    async def main() -> IntensiveRun:
        async with own_server(root) as server, aio.connect("127.0.0.1", server.port) as difx:
            run = await begun(difx, root, recipe)
            async with asyncio.timeout(30):
                while run.state != "waiting":
                    await asyncio.sleep(0)
            assert run.step == "data"
            assert "CE: " in run.why
            (root / "late" / "a.vdif").write_bytes(b"frames")
            with pytest.raises(SessionNotDone, match="search_jobs"):
                await run.wait(timeout=30)
            return run

    run = asyncio.run(main())
    row = run.frame().set_index("step").loc["data"]
    assert sorted(row["outputs"]["arrived"]) == ["AL", "BO", "CE"]
    assert f"{root}/late/a.vdif" in Path(row["outputs"]["v2d"]).read_text()
    assert row["why"] == "CE has 1 recordings for 2 scans: look whether they hold all"
    assert [line.state for line in run.record.lines if line.step == "data"] == ["started", "waiting", "done"]


def test_a_list_of_recordings_and_all_that_it_names_are_waited_for(tmp_path: Path) -> None:
    root = tmp_path.resolve()
    there = put_down(root)
    (root / "ce.list").write_text(
        f"# recordings\n{root}/CE_No0001.vdif 60746.25 60746.26\n{root}/other.vdif\n"
    )
    recipe = there.with_(data=(StationData("CE", f"{root}/ce.list", "filelist"),), on_missing="stop")
    step, why, _ = ended(root, recipe)
    assert step == "data"
    assert (
        why
        == f"CE not arrived: {root}/other.vdif is not there (put the data there and take the session up again)"
    )


class Growing:
    """Lists a recording that has grown each time but the last ones."""

    def __init__(self, *sizes: int) -> None:
        self.sizes = list(sizes)

    async def ls(self, path: str) -> pd.DataFrame:
        size = self.sizes.pop(0) if len(self.sizes) > 1 else self.sizes[0]
        return pd.DataFrame({"path": [path], "size": [size], "type": ["file"]})


def test_data_that_grow_have_not_arrived_yet(tmp_path: Path) -> None:
    recipe = put_down(tmp_path).with_(on_missing="wait", look_s=0.0)
    texts = {name: str(tmp_path / f"demo.{name}") for name in ("vex", "v2d")}
    at = context(tmp_path, recipe, schedule={**texts, "stations": ["AL", "BO"]}, eop=texts)
    at.step, at.difx = "data", Growing(1, 1, 1, 1, 2, 3, 4, 4)  # type: ignore[assignment]
    done = asyncio.run(take_data(at))
    assert done.outputs["arrived"] == ["AL", "BO"]
    assert at.difx.sizes == [4]  # type: ignore[attr-defined]
    assert any("still growing" in line.why for line in at.record.lines if line.state == "waiting")


def test_a_station_that_comes_after_its_time_is_taken_up_by_a_session_that_is_not_correlated(
    tmp_path: Path,
) -> None:
    root = tmp_path.resolve()
    recipe = put_down(root).with_(search=SearchRecipe(scans=("none",)))
    late = [path.rename(root / f"late-{path.name}") for path in (*root.glob("CE_*"), *root.glob("BO_*"))]
    assert ended(root, recipe)[0] == "data", "one station is not enough"
    for path in late:
        if path.name.startswith("late-BO"):
            path.rename(root / path.name.removeprefix("late-"))
    _, _, run = ended(root, recipe)
    frame = run.frame().set_index("step")
    assert [one["station"] for one in frame["outputs"]["data"]["missing"]] == ["CE"]
    without = Path(frame["outputs"]["data"]["v2d"])
    _, _, again = ended(root, recipe)
    assert [line.step for line in again.record.lines[len(run.record.lines) :]] == ["search_jobs"] * 2
    for path in root.glob("late-CE*"):
        path.rename(root / path.name.removeprefix("late-"))
    step, _, taken = ended(root, recipe)
    outputs = taken.frame().set_index("step")["outputs"]["data"]
    assert step == "search_jobs"
    assert (outputs["arrived"], outputs["missing"]) == (["AL", "BO", "CE"], [])
    assert "CE_No0001.vdif" in Path(outputs["v2d"]).read_text()
    kept = difxnb.read_v2d(without)["antennas"]
    assert kept == ["AL", "BO"], "what was there before stays as it was"
