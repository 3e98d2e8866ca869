# SPDX-License-Identifier: GPL-3.0-or-later
"""The server as a program of its own: it ends when it should."""

import socket
import subprocess
import sys

import pytest

from difxnb.wire import control
from tests.server.peers import TIMEOUT


@pytest.fixture
def program(tmp_path):
    """The server as a program of its own, as the command line starts it."""
    code = (
        "import sys; from pathlib import Path; from difxnb.server import run_server;"
        f"run_server(Path({str(tmp_path)!r}), announce=sys.stdout, until_eof=True)"
    )
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", code], stdin=pipe, stdout=pipe, text=True) as child:
        line = child.stdout.readline().split()
        assert line[:3] == ["listening", "on", "127.0.0.1"]
        yield child, int(line[3])
        child.kill()


def test_the_program_ends_when_its_parent_is_gone(program):
    child, port = program
    with socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT) as connection:
        connection.sendall(control.encode(control.VersionRequest()))
        assert connection.recv(4) == b"\0\0\0\x08"
        child.stdin.close()
        assert child.wait(TIMEOUT) == 0


@pytest.mark.parametrize("number", [2, 15])
def test_the_program_ends_at_a_signal(program, number):
    child, _ = program
    child.send_signal(number)
    assert child.wait(TIMEOUT) == 0
