# SPDX-License-Identifier: GPL-3.0-or-later
"""Check `polarizations`: antennas whose hands are exchanged, or leak into each other.

In go the fringes of circular feeds with cross hands. Where one antenna of a baseline has its hands exchanged, RL and LR
hold what RR and LL should: cross hands are the stronger ones. Antennas are put into two camps by the most telling
baselines first, and the smaller camp is the exchanged one; of two camps of one size neither can be named. Leakage of an
antenna, and polarization of the source, make cross hands of all of its baselines: the weakest of them limits what the
antenna leaks. Hands of linear feeds turn against each other on the sky, so that neither need be the stronger.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from difxnb.quality.limits import Section
from difxnb.quality.material import Material
from difxnb.quality.naming import named, product_columns
from difxnb.quality.verdict import Check, Scale, Verdict, graded, not_applicable, worst, worst_first

NAME = "polarizations"
_PARALLEL, _CROSSED = ("RR", "LL"), ("RL", "LR")
_COLUMNS = ["antenna", "band", "exchanged", "ratio", "weakest_baseline", "verdict"]


def check_polarizations(material: Material, limits: Section) -> Check:
    """Hold cross hands against parallel hands, antenna by antenna and band by band."""
    fringes = material.fringes
    if fringes is None:
        return not_applicable(NAME, material.why_no("fringes"))
    if fringes.empty:
        return not_applicable(NAME, f"there are no fringes{material.so_far}")
    hands = set(fringes["polarization"].astype(str))
    if not hands & set(_PARALLEL) or not hands & set(_CROSSED):
        linear = bool(hands & {"XY", "YX", "HV", "VH"})
        why = (
            "feeds are linear, and turn against each other"
            if linear
            else "no cross hands of circular feeds here"
        )
        return not_applicable(NAME, f"{why}{material.so_far}")
    ratios = _ratios(fringes, limits["least_snr"])
    if ratios.empty:
        return not_applicable(
            NAME, f"no fringe has an SNR of {limits['least_snr']:g} in any hand{material.so_far}"
        )
    camps: dict[object, _Camps] = {
        band: _Camps.of(ratios[ratios["band"] == band]) for band in sorted(set(ratios["band"]))
    }
    evidence = pd.DataFrame([row for band, camp in camps.items() for row in camp.rows(band)])
    verdicts = [graded(ratio, limits["look"], limits["no_go"]) for ratio in evidence["ratio"]]
    evidence["verdict"] = [str(verdict) for verdict in verdicts]
    ordered = worst_first(evidence, "ratio", ascending=False)[_COLUMNS]
    limit = f"cross hands at most {limits['look']:g} of parallel hands (no-go above {limits['no_go']:g})"
    return Check(
        NAME,
        worst(verdicts),
        float(evidence["ratio"].max()),
        "",
        limit,
        _text(ordered, camps) + material.so_far,
        ordered,
        Scale("ratio", limits["look"], limits["no_go"]),
    )


def _ratios(fringes: pd.DataFrame, least_snr: float) -> pd.DataFrame:
    """Cross over parallel hands of every baseline and band: the median over scans, phase centres and bins."""
    rows = fringes.assign(hand=np.where(fringes["polarization"].isin(_PARALLEL), "parallel", "crossed"))
    rows = rows[rows["polarization"].isin([*_PARALLEL, *_CROSSED])].assign(
        power=lambda table: table["amplitude"] ** 2
    )
    keys = ["scan", "baseline", "antenna1_name", "antenna2_name", "band", *product_columns(rows)]
    powers = rows.pivot_table(index=keys, columns="hand", values="power", aggfunc="mean")
    strongest = rows.groupby(keys)["snr"].max()
    seen = powers.reindex(columns=["parallel", "crossed"])[
        strongest.reindex(powers.index) >= least_snr
    ].dropna()
    seen = seen[(seen > 0).all(axis=1)]
    ratio = seen.assign(ratio=(seen["crossed"] / seen["parallel"]) ** 0.5).reset_index()
    return ratio.groupby(keys[1:5], sort=False)["ratio"].median().reset_index()


@dataclass
class _Camps:
    """Antennas of one band in two camps: between camps cross hands are the stronger ones, inside parallel hands.

    Attributes
    ----------
    ratios : DataFrame
        Of every baseline.
    groups : list of (set, set)
        The larger and the smaller camp of every group of antennas that are connected by baselines.
    """

    ratios: pd.DataFrame
    groups: list[tuple[set[str], set[str]]] = field(default_factory=list)

    @classmethod
    def of(cls, ratios: pd.DataFrame) -> _Camps:
        """Sort antennas by their baselines, the most telling first."""
        telling = np.abs(np.log(ratios["ratio"])).sort_values(ascending=False, kind="stable")
        groups: list[tuple[set[str], set[str]]] = []
        for row in ratios.loc[telling.index].itertuples(index=False):
            one = _group_of(groups, str(row.antenna1_name))
            other = _group_of(groups, str(row.antenna2_name))
            if one is other:
                continue
            same = (row.antenna1_name in one[0]) == (row.antenna2_name in other[0])
            first, second = other if same == (row.ratio < 1) else (other[1], other[0])
            groups.remove(other)
            one[0].update(first)
            one[1].update(second)
        camps = [
            (larger, smaller) if len(larger) >= len(smaller) else (smaller, larger)
            for larger, smaller in groups
        ]
        return cls(ratios, camps)

    def rows(self, band: object) -> list[dict[str, object]]:
        """What is said of each antenna: whether its hands are exchanged, and what its cross hands have at least."""
        return [
            self._row(band, antenna, camp, equal=len(larger) == len(smaller))
            for larger, smaller in self.groups
            for camp in (larger, smaller)
            for antenna in sorted(camp)
        ]

    def _row(self, band: object, antenna: str, camp: set[str], *, equal: bool) -> dict[str, object]:
        exchanged = equal or any(camp is smaller for _, smaller in self.groups)
        own = self.ratios[self.ratios["antenna1_name"].eq(antenna) | self.ratios["antenna2_name"].eq(antenna)]
        inside = own["antenna1_name"].isin(camp) & own["antenna2_name"].isin(camp)
        # Of an antenna in the right camp, those of exchanged ones say nothing but by what their parallel hands are.
        ratio = own["ratio"].where(~inside if exchanged else inside, 1 / own["ratio"])
        place = int(ratio.to_numpy().argmin())
        return {
            "antenna": antenna,
            "band": band,
            "exchanged": exchanged,
            "ratio": float(ratio.iloc[place]),
            "weakest_baseline": own["baseline"].iloc[place],
        }


def _group_of(groups: list[tuple[set[str], set[str]]], antenna: str) -> tuple[set[str], set[str]]:
    """The group that an antenna is in; a new one where it is in none."""
    for group in groups:
        if antenna in group[0] or antenna in group[1]:
            return group
    groups.append(({antenna}, set()))
    return groups[-1]


def _text(ordered: pd.DataFrame, camps: dict[object, _Camps]) -> str:
    """Exchanged antennas with their bands, then those that leak."""
    said = [*_exchanged(ordered, camps), *_leaking(ordered)]
    if said:
        return "; ".join(said)
    top = ordered.iloc[0]
    return (
        f"parallel hands are the stronger ones of {ordered['antenna'].nunique()} antennas; cross hands of "
        f"{top['antenna']} reach {top['ratio']:.2g} of them"
    )


def _exchanged(ordered: pd.DataFrame, camps: dict[object, _Camps]) -> list[str]:
    """Whose hands are exchanged; of two camps of one size either may be."""
    unsure = [
        (band, larger, smaller)
        for band, camp in camps.items()
        for larger, smaller in camp.groups
        if len(larger) == len(smaller)
    ]
    said = [
        f"the polarizations of {named(sorted(larger))} or of {named(sorted(smaller))} are swapped in band {band}"
        for band, larger, smaller in unsure
    ]
    doubtful = {(band, antenna) for band, *sides in unsure for side in sides for antenna in side}
    keys = zip(ordered["band"], ordered["antenna"], strict=True)
    sure = ordered[ordered["exchanged"].to_numpy() & np.array([key not in doubtful for key in keys])]
    for antenna, rows in sure.groupby("antenna", sort=False):
        all_bands = ordered.loc[ordered["antenna"] == antenna, "band"].nunique() == len(rows)
        where = "" if all_bands else f" in band {named(sorted(rows['band']))}"
        said.append(
            f"the polarizations of {antenna} are swapped{where}: its cross hands are the stronger ones"
        )
    return said


def _leaking(ordered: pd.DataFrame) -> list[str]:
    """Antennas with strong cross hands on every baseline."""
    strong = ordered[~ordered["exchanged"] & (ordered["verdict"] != str(Verdict.GO))]
    if strong.empty:
        return []
    antennas = sorted(set(strong["antenna"]))
    why = (
        "leakage"
        if len(antennas) < ordered["antenna"].nunique()
        else "leakage, or a source that is so polarized"
    )
    return [
        f"cross hands of {named(antennas)} reach {strong['ratio'].max():.2g} of parallel hands on every baseline: {why}"
    ]
