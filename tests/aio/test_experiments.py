# SPDX-License-Identifier: GPL-3.0-or-later
"""Experiments put down on a server: looked at first, then made, made again without a station, and listed."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from difxnb.aio.experiment_files import kind_of, next_stem
from difxnb.aio.experiment_orders import Named
from difxnb.aio.experiment_plan import plan_experiment
from difxnb.errors import (
    NothingMade,
    RemoteFileNotFound,
)
from difxnb.formats.input import read_input
from difxnb.formats.v2d import parse_v2d, read_v2d
from difxnb.formats.vex import read_vex
from tests.aio.experiment_room import (
    EXPERIMENT,
    NAME,
    STATIONS,
    V2D,
    VEX,
    everything,
    workshop,
)


@pytest.mark.parametrize("quirks", [None, "2.9"])
async def test_an_experiment_is_put_down_and_its_jobs_are_made(tmp_path: Path, quirks: str | None) -> None:
    async with workshop(tmp_path, quirks) as (difx, root):
        lines: list[str] = []
        jobs = await difx.new_experiment(
            f"{root}/new/exp", vex=f"{root}/src/{NAME}.vex", v2d=V2D, progress=lines.append
        )
        assert jobs["input"].tolist() == [f"{root}/new/exp/{NAME}_1.input"]
        assert jobs["model"].tolist() == [f"{root}/new/exp/{NAME}_1.im"]
        assert (root / "new/exp" / f"{NAME}.vex").read_text() == VEX
        assert (root / "new/exp" / f"{NAME}.v2d").read_text() == V2D
        assert jobs.attrs["directory"] == f"{root}/new/exp"
        assert (jobs.attrs["vex"], jobs.attrs["v2d"]) == tuple(
            f"{root}/new/exp/{NAME}.{end}" for end in ("vex", "v2d")
        )
        assert jobs.attrs["problems"].attrs["passed"]
        assert "Warning: no clock" in jobs.attrs["remarks"]["text"].tolist()
        assert f"{root}/new/exp/{NAME}_1.input" in lines
        assert jobs.attrs["jobs"]["job"].tolist() == [f"{NAME}_1"]


async def test_a_preview_tells_everything_and_does_nothing(tmp_path: Path) -> None:
    async with workshop(tmp_path) as (difx, root):
        before = everything(root)
        shown = await difx.new_experiment(f"{root}/exp", vex=f"{root}/src/{NAME}.vex", v2d=V2D, preview=True)
        assert everything(root) == before
        assert not (root / "exp").exists()
        assert shown["action"].tolist() == ["make directory", "write", "write", "run", "make job"]
        assert shown["path"].tolist() == [
            f"{root}/exp",
            f"{root}/exp/{NAME}.v2d",
            f"{root}/exp/{NAME}.vex",
            f"{root}/exp/{NAME}.v2d",
            f"{root}/exp/{NAME}_1.input",
        ]
        v2d_begin, vex_begin = (
            f"{text.splitlines()[0]} … ({text.count(chr(10))} lines)" for text in (V2D, VEX)
        )
        assert shown["text"].tolist() == ["", v2d_begin, vex_begin, "", ""]
        assert shown.attrs["texts"] == {shown["path"][1]: V2D, shown["path"][2]: VEX}
        assert not shown["exists"].any()
        assert f"{root}/src/{NAME}.vex on " in shown["detail"][2]
        assert all(code.upper() in shown["detail"][4] for code in STATIONS)
        assert shown.attrs["clashes"] == []
        assert shown.attrs["problems"].empty  # the clocks that the schedule has not are in the .v2d
        assert shown.attrs["jobs"]["job"].tolist() == [f"{NAME}_1"]
        assert shown.attrs["jobs"]["exists"].tolist() == [False]


async def test_what_is_planned_otherwise_than_asked_for_is_a_note(tmp_path: Path) -> None:
    """An integration time that does not fit is changed where tweakIntTime allows it: nobody is to miss that."""
    orders = V2D.replace("tInt = 1.0", "tInt = 0.99") + "tweakIntTime = True\n"
    async with workshop(tmp_path, programs=None) as (difx, root):
        frame = await difx.new_experiment(
            f"{root}/exp", vex=f"{root}/src/{NAME}.vex", v2d=orders, preview=True
        )
        notes = frame.attrs["problems"].query("kind == 'plan note'")
        assert (notes["severity"] == "note").all()
        assert "instead of 0.99 s" in " ".join(notes["text"])


async def test_a_preview_is_what_is_then_made(tmp_path: Path) -> None:
    """By a server that makes jobs itself, and for a second set without a station."""
    many = V2D.replace("singleScan = False", "singleScan = True")
    async with workshop(tmp_path, programs=None) as (difx, root):
        keywords = {"vex": f"{root}/src/{NAME}.vex", "v2d": many}
        shown = await difx.new_experiment(f"{root}/exp", **keywords, preview=True)
        planned = shown.attrs["jobs"]
        assert len(planned) > 1
        jobs = await difx.new_experiment(f"{root}/exp", **keywords)
        assert jobs["input"].tolist() == planned["input"].tolist()
        assert shown.loc[shown["action"] == "make job", "path"].tolist() == jobs["input"].tolist()
        assert jobs["model"].notna().all()
        for job, path in zip(planned.itertuples(), jobs["input"], strict=True):
            made = read_input(path)
            assert [one.name for one in made.telescopes] == str(job.antennas).split()
            begin = (job.start - pd.Timestamp("1858-11-17")).total_seconds()
            assert made.start_mjd * 86400 + made.start_seconds == pytest.approx(begin, abs=1.0)
        before = everything(root / "exp")
        again = await difx.rebuild_without(f"{root}/exp/{NAME}.v2d", [STATIONS[0]])
        assert again["job"].tolist() == [f"{NAME}-2_{number}" for number in range(1, len(planned) + 1)]
        assert STATIONS[0].upper() not in [one.name for one in read_input(again["input"][0]).telescopes]
        after = everything(root / "exp")
        assert {name: after[name] for name in before} == before


async def test_what_the_server_cannot_make_is_told_in_the_preview(tmp_path: Path) -> None:
    """As notes, for a real vex2difx could; the server that makes jobs itself says the same as errors."""
    zoomed = V2D.replace("ANTENNA", "ZOOM z { addZoomFreq = freq@8400/bw@1 }\nANTENNA", 1)
    async with workshop(tmp_path, programs=None) as (difx, root):
        keywords = {"vex": f"{root}/src/{NAME}.vex", "v2d": zoomed}
        shown = await difx.new_experiment(f"{root}/exp", **keywords, preview=True)
        problems = shown.attrs["problems"]
        reasons = problems.loc[problems["kind"] == "not planned", "text"].tolist()
        assert reasons
        assert problems.attrs["passed"]
        assert shown.attrs["jobs"].empty
        with pytest.raises(NothingMade) as caught:
            await difx.new_experiment(f"{root}/exp", **keywords)
        assert any(reasons[0] in line for line in caught.value.lines)


async def test_recordings_of_lists_on_the_server_are_planned_with(tmp_path: Path) -> None:
    """Lists are on the server and not here; a station whose recordings are of another day has no data."""
    async with workshop(tmp_path, programs=None) as (difx, root):
        (root / "exp").mkdir()
        day = int(EXPERIMENT.start_mjd)
        first = parse_v2d(V2D).with_files(STATIONS[0], filelist="first.list")

        async def shown() -> pd.DataFrame:
            vex = f"{root}/src/{NAME}.vex"
            return await difx.new_experiment(f"{root}/exp", vex=vex, v2d=first.text, preview=True)

        (root / "exp" / "first.list").write_text(f"/data/a.vdif {day}.0 {day + 1}.0\n")
        assert (await shown()).attrs["jobs"]["n_antennas"].tolist() == [len(STATIONS)]
        (root / "exp" / "first.list").unlink()
        problems = (await shown()).attrs["problems"]
        assert any("first.list was not found on the server" in text for text in problems["text"])


SAMPLES = {
    "vex2difx-output/tiny/tiny": "vex",
    "public/synthetic-tests/test-usb": "vex",
    "public/synthetic-tests/test-usb-dsb": "vex",
    "public/synthetic-tests/test-lsb-complex": "vex",
    "public/vex2difx-samples/corr1": "skd",
    "public/vex2difx-samples/dq601": "vex.obs",
    "public/ma008/ma008": "vex.difx",
}


@pytest.mark.parametrize(("name", "end"), SAMPLES.items())
def test_what_a_real_vex2difx_took_is_not_refused(shared: Path, name: str, end: str) -> None:
    path = shared / "data/difx-samples" / name
    vex, orders = read_vex(path.with_name(f"{path.name}.{end}")), read_v2d(path.with_name(f"{path.name}.v2d"))
    named = Named(f"{path.name}.{end}", ""), Named(f"{path.name}.v2d", "")
    plan = plan_experiment("/data/x", (vex, named[0]), (orders, named[1]), None, calc="difxcalc")
    assert plan.problems.attrs["passed"], plan.problems
    assert plan.frame()["action"].tolist()[:4] == ["make directory", "write", "write", "run"]


async def test_jobs_again_without_a_station(tmp_path: Path) -> None:
    first, *others = STATIONS
    async with workshop(tmp_path) as (difx, root):
        await difx.new_experiment(f"{root}/exp", vex=f"{root}/src/{NAME}.vex", v2d=V2D + "jobSeries = abc\n")
        exp = root / "exp"
        before = everything(exp)
        jobs = await difx.rebuild_without(f"{exp}/{NAME}.v2d", [first])
        assert jobs["job"].tolist() == [f"{NAME}-2_1"]
        assert jobs.attrs["v2d"] == f"{exp}/{NAME}-2.v2d"
        assert jobs.attrs["without"] == [first]
        new = parse_v2d((exp / f"{NAME}-2.v2d").read_text())
        assert new.words("antennas") == others
        assert first not in new.antennas
        assert "jobSeries" not in new
        assert f"-antennas = {', '.join(STATIONS)}" in jobs.attrs["diff"]
        after = everything(exp)
        assert {name: after[name] for name in before} == before
        with (exp / f"{NAME}-2.v2d").open("a") as orders:
            orders.write("minSubarray = 1\n")
        third = await difx.rebuild_without(f"{exp}/{NAME}-2.v2d", [others[0].lower()])
        assert third["job"].tolist() == [f"{NAME}-3_1"]
        before = everything(exp)
        for wrong, text in [([], "which stations"), ("Aa", "which stations"), (["Zz"], "no station Zz")]:
            with pytest.raises(ValueError, match=text):
                await difx.rebuild_without(f"{exp}/{NAME}.v2d", wrong)
        with pytest.raises(ValueError, match="no station would be left"):
            await difx.rebuild_without(f"{exp}/{NAME}.v2d", STATIONS)
        with pytest.raises(
            ValueError, match=f"only {STATIONS[0]} would be left, and a job needs 2; minSubarray"
        ):
            await difx.rebuild_without(f"{exp}/{NAME}.v2d", others)
        assert everything(exp) == before


async def test_stations_of_a_v2d_that_names_none_are_those_of_its_schedule(tmp_path: Path) -> None:
    first, *others = STATIONS
    text = "".join(line for line in V2D.splitlines(keepends=True) if not line.startswith("antennas"))
    async with workshop(tmp_path) as (difx, root):
        (root / "src" / "e.v2d").write_text(text)
        jobs = await difx.rebuild_without(f"{root}/src/e.v2d", [first])
        assert parse_v2d((root / "src" / "e-2.v2d").read_text()).words("antennas") == others
        assert jobs["job"].tolist() == ["e-2_1"]
        (root / "src" / "f.v2d").write_text("nCore = 2\n")
        with pytest.raises(ValueError, match="names no schedule"):
            await difx.rebuild_without(f"{root}/src/f.v2d", [first])
        (root / "src" / "f.v2d").write_text(f"vex = {tmp_path}/only-here.vex\n")
        (tmp_path / "only-here.vex").write_text(VEX)
        with pytest.raises(RemoteFileNotFound):
            await difx.rebuild_without(f"{root}/src/f.v2d", [first])


async def test_files_by_what_they_are(tmp_path: Path) -> None:
    async with workshop(tmp_path) as (difx, root):
        await difx.new_experiment(f"{root}/exp", vex=f"{root}/src/{NAME}.vex", v2d=V2D)
        (root / "exp" / f"{NAME}_1.difx").mkdir()
        files = await difx.experiment_files(f"{root}/exp")
        assert files.columns.tolist() == ["name", "kind", "job", "size", "modified", "path"]
        kinds = dict(zip(files["name"], zip(files["kind"], files["job"], strict=True), strict=True))
        assert kinds == {
            f"{NAME}.vex": ("vex", None),
            f"{NAME}.v2d": ("v2d", None),
            **{f"{NAME}_1.{end}": (end, f"{NAME}_1") for end in ("input", "calc", "im", "difx")},
        }
        with pytest.raises(RemoteFileNotFound):
            await difx.experiment_files(f"{root}/none")


@pytest.mark.parametrize(
    ("name", "kind", "job"),
    [
        ("e.vex.obs", "vex", ""),
        ("e.skd", "vex", ""),
        ("e_1.difx.2", "difx", "e_1"),
        ("e_1.difxlog.10", "difxlog", "e_1"),
        ("e.v2d~", "backup", ""),
        ("e.v2d~12", "backup", ""),
        ("e.joblist", "joblist", ""),
        ("e-Aa.filelist", "filelist", ""),
        (".input", "other", ""),
        ("README", "other", ""),
    ],
)
def test_kinds_of_files(name: str, kind: str, job: str) -> None:
    assert kind_of(name) == (kind, job)


def test_names_that_follow() -> None:
    assert next_stem("/d/e.v2d", []) == "e-2"
    assert next_stem("/d/e-2.v2d", ["e-2.v2d"]) == "e-3"
    assert next_stem("/d/e.v2d", ["e.v2d", "e-2.v2d", "e-3_1.input", "e-20.v2d"]) == "e-4"
