# SPDX-License-Identifier: GPL-3.0-or-later
"""Speed of files against our server, as ratios within one run: ``python tests/benchmarks/bench_files.py``.

Transfers of 200 MB over loopback stand beside the plainest copy that asyncio allows: a server in a process of its own
that reads a file in 64 KiB pieces and writes them to a stream, or the other way round, and a client that keeps or has
the bytes in memory. Ours does the same in its channels, packets of 1024 bytes down as guiServer's clients need them,
with the looks before and after. ``ls`` of 10,000 entries stands beside the ``ls -l`` of this machine in a process, and
the reading of its lines.

Contestants take turns and the best time of each counts, so that a busy machine disturbs the ratios little.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from multiprocessing.connection import Connection
from pathlib import Path

import difxnb.aio
from difxnb.server.child import ServerProcess
from difxnb.wire.files import parse_listing

SIZE = 200_000_000
ENTRIES = 10_000
PIECE = 2**16
ROUNDS = 8


def plain_server(root: str, ready: Connection) -> None:
    """Serve copies: ``get NAME``, or ``put NAME SIZE`` and the bytes."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        command, name, *size = (await reader.readline()).decode().split()
        if command == "get":
            with open(f"{root}/{name}", "rb") as file:
                while piece := file.read(PIECE):
                    writer.write(piece)
                    await writer.drain()
        else:
            left = int(size[0])
            with open(f"{root}/{name}", "wb") as file:
                while left and (piece := await reader.read(PIECE)):
                    file.write(piece)
                    left -= len(piece)
            writer.write(b"done\n")
        writer.close()

    async def main() -> None:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        ready.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(main())


async def plain_get(port: int, name: str) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"get {name}\n".encode())
    pieces = []
    while piece := await reader.read(PIECE):
        pieces.append(piece)
    writer.close()
    await writer.wait_closed()
    return b"".join(pieces)


async def plain_send(port: int, name: str, data: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"put {name} {len(data)}\n".encode())
    for start in range(0, len(data), PIECE):
        writer.write(data[start : start + PIECE])
        await writer.drain()
    assert await reader.readline() == b"done\n"
    writer.close()
    await writer.wait_closed()


async def best_times(*contestants: Callable[[], Awaitable[object]], rounds: int = ROUNDS) -> list[float]:
    """Best time of each, in seconds."""
    best = [float("inf")] * len(contestants)
    for _ in range(rounds):
        for place, contestant in enumerate(contestants):
            begin = time.perf_counter()
            await contestant()
            best[place] = min(best[place], time.perf_counter() - begin)
    return best


def told(what: str, plain: float, ours: float) -> None:
    print(
        f"{what}: {SIZE / ours / 1e6:.0f} MB/s, a plain copy {SIZE / plain / 1e6:.0f} MB/s: {100 * plain / ours:.0f} %"
        " (goal: 50 %)"
    )


async def bench_transfers(root: Path, port: int, plain_port: int) -> None:
    data = os.urandom(SIZE)
    (root / "old").write_bytes(data)
    for transport in ("channel", "dial-back"):
        async with difxnb.aio.connect("127.0.0.1", port, transport=transport) as difx:
            assert await difx.get_file(f"{root}/old") == await plain_get(plain_port, "old") == data
            plain, ours = await best_times(
                lambda: plain_get(plain_port, "old"), lambda d=difx: d.get_file(f"{root}/old")
            )
            told(f"get over {transport}", plain, ours)
            plain, ours = await best_times(
                lambda: plain_get(plain_port, "old"),
                lambda d=difx: d.download(f"{root}/old", root / "here", overwrite=True),
            )
            told(f"download over {transport}", plain, ours)
            plain, ours = await best_times(
                lambda: plain_send(plain_port, "new", data), lambda d=difx: d.send_file(f"{root}/new", data)
            )
            told(f"send over {transport}", plain, ours)
            assert (root / "new").read_bytes() == data


async def bench_listing(root: Path, port: int) -> None:
    directory = root / "many"
    directory.mkdir()
    for number in range(ENTRIES):
        path = directory / f"exp_{number:05d}.input"
        path.touch()
        os.utime(path, (1_500_000_000 + 977 * number, 1_500_000_000 + 977 * number))

    async def plain() -> None:
        done = subprocess.run(
            ["ls", "-l", "--time-style=full-iso", directory], capture_output=True, check=True
        )
        assert len(parse_listing(done.stdout.decode().splitlines(), str(directory))) == ENTRIES

    for transport in ("channel", "dial-back"):
        async with difxnb.aio.connect("127.0.0.1", port, transport=transport) as difx:
            assert len(await difx.ls(str(directory))) == ENTRIES
            theirs, ours = await best_times(plain, lambda d=difx: d.ls(str(directory)), rounds=10)
            print(f"ls of {ENTRIES} entries over {transport}: {1e3 * ours:.0f} ms", end=", ")
            print(f"process and reading {1e3 * theirs:.0f} ms: {ours / theirs:.2f} x (goal: 3)")


def main() -> None:
    ours, theirs = multiprocessing.Pipe()
    with tempfile.TemporaryDirectory() as place:
        root = Path(place).resolve()
        plain = multiprocessing.get_context("spawn").Process(
            target=plain_server, args=(place, theirs), daemon=True
        )
        plain.start()
        plain_port = ours.recv()
        server = ServerProcess(root)
        try:
            if "ls" not in sys.argv:
                asyncio.run(bench_transfers(root, server.port, plain_port))
            asyncio.run(bench_listing(root, server.port))
        finally:
            server.close()
            plain.terminate()
            plain.join()


if __name__ == "__main__":
    main()
