# SPDX-License-Identifier: GPL-3.0-or-later
"""Speed and memory of visibilities as Datasets: ``python tests/benchmarks/bench_visibilities.py``.

A SWIN file of at least 1 GB is generated (``--gigabytes``, ``--directory``), and everything is measured in the same
run: opening it from the cache of indices (goal: below 50 ms); the whole file as a dense Dataset against
``numpy.fromfile`` and a copy (goal: 40 % of its rate); the memory that takes (goal: below 1.3 times the result); one
baseline over all times against the whole; a plain reader in Python, record by record, on a part of the file (goal: 20
times its rate); the size of a pickle (goal: below 100 kB).
"""

from __future__ import annotations

import argparse
import os
import pickle
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import combinations_with_replacement
from pathlib import Path

import numpy as np

from difxnb.formats.input import Input, read_input, write_input
from difxnb.formats.input_model import Band, Baseline, BaselineFreq, Freq, RecordedFreq, Telescope
from difxnb.formats.result_layout import ResultProduct, record_order, result_layout
from difxnb.formats.swin import HEADER, SYNC, file_name
from difxnb.visibility import open_visibilities

ALPHA = Path(__file__).parents[1] / "reference" / "mpifxcorr-output" / "alpha_1" / "alpha_1.input"
ANTENNAS, BANDS, CHANNELS = 10, 8, 128
_PLAIN_HEADER = struct.Struct("<Iiiidiii2sidddd")


def make_job(directory: Path, size: float) -> Path:
    """Write a job of many antennas and bands whose SWIN file has about that many bytes."""
    job = read_input(ALPHA)
    freqs = [
        Freq(freq_mhz=8400.0 + 16 * k, bandwidth_mhz=16.0, num_channels=CHANNELS, chans_to_avg=1)
        for k in range(BANDS)
    ]
    bands = [Band(hand, freq) for freq in range(BANDS) for hand in "RL"]
    stream = replace(
        job.datastreams[0],
        recorded_freqs=[RecordedFreq(freq_index=k, num_pols=2) for k in range(BANDS)],
        bands=bands,
        zoom_freqs=[],
        zoom_bands=[],
    )
    products = [
        [(2 * k, 2 * k), (2 * k + 1, 2 * k + 1), (2 * k, 2 * k + 1), (2 * k + 1, 2 * k)] for k in range(BANDS)
    ]
    pairs = [(a, b) for a, b in combinations_with_replacement(range(ANTENNAS), 2) if a != b]
    config = replace(
        job.configurations[0],
        datastream_indices=list(range(ANTENNAS)),
        baseline_indices=list(range(len(pairs))),
    )
    job = replace(
        job,
        freqs=freqs,
        telescopes=[Telescope(name=f"A{k}") for k in range(ANTENNAS)],
        datastreams=[replace(stream, telescope_index=k) for k in range(ANTENNAS)],
        baselines=[Baseline(a, b, [BaselineFreq(k, products[k]) for k in range(BANDS)]) for a, b in pairs],
        configurations=[config],
        active_datastreams=ANTENNAS,
        active_baselines=len(pairs),
        output_filename="large_1.difx",
        calc_filename="large_1.calc",
    )
    input_file = directory / "large_1.input"
    write_input(job, input_file)
    (directory / "large_1.calc").write_bytes(ALPHA.with_suffix(".calc").read_bytes())
    output = directory / "large_1.difx"
    output.mkdir()
    _write_records(output / file_name(job.start_mjd, job.start_seconds), job, size)
    return input_file


def _write_records(path: Path, job: Input, size: float) -> None:
    order = record_order(result_layout(job))
    record = np.dtype([*HEADER.descr, ("spectrum", "<c8", (CHANNELS,))])
    block = np.zeros(len(order), dtype=record)
    block["sync"], block["version"], block["mjd"], block["weight"] = SYNC, 1, job.start_mjd, 0.9
    block["baseline"] = [256 * (one.antenna1 + 1) + one.antenna2 + 1 for one in order]
    block["freq"] = [one.freq_index for one in order]
    block["polarization"] = [one.polarization.encode() for one in order]
    block["spectrum"] = np.random.default_rng(1).normal(size=(len(order), CHANNELS)).astype(np.complex64)
    with path.open("wb") as stream:
        for k in range(max(1, round(size / block.nbytes))):
            block["seconds"] = job.start_seconds + 0.512 * (k + 0.5)
            block.tofile(stream)


def best(contestant: Callable[[], object], rounds: int = 3) -> float:
    """Best time, in seconds."""
    times = []
    for _ in range(rounds):
        begin = time.perf_counter()
        contestant()
        times.append(time.perf_counter() - begin)
    return min(times)


def processor_time(contestant: Callable[[], object]) -> float:
    """Seconds of the processor, which other programs do not lengthen as much."""
    begin = time.process_time()
    for _ in range(5):
        contestant()
    return (time.process_time() - begin) / 5


def plain_reader(path: Path, job: Input, most: int) -> tuple[float, int]:
    """Read records one by one into a dense array, weights and baseline vectors; seconds and bytes."""
    begin = time.perf_counter()
    places = {one: k for k, one in enumerate(dict.fromkeys(product_of(one) for one in result_layout(job)))}
    rows, spectra, weights, vectors = {}, [], [], []
    with path.open("rb") as stream:
        while stream.tell() < most and (head := stream.read(_PLAIN_HEADER.size)):
            _, _, baseline, mjd, seconds, _, _, freq, hands, _, weight, *uvw = _PLAIN_HEADER.unpack(head)
            stamp = datetime(1858, 11, 17) + timedelta(days=mjd, seconds=seconds)
            if stamp not in rows:
                rows[stamp] = len(rows)
                spectra.append(np.full((len(places), CHANNELS), np.nan, dtype=np.complex64))
                weights.append(np.zeros(len(places)))
                vectors.append({})
            row, place = rows[stamp], places[baseline // 256 - 1, baseline % 256 - 1, freq, hands.decode()]
            spectra[row][place] = np.frombuffer(stream.read(8 * CHANNELS), dtype="<c8")
            weights[row][place] = weight
            vectors[row][baseline] = uvw
        used = stream.tell()
    np.stack(spectra)
    return time.perf_counter() - begin, used


def product_of(place: ResultProduct) -> tuple[int, int, int, str]:
    """What the plain reader tells products apart by."""
    return place.antenna1, place.antenna2, place.freq_index, place.polarization


def numpy_reader(path: Path) -> np.ndarray:
    """Read everything at once and copy the spectra together."""
    record = np.dtype([*HEADER.descr, ("spectrum", "<c8", (CHANNELS,))])
    return np.ascontiguousarray(np.fromfile(path, dtype=record)["spectrum"])


def peak_of_loading(input_file: Path) -> None:
    """In a process of its own: how much memory loading takes beyond what it took to open the file."""
    dataset = open_visibilities(input_file)
    before = high_water("VmRSS")
    dataset.load()
    print(f"{(high_water('VmHWM') - before) / dataset.nbytes:.3f}")


def high_water(name: str) -> int:
    """Memory of this process, bytes."""
    (line,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(name)]
    return 1024 * int(line.split()[1])


def bench(input_file: Path) -> None:
    job = read_input(input_file)
    (path,) = sorted(job.companion("difx").iterdir())
    size = path.stat().st_size
    whole = best(lambda: numpy_reader(path), 2)
    print(
        f"{size / 1e9:.2f} GB, {size / (74 + 8 * CHANNELS):.0f} records; numpy.fromfile and a copy: {whole:.2f} s"
    )
    first = best(lambda: open_visibilities(input_file), 1)
    print(f"first opening: {first:.2f} s, {first / whole:.2f} of that")
    parsing = best(lambda: read_input(input_file))
    again = best(lambda: open_visibilities(input_file), 5)
    busy = processor_time(lambda: open_visibilities(input_file))
    print(f"opening from the cache: {1e3 * again:.1f} ms, {1e3 * busy:.1f} ms of the processor; goal 50 ms")
    print(f"  of which reading the .input: {1e3 * parsing:.1f} ms")
    dense = best(lambda: open_visibilities(input_file)["VISIBILITY"].load(), 2)
    print(f"whole dense array: {dense:.2f} s, {whole / dense:.0%} of the rate of numpy; goal 40 %")
    dataset = open_visibilities(input_file, cache=False)
    one = best(lambda: dataset.sel(baseline="A0-A1")["VISIBILITY"].load())
    share = 1 / dataset.sizes["baseline"]
    print(f"one baseline, all times: {one:.3f} s, {one / dense:.1%} of the whole ({share:.1%} of the bytes)")
    print(f"pickle: {len(pickle.dumps(dataset)) / 1e3:.1f} kB; goal 100")
    others = best(lambda: dataset[["WEIGHT", "UVW"]].compute())
    print(f"weights and baseline vectors: {1e3 * others:.1f} ms")
    seconds, used = plain_reader(path, job, min(size, 300_000_000))
    rate, ours, numpys = used / seconds, size / dense, size / whole
    print(
        f"record by record: {rate / 1e6:.0f} MB/s; dense arrays come {ours / rate:.0f} times as fast; goal 20"
    )
    print(f"  (numpy.fromfile and a copy, which tell no product or time, {numpys / rate:.0f} times)")
    command = [sys.executable, __file__, "--peak", str(input_file)]
    peak = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    print(f"memory to load everything: {peak} times the result; goal 1.3")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gigabytes", type=float, default=1.1)
    parser.add_argument("--directory", type=Path)
    parser.add_argument("--peak", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.peak:
        peak_of_loading(chosen.peak)
        return
    with tempfile.TemporaryDirectory(dir=chosen.directory) as directory:
        os.environ["XDG_CACHE_HOME"] = f"{directory}/cache"
        bench(make_job(Path(directory), chosen.gigabytes * 1e9))


if __name__ == "__main__":
    main()
