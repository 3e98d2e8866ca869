# SPDX-License-Identifier: GPL-3.0-or-later
"""Conditions and limits of a queue against what hosts and recorders of DiFX 2.9 say."""

from __future__ import annotations

import math
import time
from pathlib import Path

import pytest

from difxnb import aio
from difxnb.queue import NodeSilent, QueueEntry, QueueLimits, Seen
from difxnb.queue.rules import seen_of, why_not_yet
from difxnb.server.gui_server import GuiServer
from tests.aio.stage import until_true
from tests.client.peers import ROBUST

HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n<difxMessage><header><from>{}</from>'
LOAD = (
    HEAD
    + "<mpiProcessId>-1</mpiProcessId><identifier>mk5daemon</identifier><type>DifxLoadMessage</type></header>"
    "<body><seqNumber>48213</seqNumber><difxLoad><cpuLoad>{}</cpuLoad><totalMemory>263838464</totalMemory>"
    "<usedMemory>41207312</usedMemory><netRXRate>812345670</netRXRate><netTXRate>9034112</netTXRate>"
    "{}</difxLoad></body></difxMessage>"
)
MARK5 = (
    HEAD
    + "<mpiProcessId>-1</mpiProcessId><identifier>mk5daemon</identifier><type>Mark5StatusMessage</type></header>"
    "<body><seqNumber>20417</seqNumber><mark5Status><bankAVSN>MPI-0042</bankAVSN><bankBVSN>none</bankBVSN>"
    "<statusWord>0x00000000</statusWord><activeBank> </activeBank><state>Idle</state><scanNumber>0</scanNumber>"
    "<scanName></scanName><position>0</position><playRate>0.000</playRate><dataMJD>0.0000000</dataMJD>"
    "</mark5Status></body></difxMessage>"
)
_SLOTS = "".join(
    f"<slot{slot}MSN>{serial}</slot{slot}MSN><slot{slot}Group></slot{slot}Group><slot{slot}Disks>{disks}</slot{slot}Disks>"
    f"<slot{slot}MissingDisks>0</slot{slot}MissingDisks>"
    for slot, serial, disks in ((1, "BHC%0101", 8), (2, "none", 0), (3, "none", 0), (4, "none", 0))
)
MARK6 = (
    HEAD
    + "<mpiProcessId>-1</mpiProcessId><identifier>mk5daemon</identifier><type>Mark6StatusMessage</type></header>"
    "<body><seqNumber>7310</seqNumber><mark6Status>"
    + _SLOTS
    + "<state>Opening</state><scanNumber>0</scanNumber>"
    "<scanName></scanName><position>0</position><playRate>0.000</playRate><dataMJD>0.0000000</dataMJD></mark6Status>"
    "</body></difxMessage>"
)


@pytest.fixture
def limits() -> QueueLimits:
    return QueueLimits(at_once=2, node_load=0.9)


async def test_hosts_and_recorders_are_heard_as_they_speak(tmp_path: Path, limits: QueueLimits) -> None:
    """A load is by processors; recorders that report no load are alive all the same; others are silent."""
    server = GuiServer(tmp_path.resolve())
    await server.start()
    try:
        async with aio.connect("127.0.0.1", server.port, patience=ROBUST) as difx:
            desk = difx.queue.desk
            difx.queue.limits = limits
            said = {
                "busy": LOAD.format("busy", "39.00", "<nCore>40</nCore>"),
                "node07": LOAD.format("node07", "17.42", "<nCore>40</nCore>"),
                "oldest": LOAD.format("oldest", "17.42", ""),
                "mark5fx08": MARK5.format("mark5fx08"),
                "mark6-02": MARK6.format("mark6-02"),
            }
            for text in said.values():
                await difx.send(text)
            await difx.queue.suspend(NodeSilent((*said, "nobody"), 3600.0))
            await until_true(lambda: set(said) <= set(desk.nodes()))
            seen = desk.nodes()
            assert seen["node07"].load == pytest.approx(0.4355)
            assert math.isnan(seen["oldest"].load), (
                "releases before 2.0.2 do not say how many processors there are"
            )
            assert math.isnan(seen["mark5fx08"].load)
            for host, why in (
                ("busy", "the load of busy is 0.97"),
                ("node07", ""),
                ("oldest", ""),
                ("mark6-02", ""),
            ):
                job = QueueEntry(1, "/d/a_1.input", machines={"head_node": host})
                assert why_not_yet(job, [], limits, now=time.time(), nodes=seen).startswith(why)
                assert bool(why) == bool(why_not_yet(job, [], limits, now=time.time(), nodes=seen))
            begun = time.time()
            await until_true(lambda: time.time() > begun + 0.5)
            for host in said:
                await difx.send(
                    said[host].replace("48213", "48214").replace("20417", "20418").replace("7310", "7311")
                )
            await until_true(lambda: all(seen_of(desk.nodes(), host).silence < 0.4 for host in said))
            held = NodeSilent((*said, "nobody"), 0.45).holds(Seen(desk.nodes()), time.time())
            assert held is not None
            assert held.startswith("node silent: nobody has said nothing for")
    finally:
        await server.close()
