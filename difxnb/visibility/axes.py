# SPDX-License-Identifier: GPL-3.0-or-later
"""The axes that products span, and the one Dataset shape that live, recorded and lazy visibilities share.

In go the products of a job and arrays that lie on them, out comes a Dataset as the package docstring has it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from importlib.metadata import version
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from difxnb.formats.input import Input
from difxnb.formats.result_layout import ResultProduct
from difxnb.visibility.stitched import has_doubtful_autocorrelations

SIGN = "V = S1 conj(S2) ~ exp(+2 pi i nu tau); tau > 0 where antenna 2 is late"

_ATTRS: dict[str, dict[str, Any]] = {
    "VISIBILITY": {"units": "1", "long_name": "visibility (DiFX amplitude units)", "sign": SIGN},
    "WEIGHT": {"units": "1", "long_name": "fraction of valid data"},
    "UVW": {"units": "m", "long_name": "antenna 2 minus antenna 1, projected"},
    "server_delay": {"units": "s", "long_name": "delay as guiServer sends it (half the truth in 2.9)"},
    "server_snr": {"units": "1", "long_name": "signal-to-noise ratio as guiServer sends it"},
    "time": {"long_name": "middle of the integration (UTC)"},
    "time_uncertainty": {"units": "s", "long_name": "how far time may be from the truth; 0: exact"},
    "frequency": {"units": "Hz", "long_name": "sky frequency"},
    "integration_time": {"units": "s", "long_name": "nominal length of the integration"},
    "bandwidth": {"units": "Hz", "long_name": "bandwidth"},
    "band": {"long_name": "row of the FREQ table"},
}


_DIMS = ("phase_center", "pulsar_bin", "baseline", "band", "polarization")


class Key(NamedTuple):
    """What a spectrum is of: telescope rows, FREQ row, letters, place of phase centre and pulsar bin."""

    antenna1: int
    antenna2: int
    band: int
    polarization: str
    phase_center: int = 0
    pulsar_bin: int = 0


def key_of(place: ResultProduct) -> Key:
    """Key of a product of the array of results."""
    return Key(
        place.antenna1,
        place.antenna2,
        place.freq_index,
        place.polarization,
        place.phase_center,
        place.pulsar_bin,
    )


class Axes:
    """The axes that a set of products spans; cross baselines come first, then autocorrelations.

    Attributes
    ----------
    keys : frozenset of Key
        The products that have a place.
    """

    def __init__(self, input: Input, keys: Iterable[Key]) -> None:
        found = list(dict.fromkeys(keys))
        if not found:
            raise ValueError(f"job {input.job_name} has no products to make visibilities of")
        self.input = input
        pairs = dict.fromkeys((key.antenna1, key.antenna2) for key in found)
        self.baselines = sorted(pairs, key=lambda pair: pair[0] == pair[1])
        self.bands = sorted({key.band for key in found})
        self.polarizations = list(dict.fromkeys(key.polarization for key in found))
        self.phase_centers = sorted({key.phase_center for key in found})
        self.pulsar_bins = sorted({key.pulsar_bin for key in found})
        self.channels = max(input.channels(band) for band in self.bands)
        self.shape = (
            len(self.phase_centers),
            len(self.pulsar_bins),
            len(self.baselines),
            len(self.bands),
            len(self.polarizations),
        )
        self.keys = frozenset(found)
        self._at = [{value: place for place, value in enumerate(values)} for values in self.values]

    @property
    def values(self) -> tuple[list[Any], ...]:
        """What stands at each index of each axis behind the time axis."""
        return (self.phase_centers, self.pulsar_bins, self.baselines, self.bands, self.polarizations)

    def place(self, key: Key) -> tuple[int, int, int, int, int]:
        """Indices of a product behind the time axis; KeyError where it has none."""
        centers, bins, baselines, bands, polarizations = self._at
        return (
            centers[key.phase_center],
            bins[key.pulsar_bin],
            baselines[key.antenna1, key.antenna2],
            bands[key.band],
            polarizations[key.polarization],
        )

    @property
    def row_bytes(self) -> int:
        """Bytes of one integration."""
        return int(np.prod(self.shape)) * (self.channels * 8 + 4)

    @property
    def kept(self) -> tuple[bool, ...]:
        """Which axes of `shape` a Dataset has; phase centre and pulsar bin only where there are several."""
        return (len(self.phase_centers) > 1, len(self.pulsar_bins) > 1, True, True, True)

    @property
    def dims(self) -> tuple[str, ...]:
        """Names of the axes of one integration in a Dataset."""
        return tuple(name for name, keep in zip(_DIMS, self.kept, strict=True) if keep)

    @property
    def sizes(self) -> tuple[int, ...]:
        """Lengths of `dims`."""
        return tuple(size for size, keep in zip(self.shape, self.kept, strict=True) if keep)

    def coords(self) -> dict[str, Any]:
        """Coordinates of all axes but time."""
        names = [telescope.name for telescope in self.input.telescopes]
        freqs = [self.input.freqs[band] for band in self.bands]
        frequency = np.full((len(freqs), self.channels), np.nan)
        for row, freq in enumerate(freqs):
            frequency[row, : freq.channels] = freq.channel_frequencies_hz
        found: dict[str, Any] = {
            "baseline": [f"{names[a]}-{names[b]}" for a, b in self.baselines],
            "antenna1_name": ("baseline", [names[a] for a, _ in self.baselines]),
            "antenna2_name": ("baseline", [names[b] for _, b in self.baselines]),
            "is_autocorrelation": ("baseline", [a == b for a, b in self.baselines]),
            "band": np.array(self.bands, dtype=np.int64),
            "frequency": (("band", "channel"), frequency),
            "bandwidth": ("band", [freq.bandwidth_hz for freq in freqs]),
            "sideband": ("band", [freq.sideband for freq in freqs]),
            "n_channels": ("band", [freq.channels for freq in freqs]),
            "polarization": self.polarizations,
            "uvw": ["u", "v", "w"],
        }
        if len(self.phase_centers) > 1:
            found["phase_center"] = self.phase_centers
        if len(self.pulsar_bins) > 1:
            found["pulsar_bin"] = self.pulsar_bins
        return found


def dataset_on(
    axes: Axes,
    variables: Mapping[str, Any],
    times_ns: NDArray[np.int64],
    along_time: Mapping[str, Any],
    attrs: Mapping[str, Any],
) -> xr.Dataset:
    """Make a Dataset of the shape in the package docstring.

    Parameters
    ----------
    axes : Axes
        All axes but time.
    variables : mapping
        Name to (dims, values), or to a Variable.
    times_ns : ndarray of int64
        Nanoseconds since 1970 (UTC).
    along_time : mapping
        Further coordinates: name to values along time, or to (dims, values).
    attrs : mapping
        Provenance; comes before what the job itself tells.
    """
    coords = {
        "time": times_ns.view("datetime64[ns]"),
        **{name: one if isinstance(one, tuple) else ("time", one) for name, one in along_time.items()},
        **axes.coords(),
    }
    made = xr.Dataset(variables, coords, _job_attrs(axes.input, attrs))
    for name, described in _ATTRS.items():
        if name in made.variables:
            made[name].attrs.update(described)
    if made.attrs["untrusted_autocorrelations"]:  # also where the array is taken alone
        made["VISIBILITY"].attrs["untrusted_autocorrelations"] = 1
    return made


@cache
def _software() -> str:
    return f"difxnb {version('difxnb')}"


def _job_attrs(input: Input, given: Mapping[str, Any]) -> dict[str, Any]:
    """Attributes of a job, with those that are given in their places."""
    found = {
        "job": input.job_name,
        "input_file": str(input.path or ""),
        "integration_time": float(input.configurations[0].int_time),
        "software": _software(),
        **given,
    }
    if "untrusted_autocorrelations" not in found:
        found["untrusted_autocorrelations"] = int(has_doubtful_autocorrelations(input))
    return found
