# SPDX-License-Identifier: GPL-3.0-or-later
"""The same Dataset from SWIN records, read whole: for the files of small jobs."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import xarray as xr

from difxnb.formats.calc import Calc
from difxnb.formats.input import Input
from difxnb.formats.mjd import DAY_S, UNIX_EPOCH_MJD
from difxnb.formats.result_layout import result_layout
from difxnb.formats.swin import SwinRecord
from difxnb.visibility.axes import Axes, Key, key_of
from difxnb.visibility.cube import Cube


def dataset_from_records(
    input: Input, records: Iterable[SwinRecord], *, calc: Calc | None = None
) -> xr.Dataset:
    """Build a Dataset from SWIN records of one phase centre.

    Parameters
    ----------
    input : Input
        Parsed ``.input`` of the job; its products make the axes, whether the records have all of them or not.
    records : iterable of SwinRecord
        In any order.
    calc : Calc, optional
        For the names of scans and sources; empty without it.

    Returns
    -------
    Dataset
        Shape of the package docstring, with weights and baseline vectors from the records. A product that
        was not written is NaN with weight 0.

    Raises
    ------
    ValueError
        There is no record, or records of one time are of several sources: phase centres lie in files of
        their own and have to be read one at a time.
    """
    found = list(records)
    if not found:
        raise ValueError(f"job {input.job_name}: there are no records to make visibilities of")
    keys = [_record_key(record) for record in found]
    expected = [key_of(place) for place in result_layout(input)]
    axes = Axes(input, [*_in_bins(expected, keys), *keys])
    times = sorted({_time_ns(record) for record in found})
    cube = Cube(axes, max(1, len(times)))
    uvw = np.full((len(times), len(axes.baselines), 3), np.nan)
    sources: dict[int, int] = {}
    columns = {pair: column for column, pair in enumerate(axes.baselines)}
    for time_ns in times:
        cube.row(time_ns)
    for record, key in zip(found, keys, strict=True):
        row = cube.row(_time_ns(record))
        if sources.setdefault(row, record.source) != record.source:
            raise ValueError(
                f"records of one time are of several sources; read one phase centre at a time: {key}"
            )
        cube.put(row, key, record.spectrum, record.weight)
        uvw[row, columns[key.antenna1, key.antenna2]] = record.uvw
    fields = ["" if calc is None else calc.sources[sources[row]].name for row in range(len(times))]
    scans = ["" if calc is None else _scan_name(calc, input, time_ns) for time_ns in times]
    return cube.dataset(uvw, scans, fields, {"visibility_source": "SWIN"})


def _record_key(record: SwinRecord) -> Key:
    return Key(
        record.antenna1, record.antenna2, record.freq, record.polarization, pulsar_bin=record.pulsar_bin
    )


def _in_bins(expected: list[Key], keys: list[Key]) -> list[Key]:
    """The expected products in every pulsar bin that occurs."""
    bins = sorted({key.pulsar_bin for key in keys})
    return [key._replace(pulsar_bin=number) for key in expected for number in bins]


def _time_ns(record: SwinRecord) -> int:
    return (record.mjd - UNIX_EPOCH_MJD) * DAY_S * 10**9 + round(record.seconds * 1e9)


def _scan_name(calc: Calc, input: Input, time_ns: int) -> str:
    """Scan in which a time lies; the nominal middle of a short last integration may lie just behind it."""
    job_start = (input.start_mjd - UNIX_EPOCH_MJD) * DAY_S + input.start_seconds
    begun = time_ns / 1e9 - job_start - input.configurations[0].int_time / 2
    for scan in calc.scans:
        if scan.start_s - 1e-6 <= begun < scan.start_s + scan.duration_s:
            return scan.identifier
    return ""
