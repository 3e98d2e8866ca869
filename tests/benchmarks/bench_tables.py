# SPDX-License-Identifier: GPL-3.0-or-later
"""Speed of what users look at, as ratios within one run: ``python tests/benchmarks/bench_tables.py``.

Bytes of messages to rows of the tables against ``xml.etree`` parsing alone (the goal is half of its rate), memory
over a million messages, a frame of 100,000 messages and the next one against the obvious ways to make them, how fast
hosts, recorders and alerts take messages in, fringe fits per second, live blocks per second. Contestants are timed in
turn and the best time counts.
"""

from __future__ import annotations

import dataclasses
import gzip
import re
import time
import tracemalloc
from collections.abc import Callable
from itertools import cycle, islice
from pathlib import Path
from xml.etree.ElementTree import fromstring

import numpy as np
import pandas as pd

from difxnb.formats.input import read_input
from difxnb.formats.result_layout import result_layout
from difxnb.fringe import estimate_fringe, fringe_scan
from difxnb.tables import AlertTable, JobTable, MessageTable, NodeTable, RecorderTable
from difxnb.visibility import VisibilitySeries
from difxnb.wire.message import Alert, Header, Load, Mark6SlotStatus, Message, parse
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


def as_dicts(messages: list[Message], kind: type) -> pd.DataFrame:
    """A frame the obvious way: one dict per message."""
    rows = [
        {
            "time": pd.Timestamp(1e9, unit="s"),
            "type": type(found.body).__name__,
            "from": found.header.source,
            "job": found.header.identifier,
            "mpi_id": found.header.mpi_id,
            **dataclasses.asdict(found.body),
        }
        for found in messages
        if isinstance(found.body, kind)
    ]
    return pd.DataFrame(rows)


def bench_frames() -> None:
    messages = list(islice(cycle(parse(document) for document in documents()), 100_000))

    def filled() -> MessageTable:
        table = MessageTable(100_000)
        for k, message in enumerate(messages):
            table.add(message, 1e9 + k)
        return table

    tables = [filled() for _ in range(2)]
    fresh, typed = iter(tables), iter(tables)
    whole, dicts = best_times(lambda: next(fresh).frame(), lambda: as_dicts(messages, object), rounds=2)
    print(
        f"100 000 messages to a frame: {whole * 1e3:5.0f} ms (goal 500), from dicts {dicts / whole:3.0f} times as long"
    )
    alerts, dicts = best_times(
        lambda: next(typed).frame(type="alert"), lambda: as_dicts(messages, Alert), rounds=2
    )
    print(
        f"    alerts of them: {alerts * 1e3:18.0f} ms (goal 500), dicts {dicts / alerts:3.0f} times as long"
    )
    bench_snapshots(tables[0], messages)


def bench_snapshots(table: MessageTable, messages: list[Message]) -> None:
    """The next frame, when nothing came and when ten messages did."""
    kept = [table.frame()]

    def more() -> None:
        for message in messages[:10]:
            table.add(message, 2e9)
        table.frame()

    def concatenated() -> None:
        for message in messages[:10]:
            row = {"time": pd.Timestamp(2e9, unit="s"), "type": "x", "from": message.header.source}
            kept[0] = pd.concat([kept[0], pd.DataFrame([row]).astype({"type": object, "from": object})])

    again, grown, row_by_row = best_times(table.frame, more, concatenated, rounds=4)
    print(f"    the same again: {again * 1e3:18.1f} ms; after ten more {grown * 1e3:.1f} ms,", end=" ")
    print(f"row by row {row_by_row / grown:.0f} times as long")


def bench_followers() -> None:
    """Messages that hosts, recorders and alerts take in, and their snapshots with a thousand hosts."""
    messages = list(islice(cycle(parse(document) for document in documents()), 50_000))
    loads = [
        Message(Header(f"n{k % 1000}", (), -1, "mk5daemon"), Load(k % 9, 1000, 500, 1, 2, 8), k + 1, 400)
        for k in range(50_000)
    ]
    slots = [
        Message(
            Header(f"m{k % 50}", (), -1, "mk5daemon"),
            Mark6SlotStatus(None, k % 4 + 1, f"BHC%{k}"),
            k + 1,
            400,
        )
        for k in range(50_000)
    ]

    def follow(table: NodeTable | RecorderTable | AlertTable, told: list[Message]) -> None:
        for k, message in enumerate(told):
            table.add(message, 1e9 + k)

    def parse_again() -> None:
        for document in documents():
            fromstring(document)

    nodes, recorders, alerts = NodeTable(), RecorderTable(), AlertTable()
    for name, table, told in (
        ("hosts", nodes, loads),
        ("recorders", recorders, slots),
        ("alerts", alerts, messages),
    ):
        taken, parsed = best_times(lambda t=table, m=told: follow(t, m), parse_again, rounds=3)
        share = parsed / len(documents()) * len(told) / taken
        (look,) = best_times(table.frame, rounds=3)
        print(
            f"{name:9} {len(told) / taken:8.0f} messages/s in, {share:4.1f} times the rate of xml.etree alone; "
            f"{table!r}: frame {look * 1e3:.1f} ms"
        )
    history, again = best_times(nodes.history, nodes.history, rounds=2)
    print(f"    history of {len(nodes.history())} load reports: {min(history, again) * 1e3:.1f} ms")


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
    bench_followers()
    bench_fringes()
    bench_blocks()
    bench_memory()
