# SPDX-License-Identifier: GPL-3.0-or-later
"""The server tells the load of its host in the words of mk5daemon, to clients that come late as well."""

import asyncio
from pathlib import Path

import pytest

from difxnb import aio
from difxnb.server.gui_server import GuiServer
from difxnb.server.host_load import Traffic, read_load, read_memory, read_traffic

_ROW = "{}: {} 10 0 0 0 0 0 0 {} 10 0 0 0 0 0 0\n"
_INTERFACES = (("lo", 9999999, 9999999), ("enp3s0f0np1", 1000000, 500000), ("  eth0", 2000, 3000))
DEVICES = "Inter-| Receive | Transmit\n face |bytes packets\n" + "".join(
    _ROW.format(*row) for row in _INTERFACES
)
MEMORY = (
    "MemTotal: 1000000 kB\nMemFree: 200000 kB\nBuffers: 50000 kB\nCached: 150000 kB\nHugePages_Total: 0\n"
)


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    (tmp_path / "net").mkdir()
    (tmp_path / "net" / "dev").write_text(DEVICES)
    (tmp_path / "meminfo").write_text(MEMORY)
    return tmp_path


def test_every_interface_counts_but_the_loopback(proc: Path) -> None:
    traffic = read_traffic(proc)
    assert traffic is not None
    assert (traffic.received, traffic.sent) == (1002000, 503000)


def test_memory_held_by_programs_is_what_is_neither_free_nor_cache(proc: Path) -> None:
    assert read_memory(proc) == (1000000, 600000)


def test_rates_are_bytes_per_second_and_zero_at_first(proc: Path) -> None:
    before, now = Traffic(1000, 5000, 10.0), Traffic(21000, 5000, 20.0)
    load = read_load(before, now, proc)
    assert (load.net_rx_rate, load.net_tx_rate) == (2000, 0)
    assert (load.total_memory, load.used_memory) == (1000000, 600000)
    assert read_load(None, now, proc).net_rx_rate == 0


def test_counters_that_were_set_back_are_no_traffic(proc: Path) -> None:
    assert read_load(Traffic(9000, 9000, 1.0), Traffic(0, 0, 2.0), proc).net_rx_rate == 0


def test_a_system_without_counters_has_a_load_all_the_same(tmp_path: Path) -> None:
    assert read_traffic(tmp_path) is None
    load = read_load(None, None, tmp_path)
    assert load.total_memory is None
    assert load.cpu_load is not None


def test_a_client_that_comes_late_knows_the_load_at_once(tmp_path: Path) -> None:
    async def look() -> tuple[float, int]:
        server = GuiServer(tmp_path, port=0, report_load=True)
        await server.start()
        try:
            async with aio.connect("127.0.0.1", server.port) as difx:
                while not len(difx.nodes):
                    await asyncio.sleep(0.01)
                row = difx.nodes.frame().iloc[0]
                return row["load"], row["memory_used"]
        finally:
            await server.close()

    load, used = asyncio.run(asyncio.wait_for(look(), 20))
    assert load >= 0
    assert used > 0
