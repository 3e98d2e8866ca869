# SPDX-License-Identifier: GPL-3.0-or-later
"""Check `jumps`: whether delays or phases jump within a scan.

In go the visibilities, out come steps between equal parts of each scan. The delay rate of the whole scan is stopped,
each part is averaged, and its delay and phase are fitted; the median step of the phases, which a wrong rate leaves, is
taken out. A step counts where it is beyond so many of its formal errors, beyond so many standard deviations of the
other steps of the same fringe, which the atmosphere makes, and of a size that matters: an integration that lost a part
of its data is earlier or later than its name, and its phase with it. Errors of the difference of two parts are those of
the fits in quadrature, and what the error of the rate makes of unequal distances.
"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from difxnb.quality.following import PRODUCT, FollowedFringes, followed_fringes
from difxnb.quality.limits import Section
from difxnb.quality.material import Material
from difxnb.quality.naming import parallel_hands, product_columns
from difxnb.quality.trend import NORMAL_MAD
from difxnb.quality.verdict import Check, Scale, Verdict, graded, not_applicable, worst_first

NAME = "jumps"
_LEAST_STEPS = 3  # of which one may be a jump, and the median still be none
_BASELINES = 2  # of each antenna, so that two antennas that share one do not stand alone
_LEAST_SCATTER = 5  # steps below which their scatter is not known
_COLUMNS = [
    "scan",
    "baseline",
    "band",
    "polarization",
    "time",
    "phase_step",
    "delay_step",
    "times_limit",
    "verdict",
]


def check_jumps(material: Material, limits: Section) -> Check:
    """Look for steps between parts of scans, and for the antenna that they have in common."""
    if material.cross is None or material.fringes is None:
        return not_applicable(NAME, material.why_no("fringes"))
    strong = _strong(material.fringes, limits)
    parts = followed_fringes(material.cross, strong, int(limits["parts"]))
    steps = [found for found in (_steps(followed, limits) for followed in parts) if len(found)]
    if not steps:
        return not_applicable(
            NAME, f"no fringe is strong enough to be followed through its scan{material.so_far}"
        )
    evidence = pd.concat(steps, ignore_index=True)
    evidence["verdict"] = np.where(evidence["jumped"], str(Verdict.LOOK), str(Verdict.GO))
    followed = evidence.groupby(["scan", *PRODUCT])["jumped"].any()
    share = float(followed.mean())
    ordered = worst_first(evidence, "times_limit", ascending=False)
    limit = (
        f"no step beyond {limits['sigmas']:g} errors and {limits['phase']:g} rad or {limits['delay']:g} s "
        f"(no-go above {limits['no_go']:g} of the fringes)"
    )
    return Check(
        NAME,
        graded(share, 0.0, limits["no_go"]),
        share,
        "",
        limit,
        _text(ordered, len(followed)) + material.so_far,
        ordered[_COLUMNS],
        Scale("times_limit", 1.0),
    )


def _strong(fringes: pd.DataFrame, limits: Section) -> pd.DataFrame:
    """Parallel hands whose parts have fringes themselves: an SNR of r over a scan is r/√n in each of n parts.

    Of several phase centres and pulsar bins those with the strongest fringes. What jumps is an antenna, in one band or
    all: of each, the two strongest baselines are followed, so that the cost goes as the number of antennas.
    """
    rows = parallel_hands(fringes)
    further = product_columns(rows)
    if further and len(rows):
        typical = rows.groupby(further)["snr"].transform("median").to_numpy(dtype=float)
        strongest = rows[further].iloc[int(typical.argmax())].to_numpy()
        rows = rows.loc[(rows[further].to_numpy() == strongest).all(axis=1)]
    rows = rows[rows["snr"] >= float(limits["part_snr"]) * math.sqrt(limits["parts"])].reset_index(drop=True)
    ends = pd.concat([rows.assign(antenna=rows[name]) for name in ("antenna1_name", "antenna2_name")])
    ends = ends.sort_values("snr", ascending=False, kind="stable")
    followed = ends.groupby(["scan", "band", "polarization", "antenna"]).head(_BASELINES).index
    return rows.loc[rows.index.isin(followed)].sort_index()


def _steps(followed: FollowedFringes, limits: Section) -> pd.DataFrame:
    """Steps from part to part of every fringe that is found in parts enough to tell a step from a rate."""
    fits = followed.fits
    seen = (fits.snr >= limits["part_snr"]) & np.isfinite(fits.phase) & np.isfinite(fits.delay)
    enough = seen.sum(axis=1) > _LEAST_STEPS
    if not enough.any():
        return pd.DataFrame()
    seen = seen[enough]
    first = np.argsort(~seen, axis=1, kind="stable")  # the parts that are seen, without those between them

    def ordered(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.take_along_axis(np.where(seen, values, np.nan), first, axis=1)

    labels = followed.labels[enough]
    seconds = (followed.time_ns - followed.time_ns[0]) / 1e9
    time = ordered(np.broadcast_to(seconds, seen.shape))
    gap = np.diff(time)
    carried = labels["rate_error"].to_numpy()[:, None] * np.abs(gap - _medians(gap))  # s
    delay_step = np.diff(ordered(fits.delay[enough]))
    phase_step = _turned(np.diff(ordered(fits.phase[enough])))
    phase_step = _turned(phase_step - _circular_medians(phase_step))
    by_radians = 2 * np.pi * fits.reference_frequency * carried
    phase_error = _step_errors(ordered(fits.phase_error[enough]), by_radians, phase_step)
    delay_error = _step_errors(ordered(fits.delay_error[enough]), carried, delay_step)
    by_phase = _times_limit(phase_step, phase_error, limits["sigmas"], limits["phase"])
    by_delay = _times_limit(delay_step, delay_error, limits["sigmas"], limits["delay"])
    row, column = np.nonzero(np.isfinite(gap))
    middle = followed.time_ns[0] + np.rint((time[:, :-1] + gap / 2)[row, column] * 1e9).astype(np.int64)
    times_limit = np.fmax(by_phase, by_delay)[row, column]
    steps: pd.DataFrame = labels.iloc[row].assign(
        time=middle.astype("datetime64[ns]"),
        phase_step=phase_step[row, column],
        delay_step=delay_step[row, column],
        times_limit=times_limit,
        jumped=times_limit > 1.0,
    )
    return steps


def _step_errors(
    errors: NDArray[np.float64], carried: NDArray[np.float64], steps: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Formal errors of the steps, or their scatter where that is more; the scatter is robust against a few jumps."""
    formal = np.sqrt(errors[:, 1:] ** 2 + errors[:, :-1] ** 2 + carried**2)
    scatter = NORMAL_MAD * _medians(np.abs(steps - _medians(steps)))
    is_known = np.isfinite(steps).sum(axis=1, keepdims=True) >= _LEAST_SCATTER
    return np.asarray(np.where(is_known, np.maximum(formal, scatter), formal))


def _medians(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Median of each row without NaN, shape (row, 1); every row has some number."""
    return np.asarray(np.nanmedian(values, axis=1, keepdims=True))


def _times_limit(
    steps: NDArray[np.float64], errors: NDArray[np.float64], sigmas: float, least: float
) -> NDArray[np.float64]:
    """How many times a step is as large as it may be, by its errors and by its size: the lesser of the two."""
    return np.asarray(np.minimum(np.abs(steps) / (sigmas * errors), np.abs(steps) / least))


def _turned(phase: NDArray[np.float64]) -> NDArray[np.float64]:
    """Phases within half a turn, rad."""
    return np.asarray(np.angle(np.exp(1j * phase)))


def _circular_medians(phase: NDArray[np.float64]) -> NDArray[np.float64]:
    """The phase of each row from which the others of the row are least far in all, rad, shape (row, 1)."""
    apart = np.nansum(np.abs(_turned(phase[:, :, None] - phase[:, None, :])), axis=1)
    nearest = np.where(np.isfinite(phase), apart, np.inf).argmin(axis=1)
    return np.take_along_axis(phase, nearest[:, None], axis=1)


def _text(evidence: pd.DataFrame, followed: int) -> str:
    jumps = evidence[evidence["jumped"]]
    if jumps.empty:
        return f"no jump in {followed} fringes that were followed through their scans"
    first = jumps.iloc[0]
    same = evidence[(evidence["scan"] == first["scan"]) & (evidence["time"] == first["time"])]
    moment = pd.Timestamp(first["time"]).strftime("%H:%M:%S")
    who = _common_antenna(same) or first["baseline"]
    size = f"{abs(np.degrees(first['phase_step'])):.0f}° and {abs(first['delay_step']) * 1e9:.3g} ns"
    count = jumps.groupby(["scan", *PRODUCT]).ngroups
    return f"{who} jumps by {size} near {moment} in {first['scan']}; jumps in {count} of {followed} fringes"


def _common_antenna(steps: pd.DataFrame) -> str:
    """The antenna most of whose fringes jump at one time while most of the others' do not; empty where none does."""
    names = sorted({*steps["antenna1_name"], *steps["antenna2_name"]})
    with_it = {
        name: steps["antenna1_name"].eq(name) | steps["antenna2_name"].eq(name)
        for name in names
        if len(names) > 2
    }
    guilty = [
        name
        for name, mine in with_it.items()
        if steps.loc[mine, "jumped"].mean() > 0.5 and not steps.loc[~mine, "jumped"].mean() > 0.5
    ]
    return guilty[0] if len(guilty) == 1 else ""
