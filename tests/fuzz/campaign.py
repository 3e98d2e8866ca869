# SPDX-License-Identifier: GPL-3.0-or-later
"""Fuzz every decoder for a while: ``python -m tests.fuzz.campaign --seconds 600``.

Guided by coverage where atheris is installed (it is not in the lock file), otherwise by chance. What a decoder
should not have done is printed with its input, which then becomes a case of test_regressions.py.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import time
import traceback

from tests.fuzz.mutations import mutated
from tests.fuzz.targets import TARGETS

_SLOW_S = 2.0
_LONGEST = 50_000


def by_chance(name: str, seconds: float, seed: int) -> int:
    """Mutate the seeds of one target, and what was made of them; give the number of faults."""
    target, rng = TARGETS[name], random.Random(f"{name} {seed}")
    seeds = target.seeds()
    pool, faults, runs = list(seeds), 0, 0
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        data = mutated(rng.choice(pool), seeds, rng)[:_LONGEST]
        begin = time.monotonic()
        try:
            target.run(data)
        except Exception:  # noqa: BLE001 - finding what must not be raised is what this is for
            faults += 1
            print(f"{name}: {data!r}\n{traceback.format_exc(limit=-4)}", flush=True)
        if (took := time.monotonic() - begin) > _SLOW_S:
            faults += 1
            print(f"{name}: {took:.1f} s for {len(data)} bytes: {data!r:.2000}", flush=True)
        runs += 1
        if rng.random() < 0.01:
            pool[rng.randrange(len(pool))] = data if rng.random() < 0.8 else rng.choice(seeds)
    print(f"{name}: {runs} runs, {faults} faults", flush=True)
    return faults


def by_coverage(name: str, seconds: float, seed: int) -> int:
    """Let atheris look for input that reaches new lines; 1 when it found a fault."""
    program = (
        "import atheris\n"
        "with atheris.instrument_imports(include=['difxnb']):\n"
        "    from tests.fuzz.campaign import guide\n"
        f"guide({name!r}, {int(seconds)}, {seed})"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    tail = [line for line in done.stderr.splitlines() if "Done" in line or "cov:" in line][-1:]
    print(f"{name}: exit status {done.returncode}; {' '.join(tail)}", flush=True)
    if done.returncode:
        print(done.stdout[-3000:], done.stderr[-3000:], flush=True)
    return int(done.returncode != 0)


def guide(name: str, seconds: int, seed: int) -> None:
    """Run atheris over one target in this process, which it ends; difxnb was imported instrumented."""
    import tempfile
    from pathlib import Path

    import atheris

    target = TARGETS[name]
    corpus = tempfile.mkdtemp(prefix="corpus-")
    for number, data in enumerate(target.seeds()):
        Path(corpus, str(number)).write_bytes(data)

    def one(data: bytes) -> None:
        try:
            target.run(data)
        except Exception:
            print(f"{name}: {data!r}", flush=True)
            raise

    options = [f"-max_total_time={seconds}", f"-seed={seed + 1}", f"-max_len={_LONGEST}", "-timeout=20"]
    options.append(f"-artifact_prefix={corpus}/")
    atheris.Setup([sys.argv[0], *options, corpus], one)
    atheris.Fuzz()


def main() -> None:
    """Share the time among the decoders, and exit with 1 where there were faults."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=600.0, help="in all")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--guided", action="store_true", help="with atheris")
    parser.add_argument("names", nargs="*", default=[], help="decoders; all by default")
    arguments = parser.parse_args()
    names = arguments.names or list(TARGETS)
    run = by_coverage if arguments.guided else by_chance
    share = arguments.seconds / len(names)
    faults = sum(run(name, share, arguments.seed) for name in names)
    print(f"{faults} faults")
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
