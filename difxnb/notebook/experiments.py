# SPDX-License-Identifier: GPL-3.0-or-later
"""New experiments from a cell: the verbs of :mod:`difxnb.aio.experiments`, blocking."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from difxnb import aio
from difxnb.client.blocking import LoopThread
from difxnb.notebook.line_bar import LinesShown, call_showing

if TYPE_CHECKING:
    import pandas as pd

    from difxnb.formats.v2d import V2d
    from difxnb.formats.v2d_templates import V2dTemplate
    from difxnb.formats.vex import Vex


class ExperimentVerbs:
    """The verbs of a `Correlator` that put down experiments, and make their jobs again.

    They show how long they have been at work, as `make_jobs` does.
    """

    _inner: aio.Correlator
    _loop: LoopThread

    def new_experiment(
        self,
        directory: str | Path,
        *,
        vex: str | PathLike[str] | Vex,
        v2d: str | PathLike[str] | V2d | V2dTemplate | None = None,
        template: str | PathLike[str] | None = None,
        variables: Mapping[str, object] | None = None,
        stations: Sequence[str] | None = None,
        without: Sequence[str] = (),
        make: bool = True,
        calc: str = "difxcalc",
        overwrite: bool = False,
        preview: bool = False,
        timeout: float = 600.0,
        progress: LinesShown | None = None,
    ) -> pd.DataFrame:
        """Put a schedule and a ``.v2d`` into a directory of the server, and make jobs of them: rows as of `make_jobs`.

        `vex` and `v2d` are paths on the server or here (``file:…`` is here), addresses, texts, or what `read_vex` and
        `read_v2d` gave; `template` and `variables` make the ``.v2d`` instead. ``preview=True`` does nothing and tells
        what would be done: rows ``action path text detail exists``, with ``attrs["problems"]``, ``["jobs"]`` and
        ``["clashes"]``. What is in the way is replaced only when `overwrite`, and told before anything is written.
        """
        return call_showing(
            self._loop,
            lambda hear: self._inner.new_experiment(
                str(directory), vex=vex, v2d=v2d, template=template, variables=variables, stations=stations,
                without=without, make=make, calc=calc, overwrite=overwrite, preview=preview, timeout=timeout,
                progress=hear,
            ),
            progress,
            f"experiment {Path(directory).name}",
        )  # fmt: skip

    def rebuild_without(
        self,
        v2d: str | Path,
        stations: Sequence[str],
        *,
        calc: str = "difxcalc",
        timeout: float = 600.0,
        progress: LinesShown | None = None,
    ) -> pd.DataFrame:
        """Make jobs of a ``.v2d`` again without some stations, under new names; what is there stays.

        Rows as of `make_jobs`; the new ``.v2d`` (``STEM-2.v2d``, or the next free number) is ``attrs["v2d"]``, how it
        differs ``attrs["diff"]``.
        """
        return call_showing(
            self._loop,
            lambda hear: self._inner.rebuild_without(
                str(v2d), stations, calc=calc, timeout=timeout, progress=hear
            ),
            progress,
            f"vex2difx {Path(v2d).name} again",
        )

    def experiment_files(self, directory: str | Path) -> pd.DataFrame:
        """List files of a directory by what they are: rows ``name kind job size modified path``."""
        return self._loop.call(self._inner.experiment_files(str(directory)))
