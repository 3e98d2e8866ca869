# SPDX-License-Identifier: GPL-3.0-or-later
"""Messages through a relay: selections there and here, losses, callbacks, sending with an echo."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from difxnb import aio
from difxnb.aio.messages import Messages
from difxnb.errors import ConnectionLost, NotConfirmed
from difxnb.wire.control import MessageSelection, Notice, NoticeSeverity, Relayed, RelaySwitch, VersionRequest
from difxnb.wire.events import Gap
from difxnb.wire.message import (
    Alert,
    Body,
    Command,
    Diagnostic,
    Header,
    Info,
    Load,
    Mark5Version,
    Message,
    Parameter,
    Status,
    message_type,
    to_xml,
)
from difxnb.wire.selection import EVERYTHING
from tests.client.peers import BRIEF, ROBUST, VERSION_REPLY, Talker, own_server, scripted


def document(body: Body, number: int = 1, *, job: str = "e_1", kind: str = "") -> bytes:
    return to_xml(Message(Header("n1", (), 0, job, kind or message_type(body)), body, number))


ALERT, STATUS, LOAD = Alert(None, "hot", 2), Status(None, "Running"), Load(1.0)


@asynccontextmanager
async def hearing(tmp_path: Path) -> AsyncIterator[tuple[aio.Correlator, aio.Correlator]]:
    """Two clients of one server: what one sends, both hear."""
    async with (
        own_server(tmp_path) as server,
        aio.connect("127.0.0.1", server.port, patience=ROBUST) as one,
        aio.connect("127.0.0.1", server.port, patience=ROBUST) as other,
    ):
        yield one, other


async def say(speaker: aio.Correlator, listener: aio.Correlator, *bodies: Body, first: int = 1) -> None:
    for number, body in enumerate(bodies, start=first):
        await speaker.head_node.send_document(document(body, number))
    await listener.head_node.fence()


def types(messages: aio.Messages) -> list[str]:
    return messages.frame()["type"].tolist()


async def test_a_selection_at_the_server_saves_the_way(tmp_path: Path) -> None:
    """4.6: alerts and states have keywords; loads and diagnostics do not come at all."""
    async with hearing(tmp_path) as (speaker, listener):
        await listener.messages.select("alert")
        assert listener.messages.selection == ("alert",)
        assert listener.messages.is_selected_at_server
        await say(speaker, listener, ALERT, LOAD, STATUS, Info("up"))
        assert types(listener.messages) == ["DifxAlertMessage"]
        assert listener.messages.hidden == 1, "states always travel"
        assert listener.messages.statistics()["messages"].sum() == 2, "the rest was not even sent"
        assert listener.jobs.frame()["job"].tolist() == ["e_1"], "jobs are followed whatever is selected"
        await listener.messages.select()
        assert listener.messages.selection is None
        await say(speaker, listener, LOAD, Info("up"), first=5)
        assert types(listener.messages) == ["DifxAlertMessage", "DifxLoadMessage", "DifxInfoMessage"]
        assert "only" not in repr(listener.messages)


@pytest.mark.parametrize(
    ("chosen", "shown", "at_server"),
    [
        (["diagnostic"], ["DifxDiagnosticMessage"], False),
        (["load", "diagnostic"], ["DifxLoadMessage", "DifxDiagnosticMessage"], False),
        (["DifxLoadMessage"], ["DifxLoadMessage"], True),
        (["mark5version"], ["Mark5VersionMessage"], True),
        (["unknown"], ["DifxFutureMessage"], True),
        (["unparsed", "unknown"], ["DifxFutureMessage", "Unparsed"], True),
        ([], [], True),
    ],
)
async def test_what_the_server_cannot_tell_apart_is_left_out_here(
    tmp_path: Path, chosen: list[str], shown: list[str], at_server: bool
) -> None:
    async with hearing(tmp_path) as (speaker, listener):
        await listener.messages.select(chosen)
        assert listener.messages.is_selected_at_server == at_server
        bodies = (ALERT, STATUS, LOAD, Diagnostic("BufferStatus"))
        await say(speaker, listener, *bodies)
        # The library of DiFX sends versions of Mark5 units under the type of their states.
        for payload in (
            document(Mark5Version("9.2"), kind="Mark5StatusMessage"),
            document(ALERT)
            .replace(b"DifxAlertMessage", b"DifxFutureMessage")
            .replace(b"difxAlert", b"difxFuture"),
            b"no XML",
        ):
            await speaker.head_node.send_document(payload)
        await listener.head_node.fence()
        assert types(listener.messages) == shown
        came = listener.messages.statistics()["messages"].sum()
        assert listener.messages.hidden == came - len(shown)


async def test_a_selection_holds_over_reconnections(tmp_path: Path) -> None:
    async with hearing(tmp_path) as (speaker, listener):
        await listener.messages.select(["load"])
        await listener.head_node.reconnect()
        await say(speaker, listener, LOAD, Info("up"), ALERT)
        assert [kind for kind in types(listener.messages) if kind != "Gap"] == ["DifxLoadMessage"]


async def test_what_a_server_is_told_of_a_selection() -> None:
    told: list[object] = []

    async def script(talker: Talker) -> None:
        async for event in talker.events():
            if isinstance(event, VersionRequest):
                await talker.say(*VERSION_REPLY)
            elif isinstance(event, MessageSelection | RelaySwitch):
                told.append(event)

    async with scripted(script) as port, aio.connect("127.0.0.1", port, patience=ROBUST) as difx:
        await difx.messages.select(["status", "notice", "gap"])
        await difx.messages.select(["transient"])
        with pytest.raises(ValueError, match="no message type 'alrt'"):
            await difx.messages.select("alrt")
        with pytest.raises(TypeError):
            await difx.messages.select(5)
        assert difx.messages.selection == ("transient",)
    assert told == [
        MessageSelection(EVERYTHING),
        RelaySwitch(True),
        MessageSelection(("SELECTED_MESSAGES", "ALERT_MESSAGES", "STATUS_MESSAGES", "")),
        MessageSelection(EVERYTHING),
    ]


async def test_a_selection_of_messages_that_nobody_confirms() -> None:
    """The selection holds here at once, and is told to the server again when it is back."""

    async def script(talker: Talker) -> None:
        async for event in talker.events():
            if isinstance(event, MessageSelection) and event.lines != EVERYTHING:
                talker.writer.transport.abort()
            if isinstance(event, VersionRequest):
                await talker.say(*VERSION_REPLY)

    patience = BRIEF
    async with scripted(script) as port:
        difx = await aio.connect("127.0.0.1", port, patience=patience)
        try:
            with pytest.raises(ConnectionLost):
                await difx.messages.select("load")
            assert difx.messages.selection == ("load",)
            assert "LOAD_MESSAGES" in difx.head_node.settings.selection
        finally:
            await difx.close(force=True)


def test_messages_without_a_server_select_for_themselves() -> None:
    messages = Messages()
    asyncio.run(messages.select(["alert"]))
    messages.add(Message(Header("n1", (), 0, "e_1", ""), ALERT, 1, 10), 0.0)
    messages.add(Message(Header("n1", (), 0, "e_1", ""), Info("x"), 2, 10), 0.0)
    messages.add(Notice(NoticeSeverity.ERROR, "oops"), 0.0)
    messages.add(Gap(0.0, None, "lost"), 0.0)
    assert types(messages) == ["DifxAlertMessage", "Notice", "Gap"]


# -- losses -----------------------------------------------------------------------------------------------------


async def test_14_08_relays_that_repeat_and_lose(tmp_path: Path) -> None:
    """difxmessage.md 14.7, 14.8, 14.18: a stale repeat, a loss, and text that is no XML."""
    async with hearing(tmp_path) as (speaker, listener):
        await say(speaker, listener, ALERT, ALERT, ALERT)
        await speaker.head_node.send_document(document(ALERT, 3))
        await speaker.head_node.send_document(document(ALERT, 9))
        await speaker.head_node.send_document(b"e_1 Running")
        await listener.head_node.fence()
        frame = listener.messages.frame(envelope=True)
        assert frame["duplicate"].tolist() == [False, False, False, True, False, False]
        assert frame["lost"].fillna(-9).tolist() == [-9, 0, 0, -9, 5, -9]
        (row,) = listener.messages.statistics(by="sender").to_dict("records")
        assert (row["from"], row["messages"], row["lost"], row["duplicates"]) == ("n1", 5, 5, 1)
        assert listener.messages.statistics().attrs["lost"] == 5
        assert listener.jobs.frame().empty, "an alert without an input file is no proof of a job"
        with pytest.raises(ValueError, match="by 'type' or by 'sender'"):
            listener.messages.statistics("hour")


async def test_selected_messages_are_not_taken_for_lost_ones(tmp_path: Path) -> None:
    async with hearing(tmp_path) as (speaker, listener):
        await say(speaker, listener, ALERT, ALERT)
        await listener.messages.select("alert")
        await say(speaker, listener, LOAD, LOAD, ALERT, first=3)
        await listener.messages.select()
        await say(speaker, listener, LOAD, ALERT, first=6)
        (row,) = listener.messages.statistics("sender").to_dict("records")
        assert (row["messages"], row["lost"], row["missed"]) == (5, 0, 0)


# -- callbacks --------------------------------------------------------------------------------------------------


async def test_callbacks_that_fail_stop_neither_the_stream_nor_each_other(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    seen: list[object] = []

    def fail(item: object) -> None:
        raise RuntimeError(f"number {len(seen)}")

    async with hearing(tmp_path) as (speaker, listener):
        end = listener.messages.subscribe(fail)
        listener.messages.subscribe(seen.append, type=["alert", "notice"])
        await say(speaker, listener, *[ALERT] * 150, Info("up"))
        assert len(seen) == 150
        assert listener.messages.failed_callbacks == 151
        assert len(listener.messages.callback_errors) == 100, "the last hundred are kept, all are counted"
        end()
        end()
        await say(speaker, listener, ALERT, first=200)
        assert listener.messages.failed_callbacks == 151
        assert "151 callbacks failed" in repr(listener.messages)
    assert "number 3" in caplog.text


def test_callbacks_that_nobody_would_await_are_refused() -> None:
    async def later(item: object) -> None:
        raise AssertionError(item)

    with pytest.raises(TypeError, match="nobody would await"):
        Messages().subscribe(later)


# -- sending ----------------------------------------------------------------------------------------------------


async def test_a_message_comes_back_through_the_relay(tmp_path: Path) -> None:
    """4.2: the payload is sent as it is, and the sender hears it too."""
    async with hearing(tmp_path) as (speaker, listener):
        preview = await speaker.send("GetVSN", to="mark5fx07", preview=True)
        assert (preview.sent, preview.heard) == (False, None)
        assert "multicast group 224.2.2.1, port 50200, by packet 2 to guiServer at 127.0.0.1" in repr(preview)
        assert len(listener.messages) == 0
        sent = await speaker.send("GetVSN", to="mark5fx07")
        assert (sent.xml, sent.sent, sent.heard, sent.note) == (preview.xml, True, True, "")
        again = await speaker.send("GetVSN", to="mark5fx07")
        assert again.message.sequence == 2
        await listener.head_node.fence()
        assert types(listener.messages) == ["DifxCommand"] * 2
        with pytest.raises(NotConfirmed, match="restarts the host"):
            await speaker.send("Reboot", to="all")
        assert (await speaker.send("Reboot", to="all", confirm=True, preview=True)).sent is False


async def test_a_message_that_does_not_come_back() -> None:
    async def script(talker: Talker) -> None:
        async for event in talker.events():
            if isinstance(event, VersionRequest):
                await talker.say(Relayed(document(Command("GetVSN"))), *VERSION_REPLY)

    async with scripted(script) as port, aio.connect("127.0.0.1", port, patience=BRIEF) as difx:
        sent = await difx.send("GetVSN", to="all")
        assert (sent.sent, sent.heard) == (True, False), "what others send is no echo"
        assert "did not come back through the relay within 0.2 s: perhaps nobody has heard it" in repr(sent)
        assert "to the server's multicast group, by packet 2" in repr(sent)


async def test_a_message_whose_type_is_not_relayed(tmp_path: Path) -> None:
    async with hearing(tmp_path) as (speaker, listener):
        await speaker.messages.select("alert")
        sent = await speaker.send(Parameter(-1, "dumpsta", (), "true"), to="e_1")
        assert (sent.sent, sent.heard) == (True, None)
        assert "cannot be told whether it arrived" in sent.note
        await speaker.messages.select(["alert", "command"])
        assert (await speaker.send("GetVSN", to="all")).heard is True
        await listener.head_node.fence()
        assert types(listener.messages) == ["DifxParameter", "DifxCommand"]


def test_what_was_said_while_there_was_no_connection_is_missed() -> None:
    """The numbers go on in a gap: what they skip was not lost on the network."""
    messages = Messages()
    header = Header("n1", (), 0, "e_1", "")
    for item in (
        *(Message(header, ALERT, number, 10) for number in (1, 2)),
        Gap(5.0, None, "it broke"),
        Gap(5.0, 9.0, "it broke"),
        *(Message(header, ALERT, number, 10) for number in (8, 9, 11)),
    ):
        messages.add(item, 10.0)
    (row,) = messages.statistics("sender", now=10.0).to_dict("records")
    assert (row["messages"], row["lost"], row["missed"]) == (5, 1, 5)
    assert types(messages).count("Gap") == 1
