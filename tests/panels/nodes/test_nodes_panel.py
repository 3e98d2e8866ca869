# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts and recorders in tables: how busy, how full, who is silent, and which disks are not well."""

from __future__ import annotations

import ipywidgets as widgets
import pytest

from difxnb.panels.nodes import NodesModel, NodesPanel, RecordersModel
from difxnb.recording.tables import RecordedNodes, RecordedRecorders
from difxnb.wire.message import Header, Load, Mark5Status, Message, Smart, Status

T0 = 1_704_110_400.0


def said(body: object, source: str = "n1", job: str = "mk5daemon", rank: int = -1) -> Message:
    return Message(Header(source, (), rank, job), body, None, 50)  # type: ignore[arg-type]


def load(cpu: float) -> Load:
    return Load(
        cpu_load=cpu, total_memory=64 * 2**20, used_memory=16 * 2**20, net_rx_rate=12_500_000, n_core=4
    )


@pytest.fixture
def nodes() -> RecordedNodes:
    made = RecordedNodes(lambda: T0 + 70)
    made.add(said(load(0.1), "silent"), T0)
    for name, cpu in (("idle", 0.1), ("busy", 3.0), ("over", 9.0)):
        made.add(said(load(cpu), name), T0 + 65)
    made.add(said(Status(None, "Running"), "plain", "e_1", 1), T0 + 65)
    return made


def test_how_hosts_stand(nodes: RecordedNodes) -> None:
    rows = {row.name: row for row in NodesModel(nodes).snapshot().rows}
    words = {name: row.mark.word for name, row in rows.items()}
    assert words == {
        "busy": "busy",
        "idle": "idle",
        "over": "overloaded",
        "plain": "tells no load",
        "silent": "silent",
    }
    assert rows["over"].cpu == pytest.approx(2.25)
    assert (rows["plain"].jobs, rows["plain"].processes) == ("e_1", 1)
    assert rows["silent"].age == pytest.approx(70)


def test_numbers_have_units(nodes: RecordedNodes) -> None:
    with NodesPanel(NodesModel(nodes)) as panel:
        panel.paint()
        page = everything(panel)
        for told in (
            "225 %",
            "of 4 cores",
            "25 %",
            "of 64 GiB",
            "12.5 MB/s",
            "1 min ago",
            "✗ silent",
            "! overloaded",
        ):
            assert told in page
        assert "✗ silent silent" in panel.twin().text


def mark5(state: str, **fields: object) -> Mark5Status:
    return Mark5Status(state=state, **fields)  # type: ignore[arg-type]


def test_recorders_and_disks_that_are_not_well() -> None:
    recorders = RecordedRecorders(lambda: T0 + 40)
    recorders.add(said(mark5("Idle"), "mark5-1"), T0)
    recorders.add(said(mark5("Play"), "mark5-2"), T0 + 39)
    recorders.add(said(mark5("Error"), "mark5-3"), T0 + 39)
    recorders.add(said(Smart(60310.0, "NRAO+321", 3, ((5, 0), (194, 35))), "mark5-1"), T0)
    model = RecordersModel(recorders)
    assert model.snapshot().disks == ()
    assert "All 1 disks that report their health are well" in everything(painted(NodesPanel(recorders=model)))
    recorders.add(said(Smart(60310.1, "NRAO+321", 3, ((5, 7), (194, 36))), "mark5-1"), T0 + 1)
    shown = RecordersModel(recorders).snapshot()
    assert [(row.name, row.mark.word) for row in shown.rows] == [
        ("mark5-1", "inactive, was Idle"),
        ("mark5-2", "Play"),
        ("mark5-3", "Error"),
    ]
    (disk,) = shown.disks
    assert (disk.module, disk.disk, disk.attribute, disk.value) == ("NRAO+321", 3, "reallocated sectors", 7)


def test_hostile_names_do_nothing() -> None:
    nodes = RecordedNodes(lambda: T0)
    nodes.add(said(load(1.0), "<script>"), T0)
    recorders = RecordedRecorders(lambda: T0)
    recorders.add(said(mark5("<script>", scan_name="<script>"), "<script>"), T0)
    panel = painted(NodesPanel(NodesModel(nodes), RecordersModel(recorders)))
    assert "<script" not in everything(panel) + panel.twin().html


def test_nothing_heard_is_said() -> None:
    page = everything(
        painted(
            NodesPanel(NodesModel(RecordedNodes(lambda: T0)), RecordersModel(RecordedRecorders(lambda: T0)))
        )
    )
    assert "No host was heard of yet." in page
    assert "No recorder was heard of yet." in page


def painted(panel: NodesPanel) -> NodesPanel:
    panel.paint()
    return panel


def everything(panel: NodesPanel) -> str:
    boxes = panel.widget.children[1].children
    return "".join(one.value for one in boxes if isinstance(one, widgets.HTML))
