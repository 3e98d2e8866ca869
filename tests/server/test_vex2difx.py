# SPDX-License-Identifier: GPL-3.0-or-later
"""vex2difx and the delay model program as our server runs them (7.7), with programs made of a few shell lines."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from difxnb.server import GuiServer
from difxnb.wire import control
from difxnb.wire.message import Vex2DifxRun
from tests.server.peers import Peer, run, serving
from tests.server.recorder_rooms import ask, ask_dialling, install

VEX2DIFX = """\
echo "start date: today" >&2
echo "2 job(s) created."
for n in 1 2; do echo $n > e_$n.input; echo $n > e_$n.calc; done
"""
CALC = 'test "$1" = -f || exit 9; echo "model of $2"; echo im > "${2%.calc}.im"'
PROGRAMS = {"vex2difx": VEX2DIFX, "calc": CALC}


def ended(stream: bytes) -> bool:
    return stream.endswith(bytes(4))


def paths(stream: bytes) -> list[str]:
    found, at = [], 0
    while length := int.from_bytes(stream[at : at + 4], "big"):
        found.append(stream[at + 4 : at + 4 + length].decode())
        at += 4 + length
    assert at + 4 == len(stream)
    return found


@asynccontextmanager
async def workshop(
    tmp_path: Path, programs: Mapping[str, str] | None = PROGRAMS, **options: object
) -> AsyncIterator[tuple[Path, GuiServer, Peer]]:
    """An experiment's directory, a server for it that knows programs, and a client."""
    root = tmp_path / "root"
    (root / "exp").mkdir(parents=True)
    (root / "exp" / "e.v2d").write_text("vex = e.vex\n")
    directory = None if programs is None else install(tmp_path / "bin", programs)
    async with serving(root.resolve(), programs=directory, **options) as server:
        peer = await Peer.connect(server)
        yield root.resolve() / "exp", server, peer
        await peer.close()


def request(exp: Path, **changes: object) -> Vex2DifxRun:
    values: dict[str, object] = {
        "pass_path": str(exp),
        "file": "e.v2d",
        "calc_command": "calc",
        "calc_only": False,
    }
    return Vex2DifxRun(**{**values, **changes})  # type: ignore[arg-type]


def notices(peer: Peer) -> list[tuple[int, str]]:
    return [(int(e.severity), e.text) for e in peer.events if isinstance(e, control.Notice)]


def test_jobs_and_models_are_made(tmp_path: Path) -> None:
    """7.7: paths of inputs, then of models, without line feeds, then 0; programs are heard as notices."""

    async def main() -> None:
        async with workshop(tmp_path) as (exp, server, peer):
            await peer.send(control.SetupPath("rungeneric.X"))
            stream = await ask(peer, request(exp), ended)
            assert paths(stream) == [
                f"{exp}/{name}" for name in ("e_1.input", "e_2.input", "e_1.im", "e_2.im")
            ]
            assert [len(piece) for piece in peer.pieces[50310]][::2] == [4] * 5
            assert set(notices(peer)) == {
                (5, f"Executing: cd {exp}; rungeneric.X vex2difx -f e.v2d"),
                (6, "vex2difx... start date: today"),
                (4, "vex2difx... 2 job(s) created."),
                (5, "vex2difx complete"),
                (5, "running calc on all new .calc files"),
                (5, "calc complete"),
            }
            assert await ask_dialling(server, request(exp)) == stream

    run(main())


def test_any_error_output_is_an_error_to_the_real_server(tmp_path: Path) -> None:
    """Section 15: "RETURNED ERRORS" also on success."""

    async def main() -> None:
        async with workshop(tmp_path, quirks="ignored-status") as (exp, _, peer):
            assert len(paths(await ask(peer, request(exp), ended))) == 4
            assert (6, "vex2difx RETURNED ERRORS") in notices(peer)

    run(main())


def test_only_what_is_new_is_named(tmp_path: Path) -> None:
    async def main() -> None:
        async with workshop(tmp_path, {"vex2difx": "echo 2 > new.input", "calc": ""}) as (exp, _, peer):
            for name in ("old.input", "old.calc", "old.im"):
                (exp / name).write_text("old")
                os.utime(exp / name, (1e9, 1e9))
            assert paths(await ask(peer, request(exp), ended)) == [f"{exp}/new.input"]
            assert sorted(path.name for path in exp.iterdir()) == [
                "e.v2d", "new.input", "old.calc", "old.im", "old.input"
            ]  # fmt: skip

    run(main())


def test_models_alone(tmp_path: Path) -> None:
    """7.7 with calcOnly: touch, rm -f, then the models."""

    async def main() -> None:
        async with workshop(tmp_path) as (exp, _, peer):
            for name in ("e_1.calc", "e_2.calc", "f_1.calc", "e_1.im", "f_1.im"):
                (exp / name).write_text("old")
                os.utime(exp / name, (1e9, 1e9))
            stream = await ask(peer, request(exp, file="e_*", calc_only=True), ended)
            assert paths(stream) == [f"{exp}/e_1.im", f"{exp}/e_2.im"]
            assert (exp / "f_1.im").read_text() == "old"
            assert [text for severity, text in notices(peer) if severity == 5] == [
                f"Executing: cd {exp}; touch e_*.calc",
                f"Executing: cd {exp}; rm -f e_*.im",
                "running calc on all new .calc files",
                "calc complete",
            ]

    run(main())


@pytest.mark.parametrize(
    ("calc", "text"),
    [
        ("exit 3", "calc failed to create {exp}/e_1.im\n"),
        (": > e_1.im", "calc product {exp}/e_1.im is zero length\n"),
        ("echo x > e_1.im; touch -d 2001-01-01 e_1.im", "calc product {exp}/e_1.im exists but looks old\n"),
        ("echo trouble >&2; exit 1", "calc RETURNED ERRORS"),
        ("echo trouble >&2; exit 1", "calc... trouble"),
    ],
)
def test_models_that_are_not_made(tmp_path: Path, calc: str, text: str) -> None:
    async def main() -> None:
        programs = {"vex2difx": "echo 1 > e_1.input; echo 1 > e_1.calc", "calc": calc}
        async with workshop(tmp_path, programs) as (exp, _, peer):
            assert paths(await ask(peer, request(exp), ended)) == [f"{exp}/e_1.input"]
            assert (6, text.format(exp=exp)) in notices(peer)

    run(main())


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"pass_path": "{exp}/none"}, "nothing was run"),
        ({"pass_path": "/etc"}, "No such file"),
        ({"pass_path": ""}, "No such file"),
        ({"pass_path": "{exp}/e.v2d"}, "nothing was run"),
        ({"file": "../e.v2d"}, "a name in passPath"),
        ({"file": "e.v2d; touch x"}, "safe|may hold only"),
        ({"file": "-x"}, "no - in front"),
        ({"file": ""}, "file is empty"),
        ({"calc_command": ""}, "calcCommand is empty"),
        ({"calc_command": "/bin/sh"}, "a name in passPath"),
        ({"calc_command": "calc $(x)"}, "may hold only"),
        ({"calc_command": "nosuch", "calc_only": True}, "nosuch cannot be run: it is not among"),
    ],
)
def test_what_is_refused_changes_nothing(tmp_path: Path, changes: dict[str, object], text: str) -> None:
    """H24: nothing runs anywhere else, and the end marker comes all the same."""

    async def main() -> None:
        async with workshop(tmp_path) as (exp, _, peer):
            (exp / "e_1.im").write_text("precious")
            changed = {k: v.format(exp=exp) if isinstance(v, str) else v for k, v in changes.items()}
            assert await ask(peer, request(exp, **changed), ended) == bytes(4)
            assert len(notices(peer)) == 1
            assert any(part in notices(peer)[0][1] for part in text.split("|"))
            assert sorted(path.name for path in exp.iterdir()) == ["e.v2d", "e_1.im"]

    run(main())


def test_a_missing_delay_program_leaves_the_jobs(tmp_path: Path) -> None:
    async def main() -> None:
        async with workshop(tmp_path, {"vex2difx": VEX2DIFX}) as (exp, _, peer):
            assert len(paths(await ask(peer, request(exp), ended))) == 2
            assert (6, "calc RETURNED ERRORS") in notices(peer)

    run(main())


def test_without_programs_jobs_are_made_here(tmp_path: Path) -> None:
    """A server that was told of no programs has a vex2difx of its own; what it makes is in test_job_maker.py."""

    async def main() -> None:
        async with workshop(tmp_path, None) as (exp, _, peer):
            assert await ask(peer, request(exp), ended) == bytes(4)
            assert notices(peer) == [
                (5, f"Executing: cd {exp};  vex2difx -f e.v2d"),
                (6, f"vex2difx... Error: No such file or directory: {exp}/e.vex"),
                (6, "vex2difx RETURNED ERRORS"),
                (5, "running calc on all new .calc files"),
                (5, "calc complete"),
            ]

    run(main())


def test_a_server_with_vex2difx_makes_no_models_itself(tmp_path: Path) -> None:
    """Another model than was asked for would be taken for it."""

    async def main() -> None:
        async with workshop(tmp_path, {"vex2difx": VEX2DIFX}) as (exp, _, peer):
            assert await ask(peer, request(exp, file="e_1", calc_only=True), ended) == bytes(4)
            assert [text for _, text in notices(peer)] == [
                "calc cannot be run: it is not among the programs of this server"
            ]

    run(main())


def test_nothing_is_left_running_when_the_client_goes(tmp_path: Path) -> None:
    """A program and its children end with the client that had them run."""
    fifo = tmp_path / "alive"
    os.mkfifo(fifo)
    hold = f"exec 3> {fifo}; echo here >&3; sleep 1000 & sleep 1000"

    async def main() -> None:
        async with workshop(tmp_path, {"vex2difx": hold}) as (exp, server, peer):
            await peer.command(request(exp, port=5))
            # Opening, and reading to the end, last until the last holder of the other end is gone.
            with await asyncio.to_thread(fifo.open, "rb") as held:
                assert await asyncio.to_thread(held.readline) == b"here\n"
                await peer.close()
                assert await asyncio.to_thread(held.read) == b""
            other = await Peer.connect(server)
            await other.fence()
            await other.close()

    run(main())
