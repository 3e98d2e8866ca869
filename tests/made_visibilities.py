# SPDX-License-Identifier: GPL-3.0-or-later
"""Datasets of visibilities made of noise with a known signal in it, and Datasets that cannot be read.

The spectra of the antennas are drawn and multiplied here, so that what comes out of the package can be compared with
what was put in: S_a = g_a · (√f_a · s · exp(-2πi ν τ_a) + √(1-f_a) · n_a), V12 = <S1 · conj(S2)>.
"""

from __future__ import annotations

import numpy as np
import xarray as xr
from xarray.backends import BackendArray
from xarray.core import indexing

DELAYS = {"AA": 0.0, "BB": 125e-9, "CC": -310e-9}
SHARES = {"AA": 0.5, "BB": 0.4, "CC": 0.9}
GAINS = {"AA": 2.1, "BB": 1.7, "CC": 0.6}
SCANS = (("No0001", "SRCA", 4), ("No0002", "SRCB", 2))
INTEGRATION_S = 0.5
START = np.datetime64("2024-01-01T12:00:00", "ns")
HANDS = ("RR", "LL", "RL", "LR")


class Band:
    """A row of the FREQ table: where its channels are."""

    def __init__(self, row, low_hz, width_hz, channels, sideband="U"):
        self.row, self.width_hz, self.channels, self.sideband = row, width_hz, channels, sideband
        self.centres = low_hz + np.arange(channels) * width_hz / channels


BANDS = (Band(0, 8400.5e6, 2e6, 32), Band(3, 8420e6, 2e6, 16, "L"))


def spectra(antenna, band, rng, sky, times):
    """Voltages (time, sample, hand, channel) of an antenna."""
    noise = normal(rng, sky.shape)
    share = SHARES[antenna]
    turn = np.exp(-2j * np.pi * band.centres * DELAYS[antenna])
    gain = GAINS[antenna] * (1 + 0.1 * np.arange(times))[:, None, None, None]
    return gain * (np.sqrt(share) * sky * turn + np.sqrt(1 - share) * noise)


def normal(rng, shape):
    """Complex noise of variance 1."""
    return (rng.standard_normal(shape) + 1j * rng.standard_normal(shape)) / np.sqrt(2)


def made(*, scans=SCANS, bands=BANDS, samples=64, seed=1, pairs=None):
    """A Dataset of the shape that the package documents, with all weights 1."""
    rng = np.random.default_rng(seed)
    names = list(DELAYS)
    crosses = [(a, b) for i, a in enumerate(names) for b in names[i + 1 :]]
    pairs = pairs or [*crosses, *((a, a) for a in names)]
    times = sum(count for _, _, count in scans)
    most = max(band.channels for band in bands)
    visibility = np.full((times, len(pairs), len(bands), len(HANDS), most), np.nan + 1j * np.nan)
    for place, band in enumerate(bands):
        first = normal(rng, (times, samples, 1, band.channels))
        second = 0.5 * first + np.sqrt(0.75) * normal(rng, first.shape)
        sky = np.concatenate([first, second], axis=2)
        voltages = {name: spectra(name, band, rng, sky, times) for name in names}
        for row, (a, b) in enumerate(pairs):
            for column, (one, other) in enumerate(HANDS):
                product = voltages[a][:, :, "RL".index(one)] * voltages[b][:, :, "RL".index(other)].conj()
                visibility[:, row, place, column, : band.channels] = product.mean(axis=1)
    return dataset(visibility, scans, bands, pairs, rng)


def dataset(visibility, scans, bands, pairs, rng):
    """Wrap visibilities (time, baseline, band, polarization, channel) with coordinates and made-up UVW."""
    times, most = visibility.shape[0], visibility.shape[-1]
    steps, begun = [], 0.0
    for _, _, count in scans:
        steps += [begun + (k + 0.5) * INTEGRATION_S for k in range(count)]
        begun = steps[-1] + 10
    frequency = np.full((len(bands), most), np.nan)
    for place, band in enumerate(bands):
        frequency[place, : band.channels] = band.centres
    uvw = rng.normal(size=(times, len(pairs), 3)) * 1e5
    uvw[:, [a == b for a, b in pairs]] = 0
    dims = ("time", "baseline", "band", "polarization")
    return xr.Dataset(
        {
            "VISIBILITY": ((*dims, "channel"), visibility.astype(np.complex64), {"units": "1"}),
            "WEIGHT": (dims, np.ones(visibility.shape[:-1], np.float32), {"units": "1"}),
            "UVW": (("time", "baseline", "uvw"), uvw, {"units": "m"}),
        },
        {
            "time": START + np.rint(np.array(steps) * 1e9).astype("timedelta64[ns]"),
            "scan_name": ("time", np.array([s for s, _, n in scans for _ in range(n)], dtype=object)),
            "field_name": ("time", np.array([f for _, f, n in scans for _ in range(n)], dtype=object)),
            "baseline": [f"{a}-{b}" for a, b in pairs],
            "antenna1_name": ("baseline", [a for a, _ in pairs]),
            "antenna2_name": ("baseline", [b for _, b in pairs]),
            "is_autocorrelation": ("baseline", [a == b for a, b in pairs]),
            "band": [band.row for band in bands],
            "frequency": (("band", "channel"), frequency, {"units": "Hz"}),
            "bandwidth": ("band", [band.width_hz for band in bands]),
            "sideband": ("band", [band.sideband for band in bands]),
            "n_channels": ("band", [band.channels for band in bands]),
            "polarization": list(HANDS[: visibility.shape[3]]),
            "uvw": ["u", "v", "w"],
        },
        {"job": "made_1", "integration_time": INTEGRATION_S},
    )


class Unread(BackendArray):
    """An array that waits in a file; reading it is counted, and is an error where none may be."""

    def __init__(self, values, *, forbidden=False):
        self.values, self.forbidden, self.read = values, forbidden, []
        self.shape, self.dtype = values.shape, values.dtype

    def __getitem__(self, key):
        return indexing.explicit_indexing_adapter(key, self.shape, indexing.IndexingSupport.OUTER, self._get)

    def _get(self, key):
        assert not self.forbidden, "visibilities were read"
        found = self.values[
            np.ix_(*(np.atleast_1d(np.arange(n)[k]) for n, k in zip(self.shape, key, strict=True)))
        ]
        self.read.append(found.size)
        squeezed = tuple(
            place for place, one in enumerate(key) if np.ndim(one) == 0 and not isinstance(one, slice)
        )
        return found.squeeze(squeezed) if squeezed else found


def waiting(source, *names, forbidden=False):
    """The same Dataset with some variables unread, and these."""
    arrays = {name: Unread(source[name].values, forbidden=forbidden) for name in names}
    variables = {
        name: xr.Variable(source[name].dims, indexing.LazilyIndexedArray(array), source[name].attrs)
        for name, array in arrays.items()
    }
    return source.assign(variables), arrays
