# SPDX-License-Identifier: GPL-3.0-or-later
"""Stops that are verified: what still lives is said, and nothing is believed before it is silent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from difxnb import aio
from difxnb.client.job_stop import ask_to_stop
from difxnb.errors import JobNotStopped, UnsafeValue
from difxnb.wire.control import Command, RelayCommand, decode_from_client, encode
from difxnb.wire.job import JobOutcome
from difxnb.wire.message import Header, Message, Status, Stop, parse, to_xml
from tests.aio.stage import Cable, job_at, place, stage, until_state
from tests.client.peers import ROBUST, Talker, own_server, patience_for, scripted
from tests.jobs_to_run import put

BRISK = replace(ROBUST, stop=0.4, quiet=0.5, gentle=0.5)


async def test_a_job_of_another_connection_ends_by_itself(tmp_path: Path, made: Path) -> None:
    """difxmessage.md 6.12: asked by a message first, it closes its output and says Terminated."""
    path = put(made, "short", tmp_path.resolve())
    async with (
        stage(tmp_path, "endless", "real-name") as server,
        job_at(path, server.port) as (difx, job),
        job_at(path, server.port) as (other, same_job),
    ):
        await place(job)
        run = await job.start()
        await asyncio.gather(until_state(difx), until_state(other))
        await same_job.stop()
        assert await run.wait(20) is JobOutcome.STOPPED
        # The server was never told to kill anything.
        assert not other.messages.frame(type="notice")["text"].str.contains("killing").any()
        assert "STATUS Terminated" in await job.log()


@pytest.mark.parametrize("quirks", ["2.9", None])
async def test_a_job_that_is_only_killed(tmp_path: Path, made: Path, quirks: str | None) -> None:
    """7.5: the real server's kill leaves no last state; silence and a still output are what is verified."""
    path = put(made, "short", tmp_path.resolve())
    async with (
        stage(tmp_path, "endless", quirks) as server,
        job_at(path, server.port, patience=patience_for(quirks)) as (difx, job),
        job_at(path, server.port, patience=patience_for(quirks)) as (other, same_job),
    ):
        await place(job)
        run = await job.start()
        await asyncio.gather(until_state(difx), until_state(other))
        await same_job.stop()
        await run.wait(20)
        again = await job.start(overwrite=True)
        await until_state(difx)
        await again.stop()
        assert again.outcome is JobOutcome.STOPPED
        assert again.outcome_evidence == "guiServer: job_terminated (100)"


async def test_a_stop_of_what_does_not_run(tmp_path: Path, made: Path) -> None:
    path = put(made, "short", tmp_path.resolve())
    async with own_server(tmp_path, "real-name") as server, job_at(path, server.port) as (_, job):
        await job.stop()
        path.with_suffix(".difx").mkdir()
        await job.stop()
        with pytest.raises(UnsafeValue, match="difx_program"):
            await job.stop(difx_program="x; reboot")


class Meddler:
    """A relay that notes which stops pass, and swallows them if it is to."""

    def __init__(self, port: int, swallow: tuple[type, ...] = ()) -> None:
        self.port, self.swallow = port, swallow
        self.stops: list[Stop] = []

    async def __call__(self, talker: Talker) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        answering = asyncio.create_task(self._down(reader, talker))
        try:
            while (packet := await talker.packet()) is not None:
                event = decode_from_client(packet)
                if not self._swallows(event):
                    writer.write(encode(event))
        finally:
            answering.cancel()
            await asyncio.gather(answering, return_exceptions=True)
            writer.transport.abort()

    async def _down(self, reader: asyncio.StreamReader, talker: Talker) -> None:
        while data := await reader.read(65536):
            await talker.say(data)

    def _swallows(self, event: object) -> bool:
        if not isinstance(event, (Command, RelayCommand)):
            return False
        message = parse(event.payload)
        if not isinstance(message, Message) or not isinstance(message.body, Stop):
            return False
        if isinstance(event, Command):
            self.stops.append(message.body)
        return isinstance(event, self.swallow)


async def test_the_programs_of_the_start_are_those_of_the_stop(tmp_path: Path, made: Path) -> None:
    """7.5: a real server looks for processes by the program's name."""
    path = put(made, "short", tmp_path.resolve())
    async with stage(tmp_path, "endless") as server:
        meddler = Meddler(server.port)
        async with scripted(meddler) as port, job_at(path, port) as (difx, job):
            await place(job)
            run = await job.start(difx_program="other", mpi_wrapper="mpiexec -q")
            await until_state(difx)
            await run.stop()
            await job.stop(difx_program="third")
    programs = [(stop.mpi_wrapper, stop.difx_program) for stop in meddler.stops]
    assert programs == [("mpiexec -q", "other"), (None, "third")]


async def test_a_stop_that_has_no_effect_is_followed_by_a_gentler_one(tmp_path: Path, made: Path) -> None:
    path = put(made, "short", tmp_path.resolve())
    async with stage(tmp_path, "endless") as server:
        meddler = Meddler(server.port, (Command,))
        async with scripted(meddler) as port, job_at(path, port, patience=BRISK) as (difx, job):
            await place(job)
            run = await job.start()
            await until_state(difx)
            await run.stop()
            assert len(meddler.stops) == 1
            assert await run.wait(20) is JobOutcome.STOPPED


async def test_what_still_lives_is_said(tmp_path: Path, made: Path) -> None:
    """Neither stop arrives: the packet that confirms it does not come, and the job goes on talking."""
    path = put(made, "short", tmp_path.resolve())
    async with stage(tmp_path, "endless") as server:
        meddler = Meddler(server.port, (Command, RelayCommand))
        async with scripted(meddler) as port, job_at(path, port, patience=BRISK) as (difx, job):
            await place(job)
            run = await job.start()
            await until_state(difx)
            with pytest.raises(
                JobNotStopped, match=r"no sign that it has ended.*status messages came"
            ) as caught:
                await run.stop()
            assert "the last one Running" in caught.value.signs[0]
            assert not run.done
            assert run.outcome is None


@asynccontextmanager
async def haunting(difx: aio.Correlator, output: Path | None) -> AsyncIterator[None]:
    """What a process on another host would do that nobody sees: talk, and write if it has an output."""
    header = Header(source="elsewhere", mpi_id=0, identifier="job", type="DifxStatusMessage")
    document = to_xml(Message(header=header, body=Status(state="Running"), sequence=1, size=0))

    async def haunt() -> None:
        while True:
            if output is None:
                await difx.head_node.do("haunt", lambda session: session.send(encode(RelayCommand(document))))
            else:
                with output.open("ab") as file:
                    file.write(b"x")
            await difx.head_node.fence()

    ghost = asyncio.create_task(haunt())
    try:
        yield
    finally:
        ghost.cancel()
        await asyncio.gather(ghost, return_exceptions=True)


@pytest.mark.parametrize("how", ["by messages", "by its output"])
@pytest.mark.parametrize("own", [True, False])
async def test_processes_that_the_server_does_not_see(
    tmp_path: Path, made: Path, how: str, own: bool
) -> None:
    """Seen at the messages that go on, or at output that grows, although guiServer has killed what it found."""
    path = put(made, "short", tmp_path.resolve())
    written = path.with_suffix(".difx") / "DIFX_1"
    async with (
        stage(tmp_path, "endless", "2.9") as server,
        job_at(path, server.port, patience=replace(BRISK, settle=0.1, stop=20.0)) as (_, job),
        job_at(path, server.port, patience=patience_for("2.9")) as (other, _),
    ):
        await place(job)
        run = await job.start()
        await until_state(other)
        written.parent.mkdir()
        async with haunting(other, None if how == "by messages" else written):
            stopping = run.stop() if own else stop_as_another(server.port, path)
            with pytest.raises(JobNotStopped) as caught:
                await stopping
        (sign,) = caught.value.signs
        assert ("status messages came" in sign) == (how == "by messages")
        assert ("its output grew from" in sign) == (how == "by its output")
        assert "look at its processes" in str(caught.value)
        if own:
            assert "guiServer says that it has stopped" in str(caught.value)
            assert run.outcome is JobOutcome.STOPPED


async def stop_as_another(port: int, path: Path) -> None:
    async with job_at(path, port, patience=replace(BRISK, settle=0.1)) as (difx, job):
        await until_state(difx) if difx.jobs.frame().empty else None
        await job.stop()


async def test_names_that_a_message_cannot_tell_apart(tmp_path: Path, made: Path) -> None:
    """Long names are cut, so only guiServer is asked; and nobody else's job of that name is."""
    root = tmp_path.resolve()
    path = put(made, "short", root)
    long = root / f"{'j' * 40}.input"
    path.rename(long)
    async with own_server(tmp_path, "real-name") as server, job_at(long, server.port) as (difx, job):
        with pytest.raises(ValueError, match="messages cut jjj"):
            await difx.head_node.do("ask", lambda session: ask_to_stop(session, str(long)))
        long.with_suffix(".difx").mkdir()
        await job.stop()


async def test_the_connection_breaks_while_a_job_is_stopped(tmp_path: Path, made: Path) -> None:
    """The stop is done once more over the next connection, and what became of the job is found."""
    path = put(made, "short", tmp_path.resolve())
    async with stage(tmp_path, "patient", "real-name") as server:
        cable = Cable(server.port)
        async with scripted(cable) as port, job_at(path, port, patience=BRISK) as (difx, job):
            await place(job)
            run = await job.start()
            await until_state(difx)
            # The server's notice that it kills something never arrives, nor anything behind it.
            cable.cut_before = b"killing PID"
            await run.stop()
            assert cable.cut_before == b""
            assert await run.wait(20) is JobOutcome.DONE  # a patient job is done when it is stopped
            assert run.outcome_evidence == "log: Done; messages: Done"
