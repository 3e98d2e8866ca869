# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the processes of a job run: the ``.machines`` and ``.threads`` files, read and written.

Mirrors guiserver.md 7.6 and difx-files.md 9.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from difxnb.client.conversation import packets_of
from difxnb.client.patience import within
from difxnb.client.remote_files import look_through, require_path
from difxnb.client.session import Session
from difxnb.client.side_connections import Request
from difxnb.client.transfer import get_file, send_file
from difxnb.errors import RemoteFileError, RemoteFileNotFound
from difxnb.formats.machines import format_machines, format_threads, parse_machines, parse_threads
from difxnb.wire.control import Command, encode
from difxnb.wire.files import require_plain
from difxnb.wire.machines import MachinesConversation, MachinesEvent, decode_machines
from difxnb.wire.message import MachinesDefinition, command_xml
from difxnb.wire.packet import UnknownPacket

MAX_DATASTREAMS, MAX_PROCESSORS = 50, 100
"""Hosts that guiServer's parser keeps; it drops the rest without a word."""

MAX_THREADS = 9999
"""Threads of one host; more is a slip of the keyboard."""

OnEvent = Callable[[MachinesEvent | UnknownPacket], None]

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


def check_placement(
    head_node: str,
    datastreams: Sequence[str],
    processors: Mapping[str, int],
    *,
    active_datastreams: int | None = None,
) -> Placement:
    """Refuse what a job cannot run with, and what guiServer's parser would drop without a word.

    Parameters
    ----------
    head_node, datastreams, processors
        As `write_placement` takes them.
    active_datastreams : int, optional
        Datastreams that the job has.

    Returns
    -------
    Placement
        What belongs into the files.

    Raises
    ------
    ValueError
        Too few or too many hosts, or too few threads.
    TypeError
        One text where a list of hosts belongs, processors without threads, threads that are no number.
    UnsafeValue
        A host name that is not plain, or of more than 255 bytes.
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
    if active_datastreams is not None and len(datastreams) != active_datastreams:
        raise ValueError(
            f"the job has {active_datastreams} datastreams; got {len(datastreams)} hosts for them"
        )
    threads = tuple(_threads(host, number, head_node) for host, number in processors.items())
    return Placement((head_node, *datastreams, *processors), threads)


def _threads(host: str, threads: int, head_node: str) -> int:
    """Threads that compute: one of the head node is its own, so it needs another one."""
    if isinstance(threads, bool) or not isinstance(threads, int):
        raise TypeError(f"threads of a host are a number; got {threads!r} for {host}")
    least = 2 if host == head_node else 1
    if not least <= threads <= MAX_THREADS:
        raise ValueError(
            f"{host} needs at least {least} threads to compute, {MAX_THREADS} at most; got {threads}"
        )
    return threads - (host == head_node)


async def write_placement(session: Session, input_file: str, where: Placement) -> None:
    """Send both files, and read them back.

    They are uploaded instead of having the server write them (a machines definition): an upload replaces a file
    as a whole or not at all, tells why it failed, and does not end a real server where a file cannot be written
    (H7); and it says how many processors there are, which a real server's own count gets wrong.

    Raises
    ------
    RemoteFileNotFound
        The directory of the job does not exist.
    RemotePermission, RemoteFileExists, RemoteFileError
        A file could not be written, or reads otherwise than it was written. The text says how far it came.
    NoReply, ConnectionLost
    """
    base = base_name(input_file)
    await require_directory(session, base, f"set_machines of {input_file}")
    await send_file(session, f"{base}.threads", format_threads(where.threads).encode())
    try:
        await send_file(session, f"{base}.machines", format_machines(where.hosts).encode())
    except RemoteFileError as error:
        raise type(error)(f"{error}. The .threads file is new already; set the machines again") from error
    found = await read_placement(session, input_file)
    if found != where:
        raise RemoteFileError(
            f"set_machines of {input_file}: {where} was written and {found} is there on {session.peer}; "
            "does somebody else write it too?"
        )


async def define_placement(
    session: Session,
    input_file: str,
    definition: MachinesDefinition,
    *,
    on_event: OnEvent = lambda _: None,
) -> MachinesConversation:
    """Have the server write both files; where the definition asks for a test, without hosts that do not answer.

    Raises
    ------
    RemoteFileNotFound
        The directory of the job does not exist.
    RemoteFileError
        The server could not write the files, or refused to.
    NoReply, ConnectionLost
    """
    base = base_name(input_file)
    what = f"machines definition of {input_file}"
    await require_directory(session, base, what)

    def request(address: str, port: int) -> bytes:
        whole = replace(
            definition,
            input=input_file,
            machines_file=f"{base}.machines",
            threads_file=f"{base}.threads",
            address=address,
            port=port,
        )
        return encode(Command(command_xml(whole)))

    conversation = await _converse(session, request, what, on_event)
    if not conversation.ok:
        raise RemoteFileError(f"{what}: {conversation.refusal_text} (guiServer at {session.peer})")
    return conversation


async def require_directory(session: Session, base: str, what: str) -> None:
    """Look first: a real server dies when it cannot write the files (H7)."""
    directory = base.rpartition("/")[0] or "/"
    found = await look_through(session, directory)
    if found is None or found.type != "directory":
        raise RemoteFileNotFound(f"{what}: there is no {directory} on {session.peer}")


async def _converse(session: Session, request: Request, what: str, on_event: OnEvent) -> MachinesConversation:
    conversation = MachinesConversation()
    stream = await session.open_exchange(request, what)
    packets = packets_of(stream, what)
    try:
        while not conversation.complete:
            # Between two words a real server tries one host, which takes it a second.
            async with within(session.patience.stall, f"{what}: {session.peer} did not finish"):
                event = decode_machines(await anext(packets))
            conversation.add(event)
            on_event(event)
    finally:
        await packets.aclose()
        await stream.close()
    return conversation
