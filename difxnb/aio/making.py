# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs made from ``.v2d`` files, and the delay models of jobs (guiserver.md 7.7)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from difxnb.aio.recorder import OnLine, Recorder
from difxnb.client.head_node import AsyncHeadNode

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["MakingVerbs", "OnLine"]

OnPath = Callable[[str], None]


class MakingVerbs:
    """The verbs of a `Correlator` that make jobs, delay models and file lists, or lead to recorders."""

    head_node: AsyncHeadNode

    def recorder(self, name: str) -> Recorder:
        """A recorder, by its host name or by what mk5control calls it; nothing is asked of it yet."""
        raise NotImplementedError

    async def make_jobs(
        self, v2d: str, *, calc: str = "difxcalc", timeout: float = 600.0, progress: OnLine | None = None
    ) -> pd.DataFrame:
        """Run vex2difx on a ``.v2d`` file, then the delay model program on the new jobs."""
        raise NotImplementedError

    async def make_models(
        self, pattern: str, *, calc: str = "difxcalc", timeout: float = 600.0, progress: OnLine | None = None
    ) -> pd.DataFrame:
        """Run the delay model program alone, on the jobs that a pattern names."""
        raise NotImplementedError
