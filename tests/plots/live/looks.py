# SPDX-License-Identifier: GPL-3.0-or-later
"""Datasets with fringes that are known exactly, and looks at them."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
import xarray as xr
from PIL import Image

from difxnb.plots.live import Look
from difxnb.visibility import fringe_fit

START = np.datetime64("2024-01-01T12:00:00", "ns")
DELAYS = {"AA": 0.0, "BB": 40e-9, "CC": -90e-9}
RATES = {"AA": 0.0, "BB": 6e-12, "CC": -3e-12}
POWER = {"AA": 4.0, "BB": 9.0, "CC": 1.0}
CROSSES = (("AA", "BB"), ("AA", "CC"), ("BB", "CC"))
LOW, WIDTH = 8400e6, 16e6


def seconds(scans):
    """Middles of the integrations of scans, each given as its beginning and count; half a second each."""
    return np.concatenate([begin + 0.5 * np.arange(count) + 0.25 for begin, count in scans])


def known(*, scans=((0.0, 12),), channels=64, bands=1, noise=0.02, seed=1, autos=True):
    """Coefficient 0.5 on every baseline, with known delays and rates; powers of the stations as in POWER."""
    rng = np.random.default_rng(seed)
    pairs = [*CROSSES, *(((name, name) for name in DELAYS) if autos else ())]
    after = seconds(scans)
    frequency = LOW + 32e6 * np.arange(bands)[:, None] + np.arange(channels) * WIDTH / channels
    values = np.zeros((after.size, len(pairs), bands, 2, channels), complex)
    for row, (a, b) in enumerate(pairs):
        scale = np.sqrt(POWER[a] * POWER[b])
        late = DELAYS[b] - DELAYS[a] + (RATES[b] - RATES[a]) * after
        turns = np.exp(2j * np.pi * frequency * late[:, None, None])
        values[:, row] = scale * (1.0 if a == b else 0.5) * turns[:, :, None]
        if a != b:
            parts = rng.standard_normal((2, *values[:, row].shape))
            values[:, row] += noise * scale * (parts[0] + 1j * parts[1])
    return _dataset(values, pairs, after, frequency, scans)


def _dataset(values, pairs, after, frequency, scans):
    dims = ("time", "baseline", "band", "polarization")
    names = [name for number, (_, count) in enumerate(scans) for name in [f"No000{number + 1}"] * count]
    return xr.Dataset(
        {
            "VISIBILITY": ((*dims, "channel"), values.astype(np.complex64)),
            "WEIGHT": (dims, np.ones(values.shape[:-1], np.float32)),
        },
        {
            "time": START + np.rint(after * 1e9).astype("timedelta64[ns]"),
            "scan_name": ("time", np.array(names, dtype=object)),
            "field_name": ("time", np.array(["SRCA"] * after.size, dtype=object)),
            "baseline": [f"{a}-{b}" for a, b in pairs],
            "antenna1_name": ("baseline", [a for a, _ in pairs]),
            "antenna2_name": ("baseline", [b for _, b in pairs]),
            "is_autocorrelation": ("baseline", [a == b for a, b in pairs]),
            "band": np.arange(len(frequency)),
            "frequency": (("band", "channel"), frequency),
            "bandwidth": ("band", [WIDTH] * len(frequency)),
            "sideband": ("band", ["U"] * len(frequency)),
            "n_channels": ("band", [frequency.shape[1]] * len(frequency)),
            "polarization": ["RR", "LL"],
        },
        {"job": "known_1", "integration_time": 0.5},
    )


def look(dataset, **options):
    """A look at a Dataset with its fringes."""
    fringes = options.pop("fringes", None)
    if fringes is None:
        fringes = fringe_fit(dataset, workers=1)
    return Look(dataset, fringes, **options)


def bare(dataset, **options):
    """A look without fringes."""
    return Look(dataset, pd.DataFrame(), **options)


def pixels(png):
    """Pixels (row, column, RGB) of a picture."""
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)


def full_draw(figure):
    """Pixels (row, column, RGB) of a figure that is drawn as a whole."""
    figure.canvas.draw()
    return np.asarray(figure.canvas.buffer_rgba())[:, :, :3].astype(int)


def lines_at(figure, title_row, column, columns=3):
    """Lines of the axes of a row and column of a figure of spectra."""
    return figure.axes[title_row * columns + column].lines
