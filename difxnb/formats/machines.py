# SPDX-License-Identifier: GPL-3.0-or-later
"""Read and write ``.machines`` and ``.threads`` files: where the processes of a job run.

Mirrors ``difx-files.md`` 9.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


def read_machines(path: str | Path) -> list[str]:
    """Read a ``.machines`` file: hosts in order of rank (manager, one per datastream, then the cores)."""
    raise NotImplementedError


def write_machines(hosts: Sequence[str], path: str | Path, *, overwrite: bool = False) -> None:
    """Write a ``.machines`` file."""
    raise NotImplementedError


def read_threads(path: str | Path) -> list[int]:
    """Read a ``.threads`` file: threads of each core process."""
    raise NotImplementedError


def write_threads(threads: Sequence[int], path: str | Path, *, overwrite: bool = False) -> None:
    """Write a ``.threads`` file."""
    raise NotImplementedError
