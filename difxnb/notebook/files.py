# SPDX-License-Identifier: GPL-3.0-or-later
"""Files on the server from a cell: the verbs of :mod:`difxnb.aio.files`, blocking, with a bar on long transfers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from difxnb import aio
from difxnb.aio.files import warn_of
from difxnb.aio.frames import entries_frame
from difxnb.client.blocking import LoopThread
from difxnb.notebook.text import RemoteText
from difxnb.notebook.transfer_bar import Shown, transferring

if TYPE_CHECKING:
    import pandas as pd


class FileVerbs:
    """The verbs of a `Correlator` that deal with files.

    Paths are absolute paths on the server. Names may hold blanks, quotes and any letters, but no control
    characters. Only `ls`, `rm` and `download` know wildcards (``* ? [ab]``); write a name that holds such
    characters itself with `glob.escape` there. Transfers take ``progress=True`` for a bar once they have lasted
    a second (as they do by default), False for none, or a function of bytes done and bytes in all.
    """

    _inner: aio.Correlator
    _loop: LoopThread

    def ls(self, path: str | Path, recursive: bool = False) -> pd.DataFrame:
        """List a directory, a file or a glob: columns name path type mode owner group size modified."""
        if not recursive:
            return self._loop.call(self._inner.ls(str(path)))
        entries, unread = self._loop.call(self._inner.head_node.ls_tree(str(path)))
        warn_of([f"{directory} (the server may not read it)" for directory in unread], stacklevel=2)
        return entries_frame(entries)

    def mkdir(self, path: str | Path) -> None:
        """Make a directory with its parents; raises where it is not there afterwards."""
        self._loop.call(self._inner.mkdir(str(path)))

    def rmdir(self, path: str | Path) -> None:
        """Remove an empty directory; raises where it is still there afterwards."""
        self._loop.call(self._inner.rmdir(str(path)))

    def touch(self, path: str | Path) -> None:
        """Make an empty file, or give one that exists the present time."""
        self._loop.call(self._inner.touch(str(path)))

    def rm(self, path: str | Path, recursive: bool = False, force: bool = False) -> None:
        """Remove a file, or a directory when `recursive`; globs only when `force`; raises where it stays."""
        self._loop.call(self._inner.rm(str(path), recursive, force))

    def mv(self, path: str | Path, target: str | Path, overwrite: bool = False) -> None:
        """Move or rename, into `target` where that is a directory; a file is replaced when `overwrite`."""
        self._loop.call(self._inner.mv(str(path), str(target), overwrite))

    def cp(self, path: str | Path, target: str | Path, overwrite: bool = False) -> None:
        """Copy a file, into `target` where that is a directory; a file is replaced when `overwrite`."""
        self._loop.call(self._inner.cp(str(path), str(target), overwrite))

    def get_file(self, path: str | Path, *, checksum: bool = False, progress: Shown | None = None) -> bytes:
        """Fetch a file, whole or not at all; twice when `checksum`."""
        with transferring(progress, f"get {Path(path).name}") as show:
            fetching = self._inner.get_file(str(path), checksum=checksum, progress=show.hear)
            return self._loop.call(fetching, while_waiting=show.draw)

    def send_file(
        self, path: str | Path, data: bytes | str, *, checksum: bool = False, progress: Shown | None = None
    ) -> int:
        """Send a file, whole or not at all; gives its size in bytes. Read back when `checksum`."""
        with transferring(progress, f"send {Path(path).name}") as show:
            sending = self._inner.send_file(str(path), data, checksum=checksum, progress=show.hear)
            return self._loop.call(sending, while_waiting=show.draw)

    def download(
        self,
        path: str | Path,
        local: str | Path,
        *,
        recursive: bool = False,
        overwrite: bool = False,
        checksum: bool = False,
        progress: Shown | None = None,
    ) -> Path:
        """Fetch a file, a glob, or when `recursive` a directory; gives the local path."""
        with transferring(progress, f"get {Path(path).name}") as show:
            fetching = self._inner.head_node.download(
                str(path), Path(local), recursive=recursive, overwrite=overwrite, checksum=checksum,
                progress=show.hear,
            )  # fmt: skip
            made, left_out = self._loop.call(fetching, while_waiting=show.draw)
        warn_of(left_out, stacklevel=2)
        return made

    def upload(
        self,
        local: str | Path,
        path: str | Path,
        *,
        recursive: bool = False,
        overwrite: bool = False,
        checksum: bool = False,
        progress: Shown | None = None,
    ) -> int:
        """Send a local file, a glob, or when `recursive` a directory; gives its size in bytes."""
        with transferring(progress, f"send {Path(local).name}") as show:
            sending = self._inner.head_node.upload(
                local, str(path), recursive=recursive, overwrite=overwrite, checksum=checksum,
                progress=show.hear,
            )  # fmt: skip
            size, left_out = self._loop.call(sending, while_waiting=show.draw)
        warn_of(left_out, stacklevel=2)
        return size

    def open_text(self, path: str | Path) -> RemoteText:
        """Open a text file to edit it: ``with difx.open_text(path) as file: file.text = …``.

        Leaving the block saves what was changed, with a backup beside it; an exception saves nothing.
        """
        return RemoteText(self._loop.call(self._opened(str(path))), self._loop)

    async def _opened(self, path: str) -> aio.RemoteText:
        return await self._inner.open_text(path)
