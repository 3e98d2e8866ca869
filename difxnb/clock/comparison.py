# SPDX-License-Identifier: GPL-3.0-or-later
"""Clocks that fringes tell beside those that the field systems of stations measured.

A counter that GPS starts and the formatter stops ("gps-fmout") reads positive where the formatter is late; started
the other way round ("fmout-gps"), as ``clock_early`` of a ``.vex``, where it is early (memo of the IVS network
coordinator on clock offsets, 2001). The clock of an ``.input`` is positive where late.
"""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from difxnb.clock.least_squares import Observations, adjust
from difxnb.formats.mjd import DAY_S, UNIX_EPOCH_MJD

if TYPE_CHECKING:
    from difxnb.clock.solution import ClockSolution
    from difxnb.formats.input_model import Input

Floats = NDArray[np.float64]

_COLUMNS = ("station", "time", "offset")
_LARGEST_FILE = 200_000_000
_RESOLUTION_S = 1e-12  # of any counter: errors are found from the scatter of its readings
_MEASURED = ("measured", "measured_error", "measured_rate", "measured_rate_error", "scatter")


def compare_clocks(
    solution: ClockSolution,
    table: pd.DataFrame | str | PathLike[str],
    *,
    positive: Literal["late", "early"],
    input: Input | None = None,
) -> pd.DataFrame:
    """Compare clocks from fringes with those that the field systems measured.

    Parameters
    ----------
    solution : ClockSolution
        One for all fringes.
    table : DataFrame or path
        Columns (of a DataFrame or a CSV file) ``station`` (upper and lower case are one), ``time`` (UTC, as
        ISO 8601 where it is text) and ``offset`` (µs). Rows without a number are passed over.
    positive : {"late", "early"}
        What a positive offset means: ``"late"`` for gps-fmout, ``"early"`` for fmout-gps and clock_early.
    input : Input, optional
        Of the job that the fringes are of: the clocks that were in use. They count as 0 if not given.

    Returns
    -------
    DataFrame
        One row per station of the table or the solution. At the epoch of the solution, late positive, s and s/s:
        ``measured`` and ``measured_rate``, a line through the readings without outliers (``n_points``,
        ``n_outliers``, ``scatter``), with errors as if readings scattered independently, which those of GPS do only
        roughly; ``clock`` and ``clock_rate``: in use, less what the fringes show; ``difference`` and
        ``rate_difference``, measured minus clock; and these less the same of the reference
        (``relative_difference``, ``relative_rate_difference``), since fringes tell no more. Cables make constant
        differences; what changes between experiments is worth a look. NaN where something is not known.

    Raises
    ------
    ValueError
        `positive` is neither, the table cannot be read or lacks columns, or the solution is divided.
    """
    if positive not in ("late", "early"):
        raise ValueError(
            f'positive is "late" (as of gps-fmout) or "early" (as of fmout-gps); got {positive!r}'
        )
    if solution.by:
        raise ValueError(f"a station has one clock, but this solution is divided by {', '.join(solution.by)}")
    readings = _readings(table)
    sign = 1.0 if positive == "late" else -1.0
    clocks = _clocks(solution, input)
    measured = {
        str(name): _line(
            rows["late"].to_numpy(dtype=np.float64) * sign, _seconds(rows["time"], solution.epoch)
        )
        for name, rows in readings.groupby("station", sort=False)
    }
    names = [*clocks, *(name for name in measured if name not in clocks)]
    frame = pd.DataFrame(
        [{"antenna": name, **measured.get(name, {}), **clocks.get(name, {})} for name in names]
    )
    return _with_differences(frame.reindex(columns=_ORDER), solution.reference.upper())


_ORDER = (
    "antenna",
    "n_points",
    "n_outliers",
    *_MEASURED,
    "clock",
    "clock_error",
    "clock_rate",
    "clock_rate_error",
)


def _with_differences(frame: pd.DataFrame, reference: str) -> pd.DataFrame:
    frame = frame.fillna({"n_points": 0, "n_outliers": 0}).astype({"n_points": int, "n_outliers": int})
    own = frame["antenna"] == reference
    for word in ("", "rate_"):
        value, error = (f"{word}difference", f"{word}difference_error")
        frame[value] = frame[f"measured{_tail(word)}"] - frame[f"clock{_tail(word)}"]
        frame[error] = np.hypot(frame[f"measured{_tail(word)}_error"], frame[f"clock{_tail(word)}_error"])
        frame[f"relative_{value}"] = frame[value] - float(frame[value][own].iloc[0])
        frame[f"relative_{error}"] = np.where(
            own, 0.0, np.hypot(frame[error], float(frame[error][own].iloc[0]))
        )
    return frame


def _tail(word: str) -> str:
    return "_rate" if word else ""


def _readings(table: pd.DataFrame | str | PathLike[str]) -> pd.DataFrame:
    """Checked readings: ``station`` in capitals, ``time``, ``late`` (s, sign as given)."""
    if not isinstance(table, pd.DataFrame):
        table = _read(Path(table))
    missing = [name for name in _COLUMNS if name not in table]
    if missing:
        raise ValueError(
            f"the table of clocks lacks {', '.join(missing)}; it has {', '.join(map(str, table.columns))}"
        )
    try:
        time = pd.to_datetime(table["time"], utc=True, format="ISO8601").dt.tz_localize(None)
        late = table["offset"].to_numpy(dtype=np.float64) / 1e6
    except (ValueError, TypeError, OverflowError) as error:
        raise ValueError(
            f"the table of clocks holds what is no time (UTC) or number (µs): {error}"
        ) from error
    station = table["station"].astype(str).str.strip().str.upper()
    whole = pd.DataFrame({"station": station, "time": time, "late": late})
    return whole[np.isfinite(late) & time.notna()]


def _read(path: Path) -> pd.DataFrame:
    size = path.stat().st_size
    if size > _LARGEST_FILE:
        raise ValueError(f"{path} has {size} bytes; a table of clocks has {_LARGEST_FILE} at most")
    try:
        return pd.read_csv(path, comment="#", skipinitialspace=True)
    except (ValueError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is no table with the columns {', '.join(_COLUMNS)}: {error}") from error


def _seconds(time: pd.Series, epoch: pd.Timestamp) -> Floats:
    return np.asarray((time - epoch).dt.total_seconds(), dtype=np.float64)


def _line(late: Floats, later: Floats) -> dict[str, float]:
    """A line through readings: its value at the epoch and its slope; without a slope where there is one time."""
    count = len(late)
    moves = np.ptp(later) > 0
    design = sparse.csr_array(np.column_stack([np.ones(count), later]) if moves else np.ones((count, 1)))
    plain = np.zeros(count, dtype=np.int64)
    error = np.full(count, _RESOLUTION_S)
    fit = adjust(Observations(design, late, error, np.arange(count), plain), robust=count > 3)
    free = fit.degrees_of_freedom > 0
    errors = np.sqrt(fit.covariance.diagonal()) if free else np.full(2, np.nan)
    return {
        "n_points": count,
        "n_outliers": int((~fit.used).sum()),
        "measured": float(fit.parameters[0]),
        "measured_error": float(errors[0]),
        "measured_rate": float(fit.parameters[1]) if moves else np.nan,
        "measured_rate_error": float(errors[1]) if moves else np.nan,
        "scatter": float(np.sqrt((fit.residual[fit.used] ** 2).sum() / fit.degrees_of_freedom))
        if free
        else np.nan,
    }


def _clocks(solution: ClockSolution, input: Input | None) -> Mapping[str, dict[str, float]]:
    """The clock that each station should have had: that in use, less what the fringes show."""
    used = {} if input is None else {one.name.upper(): one for one in input.telescopes}
    days = (solution.epoch - pd.Timestamp(0)).total_seconds() / DAY_S
    clocks = {}
    for _, row in solution.frame().iterrows():
        name = str(row["antenna"]).upper()
        offset = rate = 0.0
        if name in used:
            polynomial = np.polynomial.Polynomial(np.array(used[name].clock_coeffs) / 1e6)
            later = (days + UNIX_EPOCH_MJD - used[name].clock_ref_mjd) * DAY_S
            offset, rate = float(polynomial(later)), float(polynomial.deriv()(later))
        elif input is not None:
            offset = rate = np.nan
        clocks[name] = {
            "clock": offset - float(row["delay"]),
            "clock_error": float(row["delay_error"]),
            "clock_rate": rate - float(row["delay_rate"]),
            "clock_rate_error": float(row["delay_rate_error"]),
        }
    return clocks
