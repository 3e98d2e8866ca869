# SPDX-License-Identifier: GPL-3.0-or-later
"""Datasets with fringes of known stations: each late by its own delay and rate, with its own phases, in white noise.

V12 = A · exp(2πi ν (x2 - x1) + i(φ2 - φ1)) + noise, where x(t) = delay + rate · t is the lateness of a station, t in
seconds after `START`. The noise of the real and of the imaginary part has the rms 1/√weight.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import xarray as xr

START = np.datetime64("2024-01-01T12:00:00", "ns")


@dataclass(frozen=True)
class Band:
    """A row of the FREQ table."""

    low_hz: float = 8400e6
    width_hz: float = 16e6
    channels: int = 32
    sideband: str = "U"

    @property
    def centres(self):
        return self.low_hz + (np.arange(self.channels) + 0.5) * self.width_hz / self.channels


@dataclass(frozen=True)
class Station:
    """What is wrong with a station; by letter of its polarization and place of the band where it differs."""

    delay: float = 0.0
    rate: float = 0.0
    letter_delay: dict = field(default_factory=dict)
    band_phase: dict = field(default_factory=dict)
    power: float = 1.0

    def lateness(self, letter, seconds):
        return self.delay + self.letter_delay.get(letter, 0.0) + self.rate * np.asarray(seconds)


TWO_BANDS = (Band(), Band(8440e6, 16e6, 64, "L"))


def regular(count, integration_s, begun=0.0):
    """Middles of integrations that follow each other, s."""
    return begun + (np.arange(count) + 0.5) * integration_s


ONE_SCAN = (("No0001", "SRCA", regular(8, 0.5)),)


def injected(
    stations,
    *,
    bands=TWO_BANDS,
    hands=("RR", "LL"),
    scans=ONE_SCAN,
    integration_s=0.5,
    amplitude=1.0,
    weight=1.0,
    noise=1.0,
    seed=1,
    autos=False,
):
    """A Dataset of the shape that the package documents."""
    rng = np.random.default_rng(seed)
    names = list(stations)
    pairs = [(a, b) for i, a in enumerate(names) for b in names[i + 1 :]]
    crosses = len(pairs)
    pairs += [(a, a) for a in names] if autos else []
    seconds = np.concatenate([middles for _, _, middles in scans])
    most = max(band.channels for band in bands)
    shape = (len(seconds), len(pairs), len(bands), len(hands))
    weights = np.broadcast_to(weight, shape).astype(np.float32)
    visibility = np.full((*shape, most), np.nan, dtype=np.complex64)
    frequency = np.full((len(bands), most), np.nan)
    for place, band in enumerate(bands):
        frequency[place, : band.channels] = band.centres
        for row, (a, b) in enumerate(pairs[:crosses]):
            for column, hand in enumerate(hands):
                late = stations[b].lateness(hand[1], seconds) - stations[a].lateness(hand[0], seconds)
                phase = stations[b].band_phase.get(place, 0.0) - stations[a].band_phase.get(place, 0.0)
                turns = late[:, None] * band.centres
                visibility[:, row, place, column, : band.channels] = amplitude * np.exp(
                    2j * np.pi * turns + 1j * phase
                )
        for row, (a, _) in enumerate(pairs[crosses:], crosses):
            visibility[:, row, place, :, : band.channels] = stations[a].power
    drawn = rng.standard_normal((*visibility.shape[:1], crosses, *visibility.shape[2:], 2)).view(complex)[
        ..., 0
    ]
    with np.errstate(divide="ignore"):
        scale = np.where(weights[:, :crosses] > 0, noise / np.sqrt(weights[:, :crosses]), 0.0)
    visibility[:, :crosses] += (drawn * scale[..., None]).astype(np.complex64)
    visibility[weights == 0] = np.nan
    dims = ("time", "baseline", "band", "polarization")
    return xr.Dataset(
        {"VISIBILITY": ((*dims, "channel"), visibility), "WEIGHT": (dims, weights)},
        {
            "time": START + np.rint(seconds * 1e9).astype("timedelta64[ns]"),
            "scan_name": ("time", np.array([s for s, _, t in scans for _ in t], dtype=object)),
            "field_name": ("time", np.array([f for _, f, t in scans for _ in t], dtype=object)),
            "baseline": [f"{a}-{b}" for a, b in pairs],
            "antenna1_name": ("baseline", [a for a, _ in pairs]),
            "antenna2_name": ("baseline", [b for _, b in pairs]),
            "is_autocorrelation": ("baseline", [a == b for a, b in pairs]),
            "band": np.arange(len(bands)),
            "frequency": (("band", "channel"), frequency),
            "bandwidth": ("band", [band.width_hz for band in bands]),
            "sideband": ("band", [band.sideband for band in bands]),
            "n_channels": ("band", [band.channels for band in bands]),
            "polarization": list(hands),
        },
        {"job": "injected_1", "integration_time": integration_s},
    )


def expected(stations, table):
    """Delay at the reference time, and rate, of every row of a table of fringes with one letter pair per row."""
    after = (table["reference_time"].to_numpy() - START) / np.timedelta64(1, "s")
    delay, rate = np.empty(len(table)), np.empty(len(table))
    for row, (a, b, hand) in enumerate(
        zip(table["antenna1_name"], table["antenna2_name"], table["polarization"], strict=True)
    ):
        first, second = stations[a], stations[b]
        delay[row] = second.lateness(hand[1], after[row]) - first.lateness(hand[0], after[row])
        rate[row] = second.rate - first.rate
    return delay, rate
