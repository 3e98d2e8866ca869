# SPDX-License-Identifier: GPL-3.0-or-later
"""Several files to and from the server: what a pattern matches, and whole directories."""

from __future__ import annotations

from pathlib import Path

from difxnb.client.remote_files import Progress
from difxnb.client.session import Session


async def download(
    session: Session,
    path: str,
    local: Path,
    *,
    recursive: bool,
    overwrite: bool,
    checksum: bool,
    progress: Progress | None,
) -> tuple[Path, list[str]]:
    """Fetch a file, what a pattern matches, or whole directories; gives what was made and left out."""
    raise NotImplementedError


async def upload(
    session: Session,
    local: str | Path,
    path: str,
    *,
    recursive: bool,
    overwrite: bool,
    checksum: bool,
    progress: Progress | None,
) -> tuple[int, list[str]]:
    """Send a file, what a pattern matches, or whole directories; gives bytes sent and what was left out."""
    raise NotImplementedError
