# SPDX-License-Identifier: GPL-3.0-or-later
"""What gaps within integrations do to rates and phases.

In go weights and the rate that was found, out come errors beyond those of noise. An integration keeps its nominal
middle however much of it is missing (``difx-files.md`` 13), so a fringe that turns has its phase at the middle of what
is left. A gap of length g at an unknown place moves that middle by g/(2√3) rms: the rms of a place that may be anywhere
in the integration. The rate is a weighted straight line through phases, and so are these errors.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from difxnb.visibility.fits.blocks import Block

Floats = NDArray[np.float64]


def gap_errors(block: Block, weight: NDArray[np.floating], rate: Floats) -> tuple[Floats, Floats]:
    """Errors by gaps whose place within their integrations is not known.

    Parameters
    ----------
    block : Block
        Its times, and the length of its integrations.
    weight : ndarray (…, time)
        NaN where not known, which says nothing of gaps.
    rate : ndarray (…)
        Delay rate, s/s; NaN counts as none.

    Returns
    -------
    rate_error, delay_shift : ndarray (…)
        Of the rate, s/s, and of the delay at the reference time, s; 2πν times the latter is that of the phase.
    """
    full = np.ones(len(block.seconds))
    full[-1] = block.left  # the end of the scan is a gap whose place is known
    missing = np.clip(full - np.where(np.isnan(weight), full, weight), 0.0, None) * (weight != 0)
    moved = block.length_s * missing / (2 * np.sqrt(3.0))
    share = np.where(np.isnan(weight), 1.0, weight).astype(float)
    with np.errstate(invalid="ignore", divide="ignore"):
        share = share / share.sum(axis=-1, keepdims=True)
        middle = (share * block.seconds).sum(axis=-1, keepdims=True)
        away = block.seconds - middle
        slope = share * away / (share * away**2).sum(axis=-1, keepdims=True)
        at_reference = share + slope * (block.middle_s - middle)
        speed = np.abs(np.nan_to_num(rate))
        errors = (speed * np.sqrt(((one * moved) ** 2).sum(axis=-1)) for one in (slope, at_reference))
        rate_error, delay_shift = (np.nan_to_num(one, posinf=0.0) for one in errors)
    return rate_error, delay_shift
