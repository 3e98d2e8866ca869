# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with a schedule, a ``.v2d`` or a recipe, as one kind of table."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import pandas as pd

Severity = Literal["error", "warning", "note"]


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, or worth knowing.

    Attributes
    ----------
    severity : str
        ``"error"``: vex2difx or the job would fail; ``"warning"``; ``"note"``.
    kind : str
        A word or two for programs, in lower case, always the same for the same problem: ``"unknown station"``.
    text : str
        One sentence.
    where : str
        Block or definition, such as ``"ANTENNA Wz"`` or ``"$MODE x16"``; empty: the file.
    line : int or None
        From 1.
    name : str
        Parameter or statement.
    fix : str
        What to do next; empty where nothing can be said.
    """

    severity: Severity
    kind: str
    text: str
    where: str = ""
    line: int | None = None
    name: str = ""
    fix: str = ""


_RANKS: dict[Severity, int] = {"error": 0, "warning": 1, "note": 2}


def problem_frame(problems: Iterable[Problem]) -> pd.DataFrame:
    """Problems as a table, the worst first and otherwise in the order in which they came.

    Returns
    -------
    DataFrame
        Columns severity, kind, where, line (Int64), name, text, fix. ``attrs["passed"]`` says that there is no error.
    """
    import pandas as pd

    rows = sorted(problems, key=lambda problem: _RANKS[problem.severity])
    table = pd.DataFrame(
        {
            name: pd.Series([getattr(row, name) for row in rows], dtype=object)
            for name in ("severity", "kind", "where", "line", "name", "text", "fix")
        }
    )
    table["line"] = table["line"].astype("Int64")
    table.attrs["passed"] = all(row.severity != "error" for row in rows)
    return table
