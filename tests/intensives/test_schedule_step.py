# SPDX-License-Identifier: GPL-3.0-or-later
"""The schedule, the ``.v2d`` and Earth orientation: waited for, taken whole, and named from the root."""

from __future__ import annotations

import asyncio
import re
import shutil
from pathlib import Path

import pytest

import difxnb
from difxnb import aio
from difxnb.errors import SessionNotDone
from difxnb.intensives import IntensiveRun
from difxnb.intensives.recipe import SearchRecipe, StationData
from tests.aio.stage import until_true
from tests.client.peers import own_server
from tests.intensives.small_sessions import begun, ended, put_down


def test_a_template_is_rendered_for_the_session(tmp_path: Path) -> None:
    root = tmp_path.resolve()
    recipe = put_down(root)
    text = (root / "demo.v2d").read_text().replace("tInt = 1.0", "tInt = ${tInt}")
    (root / "one.template").write_text(text)
    (root / "one.vex").write_text((root / "demo.vex").read_text())
    recipe = recipe.with_(
        schedule=f"{root}/{{session}}.vex",
        v2d=None,
        template=f"{root}/{{session}}.template",
        variables={"tInt": 0.5},
        search=SearchRecipe(scans=("none",)),
    )
    step, _, run = ended(root, recipe)
    assert step == "search_jobs"
    outputs = run.frame().set_index("step")["outputs"]
    orders = difxnb.read_v2d(outputs["schedule"]["v2d"])
    assert [one["tInt"] for one in orders.setups.values()] == [0.5]
    assert orders["vex"] == "one.vex"


def test_old_earth_orientation_of_a_table_gives_way_to_that_of_the_schedule(tmp_path: Path) -> None:
    root = tmp_path.resolve()
    recipe = put_down(root).with_(eop=str(root / "nowhere.erp"), search=SearchRecipe(scans=("none",)))
    _, _, run = ended(root, recipe)
    row = run.frame().set_index("step").loc["eop"]
    assert row["state"] == "done"
    assert "those of the schedule are used" in row["why"]


def test_earth_orientation_of_a_table_takes_the_place_of_all_that_there_is(tmp_path: Path) -> None:
    """In the schedule it replaces what is there; a ``.v2d`` beside it has none any more, or both would count."""
    root = tmp_path.resolve()
    recipe = put_down(root)
    own = difxnb.read_vex(root / "demo.vex")
    table = difxnb.read_eop(root / "demo.vex")
    shutil.copy(root / "demo.vex", root / "table.vex")
    orders = difxnb.read_v2d(root / "demo.v2d").with_eop(table.around(own.start))
    (root / "demo.v2d").write_text(orders.text)
    (root / "demo.vex").write_text(own.text[: own.text.index("$EOP;")])
    recipe = recipe.with_(eop=str(root / "table.vex"), search=SearchRecipe(scans=("none",)))
    step, _, run = ended(root, recipe)
    assert step == "search_jobs"
    outputs = run.frame().set_index("step")["outputs"]["eop"]
    assert outputs["source"] == str(root / "table.vex")
    assert len(difxnb.read_vex(outputs["vex"]).eop()) == 5
    assert not difxnb.read_v2d(outputs["v2d"]).eops


@pytest.mark.parametrize(
    ("name", "behind", "comment"), [("demo.vex", "endscan;\n", "*\n"), ("demo.v2d", "}\n", "#\n")]
)
def test_a_file_that_is_still_being_copied_is_waited_for(
    tmp_path: Path, name: str, behind: str, comment: str
) -> None:
    """Cut in the middle of something it is none at first; behind a whole statement it would be another one."""
    root = tmp_path.resolve()
    recipe = put_down(root).with_(wait_s=60, search=SearchRecipe(scans=("none",)))
    whole = (root / name).read_text()
    half = whole.rindex(behind, 0, whole.rindex(behind)) + len(behind)
    (root / name).write_text(whole[: half - 3])

    async def main() -> IntensiveRun:
        async with own_server(root) as server, aio.connect("127.0.0.1", server.port) as difx:
            run = await begun(difx, root, recipe)
            await until_true(lambda: run.state == "waiting" and "is not whole, or none" in run.why)
            assert "; waited for until 20" in run.why
            (root / name).write_text(whole[:half])

            def is_seen_to_grow() -> bool:
                with (root / name).open("a") as file:
                    file.write(comment)
                return "is still being written" in run.why

            await until_true(is_seen_to_grow)
            assert run.step == "schedule"
            (root / name).write_text(whole)
            with pytest.raises(SessionNotDone, match="in step search_jobs"):
                await run.wait(timeout=30)
            return run

    outputs = asyncio.run(main()).frame().set_index("step")["outputs"]
    assert Path(outputs["schedule"]["vex"]).read_text() == (root / "demo.vex").read_text()
    assert sorted(outputs["data"]["arrived"]) == ["AL", "BO", "CE"]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("demo.vex", "the schedule is not whole, or none: .*demo.vex"),
        ("demo.v2d", "the .v2d is not whole, or"),
    ],
)
def test_a_file_that_stays_cut_is_said_to_be(tmp_path: Path, name: str, said: str) -> None:
    root = tmp_path.resolve()
    recipe = put_down(root)
    text = (root / name).read_text()
    (root / name).write_text(text[: text.rindex("=")])
    step, why, _ = ended(root, recipe)
    assert step == "schedule"
    assert re.search(said, why), why


def test_relative_names_of_recordings_are_beside_the_file_that_has_them(tmp_path: Path) -> None:
    """Jobs are made in another directory, where the same names would mean nothing."""
    root = tmp_path.resolve()
    recipe = put_down(root).with_(search=SearchRecipe(scans=("none",)))
    text = (root / "demo.v2d").read_text()
    lists = "\n".join(f"{root}/CE_No000{scan}.vdif" for scan in (1, 2))
    (root / "ce.list").write_text(lists)
    text = re.sub(r"file = .*/CE_No.*", "filelist = ce.list", text).replace(f"{root}/", "")
    text = re.sub(r"file = (BO_.*)", r"datastreams = B\n}\nDATASTREAM B\n{\n  file = \1", text)
    (root / "demo.v2d").write_text(text)
    there = [f"file = {root}/{name}_No0001.vdif, {root}/{name}_No0002.vdif" for name in ("AL", "BO")]
    for given in (recipe, recipe.with_(v2d=text), recipe.with_(v2d=f"file:{root}/demo.v2d")):
        shutil.rmtree(root / "record", ignore_errors=True)
        step, why, run = ended(root, given)
        assert step == "search_jobs", why
        orders = Path(run.frame().set_index("step")["outputs"]["data"]["v2d"]).read_text()
        assert all(one in orders for one in (*there, f"filelist = {root}/ce.list"))
    shutil.rmtree(root / "record")
    step, why, _ = ended(root, recipe.with_(v2d=text, schedule=f"file:{root}/demo.vex"))
    assert (step, "AL_No0001.vdif is a relative path, and neither" in why) == ("schedule", True)


def test_names_in_a_list_of_recordings_begin_at_the_root(tmp_path: Path) -> None:
    root = tmp_path.resolve()
    (root / "ce.list").write_text("CE_No0001.vdif\n")
    recipe = put_down(root).with_(data=(StationData("CE", f"{root}/ce.list", "filelist"),), on_missing="stop")
    step, why, _ = ended(root, recipe)
    assert step == "data"
    said = f"CE not arrived: the list {root}/ce.list names CE_No0001.vdif, which does not begin with / (put"
    assert why.startswith(said)
