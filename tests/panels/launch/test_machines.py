# SPDX-License-Identifier: GPL-3.0-or-later
"""Nodes in the launch panel: recommended by their loads, chosen, written, tested; data matched to modules."""

from __future__ import annotations

import time
from collections.abc import Iterable

import pandas as pd
import pytest

from difxnb.formats.input import read_input, write_input
from difxnb.panels.launch.nodes import node_rows, recommended_plan
from difxnb.panels.launch.plan import Plan
from difxnb.tables import NodeTable
from difxnb.wire.message import Header, Load, Mark5Status, Message, Status
from tests.panels.launch.launching import launch_at, settle, started, until_over
from tests.panels.stage import Stage


def load(source: str, busy: float, *, cores: int = 8, used: int = 250, sequence: int = 1) -> Message:
    body = Load(cpu_load=busy, total_memory=1000, used_memory=used, n_core=cores)
    return Message(Header(source, (), -1, "mk5daemon", ""), body, sequence, 400)


def table(*messages: Message, ago: float = 1.0) -> pd.DataFrame:
    nodes = NodeTable()
    for message in messages:
        nodes.add(message, time.time() - ago)
    return nodes.frame()


def hear(stage: Stage, messages: Iterable[Message]) -> None:
    for message in messages:
        stage.difx.nodes.add(message, time.time())
        stage.difx.recorders.add(message, time.time())


def words(frame: pd.DataFrame, recorders: set[str] | None = None) -> dict[str, tuple[str, int]]:
    rows = node_rows(frame, recorders or set(), Plan(), ())
    return {row.name: (row.word, row.recommended) for row in rows}


def test_idle_nodes_are_recommended_and_others_told_why_not() -> None:
    job = Message(Header("n5", (), 3, "exp_1", ""), Status(state="Running"), 1, 300)
    frame = table(load("n1", 0.2), load("n2", 6.0), load("n3", 0.2, used=950), load("n4", 0.2), job)
    assert words(frame, {"n4"}) == {
        "n1": ("idle", 7),
        "n2": ("busy", 0),
        "n3": ("busy", 0),
        "n4": ("recorder", 0),
        "n5": ("busy", 0),
    }
    reasons = {row.name: row.reason for row in node_rows(frame, {"n4"}, Plan(), ())}
    assert reasons["n1"].startswith("load 0.2 of 8 cores, 256 kB of 1.02 MB memory used")
    assert "memory is full" in reasons["n3"]
    assert "kept for reading" in reasons["n4"]
    assert reasons["n5"] == "computes for exp_1"


def test_a_node_that_fell_silent_is_not_recommended() -> None:
    assert words(table(load("n1", 0.2), ago=90.0)) == {"n1": ("silent", 0)}


def test_a_host_that_files_name_in_two_ways_can_be_chosen_by_each() -> None:
    plan = Plan("n1.example", ("n1",), {"n1": 3})
    rows = node_rows(table(load("n1", 0.0)), set(), plan, ("N1",))
    assert [(row.name, row.is_head, row.threads) for row in rows] == [
        ("n1", False, 3),
        ("n1.example", True, 0),
    ]


def test_a_recommendation_leaves_a_thread_to_each_reader_and_two_to_the_head() -> None:
    rows = node_rows(table(load("n1", 0.0), load("n2", 0.0), load("head", 0.0)), set(), Plan(), ())
    plan, why = recommended_plan(rows, "head", ("", "", "", "rec-1"))
    assert plan.head_node == "head"
    assert plan.datastreams == ("n1", "n2", "n1", "rec-1")
    assert plan.threads == {"head": 8, "n1": 6, "n2": 7}
    assert "idle nodes compute" in why
    assert plan.lacks() == ""


def test_without_idle_nodes_everything_is_on_the_head_node_and_that_is_said() -> None:
    plan, why = recommended_plan([], "head", ("", "rec-1"))
    assert plan == Plan("head", ("head", "rec-1"), {"head": 5})
    assert "no idle node is known" in why


@pytest.mark.parametrize("number", [0, 3])
def test_threads_of_a_plan(number: int) -> None:
    plan = Plan("h", ("n1",), {"n1": 2, "n2": 4}).with_threads("n1", number)
    assert list(plan.threads.items()) == ([("n1", 3)] if number else []) + [("n2", 4)]


def test_a_plan_of_files_adds_up_hosts_that_come_twice() -> None:
    plan = Plan.of_files(["h", "d1", "d2", "c", "c"], [2, 3])
    assert plan == Plan("h", ("d1", "d2"), {"c": 5})
    assert plan.hosts == ("h", "d1", "d2", "c")


def test_the_manager_keeps_a_thread_of_the_head_node_that_is_in_no_file() -> None:
    plan = Plan.of_files(["h", "d", "h", "n"], [1, 3])
    assert plan == Plan("h", ("d",), {"h": 2, "n": 3})
    assert plan.preview().split("NUMBER OF CORES:")[1].split() == ["2", "1", "3"]


def test_nodes_that_are_heard_are_rows_with_threads_to_set(stage: Stage) -> None:
    hear(stage, [load("n1", 0.2), load("n2", 7.5)])
    with launch_at(stage) as panel:
        assert panel.model.snapshot().plan.threads == {"n1": 5}, "two of seven threads are kept for reading"
        assert panel.nodes.rows["n1"].threads.value == 5
        assert "✓" in panel.nodes.rows["n1"].words.value
        assert "busy: load 7.5 of 8 cores" in panel.nodes.rows["n2"].words.value
        panel.nodes.rows["n2"].threads.value = 4
        panel.head.value = "n2"
        panel.shows_preview.value = True
        panel.paint()
        assert "n2\nn1\nn1\nn1\nn2\n" in panel.preview.value
        panel.recommend.click()
        panel.paint()
        assert panel.nodes.rows["n2"].threads.value == 0


def test_a_module_is_read_where_it_is_mounted(stage: Stage) -> None:
    inp = read_input(stage.input_file)
    inp.datastreams[0].data_source, inp.datastreams[0].files = "MODULE", ["TEST-001"]
    inp.datastreams[1].data_source, inp.datastreams[1].files = "MODULE", ["TEST-002"]
    write_input(inp, stage.input_file, overwrite=True)
    unit = Mark5Status(state="Idle", bank_a_vsn="TEST-001", bank_b_vsn="none", active_bank="A")
    hear(stage, [Message(Header("mark5-01", (), -1, "mk5daemon", ""), unit, 1, 300)])
    with launch_at(stage) as panel:
        first, second = panel.sources.rows["0"], panel.sources.rows["1"]
        assert "module TEST-001 is in mark5-01, bank A" in first.words.value
        assert first.node.value == "mark5-01"
        assert "TEST-002 is in no recorder" in second.words.value
        first.node.value = "localhost"
        panel.paint()
        assert "can only be read on mark5-01" in first.words.value


def test_machines_are_written_only_when_told_and_read_back(stage: Stage) -> None:
    machines = stage.root / "job.machines"
    with launch_at(stage) as panel:
        assert "Not written" in panel.advice.value
        assert not machines.exists()
        panel.nodes.rows["localhost"].threads.value = 3
        panel.new_node.value = "n9"
        panel.add_node.click()
        panel.paint()
        panel.nodes.rows["n9"].threads.value = 2
        panel.write_nodes.click()
        look = settle(panel, stage)
        assert "are written" in look.message
        assert machines.read_text().split() == ["localhost"] * 4 + ["n9"]
        assert look.is_written
        panel.nodes.rows["n9"].threads.value = 0
        panel.paint()
        assert "Not written" in panel.advice.value
        panel.as_written.click()
        panel.paint()
        assert panel.nodes.rows["n9"].threads.value == 2


def test_a_start_with_machines_that_fit_leaves_the_files_alone(stage: Stage) -> None:
    stage.placed_job()
    machines = stage.root / "job.machines"
    before = machines.stat().st_mtime_ns
    with launch_at(stage) as panel:
        assert "as in the machines files" in panel.advice.value
        panel.monitor.value = False
        look = started(panel, stage)
        assert not look.is_problem, look.message
        assert panel.model.run.monitor is None
        until_over(panel, stage)
    assert machines.stat().st_mtime_ns == before


def test_nodes_are_tested_and_those_that_do_not_answer_are_marked(stage: Stage) -> None:
    with launch_at(stage) as panel:
        panel.try_nodes.click()
        look = settle(panel, stage)
        assert look.message == "all nodes answered through MPI"
        assert "answered through MPI" in panel.nodes.rows["localhost"].words.value
        assert not (stage.root / "job.machines").exists()
