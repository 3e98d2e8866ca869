# SPDX-License-Identifier: GPL-3.0-or-later
"""Visibilities as Measurement Sets of version 4 (MSv4): a rearrangement, and nothing else.

In goes a Dataset of the shape in the package docstring, out comes a processing set: a DataTree in schema 4.0.1 of
xradio, which is not needed for that. Mirrors ``difx-files.md`` 4, 5 and 13.

What MSv4 wants otherwise than DiFX, and how the two come together:

* `UVW` changes its sign, `VISIBILITY` stays what it is. SWIN has S1 · conj(S2) with the vector from antenna 1 to
  antenna 2, so that a source at (l, m) has the phase −2π(ul + vm)/λ. MSv4 has the vector from antenna 2 to antenna 1,
  and so had every Measurement Set that was made of DiFX by way of FITS-IDI (spectra are conjugated on the way into
  FITS-IDI and once more on the way out). That source then has the phase **+2π(ul + vm + w(n − 1))/λ**, with
  n = sqrt(1 − l² − m²).
* `time` is in Unix seconds (UTC), the middle of the integration. As in DiFX no leap second is counted.
* `frequency` is the centre of the channel on DiFX's grid. Delays are taken out against the geocentre, so that
  frequencies are those seen there (``observer`` is ``"gcrs"``). `reference_frequency` is the lowest channel's.
* `WEIGHT` is DiFX's fraction of valid data, the same for all channels: within a band proportional to 1/σ².
"""

from __future__ import annotations

from collections.abc import Iterable
from copy import deepcopy
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from difxnb.visibility.msv4 import arrays
from difxnb.visibility.msv4.labels import (
    FIELD_TABLE,
    frequency_coord,
    node_attrs,
    polarization_labels,
    time_attrs,
    unix_seconds,
)
from difxnb.visibility.msv4.pieces import AXES, Piece, along, label, pieces
from difxnb.visibility.msv4.tables import CalcSource, Positions, antenna_table, field_table, read_positions
from difxnb.visibility.msv4.tones import TONE_TABLE, tone_table

_NEEDED = {
    *("VISIBILITY", "WEIGHT", "time", "band", "frequency", "bandwidth", "sideband"),
    *("antenna1_name", "antenna2_name", "polarization"),
}
_ATTRS: dict[str, dict[str, Any]] = {
    "VISIBILITY": {"units": "dimensionless", "long_name": "Visibility values (DiFX amplitude units)"},
    "WEIGHT": {"units": "dimensionless", "long_name": "Visibility weights (fraction of valid data)"},
    "FLAG": {"long_name": "Visibility flags"},
    "UVW": {"type": "uvw", "units": "m", "frame": "icrs", "long_name": "Baseline coordinates"},
    "EFFECTIVE_INTEGRATION_TIME": {"type": "quantity", "units": "s"},
    "baseline_id": {"long_name": "Baseline ID"},
    "polarization": {"long_name": "Polarization"},
    "uvw_label": {"long_name": "U/V/W label"},
    "baseline_antenna1_name": {"long_name": "Antenna name by baseline_id"},
    "baseline_antenna2_name": {"long_name": "Antenna name by baseline_id"},
    "scan_name": {"long_name": "Scan name", "scan_intents": ["UNSPECIFIED"]},
}


def to_msv4(
    dataset: xr.Dataset,
    *,
    calc: CalcSource | None = None,
    pcal: xr.Dataset | None = None,
    split: Iterable[str] = (),
) -> xr.DataTree:
    """Arrange visibilities as Measurement Sets of version 4.

    Spectra are not read here: they stay what they are, arrays of dask among them, until they are used or written.
    ``tree.to_zarr(path)`` writes them (extra ``zarr``; ``zarr_format=2`` does it without warnings), never over
    something that exists, and ``xradio.measurement_set.open_processing_set(path)`` opens that.

    Parameters
    ----------
    dataset : Dataset
        From :func:`difxnb.open_visibilities`, ``Monitor.dataset`` or a selection of these.
    calc : Calc or path, or iterable of these, optional
        Where antennas and sources are. Without it the ``.calc`` is looked for through the Dataset's ``input_file``.
    pcal : Dataset, optional
        Pulse calibration tones, from :func:`difxnb.read_pcal`.
    split : iterable of {"field", "scan"}
        By what else to make Measurement Sets of their own; otherwise fields and scans follow each other along time.

    Returns
    -------
    DataTree
        One node for each band, phase centre, pulsar bin and integration time, with

        * ``VISIBILITY``, ``WEIGHT``, ``FLAG`` (time, baseline_id, frequency, polarization): spectra as they are, the
          fraction of valid data (1 where it is not known), and whether a value is missing or weighs nothing
        * ``UVW`` (time, baseline_id, uvw_label): m, antenna 1 minus antenna 2; NaN where it is not known
        * ``EFFECTIVE_INTEGRATION_TIME`` (time, baseline_id): s; not with several phase centres or pulsar bins, where
          weights tell something else too
        * below it ``antenna_xds``, ``field_and_source_base_xds``, and ``phase_calibration_xds`` where there are tones

        Autocorrelations are baselines of an antenna with itself. What is nowhere in a node (a baseline, a
        polarization, a time) has no place in it. Phase centres are fields of their own. Each node tells under
        ``attrs["difx"]`` where its data come from, and which phase centre and pulsar bin it is of.

    Raises
    ------
    ValueError
        There are no data, something of the shape is missing or too much, or `split` is something else.
    FileFormatError, FileNotFoundError
        The ``.calc``, or the ``.input`` through which it is looked for, is damaged; or the given one is not there.

    Warns
    -----
    PositionsUnknown
        Of antennas or sources that are in no ``.calc``.
    """
    _require_shape(dataset)
    weight = dataset["WEIGHT"] if dataset["WEIGHT"].chunks is not None else dataset["WEIGHT"].compute()
    known = read_positions(dataset, calc)
    nodes: dict[str, xr.Dataset] = {"/": xr.Dataset(attrs={"type": "processing_set"})}
    names: set[str] = set()
    for piece in pieces(dataset, _present(weight), split):
        name = _unused(piece.name, names)
        nodes[name] = _main(dataset, piece, weight, known)
        antennas = nodes[f"{name}/antenna_xds"] = _antennas(nodes[name], piece, known)
        nodes[f"{name}/{FIELD_TABLE}"] = field_table(piece.fields, known)
        if pcal is not None:
            tones = tone_table(pcal, nodes[name], antennas, label(dataset, "band", piece.band))
            nodes.update({} if tones is None else {f"{name}/{TONE_TABLE}": tones})
    if not names:
        raise ValueError("there is nothing to make a Measurement Set of: no visibility has any weight")
    known.warn_of_unknown()
    return xr.DataTree.from_dict(nodes)


def _require_shape(dataset: xr.Dataset) -> None:
    if not isinstance(dataset, xr.Dataset):
        raise TypeError(f"Measurement Sets are made of a Dataset; got {type(dataset).__name__}")
    missing = sorted(_NEEDED - set(dataset.variables))
    if missing:
        raise ValueError(f"these are no visibilities: {', '.join(missing)} is missing")
    others = [str(axis) for axis in dataset["VISIBILITY"].dims if axis not in (*AXES, "channel")]
    if others:
        raise ValueError(
            f"Measurement Sets have no place for an axis {', '.join(others)}; select along it, or rename it to one of "
            f"{', '.join((*AXES, 'channel'))}"
        )


def _unused(name: str, names: set[str]) -> str:
    """Give the name, with a number where it has been given before."""
    number, found = 2, name
    while found in names:
        found, number = f"{name}_{number}", number + 1
    names.add(found)
    return found


def _present(weight: xr.DataArray) -> NDArray[np.bool_]:
    """Where there are data, with all of the axes; those whose weight is not known are there, too."""
    there = (weight != 0).compute().reset_coords(drop=True)
    missing = [axis for axis in AXES if axis not in there.dims]
    return np.asarray((there.expand_dims(missing) if missing else there).transpose(*AXES).values)


def _main(dataset: xr.Dataset, piece: Piece, weight: xr.DataArray, known: Positions) -> xr.Dataset:
    spectra = arrays.visibility(piece.of(dataset["VISIBILITY"]))
    weights = arrays.weights(piece.of(weight), spectra)
    variables = {"VISIBILITY": spectra, "WEIGHT": weights, "FLAG": arrays.flags(spectra, weights)}
    if "UVW" in dataset:
        variables["UVW"] = _vectors(dataset, piece)
    if not {"phase_center", "pulsar_bin"} & set(dataset.coords):
        variables["EFFECTIVE_INTEGRATION_TIME"] = arrays.exposure(weights, piece.integration_time)
    made = xr.Dataset(variables, _coords(dataset, piece), node_attrs(dataset, known.obscode, variables))
    for name, described in _ATTRS.items():
        if name in made.variables:
            made[name].attrs.update(deepcopy(described))
    if "normalized_over" in dataset.attrs:
        made["VISIBILITY"].attrs["long_name"] = "Visibility values (correlation coefficients)"
        made.attrs["data_groups"]["base"]["description"] = "Correlation coefficients, not calibrated"
    for axis, place in (("phase_center", piece.phase_center), ("pulsar_bin", piece.pulsar_bin)):
        if axis in dataset.coords:
            made.attrs["difx"][axis] = label(dataset, axis, place)
    return made


def _vectors(dataset: xr.Dataset, piece: Piece) -> xr.Variable:
    """Baseline vectors; a Dataset that has none for each of its phase centres tells those of the first one."""
    found = arrays.baseline_vectors(piece.of(dataset["UVW"]))
    selected = "phase_center" not in dataset.dims and "phase_center_name" in dataset.coords
    told = "phase_center" in dataset["UVW"].dims or selected
    return found if told or label(dataset, "phase_center", piece.phase_center) == 0 else found * np.nan


def _coords(dataset: xr.Dataset, piece: Piece) -> dict[str, Any]:
    first, second = (
        along(dataset, "baseline", name)[piece.baselines].astype(np.str_)
        for name in ("antenna1_name", "antenna2_name")
    )
    labels = along(dataset, "polarization", "polarization")[piece.polarizations]
    times = along(dataset, "time", "time")[piece.times]
    group = str(dataset.attrs.get("job", "")) or "difx"
    return {
        "time": ("time", unix_seconds(times), time_attrs(piece.integration_time)),
        "baseline_id": np.arange(len(first), dtype=np.int64),
        "frequency": frequency_coord(dataset, piece.band, piece.channels, group),
        "polarization": np.array(polarization_labels(labels)),
        "uvw_label": np.array(["u", "v", "w"]),
        "baseline_antenna1_name": ("baseline_id", first),
        "baseline_antenna2_name": ("baseline_id", second),
        "scan_name": ("time", along(dataset, "time", "scan_name")[piece.times].astype(np.str_)),
        "field_name": ("time", piece.fields.astype(np.str_)),
    }


def _antennas(made: xr.Dataset, piece: Piece, known: Positions) -> xr.Dataset:
    first, second = (
        [str(name) for name in made[f"baseline_antenna{number}_name"].to_numpy()] for number in (1, 2)
    )
    labels = [str(one) for one in made["polarization"].to_numpy()]
    return antenna_table(first, second, piece.products, labels, known)
