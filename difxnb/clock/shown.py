# SPDX-License-Identifier: GPL-3.0-or-later
"""A clock search as it is printed: clocks in µs and ps/s, and sentences on what does not fit."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from difxnb.markup import plain_table, titled

if TYPE_CHECKING:
    from difxnb.clock.solution import ClockSolution

_NAMED = 5


def as_text(solution: ClockSolution) -> str:
    """Title and table."""
    return plain_table(_title(solution), _table(solution))


def as_html(solution: ClockSolution) -> str:
    """The same for a page."""
    return titled(_title(solution), _table(solution))


def _table(solution: ClockSolution) -> pd.DataFrame:
    frame = solution.frame()
    shown = frame[[*solution.by, "antenna"]].copy()
    for name, title, scale in (
        ("delay", "late (µs)", 1e6),
        ("delay_rate", "rate (ps/s)", 1e12),
        ("phase", "phase (°)", 180 / math.pi),
    ):
        values, errors = (frame[column].to_numpy(dtype=float) for column in (name, f"{name}_error"))
        if name != "phase" or np.isfinite(values).any():
            shown[title] = [
                _with_error(value, error, scale) for value, error in zip(values, errors, strict=True)
            ]
    return shown.assign(fringes=frame["n_used"], outliers=frame["n_outliers"])


def _with_error(value: float, error: float, scale: float) -> str:
    """A value with the digits that its error leaves."""
    if math.isnan(value):
        return "unknown"
    if error == 0:
        return "0"
    digits = max(0, 1 - int(f"{error * scale:e}".split("e")[1]))
    return f"{value * scale:.{digits}f} ± {error * scale:.{digits}f}"


def _title(solution: ClockSolution) -> str:
    used = int(solution.summary()["n_used"].sum())
    outliers = solution.outliers()
    parts = [
        f"clocks against {solution.reference} at {solution.epoch:%Y-%m-%d %H:%M:%S} UTC; late is positive",
        f"{used} fringes, {len(outliers)} outliers, {len(solution.not_used)} not used; "
        f"χ² {solution.chi_squared:.1f} for {solution.degrees_of_freedom} degrees of freedom",
    ]
    parts += [*_scaled(solution), *_together(solution)]
    parts += [f"{name}: {why}" for name, why in solution.undetermined.items()]
    parts += [f"outlier: {_named(row)}" for _, row in outliers.head(_NAMED).iterrows()]
    if len(outliers) > _NAMED:
        parts.append(f"and {len(outliers) - _NAMED} more outliers")
    return "\n".join(parts)


def _scaled(solution: ClockSolution) -> list[str]:
    """What to say where residuals are larger than stated errors explain."""
    summary = solution.summary()
    scales = {"delays": summary["delay_error_scale"].max(), "rates": summary["rate_error_scale"].max()}
    large = [f"{what} by {scale:.3g}" for what, scale in scales.items() if scale > 1]
    if not large:
        return []
    rows = solution.residuals()
    rows = rows[~rows["outlier"]]
    worst = rows.iloc[int(rows["n_sigma"].abs().fillna(0).to_numpy().argmax())]
    said = f"residuals are larger than stated errors explain ({' and '.join(large)} times); errors here hold that"
    hint = _hint(solution) if scales["delays"] > 1 else []
    return [said, f"worst: {_named(worst)}", *hint]


def _hint(solution: ClockSolution) -> list[str]:
    free = [
        name for name in ("band", "polarization") if name in solution.fringes and name not in solution.offsets
    ]
    several = [name for name in free if solution.fringes[name].nunique() > 1 and name not in solution.by]
    if not several:
        return []
    return [f"stations may have offsets: offsets={tuple(several)!r} finds them"]


def _together(solution: ClockSolution) -> list[str]:
    """What to say where a fringe is of several hands."""
    if not solution.fringes["polarization"].str.contains("+", regex=False).any():
        return []
    return [
        "hands were fitted together: where those of a station differ in delay, its clock is between them and its "
        "error too small; fit them apart and search with offsets='polarization' to see that"
    ]


def _named(row: pd.Series) -> str:
    where = " ".join(
        f"{name} {row[name]}"
        for name in ("scan", "band", "polarization")
        if name in row and pd.notna(row[name])
    )
    return f"{row['baseline']} {where}, {abs(row['n_sigma']):.1f} σ"
