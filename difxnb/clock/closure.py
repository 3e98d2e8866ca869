# SPDX-License-Identifier: GPL-3.0-or-later
"""Closures: delays and phases of fringes added up around triangles of antennas.

What belongs to a station drops out of τ12 + τ23 - τ13 (``difx-files.md`` 16.7; Thompson, Moran and Swenson,
"Interferometry and Synthesis in Radio Astronomy", section on closure relationships): where the sum is not 0 within
its error, a fringe is false, or the source has structure.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from difxnb.clock.measurements import LABELS, ambiguity_of, checked, hands_of, simultaneous, sorted_out

_SIDES = ("12", "23", "13")
_SIGNS = (1.0, 1.0, -1.0)


def closure_delays(fringes: pd.DataFrame, *, max_false_alarm: float = 1e-4) -> pd.DataFrame:
    """Add up delays around every triangle of antennas.

    Parameters
    ----------
    fringes : DataFrame
        As of :func:`difxnb.fringe_fit`. Rows that are not detected, and cross hands, take no part.
    max_false_alarm : float
        Fringes with a higher false alarm probability are not detected.

    Returns
    -------
    DataFrame
        One row per triangle, scan (or interval), band and polarization: ``triangle`` (``"AA-BB-CC"``, names in the
        order of the alphabet), the labels of the fringes, ``value`` (s; τ12 + τ23 - τ13 at the mean of the three
        reference times, less whole ambiguities where the fringes tell them), ``error`` (s), ``n_sigma``.

    Raises
    ------
    ValueError
        The table lacks columns, or has several fringes where one belongs.
    """
    names, triangles = _triangles(fringes, max_false_alarm)
    values, errors = _at_common_time(triangles)
    total = values @ np.array(_SIGNS)
    spacing = np.column_stack([triangles[f"spacing_{side}"] for side in _SIDES])
    same = np.isfinite(spacing).all(axis=1) & (spacing.max(axis=1) <= spacing.min(axis=1) * (1 + 1e-9))
    with np.errstate(invalid="ignore"):
        total = np.where(same, total - spacing[:, 0] * np.rint(total / spacing[:, 0]), total)
    return _closures(names, total, errors)


def closure_phases(fringes: pd.DataFrame, *, max_false_alarm: float = 1e-4) -> pd.DataFrame:
    """Add up phases around every triangle of antennas.

    The same as :func:`closure_delays` with ``value`` and ``error`` in rad, -π…π. Phases are carried to the mean of
    the three reference times and frequencies with the rate and delay of their own fringe.
    """
    names, triangles = _triangles(fringes, max_false_alarm)
    phases, variances = [], np.zeros(len(triangles))
    time = np.mean([triangles[f"time_{side}"] for side in _SIDES], axis=0) if len(triangles) else np.zeros(0)
    frequency = np.mean([triangles[f"reference_frequency_{side}"] for side in _SIDES], axis=0)
    for side in _SIDES:
        one = {name: triangles[f"{name}_{side}"].to_numpy() for name in CARRIED}
        phase, error = carried_phase(one, time, frequency)
        phases.append(phase * triangles[f"sign_{side}"].to_numpy())
        variances += error**2
    total = np.column_stack(phases) @ np.array(_SIGNS)
    return _closures(names, np.angle(np.exp(1j * total)), np.sqrt(variances))


CARRIED = (
    "delay",
    "delay_error",
    "delay_rate",
    "delay_rate_error",
    "phase",
    "phase_error",
    "reference_frequency",
    "time",
)


def carried_phase(
    fringe: dict[str, NDArray[np.float64]],
    time: NDArray[np.float64] | float,
    frequency: NDArray[np.float64] | float,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Phases of fringes at another time and frequency, by their own rates and delays, and their errors (rad).

    φ(ν, t) = φ + 2π [ν τ' (t - t0) + τ (ν - ν0)]. A rate that is not known counts as 0.
    """
    known = np.isfinite(fringe["delay_rate"]) & np.isfinite(fringe["delay_rate_error"])
    rate = np.where(known, fringe["delay_rate"], 0.0)
    rate_error = np.where(known, fringe["delay_rate_error"], 0.0)
    later = time - fringe["time"]
    higher = frequency - fringe["reference_frequency"]
    turns = frequency * rate * later + fringe["delay"] * higher
    spread = np.hypot(frequency * rate_error * later, fringe["delay_error"] * higher)
    return fringe["phase"] + 2 * np.pi * turns, np.hypot(fringe["phase_error"], 2 * np.pi * spread)


def _triangles(fringes: pd.DataFrame, max_false_alarm: float) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Names of every triangle of fringes of the same signal, and the columns of its three sides."""
    used, _ = sorted_out(checked(fringes, max_false_alarm), max_false_alarm, every_centre=True)
    sides = _directed(used)
    if sides.duplicated(["signal", "from", "to", "from_hand", "to_hand"]).any():
        raise ValueError("the table has several fringes of one baseline, time, band and polarization")
    one = sides.rename(columns=_ends("first", "second") | _suffixed("12"))
    two = sides.rename(columns=_ends("second", "third") | _suffixed("23"))
    three = sides.rename(columns=_ends("first", "third") | _suffixed("13"))
    open_ = one.merge(two, on=["signal", "second", "second_hand"])
    closed = open_.merge(three, on=["signal", "first", "first_hand", "third", "third_hand"])
    places = closed["row_12"].to_numpy(dtype=int)
    labels = [name for name in LABELS if name in used and name not in ("baseline", "polarization")]
    names = used.iloc[places][labels].reset_index(drop=True)
    names.insert(0, "triangle", closed["first"] + "-" + closed["second"] + "-" + closed["third"])
    one_name, two_name, three_name = (closed[f"polarization_{side}"] for side in _SIDES)
    same = (one_name == two_name) & (two_name == three_name)
    names["polarization"] = one_name.where(same, one_name + " " + two_name + " " + three_name)
    return names, closed


def _ends(one: str, two: str) -> dict[str, str]:
    return {"from": one, "from_hand": f"{one}_hand", "to": two, "to_hand": f"{two}_hand"}


def _suffixed(side: str) -> dict[str, str]:
    return {name: f"{name}_{side}" for name in (*CARRIED, "spacing", "sign", "row", "polarization")}


def _directed(used: pd.DataFrame) -> pd.DataFrame:
    """Sides of triangles, each from the antenna that comes first in the alphabet to the other; `sign` says how."""
    hands = hands_of(used["polarization"])
    ends = used[["antenna1_name", "antenna2_name"]].to_numpy(dtype=object)
    turned = ends[:, 0] > ends[:, 1]
    ends[turned], hands[turned] = ends[turned, ::-1], hands[turned, ::-1]
    sides = used[[*CARRIED[:-1], "polarization"]].reset_index(drop=True)
    return sides.assign(
        time=seconds_since(used, used["reference_time"].min()),
        spacing=ambiguity_of(used, "delay_ambiguity"),
        sign=np.where(turned, -1.0, 1.0),
        row=np.arange(len(used)),
        signal=simultaneous(used),
        **{"from": ends[:, 0], "to": ends[:, 1], "from_hand": hands[:, 0], "to_hand": hands[:, 1]},
    )


def seconds_since(table: pd.DataFrame, epoch: pd.Timestamp) -> NDArray[np.float64]:
    """Reference times as seconds after an epoch."""
    seconds = (table["reference_time"] - epoch).dt.total_seconds()
    return np.asarray(seconds, dtype=np.float64)


def middle_of(table: pd.DataFrame) -> pd.Timestamp:
    """Mean of the reference times."""
    first = table["reference_time"].min()
    return pd.Timestamp(first + pd.Timedelta(seconds=float(seconds_since(table, first).mean())))


def _at_common_time(triangles: pd.DataFrame) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Delays of the three sides at the mean of their times (s), shape (triangle, 3), and the error of their sum."""
    time = np.column_stack([triangles[f"time_{side}"] for side in _SIDES])
    later = (time.mean(axis=1, keepdims=True) if len(time) else time) - time
    rate = np.nan_to_num(np.column_stack([triangles[f"delay_rate_{side}"] for side in _SIDES]))
    rate_error = np.nan_to_num(np.column_stack([triangles[f"delay_rate_error_{side}"] for side in _SIDES]))
    delay = np.column_stack([triangles[f"delay_{side}"] for side in _SIDES])
    error = np.column_stack([triangles[f"delay_error_{side}"] for side in _SIDES])
    sign = np.column_stack([triangles[f"sign_{side}"] for side in _SIDES])
    return sign * (delay + rate * later), np.sqrt((error**2 + (rate_error * later) ** 2).sum(axis=1))


def _closures(names: pd.DataFrame, value: NDArray[np.float64], error: NDArray[np.float64]) -> pd.DataFrame:
    with np.errstate(invalid="ignore", divide="ignore"):
        return names.assign(value=value, error=error, n_sigma=value / error)
