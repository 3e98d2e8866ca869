# SPDX-License-Identifier: GPL-3.0-or-later
"""Fringes per second: ``python tests/benchmarks/bench_fringe.py [--baselines 45] [--bands 16]``.

`fringe_fit` of a scan with two polarizations, 60 integrations and 256 channels beside the least that can be done: the
highest point of a twofold zero-padded ``numpy.fft.fft2`` of each product, without any refinement, errors or noise.
Both in the same run, one after the other and twice. With the whole Dataset in memory, what the fit needs beside it is
measured; the delays must be those that were put in.
"""

from __future__ import annotations

import argparse
import sys
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import xarray as xr

sys.path.insert(0, str(Path(__file__).parents[2]))

from difxnb.visibility import fringe_fit
from tests.injected_fringes import Band, Station, expected, injected, regular

CHANNELS, INTEGRATIONS, INTEGRATION_S = 256, 60, 1.0


def make(baselines: int, bands: int) -> tuple[xr.Dataset, dict[str, Station]]:
    """A scan of stations, each late by something else; the noise of one band is that of all."""
    rng = np.random.default_rng(1)
    count = int(np.ceil((1 + np.sqrt(1 + 8 * baselines)) / 2))
    stations = {
        f"S{row:02d}": Station(rng.uniform(-1e-6, 1e-6), rng.uniform(-2e-12, 2e-12)) for row in range(count)
    }
    scans = (("No0001", "SRCA", regular(INTEGRATIONS, INTEGRATION_S)),)
    rows = tuple(Band(8400e6 + 32e6 * row, 16e6, CHANNELS) for row in range(bands))
    made = injected(stations, bands=rows, scans=scans, integration_s=INTEGRATION_S, amplitude=0.3)
    return made.isel(baseline=slice(0, baselines)), stations


def plain(dataset: xr.Dataset) -> int:
    """Highest point of the padded transform of each product."""
    values = dataset["VISIBILITY"].values
    found = 0
    for place in np.ndindex(values.shape[1:4]):
        block = values[(slice(None), *place)]
        plane = np.fft.fft2(block, s=(2 * block.shape[0], 2 * block.shape[1]))
        found += int(np.abs(plane).argmax() >= 0)
    return found


def seconds(work: Callable[[], object], clock: Callable[[], float] = time.perf_counter) -> float:
    begin = clock()
    work()
    return clock() - begin


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--baselines", type=int, default=45)
    parser.add_argument("--bands", type=int, default=16)
    options = parser.parse_args()
    dataset, stations = make(options.baselines, options.bands)
    fits = int(np.prod(dataset["WEIGHT"].shape[1:]))
    table = fringe_fit(dataset)
    delay, rate = expected(stations, table)
    pulls = [
        (table["delay"] - delay) / table["delay_error"],
        (table["delay_rate"] - rate) / table["delay_rate_error"],
    ]
    if max(np.abs(one).max() for one in pulls) > 6:
        raise SystemExit("the fits are not those that were put in")
    ours = theirs = np.inf
    for _ in range(2):
        ours = min(ours, seconds(lambda: fringe_fit(dataset)))
        theirs = min(theirs, seconds(lambda: plain(dataset)))
    print(f"{fits} fits of {INTEGRATIONS} x {CHANNELS}: {ours:.2f} s, {fits / ours:.0f} fits/s, ", end="")
    print(f"{theirs / ours:.2f} x the rate of numpy.fft.fft2 without refinement ({fits / theirs:.0f}/s)")
    cores = [
        seconds(work, time.process_time) for work in (lambda: fringe_fit(dataset), lambda: plain(dataset))
    ]
    print(f"time of all cores together: {cores[0]:.2f} s, that of numpy.fft.fft2 {cores[1]:.2f} s")
    tracemalloc.start()
    fringe_fit(dataset)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    print(f"memory beside {dataset['VISIBILITY'].nbytes / 1e6:.0f} MB of visibilities: {peak / 1e6:.0f} MB")
    for name, how in (("multi-band", {"multiband": True}), ("both hands", {"combine_polarizations": True})):
        took = seconds(lambda how=how: fringe_fit(dataset, **how))  # type: ignore[misc]
        print(f"{name}: {took:.2f} s")


if __name__ == "__main__":
    main()
