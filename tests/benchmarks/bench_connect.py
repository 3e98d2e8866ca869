# SPDX-License-Identifier: GPL-3.0-or-later
"""How long users wait for first things: ``python tests/benchmarks/bench_connect.py``.

Towards the server of this package in a process of its own: connect-to-ready on both faces (goal: below 0.3 s), also
with a token; and the states of a thousand jobs in one call (the protocol's part, and the DataFrame of the user).
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path

import difxnb
from difxnb import aio
from difxnb.formats.token_file import make_token
from difxnb.server.child import ServerProcess

_ROUNDS = 15
_JOBS = 1000
_LINES = 200


def spread(times: list[float]) -> str:
    """Median and worst, ms."""
    return f"{statistics.median(times) * 1e3:6.0f} ms median, {max(times) * 1e3:.0f} ms at worst"


async def timed(action: Callable[[], Awaitable[object]]) -> float:
    """Seconds that something takes."""
    begin = time.perf_counter()
    await action()
    return time.perf_counter() - begin


async def bench_aio(port: int, token_file: Path | None) -> list[float]:
    """Connect on the awaitable face."""
    times = []
    for _ in range(_ROUNDS):
        difx: aio.Correlator | None = None

        async def connect() -> None:
            nonlocal difx
            difx = await aio.connect("127.0.0.1", port, token_file=token_file)

        times.append(await timed(connect))
        assert difx is not None
        await difx.close()
    return times


def bench_notebook(port: int, token_file: Path | None) -> list[float]:
    """Connect on the blocking face, its thread included."""
    times = []
    for _ in range(_ROUNDS):
        begin = time.perf_counter()
        difx = difxnb.connect("127.0.0.1", port, token_file=token_file)
        times.append(time.perf_counter() - begin)
        difx.close()
    return times


def write_jobs(root: Path) -> None:
    """A thousand jobs with logs of some length."""
    for number in range(_JOBS):
        job = root / f"e_{number + 1}"
        job.with_suffix(".input").write_text("")
        lines = [_log_line(line) for line in range(_LINES)]
        job.with_suffix(".difxlog").write_text("".join(lines))


def _log_line(line: int) -> str:
    state = "Done" if line == _LINES - 1 else "Running"
    return f"Mon Mar  2 10:20:{line % 60:02d} 2015   0 head  STATUS {state}  {line}\n"


def bench_status(port: int, root: Path) -> None:
    """The states of all jobs in one call."""
    with difxnb.connect("127.0.0.1", port) as difx:
        node = difx._inner.head_node
        plain, framed, rows = [], [], 0
        for _ in range(5):
            begin = time.perf_counter()
            records = difx._loop.call(node.job_status(f"{root}/*.input"))
            plain.append(time.perf_counter() - begin)
            begin = time.perf_counter()
            rows = len(difx.job_status(f"{root}/*.input"))
            framed.append(time.perf_counter() - begin)
            assert len(records) == rows == _JOBS
    print(f"states of {rows} jobs, logs of {_LINES} lines: {spread(plain)}; as a DataFrame {spread(framed)}")


def main() -> None:
    """Run all."""
    with tempfile.TemporaryDirectory(prefix="connect-") as folder:
        root = Path(folder).resolve()
        make_token(root / "token")
        write_jobs(root)
        for token_file in (None, root / "token"):
            options = ("--token-file", str(token_file)) if token_file else ()
            with closing(ServerProcess(root, options=options)) as server:
                how = "with a token" if token_file else "open"
                times = asyncio.run(bench_aio(server.port, token_file))
                print(f"connect-to-ready, {how}, aio:      {spread(times)} (goal below 300)")
                times = bench_notebook(server.port, token_file)
                print(f"connect-to-ready, {how}, notebook: {spread(times)} (goal below 300)")
                if token_file is None:
                    bench_status(server.port, root)


if __name__ == "__main__":
    main()
