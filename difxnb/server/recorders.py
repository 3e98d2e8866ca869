# SPDX-License-Identifier: GPL-3.0-or-later
"""Operations about recorders: mk5control, module directory, copy (guiserver.md 7.8 to 7.10).

In: a request, an open side connection, the simulated recorders. Out: packets on the side connection and notices on the
main one, in the order of the real server. What cannot be reached fails as it does there, with the end marker sent.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from contextlib import aclosing
from datetime import datetime

from difxnb.server.confinement import Confinement
from difxnb.server.recorder_bank import RecorderBank, control_message
from difxnb.server.recorder_unit import Unit
from difxnb.server.side import SideConnection
from difxnb.wire.control import Notice, NoticeSeverity, encode
from difxnb.wire.message import GetDirectory, Mark5Copy, Mk5Control, to_xml
from difxnb.wire.recorders import (
    CopyId,
    DirectoryId,
    Mk5ControlId,
    OutputLine,
    RecorderEvent,
    RecorderId,
    encode_recorder,
)

Tell = Callable[[bytes], Awaitable[None]]
"""Sends a packet on the main connection."""

_NAME = re.compile(r"[A-Za-z0-9_.+%-]+", re.ASCII)


class Talk:
    """The two ways in which an operation speaks to its client.

    Parameters
    ----------
    side : SideConnection
        Where its packets go.
    tell : callable
        Sends a packet on the main connection.
    """

    def __init__(self, side: SideConnection, tell: Tell) -> None:
        self._side, self._tell = side, tell

    async def packet(self, event_id: RecorderId, text: str = "") -> None:
        """Send a packet of the exchange."""
        await self._side.write(encode_recorder(RecorderEvent(event_id, text)))

    async def notice(self, severity: NoticeSeverity, text: str) -> None:
        """Say something to humans."""
        await self._tell(encode(Notice(severity, text)))

    async def executing(self, command: str) -> None:
        """Say what the real server would run now."""
        await self.notice(NoticeSeverity.WARNING, f"executing: {command}\n")

    async def line(self, line: OutputLine, output: RecorderId, error: RecorderId) -> None:
        """Hand a line of a program on, both ways."""
        await self.packet(error if line.is_error else output, line.text)
        severity = NoticeSeverity.ERROR if line.is_error else NoticeSeverity.INFORMATION
        await self.notice(severity, line.text)


async def control_recorders(
    bank: RecorderBank | None,
    publish: Callable[[bytes], None],
    request: Mk5Control,
    talk: Talk,
    *,
    alone: bool,
) -> None:
    """Send a command to recorders.

    Parameters
    ----------
    bank : RecorderBank or None
        The recorders that are simulated.
    publish : callable
        Takes a document for the network.
    request : Mk5Control
        What the client asked for.
    talk : Talk
        With the client.
    alone : bool
        No real recorders can hear: one that is not simulated does not exist, which the real server would not say.
    """
    await talk.packet(Mk5ControlId.TASK_STARTED)
    command, target = request.command or "", request.target_node or ""
    try:
        message = control_message(command, target)
        document = to_xml(message)
        problem = _unknown(bank, target, message.header.to) if alone else ""
    except ValueError as error:  # a range that is none, or a text that no message can hold
        problem = str(error)
    if problem:
        await talk.packet(Mk5ControlId.ERROR, f"mk5control: {problem}\n")
    else:
        publish(document)
    await talk.packet(Mk5ControlId.TASK_ENDED_GRACEFULLY)


def _unknown(bank: RecorderBank | None, target: str, to: Iterable[str]) -> str:
    if bank is None:
        return f"this server has no recorders, so there is no {target}"
    if not bank.addressed(to):
        return f"there is no recorder {target} here; there are {', '.join(sorted(bank.units))}"
    return ""


async def read_directory(
    root: Confinement, bank: RecorderBank | None, request: GetDirectory, talk: Talk, prefix: str
) -> None:
    """Give a client the directory file of a module, after having it made anew where it asks for that."""
    host, vsn = request.mark5 or "", request.vsn or ""
    mpirun = f"{request.mpi_wrapper or 'mpirun'} -host {host}"
    await talk.packet(DirectoryId.STARTED)
    await talk.executing(f"{mpirun} /bin/echo $MARK5_DIR_PATH")
    unit = bank.find(host) if bank is not None else None
    if bank is None or unit is None or not _NAME.fullmatch(vsn):
        text = f"{vsn!r} names no module" if unit is not None else _no_host(bank, host)
        await talk.line(OutputLine(text, is_error=True), DirectoryId.MPIRUN_ERROR, DirectoryId.MPIRUN_ERROR)
        await talk.packet(DirectoryId.NO_ENVIRONMENT_VARIABLE)
        await talk.packet(DirectoryId.FAILED)
        return
    path = f"{bank.path}/{vsn}.dir"
    await talk.packet(DirectoryId.FULLPATH, path)
    if request.generate_new:
        await talk.executing(" ".join([mpirun, prefix, "mk5dir -n -f", vsn]))
        await _generate(unit, vsn, talk)
    await _send_directory(root, path, mpirun, talk)


def _no_host(bank: RecorderBank | None, host: str) -> str:
    there = "none" if bank is None else ", ".join(sorted(bank.units))
    return f"mpirun: host {host} cannot be reached; the recorders here are: {there}"


async def _generate(unit: Unit, vsn: str, talk: Talk) -> None:
    await talk.packet(DirectoryId.GENERATE_STARTED)
    had_errors = False
    async with aclosing(unit.extract(vsn)) as lines:
        async for line in lines:
            had_errors |= line.is_error
            await talk.line(line, DirectoryId.GENERATE_INFO, DirectoryId.MPIRUN_ERROR)
    await talk.packet(DirectoryId.GENERATE_ERRORS if had_errors else DirectoryId.GENERATE_COMPLETED)


async def _send_directory(root: Confinement, path: str, mpirun: str, talk: Talk) -> None:
    await talk.executing(f"{mpirun} /bin/ls -l {path}")
    try:
        date, lines = await asyncio.to_thread(_read, root, path)
    except OSError as error:
        text = f"/bin/ls: cannot access '{path}': {error.strerror}"
        await talk.line(OutputLine(text, is_error=True), DirectoryId.MPIRUN_ERROR, DirectoryId.MPIRUN_ERROR)
        await talk.packet(DirectoryId.FILE_NOT_FOUND)
        await talk.packet(DirectoryId.FAILED)
        return
    await talk.packet(DirectoryId.DATE, date)
    await talk.packet(DirectoryId.FILESTART)
    await talk.executing(f"{mpirun} /bin/cat {path}")
    for line in lines:
        await talk.packet(DirectoryId.FILEDATA, line)
    await talk.packet(DirectoryId.COMPLETED)


def _read(root: Confinement, path: str) -> tuple[str, list[str]]:
    with os.fdopen(root.open_file(path), "rb") as content:
        modified = datetime.fromtimestamp(os.fstat(content.fileno()).st_mtime).astimezone()
        text = content.read().decode("utf-8", "surrogateescape")
    return f"{modified:%b} {modified.day:2d} {modified:%H:%M}", text.splitlines()


async def copy_scans(bank: RecorderBank | None, request: Mark5Copy, talk: Talk, prefix: str) -> None:
    """Copy scans off a module."""
    host, vsn, scans = request.mark5 or "", request.vsn or "", request.scans or ""
    destination = request.destination or ""
    await talk.packet(CopyId.STARTED)
    mpirun = f"{request.mpi_wrapper or 'mpirun'} -host {host}"
    await talk.executing(" ".join([mpirun, prefix, "mk5cp -f", vsn, scans, destination]))
    unit = bank.find(host) if bank is not None else None
    if unit is None:
        lines = _one(OutputLine(_no_host(bank, host), is_error=True))
    else:
        lines = unit.copy(vsn, scans, destination)
    had_errors = False
    async with aclosing(lines) as printed:
        async for line in printed:
            had_errors |= line.is_error
            await talk.line(line, CopyId.INFO, CopyId.MPIRUN_ERROR)
    if had_errors:
        await talk.packet(CopyId.ERRORS)
    await talk.packet(CopyId.COMPLETED)


async def _one(line: OutputLine) -> AsyncGenerator[OutputLine, None]:
    yield line
