# SPDX-License-Identifier: GPL-3.0-or-later
"""Speed of messages and monitor numbers, as ratios within one run: ``python tests/benchmarks/bench_wire.py``.

The messages are the 495 that a real job of mpifxcorr sent; the numbers have the range of real amplitudes and
phases. The monitor path is everything from received bytes to blocks of complex visibilities, for an integration
of 48 products with amplitudes, phases, lags and means; the plain ways beside it cut the same packets and make the
same blocks, but read numbers one by one with ``float()``, or packet by packet with numpy's conversion of
strings: all numbers that come, or only those that are used.

Each contestant is timed in turn, several times over, and the best time counts, so that a busy machine disturbs
the ratios little.
"""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from xml.etree.ElementTree import fromstring

import numpy as np

from difxnb.wire.message import parse
from difxnb.wire.monitor import (
    MonitorReader,
    VisibilityBlock,
    body_length,
    decode_numbers,
    encode_block,
    encode_numbers,
    encode_scan,
    measure_lags,
)
from difxnb.wire.packet import Packet, PacketReader

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
            lambda d=data: convert_by_float(d),
            lambda d=data: convert_by_numpy(d),
            lambda v=values: encode_numbers(v),
            rounds=200 if count < 10_000 else 15,
        )
        print(f"numbers, {count} at a time: decode {len(data) / ours / 1e6:.0f} MB/s", end=", ")
        print(f"encode {len(data) / written / 1e6:.0f} MB/s")
        print(f"    {loop / ours:.1f} x a float() loop (goal: 5), {numpy / ours:.1f} x numpy (goal: 2)")


PRODUCTS = 48
READ_SIZE = 2**16  # what one read of a socket brings
HEADS = {126: 16, 127: 16, 128: 20, 140: 16, 141: 16, 142: 20}
Convert = Callable[[bytes], np.ndarray]


def integration(channels: int) -> bytes:
    """One integration as a server of version 2.9 sends it."""
    dice = np.random.default_rng(2)
    chunks = encode_scan("No0001", "3C84")
    for product in range(PRODUCTS):
        spectrum = 0.02 * np.exp(2j * np.pi * (product / 7 + np.arange(channels) * dice.uniform(-0.2, 0.2)))
        spectrum += dice.normal(0, 0.02, channels) + 1j * dice.normal(0, 0.02, channels)
        fringe = measure_lags(spectrum, 2 * channels, 8e6)
        chunks += encode_block(product, 25200, 2, spectrum, fringe, declared="2.9")
    return b"".join(chunks)


def packets(stream: bytes) -> Iterator[list[Packet]]:
    reader = PacketReader(body_length=body_length)
    for start in range(0, len(stream), READ_SIZE):
        reader.receive_data(stream[start : start + READ_SIZE])
        yield reader.whole_packets()


def blocks(stream: bytes) -> list[VisibilityBlock]:
    reader = MonitorReader()
    items = [item for batch in packets(stream) for item in reader.add_all(batch)]
    return [item for item in items if isinstance(item, VisibilityBlock)]


def plain_blocks(stream: bytes, convert: Convert, *, all_numbers: bool) -> list[np.ndarray]:
    found, numbers = [], {}
    for packet in chain.from_iterable(packets(stream)):
        if packet.id in HEADS:
            text = packet.payload[HEADS[packet.id] :]
            if all_numbers or packet.id in (126, 127):
                numbers[packet.id] = convert(text)
            elif packet.id == 128:
                numbers[packet.id] = convert(text[:28])
        elif packet.id == 129:
            turns = np.deg2rad(numbers[127])
            found.append((numbers[126] * (np.cos(turns) + 1j * np.sin(turns))).astype(np.complex64))
    return found


def convert_by_float(text: bytes) -> np.ndarray:
    return np.array([float(text[i : i + 14]) for i in range(0, len(text), 14)])


def convert_by_numpy(text: bytes) -> np.ndarray:
    return np.frombuffer(text, "S14").astype(np.float64)


def bench_monitor() -> None:
    for channels in (64, 128, 256):
        stream = integration(channels)
        expected = plain_blocks(stream, convert_by_float, all_numbers=True)
        assert all(np.allclose(b.visibility, e) for b, e in zip(blocks(stream), expected, strict=True))
        ours, loop, numpy, loop_used, numpy_used = best_times(
            lambda s=stream: blocks(s),
            lambda s=stream: plain_blocks(s, convert_by_float, all_numbers=True),
            lambda s=stream: plain_blocks(s, convert_by_numpy, all_numbers=True),
            lambda s=stream: plain_blocks(s, convert_by_float, all_numbers=False),
            lambda s=stream: plain_blocks(s, convert_by_numpy, all_numbers=False),
            rounds=80,
        )
        print(
            f"monitor, {PRODUCTS} products of {channels} channels: {len(stream) / ours / 1e6:.0f} MB/s",
            end=", ",
        )
        print(f"{1e3 * ours:.1f} ms per integration")
        print(
            f"    {loop / ours:.1f} x a float() loop (goal: 5), {numpy / ours:.1f} x numpy (goal: 2)",
            end="; ",
        )
        print(f"where those read only what is used {loop_used / ours:.1f} x and {numpy_used / ours:.1f} x")


if __name__ == "__main__":
    bench_messages()
    bench_numbers()
    bench_monitor()
