# SPDX-License-Identifier: GPL-3.0-or-later
"""Check `clipping`: whether thresholds of 2-bit samplers fit the voltage, by the power of autocorrelations.

In go mean autocorrelations of bands that were recorded with 2 bits, whose mean over channels is the mean square of the
samples, ±1 and ±3.3359 (``difx-files.md`` 13): it tells what share p of them stands at the outer levels. Of Gaussian
noise that share is erfc(t/√2) with the threshold t in units of the rms voltage. What is left of the signal-to-noise
ratio of a weak signal is √η with η = E[xQ]²/E[Q²], x the voltage and Q(x) the level (Thompson, Moran and Swenson,
Interferometry and Synthesis in Radio Astronomy, on quantization): E[xQ] = √(2/π) (1 + (n - 1) exp(-t²/2)),
E[Q²] = 1 + (n² - 1) p, n = 3.3359. Out comes √η as a share of the best that thresholds can give.

Samples of 1 bit have one power whatever the voltage; of more bits no thresholds are known.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from difxnb.quality.limits import Section
from difxnb.quality.material import Material
from difxnb.quality.naming import named
from difxnb.quality.spectra import AutoSpectra, Spectrum
from difxnb.quality.verdict import Check, Scale, Verdict, graded, not_applicable, worst, worst_first

NAME = "clipping"
_OUTER = 3.3359
"""The outer level of a 2-bit sample, where the inner one is 1."""


def check_clipping(material: Material, limits: Section) -> Check:
    """Compare the power of samples with what thresholds make of Gaussian noise."""
    spectra = material.auto_spectra
    if spectra is None or not spectra.parallel:
        return not_applicable(NAME, material.why_no_autos())
    if not material.samplings:
        return not_applicable(NAME, f"how many bits samples have is not known: {material.why_no('input')}")
    judged = [(one, _why_not(material, one, len(spectra.values(one)))) for one in spectra.parallel]
    rows = [_thresholds(spectra, one) for one, why in judged if not why]
    reasons = Counter(why for _, why in judged if why)
    if not rows:
        return not_applicable(NAME, f"nothing to be seen: {'; '.join(reasons)}")
    evidence = pd.DataFrame(rows)
    verdicts = [graded(share, limits["look"], limits["no_go"]) for share in evidence["snr_share"]]
    evidence["verdict"] = [str(verdict) for verdict in verdicts]
    ordered = worst_first(evidence, "snr_share")
    text = _text(ordered) + material.so_far
    if reasons:
        text += f"; not judged: {'; '.join(f'{count} with {why}' for why, count in reasons.items())}"
    limit = f"at least {limits['look']:g} of the best SNR (no-go below {limits['no_go']:g})"
    return Check(
        NAME,
        worst(verdicts),
        float(evidence["snr_share"].min()),
        "",
        limit,
        text,
        ordered,
        Scale("snr_share", limits["look"], limits["no_go"]),
    )


def _why_not(material: Material, one: Spectrum, channels: int) -> str:
    """Why the power of a band tells nothing of thresholds; empty where it does."""
    sampling = material.samplings.get((one.antenna, one.band, one.polarization[0]))
    if material.input is not None and channels < material.input.channels(one.band):
        return "some channels of a band alone"
    if sampling is None or not sampling.whole:
        return "a band that is a part of a recorded one"
    if sampling.scaled:
        return "amplitudes scaled by a system temperature"
    if sampling.bits != 2 or sampling.kind != "REAL":
        return f"{sampling.bits}-bit {sampling.kind.lower()} samples"
    return ""


def _thresholds(spectra: AutoSpectra, one: Spectrum) -> dict[str, Any]:
    """What the mean power of one spectrum says of the sampler."""
    power = float(np.mean(spectra.values(one).real))
    outer = (power - 1) / (_OUTER**2 - 1)
    return {
        "scan": one.part,
        "antenna": one.antenna,
        "band": one.band,
        "polarization": one.polarization,
        "power": power,
        "outer_share": outer,
        "voltage": float(_voltage(np.array(outer))),
        "snr_share": float(snr_share(np.array(outer))),
    }


def _threshold(outer: NDArray[np.float64]) -> NDArray[np.float64]:
    """The threshold in units of the rms voltage, by the share of samples beyond it; NaN where none has it."""
    from scipy.special import erfcinv

    return np.asarray(np.sqrt(2) * erfcinv(np.where((outer > 0) & (outer < 1), outer, np.nan)))


def _efficiency(outer: NDArray[np.float64]) -> NDArray[np.float64]:
    """η by the share of samples at the outer levels."""
    product = np.sqrt(2 / np.pi) * (1 + (_OUTER - 1) * np.exp(-(_threshold(outer) ** 2) / 2))
    return np.asarray(product**2 / (1 + (_OUTER**2 - 1) * outer))


def _best() -> float:
    """The share of samples at the outer levels with which most is left of the signal."""
    shares = np.linspace(0.2, 0.5, 3001)
    return float(shares[_efficiency(shares).argmax()])


def snr_share(outer: NDArray[np.float64]) -> NDArray[np.float64]:
    """What is left of the SNR, as a share of the best, by the share of samples at the outer levels.

    0 where there is no such share: no 2-bit samples have that power.
    """
    best = _efficiency(np.array(_best()))
    return np.nan_to_num(np.sqrt(_efficiency(outer) / best), nan=0.0)


def _voltage(outer: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rms voltage against that for which thresholds are best."""
    return np.asarray(_threshold(np.array(_best())) / _threshold(outer))


def _text(ordered: pd.DataFrame) -> str:
    """What the worst sampler does, and who else is bad."""
    lowest = ordered.iloc[0]
    whose = f"{lowest['antenna']} band {lowest['band']} {lowest['polarization']}"
    said = f"{whose} has {lowest['outer_share']:.0%} of its samples at the outer levels, where {_best():.0%} are best"
    bad = ordered[ordered["verdict"] != str(Verdict.GO)]
    if bad.empty:
        return f"thresholds fit the voltage; at worst {said}"
    if np.isnan(lowest["voltage"]):
        said = f"{whose} has a power of {lowest['power']:.2g}, which 2-bit samples of noise cannot have"
    else:
        said += f": its voltage is {lowest['voltage']:.2g} times what fits"
    return f"samplers of {named(dict.fromkeys(bad['antenna']))} are badly set or dead; {said}"
