# SPDX-License-Identifier: GPL-3.0-or-later
"""What goes wrong in the night: which step says so, and in what words."""

from __future__ import annotations

import asyncio
import errno
import json
import re
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import difxnb
from difxnb import aio
from difxnb.errors import QueueTaken, SessionNotDone
from difxnb.intensives import IntensiveRun, Recipe, read_recipe, run_intensive
from difxnb.intensives.clock_pass import correct_clocks
from difxnb.intensives.hooks import tell
from difxnb.intensives.jobs_made import chosen_scans
from difxnb.intensives.recipe import ClocksRecipe, Hook, SearchRecipe, StationData
from difxnb.intensives.steps import Context, StepFailed
from difxnb.intensives.waiting import take_data
from difxnb.sessions import SessionRecord
from difxnb.synthetic import small_experiment
from difxnb.synthetic.observing_files import write_observing_files
from tests.client.peers import own_server

EXPERIMENT = small_experiment()


def put_down(root: Path) -> Recipe:
    """A schedule and a ``.v2d``, and something in place of recordings."""
    write_observing_files(EXPERIMENT, root)
    for station in range(len(EXPERIMENT.stations)):
        for scan in range(len(EXPERIMENT.scans)):
            (root / EXPERIMENT.recording_name(station, scan)).write_bytes(b"frames")
    return Recipe(
        name="test",
        schedule=f"{root}/demo.vex",
        v2d=f"{root}/demo.v2d",
        directory=f"{root}/{{session}}",
        newest=0,
        wait_s=0,
        look_s=0.01,
    )


async def begun(difx: aio.Correlator, root: Path, recipe: Recipe) -> IntensiveRun:
    return await run_intensive(difx, recipe, session="one", directory=root / "record")


def ended(root: Path, recipe: Recipe) -> tuple[str, str, IntensiveRun]:
    """The step with which a session ends, and why."""

    async def main() -> tuple[str, str, IntensiveRun]:
        async with own_server(root) as server, aio.connect("127.0.0.1", server.port) as difx:
            run = await begun(difx, root, recipe)
            with pytest.raises(SessionNotDone) as caught:
                await run.wait(timeout=30)
            assert run.state == "failed"
            return caught.value.step, caught.value.why, run

    return asyncio.run(main())


def changed(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


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
        (no_schedule, "schedule", "no schedule: .*other.vex"),
        (old_schedule, "schedule", "old schedule: it ended on .* days ago; newest = 0"),
        (no_mode, "schedule", "missing mode"),
        (unknown_antenna, "schedule", "unknown station: .*XX"),
        (unknown_station, "schedule", "unknown station: BQ .*BO is the nearest name"),
        (no_eop, "eop", "EOP too old or not to be had"),
        (no_data, "data", "CE not arrived: .* is not there"),
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
    assert [line.state for line in run.record.lines if line.step == "data"] == ["started", "waiting", "done"]


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


def test_the_same_from_a_cell(tmp_path: Path) -> None:
    """Blocking: a recipe of a file, an end that is not good, and the record of it."""
    root = tmp_path.resolve()
    recipe = root / "daily.toml"
    recipe.write_text(no_data(root, put_down(root)).to_toml())
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


class FullAtFirst:
    """The time; but the first lines of a record find the disk full."""

    def __init__(self, times: int) -> None:
        self.left = times

    def __call__(self) -> float:
        self.left -= 1
        if self.left >= 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        return time.time()


def test_a_list_of_recordings_and_all_that_it_names_are_waited_for(tmp_path: Path) -> None:
    root = tmp_path.resolve()
    there = put_down(root)
    (root / "ce.list").write_text(
        f"# recordings\n{root}/CE_No0001.vdif 60746.25 60746.26\n{root}/other.vdif\n"
    )
    recipe = there.with_(data=(StationData("CE", f"{root}/ce.list", "filelist"),), on_missing="stop")
    step, why, _ = ended(root, recipe)
    assert (step, why) == ("data", f"CE not arrived: {root}/other.vdif is not there")


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


def test_a_full_disk_suspends_a_session_and_it_goes_on_when_there_is_room(tmp_path: Path) -> None:
    root = tmp_path.resolve()
    recipe = no_such_scan(root, put_down(root))

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


# --- steps by themselves -------------------------------------------------------------------------------------


def context(tmp_path: Path, recipe: Recipe, **outputs: Mapping[str, Any]) -> Context:
    """A step's surroundings without a server."""
    record = SessionRecord.open(tmp_path / "record", "one")
    return Context(None, recipe, "one", record, dict(outputs))  # type: ignore[arg-type]


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


class Posts(BaseHTTPRequestHandler):
    """Keeps what is posted."""

    got: list[Any] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.got.append(json.loads(body))
        self.send_response(204 if self.path == "/told" else 500)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def posts() -> Iterator[str]:
    Posts.got = []
    with ThreadingHTTPServer(("127.0.0.1", 0), Posts) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_whoever_is_named_is_told_and_whoever_cannot_be_is_written_down(tmp_path: Path, posts: str) -> None:
    heard: list[Mapping[str, Any]] = []

    async def hears(message: Mapping[str, Any]) -> None:
        heard.append(message)

    def breaks(message: Mapping[str, Any]) -> None:
        raise RuntimeError("no ears")

    told = tmp_path / "told.json"
    writes = (sys.executable, "-c", f"import sys; open({str(told)!r}, 'w').write(sys.stdin.read())")
    recipe = put_down(tmp_path).with_(
        hooks=(
            Hook("end", "callable", hears),
            Hook("failed", "callable", breaks),
            Hook("done", "callable", breaks),
            Hook("failed", "command", writes),
            Hook("end", "command", (sys.executable, "-c", "raise SystemExit(3)")),
            Hook("end", "command", ("/nowhere/mail",)),
            Hook("end", "webhook", f"{posts}/told"),
            Hook("end", "webhook", f"{posts}/broken"),
        )
    )
    at = context(tmp_path, recipe)
    at.record.begin("data", {})
    at.record.fail("data", "BO not arrived")
    done = asyncio.run(tell(at))
    assert done.outputs["told"][1:] == [" ".join(writes), f"{posts}/told"]
    failed = done.outputs["failed"]
    assert [why.rpartition(": ")[0] != "" for why in failed] == [True] * 4
    assert "no ears" in failed[0]
    assert "ended with 3" in failed[1]
    assert "500" in failed[3]
    (message,) = heard
    assert message["state"] == "failed"
    assert message["failed"] == [{"step": "data", "why": "BO not arrived"}]
    assert json.loads(told.read_text()) == message
    assert Posts.got == [message, message]
