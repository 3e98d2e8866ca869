# SPDX-License-Identifier: GPL-3.0-or-later
"""Read ``SWITCHEDPOWER_*`` files: power of each recorded band with the noise diode on and off.

Text comes in and a DataFrame goes out. Mirrors ``difx-files.md`` 14.
"""

from __future__ import annotations

import json
import math
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from difxnb.errors import DamagedData, FileFormatError
from difxnb.formats.input import Input, read_input
from difxnb.formats.input_model import Datastream
from difxnb.formats.keyvalue import read_text
from difxnb.formats.mjd import unix_ns_of
from difxnb.formats.output_files import Source, input_of, output_files

if TYPE_CHECKING:
    import pandas as pd

OnError = Literal["raise", "skip"]

_NAME = re.compile(r"SWITCHEDPOWER_\d+_\d+_(\d{1,6})")
_FIXED, _PER_BAND = 2, 4
UNKNOWN = -1


class SwitchedPowerRow(NamedTuple):
    """Power of one recorded band over one interval, times in ns since 1970 (UTC)."""

    line: int
    start_ns: int
    stop_ns: int
    recorded_band: int
    power_on: float
    power_on_error: float
    power_off: float
    power_off_error: float


@dataclass(slots=True)
class SwitchedPower:
    """A file of switched power.

    Attributes
    ----------
    path : Path or None
    datastream : int
        As the name of the file has it; -1 where the file is named otherwise.
    rows : list of SwitchedPowerRow
    skipped : list of (int, str)
        Lines that were passed over with ``on_error="skip"``, and why.
    """

    path: Path | None = None
    datastream: int = UNKNOWN
    rows: list[SwitchedPowerRow] = field(default_factory=list)
    skipped: list[tuple[int, str]] = field(default_factory=list)


class _Damage(ValueError):
    """What is wrong with a line; never leaves this module."""


def parse_switched_power(
    text: str, path: Path | None = None, *, on_error: OnError = "raise", growing: bool = False
) -> SwitchedPower:
    """Read the text of a ``SWITCHEDPOWER_*`` file.

    Parameters
    ----------
    text : str
        The whole file.
    path : Path, optional
        For messages, and for the number of the datastream.
    on_error : ``"raise"`` or ``"skip"``
        Skip leaves out lines that are damaged, and lists them.
    growing : bool
        The job still runs: a last line without end is passed over.

    Raises
    ------
    FileFormatError
        With the line, where one is cut or damaged.
    """
    match = _NAME.fullmatch(path.name) if path is not None else None
    file = SwitchedPower(path, int(match[1]) if match else UNKNOWN)
    *lines, rest = text.split("\n")
    for number, line in enumerate(lines, start=1):
        words = line.partition("#")[0].split()
        try:
            file.rows += _rows(words, number) if words else ()
        except _Damage as damage:
            _pass_over(file, number, str(damage), on_error)
    if rest.strip() and not growing:
        reason = "the last line is cut; growing=True passes it over where the job still runs"
        _pass_over(file, len(lines) + 1, reason, on_error)
    return file


def _pass_over(file: SwitchedPower, line: int, reason: str, on_error: OnError) -> None:
    if on_error == "raise":
        raise FileFormatError(file.path or "text", f"line {line}", reason)
    file.skipped.append((line, reason))


def _rows(words: list[str], line: int) -> list[SwitchedPowerRow]:
    bands, rest = divmod(len(words) - _FIXED, _PER_BAND)
    if bands < 1 or rest:
        raise _Damage(
            f"two times and four numbers per band make {_FIXED} + n x {_PER_BAND} words, not {len(words)}"
        )
    start, stop = (unix_ns_of(word) for word in words[:_FIXED])
    if start is None or stop is None or stop < start:
        raise _Damage(
            f"expected when it began and ended as MJD, found {words[0][:20]!r} and {words[1][:20]!r}"
        )
    numbers = [_number(word) for word in words[_FIXED:]]
    return [
        SwitchedPowerRow(line, start, stop, band, *numbers[_PER_BAND * band : _PER_BAND * (band + 1)])
        for band in range(bands)
    ]


def _number(word: str) -> float:
    try:
        value = float(word)
    except ValueError as error:
        raise _Damage(f"expected a power, found {word[:40]!r}") from error
    return value if math.isfinite(value) else math.nan


def read_switched_power(
    source: Source,
    *,
    input: str | PathLike[str] | Input | None = None,
    on_error: OnError = "raise",
    growing: bool = False,
) -> pd.DataFrame:
    """Read the power with the noise diode on and off, which the correlator measures where TCAL FREQUENCY is not 0.

    Parameters
    ----------
    source : path, Input, job, or list of these
        A ``.difx`` folder, an ``.input``, a ``SWITCHEDPOWER_*`` file, or a pattern of these. All datastreams and
        restarts are joined.
    input : path or Input, optional
        The ``.input`` of the job, which names antennas and bands. Without it each output's own is looked for.
    on_error : ``"raise"`` or ``"skip"``
        Skip passes over damaged lines and lists them in ``attrs["skipped"]`` (JSON).
    growing : bool
        The job still runs: a last line that is not complete is passed over.

    Returns
    -------
    DataFrame
        One row per interval and recorded band, in order of time: ``time`` (UTC, middle), ``start``, ``stop`` (UTC),
        ``antenna`` (None where not known), ``datastream``, ``recorded_band`` (both as the files number them),
        ``band`` (row of the FREQ table, -1 where not known), ``polarization``, ``power_on``, ``power_on_error``,
        ``power_off``, ``power_off_error`` (as the correlator gives them; the errors are standard deviations).

    Raises
    ------
    OutputNotFound
        There are no such files.
    FileFormatError
        A file is damaged (with the line), or of another job than the ``.input``.

    Warns
    -----
    DamagedData
        Something was skipped.
    """
    paths = output_files(source, "SWITCHEDPOWER")
    given = read_input(Path(input).expanduser()) if isinstance(input, str | PathLike) else input
    files = [
        parse_switched_power(read_text(path), path, on_error=on_error, growing=growing) for path in paths
    ]
    rows = [
        row
        for file, path in zip(files, paths, strict=True)
        for row in _named(file, given if given is not None else input_of(path))
    ]
    frame = _frame(sorted(rows, key=lambda row: (row[0].start_ns, row[1], row[0].recorded_band)))
    frame.attrs["skipped"] = _skipped(files)
    return frame


_Named = tuple[SwitchedPowerRow, int, str | None, int, str | None]


def _named(file: SwitchedPower, inp: Input | None) -> Iterator[_Named]:
    """Rows with datastream, antenna, row of the FREQ table and letter."""
    stream = None if inp is None else _stream(file, inp)
    for row in file.rows:
        if inp is None or stream is None:
            yield row, file.datastream, None, UNKNOWN, None
        else:
            band = stream.bands[row.recorded_band]
            freq = stream.recorded_freqs[band.freq].freq_index
            yield row, file.datastream, inp.telescopes[stream.telescope_index].name, freq, band.pol


def _stream(file: SwitchedPower, inp: Input) -> Datastream | None:
    """Datastream of a file: as the first configuration numbers it; None for a file that does not say which."""
    if file.datastream == UNKNOWN:
        return None
    rows = inp.configurations[0].datastream_indices if inp.configurations else []
    row = rows[file.datastream] if file.datastream < len(rows) else file.datastream
    bands = max((row.recorded_band + 1 for row in file.rows), default=0)
    if row >= len(inp.datastreams) or bands > len(inp.datastreams[row].bands):
        raise FileFormatError(
            file.path or "text",
            "",
            f"has {bands} bands of datastream {file.datastream}, which {inp.job_name} does not have: "
            "is it of another job?",
        )
    return inp.datastreams[row]


def _frame(rows: list[_Named]) -> pd.DataFrame:
    import pandas as pd

    starts = np.array([row[0].start_ns for row in rows], dtype=np.int64)
    stops = np.array([row[0].stop_ns for row in rows], dtype=np.int64)
    labels = {
        "time": (starts + (stops - starts) // 2).view("datetime64[ns]"),
        "start": starts.view("datetime64[ns]"),
        "stop": stops.view("datetime64[ns]"),
        "antenna": pd.Series([row[2] for row in rows], dtype=object),
        "datastream": np.array([row[1] for row in rows], dtype=np.int64),
        "recorded_band": np.array([row[0].recorded_band for row in rows], dtype=np.int64),
        "band": np.array([row[3] for row in rows], dtype=np.int64),
        "polarization": pd.Series([row[4] for row in rows], dtype=object),
    }
    names = ("power_on", "power_on_error", "power_off", "power_off_error")
    numbers = {name: np.array([getattr(row[0], name) for row in rows], dtype=np.float64) for name in names}
    return pd.DataFrame(labels | numbers)


def _skipped(files: list[SwitchedPower]) -> str:
    found = [
        {"file": str(file.path), "line": line, "reason": reason}
        for file in files
        for line, reason in file.skipped
    ]
    if not found:
        return ""
    first = found[0]
    warnings.warn(
        f"{len(found)} lines of switched power were skipped, the first of them {first['file']}, line {first['line']}: "
        f"{first['reason']}; attrs['skipped'] lists all",
        DamagedData,
        stacklevel=3,
    )
    return json.dumps(found)
