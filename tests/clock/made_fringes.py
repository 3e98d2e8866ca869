# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables of fringes between made-up stations whose clocks are known."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import combinations

import numpy as np
import pandas as pd

EPOCH = pd.Timestamp("2024-01-01T12:00:00")
SKY = 8.4e9


@dataclass
class Network:
    """Stations with delays (s at EPOCH), rates (s/s) and phases (rad), and what is observed of them.

    `offsets`: seconds by (antenna, band, hand). `extra`: further delay by baseline.
    """

    delay: dict[str, float]
    rate: dict[str, float]
    phase: dict[str, float] = field(default_factory=dict)
    offsets: dict[tuple[str, int, str], float] = field(default_factory=dict)
    scans: int = 3
    bands: int = 2
    hands: tuple[str, ...] = ("R", "L")
    delay_error: float = 1e-9
    rate_error: float = 2e-14
    phase_error: float = 0.02
    spacing: float = np.nan
    rate_spacing: float = np.nan

    def fringes(self, rng: np.random.Generator, noise: float = 1.0) -> pd.DataFrame:
        """One row per baseline, scan, band and hand; noise in units of the stated errors."""
        rows = [
            self._row(rng, noise, one, two, scan, band, hand)
            for scan in range(self.scans)
            for one, two in combinations(self.delay, 2)
            for band in range(self.bands)
            for hand in self.hands
        ]
        return pd.DataFrame(rows)

    def _row(self, rng, noise, one, two, scan, band, hand):
        time = EPOCH + pd.Timedelta(seconds=600 * scan + 20 * rng.uniform())
        later = (time - EPOCH).total_seconds()
        spread = rng.uniform(0.5, 2.0)
        frequency = SKY + 16e6 * band
        rate = self.rate[two] - self.rate[one]
        delay = self.delay[two] - self.delay[one] + rate * later
        delay += self.offsets.get((two, band, hand), 0.0) - self.offsets.get((one, band, hand), 0.0)
        phase = self.phase.get(two, 0.0) - self.phase.get(one, 0.0) + 2 * np.pi * frequency * rate * later
        draws = noise * spread * rng.normal(size=3)
        return {
            "scan": f"No{scan:04d}",
            "source": "SRCA",
            "baseline": f"{one}-{two}",
            "antenna1_name": one,
            "antenna2_name": two,
            "band": band,
            "polarization": 2 * hand,
            "start": EPOCH + pd.Timedelta(seconds=600 * scan),
            "delay": wrapped(delay + draws[0] * self.delay_error, self.spacing),
            "delay_error": spread * self.delay_error,
            "delay_rate": wrapped(rate + draws[1] * self.rate_error, self.rate_spacing),
            "delay_rate_error": spread * self.rate_error,
            "phase": wrapped(phase + draws[2] * self.phase_error, 2 * np.pi),
            "phase_error": spread * self.phase_error,
            "snr": 50 / spread,
            "false_alarm_probability": 1e-20,
            "delay_ambiguity": self.spacing,
            "rate_ambiguity": self.rate_spacing,
            "reference_frequency": frequency,
            "reference_time": time,
        }


def wrapped(value: float, spacing: float) -> float:
    """Value as it is seen where whole multiples of the spacing make no difference."""
    return value - spacing * np.rint(value / spacing) if np.isfinite(spacing) else value


def random_network(rng: np.random.Generator, stations: int = 5, **kinds) -> Network:
    """Stations with random clocks; the first has none."""
    names = [f"S{n}" for n in range(stations)]
    own = np.arange(stations) > 0
    return Network(
        dict(zip(names, own * rng.uniform(-3e-7, 3e-7, stations), strict=True)),
        dict(zip(names, own * rng.uniform(-3e-12, 3e-12, stations), strict=True)),
        dict(zip(names, own * rng.uniform(-np.pi, np.pi, stations), strict=True)),
        **kinds,
    )
