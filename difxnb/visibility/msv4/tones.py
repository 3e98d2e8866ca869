# SPDX-License-Identifier: GPL-3.0-or-later
"""Pulse calibration tones of Measurement Sets.

In go tones as :func:`difxnb.read_pcal` gives them and a Measurement Set, out comes its secondary dataset in schema
4.0.1, with the tones of its band, time and antennas. Mirrors ``difx-files.md`` 14.

Tones keep their sign: a tone that is late by τ has the phase +2πντ, and V · P1 · conj(P2) takes station delays out of
`VISIBILITY`, before and after. FITS-IDI, and Measurement Sets made of it, have them as the correlator wrote them, too.
"""

from __future__ import annotations

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from difxnb.visibility.msv4.labels import polarization_labels, time_attrs, unix_seconds

TONE_TABLE = "phase_calibration_xds"

_DIMS = ("antenna_name", "time_phase_cal", "receptor_label", "tone_label")
_BORROWED = (
    *("antenna_name", "station_name", "mount", "telescope_name"),
    *("receptor_label", "polarization_type"),
)


def tone_table(pcal: xr.Dataset, node: xr.Dataset, antennas: xr.Dataset, band: int) -> xr.Dataset | None:
    """Tones of a Measurement Set.

    Parameters
    ----------
    pcal : Dataset
        From :func:`difxnb.read_pcal`.
    node, antennas : Dataset
        The Measurement Set, and its antennas.
    band : int
        Its row of the FREQ table.

    Returns
    -------
    Dataset or None
        Values are NaN where an antenna has no such tone; None where no tone lies in the band and its time.
    """
    tones, times = _tones(pcal, node["frequency"].to_numpy(), band), _times(pcal, node["time"])
    if not len(tones) or not len(times):
        return None
    chosen = pcal.isel(time=times, tone=tones)
    seconds = unix_seconds(chosen["time"].to_numpy())
    values = _of_receptors(chosen, antennas)
    frequency = np.broadcast_to(chosen["tone_frequency"].to_numpy().astype(np.float64), values.shape)
    interval = np.broadcast_to(chosen["INTEGRATION_TIME"].to_numpy().astype(np.float64), values.shape[:2])
    in_seconds = {"units": "s", "type": "quantity"}
    return xr.Dataset(
        {
            "PHASE_CAL": (_DIMS, values),
            "PHASE_CAL_TONE_FREQUENCY": (_DIMS, frequency, {"units": "Hz", "type": "quantity"}),
            "PHASE_CAL_INTERVAL": (_DIMS[:2], interval, in_seconds),
            "PHASE_CAL_CABLE_CAL": (
                _DIMS[:2],
                np.full(values.shape[:2], np.nan),
                dict(in_seconds),
            ),  # not measured
        },
        {
            **{name: antennas[name].variable for name in _BORROWED},
            "time_phase_cal": ("time_phase_cal", seconds, time_attrs()),
            "tone_label": np.array([f"freq_{number}" for number in range(len(tones))]),
        },
        {"type": "phase_calibration"},
    )


def _tones(pcal: xr.Dataset, frequency: NDArray[np.float64], band: int) -> NDArray[np.intp]:
    """Which tones lie in a band; one on the border to another band stands there for each of them."""
    tones, half = pcal["tone_frequency"].to_numpy(), np.ptp(frequency) / max(1, len(frequency) - 1) / 2
    inside = np.flatnonzero((tones >= frequency[0] - half) & (tones <= frequency[-1] + half))
    own_first = inside[np.argsort(pcal["band"].to_numpy()[inside] != band, kind="stable")]
    _, first = np.unique(tones[own_first], return_index=True)
    return np.asarray(own_first[first])


def _times(pcal: xr.Dataset, time: xr.DataArray) -> NDArray[np.intp]:
    """Which integrations of the tones touch those of the Measurement Set."""
    seconds = unix_seconds(pcal["time"].to_numpy())
    reach = (pcal["INTEGRATION_TIME"].to_numpy() + time.attrs["integration_time"]["data"]) / 2
    first, last = time.to_numpy()[[0, -1]]
    return np.flatnonzero((seconds > first - reach) & (seconds < last + reach))


def _of_receptors(pcal: xr.Dataset, antennas: xr.Dataset) -> NDArray[np.complex64]:
    """Values in the order of the antennas and receptors of a Measurement Set."""
    names, types = antennas["antenna_name"].to_numpy(), antennas["polarization_type"].to_numpy()
    letters = polarization_labels(pcal["polarization"].to_numpy())
    known = [str(name) for name in pcal["antenna"].to_numpy()]
    values = pcal["PHASE_CAL"].transpose("antenna", "time", "polarization", "tone").to_numpy()
    found = np.full(
        (len(names), values.shape[1], types.shape[1], values.shape[3]), np.nan + 1j * np.nan, np.complex64
    )
    for row, name in enumerate(names.tolist()):
        for receptor, letter in enumerate(types[row].tolist()):
            if name in known and letter in letters:
                found[row, :, receptor] = values[known.index(name), :, letters.index(letter)]
    return found
