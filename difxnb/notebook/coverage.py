# SPDX-License-Identifier: GPL-3.0-or-later
"""Recordings against a schedule from a cell: the verbs of :mod:`difxnb.aio.coverage`, blocking."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from difxnb import aio
from difxnb.client.blocking import LoopThread
from difxnb.notebook.line_bar import LinesShown, call_showing

if TYPE_CHECKING:
    import pandas as pd

    from difxnb.formats.vex import Vex


class CoverageVerbs:
    """The verbs of a `Correlator` that hold recordings against a schedule."""

    _inner: aio.Correlator
    _loop: LoopThread

    def coverage(
        self,
        vex: str | Path | Vex,
        media: Mapping[str, str | Sequence[str]],
        *,
        slack: float = 5.0,
        timeout: float = 60.0,
    ) -> pd.DataFrame:
        """Say of each scan and station how much was recorded, in s and as a share, and on what.

        Rows ``scan station start stop needed recorded share media state note``.

        `media` has for each station ``"mark5-03:VSN+0123"``, or paths on the server of lists of files or directories of
        modules. What could not be read is in ``attrs["failed"]``.
        """
        return self._loop.call(self._inner.coverage(vex, media, slack=slack, timeout=timeout))

    def list_recordings(
        self,
        v2d: str | Path,
        antenna: str,
        files: str | Path | Sequence[str | Path],
        format: str,
        mjd: int,
        *,
        overwrite: bool = False,
        timeout: float = 600.0,
        progress: LinesShown | None = None,
    ) -> pd.DataFrame:
        """List recordings of a station, and have a ``.v2d`` on the server name the list: rows as from `file_list`.

        What was changed in the ``.v2d`` is in ``attrs["diff"]``; the old one is kept, under ``attrs["backup"]``.
        """
        names = [str(files)] if isinstance(files, str | Path) else [str(name) for name in files]
        return call_showing(
            self._loop,
            lambda hear: self._inner.list_recordings(
                str(v2d), antenna, names, format, mjd, overwrite=overwrite, timeout=timeout, progress=hear
            ),
            progress,
            f"recordings of {antenna}",
        )
