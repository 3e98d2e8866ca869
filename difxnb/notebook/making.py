# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs, delay models and lists of recordings from a cell: the verbs of :mod:`difxnb.aio.making`, blocking."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from difxnb import aio
from difxnb.client.blocking import LoopThread
from difxnb.notebook.line_bar import LinesShown, call_showing
from difxnb.notebook.recorder import Recorder

if TYPE_CHECKING:
    import pandas as pd


class MakingVerbs:
    """The verbs of a `Correlator` that make jobs, delay models and lists, and the way to its recorders.

    They show how long they have been at work, and what was said last (``progress=True``, as by default), nothing
    (False), or call a function of each line.
    """

    _inner: aio.Correlator
    _loop: LoopThread

    def recorder(self, name: str) -> Recorder:
        """A recorder, by its host name, or several: ``01-04``, ``mark5``, ``all``; nothing is asked of it yet."""
        return Recorder(self._inner.recorder(name), self._loop)

    def make_jobs(
        self,
        v2d: str | Path,
        *,
        calc: str = "difxcalc",
        overwrite: bool = False,
        timeout: float = 600.0,
        progress: LinesShown | None = None,
    ) -> pd.DataFrame:
        """Run vex2difx on a ``.v2d`` file, then the delay model program: rows ``job input model replaced modified``.

        Jobs of the series that are there are replaced only when `overwrite`. What was said is in ``attrs["lines"]``,
        complaints in ``attrs["warnings"]``. `timeout` is for the whole: the programs may say nothing for minutes, so
        that no silence ends it before.
        """
        return call_showing(
            self._loop,
            lambda hear: self._inner.make_jobs(
                str(v2d), calc=calc, overwrite=overwrite, timeout=timeout, progress=hear
            ),
            progress,
            f"vex2difx {Path(v2d).name}",
        )

    def make_models(
        self,
        pattern: str | Path,
        *,
        calc: str = "difxcalc",
        overwrite: bool = False,
        timeout: float = 600.0,
        progress: LinesShown | None = None,
    ) -> pd.DataFrame:
        """Run the delay model program alone on the jobs of a pattern: rows ``job model replaced modified``.

        Models that are there are removed first, only when `overwrite`.
        """
        return call_showing(
            self._loop,
            lambda hear: self._inner.make_models(
                str(pattern), calc=calc, overwrite=overwrite, timeout=timeout, progress=hear
            ),
            progress,
            f"{calc} {Path(pattern).name}",
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
        """Write a list of recordings with their times for a ``.v2d`` file: rows ``file start stop duration listed``.

        `format` begins with VDIF, MARK5B, MKIV or VLBA; `mjd` is a day near the recordings.
        """
        names = [str(files)] if isinstance(files, str | Path) else [str(name) for name in files]
        return call_showing(
            self._loop,
            lambda hear: self._inner.file_list(
                names, str(destination), format, mjd, overwrite, timeout=timeout, progress=hear
            ),
            progress,
            f"file list {Path(destination).name}",
        )
