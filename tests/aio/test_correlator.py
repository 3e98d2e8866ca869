# SPDX-License-Identifier: GPL-3.0-or-later
"""The user's verbs on files, messages and the connection, against the own server."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pandas as pd
import pytest

from difxnb import aio
from difxnb.errors import ConnectionFailed, ConnectionLost, JobNotStopped, RemoteFileNotFound
from difxnb.wire.control import (
    Command,
    Notice,
    NoticeSeverity,
    Relayed,
    RelaySwitch,
    VersionRequest,
    decode_from_client,
)
from difxnb.wire.files import END_OF_LINES
from difxnb.wire.message import FileOperation, Message, parse
from tests.client.peers import ROBUST, VERSION_REPLY, Talker, own_server, scripted


@asynccontextmanager
async def correlator(
    root: Path, quirks: str | None = None, **options: object
) -> AsyncIterator[aio.Correlator]:
    async with (
        own_server(root, quirks) as server,
        aio.connect("127.0.0.1", server.port, **options) as difx,
    ):
        yield difx


async def test_two_ways_to_connect(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with own_server(tmp_path) as server:
        monkeypatch.setenv("DIFX_CONTROL_HOST", "127.0.0.1")
        monkeypatch.setenv("DIFX_CONTROL_PORT", str(server.port))
        connecting = aio.connect()
        assert "not connected yet" in repr(connecting)
        difx = await connecting
        assert "DIFX_CONTROL_HOST" in repr(difx)
        assert "channel" in repr(difx)
        await difx.close()
        await difx.close()
        assert difx.closed
        assert "closed" in repr(difx)
        async with aio.connect(transport="dial-back") as difx:
            assert difx.transport == "dial-back"
        assert difx.closed


async def test_a_failed_connection_leaves_nothing() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        with pytest.raises(ConnectionFailed):
            await aio.connect("127.0.0.1", unused.getsockname()[1])
        with pytest.raises(ConnectionFailed):
            async with aio.connect("127.0.0.1", unused.getsockname()[1]):
                pytest.fail("connected to nobody")


async def test_server_info(tmp_path: Path) -> None:
    async with correlator(tmp_path) as difx:
        server = difx.server
        assert server.is_embedded
        assert server.version
        assert server.difx_base == str(tmp_path.resolve())
        assert list(server.difx_versions.columns) == ["version", "setup", "in_use"]
        assert len(server.difx_versions) == 1
        assert server.environment["DIFX_BASE"] == str(tmp_path.resolve())
        assert server.version in repr(server)


async def test_files(tmp_path: Path) -> None:
    root = tmp_path.resolve()
    async with correlator(root) as difx:
        empty = await difx.ls(str(root))
        assert empty.empty
        assert list(empty.columns) == ["name", "path", "type", "mode", "owner", "group", "size", "modified"]
        await difx.mkdir(f"{root}/exp")
        assert await difx.send_file(f"{root}/exp/a.txt", "grüße\n") == 8
        listed = await difx.ls(f"{root}/exp")
        assert listed.loc[0, ["name", "type", "size"]].tolist() == ["a.txt", "file", 8]
        assert listed["modified"].dtype == "datetime64[ns]"
        assert abs(listed["modified"][0] - pd.Timestamp.now("UTC").tz_localize(None)) < pd.Timedelta("1h")
        assert empty.dtypes["modified"] == listed.dtypes["modified"]
        assert await difx.get_file(f"{root}/exp/a.txt") == "grüße\n".encode()
        await difx.rm(f"{root}/exp", recursive=True)
        with pytest.raises(RemoteFileNotFound):
            await difx.ls(f"{root}/exp")


async def test_local_files(tmp_path: Path) -> None:
    root, local = tmp_path.resolve() / "server", tmp_path / "local"
    root.mkdir()
    local.mkdir()
    (local / "a.txt").write_text("hello")
    async with correlator(root) as difx:
        assert await difx.upload(local / "a.txt", f"{root}/b.txt") == 5
        assert await difx.download(f"{root}/b.txt", local) == local / "b.txt"
        with pytest.raises(FileExistsError, match="overwrite=True"):
            await difx.download(f"{root}/b.txt", local / "a.txt")
        assert await difx.download(f"{root}/b.txt", local / "a.txt", overwrite=True) == local / "a.txt"
        with pytest.raises(RemoteFileNotFound):
            await difx.download(f"{root}/none", local / "a.txt")
        with pytest.raises(FileNotFoundError):
            await difx.upload(local / "none", f"{root}/c.txt")
        with pytest.raises(FileNotFoundError):
            await difx.download(f"{root}/b.txt", local / "no/such/place")
    assert sorted((path.name, path.read_text()) for path in local.iterdir()) == [
        ("a.txt", "hello"),
        ("b.txt", "hello"),
    ]
    assert [path.name for path in root.iterdir()] == ["b.txt"]


async def test_a_download_that_cannot_be_stored_leaves_nothing(tmp_path: Path) -> None:
    root, local = tmp_path.resolve() / "server", tmp_path / "local"
    root.mkdir()
    (root / "b.txt").write_text("hello")
    (local / "b.txt").mkdir(parents=True)
    async with correlator(root) as difx:
        with pytest.raises(FileExistsError):
            await difx.download(f"{root}/b.txt", local)
    assert [path.name for path in local.rglob("*")] == ["b.txt"]


async def test_job_status_without_jobs(tmp_path: Path) -> None:
    root = tmp_path.resolve()
    (root / "never-started.input").write_text("")
    async with correlator(root) as difx:
        frame = await difx.job_status(f"{root}/*.input")
        assert frame[["job", "state", "log", "input"]].to_numpy().tolist() == [
            ["never-started", None, "no_log", f"{root}/never-started.input"]
        ]
        nothing = await difx.job_status(f"{root}/x*.input")
        assert nothing.empty
        assert (nothing.dtypes == frame.dtypes).all()


def document(kind: str, body: str, sender: str = "n1") -> Relayed:
    return Relayed(
        f"<difxMessage><header><from>{sender}</from><mpiProcessId>0</mpiProcessId><identifier>e_1</identifier>"
        f"<type>{kind}</type></header><body><seqNumber>1</seqNumber>{body}</body></difxMessage>".encode()
    )


ALERT = document(
    "DifxAlertMessage", "<difxAlert><alertMessage>hot</alertMessage><severity>2</severity></difxAlert>"
)
STATUS = document(
    "DifxStatusMessage",
    "<difxStatus><state>Running</state><message> </message><visibilityMJD>58948.5005</visibilityMJD>"
    "<jobstartMJD>58948.5</jobstartMJD><jobstopMJD>58948.501</jobstopMJD>"
    '<weight ant="0" wt="0.98"/><weight ant="1" wt="0.5"/></difxStatus>',
)


def relaying(*events: Relayed | Notice) -> object:
    """Server that relays `events` between the second and the third answer to a version request."""

    async def script(talker: Talker) -> None:
        asked = 0
        while (packet := await talker.packet()) is not None:
            if isinstance(decode_from_client(packet), VersionRequest):
                asked += 1
                await talker.say(*(events if asked == 3 else ()), *VERSION_REPLY)

    return script


async def test_messages_and_jobs() -> None:
    events = (ALERT, STATUS, Relayed(b"rubbish"), Notice(NoticeSeverity.ERROR, "oops"))
    seen: list[object] = []
    alerts: list[object] = []
    ended: list[object] = []
    async with (
        scripted(relaying(*events)) as port,
        aio.connect("127.0.0.1", port, patience=ROBUST) as difx,
    ):
        difx.messages.subscribe(seen.append)
        difx.messages.subscribe(alerts.append, type="alert")
        difx.messages.subscribe(ended.append, type=["status", "notice"])()
        with pytest.raises(ValueError, match="no message type 'alarm'"):
            difx.messages.subscribe(seen.append, type="alarm")
        await difx.head_node.fence()
        assert len(seen) == 4
        assert [type(item) for item in alerts] == [Message]
        assert ended == []
        assert difx.messages.frame()["type"].tolist() == [
            "DifxAlertMessage",
            "DifxStatusMessage",
            "Unparsed",
            "Notice",
        ]
        assert difx.messages.frame(type="alert")["severity"].tolist() == ["ERROR"]
        assert difx.messages.counts().sum() == 4
        assert difx.messages.version == 4
        (job,) = difx.jobs.frame().to_dict("records")
        assert (job["job"], job["state"]) == ("e_1", "Running")
        assert job["progress"] == pytest.approx(0.5, abs=1e-3)
        weights = difx.jobs.weights("e_1")
        assert weights.dims == ("time", "antenna")
        assert weights.values.tolist() == [[0.98, 0.5]]
        with pytest.raises(KeyError):
            difx.jobs.weights("other")


async def test_wrong_arguments_of_tables_and_subscriptions() -> None:
    messages = aio.connect("127.0.0.1", 50200)._correlator.messages
    for wrong, error in (
        ({"type": 5}, TypeError),
        ({"type": ["alert", 5]}, TypeError),
        ({"severity": "bad"}, ValueError),
        ({"severity": 99}, ValueError),
        ({"since": "yesterdayish"}, ValueError),
        ({"since": [1]}, ValueError),
        ({"source": 5}, TypeError),
        ({"job": ["e_1"]}, TypeError),
    ):
        # The text names what is wrong with the value, and shows it.
        with pytest.raises(error, match=r"5|'bad'|99|yesterdayish|\[1\]|e_1"):
            messages.frame(**wrong)
    with pytest.raises(TypeError, match="a function of one message"):
        messages.subscribe("print")
    assert messages.frame().empty


DONE = document(
    "DifxStatusMessage", "<difxStatus><state>Terminated</state><message>bye</message></difxStatus>"
)


@pytest.mark.parametrize(
    ("signs", "stopped"),
    [((), True), ((STATUS,), True), ((STATUS, DONE), True), ((STATUS, "go on"), False)],
    ids=["never heard", "silent", "says so", "goes on"],
)
async def test_stopping_a_job_of_somebody_else(signs: tuple[object, ...], stopped: bool) -> None:
    """The server says nothing: the job's own messages tell whether it has stopped."""

    async def go_on(talker: Talker) -> None:
        while not talker.writer.is_closing():
            try:
                await talker.say(STATUS)
            except ConnectionError:
                return  # the client has gone
            await asyncio.sleep(0)  # let others run

    async def script(talker: Talker) -> None:
        async with asyncio.TaskGroup() as tasks:
            async for event in talker.events():
                if isinstance(event, VersionRequest):
                    await talker.say(*VERSION_REPLY)
                if isinstance(event, RelaySwitch):
                    await talker.say(*signs[:1])
                if not isinstance(event, Command):
                    continue
                body = parse(event.payload).body
                if isinstance(body, FileOperation):  # a look at the output, of which there is none
                    await talker.on_channel(body.port, END_OF_LINES)
                elif signs[1:] == (DONE,):
                    await talker.say(DONE)
                elif signs[1:] == ("go on",):
                    tasks.create_task(go_on(talker))

    async with (
        scripted(script) as port,
        aio.connect("127.0.0.1", port, patience=ROBUST) as difx,
    ):
        job = difx.job("/data/e_1.input")
        if stopped:
            await job.stop()
        else:
            with pytest.raises(JobNotStopped, match=r"e_1 goes on.*status messages came"):
                await job.stop()


async def test_a_subscriber_that_raises_is_reported_and_stops_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    seen: list[object] = []

    def fail(item: object) -> None:
        raise ZeroDivisionError("my mistake")

    async with (
        scripted(relaying(ALERT, STATUS)) as port,
        aio.connect("127.0.0.1", port, patience=ROBUST) as difx,
    ):
        difx.messages.subscribe(fail)
        difx.messages.subscribe(seen.append)
        await difx.head_node.fence()
        assert len(seen) == 2
        assert [str(error) for error in difx.messages.callback_errors] == ["my mistake"] * 2
        assert difx.messages.failed_callbacks == 2
    assert caplog.text.count("ZeroDivisionError: my mistake") == 2


async def test_lost_and_made_anew(tmp_path: Path) -> None:
    async with own_server(tmp_path) as first:
        difx = await aio.connect("127.0.0.1", first.port, patience=ROBUST, timeout=0.5)
        await first.close()
        with pytest.raises(ConnectionLost):
            await difx.ls(str(tmp_path))
        assert difx.closed
        assert not difx.connected
        assert "away for" in repr(difx)
    with pytest.raises(ConnectionFailed):
        await difx.reconnect()
    (row,) = difx.messages.frame(type="gap").itertuples()
    assert row.text == "the server closed it"
    assert row.end is pd.NaT
    async with own_server(tmp_path, port=first.port):
        await difx.reconnect()
        assert difx.connected
        assert "away" not in repr(difx)
        (row,) = difx.messages.frame(type="gap").itertuples()
        assert row.end > row.begin
        assert (await difx.ls(str(tmp_path.resolve()))).empty
        await difx.close()


async def test_many_clients_at_once(tmp_path: Path) -> None:
    root = tmp_path.resolve()
    async with own_server(root) as server:

        async def work(number: int) -> bytes:
            async with aio.connect("127.0.0.1", server.port) as difx:
                await difx.send_file(f"{root}/{number}", f"{number}" * 5000)
                return await difx.get_file(f"{root}/{number}")

        assert await asyncio.gather(*map(work, range(6))) == [b"%d" % n * 5000 for n in range(6)]
