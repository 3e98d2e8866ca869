# SPDX-License-Identifier: GPL-3.0-or-later
"""Directories of Mark5 modules: the ``.dir`` files that ``mk5dir`` writes and vex2difx reads.

One line about the module (VSN, number of scans, bank, signature, version, read mode), then one line per scan. In: text
or lines. Out: frozen records, and text again.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from difxnb.errors import FileFormatError
from difxnb.formats.mjd import DAY_S, UNIX_EPOCH_MJD

SCAN_FORMATS = {
    0: "VLBA",
    1: "MARK4",
    2: "MARK5B",
    3: "VDIF",
    4: "VDIFL",
    5: "K5",
    6: "VLBN",
    7: "KVN5B",
    10: "CODIF",
}
"""Data formats by the number in the eleventh column; a negative number means a scan that could not be decoded."""

MAX_SCANS = 100_000
"""Scans that a directory may announce; a module holds some thousands."""


@dataclass(frozen=True, slots=True)
class ModuleScan:
    """One scan on a module.

    Attributes
    ----------
    name : str
    start, length : int
        Where it lies on the module, bytes.
    mjd, second : int
        Begin, UTC.
    frame, frames_per_second : int
        First frame in its second; frames in a second.
    duration_s : float
    frame_bytes, frame_offset : int
        Length of a frame, and bytes before the first one.
    tracks : int
    format : int
        See `SCAN_FORMATS`; negative where the scan could not be decoded.
    note : str
        What follows the name: threads of VDIF scans, or why it could not be decoded.
    """

    name: str
    start: int
    length: int
    mjd: int
    second: int
    duration_s: float
    frame: int = 0
    frames_per_second: int = 1
    frame_bytes: int = 5032
    frame_offset: int = 0
    tracks: int = 0
    format: int = 3
    note: str = ""

    @property
    def start_mjd(self) -> float:
        """Begin, UTC."""
        return UNIX_EPOCH_MJD + self.start_unix / DAY_S

    @property
    def start_unix(self) -> float:
        """Begin, unix seconds; to the microsecond, which a modified Julian date is not."""
        fraction = self.frame / self.frames_per_second if self.frames_per_second > 0 else 0.0
        return (self.mjd - UNIX_EPOCH_MJD) * DAY_S + self.second + fraction

    @property
    def stop_mjd(self) -> float:
        """End, UTC."""
        return self.start_mjd + self.duration_s / DAY_S

    @property
    def format_name(self) -> str | None:
        """Name of the data format; None where the scan could not be decoded."""
        return SCAN_FORMATS.get(self.format, str(self.format)) if self.format >= 0 else None


@dataclass(frozen=True, slots=True)
class ModuleDirectory:
    """What is on a module.

    Attributes
    ----------
    vsn : str
    bank : str
        Where the module was when the directory was read.
    scans : tuple of ModuleScan
    signature : int
        Checksum of the directory on the module, by which a newer one is told from it.
    version, subversion : int, int or None
        Of the directory's layout on the module.
    mode : str
        ``NORMAL``, or ``RT`` where some data are missing.
    fast, synthetic : bool
        Times were taken from the module's own directory; the directory was reconstructed.
    """

    vsn: str
    bank: str
    scans: tuple[ModuleScan, ...]
    signature: int = 0
    version: int = 1
    subversion: int | None = None
    mode: str = "NORMAL"
    fast: bool = False
    synthetic: bool = False

    def text(self) -> str:
        """The file, as ``mk5dir`` writes it."""
        sub = "" if self.subversion is None else str(self.subversion)
        words = [f"{self.vsn:>8}", str(len(self.scans)), self.bank, str(self.signature), str(self.version)]
        head = " ".join([*words, sub, self.mode, *(["Fast"] if self.fast else [])])
        lines = [head + (" Synth" if self.synthetic else ""), *map(_scan_line, self.scans)]
        return "".join(f"{line}\n" for line in lines)


def parse_module_directory(text: str, path: object) -> ModuleDirectory:
    """Read a directory.

    Parameters
    ----------
    text : str
        What is in the file.
    path : path-like
        The file, for messages.

    Raises
    ------
    FileFormatError
        Naming the line that cannot be read, or the number of scans that are missing.
    """
    lines = text.splitlines()
    if not lines:
        raise FileFormatError(path, "", "an empty module directory")
    directory, announced = _parse_head(lines[0], path)
    if len(lines) - 1 < announced:
        raise FileFormatError(path, "", f"{announced} scans are announced, and {len(lines) - 1} are there")
    numbered = enumerate(lines[1 : announced + 1], start=2)
    scans = tuple(_parse_scan(line, path, number) for number, line in numbered)
    return replace(directory, scans=scans)


def _parse_head(line: str, path: object) -> tuple[ModuleDirectory, int]:
    words = line.split()
    if len(words) < 3 or not words[1].isdecimal() or not re.fullmatch("[A-Z]", words[2]):
        raise FileFormatError(path, "line 1", f"should begin with VSN, number of scans, bank: {line[:80]!r}")
    announced = int(words[1][:9])
    if announced > MAX_SCANS:
        raise FileFormatError(path, "line 1", f"announces {announced} scans; at most {MAX_SCANS} are read")
    # Older files end after the bank or the signature; what is there later may come in any order.
    extra = words[4:]
    numbers = [int(word) for word in extra if word.isdecimal() and len(word) < 10]
    head = ModuleDirectory(
        vsn=words[0],
        bank=words[2],
        scans=(),
        signature=int(words[3][:10]) if len(words) > 3 and words[3].isdecimal() else 0,
        version=numbers[0] if numbers else 0,
        subversion=numbers[1] if len(numbers) > 1 else None,
        mode="RT" if "RT" in extra else "NORMAL",
        fast="Fast" in extra,
        synthetic="Synth" in extra,
    )
    return head, announced


def _parse_scan(line: str, path: object, number: int) -> ModuleScan:
    words = line.split(None, 12)
    try:
        start, length, mjd, second, frame, rate = map(int, words[:6])
        duration = float(words[6])
        frame_bytes, offset, tracks, kind = map(int, words[7:11])
        name = words[11]
    except (ValueError, IndexError) as error:
        raise FileFormatError(path, f"line {number}", f"is no scan ({error}): {line[:120]!r}") from error
    note = words[12].strip() if len(words) > 12 else ""
    return ModuleScan(
        name, start, length, mjd, second, duration, frame, rate, frame_bytes, offset, tracks, kind, note
    )


def _scan_line(scan: ModuleScan) -> str:
    numbers = f"{scan.start:14d} {scan.length:14d} {scan.mjd:5d} {scan.second} {scan.frame}"
    layout = f"{scan.frame_bytes:6d} {scan.frame_offset:6d} {scan.tracks:2d} {scan.format:1d}"
    line = f"{numbers} {scan.frames_per_second} {scan.duration_s:12.6f} {layout} {scan.name or 'Unknown'}"
    return f"{line}  {scan.note}" if scan.note else line


def directory_of(vsn: str, bank: str, scans: Iterable[ModuleScan], *, signature: int = 1) -> ModuleDirectory:
    """A directory whose scans lie on the module one after the other, beginning at byte 0."""
    placed: list[ModuleScan] = []
    at = 0
    for scan in scans:
        placed.append(replace(scan, start=at))
        at += scan.length
    return ModuleDirectory(vsn, bank, tuple(placed), signature)
