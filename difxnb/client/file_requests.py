# SPDX-License-Identifier: GPL-3.0-or-later
"""What a head node can be asked about files: one verb each, over a connection that may be made anew.

What only looks is asked again after a reconnection; what changes something is done once.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from difxnb.client import local_trees, remote_files, remote_listing, remote_moves, transfer, trees
from difxnb.client.link import Link
from difxnb.client.remote_files import Progress
from difxnb.client.session import Session
from difxnb.wire.files import Entry

T = TypeVar("T")


class FileRequests(Link):
    """The verbs of a head node that deal with files; parameters as those of `Link`."""

    async def _change_files(self, what: str, deed: Callable[[Session], Awaitable[T]]) -> T:
        """Change files, and take away before what a lost connection left of earlier changes."""

        async def tidied(session: Session) -> T:
            await remote_files.tidy(session)
            return await deed(session)

        return await self.do(what, tidied)

    async def ls_entries(self, path: str) -> list[Entry]:
        """List; see `remote_listing.ls_entries`."""
        return await self.ask(f"ls {path}", lambda session: remote_listing.ls_entries(session, path))

    async def ls_tree(self, path: str) -> tuple[list[Entry], list[str]]:
        """List with all that is below; see `remote_listing.ls_tree`."""
        return await self.ask(f"ls {path}", lambda session: remote_listing.ls_tree(session, path))

    async def make_directory(self, path: str) -> None:
        """Make a directory and those above it; see `remote_files.make_directory`."""
        await self._change_files(f"mkdir {path}", lambda session: remote_files.make_directory(session, path))

    async def remove_directory(self, path: str) -> None:
        """Remove an empty directory; see `remote_files.remove_directory`."""
        await self._change_files(
            f"rmdir {path}", lambda session: remote_files.remove_directory(session, path)
        )

    async def touch(self, path: str) -> None:
        """Make a file or renew its time; see `remote_files.touch`."""
        await self._change_files(f"touch {path}", lambda session: remote_files.touch(session, path))

    async def remove(self, path: str, *, recursive: bool = False, force: bool = False) -> None:
        """Remove; see `remote_files.remove`."""
        await self._change_files(
            f"rm {path}",
            lambda session: remote_files.remove(session, path, recursive=recursive, force=force),
        )

    async def move(self, path: str, target: str) -> None:
        """Give another name, never into a directory; see `remote_moves.move`."""
        await self._change_files(
            f"mv {path} {target}", lambda session: remote_moves.move(session, path, target)
        )

    async def rename(self, path: str, target: str, *, overwrite: bool = False) -> None:
        """Move as a shell does; see `remote_moves.rename`."""
        await self._change_files(
            f"mv {path} {target}",
            lambda session: remote_moves.rename(session, path, target, overwrite=overwrite),
        )

    async def copy(self, path: str, target: str, *, overwrite: bool = False) -> None:
        """Copy a file; see `remote_moves.copy`."""
        await self._change_files(
            f"cp {path} {target}",
            lambda session: remote_moves.copy(session, path, target, overwrite=overwrite),
        )

    async def get_file(self, path: str, *, checksum: bool = False, progress: Progress | None = None) -> bytes:
        """Fetch a whole file; see `transfer.get_file`."""
        return await self.ask(
            f"get_file {path}",
            lambda session: transfer.get_file(session, path, checksum=checksum, progress=progress),
        )

    async def send_file(
        self, path: str, data: bytes, *, checksum: bool = False, progress: Progress | None = None
    ) -> int:
        """Send a whole file; see `transfer.send_file`."""
        return await self._change_files(
            f"send_file {path}",
            lambda session: transfer.send_file(session, path, data, checksum=checksum, progress=progress),
        )

    async def replace_file(self, path: str, old: bytes, new: bytes, *, backup: bool) -> str | None:
        """Replace a file that has not changed; see `transfer.replace_file`."""
        return await self._change_files(
            f"saving {path}",
            lambda session: transfer.replace_file(session, path, old, new, backup=backup),
        )

    async def download(
        self,
        path: str,
        local: Path,
        *,
        recursive: bool = False,
        overwrite: bool = False,
        checksum: bool = False,
        progress: Progress | None = None,
    ) -> tuple[Path, list[str]]:
        """Fetch files and trees; see `trees.download`."""
        fetched: set[Path] = set()  # in a first attempt, whose connection was lost
        return await self.ask(
            f"download {path}",
            lambda session: trees.download(
                session, path, local, recursive=recursive,
                fetched=fetched, overwrite=overwrite, checksum=checksum,
                progress=progress,
            ),
        )  # fmt: skip

    async def upload(
        self,
        local: str | Path,
        path: str,
        *,
        recursive: bool = False,
        overwrite: bool = False,
        checksum: bool = False,
        progress: Progress | None = None,
    ) -> tuple[int, list[str]]:
        """Send files and trees; see `local_trees.upload`."""
        return await self._change_files(
            f"upload {local}",
            lambda session: local_trees.upload(
                session, local, path, recursive=recursive, overwrite=overwrite, checksum=checksum,
                progress=progress,
            ),
        )  # fmt: skip
