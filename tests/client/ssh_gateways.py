# SPDX-License-Identifier: GPL-3.0-or-later
"""Real sshd on free ports of 127.0.0.1, and a home directory from which to log in to them."""

from __future__ import annotations

import asyncio
import contextlib
import getpass
import os
import shutil
import signal
import socket
import subprocess
from pathlib import Path

import pytest

SSHD = shutil.which("sshd", path="/usr/sbin:/usr/local/sbin:/usr/bin")
USER = getpass.getuser()
_RUN = Path("/run/sshd")


def require_sshd() -> str:
    """Path of an sshd that can be run here; skips the test where there is none."""
    if SSHD is None or shutil.which("ssh-keygen") is None:
        pytest.skip("there is no sshd with ssh-keygen here")
    if os.geteuid() == 0 and not _RUN.exists():
        # As root, sshd asks for the directory that its service would make at boot.
        try:
            _RUN.mkdir(mode=0o755)
        except OSError as error:
            pytest.skip(f"sshd needs {_RUN}: {error}")
    return SSHD


def make_key(path: Path, passphrase: str = "") -> str:
    """Make a key pair; gives the public one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", passphrase, "-C", path.name, "-f", str(path)]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    return path.with_name(f"{path.name}.pub").read_text()


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Gateway:
    """An sshd that lets one key in, with its own host key, configuration and log; a process per connection."""

    def __init__(self, directory: Path, authorized: str, *options: str) -> None:
        self.directory, self.port = directory, 0
        self.host_key = make_key(directory / "host_key")
        (directory / "authorized_keys").write_text(authorized)
        lines = (
            f"HostKey {directory / 'host_key'}",
            f"AuthorizedKeysFile {directory / 'authorized_keys'}",
            "PidFile none",
            "UsePAM no",
            "StrictModes no",
            "PasswordAuthentication no",
            "KbdInteractiveAuthentication no",
            "PermitRootLogin prohibit-password",
            *(options or ("AllowTcpForwarding yes",)),
        )
        (directory / "sshd_config").write_text("\n".join(lines) + "\n")
        self._log = directory / "log"
        self._listener: socket.socket | None = None
        self._sessions: list[subprocess.Popen[bytes]] = []

    @property
    def logins(self) -> int:
        """How often somebody was let in."""
        return self._log.read_text(errors="replace").count("Accepted publickey") if self._log.exists() else 0

    def known_as(self, name: str = "127.0.0.1") -> str:
        """Line of a known_hosts file."""
        return f"[{name}]:{self.port} {self.host_key}"

    def start(self) -> None:
        """Listen, at the same port as the last time; to be called on an event loop."""
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self.port = self._listener.getsockname()[1]
        asyncio.get_running_loop().add_reader(self._listener, self._accept, self._listener)

    def _accept(self, listener: socket.socket) -> None:
        connection, _ = listener.accept()
        command = [require_sshd(), "-i", "-e", "-f", str(self.directory / "sshd_config")]
        with connection, self._log.open("ab") as log:
            self._sessions.append(subprocess.Popen(command, stdin=connection, stdout=connection, stderr=log))

    def signal_sessions(self, number: int) -> int:
        """Send a signal to all processes that serve logins; gives how many logins there were."""
        alive = [session for session in self._sessions if session.poll() is None]
        for session in alive:
            for process in (*_children(session.pid), session.pid):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process, number)
        return len(alive)

    def wait_for_sessions(self) -> None:
        """Wait until everybody who logged in has left."""
        for session in self._sessions:
            session.wait()

    def stop(self) -> None:
        """End it, and all that it serves."""
        if self._listener is not None:
            asyncio.get_running_loop().remove_reader(self._listener)
            self._listener.close()
            self._listener = None
        self.signal_sessions(signal.SIGKILL)
        for session in self._sessions:
            session.wait()
        self._sessions.clear()


def _children(process: int) -> list[int]:
    """Processes below one, the lowest first."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has just ended
        if int(fields[1]) == process and fields[0] != "Z":
            number = int(status.parent.name)
            found += [*_children(number), number]
    return found


class Home:
    """A home directory with keys and a configuration of ssh, which the environment names as the user's."""

    def __init__(self, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.ssh = directory / ".ssh"
        self.ssh.mkdir(parents=True, mode=0o700)
        self.key = self.ssh / "id_ed25519"
        self.public_key = make_key(self.key)
        monkeypatch.setenv("HOME", str(directory))
        monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)

    def know(self, *lines: str) -> None:
        """Write the known hosts."""
        (self.ssh / "known_hosts").write_text("".join(lines))

    def configure(self, *lines: str) -> None:
        """Write the configuration."""
        (self.ssh / "config").write_text("\n".join(lines) + "\n")
