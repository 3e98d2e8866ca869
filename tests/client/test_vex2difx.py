# SPDX-License-Identifier: GPL-3.0-or-later
"""vex2difx and the delay model program (7.7) towards a far end: as recorded, going wrong, not asked at all."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from difxnb.errors import (
    ConnectionLost,
    NoReply,
    NothingMade,
    RemoteFileExists,
    RemoteFileNotFound,
    UnsafeValue,
)
from difxnb.wire.control import ChannelData, Notice, NoticeSeverity
from difxnb.wire.files import encode_line
from difxnb.wire.message import Vex2DifxRun
from tests.client.far_recorders import facing
from tests.client.peers import Talker, captured_reply

FILES = {"/d/": b"", "/d/e.v2d": b"vex = e.vex\n"}
Play = Callable[[Talker, object, int], Awaitable[None]]


def make(node: Any, v2d: str = "/d/e.v2d", **changes: Any) -> Awaitable[Any]:
    values = {"calc": "difxcalc", "overwrite": False, "timeout": 5, "on_line": lambda line: None}
    return node.make_jobs(v2d, **{**values, **changes})


def models(node: Any, pattern: str = "/d/e_*", **changes: Any) -> Awaitable[Any]:
    values = {"calc": "difxcalc", "overwrite": False, "timeout": 5, "on_line": lambda line: None}
    return node.make_models(pattern, **{**values, **changes})


def making(*paths: str, there: dict[str, bytes] | None = None, notice: str = "") -> Play:
    """Play a run that names paths; what is there afterwards are these, or `there`."""

    async def play(talker: Talker, body: object, port: int) -> None:
        if notice:
            await talker.say(Notice(NoticeSeverity.ERROR, notice))
        await talker.on_channel(port)
        play.far.files.update(dict.fromkeys(paths, b"made") if there is None else there)  # type: ignore[attr-defined]
        stream = [encode_line(path.encode()) for path in paths]
        await talker.say(*(ChannelData(port, piece) for piece in [*stream, bytes(4)]))

    return play


async def test_jobs_are_made() -> None:
    """7.7: passPath, file, calcCommand and calcOnly as they were said; the paths are the answer."""
    play = making("/d/e_1.input", "/d/e_2.input", "/d/e_1.im")
    async with facing(play, FILES) as (far, node):
        play.far = far  # type: ignore[attr-defined]
        lines: list[str] = []
        made = await make(node, on_line=lines.append)
        assert lines == ["/d/e_1.input", "/d/e_2.input", "/d/e_1.im"]
        assert [entry.path for entry in made.inputs] == ["/d/e_1.input", "/d/e_2.input"]
        assert made.model_of("/d/e_1.input") == "/d/e_1.im"
        assert made.model_of("/d/e_2.input") is None
        assert (made.replaced, made.untouched, made.missing) == (frozenset(), (), ())
        (request,) = far.requests
        assert isinstance(request, Vex2DifxRun)
        assert (request.pass_path, request.file, request.calc_command) == ("/d", "e.v2d", "difxcalc")
        assert request.calc_only is False


async def test_a_recorded_run() -> None:
    """7.7 and section 15: the bytes of a real server, which said "RETURNED ERRORS"."""
    channel, stream = captured_reply("35_vex2difx")
    where = "/srv/difx-soft/jobs/v2d1"
    paths = [f"{where}/{name}" for name in ("demo.input", "demo_1.input", "demo.im", "demo_1.im")]
    assert channel

    async def play(talker: Talker, body: object, port: int) -> None:
        await talker.say(Notice(NoticeSeverity.ERROR, "vex2difx RETURNED ERRORS"))
        far.files.update(dict.fromkeys(paths, b"made"))
        await talker.on_channel(port, stream)

    async with facing(play, {f"{where}/": b"", f"{where}/demo.v2d": b""}) as (far, node):
        made = await make(node, f"{where}/demo.v2d")
        assert [entry.path for entry in (*made.inputs, *made.models)] == paths


async def test_what_is_named_is_looked_at() -> None:
    """7.7: whole seconds are compared there, and others write as well."""
    before = {"/d/old_1.input": b"x", "/d/e_1.input": b"x", "/d/e_2.input": b"x"}
    named = ["/d/old_1.input", "/d/e_1.input", "/d/e_2.input", "/d/gone.input", "/d/empty.input"]

    async def play(talker: Talker, body: object, port: int) -> None:
        far.clocks["/d/e_1.input"] = "10:53:00.123456789"
        far.clocks["/d/e_2.input"] = "10:53:00.000000000"
        far.files["/d/empty.input"] = b""
        await talker.on_channel(port, *[encode_line(path.encode()) for path in named], bytes(4))

    async with facing(play, {**FILES, **before}) as (far, node):
        made = await make(node, overwrite=True)
        assert [entry.path for entry in made.inputs] == ["/d/e_1.input", "/d/e_2.input"]
        assert made.replaced == {"/d/old_1.input", "/d/e_1.input", "/d/e_2.input"}
        assert made.untouched == ("/d/old_1.input",)
        assert made.missing == ("/d/gone.input", "/d/empty.input")


async def test_times_without_fractions_prove_nothing() -> None:
    """A file that is the same to the second may have been made anew."""
    play = making("/d/e_1.input", there={})
    async with facing(play, {**FILES, "/d/e_1.input": b"made"}) as (far, node):
        play.far = far  # type: ignore[attr-defined]
        far.clocks["/d/e_1.input"] = "10:52:00.000000000"
        assert len((await make(node, overwrite=True)).inputs) == 1


async def test_no_job_is_an_error_with_what_was_said() -> None:
    play = making("/d/e_1.im", notice="vex2difx... Error: no antenna")
    async with facing(play, FILES) as (far, node):
        play.far = far  # type: ignore[attr-defined]
        with pytest.raises(NothingMade, match=r"no new job is in /d.*no antenna") as caught:
            await make(node)
        assert caught.value.lines == ("vex2difx... Error: no antenna",)


@pytest.mark.parametrize(
    ("v2d", "changes", "error", "text"),
    [
        ("/none/e.v2d", {}, RemoteFileNotFound, "there is no directory /none"),
        ("/d/f.v2d", {}, RemoteFileNotFound, "f.v2d"),
        ("/d/e.v2d/e.v2d", {}, RemoteFileNotFound, "there is no directory"),
        ("d/e.v2d", {}, ValueError, "absolute"),
        ("/d/e.vex", {}, ValueError, "reads a .v2d file"),
        ("/d/.v2d", {}, ValueError, "reads a .v2d file"),
        ("/d/*.v2d", {}, ValueError, "reads a .v2d file"),
        ("/d/e;x.v2d", {}, UnsafeValue, "v2d file"),
        ("/d/-e.v2d", {}, UnsafeValue, "no - in front"),
        ("/d/e.v2d", {"calc": ""}, UnsafeValue, "delay model program is empty"),
        ("/d/e.v2d", {"calc": "difxcalc -x"}, UnsafeValue, "delay model program"),
    ],
)
async def test_runs_that_are_not_asked_for(
    v2d: str, changes: dict[str, Any], error: type[Exception], text: str
) -> None:
    """H24: the directory is looked for first, and nothing that a shell would act on is sent."""
    async with facing(making(), FILES) as (far, node):
        with pytest.raises(error, match=text):
            await make(node, v2d, **changes)
        assert far.requests == []


@pytest.mark.parametrize(
    ("v2d", "there", "refused"),
    [
        (b"", "/d/e_1.input", True),
        (b"", "/d/e.input", True),
        (b"", "/d/ee_1.input", False),
        (b"jobSeries = p2", "/d/p2_7.input", True),
        (b"jobSeries = p2", "/d/e_1.input", False),
    ],
)
async def test_jobs_are_not_replaced_without_consent(v2d: bytes, there: str, refused: bool) -> None:
    files = {**FILES, "/d/e.v2d": v2d or b"#", there: b"mine"}
    play = making("/d/new.input")
    async with facing(play, files) as (far, node):
        play.far = far  # type: ignore[attr-defined]
        if refused:
            with pytest.raises(RemoteFileExists, match=r"may be replaced; overwrite=True"):
                await make(node)
            assert far.requests == []
        await make(node, overwrite=refused)
        assert len(far.requests) == 1


async def test_a_run_without_an_end_is_given_up_in_time() -> None:
    async def play(talker: Talker, body: object, port: int) -> None:
        await talker.on_channel(port, encode_line(b"/d/e_1.input"))
        await talker.say(Notice(NoticeSeverity.ERROR, "vex2difx... still thinking"))

    async with facing(play, FILES) as (_, node):
        with pytest.raises(NoReply, match=r"did not finish, and may go on.*still thinking"):
            await make(node, timeout=0.2)


async def test_models_alone() -> None:
    """7.7 with calcOnly: the name goes without extension."""
    files = {"/d/": b"", "/d/e_1.calc": b"x", "/d/e_2.calc": b"x"}
    for pattern in ("/d/e_*", "/d/e_*.input", "/d/e_*.calc", "/d/e_*.im"):
        play = making("/d/e_1.im", "/d/e_2.im")
        async with facing(play, files) as (far, node):
            play.far = far  # type: ignore[attr-defined]
            made = await models(node, pattern)
            assert [entry.path for entry in made.models] == ["/d/e_1.im", "/d/e_2.im"]
            (request,) = far.requests
            assert isinstance(request, Vex2DifxRun)
            assert (request.file, request.calc_only, request.pass_path) == ("e_*", True, "/d")


async def test_models_are_not_removed_without_consent() -> None:
    files = {"/d/": b"", "/d/e_1.calc": b"x", "/d/e_1.im": b"precious"}

    async def play(talker: Talker, body: object, port: int) -> None:
        far.clocks["/d/e_1.im"] = "11:00:00.5"
        await talker.on_channel(port, encode_line(b"/d/e_1.im"), bytes(4))

    async with facing(play, files) as (far, node):
        with pytest.raises(RemoteFileExists, match=r"e_1.im would be removed first"):
            await models(node)
        assert far.requests == []
        assert (await models(node, overwrite=True)).replaced == {"/d/e_1.im"}


@pytest.mark.parametrize(
    ("pattern", "error", "text"),
    [
        ("/d/f_*", RemoteFileNotFound, "f_"),
        ("/none/e_1", RemoteFileNotFound, "there is no directory /none"),
        ("/d/.input", ValueError, "a job has a name"),
        ("e_1", ValueError, "absolute"),
        ("/d/e_[1]", UnsafeValue, "pattern"),
        ("/d/", UnsafeValue, "empty"),
    ],
)
async def test_models_that_are_not_asked_for(pattern: str, error: type[Exception], text: str) -> None:
    """H24, and a pattern without a match, of which `touch` would make a file."""
    async with facing(making(), {"/d/": b"", "/d/e_1.calc": b"x"}) as (far, node):
        with pytest.raises(error, match=text):
            await models(node, pattern)
        assert far.requests == []


async def test_no_model_is_an_error() -> None:
    play = making(notice="difxcalc failed to create /d/e_1.im")
    async with facing(play, {"/d/": b"", "/d/e_1.calc": b"x"}) as (far, node):
        play.far = far  # type: ignore[attr-defined]
        with pytest.raises(NothingMade, match=r"no new model.*failed to create"):
            await models(node)


async def test_a_list_of_paths_that_breaks_off() -> None:
    """In TCP mode an early end is seen as such."""
    from dataclasses import dataclass

    from difxnb.client.vex2difx import _read_paths

    @dataclass
    class Short:
        left: list[bytes]

        async def read(self, n: int) -> bytes:
            return self.left.pop(0) if self.left else b""

    with pytest.raises(ConnectionLost, match="vex2difx x"):
        await _read_paths(Short([encode_line(b"/d/e")]), "vex2difx x", [], lambda line: None)  # type: ignore[arg-type]
    paths: list[str] = []
    await _read_paths(Short([encode_line(b"/d/e") + bytes(4)]), "vex2difx x", paths, lambda line: None)  # type: ignore[arg-type]
    assert paths == ["/d/e"]
