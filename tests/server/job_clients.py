# SPDX-License-Identifier: GPL-3.0-or-later
"""What clients of running jobs do and see, for tests."""

import sys
from pathlib import Path

from difxnb.wire import control
from difxnb.wire.message import (
    Alert,
    Header,
    Message,
    Processor,
    Start,
    Status,
    Stop,
    to_xml,
)
from difxnb.wire.monitor import (
    body_length,
)
from tests.server.peers import Peer


def start(job, port, **changes):
    return Start(**{
        "input": str(job), "head_node": "localhost", "datastreams": ("localhost",) * 2,
        "processors": (Processor(("localhost",), 1),), "port": port, **changes,
    })  # fmt: skip


def states(peer):
    return [m.body.state for m in peer.relayed() if isinstance(m, Message) and isinstance(m.body, Status)]


def alerts(peer):
    return [m.body.text for m in peer.relayed() if isinstance(m, Message) and isinstance(m.body, Alert)]


def running(peer):
    return lambda: "Running" in states(peer)


async def watching(server):
    peer = await Peer.connect(server)
    await peer.send(control.RelaySwitch(True))
    return peer


def scripted(behaviour):
    """What a server needs to run the stand-in."""
    script = str(Path(__file__).with_name("scripted_correlator.py"))
    return lambda launch, root: [sys.executable, "-S", "-E", script, behaviour, str(launch.input_file)]


def monitored(peer):
    return peer.exchange(50, body_length)


def network_stop(identifier, rank):
    header = Header(source="me", mpi_id=rank, identifier=identifier, type="DifxStop")
    return to_xml(Message(header=header, body=Stop(input="/any"), sequence=0, size=0))
