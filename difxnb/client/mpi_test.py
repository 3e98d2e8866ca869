# SPDX-License-Identifier: GPL-3.0-or-later
"""Which hosts answer when a program is started on them through MPI.

guiServer tries hosts only while it defines the machines of a job: it has each of them make a file, waits a second and
looks. So a job that does not exist is defined, in a directory made for it: the machines of the real one stay as they
are, files of an earlier try cannot be taken for answers, and what late hosts make goes away with the directory.
Mirrors guiserver.md 7.6.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from time import monotonic

from difxnb.client.placement import (
    MAX_PROCESSORS,
    base_name,
    check_placement,
    define_placement,
    require_directory,
)
from difxnb.client.remote_files import make_directory, remove
from difxnb.client.session import Session
from difxnb.client.start_options import require_command
from difxnb.errors import NoReply
from difxnb.wire.machines import MachinesEvent, MachinesId
from difxnb.wire.message import MachinesDefinition, Processor
from difxnb.wire.packet import UnknownPacket

OnHost = Callable[[int, int], None]

_ANSWERS = {MachinesId.SUCCESS_MPIRUN: True, MachinesId.FAILURE_MPIRUN: False}
# Two, because a head node keeps one for itself and would not be tried with less.
_THREADS = 2


@dataclass(frozen=True, slots=True)
class TriedHost:
    """One host that was tried.

    Attributes
    ----------
    node : str
    answered : bool or None
        None where the server said nothing of it.
    seconds : float or None
        From the word on the host before to the one on this.
    """

    node: str
    answered: bool | None
    seconds: float | None


class _Answers:
    """Collects what the server says of each host."""

    def __init__(self, done: int, total: int, on_host: OnHost) -> None:
        self.found: dict[str, TriedHost] = {}
        self._done, self._total, self._on_host = done, total, on_host
        self._last = monotonic()

    def add(self, event: MachinesEvent | UnknownPacket) -> None:
        if isinstance(event, UnknownPacket) or event.id not in _ANSWERS:
            return
        now = monotonic()
        node = event.text.strip()
        self.found[node] = TriedHost(node, _ANSWERS[event.id], now - self._last)
        self._last = now
        self._on_host(min(self._done + len(self.found), self._total), self._total)


async def try_hosts(
    session: Session,
    input_file: str,
    nodes: Iterable[str],
    *,
    mpi_wrapper: str | None = None,
    on_host: OnHost = lambda _done, _total: None,
) -> list[TriedHost]:
    """Try each host once, in order; `on_host` is called with the number of hosts tried and of all.

    A directory ``mpitest-…`` is made beside the ``.input`` file and removed again.

    Raises
    ------
    ValueError, UnsafeValue, TypeError
        No hosts, or names or a wrapper that are not plain.
    RemoteFileNotFound, RemotePermission, RemoteFileError
        The directory of the job is not there, or nothing can be made in it.
    NoReply, ConnectionLost
    """
    wanted = list(dict.fromkeys(nodes))
    require_command(mpi_wrapper, "mpi_wrapper")
    for group in _groups(wanted):
        check_placement(group[0], group[:1], dict.fromkeys(group, _THREADS))
    if not wanted:
        raise ValueError("there are no hosts to try")
    await require_directory(session, base_name(input_file), f"test_machines of {input_file}")
    directory = f"{base_name(input_file).rpartition('/')[0]}/mpitest-{secrets.token_hex(4)}"
    await make_directory(session, directory)
    try:
        found: dict[str, TriedHost] = {}
        for group in _groups(wanted):
            answers = _Answers(len(found), len(wanted), on_host)
            await _try_group(session, f"{directory}/mpitest.input", group, mpi_wrapper, answers)
            found |= answers.found
    finally:
        if session.lost is None:
            await remove(session, directory, recursive=True, force=True)
    return [found.get(node, TriedHost(node, None, None)) for node in wanted]


def _groups(nodes: Sequence[str]) -> list[Sequence[str]]:
    """As many hosts at a time as the server's parser keeps."""
    return [nodes[first : first + MAX_PROCESSORS] for first in range(0, len(nodes), MAX_PROCESSORS)]


async def _try_group(
    session: Session, input_file: str, group: Sequence[str], mpi_wrapper: str | None, answers: _Answers
) -> None:
    definition = MachinesDefinition(
        head_node=group[0],
        datastreams=(group[0],),
        processors=tuple(Processor((node,), _THREADS) for node in group),
        mpi_wrapper=mpi_wrapper,
        test_processors=True,
    )
    try:
        await define_placement(session, input_file, definition, on_event=answers.add)
    except NoReply as error:
        tried = ", ".join(answers.found) or "none"
        raise NoReply(f"{error}; hosts that it told of: {tried}") from error
