# SPDX-License-Identifier: GPL-3.0-or-later
"""Files on the server as a user sees them: look, make, remove, fetch, send."""

from __future__ import annotations

import asyncio
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from difxnb.aio.frames import entries_frame
from difxnb.client.head_node import AsyncHeadNode
from difxnb.client.remote_files import Progress

if TYPE_CHECKING:
    import pandas as pd


class FileVerbs:
    """The verbs of a `Correlator` that deal with files."""

    head_node: AsyncHeadNode

    async def ls(self, path: str) -> pd.DataFrame:
        """List a directory, a file, or what a pattern matches.

        Returns
        -------
        DataFrame
            ``name path type mode owner group size modified`` (size in bytes, time in UTC); empty only where
            the directory is empty.

        Raises
        ------
        RemoteFileNotFound
            There is nothing of that name, or nothing matches.
        UnsafeValue, ValueError
            The path holds what a shell would act on, or is not absolute.
        NoReply, ConnectionLost
        """
        return entries_frame(await self.head_node.ls_entries(path))

    async def mkdir(self, path: str) -> None:
        """Make a directory, and those above it; nothing happens where it exists.

        Raises
        ------
        RemoteFileExists, RemotePermission, RemoteFileError
            It is not there afterwards.
        UnsafeValue, ValueError, NoReply, ConnectionLost
        """
        await self.head_node.make_directory(path)

    async def rm(self, path: str, recursive: bool = False, force: bool = False) -> None:
        """Remove a file, or with `recursive` a directory and all that is in it.

        Parameters
        ----------
        path : str
            Absolute. ``/`` is always refused.
        recursive : bool
            Allow directories.
        force : bool
            Allow wildcards, and do not complain where there is nothing to remove.

        Raises
        ------
        RemoteFileNotFound, RemotePermission, RemoteFileError
            There was nothing, or it is still there afterwards.
        UnsafeValue, ValueError, NoReply, ConnectionLost
        """
        await self.head_node.remove(path, recursive=recursive, force=force)

    async def get_file(self, path: str, *, progress: Progress | None = None) -> bytes:
        """Fetch a file, whole or not at all.

        Parameters
        ----------
        path : str
            Absolute path on the server.
        progress : callable, optional
            Called with bytes received and bytes in all, on the connection's thread.

        Raises
        ------
        RemoteFileNotFound, RemotePermission, RemoteFileError
        UnsafeValue, ValueError, NoReply, ConnectionLost
        """
        return await self.head_node.get_file(path, progress=progress)

    async def send_file(self, path: str, data: bytes | str, *, progress: Progress | None = None) -> int:
        """Send a file, whole or not at all; one that is there is replaced when everything has arrived.

        Parameters
        ----------
        path : str
            Absolute path on the server, in a directory that exists.
        data : bytes or str
            Content; text is sent as UTF-8. A real guiServer damages NUL bytes, so they are refused there.
        progress : callable, optional
            Called with bytes sent and bytes in all, on the connection's thread.

        Returns
        -------
        int
            Bytes stored.

        Raises
        ------
        RemoteFileNotFound, RemoteFileExists, RemotePermission, RemoteFileError
        UnsafeValue, ValueError, NoReply, ConnectionLost
        """
        if not isinstance(data, str | bytes | bytearray | memoryview):
            raise TypeError(f"a file holds bytes or text; got {type(data).__name__}")
        content = data.encode() if isinstance(data, str) else bytes(data)
        return await self.head_node.send_file(path, content, progress=progress)

    async def download(self, path: str, local: str | Path, *, progress: Progress | None = None) -> Path:
        """Fetch a file into a local one, or into a local directory; gives the local path.

        A local file is replaced when everything has arrived, and not touched before. Errors as those of
        `get_file`, and OSError of the local disk.
        """
        target = Path(local)
        if target.is_dir():
            target /= path.rpartition("/")[2]
        content = await self.get_file(path, progress=progress)
        await asyncio.to_thread(_write_whole, target, content)
        return target

    async def upload(self, local: str | Path, path: str, *, progress: Progress | None = None) -> int:
        """Send a local file; gives its size. Errors as those of `send_file`, and OSError of the disk."""
        content = await asyncio.to_thread(Path(local).read_bytes)
        return await self.send_file(path, content, progress=progress)


def _write_whole(target: Path, content: bytes) -> None:
    """Write a local file under a temporary name first, so that nobody ever sees half of it."""
    handle, partial = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.replace(partial, target)
    except BaseException:
        os.unlink(partial)
        raise
