# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks before a start: the sequences of the real server, and nothing of the old output lost."""

import dataclasses
import os
import re

import pytest

from difxnb.formats.machines import write_machines, write_threads
from difxnb.server.confinement import Confinement
from difxnb.server.start_plan import move_aside, plan_start
from difxnb.wire.control import Notice
from difxnb.wire.job import JobEvent
from difxnb.wire.message import Processor, Start
from tests.server.made_jobs import MadeJob

REQUEST = Start(head_node="h", datastreams=("d",), processors=(Processor(("p",), 1),))
CHECKED = [127, 114, 125]


@pytest.fixture
def job(tmp_path):
    made = MadeJob(frame_samples=800)
    path = made.write(tmp_path / "root" / "exp", made.codes())
    write_machines(["h", "d", "p"], path.with_suffix(".machines"))
    write_threads([1], path.with_suffix(".threads"))
    return path


@pytest.fixture
def root(tmp_path, job):
    return Confinement(tmp_path / "root")


def plan(root, job, *, is_running=False, **changes):
    found = plan_start(root, dataclasses.replace(REQUEST, input=str(job), **changes), is_running=is_running)
    return found, [int(step.id) for step in found.steps if isinstance(step, JobEvent)]


def notices(found):
    return [(int(step.severity), step.text) for step in found.steps if isinstance(step, Notice)]


def test_a_good_job_is_launched(root, job):
    found, ids = plan(root, job)
    assert ids == [*CHECKED, 104, 113]
    assert found.launch.input_file == job
    assert found.launch.identifier == "job"
    assert found.launch.problems == ()
    assert not found.launch.monitor
    assert [severity for severity, _ in notices(found)] == [4, 5]
    assert notices(found)[0][1].startswith("checkmpicorr... No errors")
    assert notices(found)[1][1].startswith("executing: ")


def test_monitoring_is_asked_for_by_the_function(root, job):
    assert plan(root, job, function="RUN_MONITOR")[0].launch.monitor


@pytest.mark.parametrize("name", ["nosuch.input", "/etc/passwd", "", None])
def test_a_missing_input_file(root, job, name):
    found, ids = plan(root, job.parent / "x" if name is None else (job.parent / name if name else ""))
    assert ids == [109, 100]
    assert found.launch is None
    assert notices(found)[0][0] == 6


def test_only_the_check(root, job):
    found, ids = plan(root, job, function="CONFIG_ONLY", force=True)
    assert ids == [*CHECKED, 128]
    assert found.launch is None


@pytest.mark.parametrize(
    ("function", "rest"),
    [("CONFIG_ONLY", [116, 128]), ("BAIL_ON_CONFIG_FAIL", [116, 128]), ("USNO", [104, 113])],
)
def test_a_bad_configuration(root, job, function, rest):
    job.write_text(job.read_text().replace("VDIF", "MKIV"))
    found, ids = plan(root, job, function=function)
    assert ids == [127, *[115] * ids.count(115), 124, *rest]
    assert any("MKIV" in text for _, text in notices(found))
    assert (found.launch is None) == (function != "USNO")


@pytest.mark.parametrize(
    "content", ["", "rubbish\n", "\0" * 100, "# COMMON SETTINGS ##!\nCALC FILENAME:      /x\n"]
)
def test_rubbish_is_a_bad_configuration(root, job, content):
    job.write_text(content)
    assert plan(root, job, function="CONFIG_ONLY")[1][-3:] == [124, 116, 128]


def test_missing_data_are_named(root, job):
    (job.parent / "AA.vdif").unlink()
    found, ids = plan(root, job, function="CONFIG_ONLY")
    assert ids[-3:] == [124, 116, 128]
    assert any("AA.vdif" in text for _, text in notices(found))


@pytest.mark.parametrize(
    ("changes", "reason"), [({"head_node": None}, 105), ({"datastreams": ()}, 106), ({"processors": ()}, 107)]
)
def test_missing_nodes(root, job, changes, reason):
    assert plan(root, job, **changes)[1] == [*CHECKED, reason, 100]


def test_output_that_exists_stays_without_force(root, job):
    (job.parent / "job.difx").mkdir()
    found, ids = plan(root, job)
    assert ids == [*CHECKED, 104, 111, 100]
    assert found.launch is None
    assert (job.parent / "job.difx").is_dir()


def test_with_force_output_is_moved_aside_and_never_deleted(root, job):
    for content in ("first", "second"):
        (job.parent / "job.difx").mkdir()
        (job.parent / "job.difx" / "file").write_text(content)
        found, ids = plan(root, job, force=True)
        assert ids == [*CHECKED, 104, 112, 114, 113]
    assert "job.difx.2" in [step.text for step in found.steps if isinstance(step, JobEvent)][-2]
    assert (job.parent / "job.difx.1" / "file").read_text() == "first"
    assert (job.parent / "job.difx.2" / "file").read_text() == "second"
    assert not (job.parent / "job.difx").exists()


def test_a_running_job_is_not_started_again(root, job):
    (job.parent / "job.difx").mkdir()
    found, ids = plan(root, job, is_running=True, force=True)
    assert ids == [111, 100]
    assert "running" in notices(found)[0][1]
    assert (job.parent / "job.difx").is_dir()


@pytest.mark.parametrize("name", ["machines", "threads"])
def test_machines_and_threads_must_exist_or_the_start_fails(root, job, name):
    job.with_suffix(f".{name}").unlink()
    (job.parent / "job.difx").mkdir()
    found, ids = plan(root, job, force=True)
    assert ids == [*CHECKED, 104, 113]
    assert name in found.launch.problems[0]
    assert (job.parent / "job.difx").is_dir(), "output was moved for a job that cannot run"


@pytest.mark.parametrize(
    ("asked", "seconds"), [(None, 0), (0.0, 0), (5.0, 5), (-3.0, 0), (float("nan"), 0), (float("inf"), 10**9)]
)
def test_a_restart_second_is_handed_on(root, job, asked, seconds):
    assert plan(root, job, restart_seconds=asked)[0].launch.restart_seconds == seconds


def test_wishes_that_mean_nothing_here_are_named(root, job):
    found, ids = plan(root, job, mpi_options="--oversubscribe", difx_program="other")
    assert ids == [*CHECKED, 104, 115, 113]
    assert found.launch.problems == ()
    (warning,) = [step.text for step in found.steps if isinstance(step, JobEvent) and step.id == 115]
    assert "mpiOptions --oversubscribe, difxProgram other" in warning


@pytest.mark.parametrize("function", [None, "BAIL_ON_CONFIG_FAIL"])
@pytest.mark.parametrize(
    ("extension", "old", "new"),
    [
        ("input", "/elsewhere/AA.vdif", "{out}/secret"),
        ("input", "job.difx", "{out}/job.difx"),
        ("input", "job.calc", "{out}/job.calc"),
        ("calc", "job.im", "{out}/job.im"),
        ("input", "job.calc", "../../outside/job.calc"),
    ],
)
def test_a_job_that_names_files_outside_the_root_is_not_run(
    root, job, tmp_path, extension, old, new, function
):
    out = tmp_path / "outside"
    out.mkdir()
    (out / "secret").write_bytes((job.parent / "AA.vdif").read_bytes())
    for name in ("job.calc", "job.im"):
        (out / name).write_text((job.parent / name).read_text())
    file = job.with_suffix(f".{extension}")
    file.write_text(file.read_text().replace(old, new.format(out=out)))
    found, ids = plan(root, job, function=function, force=True)
    assert 124 in ids
    assert found.launch is None or any("outside" in problem for problem in found.launch.problems)
    assert not (out / "job.difx").exists()


def test_data_reached_through_a_link_out_are_outside(root, job, tmp_path):
    (tmp_path / "elsewhere.vdif").write_bytes((job.parent / "AA.vdif").read_bytes())
    (job.parent / "AA.vdif").unlink()
    (job.parent / "AA.vdif").symlink_to(tmp_path / "elsewhere.vdif")
    assert any("outside" in problem for problem in plan(root, job)[0].launch.problems)


def test_behind_a_link_two_dots_mean_another_directory(root, job, tmp_path):
    """Both for what is read and for what is written: it is the system's view that counts."""
    (root.root / "deep" / "er").mkdir(parents=True)
    (root.root / "deep" / "er" / "up").symlink_to(root.root)
    (tmp_path / "secret.vdif").write_bytes((job.parent / "AA.vdif").read_bytes())
    original = job.read_text()
    there = f"{root.root}/deep/er/up/.."
    job.write_text(original.replace("/elsewhere/AA.vdif", f"{there}/secret.vdif"))
    assert any("outside" in problem for problem in plan(root, job)[0].launch.problems)
    job.write_text(re.sub(r"(OUTPUT FILENAME: +).*", rf"\g<1>{there}/stolen.difx", original))
    assert any("outside" in problem for problem in plan(root, job)[0].launch.problems)


@pytest.mark.parametrize("name", ["AA.vdif", "job.calc", "job.threads"])
def test_named_pipes_are_not_waited_for(root, job, name):
    (job.parent / name).unlink()
    os.mkfifo(job.parent / name)
    found, ids = plan(root, job, function="CONFIG_ONLY")
    assert ids[-3:] == [124, 116, 128]
    assert any("no regular file" in text for _, text in notices(found))


def test_output_that_cannot_be_moved_refuses_the_start(root, job):
    job.write_text(re.sub(r"(OUTPUT FILENAME: +).*", rf"\g<1>{root.root}", job.read_text()))
    found, ids = plan(root, job, force=True)
    assert ids == [*CHECKED, 104, 112, 111, 100]
    assert found.launch is None
    assert "cannot be moved aside" in notices(found)[-1][1]
    assert job.exists()


def test_the_first_free_number_is_taken(tmp_path):
    (tmp_path / "a").write_text("x")
    (tmp_path / "a.1").symlink_to("nowhere")
    assert move_aside(Confinement(tmp_path), tmp_path / "a") == tmp_path / "a.2"
    assert (tmp_path / "a.2").read_text() == "x"
