# SPDX-License-Identifier: GPL-3.0-or-later
"""The program in processes of its own: what it prints, and its exit status."""

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import difxnb
from difxnb.cli import app
from difxnb.formats.swin import read_records
from difxnb.synthetic import default_experiment, make_experiment, small_experiment
from tests.cli.in_process import difxnb_program

QUIET = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}


def run(*arguments: object, **options: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "difxnb", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=100, **options)


def test_the_version() -> None:
    done = run("--version")
    assert (done.returncode, done.stdout.strip()) == (0, difxnb.__version__)


def test_help_names_the_commands() -> None:
    done = run("--help")
    assert done.returncode == 0
    for command in (
        *(
            "busy",
            "clocks",
            "command",
            "completion",
            "contents",
            "correlate",
            "coverage",
            "cp",
            "demo",
            "eop",
            "filelist",
            "fringe",
            "get",
            "intensive",
        ),
        *("job", "lab", "ls"),
        *(
            "make",
            "messages",
            "mkdir",
            "models",
            "monitor",
            "msv4",
            "mv",
            "new",
            "parameter",
            "quality",
            "queue",
            "rebuild",
            "record",
            "recorder",
            "recording",
            "report",
            "rm",
            "rmdir",
        ),
        *(
            "send",
            "serve",
            "sessions",
            "start",
            "status",
            "stop",
            "table",
            "token",
            "touch",
            "v2d",
            "version",
            "vex",
        ),
    ):
        assert f"\n  {command} " in done.stdout
    assert "..." not in done.stdout.partition("Commands:")[2]  # nothing is cut


def test_help_loads_nothing_that_takes_long() -> None:
    program = (
        "import sys, difxnb.cli\n"
        "try: difxnb.cli.app(['--help'])\n"
        "finally: print(sorted({'asyncio', 'numpy', 'pandas', 'rich'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=100)
    assert done.stdout.splitlines()[-1] == "[]"


def test_wrong_usage_is_status_2() -> None:
    assert difxnb_program("correlate").status == 2
    for wrong in (
        ["--multicast", "nonsense"],
        ["--listen", "0.0.0.0"],  # anybody could come in
        ["--quirks", "nonsense"],
    ):
        with pytest.raises(SystemExit) as ended:
            app(["serve", *wrong])
        assert ended.value.code == 2


def test_a_token_is_made_once(tmp_path: Path) -> None:
    done = difxnb_program("token", tmp_path / "token")
    assert (done.status, done.complaints) == (0, "")
    content = (tmp_path / "token").read_text()
    assert content.strip() not in done.out
    again = difxnb_program("token", tmp_path / "token")
    assert again.status == 1
    assert again.complaints.startswith("difxnb: ")
    assert (tmp_path / "token").read_text() == content


def test_what_needs_no_server_is_looked_at_first_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert difxnb_program("demo", "--dry-run").lines == [
        "would make and correlate an experiment below difxnb-demo"
    ]
    assert difxnb_program("token", "new", "--dry-run").lines == ["would make a token in new"]
    assert "jupyterlab" in difxnb_program("lab", "--demo", "--dry-run", "--no-browser").out
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "old").touch()
    assert difxnb_program("token", "old", "--dry-run").status == 1


def test_a_job_that_does_not_exist_is_one_line_and_status_1(tmp_path: Path) -> None:
    done = run("correlate", tmp_path / "none.input")
    assert done.returncode == 1
    assert done.stderr.startswith("difxnb: ")
    assert "none.input" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("correlate")
    tiny = default_experiment(
        n_stations=2, n_bands=1, scan_seconds=2, gap_seconds=2, bandwidth=0.256e6, polarizations="R"
    )
    return make_experiment(directory, experiment=tiny).input_file


def test_correlate_writes_visibilities_and_moves_old_ones_aside_only_when_asked(job: Path) -> None:
    done = run("correlate", job, "--cores", "1")
    assert done.returncode == 0, done.stderr
    assert "demo_1 done: 4 integrations" in done.stdout
    output = job.with_suffix(".difx")
    assert [path.stat().st_size > 0 for path in output.glob("DIFX_*")] == [True]
    again = difxnb_program("correlate", job)
    assert again.status == 1
    assert "overwrite" in again.complaints
    assert difxnb_program("correlate", job, "--overwrite", "--cores", "1").status == 0
    moved = [path for path in job.parent.iterdir() if path.name.startswith(output.name) and path != output]
    assert len(moved) == 1
    assert any(moved[0].iterdir())


def test_an_interrupt_ends_correlate_after_a_whole_integration(tmp_path: Path) -> None:
    one_scan = dataclasses.replace(whole := small_experiment(scan_seconds=10), scans=whole.scans[:1])
    long = make_experiment(tmp_path, experiment=one_scan).input_file
    output = long.with_suffix(".difx")
    command = [sys.executable, "-m", "difxnb", "correlate", long, "--cores", "2"]
    with subprocess.Popen(command, **QUIET, text=True, start_new_session=True) as program:
        with subprocess.Popen(
            ["tail", "-s0.05", "-c1", "-F", output / "DIFX_60746_021600.s0000.b0000"], **QUIET
        ) as written:
            assert written.stdout.read(1)  # the first integration is in the file
            written.kill()
        os.killpg(program.pid, signal.SIGINT)  # as a terminal does it: to all processes of the group
        assert program.wait(timeout=20) == 130
        said = program.stdout.read()
        assert "stopped after" in said
        assert "note:" not in said  # no worker was lost by that
    job = difxnb.read_input(long)
    records = [r for path in output.glob("DIFX_*") for r in read_records(path, job.channels)]
    assert 0 < len({record.seconds for record in records}) < 10


def test_serve_says_where_it_listens_and_ends_with_its_standard_input(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "difxnb", "serve", "--root", tmp_path, "--port", "0", "--until-eof"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        words = server.stdout.readline().split()
        assert words[:3] == ["listening", "on", "127.0.0.1"]
        with difxnb.connect("127.0.0.1", int(words[3])) as difx:
            assert difx.ls(tmp_path).empty
        server.stdin.close()
        assert server.wait(timeout=20) == 0


def test_a_directory_of_programs_must_be_one(tmp_path: Path) -> None:
    done = difxnb_program("serve", "--root", tmp_path, "--programs", tmp_path / "none")
    assert done.status == 1
    assert "is no directory of programs" in done.complaints
