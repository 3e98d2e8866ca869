# SPDX-License-Identifier: GPL-3.0-or-later
"""The 74 bytes before every spectrum of a SWIN file, many at once, and what makes one of them nonsense.

Bytes go in, columns of numbers or the name of a problem come out. Mirrors ``difx-files.md`` 13.
"""

from __future__ import annotations

import struct
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from difxnb.formats.mjd import DAY_S, UNIX_EPOCH_MJD
from difxnb.formats.swin import HEADER, SYNC, VERSION

HEADER_BYTES = HEADER.itemsize
CHANNEL_BYTES = 8
START = struct.pack("<Ii", SYNC, VERSION)
"""Sync word and version, with which every record begins."""

_START = np.uint64(int.from_bytes(START, "little"))
_SCALAR = struct.Struct("<8xiidiii2sid")
_FIRST_MJD, _LAST_MJD = 33_282, 124_593  # 1950 to 2200: years that are seen to be wrong beyond
_LAST_SECOND = 10 * DAY_S
HIGHEST_FREQ = 0xFFFF
"""Rows of the FREQ table, and bins, beyond count as damage; antennas beyond do not fit a baseline number."""
_HEAVIEST = 1e6
_NANO = 10**9


class Headers(NamedTuple):
    """Columns of headers; neighbouring small fields stay together as words, for speed.

    Attributes
    ----------
    start : ndarray, uint64
        Sync word and version.
    baseline_mjd, seconds, config_source, product : ndarray, uint64
        Bytes 8–15, 16–23 (bits of a float), 24–31, and 32–39: freq, polarization and low half of the bin.
    bin_high : ndarray, uint16
    weight : ndarray, float64
    uvw : ndarray, float64, shape (records, 3)
        A view of the bytes, not a copy.
    """

    start: NDArray[np.uint64]
    baseline_mjd: NDArray[np.uint64]
    seconds: NDArray[np.uint64]
    config_source: NDArray[np.uint64]
    product: NDArray[np.uint64]
    bin_high: NDArray[np.uint16]
    weight: NDArray[np.float64]
    uvw: NDArray[np.float64]

    def first(self, count: int) -> Headers:
        """The first of them."""
        if count >= self.start.size:
            return self
        return Headers._make(column[:count] for column in self)


def decode(content: Any, count: int, stride: int) -> Headers:
    """Columns of `count` headers that lie `stride` bytes apart in a buffer."""

    def column(type: str, place: int) -> NDArray[Any]:
        return np.ascontiguousarray(np.ndarray((count,), type, content, place, (stride,)))

    places = (0, "<u8"), (8, "<u8"), (16, "<u8"), (24, "<u8"), (32, "<u8"), (40, "<u2"), (42, "<f8")
    columns = [column(type, place) for place, type in places]
    return Headers._make((*columns, np.ndarray((count, 3), "<f8", content, 50, (stride, 8))))


def leading(good: NDArray[np.bool_]) -> int:
    """How many are true before the first that is not."""
    first = int(good.argmin()) if good.size else 0
    return first if good.size and not good[first] else good.size


def well_formed(headers: Headers) -> int:
    """How many begin as a record, with a baseline, frequency, bin and weight that can be, before one does not."""
    good = headers.start == _START
    good &= ((headers.product | headers.baseline_mjd) & np.uint64(0xFFFF0000)) == 0
    good &= headers.bin_high == 0
    good &= (headers.weight >= 0) & (headers.weight <= _HEAVIEST)
    return leading(good)


def product_keys(headers: Headers) -> NDArray[np.uint64]:
    """One number for each product of well-formed headers: freq, baseline, polarization and bin, 16 bits each."""
    return headers.product | ((headers.baseline_mjd & np.uint64(HIGHEST_FREQ)) << np.uint64(16))


def product_of(key: int) -> tuple[int, int, int, str, int]:
    """Rows of the antennas and of the FREQ table, polarization and bin of a product's number."""
    baseline = key >> 16 & HIGHEST_FREQ
    letters = (key >> 32 & HIGHEST_FREQ).to_bytes(2, "little").decode("latin-1")
    return (baseline >> 8) - 1, (baseline & 255) - 1, key & HIGHEST_FREQ, letters, key >> 48


def key_of(antenna1: int, antenna2: int, freq: int, polarization: str, pulsar_bin: int) -> int:
    """The number of a product."""
    letters = int.from_bytes(polarization.encode("latin-1"), "little")
    return freq | (antenna1 + 1 << 8 | antenna2 + 1) << 16 | letters << 32 | pulsar_bin << 48


def product_is_sane(key: int) -> bool:
    """Whether antennas and polarization of a product can be."""
    if not (key >> 24 & 255 and key >> 16 & 255):
        return False
    return ord("!") <= key >> 32 & 255 <= ord("~") and ord("!") <= key >> 40 & 255 <= ord("~")


def run_starts(headers: Headers) -> NDArray[np.intp]:
    """Places at which the time, the configuration or the source differs from that of the record before."""
    days = headers.baseline_mjd >> np.uint64(32)
    changed = np.empty(days.size, dtype=np.bool_)
    changed[:1] = True
    np.not_equal(headers.seconds[1:], headers.seconds[:-1], out=changed[1:])
    changed[1:] |= days[1:] != days[:-1]
    changed[1:] |= headers.config_source[1:] != headers.config_source[:-1]
    return np.flatnonzero(changed)


class Runs(NamedTuple):
    """Records in succession that agree in time, configuration and source.

    Attributes
    ----------
    starts : ndarray of int
        Place of the first record of each.
    times_ns, sources, configs : ndarray of int
    """

    starts: NDArray[np.intp]
    times_ns: NDArray[np.int64]
    sources: NDArray[np.int32]
    configs: NDArray[np.int32]

    def before(self, count: int) -> Runs:
        """What of them lies in the first `count` records."""
        return Runs._make(column[: np.searchsorted(self.starts, count)] for column in self)


def runs_of(headers: Headers) -> tuple[Runs, int]:
    """Runs of headers, and how many records lie before the first of a time or place that cannot be."""
    starts = run_starts(headers)
    days = (headers.baseline_mjd[starts] >> np.uint64(32)).astype(np.int64)
    seconds = headers.seconds[starts].view(np.float64)
    places = headers.config_source[starts]
    configs = (places & np.uint64(0xFFFFFFFF)).astype(np.uint32).view(np.int32)
    sources = (places >> np.uint64(32)).astype(np.uint32).view(np.int32)
    sane = leading(
        (days >= _FIRST_MJD)
        & (days <= _LAST_MJD)
        & (seconds >= 0)
        & (seconds < _LAST_SECOND)
        & (configs >= 0)
        & (sources >= 0)
    )
    count = headers.start.size if sane == starts.size else int(starts[sane])
    times = (days[:sane] - UNIX_EPOCH_MJD) * (DAY_S * _NANO)
    times += np.rint(seconds[:sane] * _NANO).astype(np.int64)
    return Runs(starts[:sane], times, sources[:sane], configs[:sane]), count


def problem_of(header: bytes) -> str:
    """What is wrong with the numbers of one header; empty when nothing is."""
    baseline, mjd, seconds, config, source, freq, letters, pulsar_bin, weight = _SCALAR.unpack_from(header)
    ranges = (
        ("day (MJD)", mjd, _FIRST_MJD, _LAST_MJD),
        ("seconds", seconds, 0, _LAST_SECOND),
        ("baseline", baseline, 257, HIGHEST_FREQ),
        ("second antenna of baseline", baseline & 255, 1, 255),
        ("configuration", config, 0, 2**31),
        ("source", source, 0, 2**31),
        ("frequency", freq, 0, HIGHEST_FREQ),
        ("pulsar bin", pulsar_bin, 0, HIGHEST_FREQ),
        ("weight", weight, 0, _HEAVIEST),
    )
    for name, value, lowest, highest in ranges:
        if not lowest <= value <= highest or (name == "seconds" and value == highest):
            return f"a header whose {name} is {value}"
    if not _are_letters(letters.decode("latin-1")):
        return f"a header whose polarization is {letters!r}"
    return ""


def is_sane(header: bytes) -> bool:
    """Whether bytes are a whole header that can be."""
    return len(header) == HEADER_BYTES and header.startswith(START) and not problem_of(header)


def freq_of(header: bytes) -> int:
    """Row of the FREQ table of one header."""
    return int.from_bytes(header[32:36], "little", signed=True)


def day_of(header: bytes) -> int:
    """MJD of one header."""
    return int.from_bytes(header[12:16], "little", signed=True)


def _are_letters(text: str) -> bool:
    return all("!" <= letter <= "~" for letter in text)
