# SPDX-License-Identifier: GPL-3.0-or-later
"""A long time under load: ``python tests/benchmarks/bench_soak.py [--seconds 600]``.

Fifty clients of this package in two processes send a thousand messages a second through the server's relay; twenty of
them hear all, the others every twentieth. Five transfer files, one runs small jobs, and one beside them reads so
slowly that messages must be dropped for it. The counts of everybody must add up and the server's memory must stay as
it is after warming up; the exit status is 1 where they do not.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from difxnb.server.child import ServerProcess
from difxnb.synthetic import make_experiment, small_experiment
from tests.benchmarks.soak_clients import Plan, Tally, run_share

_SAMPLE_SECONDS = 2.0
_PATIENCE = 120.0
_ENOUGH = 0.95
_GROWTH_FACTOR, _GROWTH_MIB = 1.10, 8.0


@dataclass
class Usage:
    """What a process took, sampled."""

    times: list[float]
    mib: list[float]
    cpu_seconds: float = 0.0


def sample(process_id: int) -> tuple[float, float]:
    """Resident memory in MiB and processor time in s; Linux alone tells."""
    status = Path(f"/proc/{process_id}/status").read_text()
    resident = next(line for line in status.splitlines() if line.startswith("VmRSS"))
    fields = Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()
    return int(resident.split()[1]) / 1024, (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def child(plan: Plan, share: int, barrier: Barrier, results: Any) -> None:
    """Be a process of clients."""
    try:
        results.put(asyncio.run(run_share(plan, share, barrier)))
    except BaseException as error:
        barrier.abort()
        results.put(f"{type(error).__name__}: {error}")
        raise


def watch(server: int, seconds: float) -> Usage:
    """Sample the server while the clients work."""
    usage, begin = Usage([], []), time.monotonic()
    before = sample(server)[1]
    while (now := time.monotonic() - begin) < seconds:
        usage.times.append(now)
        usage.mib.append(sample(server)[0])
        time.sleep(min(_SAMPLE_SECONDS, seconds - now))
    usage.cpu_seconds = sample(server)[1] - before
    return usage


def run(plan: Plan, server: int) -> tuple[list[Tally], Usage]:
    """Let all clients do their work."""
    context = multiprocessing.get_context("spawn")
    barrier, results = context.Barrier(plan.shares + 1), context.SimpleQueue()
    shares = [
        context.Process(target=child, args=(plan, share, barrier, results), daemon=True)
        for share in range(plan.shares)
    ]
    for process in shares:
        process.start()
    barrier.wait(_PATIENCE)
    usage = watch(server, plan.seconds)
    barrier.wait(_PATIENCE)
    barrier.wait(_PATIENCE)
    usage.times.append(plan.seconds)
    usage.mib.append(sample(server)[0])
    found = [results.get() for _ in shares]
    for process in shares:
        process.join()
    if failed := [text for text in found if isinstance(text, str)]:
        raise SystemExit(f"clients failed: {failed}")
    return [tally for share in found for tally in share], usage


def problems(tallies: list[Tally], usage: Usage) -> Iterator[str]:
    """What does not add up."""
    sent, statuses = sum(t.sent for t in tallies), sum(t.statuses for t in tallies)
    everything = {t.received for t in tallies if t.kind == "all"}
    if len(everything) != 1:
        yield f"clients that hear everything heard different numbers: {sorted(everything)}"
    for tally in tallies:
        expected = {"all": sent, "status": statuses}.get(tally.kind)
        if expected is not None and (tally.ours != expected or tally.told or tally.out_of_order):
            yield (
                f"a client ({tally.kind}) heard {tally.ours} of {expected}, {tally.told} told as dropped, "
                f"{tally.out_of_order} out of order"
            )
        if tally.kind == "slow" and {tally.received + tally.told} != everything:
            yield f"slow reader: {tally.received} heard + {tally.told} told as dropped are not {everything}"
        if tally.reconnections:
            yield f"a client ({tally.kind}) had to connect again {tally.reconnections} times"
        yield from tally.failures
    warm = memory_after_warming_up(usage)
    if usage.mib[-1] > warm * _GROWTH_FACTOR + _GROWTH_MIB:
        yield f"memory grew from {warm:.1f} to {usage.mib[-1]:.1f} MiB after warming up"


def memory_after_warming_up(usage: Usage) -> float:
    """After a fifth of the time."""
    return next(mib for when, mib in zip(usage.times, usage.mib, strict=True) if when >= usage.times[-1] / 5)


def report(plan: Plan, tallies: list[Tally], usage: Usage) -> None:
    """Print what was seen."""
    sent = sum(t.sent for t in tallies)
    heard = sum(t.received for t in tallies)
    told, slow = sum(t.told for t in tallies), next(t for t in tallies if t.kind == "slow")
    delays = sorted(delay for tally in tallies for delay in tally.latencies)
    seconds = plan.seconds
    print(f"{plan.clients} clients ({plan.listeners} hear everything), {seconds:.0f} s")
    least, most = (f(t.sent for t in tallies if t.kind in ("all", "status")) for f in (min, max))
    print(f"sent      {sent:10d}  ({sent / seconds:.0f}/s; {least} to {most} by each)")
    print(f"received  {heard:10d}  ({heard / seconds:.0f}/s)")
    print(f"dropped   {told:10d}  all for the slow reader, which heard {slow.received}")
    marks = [delays[int(len(delays) * part)] * 1e3 for part in (0.5, 0.99)]
    print(f"latency   {marks[0]:.1f} ms median, {marks[1]:.1f} ms 99 %, {delays[-1] * 1e3:.1f} ms most")
    print(f"transfers {sum(t.transfers for t in tallies)}, jobs {sum(t.jobs for t in tallies)}")
    print(
        f"server    {usage.mib[0]:.1f} MiB at the start, {memory_after_warming_up(usage):.1f} warm, "
        f"{usage.mib[-1]:.1f} at the end, {max(usage.mib):.1f} at most; "
        f"{usage.cpu_seconds / seconds:.0%} of a processor"
    )


def main() -> int:
    """Run the soak; 0 when everything added up."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    for name, value in (
        ("seconds", 600),
        ("clients", 50),
        ("listeners", 20),
        ("rate", 1000),
        ("processes", 2),
    ):
        parser.add_argument(f"--{name}", type=int, default=value)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        root = Path(folder).resolve()
        job = make_experiment(root / "exp", experiment=small_experiment()).input_file
        with closing(ServerProcess(root)) as server:
            plan = Plan(
                server.port, chosen.seconds, chosen.clients, chosen.listeners, chosen.rate, chosen.processes,
                str(root), str(job),
            )  # fmt: skip
            tallies, usage = run(plan, server.process_id)
    report(plan, tallies, usage)
    if sum(t.sent for t in tallies) < _ENOUGH * plan.rate * plan.seconds:
        print(f"NOTE: this machine was too busy for {plan.rate} messages a second; the load was lower")
    wrong = list(problems(tallies, usage))
    for text in wrong:
        print(f"PROBLEM: {text}")
    print("the counts do not add up" if wrong else "the counts add up, and memory is flat")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
