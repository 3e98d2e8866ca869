# SPDX-License-Identifier: GPL-3.0-or-later
"""How fast the embedded correlator is, as ratios within one run.

Usage: ``python tests/benchmarks/bench_engine.py [seconds]``. Made-up data; the unit is antenna channel
samples × baselines / antennas per second, as in ``mpifxcorr-algorithm.md`` 9, where mpifxcorr does 200
million per core with 3 antennas, 2 bands × 2 polarisations, 128 channels and 4 products. Compared with it is
the same arithmetic written down plainly with ``numpy.fft`` in double precision, block by block of a
sub-integration.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from difxnb.server.engine.embedded import open_job
from tests.server.made_jobs import MadeJob

DELAYS = tuple((100.0 * a, 0.1 * a - 0.2, 1e-5 * a) for a in range(12))


def made(antennas: int, seconds: int, bandwidth: float = 8.0, channels: int = 128) -> MadeJob:
    return MadeJob(
        antennas=antennas,
        bands=((8400.0, "U"), (8416.0, "U")),
        pols="RL",
        products=4,
        bandwidth=bandwidth,
        channels=channels,
        frame_samples=4000,
        seconds=seconds,
        lead=8,
        tail=8,
        int_time=0.32,
        subint_ns=32_000_000,
        delays=DELAYS[:antennas],
    )


def megasamples(job: MadeJob, observed: float) -> float:
    """Antenna channel samples × baselines / antennas, in millions."""
    return job.n_bands * job.rate * observed * job.antennas * (job.antennas - 1) / 2 / 1e6


def processor_seconds() -> float:
    """Processor time of this process and of those that it has ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


def engine_speed(job: MadeJob, input_file: Path, cores: int, repeat: int = 3) -> tuple[float, float]:
    """Best of some runs, millions per second of processor time and of wall time."""
    speeds = []
    for _ in range(repeat):
        opened = open_job(input_file)
        wall, processor = time.perf_counter(), processor_seconds()
        done = sum(1 for _ in opened.integrations(cores=cores))
        amount = megasamples(job, min(done * job.int_time, job.seconds))
        speeds.append((amount / (processor_seconds() - processor), amount / (time.perf_counter() - wall)))
    return max(speeds)


def plain_speed(job: MadeJob, codes: np.ndarray, subints: int = 2) -> float:
    """The same in plain numpy: decode, rotate, numpy.fft, correct, multiply and sum every product."""
    levels = np.array([-3.3359, -1.0, 1.0, 3.3359])
    n, samples = job.channels, 2 * job.channels
    blocks = job.subint_ns * job.rate // 10**9 // samples
    dt_us, lanes = 1e6 / job.rate, len(job.pols)
    start = time.process_time()
    for subint in range(subints):
        first = -job.first_sample + subint * blocks * samples
        for band, (edge, _) in enumerate(job.bands):
            spectra = np.empty((job.antennas, lanes, blocks, n), complex)
            for antenna in range(job.antennas):
                times = (subint * blocks + np.arange(blocks)) * samples / job.rate
                delay = np.polynomial.polynomial.polyval(times, job.delay(antenna))
                slope = job.delay(antenna)[1] * samples / job.rate
                rotation = np.exp(
                    -2j * np.pi * edge * (delay[:, None] + slope * np.arange(samples) / samples)
                )
                nu = np.arange(n) * job.bandwidth / n
                correction = np.exp(2j * np.pi * nu * (delay[:, None] % dt_us))
                for lane in range(lanes):
                    coded = codes[antenna, band * lanes + lane, first : first + blocks * samples]
                    rotated = levels[coded].reshape(blocks, samples) * rotation
                    spectra[antenna, lane] = np.fft.fft(rotated, axis=-1)[:, :n] * correction
            for a in range(job.antennas):
                for b in range(a, job.antennas):
                    for p in range(lanes):
                        for q in range(lanes):
                            (spectra[a, p] * spectra[b, q].conj()).sum(axis=0)
    return megasamples(job, subints * job.subint_ns / 1e9) / (time.process_time() - start)


def line(label: str, speed: tuple[float, float], note: str = "") -> None:
    print(f"{label:36}{speed[0]:8.1f}{speed[1]:10.1f}   {note}")


def report(seconds: int) -> None:
    """Print the table: on a machine that does other things too, the processor time is the one to compare."""
    with tempfile.TemporaryDirectory() as folder:
        job = made(3, seconds)
        codes = job.codes()
        input_file = job.write(Path(folder) / "three", codes)
        plain = plain_speed(job, codes)
        one, two = (engine_speed(job, input_file, cores) for cores in (1, 2))
        print(f"{'M/s per':36}{'core':>8}{'wall':>10}")
        line("plain numpy.fft", (plain, plain), "ratio 1.0")
        line("engine, one core", one, f"ratio {one[0] / plain:.1f}")
        line(
            "engine, two cores",
            two,
            f"ratio {two[0] / plain:.1f}, {two[1] / one[1]:.2f} times as quick as one core",
        )
        for antennas in (2, 6, 10):
            grown = made(antennas, 1)
            grown_file = grown.write(Path(folder) / f"grown{antennas}", grown.codes())
            speed = engine_speed(grown, grown_file, 1, 2)
            station = speed[0] * 2 / (antennas - 1)
            line(f"engine, {antennas} antennas", speed, f"{station:.0f} M samples a second per core")
        for channels in (32, 1024, 8192):
            fine = made(3, 1, channels=channels)
            fine.subint_ns = 32_768_000
            fine.int_time = 0.32768
            fine_file = fine.write(Path(folder) / f"fine{channels}", fine.codes())
            line(f"engine, {channels} channels", engine_speed(fine, fine_file, 1, 2))


if __name__ == "__main__":
    report(int(sys.argv[1]) if len(sys.argv) > 1 else 6)
