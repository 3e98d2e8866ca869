# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts, recorders and alerts as they come through a server, on both faces."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import difxnb
from difxnb import aio
from difxnb.wire.message import (
    Alert,
    Body,
    Header,
    Load,
    Mark5Status,
    Mark6SlotStatus,
    Message,
    Smart,
    message_type,
    to_xml,
)
from tests.client.peers import ROBUST, own_server

ALPHA = Path(__file__).parents[1] / "reference" / "mpifxcorr-output" / "alpha_1"


def document(body: Body, source: str, *, job: str = "mk5daemon", rank: int = -1, number: int = 1) -> bytes:
    return to_xml(Message(Header(source, (), rank, job, message_type(body)), body, number))


SAID = [
    document(Load(8.0, 4096, 1024, 1000, 2000, 16), "n1.corr.example"),
    document(Mark5Status(None, "MPI-0042", None, 0, "A", "Idle", 0, "", 0, 0.0, None), "mark5-1"),
    document(Mark6SlotStatus(None, 2, "BHC%0102", "BHC%0102", 7, 1, "Idle", None), "mark6-1"),
    document(Smart(60310.5, "MPI-0042", 3, ((5, 12),)), "mark5-1", number=2),
    document(Alert("/d/alpha_1.input", "Couldn't find any valid data", 1), "n2", job="alpha_1", rank=2),
    document(
        Alert("/d/alpha_1.input", "MPI Process 1 is running on host n1", 4), "n1", job="alpha_1", rank=1
    ),
]


@asynccontextmanager
async def hearing(tmp_path: Path) -> AsyncIterator[tuple[aio.Correlator, aio.Correlator]]:
    """Two clients of one server: what one sends, both hear."""
    async with (
        own_server(tmp_path) as server,
        aio.connect("127.0.0.1", server.port, patience=ROBUST) as one,
        aio.connect("127.0.0.1", server.port, patience=ROBUST) as other,
    ):
        yield one, other


async def test_hosts_recorders_and_alerts_of_a_server(tmp_path: Path) -> None:
    shutil.copy(ALPHA / "alpha_1.input", tmp_path)
    async with hearing(tmp_path) as (speaker, listener):
        for told in SAID:
            await speaker.head_node.send_document(told)
        await listener.head_node.fence()
        nodes = listener.nodes.frame().set_index("node")
        assert list(nodes.index) == ["n1", "n2"]
        assert (nodes.loc["n1", "cpu"], nodes.loc["n1", "memory_total"]) == (0.5, 4096 * 1024)
        assert nodes["jobs"].tolist() == ["alpha_1", "alpha_1"]
        assert not nodes["silent"].any()
        assert listener.nodes.history("n1")["network_in"].tolist() == [1000.0]
        recorders = listener.recorders.frame()
        assert recorders["modules"].tolist() == ["A* MPI-0042", "2 BHC%0102"]
        assert listener.recorders.smart("MPI-0042")["suspect"].tolist() == [True]
        assert listener.alerts.frame()["cause"].tolist() == ["no data from datastream 1"]
        await listener.job(str(tmp_path.resolve() / "alpha_1.input")).input()
        assert listener.alerts.frame()["cause"].tolist() == ["no data from antenna BB"]


async def test_nobody_is_called_silent_whose_reports_are_not_asked_for(tmp_path: Path) -> None:
    async with hearing(tmp_path) as (speaker, listener):
        for told in SAID:
            await speaker.head_node.send_document(told)
        await listener.head_node.fence()
        later = listener.nodes.frame()["last_heard"].max().timestamp() + 1000.0
        assert listener.nodes.frame(later)["silent"].tolist() == [True, False]
        assert listener.recorders.frame(later)["inactive"].all()
        await listener.messages.select("alert")
        assert not listener.nodes.frame(later)["silent"].any()
        assert not listener.recorders.frame(later)["inactive"].any()
        await listener.messages.select(["load", "alert"])
        assert listener.nodes.frame(later)["silent"].tolist() == [True, False]
        assert not listener.recorders.frame(later)["inactive"].any()
        await listener.messages.select()
        assert listener.recorders.frame(later)["inactive"].all()


async def test_both_faces_show_the_same(tmp_path: Path) -> None:
    async with (
        own_server(tmp_path) as server,
        aio.connect("127.0.0.1", server.port, patience=ROBUST) as speaker,
    ):
        difx = await asyncio.to_thread(difxnb.connect, "127.0.0.1", server.port, patience=ROBUST)
        try:
            for told in SAID:
                await speaker.head_node.send_document(told)
            await speaker.head_node.fence()
            async with asyncio.timeout(20):
                while len(difx.messages) < len(SAID):
                    await asyncio.to_thread(difx.ls, tmp_path.resolve())
            assert difx.nodes.frame()["node"].tolist() == ["n1", "n2"]
            assert difx.recorders.frame()["recorder"].tolist() == ["mark5-1", "mark6-1"]
            assert difx.alerts.frame()["count"].tolist() == [1]
            for table in (difx.nodes, difx.recorders, difx.alerts, difx.jobs):
                assert "<table" in table._repr_html_()
                assert repr(table).startswith("<")
        finally:
            await asyncio.to_thread(difx.close)
