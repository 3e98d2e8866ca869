# SPDX-License-Identifier: GPL-3.0-or-later
"""A server that is open for reading only: what it does, what it refuses, and how clients learn of it."""

import dataclasses

import pytest

from difxnb.server.actions import Reply
from difxnb.server.greeting import Greeting
from difxnb.server.protocol import Conversation
from difxnb.server.read_only import changes_something, command_changes_something
from difxnb.wire import control
from difxnb.wire import message as messages
from difxnb.wire.message import (
    Command,
    FileOperation,
    FileTransfer,
    GetDirectory,
    MachinesDefinition,
    Mark5Copy,
    Mk5Control,
    Start,
    Stop,
    Vex2DifxRun,
    command_xml,
)
from difxnb.wire.packet import decode_text
from tests.server.peers import Peer, alert, run, serving

REFUSED = [
    *(FileOperation(operation=o, path="/x") for o in ("mkdir", "rmdir", "rm", "mv", "cp", "touch", "LS", "")),
    FileTransfer(direction="to DiFX", destination="/x", port=5),
    Start(input="/x", port=5),
    Start(input="/x", port=5, function="RUN_MONITOR"),
    Stop(input="/x"),
    MachinesDefinition(input="/x", port=5),
    Vex2DifxRun(file="/x", port=5),
    GetDirectory(vsn="X", generate_new=True, port=5),
    Mk5Control(command="reboot", port=5),
    Mark5Copy(vsn="X", port=5),
    Command(command="stop"),
]
ALLOWED = [
    FileOperation(operation="ls", path="/x"),
    FileTransfer(direction="from DiFX", origin="/x"),
    Start(input="/x", function="CONFIG_ONLY"),
    GetDirectory(vsn="X"),
]


@pytest.mark.parametrize("body", REFUSED, ids=lambda body: type(body).__name__)
def test_commands_that_change_something_are_refused_by_name(body):
    conversation = Conversation(Greeting("v"), read_only=True)
    (action,) = conversation.receive_data(control.encode(control.Command(command_xml(body))))
    assert isinstance(action, Reply)
    assert action.data[3] == 6
    assert "open for reading only" in decode_text(action.data[8:])
    assert messages.message_type(body) in decode_text(action.data[8:])


@pytest.mark.parametrize("body", ALLOWED, ids=lambda body: type(body).__name__)
def test_commands_that_look_are_not(body):
    assert not command_changes_something(body)


def test_every_other_packet_was_thought_of():
    changing = {event for event in control.ClientEvent.__args__ if changes_something(_blank(event))}
    assert changing == {control.RelayCommand, control.FileListRequest}


def _blank(event):
    return event(*[None] * len(dataclasses.fields(event)))


def test_files_stay_and_messages_of_others_arrive(tmp_path):
    (tmp_path / "file").write_text("content")

    async def main():
        async with serving(tmp_path, read_only=True) as server:
            peer = await Peer.connect(server)
            await peer.send(control.RelaySwitch(True))
            await peer.command(FileOperation(operation="rm", path=f"{tmp_path}/file"))
            await peer.command(FileTransfer(direction="to DiFX", destination=f"{tmp_path}/new", port=5))
            await peer.send(control.RelayCommand(alert("from a client")))
            await peer.command(FileTransfer(direction="from DiFX", origin=f"{tmp_path}/file", port=6))
            assert (await peer.stream(6, 11)).endswith(b"content")
            await peer.fence()
            await peer.close()
            assert [path.name for path in tmp_path.iterdir()] == ["file"]
            assert len(peer.notices(6)) == 3
            assert peer.relayed() == []
            shown = {e.name: e.value for e in peer.events if isinstance(e, control.EnvironmentVariable)}
            assert shown["DIFXNB_ACCESS"] == "read-only"

    run(main())


def test_nothing_is_said_of_it_where_everything_is_allowed(tmp_path):
    async def main():
        async with serving(tmp_path) as server:
            peer = await Peer.connect(server)
            await peer.fence()
            await peer.close()
            assert not any("DIFXNB_ACCESS" in repr(event) for event in peer.events)

    run(main())
