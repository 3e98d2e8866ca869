# SPDX-License-Identifier: GPL-3.0-or-later
"""Live tables of the program, in terminals, pipes and as JSON, of real servers; and what Ctrl-C leaves."""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from rich.console import Console

import difxnb
from difxnb.cli import app
from difxnb.cli.busy_look import BusyLook
from difxnb.cli.fringe_look import FringeLook
from difxnb.cli.watching import selection
from difxnb.wire.job import JobOutcome
from difxnb.wire.message import Alert, Header, Load, Mark5Status, Message
from tests.aio.stage import stage
from tests.cli.programs import DEADLINE_S, Program
from tests.client.peers import ROBUST, own_server
from tests.jobs_to_run import put
from tests.live_fringes import Feed
from tests.notebook.far_end import FarEnd, job_at

HIDDEN, SHOWN = "\x1b[?25l", "\x1b[?25h"  # a cursor


def test_a_job_is_watched_in_every_form(far: FarEnd, tmp_path: Path, made: Path) -> None:
    path = put(made, "short", tmp_path.resolve())
    server = far.enter(own_server(tmp_path))
    command = ("monitor", path, "--port", server.port)
    with ExitStack() as stack:
        lines, terminal, data, one = (
            stack.enter_context(program)
            for program in (
                Program(*command),
                Program(*command, columns=50),
                Program(*command, "--json", "--select", "polarization=RR"),
                Program(*command, "--once", "--select", "antennas=AA,BB"),
            )
        )
        difx = stack.enter_context(difxnb.connect("127.0.0.1", server.port, patience=ROBUST))
        for program in (lines, terminal):
            program.until(lambda said: "nothing heard of it yet" in said)
        data.until(lambda said: "\n" in said)
        wait_until(lambda: server.keeper.clients == 5)
        run = job_at(difx, path).start(monitor=True)
        assert run.wait(60) is JobOutcome.DONE
        assert run.monitor is not None
        fringes = run.monitor.fringes
        ends = [program.end() for program in (lines, terminal, data, one)]
        assert ends == [(0, "")] * 4

    assert "job: Done 100 %, scan" in lines.said
    assert "fringe: yes" in lines.said
    assert "\x1b" not in lines.said + one.said
    for said in (terminal.said, one.said):
        assert "AA-BB" in said
        assert "yes" in said
    assert "delay ns" in terminal.said
    assert "rate ps/s" not in terminal.said  # for which it is too narrow

    last = data.objects[-1]
    assert (last["job"], last["state"], last["progress"]) == ("job", "Done", 1.0)
    assert set(last["weights"]) == {"AA", "BB"}
    expected = fringes[(fringes["polarization"] == "RR") & (fringes["start"] == fringes["start"].max())]
    assert len(expected) == len(last["fringes"]) > 0
    for row, truth in zip(last["fringes"], expected.to_dict("records"), strict=True):
        assert row["baseline"] == truth["baseline"]
        for name in ("snr", "delay", "delay_rate", "phase"):
            assert row[name] == pytest.approx(truth[name], rel=1e-6)


def wait_until(holds: Callable[[], bool]) -> None:
    deadline, never = time.monotonic() + DEADLINE_S, threading.Event()
    while not holds():
        assert time.monotonic() < deadline
        never.wait(0.05)


@pytest.fixture
def acting(far: FarEnd, tmp_path: Path, made: Path) -> Iterator[tuple[difxnb.notebook.Correlator, int]]:
    """A correlator on which a job runs until it is stopped."""
    path = put(made, "short", tmp_path.resolve())
    server = far.enter(stage(tmp_path, "patient"))
    with difxnb.connect("127.0.0.1", server.port, patience=ROBUST) as difx:
        run = job_at(difx, path).start()
        yield difx, server.port
        run.stop()


def report(difx: difxnb.notebook.Correlator, name: str, sequence: int) -> None:
    """Have hosts speak."""
    bodies = (
        Load(12.5, 64_000_000, 16_000_000, 120_000_000, 3_000_000, 16),
        Mark5Status(bank_a_vsn="XYZ+0001", bank_b_vsn="none", active_bank="A", state="Play"),
        Alert(text="disk on fire", severity=1),
    )
    for body in bodies:
        difx.send(Message(Header(name, (), 0, "mk5daemon", ""), body, sequence, 0))


def test_what_a_correlator_does_as_json_and_lines(
    acting: tuple[difxnb.notebook.Correlator, int],
) -> None:
    difx, port = acting
    with (
        Program("busy", "--port", port, "--json", "--ignore", "^hidden") as data,
        Program("busy", "--port", port, "--nodes", "--recorders") as lines,
    ):
        data.until(lambda _: any(one["jobs"] for one in data.objects))
        lines.until(lambda said: "guiServer" in said)
        report(difx, "hidden-1", 1)
        report(difx, "mark5-1", 2)
        data.until(lambda _: any(one["nodes"] and one["recorders"] for one in data.objects))
        lines.until(lambda said: "recorders mark5-1" in said or "XYZ+0001" in said)
        assert data.interrupt() == (130, "")
        assert lines.interrupt() == (130, "")
    last = data.objects[-1]
    assert [job["job"] for job in last["jobs"]] == ["job"]
    assert last["jobs"][0]["state"] == "Running"
    assert last["jobs"][0]["weight_min"] == pytest.approx(0.8)
    nodes = {node["node"]: node["load"] for node in last["nodes"]}
    assert nodes["mark5-1"] == 12.5
    assert "hidden-1" not in nodes
    assert [unit["recorder"] for unit in last["recorders"]] == ["mark5-1"]
    assert "12.5 of 16" in lines.said
    assert "Running" not in lines.said


def test_what_a_correlator_does_on_a_terminal(acting: tuple[difxnb.notebook.Correlator, int]) -> None:
    difx, port = acting
    with Program("busy", "--port", port, columns=40) as program:
        program.until(lambda said: "Running" in said)
        report(difx, "node-1", 1)
        program.until(lambda said: "12.5" in said and "Play" in said)
        assert program.interrupt() == (130, "")
    assert HIDDEN in program.said
    assert program.said.rindex(SHOWN) > program.said.rindex(HIDDEN)  # the cursor is there again


def test_once(acting: tuple[difxnb.notebook.Correlator, int]) -> None:
    _, port = acting
    with Program("busy", "--once", "--jobs", "--listen", 1, "--port", port) as program:
        assert program.end() == (0, "")
    assert "Running" in program.said
    assert "█" in program.said
    assert "nodes" not in program.said


def test_an_interrupt_ends_a_watch(acting: tuple[difxnb.notebook.Correlator, int], tmp_path: Path) -> None:
    difx, port = acting
    path = tmp_path.resolve() / "job.input"
    with Program("monitor", path, "--port", port, columns=80) as program:
        program.until(lambda said: "Running" in said)
        assert program.interrupt() == (130, "")
    assert difx.jobs.frame()["state"].tolist() == ["Running"]


def test_what_is_wrong_is_one_line(far: FarEnd, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    server = far.enter(own_server(tmp_path))
    with Program("monitor", "/none.input", "--port", server.port) as program:
        status, complaint = program.end()
    assert status == 1
    assert complaint.startswith("difxnb: ")
    assert "none.input" in complaint
    for wrong in (
        ("busy", "--ignore", "("),
        ("monitor", "/e.input", "--select", "antenna"),
        ("monitor", "/e.input", "--select", "band=x"),
    ):
        with pytest.raises(SystemExit) as ended:
            app(wrong)
        assert ended.value.code == 2
        assert "Traceback" not in capsys.readouterr().err


def test_nobody_there(far: FarEnd, tmp_path: Path) -> None:
    server = far.enter(own_server(tmp_path))
    far.loop.call(server.close())
    with Program("busy", "--port", server.port, "--timeout", 5) as program:
        status, complaint = program.end()
    assert status == 1
    assert complaint.startswith("difxnb: ")
    assert complaint.count("\n") == 1


def test_selections() -> None:
    assert selection([]) is None
    assert selection(["polarization=RR,LL", "band=0", "frequency=8400.5", "baseline=AA-BB"]) == {
        "polarization": ["RR", "LL"],
        "band": 0,
        "frequency": 8400.5,
        "baseline": "AA-BB",
    }
    for wrong in (["antenna"], ["=AA"], ["antenna="], ["antenna=AA", "antenna=BB"], ["band=x"]):
        with pytest.raises(ValueError, match=r"KEY=VALUE|twice|invalid literal"):
            selection(wrong)


def rows_of(look: FringeLook | BusyLook, columns: int, rows: int | None = None) -> list[str]:
    """What a terminal so wide shows."""
    console = Console(file=io.StringIO(), width=columns, highlight=False)
    console.print(look.table(columns, rows))
    return console.file.getvalue().splitlines()  # type: ignore[attr-defined]


def test_tables_fit_the_terminal(acting: tuple[difxnb.notebook.Correlator, int]) -> None:
    difx, _ = acting
    report(difx, "node-1", 1)
    wait_until(lambda: len(difx.recorders) > 0 and bool(difx.jobs.frame()["progress"].notna().any()))
    look = BusyLook(
        "here", difx.jobs.frame(), difx.nodes.frame(), difx.recorders.frame(), difx.alerts.frame()
    )
    for columns in (40, 80, 120):
        shown = rows_of(look, columns)
        assert max(map(len, shown)) <= columns
        assert any("job" in line and "%" in line for line in shown), columns
        assert any("node-1" in line and "12.5" in line for line in shown), columns
    assert any("speed-up" in line for line in rows_of(look, 120))
    assert "disk on fire" in "".join(rows_of(look, 120))


def test_what_has_no_room_is_counted() -> None:
    feed = Feed()
    feed.give(range(20))
    fringes = difxnb.fringe_fit(feed.series.dataset())
    look = FringeLook("e\x1b[2J_1", "Running", 0.4, fringes, {"AA": 0.9}, "", is_over=False)
    assert "\x1b[2J" not in "".join(rows_of(look, 100))
    shown = rows_of(look, 100, 10)
    assert f"{len(fringes) - 1} more rows" in shown[-1]
    assert sum("AA-BB" in line for line in rows_of(look, 100)) == (fringes["baseline"] == "AA-BB").sum()
    assert "weights AA 0.90" in rows_of(look, 100)[1]
