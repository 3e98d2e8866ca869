# SPDX-License-Identifier: GPL-3.0-or-later
"""A session as a table: each step, where it stands, and what it found."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from difxnb.sessions.record import RecordLine

if TYPE_CHECKING:
    import pandas as pd


def run_frame(steps: Sequence[str], lines: Sequence[RecordLine], step: str, progress: float) -> pd.DataFrame:
    """One row per step, as the last line of each has it: ``step state since progress why inputs outputs``."""
    import pandas as pd

    from difxnb.tables.columns import numbers, texts, times

    last = {line.step: line for line in lines}
    rows = [last.get(one) for one in steps]
    shares = [
        1.0
        if line is not None and line.state in ("done", "skipped")
        else progress
        if line is not None and one == step
        else 0.0
        for one, line in zip(steps, rows, strict=True)
    ]
    return pd.DataFrame(
        {
            "step": texts(steps),
            "state": texts("planned" if line is None else line.state for line in rows),
            "since": times(None if line is None else line.at for line in rows),
            "progress": numbers(shares),
            "why": texts("" if line is None else line.why for line in rows),
            "inputs": pd.Series([{} if line is None else dict(line.inputs) for line in rows], dtype=object),
            "outputs": pd.Series([{} if line is None else dict(line.outputs) for line in rows], dtype=object),
        }
    )
