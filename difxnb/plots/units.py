# SPDX-License-Identifier: GPL-3.0-or-later
"""Units that numbers are read in: seconds in, words and factors out."""

from __future__ import annotations

import numpy as np


def delay_unit(largest_s: float) -> tuple[str, float]:
    """Name of a unit for delays up to this one, and how many of it a second has."""
    for unit, factor in (("µs", 1e6), ("ns", 1e9)):
        if largest_s * factor >= 2.0:
            return unit, factor
    return "ps", 1e12


def with_error(delay: float, error: float) -> str:
    """A delay and its error, both in s, as text in ns with the digits that count."""
    digits = int(np.clip(1 - np.floor(np.log10(max(error, 1e-15) * 1e9)), 0, 4))
    return f"{delay * 1e9:+.{digits}f} ± {error * 1e9:.{digits}f} ns"
