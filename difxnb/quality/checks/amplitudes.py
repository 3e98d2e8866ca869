# SPDX-License-Identifier: GPL-3.0-or-later
"""Check `amplitudes`: scales of antennas that stand out, and powers that jump.

In go fringes and autocorrelations. Amplitudes, as correlation coefficients where there are autocorrelations to trust,
are taken apart by least squares of their logarithms, log|V12| = g1 + g2, for every scan, band and hand: gains of
antennas, of which each is held against the antenna's own median over bands and hands, and residuals, which with four
antennas are closure amplitudes |V12 V34 / (V13 V24)| (Thompson, Moran and Swenson, on closure relations). The power of
an antenna's autocorrelation in every integration is held against the median of its scan. Out come factors, of which 1
is what is expected. A correlation coefficient above 1 is a wrong scale whatever the others are.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from difxnb.quality.limits import Section
from difxnb.quality.material import Material
from difxnb.quality.naming import named, parallel_hands, product_columns
from difxnb.quality.spectra import AutoSpectra
from difxnb.quality.trend import NORMAL_MAD
from difxnb.quality.verdict import Check, Scale, Verdict, graded, not_applicable, worst, worst_first

NAME = "amplitudes"
_COLUMNS = ["kind", "of", "scan", "band", "polarization", "factor", "where", "verdict"]
_LEAST_PRODUCTS = 3  # bands and hands of an antenna among which one can stand out
_FREE = 1e-6  # share of a residual below which its baseline fixes a gain by itself
_SAME = 1 - 1e-6  # of the farthest: baselines that cannot be told apart are equal but for rounding
_LEAST_TIMES = 3  # integrations of a scan in which a power can jump


def check_amplitudes(material: Material, limits: Section) -> Check:
    """Look for gains, closure amplitudes and powers that stand out."""
    if material.dataset is None and material.fringes is None:
        return not_applicable(NAME, material.why_no("dataset"))
    rows = [*_of_fringes(material.fringes, limits), *_of_powers(material.auto_spectra, limits)]
    if not rows:
        return not_applicable(
            NAME,
            f"nothing to be compared: no three antennas with strong fringes, and no autocorrelations"
            f"{material.so_far}",
        )
    evidence = pd.DataFrame(rows)
    verdicts = [
        Verdict.NO_GO if kind == "coefficient" else graded(factor, limits[kind], limits["no_go"])
        for kind, factor in zip(evidence["kind"], evidence["factor"], strict=True)
    ]
    evidence["verdict"] = [str(verdict) for verdict in verdicts]
    ordered = worst_first(evidence, "factor", ascending=False)[_COLUMNS]
    limit = (
        f"factors up to {limits['gain']:g} of gains, {limits['closure']:g} of closures, {limits['power']:g} of powers "
        f"(no-go above {limits['no_go']:g})"
    )
    return Check(
        NAME,
        worst(verdicts),
        float(ordered["factor"].iloc[0]),
        "",
        limit,
        _text(ordered) + material.so_far,
        ordered,
        Scale("factor", None, limits["no_go"]),  # limits to look at differ from kind to kind
    )


def _of_fringes(fringes: pd.DataFrame | None, limits: Section) -> Iterator[dict[str, Any]]:
    """Gains, closures and coefficients of parallel hands with strong fringes."""
    if fringes is None or fringes.empty:
        return
    rows = parallel_hands(fringes)
    rows = rows[(rows["snr"] >= limits["least_snr"]) & (rows["amplitude"] > 0)]
    known = rows["correlation"] if "correlation" in rows else pd.Series(np.nan, index=rows.index)
    labels = [rows["scan"].astype(str), *(rows[name].astype(str) for name in product_columns(rows))]
    rows = rows.assign(scan=[" ".join(parts) for parts in zip(*labels, strict=True)])
    impossible = known * (1 - limits["sigmas"] / rows["snr"]) > 1
    for _, row in rows[impossible].iterrows():
        yield _row("coefficient", row["baseline"], row, float(row["correlation"]))
    trusted = bool((known > 0).all())
    solved = list(_solutions(rows.assign(scale=known if trusted else rows["amplitude"])))
    yield from (row for _, closures in solved for row in closures)
    yield from _outliers(pd.DataFrame([row for gains, _ in solved for row in gains]))


def _solutions(rows: pd.DataFrame) -> Iterator[tuple[list[dict[str, Any]], list[dict[str, Any]]]]:
    """Gains of antennas and residuals of baselines, for every scan, band and hand in which gains are determined."""
    for _, group in rows.groupby(["scan", "band", "polarization"], sort=False):
        antennas = sorted({*group["antenna1_name"], *group["antenna2_name"]})
        ends = group[["antenna1_name", "antenna2_name"]].to_numpy(dtype=str)
        design = (ends[:, :, None] == np.array(antennas)).any(axis=1).astype(np.float64)
        if np.linalg.matrix_rank(design) < len(antennas):
            continue
        measured = np.log(group["scale"].to_numpy(dtype=float))
        gains = np.linalg.lstsq(design, measured, rcond=None)[0]
        first = group.iloc[0]
        yield (
            [_row("gain", name, first, float(gain)) for name, gain in zip(antennas, gains, strict=True)],
            list(_closure(group, design, measured - design @ gains)) if len(group) > len(antennas) else [],
        )


def _closure(
    group: pd.DataFrame, design: NDArray[np.float64], left: NDArray[np.float64]
) -> Iterator[dict[str, Any]]:
    """How far the worst baseline is from what the others make it: its residual over one less its leverage.

    Of four antennas either of two opposite baselines may be the one: both are named.
    """
    free = 1 - np.diag(design @ np.linalg.pinv(design))
    off = np.divide(left, free, out=np.zeros(len(left)), where=free > _FREE)
    farthest = float(np.abs(off).max())
    names = group["baseline"][np.abs(off) >= _SAME * farthest] if farthest > 0 else group["baseline"][:1]
    yield _row("closure", " or ".join(names), group.iloc[0], float(np.exp(farthest)))


def _outliers(gains: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """Gains with the medians of antennas, of products (which the source makes) and of antennas again taken out.

    That is a median polish (Tukey, Exploratory Data Analysis): single outliers leave the others where they are.
    """
    if gains.empty:
        return
    antenna = [gains["scan"], gains["of"]]
    product = [gains["scan"], gains["band"], gains["polarization"]]
    off = gains["factor"]
    for keys in (antenna, product, antenna):
        off = off - off.groupby(keys).transform("median")
    off = off[off.groupby(antenna).transform("size") >= _LEAST_PRODUCTS]
    for place, value in zip(np.flatnonzero(gains.index.isin(off.index)), off, strict=True):
        row = gains.iloc[int(place)]
        yield _row("gain", row["of"], row, float(np.exp(abs(value))))


def _of_powers(spectra: AutoSpectra | None, limits: Section) -> Iterator[dict[str, Any]]:
    """How far the power of each antenna, band and hand goes from its median in every scan."""
    if spectra is None:
        return
    for scan in dict.fromkeys(spectra.scan.tolist()):
        times = np.flatnonzero(spectra.scan == scan)
        level = spectra.level[times].astype(float)
        for antenna, band, hand in {one.place[1:]: None for one in spectra.parallel}:
            power = level[:, antenna, band, hand]
            there = np.flatnonzero(power > 0)
            if len(there) < _LEAST_TIMES:
                continue
            off = np.log(power[there] / np.median(power[there]))
            place = int(np.abs(off).argmax())
            scatter = NORMAL_MAD * float(np.median(np.abs(np.diff(off)))) / np.sqrt(2)
            is_far = abs(off[place]) > limits["sigmas"] * scatter
            yield {
                "kind": "power",
                "of": spectra.antenna[antenna],
                "scan": scan,
                "band": spectra.band[band],
                "polarization": spectra.polarization[hand],
                "factor": float(np.exp(abs(off[place]))) if is_far else 1.0,
                "where": _moment(int(spectra.time_ns[times[there[place]]])) if is_far else "",
            }


def _moment(time_ns: int) -> str:
    return pd.Timestamp(time_ns).strftime("%H:%M:%S")


def _row(kind: str, of: object, row: pd.Series[Any], factor: float) -> dict[str, Any]:
    """A line of evidence on a fringe."""
    return {
        "kind": kind,
        "of": of,
        "scan": row["scan"],
        "band": row["band"],
        "polarization": row["polarization"],
        "factor": factor,
        "where": "",
    }


_SAID = {
    "coefficient": "the correlation coefficient of {} is {:.2g}, more than can be",
    "gain": "the gain of {} is off by a factor of {:.2g} from its other bands and hands",
    "closure": "the amplitude of {} is off by a factor of {:.2g} from what the other baselines make it",
    "power": "the power of {} jumps by a factor of {:.2g}",
}
_KINDS = {"gain": "the gain of {}", "closure": "a closure amplitude with {}", "power": "the power of {}"}


def _text(ordered: pd.DataFrame) -> str:
    """The worst of every kind, and how many there are."""
    bad = ordered[ordered["verdict"] != str(Verdict.GO)]
    if bad.empty:
        top = ordered.iloc[0]
        what = _KINDS[str(top["kind"])].format(top["of"])
        return f"nothing stands out; the largest factor is {top['factor']:.3f}, of {what}"
    said = []
    for kind, rows in bad.groupby("kind", sort=False):
        first = rows.iloc[0]
        where = f"band {first['band']} {first['polarization']}, {first['scan']}".rstrip(", ")
        where += f" near {first['where']}" if first["where"] else ""
        text = _SAID[str(kind)].format(first["of"], first["factor"])
        others = [one for one in dict.fromkeys(rows["of"]) if one != first["of"]]
        said.append(f"{text} ({where})" + (f"; the same with {named(others)}" if others else ""))
    return "; ".join(said)
