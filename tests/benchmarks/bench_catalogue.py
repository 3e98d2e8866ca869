# SPDX-License-Identifier: GPL-3.0-or-later
"""Many jobs: ``python tests/benchmarks/bench_catalogue.py [--jobs 2000] [--gigabytes 1.2]``.

The table of many small jobs stands beside a loop that reads ``.input``, ``.calc`` and ``.difxlog`` of each one after
the other, and the function of some large jobs, mapped, beside the same in a plain loop. The large ones are read by a
process of its own, whose peak memory stands beside the size of them all; and by a dask cluster of two workers that may
together have less memory than there are data.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from difxnb import open_jobs, read_calc, read_difxlog, read_input
from difxnb.formats.swin import HEADER
from difxnb.formats.swin_scan import index_swin

REFERENCE = Path(__file__).parents[1] / "reference" / "mpifxcorr-output" / "alpha_1"
SMALL = ("input", "calc", "difxlog")


def make_small(folder: Path, count: int) -> None:
    """Jobs without visibilities: what a catalogue reads of each."""
    texts = {end: (REFERENCE / f"alpha_1.{end}").read_bytes() for end in SMALL}
    for number in range(count):
        for end, text in texts.items():
            (folder / f"job_{number:05d}.{end}").write_bytes(text)


def make_large(folder: Path, count: int, size: int) -> None:
    """Jobs with so many bytes of visibilities each: the integrations of a small one, again and again, later."""
    source = next((REFERENCE / "alpha_1.difx").glob("DIFX*"))
    table = index_swin(source, read_input(REFERENCE / "alpha_1.input").channels)
    content = np.frombuffer(source.read_bytes(), dtype=np.uint8)
    records = content.reshape(int((table.offsets >= 0).sum()), -1)
    for number in range(count):
        make_small_as(folder, f"large_{number}")
        output = folder / f"large_{number}.difx" / source.name
        output.parent.mkdir()
        with output.open("wb") as file:
            later = records.copy()
            seconds = later[:, : HEADER.itemsize].copy().view(HEADER)["seconds"]
            while file.tell() < size:
                later[:, 16:24] = seconds.view(np.uint8).reshape(len(records), 8)
                file.write(later.tobytes())
                seconds = seconds + 4.096


def make_small_as(folder: Path, name: str) -> None:
    """The small files of a job under another name, which stands in them too."""
    for end in (*SMALL, "im"):
        text = (REFERENCE / f"alpha_1.{end}").read_bytes().replace(b"alpha_1", name.encode())
        (folder / f"{name}.{end}").write_bytes(text)


def plain_table(folder: Path) -> int:
    """One job after the other, with the readers alone."""
    found = 0
    for path in sorted(folder.glob("*.input")):
        inp, calc, log = (
            read_input(path),
            read_calc(path.with_suffix(".calc")),
            read_difxlog(path.with_suffix(".difxlog")),
        )
        found += len(inp.telescopes) + len(calc.scans) + len(log.runs)
    return found


WORK = """
import resource, sys, time
import numpy as np
import difxnb

def mean_power(job):
    ds = job.visibilities(chunks={})
    return float((abs(ds.VISIBILITY) ** 2).mean().compute())

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

def told(peaks, work):
    before = max(peaks())
    begin = time.perf_counter()
    found = work()
    print(time.perf_counter() - begin, max(peaks()), before, float(np.mean(found)))

def main(folder, how, limit):
    jobs = difxnb.open_jobs(folder)
    jobs[0].visibilities()
    if how == "loop":
        told(lambda: [peak()], lambda: [mean_power(job) for job in jobs])
    elif how == "map":
        told(lambda: [peak()], lambda: jobs.map(mean_power)["value"])
    else:
        from distributed import Client, LocalCluster
        options = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None}
        with LocalCluster(memory_limit=int(limit) // 2, **options) as cluster, Client(cluster) as client:
            jobs[:2].map(lambda job: job.visibilities().sizes["time"], client=client)
            told(lambda: client.run(peak).values(), lambda: jobs.map(mean_power, client=client)["value"])

if __name__ == "__main__":
    main(*sys.argv[1:])
"""


def work(folder: Path, how: str, limit: int = 0) -> list[float]:
    """Run it; seconds, peak memory before and after, and the mean of what was found."""
    program = folder.parent / "work.py"
    program.write_text(WORK)
    done = subprocess.run(
        [sys.executable, str(program), str(folder), how, str(limit)],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        cwd=folder.parent,
    )
    return [float(word) for word in done.stdout.split()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--jobs", type=int, default=2000)
    parser.add_argument("--gigabytes", type=float, default=1.2)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        small = Path(made) / "small"
        small.mkdir()
        make_small(small, options.jobs)
        open_jobs(f"{small}/job_0000*.input").frame()
        begin = time.perf_counter()
        frame = open_jobs(small).frame()
        ours = time.perf_counter() - begin
        begin = time.perf_counter()
        plain_table(small)
        plain = time.perf_counter() - begin
        print(f"table of {len(frame)} jobs: {ours:.2f} s, {1e3 * ours / len(frame):.2f} ms a job, ", end="")
        print(f"{plain / ours:.2f} x the rate of reading their files in a loop")
        shutil.rmtree(small)

        large = Path(made) / "large"
        large.mkdir()
        size = int(options.gigabytes * 1e9)
        make_large(large, 8, size // 8)
        limit = min(int(0.8 * size), 10**9)
        loop, mapped, cluster = work(large, "loop"), work(large, "map"), work(large, "cluster", limit)
        assert np.isclose(loop[3], mapped[3])
        assert np.isclose(loop[3], cluster[3])
        print(
            f"8 jobs of {size / 8e6:.0f} MB: mapped {mapped[0]:.2f} s, {loop[0] / mapped[0]:.2f} x the rate of a loop"
        )
        print(f"  on 2 workers with {limit / 2e6:.0f} MB each: {cluster[0]:.2f} s")
        for how, (_, peak, before, _) in (("loop", loop), ("mapped", mapped), ("larger worker", cluster)):
            print(
                f"  {how}: peak {peak / 1e6:.0f} MB, {(peak - before) / size:.2f} of the data beyond what imports took"
            )


if __name__ == "__main__":
    main()
