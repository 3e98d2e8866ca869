# SPDX-License-Identifier: GPL-3.0-or-later
"""Speed of reading and writing job files, as ratios within one run: ``python tests/benchmarks/bench_formats.py``.

An ``.input`` as large as those of the largest arrays (12 antennas, 60 zoom bands each, 4 polarisation products: more
than 40,000 lines) is made and read, against the plain loop that splits every line at its colon into a dictionary and
understands nothing. The goal is 0.3 s. Contestants are timed in turn and the best time counts.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import combinations

from difxnb.formats.input import (
    Band,
    Baseline,
    BaselineFreq,
    Configuration,
    Datastream,
    Freq,
    Input,
    RecordedFreq,
    Rule,
    Telescope,
    ZoomFreq,
    format_input,
    parse_input,
)

ANTENNAS, ZOOMS = 12, 60
GOAL_S = 0.3


def best_times(*contestants: Callable[[], object], rounds: int = 7) -> list[float]:
    """Best time of each, in seconds."""
    best = [float("inf")] * len(contestants)
    for _ in range(rounds):
        for place, contestant in enumerate(contestants):
            begin = time.perf_counter()
            contestant()
            best[place] = min(best[place], time.perf_counter() - begin)
    return best


def large_input() -> Input:
    """A job of an array at 86 GHz whose zoom bands are all correlated."""
    freqs = [Freq(86000, 2048, "U", 16384, 1), *(Freq(86000 + 32 * n, 32, "U", 256, 1) for n in range(ZOOMS))]
    products = [
        [(2 + 2 * z, 2 + 2 * z), (3 + 2 * z, 3 + 2 * z), (2 + 2 * z, 3 + 2 * z), (3 + 2 * z, 2 + 2 * z)]
        for z in range(ZOOMS)
    ]
    baselines = [
        Baseline(a, b, [BaselineFreq(1 + z, list(products[z])) for z in range(ZOOMS)])
        for a, b in combinations(range(ANTENNAS), 2)
    ]
    config = Configuration(
        "default",
        0.512,
        datastream_indices=list(range(ANTENNAS)),
        baseline_indices=list(range(len(baselines))),
    )
    return Input(
        active_datastreams=ANTENNAS,
        active_baselines=len(baselines),
        configurations=[config],
        rules=[Rule()],
        freqs=freqs,
        telescopes=[Telescope(f"A{row}", 60310.0, [0.5, 1e-6]) for row in range(ANTENNAS)],
        datastreams=[large_datastream(row) for row in range(ANTENNAS)],
        baselines=baselines,
    )


def large_datastream(row: int) -> Datastream:
    return Datastream(
        telescope_index=row,
        recorded_freqs=[RecordedFreq(0, num_pols=2)],
        bands=[Band("R", 0), Band("L", 0)],
        zoom_freqs=[ZoomFreq(1 + zoom, 2) for zoom in range(ZOOMS)],
        zoom_bands=[Band(pol, zoom) for zoom in range(ZOOMS) for pol in "RL"],
        files=[f"/data/a{row}.vdif"],
    )


def split_at_colons(text: str) -> dict[str, str]:
    """The obvious way."""
    found = {}
    for line in text.split("\n"):
        if ":" in line:
            key, value = line.split(":", 1)
            found[key.strip()] = value.strip()
    return found


def main() -> None:
    text = format_input(large_input())
    inp = parse_input(text)
    changed = parse_input(text)
    changed.start_mjd += 1
    changed.baselines[40].freqs.pop(3)
    changed.datastreams[5].files.append("/data/more.vdif")
    plain, read, kept, patched, frame, shown = best_times(
        lambda: split_at_colons(text),
        lambda: parse_input(text),
        lambda: format_input(inp),
        lambda: format_input(changed),
        lambda: inp.frame("products"),
        lambda: repr(inp),
    )
    print(f".input of {text.count(chr(10)):,} lines, {len(text) / 1e6:.1f} MB")
    print(f"  split at colons          {plain:.3f} s")
    print(f"  read                     {read:.3f} s, {read / plain:.1f} x that (goal {GOAL_S} s)")
    print(f"  write unchanged          {kept:.3f} s, {kept / plain:.1f} x")
    print(f"  write with three changes {patched:.3f} s, {patched / plain:.1f} x")
    print(f"  products as DataFrame    {frame:.3f} s, {frame / plain:.1f} x")
    print(f"  repr                     {shown:.3f} s, {shown / plain:.1f} x")


if __name__ == "__main__":
    main()
