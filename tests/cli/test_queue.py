# SPDX-License-Identifier: GPL-3.0-or-later
"""The kept queue from a shell: changed without a server, run with one, left by Ctrl-C and taken up again."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from difxnb.cli.queue_look import QueueLook
from difxnb.queue import Lease, QueueEntry, QueueState, QueueStore
from tests.aio.stage import stage
from tests.cli.conftest import lead_to
from tests.cli.in_process import Done
from tests.cli.in_process import difxnb_program as difxnb
from tests.cli.programs import Program
from tests.notebook.far_end import FarEnd
from tests.queued_jobs import put_named

HERE = ("-m", "localhost", "-d", "localhost", "-p", "localhost", "-t", "2")


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the usual queue of a user is kept."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("DIFX_CONTROL_HOST", "127.0.0.1")
    monkeypatch.setenv("DIFX_CONTROL_PORT", "9")  # nobody is there
    return (tmp_path / "state" / "difxnb" / "queue.sqlite").resolve()


def queue(*arguments: object) -> Done:
    return difxnb("queue", *arguments)


def order() -> list[str]:
    (answer,) = queue("show", "--json").objects
    return [row["job"] for row in answer["rows"] if row["position"] is not None]


def test_a_queue_is_kept_without_a_server(file: Path) -> None:
    assert order() == []
    assert not file.exists()
    assert queue("add", "/e/e_1.input", "/e/e_2.input", "/e/e_3.input").out == ""
    assert file.exists()
    assert order() == ["e_1", "e_2", "e_3"]
    assert queue("priority", "e_3", 5).status == 0
    assert order() == ["e_3", "e_1", "e_2"]
    assert queue("priority", "e_3", "-5").status == 0
    assert order() == ["e_1", "e_2", "e_3"]
    assert queue("move", "/e/e_2.input", 1).status == 0
    assert order() == ["e_2", "e_1", "e_3"]
    (told,) = queue("remove", "e_1", "--json").objects
    assert told == {"deed": "remove", "path": "/e/e_1.input", "done": True}
    assert order() == ["e_2", "e_3"]
    assert queue("show", "--all", "--json").objects[0]["rows"][0]["state"] == "removed"
    shown = queue("show")
    assert shown.lines[0].split() == [
        *("position", "job", "state", "priority", "progress", "since", "tries", "why"),
    ]
    (past,) = queue("history", "--json").objects
    assert [row["what"] for row in past["rows"]].count("added") == 3
    assert queue("history", "--since", "2999-01-01").lines[1:] == []
    assert len(queue("history", "-n", 1).lines) == 2


def test_another_server_has_jobs_of_its_own(file: Path) -> None:
    queue("add", "/e/e_1.input")
    assert queue("add", "/e/e_1.input", "--host", "other").status == 0
    assert len(queue("show", "--host", "other", "--json").objects[0]["rows"]) == 1
    assert queue("remove", "e_1", "--host", "nobody").status == 2
    assert order() == ["e_1"]


def test_a_dry_run_changes_nothing(file: Path) -> None:
    assert queue("add", "/e/e_1.input", "--dry-run").out == "would add /e/e_1.input\n"
    assert not file.exists()
    queue("add", "/e/e_1.input", "/e/e_2.input")
    before = queue("show", "--json").out, queue("history", "--json").out
    for arguments, said in (
        (["add", "/e/e_3.input"], "would add /e/e_3.input"),
        (["remove", "e_1"], "would remove /e/e_1.input"),
        (["move", "e_2", 1], "would move /e/e_2.input to position 1"),
        (["priority", "e_2", 3], "would set /e/e_2.input to priority 3"),
        (["pause"], f"would pause {file}"),
        (["resume"], f"would resume {file}"),
        (["suspend", "--disk-low", "/data"], "would suspend while disk low /data"),
    ):
        done = queue(*arguments, "--dry-run")
        assert (done.status, done.out) == (0, f"{said}\n")
        assert queue("show", "--json").out, queue("history", "--json").out == before
    planned = queue("run", "--dry-run")
    assert planned.lines == ["would start e_1", "would keep e_2 as it is: 1 at once, and e_1 is under way"]
    assert [one["deed"] for one in queue("run", "--dry-run", "--at-once", 2, "--json").objects] == [
        "start"
    ] * 2


def test_what_cannot_be_done_leaves_everything_as_it_was(file: Path, tmp_path: Path) -> None:
    queue("add", "/e/e_1.input")
    for wrong in (
        ["add", "/e/e_2.input", "/e/e_1.input"],  # the second is in it already
        ["add", "relative.input"],
        ["add", "/e/e_2.calc"],
        ["add", "/e/$(x).input"],
        ["add", "/e/e_2.input", "-t", "2"],
        ["remove", "e_1", "e_9"],
        ["move", "e_1", 7],
        ["retry", "e_1"],
        ["resume", "no such condition"],
        ["suspend"],
        ["suspend", "--disk-low", "/", "--seconds", 3],
        ["suspend", "--node-silent", "n", "--below", 0.1],
        ["history", "--since", "yesterday"],
    ):
        done = queue(*wrong)
        assert (done.status in (1, 2), "Traceback" in done.complaints) == (True, False), wrong
        assert order() == ["e_1"], wrong
    other = tmp_path / "other"
    other.write_text("no queue, but long enough to be a file of something else entirely\n" * 20)
    damaged = queue("show", "-Q", other)
    assert (damaged.status, damaged.complaints.count("\n")) == (1, 1)
    assert queue("add", "/e/e.input", "-Q", tmp_path / "none" / "queue").status == 1


def test_a_pause_and_conditions_are_kept(file: Path) -> None:
    queue("add", "/e/e_1.input")
    assert queue("pause").status == 0
    assert "it was paused" in queue("show").lines[-1]
    assert queue("run", "--dry-run").lines == ["would keep e_1 as it is: it was paused"]
    queue("suspend", "--disk-low", "/data", "--below", 0.1)
    queue("suspend", "--node-silent", "n1,n2", "--seconds", 300)
    queue("suspend", "--weights-low", "AA")
    (answer,) = queue("show", "--json").objects
    assert answer["attrs"]["paused"] == "it was paused"
    assert answer["attrs"]["conditions"] == ["disk low /data", "node silent n1 n2", "weights low AA"]
    queue("resume", "node silent n1 n2")
    queue("resume")
    (answer,) = queue("show", "--json").objects
    assert (answer["attrs"]["paused"], len(answer["attrs"]["conditions"])) == ("", 2)


def test_only_what_did_not_end_well_is_tried_again(file: Path) -> None:
    queue("add", "/e/e_1.input")
    with QueueStore(file) as store:
        store.set_state(1, QueueState.FAILED, "it fell over", what="ended")
    assert order() == []
    assert queue("retry", "e_1").status == 0
    assert order() == ["e_1"]
    assert queue("history", "--json").objects[0]["rows"][-1]["what"] == "retried"


def test_all_jobs_of_a_queue_are_run(file: Path, served: Path, made: Path) -> None:
    paths = put_named(made, "short", served, "a", "b")
    checked = queue("add", "--check", f"{served}/none.input")
    assert (checked.status, "none.input" in checked.out + checked.complaints) == (3, True)
    few = queue("add", *HERE[:-1], "1", f"{served}/a.input")
    assert (few.status, "threads" in few.complaints) == (2, True)
    added = queue("add", *HERE, f"{served}/*.input", "--check")
    assert added.status == 0, added
    done = queue("run", "--json")
    assert done.status == 0, done
    last = done.objects[-1]["rows"]
    assert [(row["input_file"], row["state"], row["progress"]) for row in last] == [
        (path, "done", 1.0) for path in paths
    ]
    assert order() == []
    assert queue("run").status == 0  # there is nothing to do
    queue("add", paths[0])
    refused = queue("run")
    assert (refused.status, "refused" in refused.out) == (3, True)


def test_a_queue_is_left_and_taken_up_again(
    file: Path, far: FarEnd, tmp_path: Path, made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path.resolve()
    paths = put_named(made, "short", root, "a", "b")
    lead_to(far.enter(stage(root, "patient")), monkeypatch)
    assert queue("add", *HERE, *paths).status == 0
    with Program("queue", "run") as program:
        program.until(lambda said: "a: running" in said)
        other = queue("run")
        assert (other.status, "is run by process" in other.complaints) == (1, True)
        assert queue("pause").status == 0  # it hears of that within a second
        program.until(lambda said: "nothing is started: it was paused" in said)
        status, complaint = program.interrupt()
    assert (status, "left running: a" in complaint) == (130, True)
    Lease(file).give_back()
    assert queue("show", "--json").objects[0]["rows"][0]["state"] == "running"
    with Program("queue", "run", "--json") as program:
        program.until(lambda _: any(one["rows"][0]["state"] == "running" for one in program.objects))
        assert difxnb("stop", paths[0]).status == 0
        status, complaint = program.end()
    assert (status, "queue resume" in complaint) == (3, True)
    # Stopped by another program, it says itself that it is done.
    assert [row["state"] for row in program.objects[-1]["rows"]] == ["done", "waiting"]
    started = [row for row in queue("history", "--json").objects[0]["rows"] if row["what"] == "started"]
    assert len(started) == 1  # never twice


def test_a_real_server_is_left_when_nothing_runs(
    file: Path, far: FarEnd, tmp_path: Path, made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path.resolve()
    paths = put_named(made, "short", root, "a", "b")
    lead_to(far.enter(stage(root, "patient", "real-name")), monkeypatch)
    assert queue("add", *HERE, *paths).status == 0
    with Program("queue", "run") as program:
        program.until(lambda said: "a: running" in said)
        program.press()
        program.until(lambda said: "the queue was ended" in said)
        status, complaint = program.interrupt()
    assert (status, "Ctrl-C stops it" in complaint) == (130, True)
    assert [row["state"] for row in queue("show", "--json").objects[0]["rows"]] == ["stopped", "waiting"]


def test_a_table_shows_what_is_under_way_however_small_the_terminal() -> None:
    states = [QueueState.DONE] * 20 + [QueueState.RUNNING] + [QueueState.WAITING] * 20
    entries = tuple(
        QueueEntry(number, f"/e/e_{number}.input", state, why="by \x1b[2J itself", progress=0.5)
        for number, state in enumerate(states)
    )
    look = QueueLook(entries, "", "disk low")
    assert not look.is_over
    assert QueueLook(entries[:20], "", "").is_over
    assert not QueueLook(entries[21:], "", "disk low").is_over
    assert QueueLook(entries[21:], "it was paused", "").is_over
    for columns, rows in ((40, 10), (80, 24), (120, None)):
        console = Console(file=io.StringIO(), width=columns, highlight=False)
        console.print(look.table(columns, rows))
        shown = console.file.getvalue().splitlines()  # type: ignore[attr-defined]
        assert max(map(len, shown)) <= columns
        assert len(shown) <= (rows or 100)
        assert any("e_20" in line for line in shown)
        assert any("nothing is started" in line for line in shown)
        assert "\x1b" not in "".join(shown)
    assert sum("e_" in line for line in shown) == len(entries)
    assert look.lines()["20 progress"] == "e_20: 50 %"
