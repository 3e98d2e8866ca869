# SPDX-License-Identifier: GPL-3.0-or-later
"""Check `bandpass`: antennas and bands without power, channels that are zero, and bands that slope.

In go mean autocorrelations of parallel hands; out comes what share of each band is zero, its power against the median
of all, and the slope between its quarters. Edge channels are left out (``difx-files.md`` 4).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from difxnb.quality.limits import Section
from difxnb.quality.material import Material
from difxnb.quality.naming import named
from difxnb.quality.power import relative_powers
from difxnb.quality.spectra import AutoSpectra, Spectrum
from difxnb.quality.verdict import Check, Scale, Verdict, graded, not_applicable, worst, worst_first

NAME = "bandpass"
_LEAST_CHANNELS = 8  # for a slope


def check_bandpass(material: Material, limits: Section) -> Check:
    """Look at the shape of every mean autocorrelation."""
    spectra = material.auto_spectra
    if spectra is None or not spectra.parallel:
        return not_applicable(NAME, material.why_no_autos())
    evidence = pd.DataFrame([_shape(spectra, one, limits) for one in spectra.parallel])
    evidence["relative_power"] = relative_powers(spectra, material.samplings, limits["edge"])
    evidence["dead"] = ~(evidence["relative_power"] >= limits["dead"])
    evidence.loc[evidence["dead"], ["zero", "slope"]] = [1.0, np.nan]
    sloping = evidence["slope"].abs() > limits["slope"]
    verdicts = [
        worst([graded(share, limits["look"], limits["no_go"]), Verdict.LOOK if slopes else Verdict.GO])
        for share, slopes in zip(evidence["zero"], sloping, strict=True)
    ]
    evidence["verdict"] = [str(verdict) for verdict in verdicts]
    ordered = worst_first(evidence, "zero", ascending=False)
    limit = (
        f"no channel below {limits['zero']:g} of its band's median (no-go above {limits['no_go']:g} of a band), "
        f"slopes up to {limits['slope']:g} dB"
    )
    return Check(
        NAME,
        worst(verdicts),
        float(evidence["zero"].max()),
        "",
        limit,
        _text(evidence, sloping) + material.so_far,
        ordered,
        Scale("zero", limits["look"], limits["no_go"]),
    )


def _shape(spectra: AutoSpectra, spectrum: Spectrum, limits: Section) -> dict[str, Any]:
    """Share of zero channels and slope (dB) of one spectrum."""
    power = spectra.values(spectrum).real[spectra.inner(spectrum, limits["edge"])]
    middle = float(np.median(power)) if power.size else 0.0
    zero = float(np.mean(power < limits["zero"] * middle)) if middle > 0 else 1.0
    return {
        "scan": spectrum.part,
        "antenna": spectrum.antenna,
        "band": spectrum.band,
        "polarization": spectrum.polarization,
        "zero": zero,
        "slope": _slope_db(power[power >= limits["zero"] * middle]) if middle > 0 else np.nan,
    }


def _slope_db(power: np.ndarray[tuple[int], np.dtype[np.float64]]) -> float:
    """The highest quarter over the lowest in frequency, by their medians, dB."""
    if len(power) < _LEAST_CHANNELS:
        return np.nan
    quarters = np.array_split(power, 4)
    return float(10 * np.log10(np.median(quarters[-1]) / np.median(quarters[0])))


def _text(evidence: pd.DataFrame, sloping: pd.Series[bool]) -> str:
    dead = evidence[evidence["dead"]]
    holes = evidence[~evidence["dead"] & (evidence["zero"] > 0)]
    said = [f"no power: {named(_bands(dead))}"] if len(dead) else []
    if len(holes):
        said.append(
            f"channels without power, up to {holes['zero'].max():.0%} of a band: {named(_bands(holes))}"
        )
    if sloping.any():
        steepest = evidence["slope"].abs().max()
        said.append(f"slopes of up to {steepest:.1f} dB: {named(_bands(evidence[sloping]))}")
    return "; ".join(said) or f"{len(evidence)} bandpasses, none with zeros or a steep slope"


def _bands(rows: pd.DataFrame) -> list[str]:
    """Antennas with their bands, or alone where all of their bands are meant."""
    found = rows.groupby("antenna", sort=False)[["band", "polarization"]].apply(
        lambda group: sorted({f"{band} {hand}" for band, hand in group.itertuples(index=False)})
    )
    return [f"{antenna} band {' and '.join(bands)}" for antenna, bands in found.items()]
