# SPDX-License-Identifier: GPL-3.0-or-later
"""Speed of logs, tones and delay models, as ratios within one run: ``python tests/benchmarks/bench_logs.py``.

A ``.difxlog`` of 100,000 lines to a DataFrame (the goal is a second) against the plain loop that one would write with
a regular expression and strptime; an hour of 64 tones to a Dataset against converting word by word; baseline
vectors of 100,000 times against asking for one time after the other. Everything is generated; contestants take turns,
and the best time counts: seconds of the processor, which other work on the machine does not change much.
"""

from __future__ import annotations

import random
import re
import tempfile
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd

from difxnb.formats.im import read_im
from difxnb.formats.input import read_input
from difxnb.formats.pcal import PcalBlock, PcalFile, write_pcal
from difxnb.tables.difxlog import JobLog
from difxnb.visibility.phase_cal import read_pcal
from difxnb.visibility.uvw import uvw_of_times

JOB = Path(__file__).parents[1] / "reference" / "mpifxcorr-output" / "alpha_1" / "alpha_1"
LINES = 100_000
HOUR, BANDS, TONES = 3600, 4, 16
TIMES = 100_000
NOON_NS = 1704110400 * 10**9
_LINE = re.compile(r"(.{24}) +(-?\d+) (\S+) +([A-Z]+) ? ?(.*)")


def best_times(*contestants: Callable[[], object], rounds: int = 5) -> list[float]:
    """Best time of each, in seconds of the processor."""
    best = [float("inf")] * len(contestants)
    for _ in range(rounds):
        for place, contestant in enumerate(contestants):
            begin = time.process_time()
            contestant()
            best[place] = min(best[place], time.process_time() - begin)
    return best


def log_text() -> bytes:
    """A job of ten antennas, an integration a second, seven lines each."""
    when, dice = datetime(2024, 12, 29, 7, 30), random.Random(1)
    lines = [
        f"{when.ctime()}   0 head INFO  STARTING mpifxcorr version 2.9.0",
        f"{when.ctime()}   0 head  STATUS Starting  Version 2.9.0",
    ]
    for number in range(LINES // 7 + 1):
        when += timedelta(seconds=1)
        tag = f"{when.ctime()}   0 head"
        weights = "".join(f"{dice.random():5.2f}" for _ in range(10))
        lines += [
            f"{tag} INFO  Vis. {number % 80} to write out time {number}",
            f"{tag} INFO  0/80 visibilities locked for accumulation, most recent index is {number % 80}",
            f"{tag} INFO  Min/Mean/Max number of subints processed is {number}/{number}/{number}",
            f"{tag}  STATUS Running  ",
            f"{tag}  WEIGHTS{weights}",
            f"{tag} INFO  Vis. {number % 80} is incrementing, since currentsubints = 80",
            f"{tag} INFO  The approximate mjd/seconds is 60310/{43200 + number}",
        ]
    return ("\n".join(lines[:LINES]) + "\n").encode()


def bench_log() -> None:
    data = log_text()

    def whole() -> pd.DataFrame:
        return JobLog(data).frame()

    def everything() -> object:
        log = JobLog(data)
        return log.frame(), log.runs, log.weights(), log.alerts()

    def plain() -> pd.DataFrame:
        rows = []
        for line in data.decode().splitlines():
            stamp, rank, host, kind, text = _LINE.fullmatch(line).groups()  # type: ignore[union-attr]
            rows.append((datetime.strptime(stamp, "%a %b %d %H:%M:%S %Y"), int(rank), host, kind, text))
        return pd.DataFrame(rows, columns=["time", "rank", "host", "kind", "text"])

    assert len(whole()) == len(plain()) == LINES
    ours, more, theirs = best_times(whole, everything, plain)
    print(f".difxlog of {LINES} lines, {len(data) / 1e6:.1f} MB")
    print(f"    to a DataFrame                     {ours:6.3f} s   (goal 1 s)")
    print(f"    a plain loop with a regex          {theirs:6.3f} s   {theirs / ours:5.1f} x ours")
    print(f"    with runs, weights and alerts      {more:6.3f} s")


def pcal_file(folder: Path) -> Path:
    """An hour of one antenna, an integration a second."""
    frequency = 8400 + 16.0 * np.arange(BANDS)[:, None] + np.arange(1, TONES + 1)
    letters = np.broadcast_to(np.array(["R", "L"] * (BANDS // 2))[:, None], frequency.shape)
    times = NOON_NS + np.arange(HOUR) * 10**9 + 5 * 10**8
    values = np.random.default_rng(1).normal(size=(HOUR, BANDS, TONES, 2)) @ [1, 1j]
    block = PcalBlock(0, frequency, letters, times, np.full(HOUR, 10**9), values.astype(np.complex64))
    path = folder / "PCAL_60310_043200_AA"
    write_pcal(PcalFile(None, "AA", 60310, 43200, [block]), path)
    return path


def bench_tones(folder: Path) -> None:
    path = pcal_file(folder)

    def plain() -> np.ndarray:
        rows = []
        for line in path.read_text().splitlines():
            if not line.startswith("#"):
                words = line.split()
                rows.append(
                    [complex(float(words[k + 2]), float(words[k + 3])) for k in range(6, len(words), 4)]
                )
        return np.array(rows, dtype=np.complex64)

    found = np.sort_complex(read_pcal(path)["PHASE_CAL"].values.ravel())
    np.testing.assert_array_equal(found[~np.isnan(found)], np.sort_complex(plain().ravel()))
    ours, theirs = best_times(lambda: read_pcal(path), plain)
    print(f"PCAL of {HOUR} integrations of {BANDS * TONES} tones, {path.stat().st_size / 1e6:.1f} MB")
    print(f"    to a Dataset, every word checked   {ours:6.3f} s")
    print(f"    a plain loop                       {theirs:6.3f} s   {theirs / ours:5.1f} x ours")


def bench_model() -> None:
    im, inp = read_im(JOB.with_suffix(".im")), read_input(JOB.with_suffix(".input"))
    pairs = [(first, second) for first in range(3) for second in range(first, 3)]
    times = NOON_NS + np.linspace(0, 119e9, TIMES).astype(np.int64)
    fields = [im.scans[0].pointing_source] * TIMES
    few = TIMES // 100

    def one_by_one() -> None:
        for when in times[:few]:
            stamp = when.view("datetime64[ns]")
            ends = [im.uvw(antenna, stamp) for antenna in range(3)]
            for first, second in pairs:
                ends[first] - ends[second]

    ours, theirs = best_times(lambda: uvw_of_times(im, inp, pairs, times, fields), one_by_one)
    print(f"baseline vectors of {TIMES} times and {len(pairs)} baselines")
    print(f"    at once                            {ours:6.3f} s")
    print(f"    one time after the other           {100 * theirs:6.3f} s   {100 * theirs / ours:5.0f} x ours")


def main() -> None:
    bench_log()
    with tempfile.TemporaryDirectory() as folder:
        bench_tones(Path(folder))
    bench_model()


if __name__ == "__main__":
    main()
