# SPDX-License-Identifier: GPL-3.0-or-later
"""Check `snr`: whether some fringe is weaker than the others of its antennas and its scan lead to expect.

In goes the table of fringes. The logarithm of the SNR of one channel-second is taken apart: a product against the
others of its baseline and scan, a baseline of a scan against its own median over scans and against the scan, an antenna
against the median of all. A scan is as strong as the median of the baselines that are left when one antenna fails. Out
come ratios, of which 1 is what is expected. Sources and antennas may be strong or weak without being noticed; bands,
scans and antennas that fall off are.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from difxnb.quality.limits import Section
from difxnb.quality.material import Material
from difxnb.quality.naming import parallel_hands, product_columns
from difxnb.quality.verdict import Check, Scale, Verdict, graded, not_applicable, worst, worst_first

NAME = "snr"
_COLUMNS = ["kind", "of", "scan", "band", "polarization", "snr", "ratio", "verdict"]
_LEAST_ANTENNAS = 3  # fewer share all their baselines


def check_snr(material: Material, limits: Section) -> Check:
    """Compare the SNR of products, baselines and antennas with what the others lead to expect."""
    fringes = material.fringes
    if fringes is None:
        return not_applicable(NAME, material.why_no("fringes"))
    products = _strengths(fringes, material, limits)
    if products.empty:
        return not_applicable(
            NAME,
            f"no fringe has an SNR of {limits['least_expected']:g}{material.so_far}, too weak to be compared",
        )
    evidence = pd.concat([_products(products), _baselines(products), _antennas(products)], ignore_index=True)
    if evidence.empty:
        return not_applicable(NAME, "one product of one baseline and scan has nothing to be compared with")
    verdicts = [
        graded(ratio, limits["antenna_look"], 0.0)
        if kind == "antenna"
        else graded(ratio, limits["look"], limits["no_go"])
        for kind, ratio in zip(evidence["kind"], evidence["ratio"].astype(float), strict=True)
    ]
    evidence["verdict"] = [str(verdict) for verdict in verdicts]
    ordered = worst_first(evidence[_COLUMNS], "ratio")
    lowest = ordered.iloc[0]
    limit = f"at least {limits['look']:g} of what is expected (no-go below {limits['no_go']:g})"
    text = _text(lowest, ordered) + material.so_far
    scale = Scale("ratio", limits["look"], limits["no_go"])
    return Check(NAME, worst(verdicts), float(lowest["ratio"]), "", limit, text, ordered, scale)


def _strengths(fringes: pd.DataFrame, material: Material, limits: Section) -> pd.DataFrame:
    """Parallel hands with the logarithm of their SNR per root of bandwidth and time, where they can be compared.

    Of a baseline and scan that has no strong fringe nothing is said: whether there is one is another check.
    """
    rows = parallel_hands(fringes)
    keys = ["scan", "baseline", *product_columns(rows)]
    typical = _upper_medians(rows, keys, "snr")
    rows = rows[(typical >= limits["least_expected"]) & (rows["snr"] > 0)]
    spectra = rows["band"].map(_bandwidths(material)).fillna(1.0) * rows["n_integrations"]
    made: pd.DataFrame = rows.assign(
        strength=np.log(rows["snr"] / np.sqrt(spectra)), key=_keys(rows, keys[1:])
    )
    return made


def _bandwidths(material: Material) -> dict[Any, float]:
    if material.dataset is None:
        return {}
    bands = material.dataset
    return dict(zip(bands["band"].values.tolist(), bands["bandwidth"].values.tolist(), strict=True))


def _keys(rows: pd.DataFrame, columns: list[str]) -> pd.Series[Any]:
    """One label for each baseline, phase centre and pulsar bin."""
    return rows[columns].astype(str).agg(" ".join, axis=1) if len(rows) else pd.Series([], dtype=object)


def _upper_medians(rows: pd.DataFrame, keys: list[str], column: str) -> NDArray[np.float64]:
    """For each row the median of those with the same keys; of two the greater, since one that fails is the smaller."""
    groups = rows.groupby(keys)
    medians = groups[column].quantile(0.5, interpolation="higher").to_numpy(dtype=float)
    return np.asarray(medians[groups.ngroup().to_numpy()]) if len(rows) else np.zeros(0)


def _products(products: pd.DataFrame) -> pd.DataFrame:
    """Bands and polarizations against the others of their baseline and scan."""
    keys = ["scan", "key"]
    ratio = np.exp(products["strength"] - _upper_medians(products, keys, "strength"))
    rows: pd.DataFrame = products.assign(kind="product", of=products["baseline"], ratio=ratio)
    return rows.loc[products.duplicated(keys, keep=False)]


def _of_scans(products: pd.DataFrame) -> pd.DataFrame:
    """Strength of each baseline (row) in each scan (column)."""
    groups = products.groupby(["key", "scan"], sort=False)["strength"]
    return groups.quantile(0.5, interpolation="higher").unstack()


def _baselines(products: pd.DataFrame) -> pd.DataFrame:
    """Baselines of a scan against their own median, and the median of the scan."""
    table = _of_scans(products)
    if table.shape[1] < 2 or table.shape[0] < 2:
        return products.iloc[:0].assign(kind="", of="", ratio=0.0)
    own = table.sub(table.median(axis=1), axis=0)
    antennas = len({*products["antenna1_name"], *products["antenna2_name"]})
    # An antenna takes its share 2/n of the baselines down with it: here stands the median of the others.
    scans = own.quantile(0.5 + 1 / antennas, interpolation="higher")
    rest = own.sub(scans, axis=1).rename_axis("key").reset_index().melt("key", value_name="rest")
    first = products.drop_duplicates(["key", "scan"]).assign(kind="baseline", band="", polarization="")
    joined = first.merge(rest.dropna(subset="rest"), on=["key", "scan"])
    return joined.assign(of=joined["baseline"], ratio=np.exp(joined["rest"]))


def _antennas(products: pd.DataFrame) -> pd.DataFrame:
    """Antennas against the median of all, by the median of their baselines."""
    table = _of_scans(products).median(axis=1)
    ends = products.drop_duplicates("key").set_index("key")[["antenna1_name", "antenna2_name"]]
    names = sorted(set(ends.to_numpy().ravel()))
    if len(names) < _LEAST_ANTENNAS:
        return products.iloc[:0].assign(kind="", of="", ratio=0.0)
    strengths = {name: table[ends.eq(name).any(axis=1).reindex(table.index)].median() for name in names}
    ratios = np.exp(pd.Series(strengths) - np.median(list(strengths.values())))
    return pd.DataFrame(
        {
            "kind": "antenna", "of": names, "scan": "", "band": "", "polarization": "", "snr": np.nan,
            "ratio": ratios.to_numpy(),
        }
    )  # fmt: skip


def _text(lowest: pd.Series[Any], evidence: pd.DataFrame) -> str:
    who = {
        "product": f"{lowest['of']} band {lowest['band']} {lowest['polarization']} in {lowest['scan']}",
        "baseline": f"{lowest['of']} in {lowest['scan']}",
        "antenna": f"antenna {lowest['of']}",
    }[lowest["kind"]]
    against = {
        "product": "of what the other bands and polarizations have",
        "baseline": "of what its other scans lead to expect",
        "antenna": "of the median antenna",
    }[lowest["kind"]]
    bad = evidence[evidence["verdict"] != str(Verdict.GO)]
    weakest = f"{who}, with an SNR of {lowest['ratio']:.2g} {against}"
    if bad.empty:
        return f"every fringe is as strong as expected; the weakest is {weakest}"
    if len(bad) == 1:
        return f"weaker than expected is {weakest}"
    return f"{len(bad)} fringes or antennas are weaker than expected; the weakest is {weakest}"
