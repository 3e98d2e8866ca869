# SPDX-License-Identifier: GPL-3.0-or-later
"""A recorder from a cell: the verbs of :mod:`difxnb.aio.recorder`, blocking."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from difxnb import aio
from difxnb.client.blocking import LoopThread
from difxnb.notebook.line_bar import LinesShown, call_showing
from difxnb.notebook.recorder_commands import RecorderCommands

if TYPE_CHECKING:
    import pandas as pd


class Recorder(RecorderCommands):
    """One Mark5 or Mark6 unit, or several that mk5control knows by one name.

    Commands that destroy something, or that nobody here knows, need ``confirm=True``. What lasts shows what was said
    last, and calls a function of each line where `progress` is one.
    """

    def __init__(self, inner: aio.Recorder, loop: LoopThread) -> None:
        self._inner, self._loop = inner, loop

    @property
    def name(self) -> str:
        """Host name, or what mk5control expands."""
        return self._inner.name

    def send(
        self,
        command: str,
        *,
        confirm: bool = False,
        timeout: float = 60.0,
        progress: LinesShown | None = None,
    ) -> pd.DataFrame:
        """Send an mk5control command; gives what mk5control printed, nothing as a rule."""
        return call_showing(
            self._loop,
            lambda hear: self._inner.send(command, confirm=confirm, timeout=timeout, progress=hear),
            progress,
            f"{command} {self.name}",
        )

    def modules(self, *, timeout: float = 10.0) -> pd.DataFrame:
        """Which modules are in: rows ``recorder bank vsn state heard``."""
        return self._loop.call(self._inner.modules(timeout=timeout))

    def clear(self, *, timeout: float = 10.0) -> pd.DataFrame:
        """Have the daemon forget that the recorder is busy; answers as `modules`."""
        return self._loop.call(self._inner.clear(timeout=timeout))

    def versions(self, *, timeout: float = 10.0) -> pd.DataFrame:
        """Versions of firmware and libraries: rows ``recorder part version``."""
        return self._loop.call(self._inner.versions(timeout=timeout))

    def smart(self, *, timeout: float = 10.0) -> pd.DataFrame:
        """Health of the disks: rows ``recorder vsn disk time id name value suspect``."""
        return self._loop.call(self._inner.smart(timeout=timeout))

    def file_systems(self, *, timeout: float = 10.0) -> list[str]:
        """What can be mounted, as the host tells it."""
        return self._loop.call(self._inner.file_systems(timeout=timeout))

    def directory(
        self,
        vsn: str,
        generate: bool = False,
        *,
        timeout: float = 600.0,
        progress: LinesShown | None = None,
    ) -> pd.DataFrame:
        """Read the directory of a module, one row per scan; with `generate` it is made anew from the module first."""
        return call_showing(
            self._loop,
            lambda hear: self._inner.directory(vsn, generate, timeout=timeout, progress=hear),
            progress,
            f"directory of {vsn}",
        )

    def copy(
        self,
        vsn: str,
        scans: str | int | Iterable[int],
        destination: str | Path,
        overwrite: bool = False,
        *,
        timeout: float = 3600.0,
        progress: LinesShown | None = None,
    ) -> pd.DataFrame:
        """Copy scans of a module into a directory: rows ``scan name file`` of what was copied.

        `scans` are numbers counted from 1, or a text as mk5cp reads it (``1-3,7``, ``all``, ``last``, …). Copies
        that are there are replaced only when `overwrite`.
        """
        return call_showing(
            self._loop,
            lambda hear: self._inner.copy(
                vsn, scans, str(destination), overwrite, timeout=timeout, progress=hear
            ),
            progress,
            f"copy of {vsn}",
        )

    def file_list(
        self,
        files: str | Path | Sequence[str | Path],
        destination: str | Path,
        format: str,
        mjd: int,
        overwrite: bool = False,
        *,
        timeout: float = 600.0,
        progress: LinesShown | None = None,
    ) -> pd.DataFrame:
        """Write a list of recordings with their times; the same as `Correlator.file_list`."""
        names = [str(files)] if isinstance(files, str | Path) else [str(name) for name in files]
        return call_showing(
            self._loop,
            lambda hear: self._inner.file_list(
                names, str(destination), format, mjd, overwrite, timeout=timeout, progress=hear
            ),
            progress,
            f"file list {Path(destination).name}",
        )

    def __repr__(self) -> str:
        return repr(self._inner)
