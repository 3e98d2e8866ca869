# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists of recordings with their times, as vex2difx reads them (guiserver.md 7.11).

The server asks whether it may replace a file, and waits for the answer without limit; so what is there is looked at
before, and the question is answered whenever it comes. A real server leaves recordings out whose start times are
equal: the list is fetched afterwards and compared.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from difxnb.client.conversation import packets_of
from difxnb.client.exchange import ByteStream
from difxnb.client.lasting import lasting
from difxnb.client.plain_values import plain_path, plain_pattern, plain_word
from difxnb.client.recorders import OnLine
from difxnb.client.remote_files import is_pattern, look, ls_entries
from difxnb.client.session import Session
from difxnb.client.transfer import get_file
from difxnb.errors import (
    NoReply,
    RemoteFileError,
    RemoteFileExists,
    RemoteFileNotFound,
    RemotePermission,
    UnsafeValue,
)
from difxnb.wire.control import FileListRequest, encode
from difxnb.wire.file_list import (
    CANCEL,
    FORMATS,
    MAX_RESULTS,
    OVERWRITE,
    FileListConversation,
    FileListId,
    Recording,
    decode_file_list,
)

_MAX_FORMAT = 64
_LAST_MJD = 99_999


@dataclass(frozen=True, slots=True)
class FileList:
    """A list that was written.

    Attributes
    ----------
    path : str
    recordings : tuple of Recording
        Every result of the server.
    lines : tuple of str
        The list itself, as it is on the server now.
    had_errors : bool
        The server met errors with single files.
    processed : int
        How many files it counted.
    """

    path: str
    recordings: tuple[Recording, ...]
    lines: tuple[str, ...]
    had_errors: bool
    processed: int


def check_format(data_format: str) -> str:
    """Return a data format if guiServer knows it.

    Raises
    ------
    UnsafeValue, ValueError
    """
    plain_word(data_format, "data format", _MAX_FORMAT)
    if not data_format.startswith(FORMATS):
        raise ValueError(f"a data format begins with one of {', '.join(FORMATS)}; got {data_format!r}")
    return data_format


async def make_file_list(
    session: Session,
    files: Sequence[str],
    destination: str,
    data_format: str,
    mjd: int,
    *,
    overwrite: bool,
    timeout: float,
    on_line: OnLine,
) -> FileList:
    """Have the server find out the times of recordings, and write them into a file.

    Parameters
    ----------
    session : Session
        Over which the server is asked.
    files : sequence of str
        Absolute paths on the server; patterns are expanded here.
    destination : str
        The list.
    data_format : str
        Begins with one of `FORMATS`.
    mjd : int
        A day near the recordings, for formats that do not tell the year.
    overwrite : bool
        Replace a list that is there.
    timeout : float
        Seconds for the whole.
    on_line : callable
        Called with each result.

    Raises
    ------
    UnsafeValue, ValueError
        A value that cannot be sent.
    RemoteFileExists
        `destination` is there, and `overwrite` is not said.
    RemoteFileNotFound
        A recording does not exist, or a pattern matches none.
    RemotePermission, RemoteFileError
        The server cannot write the list; a file that was there may be empty now.
    NoReply, ConnectionLost
    """
    check_format(data_format)
    if isinstance(mjd, bool) or not isinstance(mjd, int) or not 0 <= mjd <= _LAST_MJD:
        raise ValueError(
            f"a reference day is a modified Julian date, a whole number such as 60000; got {mjd!r}"
        )
    plain_path(destination, "destination")
    names = await _expanded(session, files)
    await _require_room(session, destination, overwrite=overwrite)
    what = f"file list {destination}"

    def request(address: str, port: int) -> bytes:
        return encode(FileListRequest(tuple(names), destination, data_format, mjd, address, port))

    before = session.notice_count
    stream = await session.open_exchange(request, what)
    talk = FileListConversation()
    try:
        following = _follow(stream, talk, what, overwrite=overwrite, on_line=on_line)
        await lasting(session, following, what, timeout)
    except NoReply as error:
        raise NoReply(f"{error}{session.said_since(before)}") from error
    _require_written(session, talk, what, before)
    return await _written(session, talk, destination)


async def _follow(
    stream: ByteStream, talk: FileListConversation, what: str, *, overwrite: bool, on_line: OnLine
) -> None:
    try:
        async for packet in packets_of(stream, what):
            line = talk.add(decode_file_list(packet))
            if line is not None:
                on_line(line)
            if talk.asked is not None:
                await stream.write([OVERWRITE if overwrite else CANCEL])
                talk.answered()
            if talk.complete:
                break
    finally:
        await stream.close()


async def _expanded(session: Session, files: Sequence[str]) -> list[str]:
    if isinstance(files, str):
        files = [files]
    names: list[str] = []
    for name in files:
        plain_pattern(name, "recording")
        if is_pattern(name):
            names += [entry.path for entry in await ls_entries(session, name) if entry.type != "directory"]
        else:
            names.append(name)
    for name in names:
        plain_path(name, "recording")
    if not 1 <= len(names) <= MAX_RESULTS:
        raise ValueError(f"a file list has 1 to {MAX_RESULTS} recordings; got {len(names)}")
    await _require_recordings(session, names)
    return names


async def _require_recordings(session: Session, names: Sequence[str]) -> None:
    """Look whether all are there, some at a time: what is missing would show as an error message at best."""
    some = asyncio.Semaphore(8)

    async def missing(name: str) -> str | None:
        async with some:
            return None if await look(session, name) is not None else name

    found = [name for name in await asyncio.gather(*map(missing, names)) if name is not None]
    if found:
        raise RemoteFileNotFound(f"file list: there is no {', '.join(found[:5])} on {session.peer}")


async def _require_room(session: Session, destination: str, *, overwrite: bool) -> None:
    entry = await look(session, destination)
    if entry is not None and entry.type == "directory":
        raise RemoteFileExists(f"file list {destination}: a directory of that name is in the way")
    if entry is not None and not overwrite:
        raise RemoteFileExists(
            f"file list {destination}: it is there already on {session.peer}; overwrite=True replaces it"
        )
    directory = destination.rpartition("/")[0] or "/"
    if await look(session, directory) is None:
        raise RemoteFileNotFound(f"file list {destination}: there is no {directory} on {session.peer}")


def _require_written(session: Session, talk: FileListConversation, what: str, before: int) -> None:
    if talk.ok:
        return
    if talk.existed is not None and talk.failure is None:
        raise RemoteFileExists(f"{what}: it came into being meanwhile; overwrite=True replaces it")
    text = f"{what}: {talk.refusal_text} ({session.peer}){session.said_since(before)}"
    if talk.failure is FileListId.PATH_ACCESS_FAILURE:
        raise RemotePermission(text)
    if talk.failure is FileListId.BAD_FORMAT:
        raise UnsafeValue(text)
    raise RemoteFileError(text)


async def _written(session: Session, talk: FileListConversation, destination: str) -> FileList:
    path = talk.final_name or destination
    text = (await get_file(session, destination)).decode("utf-8", "replace")
    return FileList(
        path=path,
        recordings=tuple(talk.recordings),
        lines=tuple(text.splitlines()),
        had_errors=talk.had_errors,
        processed=len(talk.recordings) if talk.processed is None else talk.processed,
    )
