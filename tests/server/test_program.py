# SPDX-License-Identifier: GPL-3.0-or-later
"""The server as a program of its own: it ends when it should."""

import os
import socket
import struct
import subprocess
import sys

import pytest

from difxnb.wire import control
from difxnb.wire.message import FileTransfer, command_xml
from difxnb.wire.packet import PacketReader
from tests.server.peers import TIMEOUT


@pytest.fixture
def program(tmp_path):
    """The server as a program of its own, as the command line starts it."""
    code = (
        "import sys; from pathlib import Path; from difxnb.server import GuiServer, run_server;"
        f"run_server(GuiServer(Path({str(tmp_path / 'root')!r})), announce=sys.stdout, until_eof=True)"
    )
    for name in ("root", "tmp"):
        (tmp_path / name).mkdir()
    pipe, environment = subprocess.PIPE, os.environ | {"TMPDIR": str(tmp_path / "tmp")}
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=pipe, stdout=pipe, text=True, env=environment
    ) as child:
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


def test_the_program_leaves_no_file_behind(program, tmp_path):
    """Neither beside what was being written, nor where temporary files usually go."""
    child, port = program
    upload = FileTransfer(direction="to DiFX", destination=f"{tmp_path}/root/file", port=11)
    announced = control.ChannelData(11, struct.pack(">i", 100))
    with socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT) as connection:
        for event in (control.ChannelsOn(), control.Command(command_xml(upload)), announced):
            connection.sendall(control.encode(event))
        packets = PacketReader()
        while (packet := packets.next_packet()) is None:
            packets.receive_data(connection.recv(4096))
        assert control.decode_from_server(packet) == control.ChannelOpened(11)
        child.terminate()
        assert child.wait(TIMEOUT) == 0
    assert list((tmp_path / "root").iterdir()) == list((tmp_path / "tmp").iterdir()) == []


@pytest.mark.parametrize("number", [2, 15])
def test_the_program_ends_at_a_signal(program, number):
    child, _ = program
    child.send_signal(number)
    assert child.wait(TIMEOUT) == 0
