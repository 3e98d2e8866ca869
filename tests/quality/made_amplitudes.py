# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables of fringes of made-up networks, of which amplitudes and SNR matter alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations

import pandas as pd


def network(
    antennas: Sequence[str],
    amplitude: Callable[[str, str, int, str], float],
    *,
    bands: Sequence[int] = (0, 1),
    hands: Sequence[str] = ("RR", "LL", "RL", "LR"),
    snr: float = 200.0,
) -> pd.DataFrame:
    """One scan with all baselines; the amplitude is a function of both antennas, the band and the hand."""
    rows = [
        {
            "scan": "No0001", "baseline": f"{first}-{second}", "antenna1_name": first, "antenna2_name": second,
            "band": band, "polarization": hand, "amplitude": amplitude(first, second, band, hand), "snr": snr,
            "false_alarm_probability": 0.0,
        }
        for first, second in combinations(antennas, 2)
        for band in bands
        for hand in hands
    ]  # fmt: skip
    return pd.DataFrame(rows)
