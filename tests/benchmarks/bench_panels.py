# SPDX-License-Identifier: GPL-3.0-or-later
"""What a frame of a live picture costs: ``python tests/benchmarks/bench_panels.py [--frames 60]``.

Printed are the CPU of a frame of 12 curves of 512 points (amplitude, phase and lag of 6 baselines, two hands) drawn as
the monitor panel does, PNG included, the same drawn as a whole with its own PNG, and their ratio; of every other
kind of picture a frame with one new integration. Then frames per second that a painter thread gets out (4 at
most) while the main thread sleeps and while it runs a loop in Python. Last, in processes of their own: `import difxnb`,
``difxnb --help`` and the first panel of a session, each beside the obvious alternative.
"""

from __future__ import annotations

import argparse
import io
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

sys.path.insert(0, str(Path(__file__).parents[2]))

from difxnb.panels.painter import Painter
from difxnb.plots.live import VIEWS, LiveView, Look
from difxnb.visibility import fringe_fit

ANTENNAS, CHANNELS, INTEGRATIONS, PERIOD_S = 4, 512, 64, 0.25
GOAL_MS, GOAL_RATE, GOAL_PANEL_S, GOAL_IMPORT_MS, GOAL_HELP_MS = 30.0, 3.0, 2.0, 100.0, 300.0
STARTS = 3
FIRST_PANEL = """
import time
import IPython, difxnb
with difxnb.demo() as difx:
    begin, cpu = time.monotonic(), time.process_time()
    panel = difx.panel()
    panel.paint()
    print(time.monotonic() - begin, time.process_time() - cpu)
    begin, cpu = time.monotonic(), time.process_time()
    from matplotlib import pyplot
    pyplot.figure().savefig("/dev/null", format="png")
    print(time.monotonic() - begin, time.process_time() - cpu)
"""


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


class Counted:
    """Frames, as something that a painter looks after."""

    def __init__(self, frames: Frames) -> None:
        self._frames, self.done = frames, 0

    def paint(self) -> None:
        self._frames.draw()
        self.done += 1

    def note_failure(self, error: Exception) -> None:
        raise error


def frames_per_second(frames: Frames, meanwhile: Callable[[float], None], seconds: float) -> float:
    """Frames that a painter draws, four a second at most, while the main thread does something else."""
    painter, counted = Painter(), Counted(frames)
    begin = time.monotonic()
    painter.add(counted)
    meanwhile(seconds)
    done, passed = counted.done, time.monotonic() - begin
    painter.remove(counted)
    return done / passed


def compute(seconds: float) -> None:
    """A loop in Python, as a cell may run it."""
    end, total = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        total += sum(range(1000))


def start_ms(*arguments: str) -> tuple[float, float]:
    """Shortest time and CPU of a few runs of a Python, ms."""
    wall, cpu = [], []
    for _ in range(STARTS):
        before, begin = os.times(), time.monotonic()
        subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
        wall.append(1e3 * (time.monotonic() - begin))
        now = os.times()
        cpu.append(1e3 * (now.children_user + now.children_system - before[2] - before[3]))
    return min(wall), min(cpu)


def tell(what: str, value: float, goal: float, unit: str, beside: str, *, is_least: bool = False) -> None:
    """Print a number, its goal, and what it is to be compared with."""
    is_met = value >= goal if is_least else value < goal
    print(
        f"{what}: {value:.1f} {unit} (goal: {'at least' if is_least else 'below'} {goal:g}, "
        f"{'met' if is_met else 'MISSED'}); {beside}"
    )


def tell_starts() -> None:
    """Print what beginning costs."""
    needed, _ = start_ms("-c", "import matplotlib, pandas, xarray, ipywidgets")
    for what, arguments, goal in (
        ("import difxnb", ("-c", "import difxnb"), GOAL_IMPORT_MS),
        ("difxnb --help", ("-m", "difxnb", "--help"), GOAL_HELP_MS),
    ):
        wall, cpu = start_ms(*arguments)
        beside = (
            f"CPU {cpu:.0f} ms; to import all it may need: {needed:.0f} ms, {needed / wall:.1f} times as long"
        )
        tell(what, wall, goal, "ms", beside)
    ran = subprocess.run([sys.executable, "-c", FIRST_PANEL], check=True, capture_output=True, text=True)
    (wall, cpu), (plot, plot_cpu) = (map(float, line.split()) for line in ran.stdout.splitlines()[-2:])
    beside = f"CPU {cpu:.2f} s; a first, empty picture of pyplot takes {plot:.2f} s, CPU {plot_cpu:.2f} s"
    tell("first panel", wall, GOAL_PANEL_S, "s", beside)


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
    sizes = f"{size / 1e3:.0f} and {whole_size / 1e3:.0f} kB"
    beside = f"as a whole {whole:.1f} ms, {whole / frame:.1f} times as much; {sizes}"
    tell(f"spectra, 12 curves x {CHANNELS}, CPU a frame", frame, GOAL_MS, "ms", beside)
    print(f"  full draws in {count} frames: {full_draws}")
    for kind in (kind for kind in VIEWS if kind != "spectra"):
        frames = Frames(kind, dataset, fringes)
        cost, size = cost_ms(frames.draw, count)
        frames.prepare_whole()
        whole, _ = cost_ms(frames.draw_whole, max(3, count // 10))
        print(
            f"{kind}: {cost:.1f} ms, {size / 1e3:.0f} kB; as a whole {whole:.1f} ms, {whole / cost:.1f} times as much"
        )
    for name, meanwhile in (("sleeps", time.sleep), ("computes", compute)):
        rate = frames_per_second(spectra, meanwhile, 5.0)
        tell(f"frames while the main thread {name}", rate, GOAL_RATE, "/s", "4 at most", is_least=True)
    tell_starts()


if __name__ == "__main__":
    main()
