# SPDX-License-Identifier: GPL-3.0-or-later
"""The program where standard streams are closed, full, or know few characters."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.programs import Program

PROGRAM = [sys.executable, "-m", "difxnb"]


def shell(line: str, **settings: str) -> subprocess.CompletedProcess[bytes]:
    """A line of sh, in which "$@" is the program."""
    command = ["sh", "-c", line, "sh", *PROGRAM]
    return subprocess.run(command, capture_output=True, timeout=60, env={**os.environ, **settings})


def test_output_that_is_closed_is_output_that_nobody_reads(served: Path) -> None:
    (served / "note").touch()
    done = shell(
        f'"$@" ls {served} >&-; echo $?; "$@" ls {served} <&- >&- 2>&-; echo $?; "$@" ls /none 2>&-; echo $?'
    )
    assert (done.stdout, done.stderr) == (b"0\n0\n1\n", b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_a_full_disk_is_one_line(served: Path) -> None:
    (served / "note").touch()
    for words in (f"ls {served}", "--help", "ls --help"):
        done = shell(f'"$@" {words} >/dev/full')
        assert (done.returncode, done.stderr) == (1, b"difxnb: [Errno 28] No space left on device\n"), words


def test_a_terminal_that_knows_few_characters_gets_all_else(served: Path) -> None:
    (served / "Größe…").touch()
    listed = shell(f'"$@" ls {served}', PYTHONIOENCODING="latin-1")
    assert (listed.returncode, listed.stdout, listed.stderr) == (0, "Größe?\n".encode("latin-1"), b"")
    helped = shell('"$@" parameter --help', PYTHONIOENCODING="latin-1")
    assert (helped.returncode, helped.stderr) == (0, b"")
    assert "µs/s, ?;".encode("latin-1") in helped.stdout


def test_whoever_stops_reading_is_told_nothing(served: Path) -> None:
    for number in range(3000):
        (served / f"a-name-that-is-not-short-{number}").touch()
    done = shell(f'"$@" ls {served} | head -1')
    assert (done.stdout.count(b"\n"), done.stderr) == (1, b"")


@pytest.mark.parametrize("columns", [50, 200])
def test_help_fits_the_terminal(columns: int) -> None:
    with Program("--help", columns=columns) as program:
        status, _ = program.end()
    assert status == 0
    assert max(map(len, program.said.splitlines())) <= columns
