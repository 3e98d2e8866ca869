# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the schedule and the ``.v2d`` of an experiment come from: the server, this machine, the network, or a text.

In: what a user gave. Out: bytes with a name, and where they were found. A path is looked for on the server first;
``file:`` means this machine.
"""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass
from os import PathLike
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from difxnb.errors import FileFormatError, RemoteFileNotFound

if TYPE_CHECKING:
    from difxnb.aio.correlator import Correlator

LARGEST = 2**26
"""Bytes of a schedule or a ``.v2d``."""


@dataclass(frozen=True, slots=True)
class Source:
    """A text as it was found.

    Attributes
    ----------
    content : bytes
    name : str
        Name of the file, without directories; empty where a text was given.
    path : str or None
        Where it is on the server; None where it came from elsewhere.
    note : str
        Where it came from, in words.
    """

    content: bytes
    name: str
    path: str | None
    note: str

    @property
    def text(self) -> str:
        """The text; bytes that are no UTF-8 survive until it is written again."""
        return self.content.decode("utf-8", "surrogateescape")


def server_name(difx: Correlator) -> str:
    """The server, for messages."""
    return f"{difx.address.host}:{difx.address.port}"


def encoded(text: str) -> bytes:
    """A text as `Source.text` gives it, back in bytes."""
    return text.encode("utf-8", "surrogateescape")


def is_text(given: str) -> bool:
    """Whether this is a text itself, and no path: paths hold no line breaks."""
    return "\n" in given


async def find_source(difx: Correlator, given: str | PathLike[str], what: str, timeout: float) -> Source:
    """Fetch a text that a user named.

    Parameters
    ----------
    difx : Correlator
        Whose server is looked on.
    given : str or path-like
        The text itself; ``http://`` or ``https://``; ``file:`` and a path of this machine; an absolute path on the
        server or, where there is none, on this machine; a relative path of this machine.
    what : str
        What it is to be, for messages.
    timeout : float
        Seconds for the network.

    Raises
    ------
    RemoteFileNotFound
        It is neither on the server nor here.
    FileNotFoundError, OSError
        It is not on this machine, or could not be fetched.
    FileFormatError
        It is larger than any schedule.
    ValueError
        An address that cannot be fetched.
    """
    named = os.fspath(given)
    if is_text(named):
        return Source(encoded(named), "", None, "the text that was given")
    if named.startswith(("http://", "https://")):
        return await _fetched(named, timeout)
    if named.startswith("file:"):
        return _local(Path(named.removeprefix("file:")).expanduser(), what)
    if not named.startswith("/"):
        return _local(Path(named).expanduser(), what)
    found = await _remote(difx, named, what)
    if found is not None:
        return found
    if not Path(named).is_file():
        raise RemoteFileNotFound(
            f"{what} {named}: there is no such file on {server_name(difx)}, nor on this machine"
        )
    return _local(Path(named), what)


async def _remote(difx: Correlator, path: str, what: str) -> Source | None:
    try:
        listed = await difx.ls(path)
    except RemoteFileNotFound:
        return None
    if listed["path"].tolist() != [path]:
        raise ValueError(f"{what} {path}: this is a directory on {server_name(difx)}; name the file")
    _require_size(int(listed["size"].iloc[0]), path, what)
    content = await difx.get_file(path)
    note = f"{path} on {server_name(difx)}"
    if _differs_here(Path(path), content):
        note += f"; this machine has another file of that name, which file:{path} would mean"
    return Source(content, PurePosixPath(path).name, path, note)


def _differs_here(path: Path, content: bytes) -> bool:
    """Whether this machine has another file under a path of the server."""
    try:
        return path.stat().st_size != len(content) or path.read_bytes() != content
    except OSError:
        return False


def _local(path: Path, what: str) -> Source:
    with path.open("rb") as stream:
        _require_size(os.fstat(stream.fileno()).st_size, path, what)
        content = stream.read(LARGEST)
    return Source(content, path.name, None, f"{path} on this machine")


async def _fetched(url: str, timeout: float) -> Source:
    from difxnb.geometry.fetching import TIMEOUT_S, UNREACHED, download  # what it needs takes long to load

    try:
        content = await asyncio.to_thread(download, url, timeout=min(timeout, TIMEOUT_S), largest=LARGEST)
    except UNREACHED as error:
        raise OSError(f"{url} could not be fetched: {getattr(error, 'reason', '') or error}") from error
    return Source(content, PurePosixPath(unquote(urlsplit(url).path)).name, None, url)


def _require_size(size: int, path: object, what: str) -> None:
    if size > LARGEST:
        raise FileFormatError(
            path, "", f"{size} bytes are too many for a {what}; {LARGEST >> 20} MiB are read"
        )
