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
from collections.abc import Iterator

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from difxnb.quality.limits import Section
from difxnb.quality.material import Material
from difxnb.quality.naming import parallel_hands, product_columns
from difxnb.quality.trend import NORMAL_MAD
from difxnb.quality.verdict import Check, Scale, Verdict, graded, not_applicable, worst_first
from difxnb.visibility.accessor.grouping import time_groups
from difxnb.visibility.accessor.means import mean_over

NAME = "jumps"
_LEAST_STEPS = 3  # of which one may be a jump, and the median still be none
_LEAST_SCATTER = 5  # steps below which their scatter is not known
_PRODUCT = ["baseline", "band", "polarization"]
_BLOCK_BYTES = 16 * 2**20
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
    steps = [step for scan in _parts(material.cross, strong, limits) for step in _steps_of_scan(scan, limits)]
    if not steps:
        return not_applicable(
            NAME, f"no fringe is strong enough to be followed through its scan{material.so_far}"
        )
    evidence = pd.concat(steps, ignore_index=True)
    evidence["verdict"] = np.where(evidence["jumped"], str(Verdict.LOOK), str(Verdict.GO))
    followed = evidence.groupby(["scan", *_PRODUCT])["jumped"].any()
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

    Of several phase centres and pulsar bins those with the strongest fringes.
    """
    rows = parallel_hands(fringes)
    further = product_columns(rows)
    if further:
        typical = rows.groupby(further)["snr"].transform("median").to_numpy(dtype=float)
        strongest = rows[further].iloc[int(typical.argmax())].to_numpy() if len(rows) else 0
        rows = rows.loc[(rows[further].to_numpy() == strongest).all(axis=1)]
    is_strong = rows["snr"] >= float(limits["part_snr"]) * math.sqrt(limits["parts"])
    return rows.loc[is_strong]


def _parts(cross: xr.Dataset, strong: pd.DataFrame, limits: Section) -> Iterator[pd.DataFrame]:
    """Fringes of the parts of each scan, of the products that are strong enough; a block of baselines at a time."""
    from difxnb.visibility.fits import fringe_fit

    axes = [*_PRODUCT, *(name for name in product_columns(strong) if name in cross.dims)]
    names = cross["scan_name"].values.astype(str)
    for places in time_groups(cross, "scan"):
        wanted = strong[strong["scan"] == names[places[0]]]
        if wanted.empty:
            continue
        chosen = {axis: np.flatnonzero(np.isin(cross[axis].values, wanted[axis])) for axis in axes}
        scan = cross.isel(chosen | {"time": places})
        step = _part_length(scan["time"].values, limits)
        rows = max(1, _BLOCK_BYTES // max(1, scan["VISIBILITY"].nbytes // scan.sizes["baseline"]))
        for start in range(0, scan.sizes["baseline"], rows):
            averaged = mean_over(_stopped(scan.isel(baseline=slice(start, start + rows)), wanted), step)
            whole = wanted[_PRODUCT].assign(rate_error=wanted["delay_rate_error"].fillna(0.0))
            fitted: pd.DataFrame = fringe_fit(averaged, by="integration").merge(whole, on=_PRODUCT)
            yield fitted


def _stopped(scan: xr.Dataset, fringes: pd.DataFrame) -> xr.Dataset:
    """Visibilities with the delay rates of their fringes taken out, V · exp(-2πi ν τ' t); t from the first time on."""
    order = [scan[axis].values for axis in _PRODUCT]
    known = fringes.set_index(_PRODUCT)["delay_rate"].fillna(0.0)
    full = known.reindex(pd.MultiIndex.from_product(order, names=_PRODUCT), fill_value=0.0)
    rate = xr.DataArray(full.to_numpy().reshape([len(one) for one in order]), dims=_PRODUCT)
    seconds = (scan["time"].values - scan["time"].values[0]).astype("timedelta64[ns]").astype(np.int64) / 1e9
    turns = scan["frequency"].variable * rate.variable * xr.Variable("time", seconds)
    phasor = xr.Variable(turns.dims, np.exp(-2j * np.pi * np.asarray(turns.values)).astype(np.complex64))
    values = scan["VISIBILITY"].variable
    return scan.assign(VISIBILITY=(values * phasor).transpose(*values.dims))


def _part_length(times: NDArray[np.datetime64], limits: Section) -> str:
    """Length of a part: as many whole integrations as make about the wanted number of parts."""
    steps = np.diff(times).astype("timedelta64[ns]").astype(np.int64)
    spacing = int(np.median(steps)) if len(steps) else 1
    return f"{spacing * max(1, round(len(times) / limits['parts']))}ns"


def _steps_of_scan(parts: pd.DataFrame, limits: Section) -> Iterator[pd.DataFrame]:
    """Steps from part to part of every fringe that is found in parts enough to tell a step from a rate."""
    seen = parts[(parts["snr"] >= limits["part_snr"]) & np.isfinite(parts["phase"])]
    for _, fringe in seen.groupby(_PRODUCT, sort=False):
        if len(fringe) > _LEAST_STEPS:
            yield _steps(fringe.sort_values("reference_time"), limits)


def _steps(fringe: pd.DataFrame, limits: Section) -> pd.DataFrame:
    stamps = fringe["reference_time"].to_numpy()
    gap = np.diff(stamps).astype("timedelta64[ns]").astype(np.int64) / 1e9
    carried = fringe["rate_error"].iloc[0] * np.abs(gap - np.median(gap))  # s; the rest went with the median
    delay_step = np.diff(fringe["delay"].to_numpy(dtype=float))
    phase_step = _turned(np.diff(fringe["phase"].to_numpy(dtype=float)))
    phase_step = _turned(phase_step - _circular_median(phase_step))
    frequency = fringe["reference_frequency"].to_numpy(dtype=float)[1:]
    phase_error = _step_errors(fringe["phase_error"], 2 * np.pi * frequency * carried, phase_step)
    delay_error = _step_errors(fringe["delay_error"], carried, delay_step)
    by_phase = _times_limit(phase_step, phase_error, limits["sigmas"], limits["phase"])
    by_delay = _times_limit(delay_step, delay_error, limits["sigmas"], limits["delay"])
    labels = ["scan", "baseline", "antenna1_name", "antenna2_name", "band", "polarization"]
    return (
        fringe.iloc[1:][labels]
        .assign(
            time=stamps[:-1] + np.diff(stamps) / 2,
            phase_step=phase_step,
            delay_step=delay_step,
            times_limit=np.fmax(by_phase, by_delay),
        )
        .assign(jumped=lambda steps: steps["times_limit"] > 1.0)
    )


def _step_errors(
    errors: pd.Series[float], carried: NDArray[np.float64], steps: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Formal errors of the steps, or their scatter where that is more; the scatter is robust against a few jumps."""
    formal = np.sqrt(
        errors.to_numpy(dtype=float)[1:] ** 2 + errors.to_numpy(dtype=float)[:-1] ** 2 + carried**2
    )
    if len(steps) < _LEAST_SCATTER:
        return np.asarray(formal)
    return np.asarray(np.maximum(formal, NORMAL_MAD * np.median(np.abs(steps - np.median(steps)))))


def _times_limit(
    steps: NDArray[np.float64], errors: NDArray[np.float64], sigmas: float, least: float
) -> NDArray[np.float64]:
    """How many times a step is as large as it may be, by its errors and by its size: the lesser of the two."""
    return np.asarray(np.minimum(np.abs(steps) / (sigmas * errors), np.abs(steps) / least))


def _turned(phase: NDArray[np.float64]) -> NDArray[np.float64]:
    """Phases within half a turn, rad."""
    return np.asarray(np.angle(np.exp(1j * phase)))


def _circular_median(phase: NDArray[np.float64]) -> float:
    """The phase among these from which the others are least far in all, rad."""
    apart = np.abs(_turned(phase[:, None] - phase[None, :])).sum(axis=0)
    return float(phase[int(apart.argmin())])


def _text(evidence: pd.DataFrame, followed: int) -> str:
    jumps = evidence[evidence["jumped"]]
    if jumps.empty:
        return f"no jump in {followed} fringes that were followed through their scans"
    first = jumps.iloc[0]
    same = evidence[(evidence["scan"] == first["scan"]) & (evidence["time"] == first["time"])]
    moment = pd.Timestamp(first["time"]).strftime("%H:%M:%S")
    who = _common_antenna(same) or first["baseline"]
    size = f"{abs(np.degrees(first['phase_step'])):.0f}° and {abs(first['delay_step']) * 1e9:.3g} ns"
    count = jumps.groupby(["scan", *_PRODUCT]).ngroups
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
