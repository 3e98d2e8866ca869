# SPDX-License-Identifier: GPL-3.0-or-later
"""Files on the server as a user sees them: look, make, remove, copy, fetch, send, edit."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from difxnb.aio.frames import entries_frame
from difxnb.aio.text import OpeningText
from difxnb.client.head_node import AsyncHeadNode
from difxnb.client.remote_files import Progress

if TYPE_CHECKING:
    import pandas as pd


class FileVerbs:
    """The verbs of a `Correlator` that deal with files.

    Paths are absolute paths on the server. Names may hold blanks, quotes and any letters, but no control
    characters. Only `ls`, `rm` and `download` know wildcards (``* ? [ab]``); write a name that holds such
    characters itself with `glob.escape` there.
    """

    head_node: AsyncHeadNode

    async def ls(self, path: str, recursive: bool = False) -> pd.DataFrame:
        """List a directory, a file, or what a pattern matches.

        Parameters
        ----------
        path : str
            A directory, a file or a pattern. Names with a dot in front are left out, as by ``ls``.
        recursive : bool
            Also what is in directories below, to any depth; links are not followed. A warning says which
            directories the server may not read.

        Returns
        -------
        DataFrame
            ``name path type mode owner group size modified`` (size in bytes, time in UTC, NaT where the
            server could not look); empty only where the directory is empty.

        Raises
        ------
        RemoteFileNotFound
            There is nothing of that name, or nothing matches.
        RemotePermission
            The server may not read the directory.
        UnsafeValue, ValueError
            The path holds what cannot be sent, or is not absolute.
        NoReply, ConnectionLost
        """
        if not recursive:
            return entries_frame(await self.head_node.ls_entries(path))
        entries, unread = await self.head_node.ls_tree(path)
        warn_of([f"{directory} (the server may not read it)" for directory in unread], stacklevel=2)
        return entries_frame(entries)

    async def mkdir(self, path: str) -> None:
        """Make a directory, and those above it; nothing happens where it exists.

        Raises
        ------
        RemoteFileExists, RemotePermission, RemoteFileError
            It is not there afterwards.
        UnsafeValue, ValueError, NoReply, ConnectionLost
        """
        await self.head_node.make_directory(path)

    async def rmdir(self, path: str) -> None:
        """Remove an empty directory.

        Raises
        ------
        RemoteFileNotFound, RemotePermission, RemoteFileError
            There was none, or it is still there afterwards.
        UnsafeValue, ValueError, NoReply, ConnectionLost
        """
        await self.head_node.remove_directory(path)

    async def touch(self, path: str) -> None:
        """Make an empty file, or give one that exists the present time.

        Raises
        ------
        RemotePermission, RemoteFileError
            It is not there afterwards, or has its old time.
        UnsafeValue, ValueError, NoReply, ConnectionLost
        """
        await self.head_node.touch(path)

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

    async def mv(self, path: str, target: str, overwrite: bool = False) -> None:
        """Move or rename a file or directory; into `target` where that is a directory.

        Parameters
        ----------
        path, target : str
            Absolute.
        overwrite : bool
            Replace a file that is there. Directories are never replaced.

        Raises
        ------
        RemoteFileNotFound, RemoteFileExists, RemotePermission, RemoteFileError
        UnsafeValue, ValueError, NoReply, ConnectionLost
        """
        await self.head_node.rename(path, target, overwrite=overwrite)

    async def cp(self, path: str, target: str, overwrite: bool = False) -> None:
        """Copy a file; into `target` where that is a directory. guiServer copies no directories.

        Parameters
        ----------
        path, target : str
            Absolute.
        overwrite : bool
            Replace a file that is there, when the copy is complete.

        Raises
        ------
        RemoteFileNotFound, RemoteFileExists, RemotePermission, RemoteFileError
        UnsafeValue, ValueError, NoReply, ConnectionLost
        """
        await self.head_node.copy(path, target, overwrite=overwrite)

    async def get_file(self, path: str, *, checksum: bool = False, progress: Progress | None = None) -> bytes:
        """Fetch a file, whole or not at all.

        Parameters
        ----------
        path : str
            Absolute path on the server.
        checksum : bool
            Fetch it twice and compare.
        progress : callable, optional
            Called with bytes received and bytes in all, on the connection's thread.

        Raises
        ------
        RemoteFileNotFound, RemotePermission, RemoteFileError
            Also for directories, and for files of 2 GiB and more, which the protocol cannot carry.
        RemoteFileChanged
            The second time it was another one.
        UnsafeValue, ValueError, NoReply, ConnectionLost
        """
        return await self.head_node.get_file(path, checksum=checksum, progress=progress)

    async def send_file(
        self, path: str, data: bytes | str, *, checksum: bool = False, progress: Progress | None = None
    ) -> int:
        """Send a file, whole or not at all; one that is there is replaced when everything has arrived.

        Parameters
        ----------
        path : str
            Absolute path on the server, in a directory that exists. A link is written through.
        data : bytes or str
            Content; text is sent as UTF-8. A real guiServer damages NUL bytes, so they are refused there.
        checksum : bool
            Read back what was stored and compare, before it takes its place.
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
        return await self.head_node.send_file(path, content, checksum=checksum, progress=progress)

    async def download(
        self,
        path: str,
        local: str | Path,
        *,
        recursive: bool = False,
        overwrite: bool = False,
        checksum: bool = False,
        progress: Progress | None = None,
    ) -> Path:
        """Fetch a file, what a pattern matches, or with `recursive` whole directories.

        What arrives is written to a temporary file, which takes its name when it is complete. Links to files
        are fetched as files; links to directories, dangling links, sockets and the like are left out, and a
        warning says so. The server's names never lead out of `local`.

        Parameters
        ----------
        path : str
            Absolute path on the server, or a pattern.
        local : str or Path
            File to make, or a directory to put it into. For patterns a directory, which is made if need be.
        recursive : bool
            Fetch directories with all that is in them.
        overwrite : bool
            Replace local files.
        checksum : bool
            Fetch everything twice and compare.
        progress : callable, optional
            Called with bytes received and bytes in all, on the connection's thread.

        Returns
        -------
        Path
            The file or directory that was made; for a pattern, the directory with the files.

        Raises
        ------
        FileExistsError
            A local file is in the way; nothing was fetched.
        RemoteFileNotFound, RemotePermission, RemoteFileError, RemoteFileChanged
            With several files: some of them could not be fetched, and the others were.
        OSError
            Of the local disk.
        UnsafeValue, ValueError, NoReply, ConnectionLost
        """
        made, left_out = await self.head_node.download(
            path, Path(local), recursive=recursive, overwrite=overwrite, checksum=checksum, progress=progress
        )
        warn_of(left_out, stacklevel=2)
        return made

    async def upload(
        self,
        local: str | Path,
        path: str,
        *,
        recursive: bool = False,
        overwrite: bool = False,
        checksum: bool = False,
        progress: Progress | None = None,
    ) -> int:
        """Send a local file, what a pattern matches, or with `recursive` whole directories.

        Parameters
        ----------
        local : str or Path
            A file, a directory or a pattern.
        path : str
            Absolute path on the server: the name to give, or a directory to put it into. For patterns a
            directory, which is made if need be.
        recursive : bool
            Send directories with all that is in them. Links to files are sent as files; other links, sockets
            and the like are left out, and a warning says so.
        overwrite : bool
            Replace files on the server.
        checksum : bool
            Read everything back and compare.
        progress : callable, optional
            Called with bytes sent and bytes in all, on the connection's thread.

        Returns
        -------
        int
            Bytes sent.

        Raises
        ------
        RemoteFileExists
            A file is in the way on the server.
        RemoteFileNotFound, RemotePermission, RemoteFileError
            With several files: some of them could not be sent, and the others were.
        OSError
            Of the local disk.
        UnsafeValue, ValueError, NoReply, ConnectionLost
        """
        size, left_out = await self.head_node.upload(
            local, path, recursive=recursive, overwrite=overwrite, checksum=checksum, progress=progress
        )
        warn_of(left_out, stacklevel=2)
        return size

    def open_text(self, path: str) -> OpeningText:
        """Open a text file to edit it: ``async with difx.open_text(path) as file: file.text = …``.

        Leaving the block saves what was changed, with a backup beside it; an exception saves nothing. To be
        awaited as well, which gives the `RemoteText` without saving by itself.

        Raises
        ------
        RemoteFileNotFound, RemotePermission, RemoteFileError
            Also where the file holds NUL bytes, and so is no text.
        UnsafeValue, ValueError, NoReply, ConnectionLost
        """
        return OpeningText(self.head_node, path)


def warn_of(left_out: list[str], stacklevel: int) -> None:
    """Say what was left out of a tree."""
    if left_out:
        shown = "; ".join(left_out[:5]) + (f"; and {len(left_out) - 5} more" if len(left_out) > 5 else "")
        warnings.warn(f"left out: {shown}", stacklevel=stacklevel + 1)
