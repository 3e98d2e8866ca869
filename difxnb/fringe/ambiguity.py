# SPDX-License-Identifier: GPL-3.0-or-later
"""By what a multi-band delay can be wrong: the frequencies of bands in, the ambiguity of their spacing out.

The sum over bands, each a single frequency, of a fringe that is off by the delay τ is the *delay function*
D(τ) = |Σ exp(2πi ν_b τ)| / n. Where it comes back to nearly 1, noise and unequal bands decide which of two
maxima is the higher one. Bands that are evenly spaced by d come back to exactly 1 after 1/d, all others after
one over the largest spacing that divides all differences, and close to 1 perhaps before (A. E. E. Rogers,
Radio Science 5, 1239 (1970), chooses bands such that they do not).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_RETURN = 0.9  # of the delay function: less is told apart from the true maximum at an SNR of some ten
_EXACT = 0.999  # this much is a repetition
_STEPS = 12  # of the scan per turn of the widest pair of bands
_PIECE = 4096
_MOST = 2**18  # steps of the scan


def spacing_ambiguity(frequencies: list[Floats], longest: float) -> tuple[float, float]:
    """Shifts after which the delay function of coherent bands comes back.

    Parameters
    ----------
    frequencies : list of ndarray
        Middles of the bands, Hz, one array for each coherent group; groups of one band say nothing and are left out.
    longest : float
        Delay, s, beyond which nobody needs to know.

    Returns
    -------
    ambiguity : float
        Smallest shift, s, outside the main maximum where the delay function has a maximum of 0.9 or more; NaN
        where no group has two bands, inf where there is none up to `longest` (or to some 20 000 turns of the widest
        pair of bands).
    period : float
        The same for 0.999, which is a repetition.
    """
    coherent = [np.unique(group) for group in frequencies]
    coherent = [group - float(group.mean()) for group in coherent if group.size > 1]
    if not coherent:
        return np.nan, np.nan
    span = max(float(group[-1] - group[0]) for group in coherent)
    step = 1 / (_STEPS * span)
    found: list[float] = []
    # ends one step later than asked, so that a maximum there is seen from both sides
    for start in range(0, min(_MOST, int(longest / step) + 2), _PIECE):
        shifts = (start + np.arange(-1, _PIECE + 1)) * step
        power = _power(coherent, np.asarray(shifts, dtype=float))
        top = np.flatnonzero((power[1:-1] >= power[:-2]) & (power[1:-1] > power[2:])) + 1
        top = top[(shifts[top] > 3 * step) & (power[top] > 0.75 * _RETURN**2)]
        for shift in shifts[top]:
            exact, value = _summit(coherent, float(shift), span)
            if exact > longest * (1 + 1e-9):
                continue
            if value >= _RETURN and not found:
                found = [exact]
            if value >= _EXACT:
                return found[0], exact
    return (found[0] if found else np.inf), np.inf


def _power(groups: list[Floats], shifts: Floats) -> Floats:
    """Squared delay function, mean of the groups."""
    total = sum(np.abs(np.exp(2j * np.pi * np.outer(shifts, group)).mean(axis=1)) ** 2 for group in groups)
    return np.asarray(total / len(groups), dtype=float)


def _summit(groups: list[Floats], shift: float, span: float) -> tuple[float, float]:
    """Place and height of the maximum near a shift, by repeated parabolas."""
    step = 0.01 / span
    for _ in range(4):
        left, middle, right = _power(groups, shift + step * np.array([-1.0, 0.0, 1.0]))
        curve = left - 2 * middle + right
        if curve < 0:
            shift += float(np.clip(0.5 * (left - right) / curve, -5, 5)) * step
    return shift, float(np.sqrt(_power(groups, np.array([shift]))[0]))
