# SPDX-License-Identifier: GPL-3.0-or-later
"""Check `imaginary`: whether autocorrelations are what they must be: real, and cross hands conjugates of each other.

In go mean autocorrelations; out comes the greatest imaginary part of parallel hands, and the greatest difference of RL
and the conjugate of LR, as shares of the power. A correlator that works makes neither, since a signal times its own
conjugate is real: there is some where records are mixed up or broken.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from difxnb.quality.limits import Section
from difxnb.quality.material import Material
from difxnb.quality.naming import named
from difxnb.quality.spectra import AutoSpectra
from difxnb.quality.verdict import Check, Scale, Verdict, graded, not_applicable, worst, worst_first

NAME = "imaginary"


def check_imaginary(material: Material, limits: Section) -> Check:
    """Compare what should vanish with the power of each band."""
    spectra = material.auto_spectra
    if spectra is None or not spectra.parallel:
        return not_applicable(NAME, material.why_no_autos())
    evidence = pd.DataFrame([*_parallel(spectra), *_crossed(spectra)])
    verdicts = [graded(share, limits["look"], limits["no_go"]) for share in evidence["share"]]
    evidence["verdict"] = [str(verdict) for verdict in verdicts]
    ordered = worst_first(evidence, "share", ascending=False)
    largest = ordered.iloc[0]
    bad = ordered[ordered["verdict"] != str(Verdict.GO)]
    text = f"no more than {largest['share']:.1g} of the power is imaginary or not conjugate"
    if len(bad):
        text = (
            f"autocorrelations of {named(dict.fromkeys(bad['antenna']))} are not real, or their cross hands no "
            f"conjugates: {largest['share']:.2g} of the power in band {largest['band']} {largest['polarization']}"
        )
    limit = f"at most {limits['look']:g} of the power (no-go above {limits['no_go']:g})"
    return Check(
        NAME,
        worst(verdicts),
        float(evidence["share"].max()),
        "",
        limit,
        text + material.so_far,
        ordered,
        Scale("share", limits["look"], limits["no_go"]),
    )


def _parallel(spectra: AutoSpectra) -> Iterator[dict[str, Any]]:
    """Imaginary parts of parallel hands."""
    for one in spectra.parallel:
        values = spectra.values(one)
        yield {
            "scan": one.part,
            "antenna": one.antenna,
            "band": one.band,
            "polarization": one.polarization,
            "share": _share(values.imag, values.real),
        }


def _crossed(spectra: AutoSpectra) -> Iterator[dict[str, Any]]:
    """Differences of cross hands that should be conjugates, where both are there at the same times."""
    places = {one: place for place, one in enumerate(spectra.polarization)}
    for one in spectra.spectra:
        first, second = one.polarization[0], one.polarization[1]
        turned = places.get(second + first)
        if first >= second or turned is None:
            continue
        part, antenna, band, _ = one.place
        other = (part, antenna, band, turned)
        if spectra.n_integrations[other] != spectra.n_integrations[one.place]:
            continue
        powers = [
            spectra.values_at((part, antenna, band, places[2 * hand])).real
            for hand in one.polarization
            if 2 * hand in places
        ]
        if not powers:
            continue
        difference = np.abs(spectra.values(one) - np.conj(spectra.values_at(other)))
        yield {
            "scan": one.part,
            "antenna": one.antenna,
            "band": one.band,
            "polarization": f"{one.polarization} {second + first}",
            "share": _share(difference, np.stack(powers)),
        }


def _share(left: NDArray[np.floating[Any]], power: NDArray[np.floating[Any]]) -> float:
    """The greatest of what should vanish, as a share of the mean power; 0 where there is no power."""
    mean = float(np.nanmean(power)) if np.isfinite(power).any() else 0.0
    return float(np.max(np.abs(left), initial=0.0)) / mean if mean > 0 else 0.0
