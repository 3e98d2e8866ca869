# SPDX-License-Identifier: GPL-3.0-or-later
"""Facts of a server, the choice of a DiFX version (4.7), and warnings where versions differ."""

from __future__ import annotations

import warnings
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from difxnb import aio
from difxnb.errors import UnsafeValue, VersionMismatch
from difxnb.formats.calc import read_calc, write_calc
from difxnb.wire.control import (
    AvailableVersion,
    DifxBase,
    EnvironmentVariable,
    Notice,
    NoticeSeverity,
    ServerEvent,
    ServerVersion,
    SetupPath,
    VersionRequest,
    VersionsComplete,
)
from difxnb.wire.message import Header, Message, Status
from tests.client.peers import ROBUST, Talker, own_server, scripted
from tests.jobs_to_run import put

REPLY: tuple[ServerEvent, ...] = (
    ServerVersion("DEVELr7531"),
    DifxBase("/opt/difx"),
    AvailableVersion("DIFX-2.8"),
    AvailableVersion("DIFX-2.9"),
    EnvironmentVariable("DIFX_BASE", "/opt/difx"),
    EnvironmentVariable("DIFX_VERSION", "DIFX-2.9"),
    VersionsComplete(),
)


@asynccontextmanager
async def listening(*reply: ServerEvent, paths: list[str]) -> AsyncIterator[aio.Correlator]:
    """A server that keeps the prefixes it is given."""

    async def script(talker: Talker) -> None:
        async for event in talker.events():
            if isinstance(event, VersionRequest):
                await talker.say(*reply)
            elif isinstance(event, SetupPath):
                paths.append(event.text)

    async with scripted(script) as port, aio.connect("127.0.0.1", port, patience=ROBUST) as difx:
        yield difx


async def test_a_version_is_chosen_and_kept_over_reconnections() -> None:
    """4.7, H6: the prefix goes before every command, after every connect."""
    paths: list[str] = []
    async with listening(*REPLY, paths=paths) as difx:
        server = difx.server
        assert (server.version_in_use, server.setup_path) == ("DIFX-2.9", "")
        await server.use_version("DIFX-2.8")
        assert (server.version_in_use, difx.server.version_in_use) == ("DIFX-2.8", "DIFX-2.8")
        assert difx.server.difx_versions["in_use"].tolist() == [True, False]
        assert "DiFX DIFX-2.8" in repr(difx.server)
        await difx.head_node.reconnect()
        await difx.server.use_version(None)
        assert difx.server.version_in_use == "DIFX-2.9"
    prefix = "/opt/difx/bin/rungeneric.DIFX-2.8"
    assert paths == ["", prefix, prefix, ""]


async def test_versions_that_are_not_installed() -> None:
    paths: list[str] = []
    async with listening(*REPLY, paths=paths) as difx:
        for wrong in ("DIFX-2.7", "2.9", "", "DIFX-2.9; rm -rf /"):
            with pytest.raises(ValueError, match=r"installed: DIFX-2\.8, DIFX-2\.9"):
                await difx.server.use_version(wrong)
        with pytest.raises(ValueError, match=r"did you mean 'DIFX-2\.9'"):
            await difx.server.use_version("difx-2.9")
    assert paths == [""], "nothing of that reaches the server"


async def test_a_version_with_a_name_for_the_shell() -> None:
    """H17: the server runs the prefix through its shell, unquoted."""
    paths: list[str] = []
    reply = (
        ServerVersion("x"),
        AvailableVersion("2.9;reboot"),
        AvailableVersion("DIFX-2.9"),
        VersionsComplete(),
    )
    async with listening(*reply, paths=paths) as difx:
        with pytest.raises(UnsafeValue):
            await difx.server.use_version("2.9;reboot")
        await difx.server.use_version("DIFX-2.9")
    assert paths == ["", "rungeneric.DIFX-2.9"], "without a base the server finds it by its PATH"


async def test_a_server_without_versions() -> None:
    """3.3: a warning comes instead of the list where no version is found."""
    paths: list[str] = []
    notice = Notice(NoticeSeverity.WARNING, "no DiFX version was found")
    async with listening(ServerVersion("x"), notice, VersionsComplete(), paths=paths) as difx:
        assert difx.server.difx_versions.empty
        assert list(difx.server.difx_versions) == ["version", "setup", "in_use"]
        assert difx.server.version_in_use == ""
        with pytest.raises(ValueError, match="installed: none that it knows of"):
            await difx.server.use_version("DIFX-2.9")


# -- versions around a job ----------------------------------------------------------------------------------------


def rename_version(input_file: Path, version: str) -> None:
    path = input_file.with_suffix(".calc")
    calc = read_calc(path)
    calc.difx_version = version
    write_calc(calc, path, overwrite=True)


@pytest.mark.parametrize(
    ("made_by", "ran", "differ", "warned"),
    [
        ("DiFX-2.9.0", "2.9", False, []),
        ("DiFX-2.8.1", "2.9", True, ["server DIFX-2.9 (its environment), files DiFX-2.8.1"]),
        ("DiFX-2.9.0", "2.8", True, ["mpifxcorr 2.8 (its messages)"]),
        ("", "", False, []),
    ],
)
async def test_versions_that_differ_are_warned_of_once(
    made: Path, tmp_path: Path, made_by: str, ran: str, differ: bool, warned: list[str]
) -> None:
    input_file = put(made, "short", tmp_path.resolve())
    rename_version(input_file, made_by)
    async with own_server(tmp_path, "2.9") as server, aio.connect("127.0.0.1", server.port) as difx:
        job = difx.job(str(input_file))
        if ran:
            said = Status(None, "Starting", f"Version {ran}")
            difx.jobs.add(Message(Header("n1", (), 0, job.identifier), said, 1), 1.0)
        versions = await job.versions()
        assert list(versions) == ["what", "version", "source"]
        assert versions.attrs["differ"] == differ
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            notes = [await job.warn_of_versions() for _ in range(2)]
        texts = [str(w.message) for w in caught if w.category is VersionMismatch]
        assert len(texts) == len(warned), "once, however often it is asked"
        for text, part in zip(texts, warned, strict=True):
            assert part in text
            assert "installed: DIFX-2.9" in text
        assert [note is not None for note in notes] == [bool(warned)] * 2
        difx.jobs.add(Message(Header("n1", (), 0, job.identifier), Status(None, "Done"), 2), 2.0)
        over = await job.version_note()
        assert (over is not None) == ("files DiFX-2.8.1" in " ".join(warned)), (
            "an earlier run is over and done"
        )


async def test_the_correlator_in_a_box_is_no_version_of_difx(made: Path, tmp_path: Path) -> None:
    input_file = put(made, "short", tmp_path.resolve())
    rename_version(input_file, "DiFX-2.8.1")
    async with own_server(tmp_path) as server, aio.connect("127.0.0.1", server.port) as difx:
        job = difx.job(str(input_file))
        assert await job.version_note() is None
        assert (await job.versions())["what"].tolist() == ["files"]


async def test_a_job_without_a_calc_file_is_not_warned_of(tmp_path: Path) -> None:
    (tmp_path / "e_1.input").touch()
    (tmp_path / "e_2.input").touch()
    (tmp_path / "e_2.calc").write_text("what?\n")
    async with own_server(tmp_path, "2.9") as server, aio.connect("127.0.0.1", server.port) as difx:
        for name in ("e_1", "e_2"):
            assert await difx.job(f"{tmp_path.resolve()}/{name}.input").version_note() is None
