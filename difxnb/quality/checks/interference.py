# SPDX-License-Identifier: GPL-3.0-or-later
"""Check `interference`: narrow lines in autocorrelations that are no pulse calibration tones.

In go mean autocorrelations of parallel hands. Each is divided by its running median; a line is what stands above it by
so much, and by so many standard deviations, which are those of all channels by their median deviation. Channels at the
edges of a band are left out, and those beside tones: of the spacing in the ``.input``, and where that extracts none, of
1 or 5 MHz if most places of such a comb have lines.
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
from difxnb.quality.power import relative_powers
from difxnb.quality.sampling import comb
from difxnb.quality.spectra import AutoSpectra, Spectrum
from difxnb.quality.trend import NORMAL_MAD
from difxnb.quality.verdict import Check, Scale, graded, not_applicable, worst, worst_first

NAME = "interference"
_LEAST_CHANNELS = 12  # inside the edges: below there is no telling what is a line
_WIDEST = 65  # channels of the running median
_BESIDE = 1.5  # channels from a tone that it may reach
_SPARSE = 4.0  # channels between tones above which there is something to see between them
_COMBS_HZ = (1e6, 5e6)
_COMB_SHARE = 2 / 3  # of its places that have lines
_COMB_LEAST = 2  # places

Channels = NDArray[np.bool_]


def check_interference(material: Material, limits: Section) -> Check:
    """Look for narrow lines in every mean autocorrelation."""
    spectra = material.auto_spectra
    if spectra is None or not spectra.parallel:
        return not_applicable(NAME, material.why_no_autos())
    powers = relative_powers(spectra, material.samplings, limits["edge"])
    alive = [one for one, power in zip(spectra.parallel, powers, strict=True) if power >= limits["dead"]]
    found = [_Lines(spectra, one, material, limits) for one in alive]
    found = [one for one in found if one.inside.sum() >= _LEAST_CHANNELS]
    if not found:
        return not_applicable(
            NAME, f"no band has {_LEAST_CHANNELS} channels with power besides its edges{material.so_far}"
        )
    _leave_out_combs(found)
    evidence = pd.DataFrame([one.row() for one in found])
    verdicts = [graded(share, limits["look"], limits["no_go"]) for share in evidence["share"]]
    evidence["verdict"] = [str(verdict) for verdict in verdicts]
    ordered = worst_first(evidence, "share", "excess", ascending=False)
    limit = f"at most {limits['look']:g} of the channels of a band (no-go above {limits['no_go']:g})"
    return Check(
        NAME,
        worst(verdicts),
        float(evidence["share"].max()),
        "",
        limit,
        _text(ordered) + material.so_far,
        ordered,
        Scale("share", limits["look"], limits["no_go"]),
    )


class _Lines:
    """Lines of one spectrum.

    Attributes
    ----------
    inside : ndarray of bool, shape (channel,)
        Channels that are looked at.
    lines : ndarray of bool, shape (channel,)
    """

    def __init__(self, spectra: AutoSpectra, one: Spectrum, material: Material, limits: Section) -> None:
        power = spectra.values(one).real
        self.one = one
        self.frequency = spectra.frequency[one.place[2], : len(power)]
        self.width = float(np.median(np.diff(self.frequency))) if len(power) > 1 else 0.0
        self.inside = np.zeros(len(power), dtype=bool)
        self.inside[spectra.inner(one, limits["edge"])] = True
        self._leave_out(self._known_tones(material))
        smooth = _running_median(power, self.inside)
        self.inside &= smooth > 0
        self.excess = np.divide(power, smooth, out=np.ones(len(power)), where=self.inside) - 1
        looked_at = self.excess[self.inside]
        scatter = NORMAL_MAD * float(np.median(np.abs(looked_at))) if looked_at.size else 0.0
        self.lines = self.inside & (self.excess > max(limits["excess"], limits["sigmas"] * scatter))
        self.tones = int(len(power) - self.inside.sum())

    def _known_tones(self, material: Material) -> NDArray[np.float64]:
        key = (self.one.antenna, self.one.band, self.one.polarization[0])
        sampling = material.samplings.get(key)
        if sampling is None or sampling.tone_spacing < _SPARSE * self.width or not len(self.frequency):
            return np.empty(0)
        return sampling.tones(self.frequency[0] - self.width, self.frequency[-1] + self.width)

    def _leave_out(self, tones: NDArray[np.float64]) -> None:
        """Take channels beside tones out of what is looked at."""
        if tones.size:
            nearest = np.abs(self.frequency[:, None] - tones).min(axis=1)
            self.inside &= nearest > _BESIDE * self.width

    def places(self, spacing: float) -> Iterator[bool]:
        """Whether there is a line at each place of a comb that is looked at."""
        if not self.inside.any():
            return
        seen = self.frequency[self.inside]
        for tone in comb(spacing, 0.0, seen[0], seen[-1]):
            yield bool(self.lines[np.abs(self.frequency - tone) <= self.width].any())

    def without(self, spacing: float) -> None:
        """Lines at places of a comb are tones."""
        tones = comb(spacing, 0.0, self.frequency[0], self.frequency[-1])
        self._leave_out(tones)
        self.lines &= self.inside

    def row(self) -> dict[str, Any]:
        """What is said of the spectrum."""
        strongest = int(np.where(self.inside, self.excess, -np.inf).argmax()) if self.inside.any() else 0
        return {
            "scan": self.one.part,
            "antenna": self.one.antenna,
            "band": self.one.band,
            "polarization": self.one.polarization,
            "share": float(self.lines.sum() / max(1, self.inside.sum())),
            "lines": int(self.lines.sum()),
            "excess": float(self.excess[strongest]),
            "frequency_mhz": float(self.frequency[strongest] / 1e6),
        }


def _running_median(power: NDArray[np.float64], inside: Channels) -> NDArray[np.float64]:
    """The median of the channels around each that are looked at, as many as a quarter of them."""
    from scipy.ndimage import median_filter

    smooth = np.zeros(len(power))
    if inside.any():
        width = min(_WIDEST, inside.sum() // 4) // 2 * 2 + 1
        smooth[inside] = median_filter(power[inside], size=int(width), mode="mirror")
    return smooth


def _leave_out_combs(found: list[_Lines]) -> None:
    """Take tones that are not extracted out of the lines of antennas that have most of a comb."""
    for antenna in dict.fromkeys(one.one.antenna for one in found):
        own = [one for one in found if one.one.antenna == antenna]
        for spacing in _COMBS_HZ:
            sparse = [one for one in own if spacing >= _SPARSE * one.width]
            places = [place for one in sparse for place in one.places(spacing)]
            if sum(places) >= _COMB_LEAST and sum(places) >= _COMB_SHARE * len(places):
                for one in sparse:
                    one.without(spacing)


def _text(ordered: pd.DataFrame) -> str:
    bad = ordered[ordered["lines"] > 0]
    if bad.empty:
        return f"no lines in {len(ordered)} autocorrelations besides pulse calibration tones"
    strongest = bad.sort_values("excess").iloc[-1]
    antennas = list(dict.fromkeys(bad["antenna"]))
    said = (
        f"lines at {named(antennas)}, in up to {bad['share'].max():.1%} of a band's channels; the strongest at "
        f"{strongest['frequency_mhz']:.4f} MHz of {strongest['antenna']}, {1 + strongest['excess']:.2g} times its "
        f"surroundings"
    )
    if len(antennas) > 1 and set(antennas) == set(ordered["antenna"]):
        said += "; all antennas have some: it may be the source"
    return said
