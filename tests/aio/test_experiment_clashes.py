# SPDX-License-Identifier: GPL-3.0-or-later
"""Experiments that meet others: nothing is written over unasked, and nothing is left half done."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pandas as pd
import pytest

from difxnb import aio
from difxnb.errors import (
    NothingMade,
    RemoteFileChanged,
    RemoteFileError,
    RemoteFileExists,
    UnsafeValue,
)
from difxnb.formats.v2d import parse_v2d
from tests.aio.experiment_room import (
    NAME,
    PROGRAMS,
    STATIONS,
    V2D,
    VEX,
    VEX2DIFX,
    everything,
    workshop,
)


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
