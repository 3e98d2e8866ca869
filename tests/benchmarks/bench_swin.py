# SPDX-License-Identifier: GPL-3.0-or-later
"""Speed of SWIN files, as ratios within one run: ``python tests/benchmarks/bench_swin.py [--gigabytes 1]``.

Files of 10 antennas, 8 bands and 4 polarization products are made in a temporary directory: spectra of 128 channels,
of 32, bands of different numbers of channels, and those with records missing. Beside each stand ``numpy.fromfile`` of
the same file, ``numpy.fromfile`` and a copy, and the plain reader: a loop that unpacks one header after the other and
keeps every spectrum as an array. Files are in memory when contestants take turns; the best time of each counts.

What is timed is the processor, so that other work on the machine does little harm: nothing here waits for a disk.

Goals: index at half the rate of ``fromfile`` or more, the dense array at 40 % of ``fromfile`` and a copy or more,
reopen from the cache in less than 50 ms, 20 times as fast as the plain reader, peak memory below 1.3 times the result.
"""

from __future__ import annotations

import argparse
import os
import resource
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from difxnb.formats.swin import HEADER, SYNC
from difxnb.formats.swin_cache import cached_index
from difxnb.formats.swin_read import read_cells
from difxnb.formats.swin_scan import index_swin
from difxnb.formats.swin_table import SwinTable

ANTENNAS, POLS = 10, (b"RR", b"LL", b"RL", b"LR")
KINDS = {
    "128 channels": ((128,) * 8, 0.0),
    "32 channels": ((32,) * 8, 0.0),
    "mixed channels": ((32, 64, 128, 16, 32, 64, 128, 16), 0.0),
    "mixed, 1 % missing": ((32, 64, 128, 16, 32, 64, 128, 16), 0.01),
}
PLAIN_BYTES = 200_000_000


def make(path: Path, channels: tuple[int, ...], missing: float, size: int) -> None:
    """Write a file of about so many bytes."""
    rng = np.random.default_rng(1)
    pairs = [(a, b) for a in range(1, ANTENNAS + 1) for b in range(a + 1, ANTENNAS + 1)]
    places = [(256 * a + b, freq, pol) for a, b in pairs for freq in range(len(channels)) for pol in POLS]
    places += [
        (257 * a, freq, pol)
        for a in range(1, ANTENNAS + 1)
        for freq in range(len(channels))
        for pol in POLS[:2]
    ]
    headers = np.zeros(len(places), dtype=HEADER)
    headers["sync"], headers["version"], headers["mjd"], headers["weight"] = SYNC, 1, 60310, 0.9
    headers["baseline"], headers["freq"], headers["polarization"] = zip(*places, strict=True)
    spectra = [rng.normal(size=2 * channels[freq]).astype("<f4").tobytes() for _, freq, _ in places]
    with path.open("wb") as file:
        while file.tell() < size:
            headers["seconds"] += 0.5
            headers["uvw"] += 1
            kept = rng.random(len(places)) >= missing
            file.write(
                b"".join(h.tobytes() + s for h, s, keep in zip(headers, spectra, kept, strict=True) if keep)
            )


def plain(path: Path, channels: tuple[int, ...]) -> dict[float, dict[tuple[int, int, bytes, int], object]]:
    """Read record by record into dictionaries by time and product, as one does without arrays of headers."""
    unpack, found = struct.Struct("<Iiiidiii2sidddd").unpack, {}
    with path.open("rb") as file:
        while header := file.read(74):
            sync, version, baseline, mjd, seconds, config, source, freq, pol, number, weight, *uvw = unpack(
                header
            )
            if (sync, version) != (SYNC, 1):
                raise ValueError(f"no record at byte {file.tell() - 74}")
            spectrum = np.frombuffer(file.read(8 * channels[freq]), dtype="<c8")
            products = found.setdefault(mjd * 86400 + seconds, {})
            products[baseline, freq, pol, number] = (config, source, weight, uvw, spectrum)
    return found


def dense(table: SwinTable) -> np.ndarray:
    """The whole file as one array, products in another order than in the file."""
    n_rows, n_columns = table.offsets.shape
    out = np.empty((n_rows, n_columns, table.products["channels"].max()), dtype=np.complex64)
    read_cells(table, np.arange(n_rows), np.arange(n_columns), np.arange(n_columns)[::-1], out)
    return out


def one_baseline(table: SwinTable) -> np.ndarray:
    """All times, bands and products of one baseline."""
    columns = np.flatnonzero((table.products["antenna1"] == 2) & (table.products["antenna2"] == 5))
    n_rows, most = table.times_ns.size, table.products["channels"].max()
    out = np.empty((n_rows, columns.size, most), dtype=np.complex64)
    read_cells(table, np.arange(n_rows), columns, np.arange(columns.size), out)
    return out


def best_times(*contestants: Callable[[], object], rounds: int = 4) -> list[float]:
    """Best time of each, in seconds."""
    best = [float("inf")] * len(contestants)
    for _ in range(rounds):
        for place, contestant in enumerate(contestants):
            begin = time.process_time()
            contestant()
            best[place] = min(best[place], time.process_time() - begin)
    return best


def bench(kind: str, path: Path, size: int) -> None:
    channels, missing = KINDS[kind]
    make(path, channels, missing, size)
    lookup, table = channels.__getitem__, index_swin(path, channels.__getitem__)
    gigabytes, n_records = path.stat().st_size / 1e9, int((table.offsets >= 0).sum())
    print(f"{kind}: {gigabytes:.2f} GB, {n_records} records")
    cached_index(path, lookup)
    raw, copied, indexed, whole, baseline, cached = best_times(
        lambda: np.fromfile(path, dtype=np.uint8),
        lambda: np.fromfile(path, dtype=np.uint8).copy(),
        lambda: index_swin(path, lookup),
        lambda: dense(table),
        lambda: one_baseline(table),
        lambda: cached_index(path, lookup),
    )
    print(f"  index {gigabytes / indexed:.1f} GB/s, {100 * raw / indexed:.0f} % of fromfile (goal: 50 %)")
    print(
        f"  dense {gigabytes / whole:.1f} GB/s, {100 * copied / whole:.0f} % of fromfile and a copy (goal: 40 %)"
    )
    share = 100 * one_baseline(table).nbytes / dense(table).nbytes
    part = 100 * baseline / whole
    print(f"  one baseline, {share:.1f} % of all: {1e3 * baseline:.0f} ms, {part:.1f} % of the time")
    print(f"  reopen from the cache {1e3 * cached:.0f} ms (goal: 50 ms)")
    bench_plain(path, channels)
    print(f"  peak memory {peak(path, channels):.2f} times the result (goal: 1.3)", flush=True)


def bench_plain(path: Path, channels: tuple[int, ...]) -> None:
    """Against the plain reader, on the beginning of the file: it keeps everything in memory."""
    part = path.with_name("part")
    end = int(np.sort(index_swin(path, channels.__getitem__).offsets[:, 0])[-1])
    with path.open("rb") as file:
        part.write_bytes(file.read(min(end, PLAIN_BYTES)))
    end = index_swin(part, channels.__getitem__, growing=True).end
    os.truncate(part, end)
    slow, fast = best_times(
        lambda: plain(part, channels), lambda: index_swin(part, channels.__getitem__), rounds=3
    )
    print(f"  index {slow / fast:.0f} times as fast as the plain reader (goal: 20)")


def peak(path: Path, channels: tuple[int, ...]) -> float:
    """Peak memory of a process that indexes a file and reads all of it, beyond what it has to begin with."""
    done = subprocess.run(
        [sys.executable, __file__, "--peak", str(path), *map(str, channels)],
        stdout=subprocess.PIPE,
        check=True,
    )
    return float(done.stdout)


def told_peak(path: Path, channels: tuple[int, ...]) -> None:
    before = peak_bytes()
    out = dense(index_swin(path, channels.__getitem__))
    print((peak_bytes() - before) / out.nbytes)


def peak_bytes() -> int:
    """Most memory that this process ever had; Linux's resource usage counts that of its parent too."""
    status = Path("/proc/self/status")
    if status.exists():
        (line,) = (line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--gigabytes", type=float, default=1.0)
    arguments.add_argument("--peak", nargs="+", help=argparse.SUPPRESS)
    given = arguments.parse_args()
    if given.peak:
        told_peak(Path(given.peak[0]), tuple(map(int, given.peak[1:])))
        return
    with tempfile.TemporaryDirectory() as directory:
        os.environ["XDG_CACHE_HOME"] = f"{directory}/cache"
        for kind in KINDS:
            bench(kind, Path(directory, "swin"), int(given.gigabytes * 1e9))


if __name__ == "__main__":
    main()
