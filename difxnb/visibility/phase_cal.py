# SPDX-License-Identifier: GPL-3.0-or-later
"""Pulse calibration tones as a Dataset.

In go the ``PCAL_*`` files of a job, out comes one Dataset over all antennas and restarts. Mirrors
``difx-files.md`` 14.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any, Literal

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from difxnb.errors import DamagedData
from difxnb.formats.input import Input, read_input
from difxnb.formats.output_files import Source, input_of, output_files
from difxnb.formats.pcal import PcalBlock, PcalFile, read_pcal_file
from difxnb.formats.pcal_tones import Tones, printed_tones, tones_of_job
from difxnb.visibility.integration_grid import IntegrationGrid

SIGN = (
    "phase +2 pi nu tau for a tone that arrives late by tau, in both sidebands; correct V with V P1 conj(P2)"
)

_ORDER = "RLXYHV"
_ATTRS = {
    "PHASE_CAL": {"units": "1", "long_name": "pulse calibration tone", "sign": SIGN},
    "INTEGRATION_TIME": {"units": "s", "long_name": "length of the integration"},
    "time": {"long_name": "middle of the integration (UTC)"},
    "tone_frequency": {"units": "Hz", "long_name": "sky frequency of the tone"},
    "band": {"long_name": "row of the FREQ table; -1 where not known"},
}


@dataclass(slots=True)
class _Part:
    """A block of a file with what its job says of it: the label of each tone, and times."""

    antenna: str
    block: PcalBlock
    labels: NDArray[Any]
    time_ns: NDArray[np.int64]
    duration_ns: NDArray[np.int64]


def read_pcal(
    source: Source,
    *,
    input: str | PathLike[str] | Input | None = None,
    on_error: Literal["raise", "skip"] = "raise",
    growing: bool = False,
) -> xr.Dataset:
    """Read the pulse calibration tones that the correlator measured.

    Parameters
    ----------
    source : path, Input, job, or list of these
        A ``.difx`` folder, an ``.input``, a ``PCAL_*`` file, or a pattern of these. Files of all antennas and of
        restarts are joined; where a restart repeats an integration, its own values count.
    input : path or Input, optional
        The ``.input`` of the job. Without it each output's own is looked for beside and in its folder.
    on_error : ``"raise"`` or ``"skip"``
        Skip passes over damaged lines and lists them in ``attrs["skipped"]``.
    growing : bool
        The job still runs: a last line that is not complete is passed over.

    Returns
    -------
    Dataset
        * ``PHASE_CAL`` (time, antenna, polarization, tone): complex64, in DiFX's units; phase +2πντ for a tone that
          arrives late by τ, USB and LSB alike (minus the phase of the received tone). V · P1 · conj(P2), P normalised,
          takes station delays out of visibilities. NaN where a tone was not measured (or is exactly 0).
        * ``INTEGRATION_TIME`` (time): s
        * ``time``: ``datetime64[ns]``, UTC, middle of the integration. With the ``.input`` it is exactly that of
          the visibilities; files have it to about a microsecond.
        * ``antenna``: names, in the order of the ``.input``. ``polarization``: ``"R"``, ``"L"``, ``"X"``, ``"Y"``…
        * ``tone_frequency`` (tone): Hz, ascending, and an index: ``ds.sel(tone_frequency=8.41e9)``. With the
          ``.input`` exact multiples of its PHASE CAL INT; files have single precision.
        * ``band`` (tone): row of the FREQ table, the first of those that describe the same sky band; -1 without
          ``.input``. A tone on the border of two bands is there twice.

        ``attrs``: ``job``, ``input_file``, ``files`` (a line each), ``repeated`` (values that a restart replaced),
        ``skipped`` (JSON, empty where nothing was).

    Raises
    ------
    OutputNotFound
        There are no such files; the job may not extract tones (PHASE CAL INT is 0).
    FileFormatError
        A file is damaged (with the line), of version 0 (DiFX before 2.4), or of another job than the ``.input``.

    Warns
    -----
    DamagedData
        Something was skipped.
    """
    paths = output_files(source, "PCAL")
    files = [read_pcal_file(path, on_error=on_error, growing=growing) for path in paths]
    inputs = _inputs(paths, input)
    parts = [part for file, inp in zip(files, inputs, strict=True) for part in _parts(file, inp)]
    dataset, repeated = _joined(parts, _antennas(files, inputs))
    known = list({id(inp): inp for inp in inputs if inp is not None}.values())
    dataset.attrs = {
        "job": " ".join(inp.job_name for inp in known) or _job_of(paths[0]),
        "input_file": "\n".join(str(inp.path) for inp in known if inp.path is not None),
        "files": "\n".join(str(path) for path in paths),
        "repeated": repeated,
        "skipped": _skipped(files),
    }
    return dataset


def _inputs(paths: Sequence[Path], given: str | PathLike[str] | Input | None) -> list[Input | None]:
    """The ``.input`` of each file, read once."""
    if given is not None:
        inp = given if isinstance(given, Input) else read_input(Path(given).expanduser())
        return [inp] * len(paths)
    of_folder = {folder: input_of(folder / "PCAL") for folder in {path.absolute().parent for path in paths}}
    return [of_folder[path.absolute().parent] for path in paths]


def _job_of(path: Path) -> str:
    return path.absolute().parent.name.partition(".difx")[0]


def _skipped(files: Sequence[PcalFile]) -> str:
    rows = [
        {"file": str(file.path), "line": skipped.line, "reason": skipped.reason}
        for file in files
        for skipped in file.skipped
    ]
    if rows:
        first = rows[0]
        warnings.warn(
            f"{len(rows)} lines of tones were skipped, the first of them {first['file']}, line {first['line']}: "
            f"{first['reason']}; attrs['skipped'] lists all",
            DamagedData,
            stacklevel=3,
        )
    return json.dumps(rows) if rows else ""


def _parts(file: PcalFile, inp: Input | None) -> list[_Part]:
    if inp is None:
        tones = [printed_tones(block) for block in file.blocks]
        times = [(block.time_ns, block.duration_ns) for block in file.blocks]
    else:
        grid = IntegrationGrid.of(inp, (file.start_mjd, file.start_seconds))
        tones = [tones_of_job(block, file.antenna, inp, file.path) for block in file.blocks]
        times = [grid.snapped(block.time_ns, block.duration_ns) for block in file.blocks]
    return [
        _Part(file.antenna, block, labels, *when)
        for block, labels, when in zip(file.blocks, _labels(file.blocks, tones), times, strict=True)
    ]


def _labels(blocks: Sequence[PcalBlock], tones: Sequence[Tones]) -> list[NDArray[Any]]:
    """Frequency, row of the band, and which of several alike, of every tone; None where there is none.

    Without rows, the bands on either side of a tone on their border are told apart by their order.
    """
    alike: dict[tuple[float, int, str], set[tuple[int, int]]] = {}
    found = []
    for block, (frequency_hz, rows) in zip(blocks, tones, strict=True):
        labels = np.full(rows.shape, None, dtype=object)
        for band, tone in zip(*np.nonzero(~np.isnan(frequency_hz)), strict=True):
            key = (
                float(frequency_hz[band, tone]),
                int(rows[band, tone]),
                str(block.polarization[band, tone]),
            )
            alike.setdefault(key, set()).add((block.datastream, int(band)))
            labels[band, tone] = (*key, (block.datastream, int(band)))
        found.append(labels)
    for labels in found:
        for place in np.ndindex(labels.shape):
            if labels[place] is not None:
                frequency, row, letter, where = labels[place]
                labels[place] = (frequency, row, sorted(alike[frequency, row, letter]).index(where))
    return found


def _antennas(files: Sequence[PcalFile], inputs: Sequence[Input | None]) -> list[str]:
    """Antennas that have files, in the order of the jobs' tables, then of the files."""
    there = dict.fromkeys(file.antenna for file in files)
    tables = [telescope.name for inp in inputs if inp is not None for telescope in inp.telescopes]
    return list(dict.fromkeys([*(name for name in tables if name in there), *there]))


def _joined(parts: Sequence[_Part], antennas: list[str]) -> tuple[xr.Dataset, int]:
    """All parts on common axes, and how many values were replaced by later ones."""
    tones = sorted({label for part in parts for label in part.labels.flat if label is not None})
    letters = _letters(parts)
    times = np.unique(np.concatenate([np.empty(0, np.int64), *(part.time_ns for part in parts)]))
    shape = (len(times), len(antennas), len(letters), len(tones))
    values = np.full(shape, np.nan, dtype=np.complex64)
    durations = np.full(len(times), np.nan)
    tone_row = {tone: row for row, tone in enumerate(tones)}
    repeated = 0
    for part in parts:
        rows = np.searchsorted(times, part.time_ns)
        durations[rows] = part.duration_ns / 1e9
        plane = values[:, antennas.index(part.antenna)]
        for place in np.ndindex(part.labels.shape):
            if (label := part.labels[place]) is not None:
                letter = letters.index(str(part.block.polarization[place]))
                tone = part.block.tones[(slice(None), *place)]
                repeated += _put(plane[:, letter, tone_row[label]], rows, tone)
    return _dataset(values, times, antennas, letters, tones, durations), repeated


def _put(column: NDArray[np.complex64], rows: NDArray[np.int64], tone: NDArray[np.complex64]) -> int:
    """Write what was measured of a tone into its column; how much of it was there before."""
    measured = ~np.isnan(tone) & (tone != 0)
    into = rows[measured]
    replaced = int((~np.isnan(column[into])).sum()) + len(into) - len(np.unique(into))
    column[into] = tone[measured]
    return replaced


def _letters(parts: Sequence[_Part]) -> list[str]:
    found = {str(letter) for part in parts for letter in part.block.polarization.flat if letter}
    return sorted(found, key=lambda letter: (_ORDER + letter).index(letter))


def _dataset(
    values: NDArray[np.complex64],
    times: NDArray[np.int64],
    antennas: list[str],
    letters: list[str],
    tones: list[tuple[float, int, int]],
    durations: NDArray[np.float64],
) -> xr.Dataset:
    dataset = xr.Dataset(
        {
            "PHASE_CAL": (("time", "antenna", "polarization", "tone"), values),
            "INTEGRATION_TIME": (("time",), durations),
        },
        coords={
            "time": times.view("datetime64[ns]"),
            "antenna": np.array(antennas, dtype=np.str_),
            "polarization": np.array(letters, dtype=np.str_),
            "tone_frequency": ("tone", np.array([tone[0] for tone in tones], dtype=np.float64)),
            "band": ("tone", np.array([tone[1] for tone in tones], dtype=np.int64)),
        },
    )
    for name, attrs in _ATTRS.items():
        dataset[name].attrs = dict(attrs)
    return dataset.set_xindex("tone_frequency")
