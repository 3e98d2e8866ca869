# SPDX-License-Identifier: GPL-3.0-or-later
"""What a frame of a live picture costs: ``python tests/benchmarks/bench_panels.py [--frames 60]``.

Printed are the CPU of a frame of 12 curves of 512 points (amplitude, phase and lag of 6 baselines, two hands) drawn as
the monitor panel does, PNG included, the same drawn as a whole with its own PNG, and their ratio; of every other
kind of picture a frame with one new integration. Last, frames per second that a painter thread gets out (4 at
most) while the main thread sleeps and while it runs a loop in Python.
"""

from __future__ import annotations

import argparse
import io
import statistics
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

sys.path.insert(0, str(Path(__file__).parents[2]))

from difxnb.plots.live import VIEWS, LiveView, Look
from difxnb.visibility import fringe_fit

ANTENNAS, CHANNELS, INTEGRATIONS, PERIOD_S = 4, 512, 64, 0.25
GOAL_MS = 30.0


def made() -> xr.Dataset:
    """Visibilities of 6 baselines and two hands, with fringes in noise."""
    rng = np.random.default_rng(1)
    names = [f"S{number}" for number in range(ANTENNAS)]
    pairs = [(a, b) for a in range(ANTENNAS) for b in range(a + 1, ANTENNAS)]
    frequency = 8400e6 + np.arange(CHANNELS) * 31250.0
    shape = (INTEGRATIONS, len(pairs), 1, 2, CHANNELS)
    late = np.array([(b - a) * 50e-9 for a, b in pairs])[:, None, None, None]
    noise = rng.standard_normal((2, *shape))
    values = 0.5 * np.exp(2j * np.pi * frequency * late) + 0.3 * (noise[0] + 1j * noise[1])
    dims = ("time", "baseline", "band", "polarization")
    start = np.datetime64("2024-01-01T12:00:00", "ns")
    return xr.Dataset(
        {
            "VISIBILITY": ((*dims, "channel"), values.astype(np.complex64)),
            "WEIGHT": (dims, np.ones(shape[:-1], np.float32)),
        },
        {
            "time": start + np.arange(INTEGRATIONS) * np.timedelta64(500_000_000, "ns"),
            "scan_name": ("time", np.array(["No0001"] * INTEGRATIONS, dtype=object)),
            "field_name": ("time", np.array(["SRCA"] * INTEGRATIONS, dtype=object)),
            "baseline": [f"{names[a]}-{names[b]}" for a, b in pairs],
            "antenna1_name": ("baseline", [names[a] for a, _ in pairs]),
            "antenna2_name": ("baseline", [names[b] for _, b in pairs]),
            "is_autocorrelation": ("baseline", [False] * len(pairs)),
            "band": [0],
            "frequency": (("band", "channel"), frequency[None]),
            "bandwidth": ("band", [16e6]),
            "sideband": ("band", ["U"]),
            "n_channels": ("band", [CHANNELS]),
            "polarization": ["RR", "LL"],
        },
        {"job": "bench_1", "integration_time": 0.5},
    )


class Frames:
    """Looks at data that grow by an integration each, and the pictures of a kind."""

    def __init__(self, kind: str, dataset: xr.Dataset, fringes: pd.DataFrame) -> None:
        self.view: LiveView[object] = VIEWS[kind]()
        self._dataset, self._fringes, self._version = dataset, fringes, 0
        while self.view.draw(self._look()):
            pass

    def _look(self) -> Look:
        until = self._dataset["time"].values[INTEGRATIONS // 2 + self._version % (INTEGRATIONS // 2)]
        return Look(self._dataset, self._fringes, until=until, version=self._version)

    def draw(self) -> int:
        """Bytes of the next frame."""
        self._version += 1
        return len(self.view.draw(self._look()) or b"")

    def draw_whole(self) -> int:
        """Bytes of the last frame, drawn as a whole: the artists are there already."""
        written = io.BytesIO()
        self.whole.savefig(written, format="png", dpi=100)
        return len(written.getvalue())

    def prepare_whole(self) -> None:
        """Make the figure that `draw_whole` draws."""
        self.whole = self.view.figure()


def cost_ms(work: Callable[[], int], frames: int) -> tuple[float, int]:
    """Median CPU of a call in ms, and bytes of the last one."""
    spent, size = [], work()
    for _ in range(frames):
        begin = time.process_time()
        size = work()
        spent.append(1e3 * (time.process_time() - begin))
    return statistics.median(spent), size


def frames_per_second(frames: Frames, meanwhile: Callable[[float], None], seconds: float) -> float:
    """Frames that a thread draws, four a second at most, while the main thread does something else."""
    done, ended = 0, threading.Event()

    def paint() -> None:
        nonlocal done
        while not ended.is_set():
            begin = time.monotonic()
            frames.draw()
            done += 1
            ended.wait(max(0.0, PERIOD_S - (time.monotonic() - begin)))

    thread = threading.Thread(target=paint)
    begin = time.monotonic()
    thread.start()
    meanwhile(seconds)
    ended.set()
    passed = time.monotonic() - begin
    thread.join()
    return done / passed


def compute(seconds: float) -> None:
    """A loop in Python, as a cell may run it."""
    end, total = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        total += sum(range(1000))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=60)
    count = parser.parse_args().frames
    dataset = made()
    fringes = fringe_fit(dataset)
    spectra = Frames("spectra", dataset, fringes)
    frame, size = cost_ms(spectra.draw, count)
    full_draws = spectra.view.full_draws
    spectra.prepare_whole()
    whole, whole_size = cost_ms(spectra.draw_whole, max(3, count // 6))
    said = "within" if frame < GOAL_MS else "OVER"
    print(
        f"spectra, 12 curves x {CHANNELS}: {frame:.1f} ms CPU a frame ({said} {GOAL_MS:.0f}), {size / 1e3:.0f} kB"
    )
    print(f"  full draws in {count} frames: {full_draws}")
    print(f"  as a whole: {whole:.1f} ms, {whole_size / 1e3:.0f} kB: {whole / frame:.1f} times as much")
    for kind in (kind for kind in VIEWS if kind != "spectra"):
        cost, size = cost_ms(Frames(kind, dataset, fringes).draw, count)
        print(f"{kind}: {cost:.1f} ms, {size / 1e3:.0f} kB")
    for name, meanwhile in (("sleeps", time.sleep), ("computes", compute)):
        print(f"frames/s while the main thread {name}: {frames_per_second(spectra, meanwhile, 5.0):.1f}")


if __name__ == "__main__":
    main()
