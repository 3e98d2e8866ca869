# SPDX-License-Identifier: GPL-3.0-or-later
"""Recorders: mk5control commands, directories of modules, copies off modules (guiserver.md 7.8 to 7.10).

Each is a conversation with an end marker of its own, which a server that fails may never send; so each has a time
for the whole. Programs on the recorders say by text alone how they fared.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeVar

from difxnb.client.conversation import packets_of
from difxnb.client.exchange import ByteStream
from difxnb.client.lasting import lasting
from difxnb.client.plain_values import plain_host, plain_path, plain_word
from difxnb.client.remote_files import ls_entries
from difxnb.client.session import Session
from difxnb.client.side_connections import Request
from difxnb.errors import (
    NoReply,
    NotConfirmed,
    RecorderError,
    RemoteFileExists,
    RemoteFileNotFound,
    UnsafeValue,
)
from difxnb.wire.control import Command, encode
from difxnb.wire.message import GetDirectory, Mark5Copy, Mk5Control, command_xml
from difxnb.wire.recorder_commands import MAX_COMMAND, MAX_HOST, MAX_TARGET, addressees, harm_of
from difxnb.wire.recorders import (
    CopyConversation,
    DirectoryConversation,
    DirectoryId,
    Mk5ControlConversation,
    decode_recorder,
    scan_numbers,
)

OnLine = Callable[[str], None]
"""Called with each line as it comes."""

_WORD = 31
_LAST = 5  # lines that an error quotes

_Talk = TypeVar("_Talk", Mk5ControlConversation, DirectoryConversation, CopyConversation)


def check_target(name: str) -> str:
    """Return the name of a recorder, or of several, if mk5control can be given it.

    Raises
    ------
    UnsafeValue, ValueError
        No plain host name, or a range that mk5control does not take.
    """
    plain_host(name, "recorder", MAX_TARGET)
    addressees(name)
    return name


def check_command(command: str, target: str, *, confirm: bool) -> str:
    """Return an mk5control command if it may be sent.

    Raises
    ------
    UnsafeValue
        It is not one plain word of at most 31 characters. (mk5control would take a second word for a host.)
    NotConfirmed
        It does harm, or nobody here knows what it does, and `confirm` is not True.
    """
    plain_word(command, "mk5control command", MAX_COMMAND)
    harm = harm_of(command)
    if harm is not None and confirm is not True:
        raise NotConfirmed(f"{command} on {target} {harm}; say confirm=True if that is meant")
    return command


async def control(
    session: Session, target: str, command: str, *, confirm: bool, timeout: float, on_line: OnLine
) -> Mk5ControlConversation:
    """Send an mk5control command; what the recorders do then shows in their messages only.

    Raises
    ------
    UnsafeValue, ValueError, NotConfirmed
        See `check_target` and `check_command`.
    NoReply, ConnectionLost
    """
    check_target(target)
    check_command(command, target, confirm=confirm)

    def request(address: str, port: int) -> bytes:
        body = Mk5Control(command=command, target_node=target, address=address, port=port)
        return encode(Command(command_xml(body)))

    what = f"{command} on {target}"
    return await _converse(session, request, what, Mk5ControlConversation(), timeout, on_line)


def check_vsn(vsn: str) -> str:
    """Return the serial number of a module: eight plain characters, which name its directory file.

    Raises
    ------
    UnsafeValue, ValueError
    """
    plain_word(vsn, "VSN", _WORD)
    if len(vsn) != 8 or "/" in vsn:
        raise ValueError(f"a VSN has eight characters, such as NRAO+321; got {vsn!r}")
    return vsn


async def read_directory(
    session: Session, recorder: str, vsn: str, *, generate: bool, timeout: float, on_line: OnLine
) -> DirectoryConversation:
    """Read the directory file of a module, after having it made anew where `generate` says so.

    Raises
    ------
    UnsafeValue, ValueError
        A host name or VSN that cannot be sent.
    RemoteFileNotFound
        There is no directory file.
    RecorderError
        The server or the recorder failed; what the programs printed is in `lines`.
    NoReply, ConnectionLost
    """
    plain_host(recorder, "recorder", MAX_HOST)
    check_vsn(vsn)

    def request(address: str, port: int) -> bytes:
        body = GetDirectory(mark5=recorder, vsn=vsn, generate_new=generate, address=address, port=port)
        return encode(Command(command_xml(body)))

    what = f"directory of {vsn} on {recorder}"
    before = session.notice_count
    talk = await _converse(session, request, what, DirectoryConversation(), timeout, on_line)
    said = _quoted(talk.output.complaints) or session.said_since(before)
    printed = [line.text for line in talk.output.lines]
    if talk.failure is DirectoryId.FILE_NOT_FOUND and generate:
        raise RecorderError(
            f"{what}: none was made, and there was none before ({session.peer}){said}", printed
        )
    if talk.failure is DirectoryId.FILE_NOT_FOUND:
        raise RemoteFileNotFound(f"{what}: {talk.refusal_text} ({session.peer}){said}")
    if talk.refusal_text is not None:
        raise RecorderError(f"{what}: {talk.refusal_text} ({session.peer}){said}", printed)
    if generate and talk.generated is not True and talk.output.complaints:
        raise RecorderError(
            f"{what} was not made anew; generate=False still reads the one of {talk.date}{said}", printed
        )
    return talk


async def copy_scans(
    session: Session,
    recorder: str,
    vsn: str,
    scans: str,
    destination: str,
    *,
    overwrite: bool,
    timeout: float,
    on_line: OnLine,
) -> CopyConversation:
    """Copy scans of a module into a directory that the recorder can write to.

    Raises
    ------
    UnsafeValue, ValueError
        A value that cannot be sent.
    RemoteFileExists
        Copies of such scans are there, as far as the head node sees the directory, and `overwrite` is not said.
    NoReply, ConnectionLost
    """
    plain_host(recorder, "recorder", MAX_HOST)
    plain_word(vsn, "VSN", _WORD)
    plain_word(scans, "choice of scans", _WORD)
    plain_path(destination, "destination")
    if len(vsn) != 8 and vsn.lower() not in ("a", "b", "active"):
        raise UnsafeValue(f"a module is named by its VSN, or by A, B or Active; got {vsn!r}")
    what = f"copy of {vsn} scans {scans} from {recorder}"
    if not overwrite:
        await _require_no_copies(session, vsn, scans, destination, what)

    def request(address: str, port: int) -> bytes:
        body = Mark5Copy(
            mark5=recorder, vsn=vsn, scans=scans, destination=destination, address=address, port=port
        )
        return encode(Command(command_xml(body)))

    return await _converse(session, request, what, CopyConversation(), timeout, on_line)


_COPY = re.compile(r".{8}_(\d{4,})_.*", re.DOTALL)


async def _require_no_copies(session: Session, vsn: str, scans: str, destination: str, what: str) -> None:
    """Look for files that mk5cp would replace without a word."""
    module = vsn if len(vsn) == 8 else "????????"
    try:
        entries = await ls_entries(session, f"{destination.rstrip('/')}/{module}_*")
    except RemoteFileNotFound:
        return  # none, or a directory that only the recorder sees
    numbers = scan_numbers(scans)
    names = [entry.name for entry in entries]
    copies = [
        name for name in names if (named := _COPY.fullmatch(name)) and _is_among(int(named[1]), numbers)
    ]
    if copies:
        raise RemoteFileExists(
            f"{what}: {', '.join(copies[:5])} may be replaced in {destination}; overwrite=True allows that"
        )


def _is_among(number: int, numbers: frozenset[int] | None) -> bool:
    return numbers is None or number in numbers


async def _converse(
    session: Session, request: Request, what: str, talk: _Talk, timeout: float, on_line: OnLine
) -> _Talk:
    before = session.notice_count
    stream = await session.open_exchange(request, what)
    try:
        await lasting(session, _read(session, stream, talk, what, on_line), what, timeout)
    except NoReply as error:
        printed = [line.text for line in talk.output.lines]
        raise NoReply(f"{error}{_quoted(printed) or session.said_since(before)}") from error
    return talk


async def _read(session: Session, stream: ByteStream, talk: _Talk, what: str, on_line: OnLine) -> None:
    try:
        async for packet in packets_of(stream, what):
            line = talk.add(decode_recorder(packet, talk.ids))
            if line is not None:
                on_line(line.rstrip("\n"))
            if talk.complete:
                break
    finally:
        await stream.close()
        session.stay(session.patience.recorder_close)


def _quoted(lines: list[str]) -> str:
    return "".join(f"\n    {line}" for line in lines[-_LAST:])
