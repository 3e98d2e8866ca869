# SPDX-License-Identifier: GPL-3.0-or-later
"""What the conversation with a client asks of the shell around it: one frozen dataclass for each kind of effect.

:mod:`difxnb.server.protocol` makes them, :mod:`difxnb.server.connection` carries them out.
"""

from __future__ import annotations

from dataclasses import dataclass

from difxnb.server.relay import Network
from difxnb.server.workshop import WorkshopRequest
from difxnb.wire import control
from difxnb.wire.message import FileOperation, FileTransfer, MachinesDefinition, Start

Threaded = (
    FileOperation
    | FileTransfer
    | MachinesDefinition
    | control.StatusRequest
    | control.StartMonitor
    | WorkshopRequest
)
"""Requests that only start something; the client's next packet is read at once."""


@dataclass(frozen=True, slots=True)
class Channel:
    """Side connection inside the main connection."""

    number: int


@dataclass(frozen=True, slots=True)
class DialBack:
    """Side connection that the server makes to the client."""

    host: str
    port: int


Side = Channel | DialBack


@dataclass(frozen=True, slots=True)
class Reply:
    """Send these bytes, whole packets, on the main connection."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Publish:
    """Send a document to the network, byte for byte."""

    payload: bytes
    network: Network


@dataclass(frozen=True, slots=True)
class Recall:
    """Tell the client, whose relay has just been switched on, what the jobs last said."""


@dataclass(frozen=True, slots=True)
class ChangeFiles:
    """Do a file operation before the next packet is read."""

    operation: str
    path: str
    argument: str


@dataclass(frozen=True, slots=True)
class StartJob:
    """Check and start a job; the checks are done before the next packet is read."""

    request: Start
    side: Side


@dataclass(frozen=True, slots=True)
class StopJob:
    """Stop the job with this input file."""

    input_file: str


@dataclass(frozen=True, slots=True)
class Begin:
    """Start an operation with a side connection of its own."""

    request: Threaded
    side: Side


@dataclass(frozen=True, slots=True)
class ChannelBytes:
    """Data of the client for an operation."""

    channel: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Close:
    """The stream cannot be understood any more: send the data, then close."""

    data: bytes


Action = Reply | Publish | Recall | ChangeFiles | StartJob | StopJob | Begin | ChannelBytes | Close
