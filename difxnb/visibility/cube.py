# SPDX-License-Identifier: GPL-3.0-or-later
"""The dense array behind every Dataset, growing along time, and the Dataset made of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from importlib.metadata import version
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from difxnb.formats.input import Input
from difxnb.formats.result_layout import ResultProduct

SIGN = "V = S1 conj(S2) ~ exp(+2 pi i nu tau); tau > 0 where antenna 2 is late"
_MISSING = np.complex64(complex(np.nan, np.nan))
_FIRST_ROWS = 16

_ATTRS: dict[str, dict[str, Any]] = {
    "VISIBILITY": {"units": "1", "long_name": "visibility (DiFX amplitude units)", "sign": SIGN},
    "WEIGHT": {"units": "1", "long_name": "fraction of valid data"},
    "UVW": {"units": "m", "long_name": "antenna 2 minus antenna 1, projected"},
    "server_delay": {"units": "s", "long_name": "delay as guiServer sends it (half the truth in 2.9)"},
    "server_snr": {"units": "1", "long_name": "signal-to-noise ratio as guiServer sends it"},
    "time": {"long_name": "middle of the integration (UTC)"},
    "time_uncertainty": {"units": "s", "long_name": "how far time may be from the truth; 0: exact"},
    "frequency": {"units": "Hz", "long_name": "sky frequency"},
    "bandwidth": {"units": "Hz", "long_name": "bandwidth"},
    "band": {"long_name": "row of the FREQ table"},
}


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
    """The axes that a set of products spans; cross baselines come first, then autocorrelations."""

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
        self._places = {key: self._place(key) for key in found}

    def _place(self, key: Key) -> tuple[int, int, int, int, int]:
        return (
            self.phase_centers.index(key.phase_center),
            self.pulsar_bins.index(key.pulsar_bin),
            self.baselines.index((key.antenna1, key.antenna2)),
            self.bands.index(key.band),
            self.polarizations.index(key.polarization),
        )

    @property
    def keys(self) -> frozenset[Key]:
        """The products that have a place."""
        return frozenset(self._places)

    @property
    def values(self) -> tuple[list[Any], ...]:
        """What stands at each index of each axis behind the time axis."""
        return (self.phase_centers, self.pulsar_bins, self.baselines, self.bands, self.polarizations)

    def place(self, key: Key) -> tuple[int, int, int, int, int]:
        """Indices of a product behind the time axis."""
        return self._places[key]

    @property
    def row_bytes(self) -> int:
        """Bytes of one integration."""
        return int(np.prod(self.shape)) * (self.channels * 8 + 4)

    @property
    def dims(self) -> tuple[str, ...]:
        """Names of the axes of one integration; phase centre and pulsar bin only where there are several."""
        extra = [("phase_center", self.phase_centers), ("pulsar_bin", self.pulsar_bins)]
        return (*(name for name, values in extra if len(values) > 1), "baseline", "band", "polarization")

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


class Cube:
    """Visibilities and weights of all products, a row per integration; rows are made as they are asked for.

    Attributes
    ----------
    times : list of int
        Nanoseconds since 1970 (UTC) of each row, in order of arrival.
    """

    def __init__(self, axes: Axes, rows: int = _FIRST_ROWS, *, layers: Sequence[str] = ()) -> None:
        self.axes = axes
        self.times: list[int] = []
        self._rows: dict[int, int] = {}
        self.visibility = np.full((rows, *axes.shape, axes.channels), _MISSING, dtype=np.complex64)
        self.weight = np.zeros((rows, *axes.shape), dtype=np.float32)
        self.layers = {name: np.full((rows, *axes.shape), np.nan) for name in layers}

    def row(self, time_ns: int) -> int:
        """Row of an integration, made when it is new."""
        row = self._rows.get(time_ns)
        if row is None:
            row = self._rows[time_ns] = len(self.times)
            if row >= len(self.weight):
                self._resize(2 * row)
            self.times.append(time_ns)
        return row

    def _resize(self, rows: int) -> None:
        def grown(array: NDArray[Any], fill: Any) -> NDArray[Any]:
            larger = np.full((rows, *array.shape[1:]), fill, dtype=array.dtype)
            larger[: len(array)] = array
            return larger

        self.visibility = grown(self.visibility, _MISSING)
        self.weight = grown(self.weight, 0.0)
        self.layers = {name: grown(array, np.nan) for name, array in self.layers.items()}

    def move(self, time_ns: int, to_ns: int) -> None:
        """Give the row of an integration another time, which no row may have."""
        row = self._rows.pop(time_ns)
        self._rows[to_ns] = row
        self.times[row] = to_ns

    def onto(self, axes: Axes) -> Cube:
        """Give a cube with the same rows on other axes, which hold these and more; what is new is missing."""
        made = Cube(axes, len(self.weight), layers=tuple(self.layers))
        made.times, made._rows = list(self.times), dict(self._rows)
        chosen = (range(len(self.weight)), *_indices(self.axes, axes))
        made.visibility[np.ix_(*chosen, range(self.axes.channels))] = self.visibility
        made.weight[np.ix_(*chosen)] = self.weight
        for name, layer in self.layers.items():
            made.layers[name][np.ix_(*chosen)] = layer
        return made

    def put(self, row: int, key: Key, spectrum: NDArray[Any], weight: float) -> None:
        """Store one spectrum; a later one of the same product and time replaces it."""
        self.put_at((row, *self.axes.place(key)), spectrum, weight)

    def put_at(self, place: tuple[int, ...], spectrum: NDArray[Any], weight: float) -> None:
        """Store one spectrum at its indices (see `Axes.place`), the row in front."""
        self.visibility[place][: len(spectrum)] = spectrum
        self.weight[place] = weight

    def drop_oldest(self, count: int) -> int:
        """Forget the rows that came first; gives how many spectra they held."""
        lost = int((self.weight[:count] != 0).sum())
        kept = len(self.times) - count
        for array, fill in (
            (self.visibility, _MISSING),
            (self.weight, 0.0),
            *((layer, np.nan) for layer in self.layers.values()),
        ):
            array[:kept] = array[count : count + kept]
            array[kept:] = fill
        self.times = self.times[count:]
        self._rows = {time: row for row, time in enumerate(self.times)}
        return lost

    def dataset(
        self,
        uvw: NDArray[np.float64] | None,
        scan_names: Sequence[str],
        field_names: Sequence[str],
        attrs: dict[str, Any],
        *,
        uncertainty_s: Sequence[float] | None = None,
    ) -> xr.Dataset:
        """Copy everything into a Dataset, in order of time.

        Parameters
        ----------
        uvw : ndarray, shape (row, baseline, 3), or None
            Metres; NaN everywhere when None.
        scan_names, field_names : sequence of str
            One of each per row.
        attrs : dict
            Provenance.
        uncertainty_s : sequence of float, optional
            By how much the time of each row may be wrong.
        """
        count, dims = len(self.times), ("time", *self.axes.dims)
        order = np.argsort(np.array(self.times, dtype=np.int64), kind="stable")
        shape = (count, *(n for n, keep in zip(self.axes.shape, self._kept(), strict=True) if keep))
        unknown = np.full((count, len(self.axes.baselines), 3), np.nan)
        variables: dict[str, Any] = {
            "VISIBILITY": (
                (*dims, "channel"),
                self.visibility[order].reshape(*shape, self.axes.channels),
            ),
            "WEIGHT": (dims, self.weight[order].reshape(shape)),
            "UVW": (("time", "baseline", "uvw"), unknown if uvw is None else uvw[order]),
        }
        for name, layer in self.layers.items():
            variables[name] = (dims, layer[order].reshape(shape))
        stamps = np.array(self.times, dtype=np.int64)[order].view("datetime64[ns]")
        coords: dict[str, Any] = {
            "time": stamps,
            "scan_name": ("time", np.array(scan_names, dtype=object)[order]),
            "field_name": ("time", np.array(field_names, dtype=object)[order]),
            **self.axes.coords(),
        }
        if uncertainty_s is not None:
            coords["time_uncertainty"] = ("time", np.array(uncertainty_s, dtype=float)[order])
        made = xr.Dataset(variables, coords, {**_job_attrs(self.axes.input), **attrs})
        for name, described in _ATTRS.items():
            if name in made.variables:
                made[name].attrs.update(described)
        return made

    def _kept(self) -> tuple[bool, ...]:
        return (len(self.axes.phase_centers) > 1, len(self.axes.pulsar_bins) > 1, True, True, True)


def _indices(axes: Axes, larger: Axes) -> list[list[int]]:
    """Where the values of each axis stand on the same axis of a larger one."""
    return [
        [theirs.index(value) for value in ours]
        for ours, theirs in zip(axes.values, larger.values, strict=True)
    ]


def _job_attrs(input: Input) -> dict[str, Any]:
    return {
        "job": input.job_name,
        "input_file": str(input.path or ""),
        "integration_time": float(input.configurations[0].int_time),
        "software": f"difxnb {version('difxnb')}",
    }
