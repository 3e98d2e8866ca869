# SPDX-License-Identifier: GPL-3.0-or-later
"""Cost of a queue that is kept for a year, as ratios within one run: ``python tests/benchmarks/bench_queue.py``.

A file of 20,000 jobs that are over and 100 that wait: taking one more in and seeing it through to its end, which is
four changes on the disk, against a JSON file that is written anew at each change. Then the same in a file that is
empty, which has to cost as much; what is next; and the tables. Contestants take turns, and the best time counts:
seconds of the processor, which other work on the machine does not change much.
"""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from difxnb.queue import QueueLimits, QueueState, QueueStore, RetryPolicy, next_to_start
from difxnb.queue.frames import queue_frame

JOBS, WAITING = 20_000, 100
MACHINES = {"head_node": "head", "datastreams": ["n1", "n2", "n3"], "processors": {"n4": 8, "n5": 8}}


def best_times(*contestants: Callable[[], object], rounds: int = 5) -> list[float]:
    """Best time of each, in seconds of the processor."""
    best = [float("inf")] * len(contestants)
    for _ in range(rounds):
        for place, contestant in enumerate(contestants):
            begin = time.process_time()
            contestant()
            best[place] = min(best[place], time.process_time() - begin)
    return best


def add(store: QueueStore, name: str) -> int:
    policy = RetryPolicy()
    return store.add(
        f"/data/{name}.input", server="head:50200", session="i26001", machines=MACHINES, policy=policy
    ).number


def see_through(store: QueueStore, name: str) -> None:
    """Every change of a job that goes well, each on the disk before the next."""
    number = add(store, name)
    store.claim(number)
    store.set_state(number, QueueState.RUNNING, what="accepted", tries=1)
    store.set_state(number, QueueState.DONE, what="ended", progress=1.0)


def filled(path: Path) -> QueueStore:
    store = QueueStore(path)
    with store.together():
        for k in range(JOBS):
            number = add(store, f"i{k // 10:04d}_{k % 10 + 1}")
            store.set_state(number, QueueState.DONE, what="ended", progress=1.0)
        for k in range(WAITING):
            add(store, f"next_{k + 1}")
    return store


class JsonQueue:
    """What one would write first: a list, written anew at each change."""

    def __init__(self, path: Path, rows: list[dict[str, Any]]) -> None:
        self._path, self._rows = path, rows

    def see_through(self, name: str) -> None:
        row = {**self._rows[-1], "input_file": f"/data/{name}.input"}
        self._rows.append(row)
        for state in ("waiting", "starting", "running", "done"):
            row["state"] = state
            self._write()

    def _write(self) -> None:
        new = self._path.with_suffix(".new")
        with new.open("w") as file:
            json.dump(self._rows, file)
            file.flush()
            os.fsync(file.fileno())
        new.replace(self._path)


def bench_changes(store: QueueStore, folder: Path) -> None:
    rows = [asdict(entry) | {"state": str(entry.state)} for entry in store.entries(hidden=True)]
    plain, empty = JsonQueue(folder / "queue.json", rows), QueueStore(folder / "empty.sqlite")
    names = iter(f"more_{k}" for k in range(10**6))
    with empty:
        ours, few, theirs = best_times(
            lambda: see_through(store, next(names)),
            lambda: see_through(empty, next(names)),
            lambda: plain.see_through(next(names)),
            rounds=3,
        )
    print(f"one job from added to done, in a file of {JOBS + WAITING} jobs")
    print(f"    here                               {1e3 * ours:8.2f} ms")
    print(
        f"    in an empty file                   {1e3 * few:8.2f} ms   {ours / few:5.1f} x for a year of jobs"
    )
    print(f"    JSON, written anew at each change  {1e3 * theirs:8.2f} ms   {theirs / ours:5.0f} x ours")


def bench_looks(store: QueueStore) -> None:
    limits, now = QueueLimits(), time.time()

    def after_a_change() -> object:
        store.note(None, "so")
        return next_to_start(store.entries(), [], limits, paused=False, now=now, nodes={})

    after_a_change()
    least, look, shown, everything, told = best_times(
        lambda: next_to_start(store.entries(), [], limits, paused=False, now=now, nodes={}),
        after_a_change,
        lambda: queue_frame(store.entries(), store.dropped),
        lambda: queue_frame(store.entries(hidden=True), store.dropped),
        store.history,
    )
    print("looks")
    print(f"    what is next, nothing changed      {1e3 * least:8.2f} ms")
    print(f"    what is next after a change        {1e3 * look:8.2f} ms")
    print(f"    frame()                            {1e3 * shown:8.2f} ms")
    print(f"    frame(history=True)                {1e3 * everything:8.2f} ms")
    print(f"    history()                          {1e3 * told:8.2f} ms")


def main() -> None:
    with tempfile.TemporaryDirectory() as name, filled(Path(name) / "queue.sqlite") as store:
        bench_changes(store, Path(name))
        bench_looks(store)


if __name__ == "__main__":
    main()
