# SPDX-License-Identifier: GPL-3.0-or-later
"""Cost of recording and of opening recordings: ``python tests/benchmarks/bench_recording.py``.

How fast messages are taken and written, against one sqlite3 insert per message in the same run; what share of a
processor a thousand messages per second take, beside reading them; how long a recording of 100,000 messages takes to
open and to become tables, against reading the messages alone.
"""

from __future__ import annotations

import os
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from itertools import cycle, islice
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from difxnb.formats.journal import Kind, read_journal
from difxnb.formats.journal_writer import JournalWriter
from difxnb.recording import open_recording
from difxnb.wire.message import parse
from tests.benchmarks.bench_tables import documents

MANY = 100_000


def never(failure: Exception) -> None:
    raise AssertionError(failure)


def seconds(work: Callable[[], object]) -> float:
    """Time of one run."""
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def journal(path: Path, messages: list[bytes]) -> None:
    """Write all as fast as they are taken."""
    writer = JournalWriter(path, never, limit_bytes=2**30)
    for number, message in enumerate(messages):
        writer.put(Kind.DATAGRAM, float(number), message)
    writer.close()
    assert writer.dropped == 0


def database(path: Path, messages: list[bytes]) -> None:
    """Insert each, so that it outlives the end of the process as a record of a journal does."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("pragma journal_mode=wal")
    connection.execute("pragma synchronous=off")
    connection.execute("create table messages (kind integer, time real, payload blob)")
    for number, message in enumerate(messages):
        connection.execute("insert into messages values (?, ?, ?)", (3, float(number), message))
    connection.close()


def bench_writing(folder: Path, messages: list[bytes]) -> None:
    best = [float("inf")] * 2
    for turn in "123":
        best[0] = min(best[0], seconds(partial(journal, folder / f"j{turn}", messages)))
        best[1] = min(best[1], seconds(partial(database, folder / f"d{turn}", messages)))
    rates = [len(messages) / one for one in best]
    print(
        f"journal {rates[0]:,.0f} messages/s, sqlite3 {rates[1]:,.0f}: {rates[0] / rates[1]:.1f} times as fast"
    )


def bench_share(folder: Path, messages: list[bytes]) -> None:
    """A thousand messages each second, for three seconds: processor time of recording them, beside reading them."""

    def run(take: Callable[[int, bytes], object]) -> float:
        begin, used = time.perf_counter(), time.process_time()
        for number, message in enumerate(messages[:3000]):
            parse(message)
            take(number, message)
            if number % 20 == 19:
                time.sleep(max(0.0, begin + (number + 1) / 1000 - time.perf_counter()))
        return (time.process_time() - used) / (time.perf_counter() - begin)

    writer = JournalWriter(folder / "share", never)
    without = run(lambda number, message: None)
    recorded = run(lambda number, message: writer.put(Kind.DATAGRAM, float(number), message))
    writer.close()
    print(
        f"1000 messages/s: {without:.1%} of a processor to read them, {recorded - without:.1%} more to record them"
    )


def bench_opening(folder: Path, messages: list[bytes]) -> None:
    path = folder / "many"
    journal(path, messages)
    print(f"{len(messages)} messages: {os.path.getsize(path) / 1e6:.0f} MB")
    index = seconds(lambda: read_journal(path))
    recording = open_recording(path)
    tables = seconds(lambda: recording.messages)
    frame = seconds(lambda: recording.messages.frame())
    others = seconds(lambda: (recording.jobs, recording.nodes, recording.recorders, recording.alerts))
    reading = seconds(lambda: [parse(message) for message in messages])
    print(
        f"found in {index:.2f} s, messages in {tables:.2f} s, as a frame in {frame:.2f} s, all other tables in "
        f"{others:.2f} s; reading the messages alone takes {reading:.2f} s ({tables / reading:.1f} times)"
    )


def main() -> None:
    messages = list(islice(cycle(documents()), MANY))
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        bench_writing(folder, messages)
        bench_share(folder, messages)
        bench_opening(folder, messages)


if __name__ == "__main__":
    main()
