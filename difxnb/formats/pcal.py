# SPDX-License-Identifier: GPL-3.0-or-later
"""Read and write ``PCAL_*`` files: pulse calibration tones of an antenna, one line per integration and datastream.

Text comes in and blocks of lines with the same tones go out, and the other way round. Mirrors ``difx-files.md`` 14.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple, NoReturn

import numpy as np
from numpy.typing import NDArray

from difxnb.errors import FileFormatError
from difxnb.formats.keyvalue import read_text, write_text
from difxnb.formats.mjd import DAY_S, UNIX_EPOCH_MJD, unix_ns_of

OnError = Literal["raise", "skip"]

_DAY_NS = DAY_S * 10**9
_HEAD = re.compile(r"#\s*([A-Za-z ]+?)\s*=\s*(.*?)\s*")
_FIXED, _PER_TONE = 6, 4
_MISSING = "-1"
_MOST_DATASTREAMS = 100_000


class SkippedLine(NamedTuple):
    """A line, counted from 1, that could not be understood."""

    line: int
    reason: str


@dataclass(slots=True)
class PcalBlock:
    """Lines of one datastream that have the same tones.

    Attributes
    ----------
    datastream : int
        As the file numbers it.
    frequency_mhz : ndarray, shape (recorded band, tone)
        Sky frequency as printed, MHz, in the order of the file: away from the band's own edge. NaN where a band has
        fewer tones than the others.
    polarization : ndarray of str, shape (recorded band, tone)
        Letters; empty where there is no tone.
    time_ns, duration_ns : ndarray, int64, shape (line,)
        Middle of the integration, ns since 1970 (UTC), and its length, as printed.
    tones : ndarray, complex64, shape (line, recorded band, tone)
        Phase +2πντ for a tone that arrives late by τ. Zeros as they stand there; NaN where there is no tone.
    """

    datastream: int
    frequency_mhz: NDArray[np.float64]
    polarization: NDArray[np.str_]
    time_ns: NDArray[np.int64]
    duration_ns: NDArray[np.int64]
    tones: NDArray[np.complex64]


@dataclass(slots=True)
class PcalFile:
    """The tones of one antenna, from one start of a job.

    Attributes
    ----------
    path : Path or None
    antenna : str
    start_mjd, start_seconds : int
        Start of the job, or of its restart (UTC).
    blocks : list of PcalBlock
        In order of their first lines.
    skipped : list of SkippedLine
        What was passed over with ``on_error="skip"``.
    """

    path: Path | None = None
    antenna: str = ""
    start_mjd: int = 0
    start_seconds: int = 0
    blocks: list[PcalBlock] = field(default_factory=list)
    skipped: list[SkippedLine] = field(default_factory=list)

    def __len__(self) -> int:
        return sum(len(block.time_ns) for block in self.blocks)


class _Layout(NamedTuple):
    """What all lines of a block have in common, as text."""

    datastream: str
    bands: str
    tones: str
    frequencies: tuple[str, ...]
    polarizations: tuple[str, ...]


@dataclass(slots=True)
class _Lines:
    """Values of the lines of a block, under way."""

    time_ns: list[int] = field(default_factory=list)
    duration_ns: list[int] = field(default_factory=list)
    parts: list[float] = field(default_factory=list)


@dataclass(slots=True)
class _Layouts:
    """All layouts of a file, and that of the last line of each datastream."""

    known: dict[_Layout, _Lines] = field(default_factory=dict)
    recent: dict[str, tuple[list[str], list[str], list[str], _Lines]] = field(default_factory=dict)


class _Damage(ValueError):
    """What is wrong with a line; never leaves this module."""


def parse_pcal(
    text: str, path: Path | None = None, *, on_error: OnError = "raise", growing: bool = False
) -> PcalFile:
    """Read the text of a ``PCAL_*`` file.

    Parameters
    ----------
    text : str
        The whole file.
    path : Path, optional
        For messages.
    on_error : ``"raise"`` or ``"skip"``
        Skip leaves out lines that are damaged, and lists them.
    growing : bool
        The job still runs: a last line without end is passed over, it is not complete.

    Raises
    ------
    FileFormatError
        With the line, where one is cut or damaged; the file is of version 0 (before DiFX 2.4), or no such file.
    """
    *lines, rest = text.split("\n")
    file, body = _read_head(lines, path)
    layouts = _Layouts()
    for number, line in enumerate(lines[body:], start=body + 1):
        if not line.strip() or line.startswith("#"):
            continue
        try:
            _take(line, file.antenna, layouts)
        except _Damage as damage:
            _pass_over(file, SkippedLine(number, str(damage)), on_error)
    if rest.strip() and not growing:
        reason = "the last line is cut; growing=True passes it over where the job still runs"
        _pass_over(file, SkippedLine(len(lines) + 1, reason), on_error)
    file.blocks = [_block(layout, values) for layout, values in layouts.known.items() if values.time_ns]
    return file


def _pass_over(file: PcalFile, skipped: SkippedLine, on_error: OnError) -> None:
    if on_error == "raise":
        raise FileFormatError(file.path or "text", f"line {skipped.line}", skipped.reason)
    file.skipped.append(skipped)


def _read_head(lines: list[str], path: Path | None) -> tuple[PcalFile, int]:
    """Values of the lines that begin with #, and the number of the first other one."""
    body = next((row for row, line in enumerate(lines) if not line.startswith("#")), len(lines))
    found = {
        match[1].lower(): (match[2], row)
        for row, line in enumerate(lines[:body], start=1)
        if (match := _HEAD.fullmatch(line))
    }

    def fail(row: int, problem: str) -> NoReturn:
        raise FileFormatError(path or "text", f"line {row}", problem)

    if not body:
        first = lines[0][:40] if lines else ""
        fail(1, f"expected the heading of a PCAL file, a line that begins with #, found {first!r}")
    if "file version" not in found:
        fail(
            body, "no 'File version' line: version 0, of DiFX before 2.4, or no PCAL file; version 1 is read"
        )
    version, row = found["file version"]
    if version != "1":
        fail(row, f"file version {version[:20]!r}; version 1 is read")
    numbers = []
    for key in ("start mjd", "start seconds"):
        value, row = found.get(key, ("", body))
        if not re.fullmatch(r"\d{1,6}", value, re.ASCII):
            fail(row, f"'{key}' needs a whole number, not {value[:20]!r}")
        numbers.append(int(value))
    antenna, row = found.get("telescope name", ("", body))
    if len(antenna.split()) != 1:
        fail(row, f"'Telescope name' needs one word, not {antenna[:40]!r}")
    return PcalFile(path, antenna, numbers[0], numbers[1]), body


def _take(line: str, antenna: str, layouts: _Layouts) -> None:
    """Add a line to those of its layout."""
    words = line.split()
    if len(words) < _FIXED:
        raise _Damage(f"expected antenna, time, length, datastream, bands and tones, found {line[:60]!r}")
    if words[0] != antenna:
        raise _Damage(f"is of antenna {words[0][:40]!r} in a file of {antenna!r}")
    tones = _whole(words[4], "number of bands") * _whole(words[5], "number of tones")
    if len(words) != _FIXED + _PER_TONE * tones:
        raise _Damage(
            f"{words[4]} bands of {words[5]} tones need {_FIXED + _PER_TONE * tones} words, not {len(words)}"
        )
    time_ns, duration_ns = _time(words[1]), _duration(words[2])
    values = _lines_of(words, layouts)
    try:
        real, imaginary = list(map(float, words[8::4])), list(map(float, words[9::4]))
    except ValueError as error:
        raise _Damage(f"a tone is no number: {error}") from error
    values.time_ns.append(time_ns)
    values.duration_ns.append(duration_ns)
    values.parts += real
    values.parts += imaginary


def _lines_of(words: list[str], layouts: _Layouts) -> _Lines:
    """Where a line belongs: nearly always to the same as the datastream's last one."""
    frequencies, polarizations = words[6::4], words[7::4]
    recent = layouts.recent.get(words[3])
    if recent is not None and recent[0] == words[4:6] and recent[1:3] == (frequencies, polarizations):
        return recent[3]
    layout = _Layout(words[3], words[4], words[5], tuple(frequencies), tuple(polarizations))
    if layout not in layouts.known:
        _check(layout)
    values = layouts.known.setdefault(layout, _Lines())
    layouts.recent[words[3]] = (words[4:6], frequencies, polarizations, values)
    return values


def _whole(word: str, what: str) -> int:
    if not (word.isascii() and word.isdigit() and len(word) <= 6):
        raise _Damage(f"the {what} is {word[:20]!r}")
    return int(word)


def _time(word: str) -> int:
    time_ns = unix_ns_of(word)
    if time_ns is None:
        raise _Damage(f"expected a modified Julian date, found {word[:40]!r}")
    return time_ns


def _duration(word: str) -> int:
    try:
        days = float(word)
    except ValueError:
        days = -1.0
    if not 0 <= days <= 1:
        raise _Damage(f"expected the length of the integration in days, found {word[:40]!r}")
    return round(days * _DAY_NS)


def _check(layout: _Layout) -> None:
    """Refuse a datastream or frequencies that cannot be."""
    if _whole(layout.datastream, "number of the datastream") > _MOST_DATASTREAMS:
        raise _Damage(f"there is no datastream {layout.datastream}")
    for word in layout.frequencies:
        if not np.isfinite(_number(word)):
            raise _Damage(f"expected the frequency of a tone in MHz, found {word[:40]!r}")


def _number(word: str) -> float:
    try:
        return float(word)
    except ValueError:
        return np.nan


def _block(layout: _Layout, lines: _Lines) -> PcalBlock:
    shape = (int(layout.bands), int(layout.tones))
    frequency = np.array(layout.frequencies, dtype=np.float64).reshape(shape)
    is_tone = frequency > 0  # a band without any tone has one at 0 MHz where other bands have some
    parts = np.array(lines.parts, dtype=np.float64).reshape(len(lines.time_ns), 2, *shape)
    values = np.empty((len(parts), *shape), dtype=np.complex64)
    with np.errstate(over="ignore"):  # beyond a float32 is no tone
        values.real, values.imag = parts[:, 0], parts[:, 1]
    values[~np.isfinite(values) | ~is_tone] = np.nan
    return PcalBlock(
        int(layout.datastream),
        np.where(is_tone, frequency, np.nan),
        np.where(is_tone, np.array(layout.polarizations, dtype=np.str_).reshape(shape), ""),
        np.array(lines.time_ns, dtype=np.int64),
        np.array(lines.duration_ns, dtype=np.int64),
        values,
    )


def format_pcal(file: PcalFile) -> str:
    """Write the text of a ``PCAL_*`` file, lines in order of time and datastream.

    Raises
    ------
    ValueError
        The name of the antenna is not one word.
    """
    if len(file.antenna.split()) != 1:
        raise ValueError(f"the name of an antenna is one word, not {file.antenna!r}")
    head = [
        "# DiFX-derived pulse cal data",
        "# File version = 1",
        f"# Start MJD = {file.start_mjd}",
        f"# Start seconds = {file.start_seconds}",
        f"# Telescope name = {file.antenna}",
    ]
    return "\n".join([*head, *pcal_lines(file.antenna, file.blocks)]) + "\n"


def pcal_lines(antenna: str, blocks: Iterable[PcalBlock]) -> list[str]:
    """Lines of an antenna's blocks, in order of time and datastream: what a job appends to its file."""
    lines = sorted(
        (int(time_ns), block.datastream, antenna + text)
        for block in blocks
        for time_ns, text in zip(block.time_ns, _texts(block), strict=True)
    )
    return [text for _, _, text in lines]


def _texts(block: PcalBlock) -> Iterator[str]:
    bands, tones = block.frequency_mhz.shape
    names = [
        None if np.isnan(frequency) else f" {frequency:.15g} {polarization}"
        for frequency, polarization in zip(block.frequency_mhz.flat, block.polarization.flat, strict=True)
    ]
    for time_ns, duration_ns, values in zip(block.time_ns, block.duration_ns, block.tones, strict=True):
        parts = [
            f" {_MISSING} 0 0 0" if name is None else f"{name} {value.real:12.5e} {value.imag:12.5e}"
            for name, value in zip(names, values.flat, strict=True)
        ]
        yield (
            f" {_mjd(int(time_ns))} {duration_ns / _DAY_NS:.11f} {block.datastream} {bands} {tones}"
            + "".join(parts)
        )


def _mjd(time_ns: int) -> str:
    day, rest = divmod(time_ns, _DAY_NS)
    fraction = (2 * rest * 10**11 + _DAY_NS) // (2 * _DAY_NS)
    return f"{day + UNIX_EPOCH_MJD + fraction // 10**11}.{fraction % 10**11:011d}"


def read_pcal_file(path: str | Path, *, on_error: OnError = "raise", growing: bool = False) -> PcalFile:
    """Read one ``PCAL_*`` file; parameters and errors as of :func:`parse_pcal`."""
    return parse_pcal(read_text(path), Path(path), on_error=on_error, growing=growing)


def write_pcal(file: PcalFile, path: str | Path, *, overwrite: bool = False) -> None:
    """Write a ``PCAL_*`` file; FileExistsError where there is one already, unless `overwrite`."""
    write_text(path, format_pcal(file), overwrite=overwrite)
