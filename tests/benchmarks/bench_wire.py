# SPDX-License-Identifier: GPL-3.0-or-later
"""Speed of messages and monitor numbers, as ratios within one run: ``python tests/benchmarks/bench_wire.py``.

The messages are the 495 that a real job of mpifxcorr sent; the numbers have the range of real amplitudes and
phases. Each contestant is timed in turn, several times over, and the best time counts, so that a busy machine
disturbs the ratios little.
"""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Callable
from pathlib import Path
from xml.etree.ElementTree import fromstring

import numpy as np

from difxnb.wire.message import parse
from difxnb.wire.monitor import decode_numbers, encode_numbers
from difxnb.wire.packet import PacketReader

CAPTURE = Path(__file__).parents[1] / "wire" / "captures" / "25_start_monitor_relay.jsonl.gz"


def best_times(*contestants: Callable[[], object], rounds: int = 15) -> list[float]:
    """Best time of each, in seconds."""
    best = [float("inf")] * len(contestants)
    for _ in range(rounds):
        for place, contestant in enumerate(contestants):
            begin = time.perf_counter()
            contestant()
            best[place] = min(best[place], time.perf_counter() - begin)
    return best


def documents() -> list[bytes]:
    reader = PacketReader()
    for line in gzip.decompress(CAPTURE.read_bytes()).splitlines():
        piece = json.loads(line)
        if piece["dir"] == "s2c":
            reader.receive_data(bytes.fromhex(piece["hex"]))
    found = []
    while (packet := reader.next_packet()) is not None:
        if packet.id == 1:
            found.append(packet.payload)
    return found


def bench_messages() -> None:
    relayed = documents()
    by_size = sorted(relayed, key=len)
    for name, chosen in (("all of a job", relayed), ("status with weights", by_size[-20:] * 20)):
        ours, plain = best_times(
            lambda c=chosen: [parse(d) for d in c], lambda c=chosen: [fromstring(d) for d in c]
        )
        print(f"messages, {name}: parse {len(chosen) / ours:,.0f}/s", end=", ")
        print(f"ElementTree.fromstring {len(chosen) / plain:,.0f}/s")
        print(f"    parse runs at {plain / ours:.0%} of ElementTree alone (goal: at least 50%)")


def bench_numbers() -> None:
    dice = np.random.default_rng(1)
    for count in (128, 1024, 4096, 65536):
        values = np.concatenate((dice.rayleigh(1.0, count // 2), dice.uniform(-180, 180, count // 2)))
        data = encode_numbers(values)
        ours, loop, numpy, written = best_times(
            lambda d=data: decode_numbers(d),
            lambda d=data: np.array([float(d[i : i + 14]) for i in range(0, len(d), 14)]),
            lambda d=data: np.frombuffer(d, "S14").astype(np.float64),
            lambda v=values: encode_numbers(v),
            rounds=200 if count < 10_000 else 15,
        )
        print(f"numbers, {count} at a time: decode {len(data) / ours / 1e6:.0f} MB/s", end=", ")
        print(f"encode {len(data) / written / 1e6:.0f} MB/s")
        print(f"    {loop / ours:.1f} x a float() loop (goal: 5), {numpy / ours:.1f} x numpy (goal: 2)")


if __name__ == "__main__":
    bench_messages()
    bench_numbers()
