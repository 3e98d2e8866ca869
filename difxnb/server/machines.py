# SPDX-License-Identifier: GPL-3.0-or-later
"""Machines definition: writes the ``.machines`` and ``.threads`` files of a job (guiserver.md 7.6).

In: the request. Out: the events of the exchange, in the real server's order, and the two files.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from difxnb.server.confinement import Confinement
from difxnb.server.files import error_text, replacing, write_all
from difxnb.wire.machines import MachinesEvent, MachinesId
from difxnb.wire.message import MachinesDefinition


@dataclass(frozen=True)
class _Host:
    """A process host and the threads that its core process gets."""

    name: str
    threads: int


def define_machines(
    root: Confinement, request: MachinesDefinition, *, local_names: frozenset[str]
) -> Iterator[MachinesEvent]:
    """Write both files, saying what happens.

    Parameters
    ----------
    root : Confinement
        Where files may be written.
    request : MachinesDefinition
        What the client asked for.
    local_names : frozenset of str
        Names of this host. There is no other host to reach: tests of all others fail.
    """
    yield MachinesEvent(MachinesId.TASK_STARTED)
    yield MachinesEvent(MachinesId.PARAMETER_CHECK_IN_PROGRESS)
    missing = _missing(request)
    if missing:
        yield from (MachinesEvent(missing), MachinesEvent(MachinesId.TASK_TERMINATED))
        return
    machines_file, threads_file = _file(request, "machines"), _file(request, "threads")
    if not machines_file or not threads_file:
        if not machines_file:
            yield MachinesEvent(MachinesId.WARNING_NO_MACHINES_FILE_SPECIFIED)
        yield MachinesEvent(MachinesId.FAILURE_NO_FILES_SPECIFIED)
        yield MachinesEvent(MachinesId.TASK_TERMINATED)
        return
    yield from _names(request, machines_file, threads_file)
    hosts = _hosts(request)
    if request.test_processors:
        yield MachinesEvent(MachinesId.RUNNING_MPIRUN_TESTS)
        for host in hosts:
            passed = is_local(host.name, local_names)
            yield MachinesEvent(MachinesId.SUCCESS_MPIRUN if passed else MachinesId.FAILURE_MPIRUN, host.name)
        hosts = [host for host in hosts if is_local(host.name, local_names)]
    yield from _write(root, request, hosts, machines_file, threads_file)


def is_local(name: str, local_names: frozenset[str]) -> bool:
    """Whether a host name means this machine, without asking a name server."""
    return (
        name in local_names
        or name.partition(".")[0] == "localhost"
        or name.startswith("127.")
        or name == "::1"
    )


def _missing(request: MachinesDefinition) -> MachinesId | None:
    if not request.head_node:
        return MachinesId.FAILURE_NO_HEADNODE
    if not request.datastreams:
        return MachinesId.FAILURE_NO_DATASOURCES
    return None if request.processors else MachinesId.FAILURE_NO_PROCESSORS


def _file(request: MachinesDefinition, extension: str) -> str:
    """Path of one file: as named, else beside the input file, else empty."""
    named = request.machines_file if extension == "machines" else request.threads_file
    if named or not request.input:
        return named or ""
    base, dot, _ = request.input.rpartition(".")
    return f"{base if dot else request.input}.{extension}"


def _names(request: MachinesDefinition, machines_file: str, threads_file: str) -> Iterator[MachinesEvent]:
    if not request.machines_file:
        yield MachinesEvent(MachinesId.WARNING_NO_MACHINES_FILE_SPECIFIED)
    yield MachinesEvent(MachinesId.MACHINES_FILE_NAME, machines_file)
    if not request.threads_file:
        yield MachinesEvent(MachinesId.WARNING_NO_THREADS_FILE_SPECIFIED)
    yield MachinesEvent(MachinesId.THREADS_FILE_NAME, threads_file)
    yield MachinesEvent(MachinesId.PARAMETER_CHECK_SUCCESS)


def _hosts(request: MachinesDefinition) -> list[_Host]:
    # The head node gives one thread to the manager.
    return [
        _Host(name, processor.threads - (name == request.head_node))
        for processor in request.processors
        for name in processor.nodes
    ]


def _write(
    root: Confinement, request: MachinesDefinition, hosts: list[_Host], machines_file: str, threads_file: str
) -> Iterator[MachinesEvent]:
    hosts = [host for host in hosts if host.threads > 0]
    lines = [request.head_node or "", *request.datastreams, *(host.name for host in hosts)]
    problem = _save(root, machines_file, lines)
    if problem is not None:
        yield MachinesEvent(MachinesId.FAILURE_OPEN_MACHINES_FILE, problem)
        yield MachinesEvent(MachinesId.TASK_TERMINATED)
        return
    yield MachinesEvent(MachinesId.MACHINES_FILE_CREATED)
    if not hosts:
        yield MachinesEvent(MachinesId.LOW_THREAD_COUNT)
    # The real server also counts hosts it left out for want of threads; mpifxcorr then misreads the file.
    lines = [f"NUMBER OF CORES:    {len(hosts)}", *(str(host.threads) for host in hosts)]
    problem = _save(root, threads_file, lines)
    if problem is not None:
        yield MachinesEvent(MachinesId.FAILURE_OPEN_THREADS_FILE, problem)
        yield MachinesEvent(MachinesId.TASK_TERMINATED)
        return
    yield MachinesEvent(MachinesId.THREADS_FILE_CREATED)
    yield MachinesEvent(MachinesId.TASK_ENDED_GRACEFULLY)


def _save(root: Confinement, path: str, lines: list[str]) -> str | None:
    """Write a text file; what went wrong as text, or None."""
    try:
        with replacing(root, path) as descriptor:
            write_all(descriptor, "".join(f"{line}\n" for line in lines).encode())
    except OSError as error:
        return error_text(error)
    return None
