# SPDX-License-Identifier: GPL-3.0-or-later
"""Processes of the program that need not load it anew: one that has loaded everything is copied for each of them.

Each is a process of its own, in a session of its own, with its own standard streams, as one that a shell starts; only
the second that loading takes is saved. Run as a program, this is the process that is copied: over a socket it gets
arguments and streams, and answers with the number of the copy, and how it ended.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from functools import cache
from typing import Any, NoReturn

_LOADED = (
    *("difxnb.cli", "difxnb.notebook", "difxnb.cli.live", "difxnb.cli.busy_look", "difxnb.cli.fringe_look"),
    *("difxnb.cli.watching", "difxnb.cli.run_look", "difxnb.cli.queue_look", "difxnb.aio.correlator"),
    *("difxnb.fringe", "pandas", "xarray", "rich.live", "rich.table"),
    *("dask.array", "difxnb.visibility", "scipy.fft"),
    *(
        "difxnb.cli.intensives",
        "difxnb.cli.session_look",
        "difxnb.cli.leaving",
        "difxnb.notebook.intensive_run",
    ),
)
_LONGEST = 65536


class Nursery:
    """The process that is copied; it ends with `close`."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.cli.nursery", str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,  # Ctrl-C is for the tests, which then end it
                env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},  # a copy has no threads but the first
            )
        self._socket = ours

    def start(self, arguments: list[str], output: int, errors: int, environment: dict[str, str]) -> Child:
        """Start a copy as ``difxnb ARGUMENTS``."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            told = json.dumps({"arguments": arguments, "environment": environment, "at": os.getcwd()})
            socket.send_fds(self._socket, [told.encode()], [output, errors, theirs.fileno()])
        return Child(ours)

    def close(self) -> None:
        """End it."""
        self._socket.close()
        self._process.wait(30)


class Child:
    """A copy: what `subprocess.Popen` has of it."""

    def __init__(self, told: socket.socket) -> None:
        self._told, self._status = told, -1
        self._told.settimeout(60)
        self.pid = int(self._told.recv(_LONGEST))

    def wait(self, timeout: float) -> int:
        """Its exit status, negative where a signal ended it."""
        if self._told.fileno() >= 0:
            self._told.settimeout(timeout)
            self._status = int(self._told.recv(_LONGEST))
            self._told.close()
        return self._status

    def kill(self) -> None:
        """End it by force; nothing happens where it is over."""
        if self._told.fileno() >= 0:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)


def main(asked: socket.socket) -> None:
    """Copy this process as often as it is asked, until nobody can ask any more."""
    while True:
        told, descriptors, *_ = socket.recv_fds(asked, _LONGEST, 3)
        if not told:
            break
        _load()
        if os.fork() == 0:  # this one waits for the copy, and the next may be asked for
            asked.close()
            _look_after(json.loads(told), *descriptors)
        for descriptor in descriptors:
            os.close(descriptor)
    with suppress(ChildProcessError):
        while True:
            os.wait()


@cache
def _load() -> None:
    """Load everything, once there is a use for it."""
    for name in _LOADED:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()


def _look_after(told: dict[str, Any], output: int, errors: int, answer: int) -> None:
    with socket.socket(fileno=answer) as parent:
        pid = os.fork()
        if pid == 0:
            os.setsid()
            parent.send(str(os.getpid()).encode())
            parent.close()
            _become(told, output, errors)
        os.close(output)
        os.close(errors)
        _, status = os.waitpid(pid, 0)
        parent.send(str(os.waitstatus_to_exitcode(status)).encode())
    os._exit(0)


def _become(told: dict[str, Any], output: int, errors: int) -> NoReturn:
    """Be the program, to the end of the process."""
    from difxnb.cli import app

    for number, stream in ((1, output), (2, errors)):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(told["at"])
    os.environ.clear()
    os.environ.update(told["environment"])
    sys.stdout, sys.stderr = os.fdopen(1, "w", encoding="utf-8"), os.fdopen(2, "w", encoding="utf-8")
    sys.exit(app(told["arguments"], prog_name="difxnb"))


if __name__ == "__main__":
    main(socket.socket(fileno=int(sys.argv[1])))
