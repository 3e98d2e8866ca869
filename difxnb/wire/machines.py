# SPDX-License-Identifier: GPL-3.0-or-later
"""The exchange of a machines definition: packets 100-122 become events, and events a result.

The server writes a job's ``.machines`` and ``.threads`` files and says which, or why not. All packets go from
the server to the client.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from difxnb.errors import ProtocolError
from difxnb.wire.packet import Packet, UnknownPacket, decode_text, encode_text, packet_chunks

# guiServer's parser takes 100 process hosts; this only keeps a faulty peer from filling the memory.
MAX_HOSTS = 10_000


class MachinesId(IntEnum):
    """Packet ids of the exchange: guiServer's names without their prefix ``MACHINE_DEF_``."""

    TASK_TERMINATED = 100
    TASK_ENDED_GRACEFULLY = 101
    TASK_STARTED = 102
    PARAMETER_CHECK_IN_PROGRESS = 103
    PARAMETER_CHECK_SUCCESS = 104
    FAILURE_NO_HEADNODE = 105
    FAILURE_NO_DATASOURCES = 106
    FAILURE_NO_PROCESSORS = 107
    WARNING_NO_MACHINES_FILE_SPECIFIED = 108
    WARNING_NO_THREADS_FILE_SPECIFIED = 109
    THREADS_FILE_NAME = 110
    MACHINES_FILE_NAME = 111
    FAILURE_NO_FILES_SPECIFIED = 112
    FAILURE_OPEN_MACHINES_FILE = 113
    FAILURE_OPEN_THREADS_FILE = 114
    MACHINES_FILE_CREATED = 115
    THREADS_FILE_CREATED = 116
    FAILURE_FILE_REMOVAL = 117
    FAILURE_POPEN = 118
    FAILURE_MPIRUN = 119
    SUCCESS_MPIRUN = 120
    LOW_THREAD_COUNT = 121
    RUNNING_MPIRUN_TESTS = 122


_TEXT_OF_FAILURE = {
    MachinesId.FAILURE_NO_HEADNODE: "no head node was given",
    MachinesId.FAILURE_NO_DATASOURCES: "no datastream nodes were given",
    MachinesId.FAILURE_NO_PROCESSORS: "no process nodes were given",
    MachinesId.FAILURE_NO_FILES_SPECIFIED: "no input, machines or threads file was given",
    MachinesId.FAILURE_OPEN_MACHINES_FILE: "the machines file cannot be written",
    MachinesId.FAILURE_OPEN_THREADS_FILE: "the threads file cannot be written",
    MachinesId.FAILURE_FILE_REMOVAL: "a test file cannot be removed",
    MachinesId.FAILURE_POPEN: "a program cannot be started",
}


@dataclass(frozen=True, slots=True)
class MachinesEvent:
    """One packet of the exchange; `text` is a path, a host or a system error, by the id."""

    id: MachinesId
    text: str = ""


def decode_machines(packet: Packet) -> MachinesEvent | UnknownPacket:
    """Read a packet of the exchange; any payload is accepted with any id, and read as text."""
    try:
        return MachinesEvent(MachinesId(packet.id), decode_text(packet.payload))
    except ValueError:  # no such id
        return UnknownPacket(packet.id, packet.payload)


def encode_machines(event: MachinesEvent) -> list[bytes]:
    """Write an event as the elementary writes of guiServer: id, length, and the text unless empty."""
    return packet_chunks(event.id, encode_text(event.text))


class MachinesConversation:
    """What the packets received so far say about the definition.

    Attributes
    ----------
    started, complete : bool
        102 seen; terminal packet (100 or 101) seen, after which nothing changes any more.
    ok : bool or None
        Whether both files were written; None until `complete`.
    machines_file, threads_file : str or None
        Paths the server writes to.
    failed_hosts, tested_hosts : list of str
        Hosts that failed the test and were left out of the files; all hosts that were tested.
    low_threads : bool
        The sum of threads is zero: such a job cannot run.
    refusal_text : str or None
        Why the files were not written; None unless that is so.
    """

    def __init__(self) -> None:
        self.started = False
        self.complete = False
        self.ok: bool | None = None
        self.machines_file: str | None = None
        self.threads_file: str | None = None
        self.failed_hosts: list[str] = []
        self.tested_hosts: list[str] = []
        self.low_threads = False
        self._failure: str | None = None

    def add(self, event: MachinesEvent | UnknownPacket) -> None:
        """Take in one event; unknown packets, and whatever follows the terminal one, are passed over.

        Raises
        ------
        ProtocolError
            More hosts than any cluster has.
        """
        if isinstance(event, UnknownPacket) or self.complete:
            return
        if event.id in (MachinesId.TASK_TERMINATED, MachinesId.TASK_ENDED_GRACEFULLY):
            self.complete = True
            self.ok = event.id is MachinesId.TASK_ENDED_GRACEFULLY
        elif event.id in _TEXT_OF_FAILURE:
            detail = event.text.strip()
            text = _TEXT_OF_FAILURE[event.id]
            self._failure = self._failure or (f"{text}: {detail}" if detail else text)
        else:
            self._note(event)

    @property
    def refusal_text(self) -> str | None:
        if self.ok is not False:
            return None
        return self._failure or "the server ended the task and gave no reason"

    def _note(self, event: MachinesEvent) -> None:
        match event.id:
            case MachinesId.TASK_STARTED:
                self.started = True
            case MachinesId.MACHINES_FILE_NAME:
                self.machines_file = event.text
            case MachinesId.THREADS_FILE_NAME:
                self.threads_file = event.text
            case MachinesId.LOW_THREAD_COUNT:
                self.low_threads = True
            case MachinesId.FAILURE_MPIRUN | MachinesId.SUCCESS_MPIRUN:
                self._tested(event)

    def _tested(self, event: MachinesEvent) -> None:
        if len(self.tested_hosts) >= MAX_HOSTS:
            raise ProtocolError(f"a machines definition reports more than {MAX_HOSTS} hosts")
        self.tested_hosts.append(event.text)
        if event.id is MachinesId.FAILURE_MPIRUN:
            self.failed_hosts.append(event.text)
