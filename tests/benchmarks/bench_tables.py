# SPDX-License-Identifier: GPL-3.0-or-later
"""Speed of what users look at, as ratios within one run: ``python tests/benchmarks/bench_tables.py``.

Bytes of messages to rows of the tables against ``xml.etree`` parsing alone (the goal is half of its rate), memory
over a million messages, rebuilding frames, fringe fits per second, live blocks per second. Contestants are timed
in turn and the best time counts.
"""

from __future__ import annotations

import gzip
import re
import time
import tracemalloc
from collections.abc import Callable
from itertools import cycle, islice
from pathlib import Path
from xml.etree.ElementTree import fromstring

import numpy as np

from difxnb.formats.input import read_input
from difxnb.formats.result_layout import result_layout
from difxnb.fringe import estimate_fringe, fringe_scan
from difxnb.tables import JobTable, MessageTable
from difxnb.visibility import VisibilitySeries
from difxnb.wire.message import parse
from difxnb.wire.monitor import Product, VisibilityBlock

TESTS = Path(__file__).parents[1]
CAPTURE = TESTS / "wire" / "captures" / "25_start_monitor_relay.jsonl.gz"
INPUT = TESTS / "reference" / "mpifxcorr-output" / "alpha_1" / "alpha_1.input"
MILLION = 1_000_000


def best_times(*contestants: Callable[[], object], rounds: int = 9) -> list[float]:
    """Best time of each, in seconds."""
    best = [float("inf")] * len(contestants)
    for _ in range(rounds):
        for place, contestant in enumerate(contestants):
            begin = time.perf_counter()
            contestant()
            best[place] = min(best[place], time.perf_counter() - begin)
    return best


def documents() -> list[bytes]:
    """The messages of a whole job, as a real server relayed them."""
    text = gzip.decompress(CAPTURE.read_bytes()).decode()
    pieces = re.findall(r'"conn": ?1,.*?"dir": ?"s2c".*?"hex": ?"([0-9a-f]*)"', text)
    stream = b"".join(map(bytes.fromhex, pieces))
    return re.findall(rb"<\?xml.*?</difxMessage>", stream, re.DOTALL)


def bench_messages() -> None:
    found = documents()

    def etree() -> None:
        for document in found:
            fromstring(document)

    def parsed() -> None:
        for document in found:
            parse(document)

    def tabled() -> None:
        table = MessageTable()
        for document in found:
            table.add(parse(document), 1e9)

    def followed() -> None:
        table, jobs = MessageTable(), JobTable()
        for document in found:
            message = parse(document)
            table.add(message, 1e9)
            jobs.add(message, 1e9)

    alone, read, rows, both = best_times(etree, parsed, tabled, followed, rounds=25)
    print(f"{len(found)} messages: xml.etree alone {len(found) / alone:8.0f}/s")
    print(f"    bytes to Message              {len(found) / read:8.0f}/s   {alone / read:5.0%} of xml.etree")
    print(f"    bytes to row of MessageTable  {len(found) / rows:8.0f}/s   {alone / rows:5.0%} (goal 50%)")
    print(f"    the same and JobTable         {len(found) / both:8.0f}/s   {alone / both:5.0%}")


def bench_memory() -> None:
    messages = [parse(document) for document in documents()]
    table, jobs = MessageTable(20_000), JobTable(limit_weights=20_000)
    tracemalloc.start()
    marks = []
    begin = time.perf_counter()
    for k, message in enumerate(islice(cycle(messages), MILLION)):
        table.add(message, 1e9 + k)
        jobs.add(message, 1e9 + k)
        if k + 1 in (MILLION // 2, MILLION):
            marks.append(tracemalloc.get_traced_memory()[0] / 2**20)
    taken = time.perf_counter() - begin
    tracemalloc.stop()
    print(
        f"a million messages: {marks[0]:.1f} MiB after half, {marks[1]:.1f} MiB after all ({taken:.0f} s traced)"
    )


def bench_frames() -> None:
    messages = [parse(document) for document in documents()]
    table = MessageTable(100_000)
    for k, message in enumerate(islice(cycle(messages), 100_000)):
        table.add(message, 1e9 + k)

    def everything() -> None:
        table.add(messages[0], 2e9)
        table.frame()

    def alerts() -> None:
        table.add(messages[0], 2e9)
        table.frame(type="alert", severity="warning")

    whole, some = best_times(everything, alerts, rounds=4)
    print(f"frame of 100 000 rows: {whole * 1e3:.0f} ms, warnings of it {some * 1e3:.0f} ms")


def bench_fringes() -> None:
    rng = np.random.default_rng(1)
    for integrations, channels, count in ((1, 32, 2000), (1, 128, 1000), (10, 32, 500), (30, 128, 50)):
        shape = (count, integrations, channels)
        visibility = rng.normal(size=shape) + 1j * rng.normal(size=shape) + 1
        frequency = 8.4e9 + np.arange(channels) * 62500.0
        times = np.arange(integrations) * 0.5
        spectra = visibility.astype(np.complex64)
        if integrations == 1:
            (taken,) = best_times(lambda s=spectra, f=frequency: estimate_fringe(s[:, 0], f), rounds=4)
        else:
            (taken,) = best_times(lambda s=spectra, t=times, f=frequency: fringe_scan(s, t, f), rounds=4)
        print(f"fringe fits, {integrations:3d} integrations x {channels:3d} channels: {count / taken:8.0f}/s")


def bench_blocks() -> None:
    job = read_input(INPUT)
    names = [telescope.name for telescope in job.telescopes]
    products = [
        Product(0, number, place.offset, place.channels, place.baseline, names[place.antenna1],
                names[place.antenna2], job.freqs[place.freq_index].freq_mhz * 1e6, 0, 0, 0, number % 4, False)
        for number, place in enumerate(p for p in result_layout(job) if p.kind == "cross")
    ]  # fmt: skip
    spectrum = np.ones(32, dtype=np.complex64)
    blocks = [
        VisibilityBlock(product.number, 32, 43200 + second, 1, "s", "x", spectrum, None)
        for second in range(100)
        for product in products
    ]

    def feed() -> VisibilitySeries:
        series = VisibilitySeries(job, products)
        for block in blocks:
            series.add(block)
        return series

    full = feed()
    add, snapshot = best_times(feed, full.dataset, rounds=4)
    print(
        f"live blocks: {len(blocks) / add:.0f}/s in; snapshot of {len(blocks)} blocks {snapshot * 1e3:.1f} ms"
    )


if __name__ == "__main__":
    bench_messages()
    bench_frames()
    bench_fringes()
    bench_blocks()
    bench_memory()
