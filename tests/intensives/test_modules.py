# SPDX-License-Identifier: GPL-3.0-or-later
"""Data of a session on modules of recorders: asked for, copied off, and lists of recordings in the ``.v2d``."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

import difxnb
from difxnb import aio
from difxnb.errors import SessionNotDone
from difxnb.formats.module_directory import ModuleScan
from difxnb.formats.v2d import V2d
from difxnb.intensives import IntensiveRun, Recipe, run_intensive
from difxnb.intensives.recipe import SearchRecipe, StationData
from difxnb.server.recorder_bank import RecorderBank
from difxnb.server.recorder_setup import ModuleSetup, RecorderSetup
from difxnb.wire.message import Header, Mark6Status, Message
from tests.client.peers import own_server
from tests.intensives.small_sessions import EXPERIMENT, begun, context, put_down, put_down_recordings

NONE = SearchRecipe(scans=("none",))
"""A search that ends the session behind its data."""
ON_MODULE = StationData("CE", "mark5fx01:NRAO+321", "module")


def recorders(root: Path) -> RecorderBank:
    """A recorder with what CE has recorded and some of another experiment, and one with an empty module."""
    vex = difxnb.read_vex(root / "demo.vex")
    scans = [ModuleScan("OTHER_CE_1", 0, 1000, 59000, 100, 10.0)]
    for number, (_, row) in enumerate(vex.scans().iterrows(), start=1):
        day = row["start"].floor("D")
        mjd, second = int(day.to_julian_date() - 2400000.5), int((row["start"] - day).total_seconds())
        scans.append(
            ModuleScan(f"DEMO_CE_{number}", 1000 * number, 1000, mjd, second, float(row["duration"]))
        )
    full, other = ModuleSetup("NRAO+321", tuple(scans)), ModuleSetup("MPI-0042", tuple(scans[:1]))
    return RecorderBank((RecorderSetup("mark5fx01", full), RecorderSetup("mark5fx02", other)), step=0.001)


def taken(root: Path, recipe: Recipe) -> tuple[str, IntensiveRun]:
    """Why a session ends that searches no clocks."""

    async def main() -> tuple[str, IntensiveRun]:
        async with (
            own_server(root, recorders=recorders(root)) as server,
            aio.connect("127.0.0.1", server.port) as difx,
        ):
            run = await begun(difx, root, recipe.with_(search=NONE))
            with pytest.raises(SessionNotDone) as caught:
                await run.wait(timeout=30)
            return caught.value.why, run

    return asyncio.run(main())


def orders_of(run: IntensiveRun) -> V2d:
    row = run.frame().set_index("step").loc["data"]
    assert row["state"] == "done", row["why"]
    return difxnb.read_v2d(row["outputs"]["v2d"])


def test_a_module_with_the_scans_of_the_schedule_has_arrived(tmp_path: Path) -> None:
    root = tmp_path.resolve()
    _, run = taken(root, put_down(root).with_(data=(ON_MODULE,)))
    orders = orders_of(run)
    assert list(orders["antennas"]) == ["AL", "BO", "CE"]
    assert orders.antennas["CE"]["module"] == "NRAO+321"


@pytest.mark.parametrize(
    ("module", "said"),
    [
        ("mark5fx02:MPI-0042", "module MPI-0042 of mark5fx02 has none of its 2 scans"),
        ("mark5fx01:NRAO+999", "module NRAO+999 of mark5fx01 cannot be read: "),
    ],
)
def test_a_module_without_them_has_not(tmp_path: Path, module: str, said: str) -> None:
    root = tmp_path.resolve()
    recipe = put_down(root).with_(data=(StationData("CE", module, "module"),), on_missing="stop")
    why, _ = taken(root, recipe)
    assert why.startswith(f"CE not arrived: {said}")


def test_scans_of_the_schedule_are_copied_off_a_module(tmp_path: Path) -> None:
    root = tmp_path.resolve()
    copied = StationData("CE", ON_MODULE.pattern, "module", copy_to=f"{root}/raw/{{session}}")
    recipe = put_down(root).with_(data=(copied,))

    async def planned() -> IntensiveRun:
        async with (
            own_server(root, recorders=recorders(root)) as server,
            aio.connect("127.0.0.1", server.port) as difx,
        ):
            return await run_intensive(difx, recipe, session="one", directory=root / "record", dry_run=True)

    assert asyncio.run(planned()).frame().set_index("step")["state"]["data"] == "planned"
    assert not (root / "raw").exists()
    _, run = taken(root, recipe)
    files = orders_of(run).antennas["CE"].words("file")
    assert len(files) == len(EXPERIMENT.scans)
    assert all(Path(one).parent == root / "raw" / "one" and Path(one).stat().st_size for one in files)
    assert not any("OTHER" in one for one in files)


def test_a_station_whose_data_cannot_be_copied_is_left_out_and_what_is_there_stays(tmp_path: Path) -> None:
    root = tmp_path.resolve()
    (root / "raw").write_text("a file, and no directory\n")
    copied = StationData("CE", ON_MODULE.pattern, "module", copy_to=f"{root}/raw")
    _, run = taken(root, put_down(root).with_(data=(copied,)))
    assert list(orders_of(run)["antennas"]) == ["AL", "BO"]
    why = run.frame().set_index("step")["why"]["data"]
    assert why.startswith("left out: CE its data could not be taken: ")
    assert (root / "raw").read_text() == "a file, and no directory\n"


def test_recordings_are_listed_with_their_times(tmp_path: Path) -> None:
    root = tmp_path.resolve()
    recipe = put_down_recordings(root)
    _, run = taken(root, recipe.with_(data=(StationData("BO", f"{root}/BO_*.vdif", list_as="VDIF"),)))
    (named,) = orders_of(run).antennas["BO"].words("filelist")
    listed = Path(named)
    assert listed.parent == root / "one"
    ((name, start, stop),) = (line.split() for line in listed.read_text().splitlines() if line[0] != "#")
    assert Path(name).parent == root
    assert 2.0 < (float(stop) - float(start)) * 86400 < 5.0, "the scan, and a little on both sides"


async def test_a_mark6_tells_only_that_a_module_is_in(tmp_path: Path) -> None:
    from difxnb.intensives.modules import look_at_modules

    root = tmp_path.resolve()
    recipe = put_down(root)
    async with own_server(root) as server, aio.connect("127.0.0.1", server.port) as difx:
        at = context(root, recipe, eop={"vex": str(root / "demo.vex")})
        at.difx = difx
        one = StationData("CE", "HPC%0001", "module")
        assert await look_at_modules(at, one) == "", "nothing was heard of any recorder"
        status = Mark6Status(state="Idle", msn=("HPC%0001", "", "", ""))
        difx.recorders.add(Message(Header(source="mark6-01", identifier="mk5daemon"), status), 1.0)
        assert await look_at_modules(at, one) == ""
        assert await look_at_modules(at, StationData("CE", "HPC%0002", "module")) == (
            "module HPC%0002 is in none of the recorders that were heard of"
        )
        assert await look_at_modules(at, StationData("CE", "mark6-01:HPC%0002", "module")) == (
            "module HPC%0002 is in no slot of mark6-01"
        )


def test_what_cannot_be_copied_or_listed_is_refused_when_a_recipe_is_made() -> None:
    with pytest.raises(ValueError, match="copy_to goes with a module and its recorder"):
        StationData("CE", "NRAO+321", "module", copy_to="/data/raw")
    with pytest.raises(ValueError, match="copy_to is an absolute path"):
        StationData("CE", "mark5fx01:NRAO+321", "module", copy_to="raw")
    with pytest.raises(ValueError, match="list_as goes with files"):
        StationData("CE", "/data/ce.list", "filelist", list_as="VDIF")
