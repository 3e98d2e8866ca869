# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs and models that our server makes itself where it was told of no vex2difx (7.7)."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from difxnb.formats.calc import read_calc
from difxnb.formats.im import read_im
from difxnb.formats.input import read_input
from difxnb.server.confinement import Confinement
from difxnb.server.job_maker import JobMaker
from difxnb.wire.control import NoticeSeverity
from tests.making.schedules import observed_at
from tests.server.peers import Peer, run
from tests.server.recorder_rooms import ask
from tests.server.replaying import AS_RECORDED, capture, play
from tests.server.test_vex2difx import ended, notices, paths, request, workshop

V2D = """\
vex = e.vex
startSeries = 0
singleScan = True
nCore = 1  nThread = 1
machines = a, b, c, d
SETUP default { tInt = 1.0  nChan = 32  nFFTChan = 128  doPolar = False  subintNS = 100000000 }
ANTENNA Aa { file = /data/aa.vdif }
ANTENNA Bb { file = /data/bb.vdif  deltaClock = 0.25 }
"""
FILES = ("calc", "flag", "input", "machines", "threads")


@asynccontextmanager
async def room(tmp_path: Path, v2d: str = V2D, **options: object) -> AsyncIterator[tuple[Path, Peer]]:
    async with workshop(tmp_path, None, **options) as (exp, _, peer):
        (exp / "e.v2d").write_text(v2d)
        (exp / "e.vex").write_text(observed_at("Aa", "Bb"))
        yield exp, peer


def made_of(exp: Path) -> list[str]:
    return sorted(path.name for path in exp.iterdir() if path.name not in ("e.v2d", "e.vex"))


def test_the_conversation_is_that_of_the_real_server(tmp_path: Path) -> None:
    """Capture 35: the same kinds of packets in the same order, the same pieces on the channel."""
    root = (tmp_path / "root").resolve()
    place = root / "jobs" / "v2d1"
    place.mkdir(parents=True)
    (place / "demo.v2d").write_text(V2D)
    (place / "e.vex").write_text(observed_at("Aa", "Bb"))
    play(capture("35_vex2difx"), root, quirks=f"{AS_RECORDED},ignored-status")
    assert {f"{job}.{end}" for job in ("demo", "demo_1") for end in (*FILES, "im")} <= set(os.listdir(place))


def test_jobs_and_models_are_made_without_programs(tmp_path: Path) -> None:
    async def main() -> None:
        async with room(tmp_path) as (exp, peer):
            stream = await ask(peer, request(exp, calc_command="difxcalc"), ended)
            assert paths(stream) == [f"{exp}/{name}" for name in ("e.input", "e_1.input", "e.im", "e_1.im")]
            assert notices(peer) == [
                (5, f"Executing: cd {exp};  vex2difx -f e.v2d"),
                (4, "vex2difx... start date: 2024y001d12h00m00s"),
                (4, "vex2difx... 2 job(s) created."),
                (5, "vex2difx complete"),
                (5, "running difxcalc on all new .calc files"),
                (5, "difxcalc complete"),
            ]
            assert made_of(exp) == sorted(
                ["e.joblist", *(f"{job}.{end}" for job in ("e", "e_1") for end in (*FILES, "im"))]
            )
            inp, calc, im = (
                read_input(exp / "e_1.input"),
                read_calc(exp / "e_1.calc"),
                read_im(exp / "e_1.im"),
            )
            assert inp.calc_filename == f"{exp}/e_1.calc"
            assert calc.vex_file == f"{exp}/e.vex"
            assert im.telescopes == ["AA", "BB"]
            assert len(im.scans) == len(calc.scans) == 1

    run(main())


def test_every_reason_is_said_and_nothing_is_made(tmp_path: Path) -> None:
    v2d = V2D.replace("ANTENNA Aa {", "ZOOM z { }\nANTENNA Aa { sampling = COMPLEX ").replace(
        "nCore", "ncore"
    )

    async def main() -> None:
        async with room(tmp_path, v2d) as (exp, peer):
            assert paths(await ask(peer, request(exp), ended)) == []
            said = [text for severity, text in notices(peer) if severity == 6]
            assert said[-1] == "vex2difx RETURNED ERRORS"
            assert [text.split(": ")[1] for text in said[:-1]] == [
                "ZOOM z",
                "ncore is no parameter; nCore is meant?",
                "ANTENNA Aa",
                "nCore and nThread are given together or not at all",
            ]
            assert made_of(exp) == []

    run(main())


@pytest.mark.parametrize(
    "vex",
    ["/etc/hostname", "../../secret.vex", "link.vex", "none.vex", "e.v2d"],
    ids=lambda name: Path(name).name,
)
def test_a_schedule_that_is_not_there_or_leads_out_is_refused(tmp_path: Path, vex: str) -> None:
    (tmp_path / "secret.vex").write_text(observed_at("Aa", "Bb"))

    async def main() -> None:
        async with room(tmp_path, V2D.replace("e.vex", vex)) as (exp, peer):
            (exp / "link.vex").symlink_to(tmp_path / "secret.vex")
            assert paths(await ask(peer, request(exp), ended)) == []
            assert (6, "vex2difx RETURNED ERRORS") in notices(peer)
            assert made_of(exp) == ["link.vex"]

    run(main())


def test_a_file_list_that_leads_out_is_refused(tmp_path: Path) -> None:
    (tmp_path / "list").write_text("/data/aa.vdif\n")
    v2d = V2D.replace("file = /data/aa.vdif", "filelist = ../../list")

    async def main() -> None:
        async with room(tmp_path, v2d) as (exp, peer):
            assert paths(await ask(peer, request(exp), ended)) == []
            assert any("filelist ../../list cannot be read" in text for _, text in notices(peer))

    run(main())


def test_a_v2d_of_no_fair_size_is_refused(tmp_path: Path) -> None:
    async def main() -> None:
        async with room(tmp_path, V2D + "# much\n" * 400_000) as (exp, peer):
            assert paths(await ask(peer, request(exp), ended)) == []
            assert (6, "vex2difx... Error: e.v2d has more than 2 MB") in notices(peer)

    run(main())


def test_only_its_own_series_is_written_over(tmp_path: Path) -> None:
    async def main() -> None:
        async with room(tmp_path) as (exp, peer):
            for name in ("e_1.input", "e_2.input", "other_1.input"):
                (exp / name).write_text("old")
                os.utime(exp / name, (1e9, 1e9))
            assert len(paths(await ask(peer, request(exp), ended))) == 4
            assert (exp / "e_1.input").read_text() != "old"
            assert [(exp / name).read_text() for name in ("e_2.input", "other_1.input")] == ["old"] * 2

    run(main())


def test_models_alone_are_made_anew(tmp_path: Path) -> None:
    async def main() -> None:
        async with room(tmp_path) as (exp, peer):
            await ask(peer, request(exp), ended)
            before = (exp / "e_1.im").read_text()
            (exp / "e_1.im").write_text("old")
            stream = await ask(peer, request(exp, file="e_*", calc_only=True), ended)
            assert paths(stream) == [f"{exp}/e_1.im"]
            assert (exp / "e_1.im").read_text() == before

    run(main())


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (("SCAN 0 DUR (S):     300", "SCAN 0 DUR (S):     999999999"), "too large"),
        (("NUM EOPS:           5", "NUM EOPS:           x"), "NUM EOPS"),
    ],
)
def test_a_model_that_cannot_be_made_is_said(tmp_path: Path, change: tuple[str, str], text: str) -> None:
    async def main() -> None:
        async with room(tmp_path) as (exp, peer):
            await ask(peer, request(exp), ended)
            (exp / "e.im").unlink()
            changed = (exp / "e.calc").read_text().replace(*change)
            (exp / "e.calc").write_text(changed)
            assert paths(await ask(peer, request(exp, file="e", calc_only=True), ended)) == []
            said = [one for severity, one in notices(peer) if severity == 6]
            assert text in said[0]
            assert said[1:] == ["calc RETURNED ERRORS", f"calc failed to create {exp}/e.im\n"]
            assert "e.im" not in made_of(exp)

    run(main())


def test_a_client_that_goes_leaves_nothing_behind(tmp_path: Path) -> None:
    """What is computed beside the loop ends before it writes."""
    (tmp_path / "e.v2d").write_text(V2D)
    (tmp_path / "e.vex").write_text(observed_at("Aa", "Bb"))

    async def main() -> None:
        async def say(_: NoticeSeverity, __: str) -> None:
            raise AssertionError("nobody is there")

        work = asyncio.create_task(JobMaker(Confinement(tmp_path), say).vex2difx(str(tmp_path), "e.v2d"))
        await asyncio.sleep(0)
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work
        await asyncio.get_running_loop().shutdown_default_executor()
        assert made_of(tmp_path) == []

    run(main())
