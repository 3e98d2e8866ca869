# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the processes of a job run: the ``.machines`` and ``.threads`` files, read and defined.

Mirrors guiserver.md 7.6 and difx-files.md 9.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from difxnb.client.conversation import packets_of
from difxnb.client.patience import within
from difxnb.client.remote_files import look_through, require_path
from difxnb.client.session import Session
from difxnb.client.side_connections import Request
from difxnb.client.transfer import get_file
from difxnb.errors import RemoteFileError, RemoteFileNotFound
from difxnb.formats.machines import parse_machines, parse_threads
from difxnb.wire.control import Command, encode
from difxnb.wire.files import require_plain
from difxnb.wire.machines import MachinesConversation, decode_machines
from difxnb.wire.message import MachinesDefinition, Processor, command_xml

MAX_DATASTREAMS, MAX_PROCESSORS = 50, 100
"""Hosts that guiServer's parser keeps; it drops the rest without a word."""

_SEPARATORS = re.compile(r"[,()\[\]{}\s]")


@dataclass(frozen=True, slots=True)
class Placement:
    """Hosts of the processes of a job.

    Attributes
    ----------
    hosts : tuple of str
        Head node, then one host per datastream, then those that compute.
    threads : tuple of int
        Threads of each that computes.
    """

    hosts: tuple[str, ...]
    threads: tuple[int, ...]

    @property
    def n_datastreams(self) -> int:
        """Hosts between the head node and those that compute."""
        return max(0, len(self.hosts) - 1 - len(self.threads))


def base_name(input_file: str) -> str:
    """Path of a job's ``.input`` file without the extension, which names its other files.

    Raises
    ------
    UnsafeValue, ValueError
        The path is not plain, not absolute, or does not end in ``.input``.
    """
    require_path(input_file, "input file")
    if not input_file.endswith(".input"):
        raise ValueError(f"a job is named by its .input file; got {input_file!r}")
    return input_file.removesuffix(".input")


async def read_placement(session: Session, input_file: str) -> Placement:
    """Fetch and read both files.

    Raises
    ------
    RemoteFileNotFound
        One of them is missing: the machines of the job have not been set.
    FileFormatError
        One of them is damaged.
    """
    base = base_name(input_file)
    hosts = parse_machines(await _get_text(session, f"{base}.machines"), Path(f"{base}.machines"))
    threads = parse_threads(await _get_text(session, f"{base}.threads"), Path(f"{base}.threads"))
    return Placement(tuple(hosts), tuple(threads))


async def _get_text(session: Session, path: str) -> str:
    return (await get_file(session, path)).decode("utf-8", "replace")


def check_placement(head_node: str, datastreams: Sequence[str], processors: Mapping[str, int]) -> None:
    """Refuse what guiServer would write down wrongly.

    Raises
    ------
    ValueError
        Too few or too many hosts, or too few threads.
    TypeError
        One text where a list of hosts belongs, or processors without threads.
    UnsafeValue
        A host name that is not plain.
    """
    if isinstance(datastreams, str) or not isinstance(processors, Mapping):
        raise TypeError(
            "datastreams are a list of hosts, processors a mapping of host to threads; "
            f"got {datastreams!r} and {processors!r}"
        )
    for host in (head_node, *datastreams, *processors):
        require_plain(host, "host name")
        if _SEPARATORS.search(host):
            raise ValueError(f"one host a name; got {host!r}")
    if not 1 <= len(datastreams) <= MAX_DATASTREAMS or not 1 <= len(processors) <= MAX_PROCESSORS:
        raise ValueError(
            f"a job takes 1 to {MAX_DATASTREAMS} datastreams and 1 to {MAX_PROCESSORS} processors; "
            f"got {len(datastreams)} and {len(processors)}"
        )
    for host, threads in processors.items():
        # One thread of the head node is its own; with fewer the host is left out, but counted all the same.
        least = 2 if host == head_node else 1
        if threads < least:
            raise ValueError(f"{host} needs at least {least} threads to compute; got {threads}")


async def define_placement(
    session: Session,
    input_file: str,
    *,
    head_node: str,
    datastreams: Sequence[str],
    processors: Mapping[str, int],
    test: bool = False,
) -> MachinesConversation:
    """Have the server write both files; with `test` hosts that cannot be reached are left out.

    Raises
    ------
    UnsafeValue, ValueError
        See `check_placement`.
    RemoteFileNotFound
        The directory of the job does not exist.
    RemoteFileError
        The server could not write the files, or refused to.
    NoReply, ConnectionLost
    """
    base = base_name(input_file)
    check_placement(head_node, datastreams, processors)
    await _require_directory(session, base)
    what = f"set_machines of {input_file}"

    def request(address: str, port: int) -> bytes:
        definition = MachinesDefinition(
            input=input_file,
            head_node=head_node,
            datastreams=tuple(datastreams),
            processors=tuple(Processor((host,), threads) for host, threads in processors.items()),
            test_processors=test,
            machines_file=f"{base}.machines",
            threads_file=f"{base}.threads",
            address=address,
            port=port,
        )
        return encode(Command(command_xml(definition)))

    conversation = await _converse(session, request, what, patience=session.patience.stall + len(processors))
    if not conversation.ok:
        raise RemoteFileError(f"{what}: {conversation.refusal_text} (guiServer at {session.peer})")
    return conversation


async def _require_directory(session: Session, base: str) -> None:
    """Look first: a real server dies when it cannot write the files (H7)."""
    directory = base.rpartition("/")[0] or "/"
    found = await look_through(session, directory)
    if found is None or found.type != "directory":
        raise RemoteFileNotFound(f"set_machines of {base}.input: there is no {directory} on {session.peer}")


async def _converse(session: Session, request: Request, what: str, patience: float) -> MachinesConversation:
    conversation = MachinesConversation()
    stream = await session.open_exchange(request, what)
    try:
        async with within(patience, f"{what}: {session.peer} did not finish"):
            async for packet in packets_of(stream, what):
                conversation.add(decode_machines(packet))
                if conversation.complete:
                    break
    finally:
        await stream.close()
    return conversation
