# SPDX-License-Identifier: GPL-3.0-or-later
"""Check `order`: whether what was written is sound: finite numbers, times that ascend, each record once, no damage.

In go the visibilities, read a block of time at a time, and what was noted when they were opened. Out come counts of
every defect. A correlator that works makes none of them, so that any is worth a look.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from difxnb.formats.swin_cache import cached_index
from difxnb.quality.limits import Section
from difxnb.quality.material import Material
from difxnb.quality.verdict import Check, Scale, Verdict, not_applicable, worst, worst_first
from difxnb.visibility.stored.opening import skipped_frame

NAME = "order"
_BLOCK_BYTES = 64 * 2**20
_AXES = ("time", "baseline", "band", "polarization")


def check_order(material: Material, limits: Section) -> Check:
    """Count spectra with values that are no numbers, odd weights, times out of order, repeated and damaged records."""
    dataset, attendance = material.dataset, material.attendance
    if dataset is None or attendance is None:
        return not_applicable(NAME, material.why_no("dataset"))
    spectra, broken = _broken_spectra(dataset)
    if not spectra:
        return not_applicable(NAME, f"there is no spectrum{material.so_far}")
    rows = [
        ("spectra with NaN or infinite values", int(sum(broken.values())), _where(broken)),
        ("weights that are negative, infinite or beyond the limit", *_odd_weights(dataset, limits["weight"])),
        ("times that do not ascend", *_disorder(attendance.time_ns)),
        ("integrations behind later ones in their file", *_disorder_in_files(material, dataset)),
        ("records that came twice", int(dataset.attrs.get("duplicates", 0)), ""),
        ("places of files that cannot be read", *_damage(dataset)),
    ]
    evidence = pd.DataFrame(rows, columns=["defect", "count", "where"])
    shares = evidence["count"] / spectra
    evidence["verdict"] = [str(_verdict(share, limits["no_go"])) for share in shares]
    found = evidence[evidence["count"] > 0]
    text = (
        f"{spectra} spectra, all sound"
        if found.empty
        else "; ".join(map(_said, found.itertuples(index=False)))
    )
    verdict = worst(Verdict(one) for one in evidence["verdict"])
    limit = f"none (no-go from more than {limits['no_go']:g} of the spectra)"
    ordered = worst_first(evidence, "count", ascending=False)
    return Check(
        NAME,
        verdict,
        float(evidence["count"].sum()),
        "",
        limit,
        text + material.so_far,
        ordered,
        Scale("count"),
    )


def _verdict(share: float, no_go: float) -> Verdict:
    if share > no_go:
        return Verdict.NO_GO
    return Verdict.LOOK if share > 0 else Verdict.GO


def _said(row: Any) -> str:
    return f"{row.count} {row.defect}" + (f" ({row.where})" if row.where else "")


def _blocks(dataset: xr.Dataset) -> Iterator[tuple[NDArray[np.complex64], NDArray[np.float32]]]:
    """Visibilities (time, baseline, band, polarization, further, channel) and their weights, some time at once."""
    inner = [name for name in dataset["WEIGHT"].dims if name not in _AXES]
    visibility = dataset["VISIBILITY"].transpose(*_AXES, *inner, "channel")
    weight = dataset["WEIGHT"].transpose(*_AXES, *inner)
    times = dataset.sizes["time"]
    step = max(1, _BLOCK_BYTES // max(1, visibility.nbytes // max(1, times)))
    for start in range(0, times, step):
        block = slice(start, start + step)
        values = visibility.isel(time=block).values
        shape = (*values.shape[:4], math.prod(values.shape[4:-1]))
        yield values.reshape(*shape, values.shape[-1]), weight.isel(time=block).values.reshape(shape)


def _broken_spectra(dataset: xr.Dataset) -> tuple[int, dict[str, int]]:
    """How many spectra there are, and how many of each baseline have a channel that is no finite number."""
    own = np.arange(dataset.sizes["channel"]) < dataset["n_channels"].values[:, None]  # of each band
    names = dataset["baseline"].values.astype(str)
    spectra, broken = 0, np.zeros(len(names), dtype=np.int64)
    for values, weight in _blocks(dataset):
        finite = np.isfinite(values) | ~own[:, None, None, :]
        is_number = (np.isfinite(values) & own[:, None, None, :]).any(axis=-1)
        there = (weight > 0) | (np.isnan(weight) & is_number)
        spectra += int(there.sum())
        broken += (there & ~finite.all(axis=-1)).sum(axis=(0, 2, 3, 4))
    return spectra, {str(name): int(count) for name, count in zip(names, broken, strict=True) if count}


def _where(counts: dict[str, int]) -> str:
    most = sorted(counts, key=lambda name: -counts[name])
    return f"most of {most[0]}" if most else ""


def _odd_weights(dataset: xr.Dataset, highest: float) -> tuple[int, str]:
    """Weights that cannot be; NaN stands for one that is not known."""
    odd = 0
    weights = dataset["WEIGHT"]
    step = max(1, _BLOCK_BYTES // max(1, weights.nbytes // max(1, weights.sizes["time"])))
    for start in range(0, weights.sizes["time"], step):
        values = weights.isel(time=slice(start, start + step)).values
        odd += int(((values < 0) | (values > highest)).sum())
    return odd, ""


def _disorder(times_ns: NDArray[np.int64]) -> tuple[int, str]:
    steps = np.diff(times_ns)
    wrong = np.flatnonzero(steps <= 0)
    first = f"first at {np.datetime64(int(times_ns[wrong[0] + 1]), 'ns')}" if wrong.size else ""
    return int(wrong.size), first


def _disorder_in_files(material: Material, dataset: xr.Dataset) -> tuple[int, str]:
    """Integrations whose records begin behind those of later ones; a Dataset has them in order all the same."""
    if material.input is None or material.is_part:
        return 0, ""
    wrong = {}
    for path in str(dataset.attrs.get("files", "")).splitlines():
        table = cached_index(path, material.input.channels, on_error="skip", growing=material.running)
        begin = np.where(table.offsets >= 0, table.offsets, np.iinfo(np.int64).max).min(
            axis=1, initial=table.end
        )
        wrong[Path(path).name] = int((np.diff(begin) < 0).sum())
    return sum(wrong.values()), f"most in {max(wrong, key=lambda name: wrong[name])}" if any(
        wrong.values()
    ) else ""


def _damage(dataset: xr.Dataset) -> tuple[int, str]:
    places = skipped_frame(dataset)
    if places.empty:
        return 0, ""
    first = places.iloc[0]
    return len(
        places
    ), f"{int(places['size'].sum())} bytes, the first at byte {first['offset']}: {first['reason']}"
