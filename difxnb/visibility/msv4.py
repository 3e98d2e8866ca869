# SPDX-License-Identifier: GPL-3.0-or-later
"""Visibilities as Measurement Sets of version 4 (MSv4): a rearrangement, and nothing else.

In goes a Dataset of the shape in the package docstring, out comes a processing set: a DataTree in schema 4.0.1 of
xradio, which is not needed for that. Mirrors ``difx-files.md`` 4, 5 and 13.

What MSv4 wants otherwise than DiFX, and how the two come together:

* `UVW` changes its sign, `VISIBILITY` stays what it is. SWIN has S1 · conj(S2) with the vector from antenna 1 to antenna
  2, so that a source at (l, m) has the phase −2π(ul + vm)/λ. MSv4 has the vector from antenna 2 to antenna 1, and so had
  every Measurement Set that was made of DiFX by way of FITS-IDI (spectra are conjugated on the way into FITS-IDI and
  once more on the way out). That source then has the phase **+2π(ul + vm + w(n − 1))/λ**, n = sqrt(1 − l² − m²).
* `time` is in Unix seconds (UTC), the middle of the integration. As in DiFX no leap second is counted.
* `frequency` is the centre of the channel on DiFX's grid. Delays are taken out against the geocentre, so that
  frequencies are those seen there (``observer`` is ``"gcrs"``). `reference_frequency` is the lowest channel's.
* `WEIGHT` is DiFX's fraction of valid data, the same for all channels: within a band proportional to 1/σ².
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from difxnb.visibility import msv4_arrays as arrays
from difxnb.visibility.msv4_labels import (
    FIELD_TABLE,
    frequency_coord,
    node_attrs,
    polarization_labels,
    time_attrs,
    unix_seconds,
)
from difxnb.visibility.msv4_pieces import AXES, Piece, axis_values, pieces, texts
from difxnb.visibility.msv4_tables import CalcSource, Positions, antenna_table, field_table, read_positions

_NEEDED = ("VISIBILITY", "WEIGHT", "time", "frequency", "baseline", "antenna1_name", "antenna2_name", "polarization")


def to_msv4(dataset: xr.Dataset, *, calc: CalcSource | None = None, split: Iterable[str] = ()) -> xr.DataTree:
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
    split : iterable of {"field", "scan"}
        By what else to make Measurement Sets of their own; otherwise fields and scans follow each other along time.

    Returns
    -------
    DataTree
        One node for each band, phase centre, pulsar bin and integration time, with

        * ``VISIBILITY``, ``WEIGHT``, ``FLAG`` (time, baseline_id, frequency, polarization): spectra as they are, the
          fraction of valid data (1 where it is not known), and whether a value is missing or weighs nothing
        * ``UVW`` (time, baseline_id, uvw_label): m, antenna 1 minus antenna 2
        * ``EFFECTIVE_INTEGRATION_TIME`` (time, baseline_id): s; not with several phase centres or pulsar bins, where
          weights tell something else too
        * ``antenna_xds`` and ``field_and_source_base_xds`` below it

        Autocorrelations are baselines of an antenna with itself. What is nowhere in a node (a baseline, a polarization,
        a time) has no place in it. Phase centres are fields of their own. Each node tells under ``attrs["difx"]``
        where its data come from, and with pulsar bins its own one.

    Raises
    ------
    ValueError
        There are no data, something of the shape is missing, or `split` is something else.
    FileFormatError, FileNotFoundError
        The ``.calc`` is damaged, or the given one is not there.

    Warns
    -----
    PositionsUnknown
        Of antennas or sources that are in no ``.calc``.
    """
    missing = [name for name in _NEEDED if name not in dataset.variables]
    if missing:
        raise ValueError(f"these are no visibilities: {', '.join(missing)} is missing")
    weight = dataset["WEIGHT"] if dataset["WEIGHT"].chunks is not None else dataset["WEIGHT"].compute()
    present = _present(weight)
    known = read_positions(dataset, calc)
    uvw = dataset["UVW"] if "UVW" in dataset else None
    nodes: dict[str, xr.Dataset] = {"/": xr.Dataset(attrs={"type": "processing_set"})}
    names: set[str] = set()
    for piece in pieces(dataset, present, split):
        name = _unused(piece.name, names)
        made, fields = _main(dataset, piece, weight, uvw, known), field_table(piece.fields, known)
        nodes[name] = made
        nodes[f"{name}/antenna_xds"] = _antennas(made, piece, present, known)
        nodes[f"{name}/{FIELD_TABLE}"] = fields
    if not names:
        raise ValueError("there are no visibilities to make a Measurement Set of: nothing has any weight")
    tree = xr.DataTree.from_dict(nodes)
    known.warn_of_unknown(*_named(tree))
    return tree


def _unused(name: str, names: set[str]) -> str:
    """Give the name, with a number where it has been given before."""
    number, found = 2, name
    while found in names:
        found, number = f"{name}_{number}", number + 1
    names.add(found)
    return found


def _present(weight: xr.DataArray) -> NDArray[np.bool_]:
    """Where there are data, with all of the axes; a weight that is not known is one, too."""
    there = (weight != 0).compute().reset_coords(drop=True)
    missing = [axis for axis in AXES if axis not in there.dims]
    return np.asarray((there.expand_dims(missing) if missing else there).transpose(*AXES).values)


def _main(
    dataset: xr.Dataset, piece: Piece, weight: xr.DataArray, uvw: xr.DataArray | None, known: Positions
) -> xr.Dataset:
    spectra = piece.of(dataset["VISIBILITY"]).isel(channel=piece.channels)
    visibility = arrays.visibility(spectra)
    weights = arrays.weights(piece.of(weight), spectra.sizes["channel"], visibility)
    variables = {
        "VISIBILITY": visibility,
        "WEIGHT": weights,
        "FLAG": arrays.flags(spectra, weights, visibility),
    }
    variables["VISIBILITY"].attrs = {"units": "dimensionless", "long_name": "Visibility values (DiFX amplitude units)"}
    variables["WEIGHT"].attrs = {"units": "dimensionless", "long_name": "Visibility weights: fraction of valid data"}
    variables["FLAG"].attrs = {"long_name": "Visibility flags"}
    if uvw is not None:
        variables["UVW"] = _vectors(dataset, piece, uvw)
    if not {"phase_center", "pulsar_bin"} & set(dataset.dims):
        exposure = variables["EFFECTIVE_INTEGRATION_TIME"] = arrays.exposure(weights, piece.integration_time)
        exposure.attrs = {"units": "s", "type": "quantity"}
    made = xr.Dataset(variables, _coords(dataset, piece), node_attrs(dataset, known.obscode, _data_group(variables)))
    for axis in ("phase_center", "pulsar_bin"):
        if axis in dataset.dims:
            made.attrs["difx"][axis] = int(dataset[axis].values[piece.places[axis]])
    return made


def _vectors(dataset: xr.Dataset, piece: Piece, uvw: xr.DataArray) -> xr.Variable:
    """Baseline vectors; where the Dataset has those of the first of several phase centres only, others are not known."""
    found = arrays.baseline_vectors(piece.of(uvw))
    if "phase_center" in dataset.dims and "phase_center" not in uvw.dims and piece.places["phase_center"] != 0:
        found = found.where(False)
    found.attrs = {"type": "uvw", "units": "m", "frame": "icrs", "long_name": "Baseline coordinates"}
    return found


def _data_group(variables: Iterable[str]) -> dict[str, str]:
    group = {"correlated_data": "VISIBILITY", "flag": "FLAG", "weight": "WEIGHT", "field_and_source": FIELD_TABLE}
    if "UVW" in variables:
        group["uvw"] = "UVW"
    return {**group, "description": "Visibilities as the correlator wrote them, not calibrated"}


def _coords(dataset: xr.Dataset, piece: Piece) -> dict[str, object]:
    first, second = (_texts(dataset, piece, f"antenna{number}_name") for number in (1, 2))
    labels = piece.along("polarization", axis_values(dataset, "polarization"))
    times = unix_seconds(piece.along("time", axis_values(dataset, "time")))
    scans = piece.along("time", texts(dataset, "scan_name"))
    band = piece.places["band"]
    group = str(dataset.attrs.get("job", "")) or "difx"
    return {
        "time": ("time", times, time_attrs(piece.integration_time)),
        "baseline_id": ("baseline_id", np.arange(len(first), dtype=np.int64), {"long_name": "Baseline ID"}),
        "frequency": frequency_coord(dataset, band, piece.channels, group),
        "polarization": ("polarization", np.array(polarization_labels(labels)), {"long_name": "Polarization"}),
        "uvw_label": ("uvw_label", np.array(["u", "v", "w"]), {"long_name": "U/V/W label"}),
        "baseline_antenna1_name": ("baseline_id", first, {"long_name": "Antenna name by baseline_id"}),
        "baseline_antenna2_name": ("baseline_id", second, {"long_name": "Antenna name by baseline_id"}),
        "scan_name": ("time", scans, {"long_name": "Scan name", "scan_intents": ["UNSPECIFIED"]}),
        "field_name": ("time", piece.fields),
    }


def _texts(dataset: xr.Dataset, piece: Piece, name: str) -> NDArray[np.str_]:
    return piece.along("baseline", axis_values(dataset, name).astype(np.str_))


def _antennas(made: xr.Dataset, piece: Piece, present: NDArray[np.bool_], known: Positions) -> xr.Dataset:
    places = tuple(piece.places[axis] for axis in AXES)
    there = present[:, places[1], places[2], :, places[4], :]
    products = there[piece.places["time"]].any(axis=0)[piece.places["baseline"]][:, piece.places["polarization"]]
    first, second = (made[f"baseline_antenna{number}_name"].values.tolist() for number in (1, 2))
    return antenna_table(first, second, products, made["polarization"].values.tolist(), known)


def _named(tree: xr.DataTree) -> tuple[set[str], set[str]]:
    """Names of all antennas and fields of a processing set."""
    antennas: set[str] = set()
    fields: set[str] = set()
    for node in tree.children.values():
        antennas.update(node["antenna_xds"]["antenna_name"].values.tolist())
        fields.update(node[FIELD_TABLE]["field_name"].values.tolist())
    return antennas, fields
