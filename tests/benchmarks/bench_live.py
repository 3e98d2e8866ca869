# SPDX-License-Identifier: GPL-3.0-or-later
"""Share of a CPU that live fringes and quality take: ``python tests/benchmarks/bench_live.py [--seconds 60]``.

Made-up blocks of 45 baselines × 8 bands × 4 products × 128 channels at 4 integrations per second, which is what a
guiServer manages. They are fed as they would come, in real time, to a series that keeps 256 MiB, while fringes and the
quality report are asked for once a second. Printed are CPU seconds per second: of taking the blocks in without and with
cells, of fringes and of quality; the fit of everything that is kept, as often as new data come, stands beside them. The
delays must be those that were put in, of the whole scan.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parents[2]))

from difxnb.aio.live_looks import LiveLooks
from difxnb.visibility import VisibilitySeries
from difxnb.visibility.live.offer import Offer
from difxnb.wire.monitor import Scan, VisibilityBlock
from tests.monitor_lists import plain, right_list
from tests.server.made_jobs import MJD, NAMES, SECONDS

ANTENNAS, BANDS, CHANNELS, INT_TIME, HOUR = 10, 8, 128, 0.25, 3600
SCAN = Scan(0, "No0000", MJD + SECONDS / 86400, MJD + (SECONDS + HOUR) / 86400, "SRC0", 0.1, 0.2)


class Blocks:
    """The job, and the blocks of each of its integrations."""

    def __init__(self) -> None:
        self.input = plain(
            antennas=ANTENNAS,
            bands=tuple((8400.0 + 32 * band, "U") for band in range(BANDS)),
            channels=CHANNELS,
            bandwidth=16.0,
            int_time=INT_TIME,
            autocorrs=False,
        )
        self.input.execute_time = HOUR
        rng = np.random.default_rng(1)
        self.delay = rng.uniform(-1e-6, 1e-6, ANTENNAS)
        self.rate = rng.uniform(-5e-12, 5e-12, ANTENNAS)
        self.offer = Offer(right_list(self.input, SCAN), [SCAN], self.input)
        self.choice = self.offer.choose(None)
        rows = self.choice.frame
        ends = [[NAMES.index(name) for name in rows[f"antenna{end}_name"]] for end in (1, 2)]
        self.late, self.drift = (one[ends[1]] - one[ends[0]] for one in (self.delay, self.rate))
        self.numbers = rows["product"].tolist()
        self.frequency = np.stack([self.input.freqs[band].channel_frequencies_hz for band in rows["band"]])
        noise = rng.standard_normal((2, 4 * len(rows), CHANNELS)).astype(np.float32)
        self.noise = noise[0] + 1j * noise[1]
        self.rng = rng

    def series(self, looks: LiveLooks | None = None) -> VisibilitySeries:
        cells = None if looks is None else looks.cells
        return VisibilitySeries(self.input, self.choice, scans=[SCAN], cells=cells)

    def of(self, number: int) -> list[VisibilityBlock]:
        """All blocks of an integration."""
        seconds = (number + 0.5) * INT_TIME
        turns = self.frequency * (self.late + self.drift * seconds)[:, None]
        first = int(self.rng.integers(0, len(self.noise) - len(turns)))
        values = 0.3 * np.exp(2j * np.pi * np.remainder(turns, 1)) + np.roll(
            self.noise[first : first + len(turns)], number % CHANNELS, axis=1
        )
        second = SECONDS + int(number * INT_TIME)
        return [
            VisibilityBlock(product, CHANNELS, second, 0, "No0000", "SRC0", one, None)
            for product, one in zip(self.numbers, values.astype(np.complex64), strict=True)
        ]

    def true(self, table: object) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Delay and rate of the rows of a table."""
        start = np.datetime64(f"2024-01-01T{SECONDS // 3600:02d}:00:00")
        after = (table["reference_time"].to_numpy() - start) / np.timedelta64(1, "s")  # type: ignore[index]
        one, other = ([NAMES.index(name) for name in table[f"antenna{end}_name"]] for end in (1, 2))  # type: ignore[index]
        rate = self.rate[other] - self.rate[one]
        return self.delay[other] - self.delay[one] + rate * after, rate


def cpu_s(work: Callable[[], object]) -> float:
    """CPU seconds of this process that something takes, all threads."""
    begin = time.process_time()
    work()
    return time.process_time() - begin


def feeding(blocks: Blocks, seconds: float) -> None:
    """Print what taking in costs, all threads, but for the fits."""
    shares = {}
    for name, looks in (("without", None), ("with", LiveLooks())):
        series, making, begin = blocks.series(looks), 0.0, time.process_time()
        for number in range(round(seconds / INT_TIME)):
            before = time.thread_time()
            made = blocks.of(number)
            making += time.thread_time() - before
            for block in made:
                series.add(block)
        spent = 0.0 if looks is None else looks.cells.spent_s
        shares[name] = (time.process_time() - begin - making - spent) / seconds
    print(
        f"taking in {len(blocks.numbers) / INT_TIME:.0f} spectra/s: {shares['without']:.2%} of a CPU, ",
        end="",
    )
    print(f"with cells {shares['with']:.2%}")


def looking(blocks: Blocks, seconds: float) -> None:
    """Feed in real time, ask once a second, print what asking costs and how old the answers are."""
    looks = LiveLooks()
    series = blocks.series(looks)
    looks.quality(series, None, is_final=False)  # loads what it needs
    fringes = quality = longest = costliest = 0.0
    made, reports, ages = set(), 0, []
    begin, last_report = time.monotonic(), None
    for number in range(round(seconds / INT_TIME)):
        due = begin + number * INT_TIME
        integration = blocks.of(number)
        time.sleep(max(0.0, due - time.monotonic()))
        for block in integration:
            at, spent = time.monotonic(), time.thread_time()
            series.add(block)
            costliest = max(costliest, time.thread_time() - spent)
            longest = max(longest, time.monotonic() - at)
        if number % round(1 / INT_TIME) == 0:
            spent = time.thread_time()
            table = looks.fringes(series, is_final=False)
            fringes += time.thread_time() - spent
            spent = time.thread_time()
            report = looks.quality(series, None, is_final=False)
            quality += time.thread_time() - spent
            made.add(table.attrs["until"])
            reports += report is not last_report
            last_report = report
            now = np.datetime64("2024-01-01T12:00:00") + np.timedelta64(round(number * INT_TIME * 1e3), "ms")
            ages.append((now - table.attrs["until"].to_datetime64()) / np.timedelta64(1, "s"))
    background = looks.cells.spent_s - fringes
    print(
        f"{seconds:.0f} s of a job: fringes {fringes / seconds:.1%} of a CPU in {len(made)} tables, ", end=""
    )
    print(
        f"adding cells up {max(0.0, background) / seconds:.1%}, quality {quality / seconds:.1%} in {reports} reports"
    )
    print(f"tables are {np.nanmedian(ages):.0f} s old (median), {np.nanmax(ages):.0f} s at most; ", end="")
    print(f"one `add` took at most {longest * 1e3:.0f} ms, {costliest * 1e3:.1f} ms of CPU")
    table = looks.fringes(series, is_final=True)
    delay, rate = blocks.true(table)
    for name, true in (("delay", delay), ("delay_rate", rate)):
        pulls = (table[name] - true) / table[f"{name}_error"]
        print(f"{name}: off by {pulls.std():.2f} errors (rms), {pulls.abs().max():.1f} at most, ", end="")
        print(f"of {table['n_integrations'].max()} integrations, {len(series)} of them kept")
        if pulls.abs().max() > 6:
            raise SystemExit("the fringes are not those that were put in")
    exact = cpu_s(series.fringes)
    print(
        f"a fit of all that is kept: {exact:.1f} s of CPU, {exact / INT_TIME:.0%} of one if made for each integration"
    )
    print(f"a fit of the cells: {cpu_s(series.fringes_so_far):.2f} s", end="")
    print(f"; a final report: {cpu_s(lambda: looks.quality(series, None, is_final=True)):.1f} s; ", end="")
    print(f"memory at most {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10:.0f} MiB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--seconds", type=float, default=120.0)
    options = parser.parse_args()
    blocks = Blocks()
    feeding(blocks, min(10.0, options.seconds))
    looking(blocks, options.seconds)


if __name__ == "__main__":
    main()
