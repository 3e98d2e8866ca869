# SPDX-License-Identifier: GPL-3.0-or-later
"""Check `fringes`: whether fringes were found where they are expected.

In goes the table of fringes, out comes what share of the expected baselines and scans has any. A baseline of a scan
has as many chances as it has bands, polarizations, phase centres and pulsar bins: the smallest probability of a false
alarm is multiplied by their number (Bonferroni's inequality), so that the limit is that of the whole baseline.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from difxnb.quality.limits import Section
from difxnb.quality.material import Material
from difxnb.quality.naming import antennas_of, named
from difxnb.quality.verdict import Check, Scale, Verdict, not_applicable, worst, worst_first

NAME = "fringes"


def check_fringes(material: Material, limits: Section) -> Check:
    """Look for baselines without fringes, and for antennas that have none at all."""
    fringes = material.fringes
    if fringes is None:
        return not_applicable(NAME, material.why_no("fringes"))
    if fringes.empty:
        return not_applicable(NAME, f"there are no cross-correlations to fit{material.so_far}")
    found = _found(fringes, limits["false_alarm_probability"])
    if material.expected is not None:
        found = _only(found, material.expected)
    lost = _lost_antennas(found)
    share = float(found["found"].mean())
    verdict = Verdict.LOOK if share < limits["look"] else Verdict.GO
    if lost or share < limits["no_go"]:
        verdict = Verdict.NO_GO
    pairs = zip(found["found"], found["antennas"], strict=True)
    found["verdict"] = [_row_verdict(is_found, pair, lost) for is_found, pair in pairs]
    at_edge = sorted(found.loc[found["at_edge"] & found["found"], "baseline"].unique())
    if at_edge:
        verdict = worst([verdict, Verdict.LOOK])
    evidence = worst_first(found.drop(columns="antennas"), "false_alarm_probability", ascending=False)
    limit = f"at least {limits['look']:g} (no-go below {limits['no_go']:g}, or without any at an antenna)"
    scale = Scale("snr")
    return Check(
        NAME, verdict, share, "", limit, _text(found, lost, at_edge, material.so_far), evidence, scale
    )


def _found(fringes: pd.DataFrame, limit: float) -> pd.DataFrame:
    """Each baseline of each scan, and whether it has a fringe."""
    rows = fringes.reset_index(drop=True).assign(
        single=fringes["false_alarm_probability"].fillna(1.0).to_numpy()
    )
    groups = rows.groupby(["scan", "baseline"], sort=False)["single"]
    best = rows.loc[groups.idxmin()]
    probability = np.minimum(1.0, groups.size().to_numpy() * best["single"].to_numpy())
    flags = best["flags"] if "flags" in best else pd.Series("", index=best.index)
    found = best[["scan", "baseline"]].assign(
        antennas=pd.Series(zip(best["antenna1_name"], best["antenna2_name"], strict=True), index=best.index),
        found=probability <= limit,
        false_alarm_probability=probability,
        snr=best["snr"],
        band=best["band"],
        polarization=best["polarization"],
        n_products=groups.size().to_numpy(),
        correlation=best.get("correlation", np.nan),
        at_edge=["window_edge" in str(words).split() for words in flags],
    )
    return found.reset_index(drop=True)


def _only(found: pd.DataFrame, expected: tuple[str, ...]) -> pd.DataFrame:
    """The baselines that are expected; one without any data in a scan where others have some was not found."""
    scans = list(dict.fromkeys(found["scan"]))
    wanted = pd.MultiIndex.from_product([scans, expected], names=["scan", "baseline"])
    full = found.set_index(["scan", "baseline"]).reindex(wanted).reset_index()
    absent = full["found"].isna()
    full["found"] = full["found"].eq(True)
    full["at_edge"] = full["at_edge"].eq(True)
    full.loc[absent, "antennas"] = full.loc[absent, "baseline"].map(antennas_of)
    full.loc[absent, ["false_alarm_probability", "n_products"]] = [1.0, 0]
    return full


def _lost_antennas(found: pd.DataFrame) -> list[str]:
    """Antennas without a fringe in any scan; of two that share their only baseline neither can be named."""
    seen: dict[str, bool] = {}
    for is_found, pair in zip(found["found"], found["antennas"], strict=True):
        for antenna in pair:
            seen[antenna] = seen.get(antenna, False) or bool(is_found)
    lost = [antenna for antenna, is_found in seen.items() if not is_found]
    return lost if len(lost) < len(seen) else []


def _row_verdict(is_found: bool, antennas: tuple[str, str], lost: list[str]) -> str:
    if is_found:
        return str(Verdict.GO)
    return str(Verdict.NO_GO if set(antennas) & set(lost) else Verdict.LOOK)


def _text(found: pd.DataFrame, lost: list[str], at_edge: list[str], so_far: str) -> str:
    count, total = int(found["found"].sum()), len(found)
    scans = found["scan"].nunique()
    cases = "baselines" if scans == 1 else f"baselines, each of {scans} scans counted by itself,"
    said = f"fringes on {count} of {total} {cases}".rstrip(",") + so_far
    if count == 0:
        return f"{said}: no data of one signal, or a clock is off by more than the delays that were searched"
    if lost:
        said += (
            f"; none with {named(lost)}: no signal there, or a clock that is off by more than was searched"
        )
    missing = found[~found["found"]]
    others = missing[[not set(pair) & set(lost) for pair in missing["antennas"]]]
    if len(others):
        said += (
            f"; none on {named(dict.fromkeys(others['baseline']))} in {named(dict.fromkeys(others['scan']))}"
        )
    if at_edge:
        said += f"; at the edge of the searched delays or rates on {named(at_edge)}"
    return said
