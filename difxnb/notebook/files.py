# SPDX-License-Identifier: GPL-3.0-or-later
"""Files on the server from a cell: the verbs of :mod:`difxnb.aio.files`, blocking."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from difxnb import aio
from difxnb.client.blocking import LoopThread

if TYPE_CHECKING:
    import pandas as pd

    from difxnb.client.remote_files import Progress


class FileVerbs:
    """The verbs of a `Correlator` that deal with files."""

    _inner: aio.Correlator
    _loop: LoopThread

    def ls(self, path: str | Path) -> pd.DataFrame:
        """List a directory, a file or a glob: columns name path type mode owner group size modified."""
        return self._loop.call(self._inner.ls(str(path)))

    def mkdir(self, path: str | Path) -> None:
        """Make a directory with its parents; raises where it is not there afterwards."""
        self._loop.call(self._inner.mkdir(str(path)))

    def rm(self, path: str | Path, recursive: bool = False, force: bool = False) -> None:
        """Remove a file, or a directory when `recursive`; globs only when `force`; raises where it stays."""
        self._loop.call(self._inner.rm(str(path), recursive, force))

    def get_file(self, path: str | Path, *, progress: Progress | None = None) -> bytes:
        """Fetch a file, whole or not at all."""
        return self._loop.call(self._inner.get_file(str(path), progress=progress))

    def send_file(self, path: str | Path, data: bytes | str, *, progress: Progress | None = None) -> int:
        """Send a file, whole or not at all; gives its size in bytes."""
        return self._loop.call(self._inner.send_file(str(path), data, progress=progress))

    def download(self, path: str | Path, local: str | Path, *, progress: Progress | None = None) -> Path:
        """Fetch a file into a local one."""
        return self._loop.call(self._inner.download(str(path), local, progress=progress))

    def upload(self, local: str | Path, path: str | Path, *, progress: Progress | None = None) -> int:
        """Send a local file; gives its size in bytes."""
        return self._loop.call(self._inner.upload(local, str(path), progress=progress))
