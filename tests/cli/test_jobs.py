# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs from a shell: shown, checked, started with machines, waited for, left, and stopped."""

from __future__ import annotations

from pathlib import Path

import pytest

from difxnb.cli.placing import Machines
from tests.aio.stage import stage
from tests.cli.conftest import lead_to
from tests.cli.in_process import difxnb_program as difxnb
from tests.cli.programs import Program
from tests.client.peers import own_server
from tests.jobs_to_run import put
from tests.notebook.far_end import FarEnd

HERE = ("-m", "localhost", "-d", "localhost", "-p", "localhost", "-t", "2")


@pytest.fixture
def job(served: Path, made: Path) -> Path:
    """A job of a second on a server with the embedded correlator."""
    path = put(made, "short", served)
    for ending in (".machines", ".threads"):
        path.with_suffix(ending).unlink(missing_ok=True)
    return path


def test_a_job_is_shown_checked_run_and_refused_while_there_is_output(job: Path) -> None:
    shown = difxnb("job", job)
    assert shown.status == 0
    assert "antennas       AA BB" in shown.out
    assert "none yet" in shown.out
    assert difxnb("job", "--machines", job).status == 1
    without = difxnb("start", job)
    assert (without.status, "--head" in without.complaints) == (1, True)
    assert not job.with_suffix(".machines").exists()

    plan = difxnb("start", *HERE, "--dry-run", job)
    assert plan.status == 0, plan
    assert plan.lines[0] == "would set these machines:"
    assert plan.lines[-1] == f"would start {job}"
    assert not job.with_suffix(".machines").exists()
    assert difxnb("start", *HERE, "--check", job).status == 0
    (machines,) = difxnb("job", "--machines", "--json", job).objects
    assert [(row["role"], row["threads"]) for row in machines["rows"]] == [
        ("head", None),
        ("datastream", None),
        ("datastream", None),
        ("processor", 1),  # a thread of the head node is kept back
    ]

    done = difxnb("start", "--json", job)
    assert done.status == 0, done
    assert done.objects[-1]["outcome"] == "done"
    assert done.objects[-2]["progress"] == 1.0
    assert set(done.objects[-2]["weights"]) == {"AA", "BB"}
    refused = difxnb("start", job)
    assert (refused.status, "--overwrite" in refused.complaints) == (1, True)
    plan = difxnb("start", "--dry-run", job)
    assert (plan.status, "--overwrite moves it aside" in plan.out) == (3, True)
    (told,) = difxnb("start", "--dry-run", "--overwrite", "--json", job).objects
    assert (told["refused"], told["outputs"]) == (False, [str(job.with_suffix(".difx"))])
    assert "Done" in difxnb("job", job).out
    (facts,) = difxnb("job", "--json", job).objects
    assert (facts["job"], facts["state"]) == ("job", "Done")
    watched = difxnb("start", "--overwrite", "--monitor", job)
    assert watched.status == 0
    assert "fringe: yes" in watched.out
    assert watched.lines[-1].startswith("job: done")
    assert len(list(job.parent.glob("job.difx*"))) == 3  # the output, what was moved aside, the log


def test_a_job_that_cannot_run_is_not_started(job: Path) -> None:
    job.write_text(job.read_text().replace("TELESCOPE ENTRIES:  2", "TELESCOPE ENTRIES:  x"))
    for arguments in (["job"], ["job", "--check"], ["start", *HERE]):
        done = difxnb(*arguments, job)
        assert (done.status, "Traceback" in done.complaints) == (1, False), arguments
    assert difxnb("job", "/none.input").status == 1
    assert difxnb("start", "/none.input", "--dry-run").status == 1


def test_findings_are_status_3(job: Path) -> None:
    job.with_suffix(".calc").unlink()
    assert difxnb("start", *HERE, "--check", job).status in (1, 3)
    checked = difxnb("job", "--check", "--json", job)
    assert checked.status == 3
    assert checked.objects[0]["attrs"]["passed"] is False


def test_a_job_is_left_running_and_stopped(
    far: FarEnd, tmp_path: Path, made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = put(made, "short", tmp_path.resolve())
    lead_to(far.enter(stage(tmp_path, "patient")), monkeypatch)
    left = difxnb("start", *HERE, "--wait", "0", path)
    assert (left.status, "runs on" in left.complaints) == (0, True)
    assert "would stop" in difxnb("stop", "--dry-run", path).out
    assert difxnb("start", path).status == 1  # it runs already
    (stopped,) = difxnb("stop", "--json", path).objects
    assert stopped == {"deed": "stop", "job": "job", "path": str(path), "done": True}
    with Program("start", "--overwrite", path) as program:
        program.until(lambda said: "Running" in said)
        status, complaint = program.interrupt()
    assert (status, "runs on" in complaint) == (130, True)


def test_a_job_that_fails_is_status_3(
    far: FarEnd, tmp_path: Path, made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = put(made, "short", tmp_path.resolve())
    lead_to(far.enter(stage(tmp_path, "dies")), monkeypatch)
    failed = difxnb("start", *HERE, path)
    assert (failed.status, "failed" in failed.lines[-1]) == (3, True)


def test_a_job_on_a_server_with_the_faults_of_a_real_one(
    far: FarEnd, tmp_path: Path, made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = put(made, "short", tmp_path.resolve())
    lead_to(far.enter(own_server(tmp_path, "2.9")), monkeypatch)
    done = difxnb("start", *HERE, path)
    assert (done.status, done.lines[-1].startswith("job: done")) == (0, True), done
    assert difxnb("ls", path).status == 0  # it has survived that


def test_a_real_server_is_not_left_with_a_job(
    far: FarEnd, tmp_path: Path, made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = put(made, "short", tmp_path.resolve())
    lead_to(far.enter(own_server(tmp_path, "real-name")), monkeypatch)
    refused = difxnb("start", *HERE, "--wait", "5", path)
    assert (refused.status, "--wait" in refused.complaints) == (2, True)
    assert not path.with_suffix(".difx").exists()


def test_hosts_that_are_not_named_are_chosen() -> None:
    class Wanted:
        class input:  # noqa: N801 - as a job has it
            active_datastreams = 2

    def placed(*words: str | None) -> tuple[object, ...]:
        return tuple(Machines.parse(*words).of(Wanted()).values())  # type: ignore[arg-type]

    assert placed("h", None, None, None) == ("h", ("h", "h"), {"h": 1})
    assert placed(None, "a,b", "c, d", "3") == ("a", ("a", "b"), {"c": 3, "d": 3})
    assert placed("h", "a", "c,d", "3,4") == ("h", ("a", "a"), {"c": 3, "d": 4})
    assert not Machines.parse(None, None, None, None).are_named
    for wrong in ((None, None, "a", "x"), (None, None, "a", "0"), ("h", None, None, "2")):
        with pytest.raises(ValueError, match="threads"):
            Machines.parse(*wrong)
    for wrong in ((None, None, "a,b", "1,2,3"), (None, None, "a,a", None)):
        with pytest.raises(ValueError, match=r"numbers|twice"):
            Machines.parse(*wrong)
