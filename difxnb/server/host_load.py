# SPDX-License-Identifier: GPL-3.0-or-later
"""The load of this host, told to the network from time to time, as mk5daemon does on every host of a cluster.

In: the kernel's own counters. Out: one message of type DifxLoadMessage every ten seconds (difxmessage.md 6.1).
"""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from difxnb.server.relay import Document
from difxnb.wire.message import Header, Load, Message, to_xml

PERIOD_S = 10.0
"""Seconds between two reports of a real host."""

_PROC = Path("/proc")
_MOST = 2**32 - 1


@dataclass(frozen=True, slots=True)
class Traffic:
    """Bytes over all interfaces but the loopback, since the host was started."""

    received: int
    sent: int
    time: float
    """When they were read, s of the monotonic clock."""


def read_traffic(proc: Path = _PROC) -> Traffic | None:
    """The counters now; None where the system has none that can be read."""
    try:
        lines = (proc / "net" / "dev").read_text().splitlines()[2:]
    except OSError:
        return None
    received = sent = 0
    for line in lines:
        name, _, numbers = line.partition(":")
        fields = numbers.split()
        if name.strip() != "lo" and len(fields) >= 9:
            received, sent = received + int(fields[0]), sent + int(fields[8])
    return Traffic(received, sent, time.monotonic())


def read_memory(proc: Path = _PROC) -> tuple[int, int] | None:
    """Memory of the host in all, and what programs hold of it, kiB; None where it cannot be read."""
    try:
        lines = (proc / "meminfo").read_text().splitlines()
    except OSError:
        return None
    known = {name: int(rest.split()[0]) for name, _, rest in (line.partition(":") for line in lines) if rest}
    total = known.get("MemTotal")
    if total is None:
        return None
    return total, total - sum(known.get(name, 0) for name in ("MemFree", "Buffers", "Cached"))


def read_load(before: Traffic | None, now: Traffic | None, proc: Path = _PROC) -> Load:
    """The load of this host; rates are means since `before`, and 0 where that is not known."""
    total, used = read_memory(proc) or (None, None)
    received = sent = 0
    if before is not None and now is not None and now.time > before.time:
        seconds = now.time - before.time
        received = round((now.received - before.received) / seconds)
        sent = round((now.sent - before.sent) / seconds)
    return Load(
        cpu_load=os.getloadavg()[0],
        total_memory=total,
        used_memory=used,
        net_rx_rate=min(max(received, 0), _MOST),
        net_tx_rate=min(max(sent, 0), _MOST),
        n_core=os.cpu_count(),
    )


class HostLoad:
    """Tells the network the load of this host, until it is closed.

    Parameters
    ----------
    publish : callable
        Takes each document for the network.
    period : float
        Seconds between two reports.

    Attributes
    ----------
    last_words : list of Document
        The last report, for clients that come later; empty before the first.
    """

    def __init__(self, publish: Callable[[bytes], None], period: float = PERIOD_S) -> None:
        self._publish, self._period = publish, period
        self._count = 0
        self._task: asyncio.Task[None] | None = None
        self.last_words: list[Document] = []

    def start(self) -> None:
        """Report now, and from now on."""
        self._task = asyncio.get_running_loop().create_task(self._run(), name="host load")

    async def close(self) -> None:
        """End; nothing is left running."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def _run(self) -> None:
        before: Traffic | None = None
        while True:
            now = read_traffic()
            self._tell(read_load(before, now))
            before = now
            await asyncio.sleep(self._period)

    def _tell(self, load: Load) -> None:
        header = Header(source=socket.gethostname()[:63], mpi_id=-1, identifier="mk5daemon")
        payload = to_xml(Message(header=header, body=load, sequence=self._count, size=0))
        self._count += 1
        self.last_words = [Document.of(payload)]
        self._publish(payload)
