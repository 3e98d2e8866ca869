# SPDX-License-Identifier: GPL-3.0-or-later
"""Experiments put down on a server: looked at first, written whole or not at all, and made again without a station."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pandas as pd
import pytest

from difxnb import aio
from difxnb.aio.experiment_files import kind_of, next_stem
from difxnb.aio.experiment_orders import Named
from difxnb.aio.experiment_plan import plan_experiment
from difxnb.errors import (
    FileFormatError,
    NothingMade,
    RemoteFileChanged,
    RemoteFileError,
    RemoteFileExists,
    RemoteFileNotFound,
    UnsafeValue,
)
from difxnb.formats.input import read_input
from difxnb.formats.v2d import parse_v2d, read_v2d
from difxnb.formats.v2d_templates import V2dTemplate
from difxnb.formats.vex import parse_vex, read_vex
from difxnb.synthetic import small_experiment
from difxnb.synthetic.observing_files import v2d_text, vex_text
from tests.client.peers import own_server, patience_for
from tests.server.recorder_rooms import install

EXPERIMENT = small_experiment()
NAME = EXPERIMENT.name
VEX = vex_text(EXPERIMENT)
V2D = v2d_text(EXPERIMENT, Path("/data"))
STATIONS = [station.code for station in EXPERIMENT.stations]

# As vex2difx it calls jobs after jobSeries, else after the file.
VEX2DIFX = """\
stem=${2%.v2d}
test -f "$(sed -n 's/^vex = \\([^ ]*\\).*/\\1/p' $2)" || { echo "Error: no schedule" >&2; exit 1; }
echo "Warning: no clock" >&2
echo x > ${stem}_1.input; echo x > ${stem}_1.calc
"""
PROGRAMS = {"vex2difx": VEX2DIFX, "difxcalc": 'echo im > "${2%.calc}.im"'}


@asynccontextmanager
async def workshop(
    tmp_path: Path, quirks: str | None = None, programs: Mapping[str, str] | None = PROGRAMS
) -> AsyncIterator[tuple[aio.Correlator, Path]]:
    """A server whose root holds ``src/NAME.vex``."""
    root = (tmp_path / "root").resolve()
    (root / "src").mkdir(parents=True)
    (root / "src" / f"{NAME}.vex").write_text(VEX)
    where = {"programs": install(tmp_path / "bin", programs)} if programs else {}
    async with (
        own_server(root, quirks, **where) as server,
        aio.connect("127.0.0.1", server.port, patience=patience_for(quirks)) as difx,
    ):
        yield difx, root


def everything(root: Path) -> dict[str, str]:
    """All files below a directory, with their texts."""
    return {str(path.relative_to(root)): path.read_text() for path in root.rglob("*") if path.is_file()}


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
        assert shown["text"].tolist() == ["", V2D, VEX, "", ""]
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


async def test_a_schedule_from_everywhere(tmp_path: Path) -> None:
    """The server's file wins over one of the same path here; ``file:`` means the one here."""
    here = tmp_path / "here.vex"
    here.write_text(VEX + "* from here\n")
    async with workshop(tmp_path) as (difx, root):

        async def shown(vex: object) -> tuple[str, str, str]:
            frame = await difx.new_experiment(f"{root}/exp", vex=vex, v2d=V2D, make=False, preview=True)  # type: ignore[arg-type]
            return tuple(frame.loc[2, ["path", "text", "detail"]])

        name, text, note = await shown(here)
        assert (name, text, note) == (f"{root}/exp/here.vex", here.read_text(), f"{here} on this machine")
        assert (await shown(f"file:{here}"))[1] == here.read_text()
        assert (await shown(read_vex(here)))[0] == f"{root}/exp/here.vex"
        assert (await shown(parse_vex(VEX)))[0] == f"{root}/exp/{NAME}.vex"
        assert (await shown(VEX))[:2] == (f"{root}/exp/{NAME}.vex", VEX)
        assert (await shown(f"{root}/src/{NAME}.vex"))[1] == VEX
        with serving(VEX.encode()) as url:
            name, text, note = await shown(f"{url}/a/b.vex?x=1")
            assert (name, text, note) == (f"{root}/exp/b.vex", VEX, f"{url}/a/b.vex?x=1")
        with pytest.raises(OSError, match=r"b\.vex could not be fetched"):
            await shown(f"{url}/a/b.vex")  # nobody is there any more
        with pytest.raises(ValueError, match="a password"):
            await shown("https://a:b@c/d.vex")
        with pytest.raises(RemoteFileNotFound, match="nor on this machine"):
            await shown("/no/such.vex")
        with pytest.raises(FileNotFoundError):
            await shown("no-such.vex")
        with pytest.raises(ValueError, match="this is a directory"):
            await shown(f"{root}/src")
        with pytest.raises(FileFormatError):
            await shown("no schedule\nat all;\n")


async def test_a_v2d_from_everywhere_names_the_schedule(tmp_path: Path) -> None:
    here = tmp_path / "orders.v2d"
    here.write_text("# mine\nvex = other.vex  # this one\n" + V2D.partition("vex = ")[2].partition("\n")[2])
    template = "vex = ${VEX}\nantennas = ${STATIONS}\nnCore = ${cores:2}\nSETUP default { tInt = ${tint} }\n"
    async with workshop(tmp_path) as (difx, root):

        async def shown(**keywords: object) -> tuple[str, str]:
            frame = await difx.new_experiment(
                f"{root}/exp",
                vex=f"{root}/src/{NAME}.vex",
                make=False,
                preview=True,
                **keywords,  # type: ignore[arg-type]
            )
            return tuple(frame.loc[1, ["path", "text"]])

        for given in (here, f"file:{here}", parse_v2d(here.read_text(), here)):
            path, text = await shown(v2d=given)
            assert path == f"{root}/exp/orders.v2d"
            assert text.startswith(f"# mine\nvex = {NAME}.vex  # this one\n")
        assert here.read_text().startswith("# mine\nvex = other.vex")
        for given in ({"v2d": V2dTemplate(template)}, {"template": template}):
            path, text = await shown(**given, variables={"tint": 0.5})
            assert path == f"{root}/exp/{NAME}.v2d"
            assert "nCore = 2\nSETUP default { tInt = 0.5 }" in text
            assert f"vex = {NAME}.vex\n" in text
        with pytest.raises(ValueError, match="give one of the two"):
            await shown()
        with pytest.raises(ValueError, match="give one of the two"):
            await shown(v2d=V2D, template=template)
        with pytest.raises(ValueError, match="variables are for templates"):
            await shown(v2d=V2D, variables={"tint": 1})
        with pytest.raises(ValueError, match="tint"):
            await shown(template=template)
        bad = tmp_path / "a_b.v2d"
        bad.write_text(V2D)
        with pytest.raises(ValueError, match="vex2difx names jobs after"):
            await shown(v2d=bad)


async def test_stations_are_chosen(tmp_path: Path) -> None:
    first, *others = STATIONS
    async with workshop(tmp_path) as (difx, root):

        async def antennas(**keywords: object) -> list[str]:
            frame = await difx.new_experiment(
                f"{root}/exp",
                vex=f"{root}/src/{NAME}.vex",
                v2d=V2D,
                make=False,
                preview=True,
                **keywords,  # type: ignore[arg-type]
            )
            return parse_v2d(frame.loc[1, "text"]).words("antennas")

        assert await antennas(stations=[code.lower() for code in STATIONS[:2]]) == STATIONS[:2]
        assert await antennas(without=[first]) == others
        with pytest.raises(ValueError, match="there is no station 'Zz' in the schedule; there are"):
            await antennas(without=["Zz"])
        with pytest.raises(ValueError, match="no station would be left"):
            await antennas(without=STATIONS)
        for keywords in ({"stations": first}, {"without": first}):
            with pytest.raises(ValueError, match=f"{next(iter(keywords))} is a list of names; got '{first}'"):
                await antennas(**keywords)


async def test_what_is_in_the_way_is_told_before_anything_is_written(tmp_path: Path) -> None:
    async with workshop(tmp_path) as (difx, root):
        exp = root / "exp"
        exp.mkdir()
        (exp / f"{NAME}.v2d").write_text("# of somebody else\n")
        (exp / f"{NAME}_1.input").write_text("theirs")
        (exp / "other_1.input").write_text("theirs")
        (exp / f"{NAME}x_1.input").write_text("theirs")
        before = everything(root)
        keywords = {"vex": f"{root}/src/{NAME}.vex", "v2d": V2D}
        with pytest.raises(
            RemoteFileExists, match=rf"{NAME}.v2d, .*{NAME}_1.input would be replaced"
        ) as caught:
            await difx.new_experiment(str(exp), **keywords)
        assert "other_1" not in str(caught.value)
        assert f"{NAME}x_1" not in str(caught.value)
        assert everything(root) == before
        shown = await difx.new_experiment(str(exp), **keywords, preview=True)
        assert shown.attrs["clashes"] == [f"{exp}/{NAME}.v2d", f"{exp}/{NAME}_1.input"]
        assert shown["action"].tolist() == ["replace", "write", "run", "make job"]
        assert shown["exists"].tolist() == [True, False, True, True]
        jobs = await difx.new_experiment(str(exp), **keywords, overwrite=True)
        assert jobs["replaced"].tolist() == [True]
        assert (exp / f"{NAME}.v2d~").read_text() == "# of somebody else\n"
        assert (exp / "other_1.input").read_text() == "theirs"
        (root / "file").write_text("x")
        with pytest.raises(RemoteFileExists, match="a file of that name is in the way"):
            await difx.new_experiment(f"{root}/file", **keywords)


async def test_the_same_again_clashes_with_nothing_but_the_jobs(tmp_path: Path) -> None:
    async with workshop(tmp_path) as (difx, root):
        keywords = {"vex": f"{root}/src/{NAME}.vex", "v2d": V2D}
        first = await difx.new_experiment(f"{root}/src", **keywords, make=False)
        assert first["action"].tolist() == ["write", "keep"]
        jobs = await difx.new_experiment(f"{root}/src", **keywords)
        assert jobs["replaced"].tolist() == [False]
        again = await difx.new_experiment(f"{root}/src", **keywords, preview=True)
        assert again["action"].tolist() == ["keep", "keep", "run", "make job"]
        assert again.attrs["clashes"] == [f"{root}/src/{NAME}_1.input"]


async def test_problems_that_are_errors_keep_it_from_being_made(tmp_path: Path) -> None:
    bad = V2D.replace("SETUP", "SETUP bad { tInt = many }\nSETUP", 1)
    async with workshop(tmp_path) as (difx, root):
        before = everything(root)
        with pytest.raises(ValueError, match=r"no experiment was made of .*tInt.*preview=True shows all"):
            await difx.new_experiment(f"{root}/exp", vex=f"{root}/src/{NAME}.vex", v2d=bad)
        assert everything(root) == before
        shown = await difx.new_experiment(f"{root}/exp", vex=f"{root}/src/{NAME}.vex", v2d=bad, preview=True)
        problems = shown.attrs["problems"]
        assert not problems.attrs["passed"]
        assert problems.loc[0, "severity"] == "error"
        head, scan, rest = VEX.partition("scan No")
        timeless = head + scan + rest.replace("start = ", "start = x", 1)
        with pytest.raises(ValueError, match=r"no experiment was made of .*\$SCHED"):
            await difx.new_experiment(f"{root}/exp", vex=timeless, v2d=V2D)
        with pytest.raises(UnsafeValue):
            await difx.new_experiment(f"{root}/a;b", vex=f"{root}/src/{NAME}.vex", v2d=V2D)
        with pytest.raises(UnsafeValue):
            await difx.new_experiment(f"{root}/exp", vex=f"{root}/src/{NAME}.vex", v2d=V2D, calc="a;b")
        assert everything(root) == before


async def test_what_fails_half_way_leaves_nothing_behind(tmp_path: Path) -> None:
    """A real guiServer takes no NUL bytes, which a comment may hold: the .v2d is there by then, and goes again."""
    odd = VEX + "* \0\n"
    async with workshop(tmp_path, "2.9") as (difx, root):
        before = everything(root)
        with pytest.raises(RemoteFileError, match="NUL"):
            await difx.new_experiment(f"{root}/exp", vex=odd, v2d=V2D)
        assert everything(root) == before
        assert not (root / "exp").exists()
        (root / "old").mkdir()
        (root / "old" / f"{NAME}.v2d").write_text("# old\n")
        before = everything(root)
        with pytest.raises(RemoteFileError, match="NUL"):
            await difx.new_experiment(f"{root}/old", vex=odd, v2d=V2D, overwrite=True)
        assert everything(root) == before


async def test_texts_stay_where_no_job_was_made_of_them(tmp_path: Path) -> None:
    programs = {**PROGRAMS, "vex2difx": 'echo "Error: no antenna has data" >&2; exit 1'}
    async with workshop(tmp_path, programs=programs) as (difx, root):
        with pytest.raises(NothingMade, match="no antenna has data"):
            await difx.new_experiment(f"{root}/exp", vex=f"{root}/src/{NAME}.vex", v2d=V2D)
        assert sorted(path.name for path in (root / "exp").iterdir()) == [f"{NAME}.v2d", f"{NAME}.vex"]


async def test_two_people_at_once_are_never_told_of_jobs_that_are_the_others(tmp_path: Path) -> None:
    """A server has no way to take a name: whoever is told of jobs finds their own text beside them."""
    first, second, *_ = STATIONS
    other = V2D + "# of somebody else\n"
    async with (
        workshop(tmp_path) as (difx, root),
        aio.connect("127.0.0.1", difx.address.port) as their,
    ):
        vex = f"{root}/src/{NAME}.vex"
        ends = await asyncio.gather(
            difx.new_experiment(f"{root}/exp", vex=vex, v2d=V2D),
            their.new_experiment(f"{root}/exp", vex=vex, v2d=other),
            return_exceptions=True,
        )
        there = (root / "exp" / f"{NAME}.v2d").read_text()
        for text, end in zip((V2D, other), ends, strict=True):
            assert isinstance(end, RemoteFileError | pd.DataFrame), end
            assert isinstance(end, RemoteFileError) or there == text
        made = await asyncio.gather(
            difx.rebuild_without(f"{root}/exp/{NAME}.v2d", [first]),
            their.rebuild_without(f"{root}/exp/{NAME}.v2d", [second]),
            return_exceptions=True,
        )
        for station, end in zip((first, second), made, strict=True):
            assert isinstance(end, RemoteFileError | pd.DataFrame), end
            if isinstance(end, pd.DataFrame):
                assert station not in parse_v2d(Path(end.attrs["v2d"]).read_text()).words("antennas")


async def test_a_text_that_is_written_over_meanwhile_is_told(tmp_path: Path) -> None:
    """The program stands for somebody else here: it changes the .v2d that it is given."""
    programs = {**PROGRAMS, "vex2difx": VEX2DIFX + 'echo "# mine" >> $2\n'}
    async with workshop(tmp_path, programs=programs) as (difx, root):
        with pytest.raises(
            RemoteFileChanged, match=r"somebody else wrote .*the jobs of .* may be of another one"
        ):
            await difx.new_experiment(f"{root}/exp", vex=f"{root}/src/{NAME}.vex", v2d=V2D)
        with pytest.raises(RemoteFileChanged, match=f"its jobs may not be without {STATIONS[0]}"):
            await difx.rebuild_without(f"{root}/exp/{NAME}.v2d", [STATIONS[0]])


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
        third = await difx.rebuild_without(f"{exp}/{NAME}-2.v2d", [others[0].lower()])
        assert third["job"].tolist() == [f"{NAME}-3_1"]
        before = everything(exp)
        for wrong, text in [([], "which stations"), ("Aa", "which stations"), (["Zz"], "no station Zz")]:
            with pytest.raises(ValueError, match=text):
                await difx.rebuild_without(f"{exp}/{NAME}.v2d", wrong)
        with pytest.raises(ValueError, match="no station would be left"):
            await difx.rebuild_without(f"{exp}/{NAME}.v2d", STATIONS)
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


@contextmanager
def serving(content: bytes) -> Iterator[str]:
    """An HTTP server of one answer."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
