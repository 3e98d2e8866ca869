# SPDX-License-Identifier: GPL-3.0-or-later
"""SWIN files that are made for tests, and their tables by the plainest means: one record after the other."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import strategies as st

from difxnb.formats.mjd import DAY_S, UNIX_EPOCH_MJD
from difxnb.formats.swin import HEADER, SwinRecord, baseline_number, encode_record, read_records
from difxnb.formats.swin_table import PRODUCT, SwinTable

START = bytes.fromhex("00ff00ff01000000")
MJD = 60310


def spectrum(channels: int, number: int, kind: str = "noise") -> np.ndarray:
    """Values of which each tells where it belongs; or full of what a record begins with, or of whole records."""
    if kind == "starts":
        return np.frombuffer(START * channels, dtype="<c8")
    if kind == "records":  # as far apart as whole channels never are; their own spectra are of 4 channels
        false = record(number, 4, polarization="FF") * (channels // 13 + 1)
        return np.frombuffer(false[: 8 * channels], dtype="<c8")
    return (number + 1j * np.arange(channels)).astype(np.complex64)


def record(number: int, channels: int, kind: str = "noise", **values: Any) -> bytes:
    """A record of some time, 0 unless `time` says, and product."""
    time = values.pop("time", 0)
    header = {
        "baseline": baseline_number(values.pop("antenna1", 0), values.pop("antenna2", 1)),
        "mjd": MJD,
        "seconds": 43200.25 + time / 2,
        "config": 0,
        "source": 0,
        "freq": 0,
        "polarization": "RR",
        "pulsar_bin": 0,
        "weight": number % 16 / 16,
        "uvw": (number, -number, time),
    }
    return encode_record(spectrum=spectrum(channels, number, kind), **(header | values))


def whole_job(
    channels: Sequence[int],
    times: int,
    *,
    antennas: int = 3,
    pols: Sequence[str] = ("RR", "LL"),
    missing: float = 0.0,
    kind: str = "noise",
    seed: int = 1,
) -> list[bytes]:
    """Records of a job: all baselines, bands and polarizations, autocorrelations last, some left out."""
    chance, found = random.Random(seed), []
    pairs = [(a, b) for a in range(antennas) for b in range(a + 1, antennas)] + [
        (a, a) for a in range(antennas)
    ]
    for time in range(times):
        for antenna1, antenna2 in pairs:
            for freq, count in enumerate(channels):
                for pol in pols:
                    if chance.random() >= missing:
                        place = {
                            "antenna1": antenna1,
                            "antenna2": antenna2,
                            "freq": freq,
                            "polarization": pol,
                        }
                        found.append(record(len(found), count, kind, time=time, **place))
    return found


@st.composite
def jobs(draw: st.DrawFn, kinds: Sequence[str] = ("noise", "starts")) -> tuple[list[bytes], dict[int, int]]:
    """Records of a small job in any order within an integration, some missing; and channels by frequency."""
    counts = dict(enumerate(draw(st.lists(st.integers(1, 12), min_size=1, max_size=3))))
    bins, kind = draw(st.integers(1, 2)), draw(st.sampled_from(kinds))
    pols = draw(st.sampled_from((("RR",), ("RR", "LL"), ("XX", "XY", "YX", "YY"))))
    chance, found = random.Random(draw(st.integers(0, 99))), []
    missing, shuffled = draw(st.sampled_from((0.0, 0.0, 0.2))), draw(st.booleans())
    for time in range(draw(st.integers(1, 5))):
        places = [
            {"antenna1": a, "antenna2": b, "freq": freq, "polarization": pol, "pulsar_bin": number}
            for a, b in ((0, 1), (0, 2), (1, 2), (0, 0), (1, 1))
            for freq in counts
            for number in range(bins)
            for pol in pols
            if chance.random() >= missing
        ]
        if shuffled:
            chance.shuffle(places)
        source, config = time // 2, chance.randrange(2)
        for place in places:
            # Autocorrelations may be of a source that is no phase centre.
            of = source + (place["antenna1"] == place["antenna2"])
            content = record(
                len(found), counts[place["freq"]], kind, time=time, source=of, config=config, **place
            )
            found.append(content)
    return found, counts


def plain_table(path: Path, channels: Any = None, records: Iterable[SwinRecord] | None = None) -> SwinTable:
    """Table of a file without damage, made of its records one by one."""
    found = list(read_records(path, channels) if records is None else records)
    rows = {time: row for row, time in enumerate(sorted({_time_ns(one) for one in found}))}
    columns: dict[Any, int] = {}
    pairs: dict[Any, int] = {}
    for one in found:
        columns.setdefault(_product(one), len(columns))
        pairs.setdefault((one.antenna1, one.antenna2), len(pairs))
    offsets = np.full((len(rows), len(columns)), -1, dtype=np.int64)
    weights = np.zeros(offsets.shape, dtype=np.float32)
    uvw = np.full((len(rows), len(pairs), 3), np.nan)
    places: dict[int, SwinRecord] = {}
    duplicates = end = 0
    for one in found:
        row, column, pair = rows[_time_ns(one)], columns[_product(one)], pairs[one.antenna1, one.antenna2]
        duplicates += int(offsets[row, column] >= 0)
        offsets[row, column], weights[row, column] = one.offset, one.weight
        if np.isnan(uvw[row, pair]).all():
            uvw[row, pair] = one.uvw
        known = places.setdefault(row, one)
        if known.antenna1 == known.antenna2 and one.antenna1 != one.antenna2:
            places[row] = one
        end = one.offset + HEADER.itemsize + one.spectrum.nbytes
    return SwinTable(
        path=path.absolute(),
        end=end,
        times_ns=np.array(list(rows), dtype=np.int64),
        sources=np.array([places[row].source for row in range(len(rows))], dtype=np.int32),
        configs=np.array([places[row].config for row in range(len(rows))], dtype=np.int32),
        products=np.array(list(columns), dtype=PRODUCT),
        offsets=offsets,
        weights=weights,
        pairs=np.array(list(pairs), dtype=np.int32).reshape(-1, 2),
        uvw=uvw,
        duplicates=duplicates,
    )


def assert_equal(found: SwinTable, expected: SwinTable, *, but: Mapping[str, Any] | None = None) -> None:
    """Compare two tables field by field, dtypes included."""
    for field in fields(SwinTable):
        value = getattr(found, field.name)
        wanted = (but or {}).get(field.name, getattr(expected, field.name))
        if isinstance(value, np.ndarray):
            assert value.dtype == wanted.dtype, field.name
            np.testing.assert_array_equal(value, wanted, err_msg=field.name)
        else:
            assert value == wanted, field.name


def _time_ns(one: SwinRecord) -> int:
    return (one.mjd - UNIX_EPOCH_MJD) * DAY_S * 10**9 + round(one.seconds * 1e9)


def _product(one: SwinRecord) -> tuple[Any, ...]:
    return (one.antenna1, one.antenna2, one.freq, one.polarization, one.pulsar_bin, one.spectrum.size)
