# SPDX-License-Identifier: GPL-3.0-or-later
"""The child process that stands for ``mpirun mpifxcorr``, run as ``difxnb.server.engine.process JOB.input``.

In: an input file, signals, the end of standard input (the server is gone). Out: frames on standard output,
in the framing of :mod:`difxnb.wire.packet`: 1 a difxMessage document, 2 a line of output, 3 a line of errors,
4 the results of an integration for live monitors. SIGTERM and SIGINT end it after the last whole integration.
"""

from __future__ import annotations

import argparse
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import BinaryIO

from difxnb.errors import DifxError
from difxnb.formats.input import read_input
from difxnb.server.child_frames import DUMP_HEAD, FrameId
from difxnb.server.confinement import Confinement
from difxnb.server.engine.embedded import EmbeddedJob, Integration, correlate, open_job
from difxnb.server.engine.narration import Narrator, Written
from difxnb.server.start_plan import outside
from difxnb.wire.message import Severity
from difxnb.wire.packet import encode_packet


class Frames:
    """Writes frames; whole ones only, from whichever thread."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()

    def send(self, frame: int, payload: bytes) -> None:
        """Write one frame and flush it."""
        with self._lock:
            self._stream.write(encode_packet(frame, payload))
            self._stream.flush()

    def messages(self, documents: Iterable[bytes]) -> None:
        """Write documents."""
        for document in documents:
            self.send(FrameId.MESSAGE, document)

    def line(self, text: str, *, error: bool = False) -> None:
        """Write a line of output, or of errors."""
        self.send(FrameId.STDERR if error else FrameId.STDOUT, text.encode("utf-8", "surrogateescape"))


class Run:
    """One correlation, told as it goes."""

    def __init__(
        self, job: EmbeddedJob, input_file: Path, frames: Frames, *, monitor: bool, restart_seconds: int = 0
    ) -> None:
        self._job, self._input_file, self._frames = job, input_file, frames
        self._monitor, self._restart_seconds = monitor, restart_seconds
        self._number = 0
        self._began = time.monotonic()
        self.stop = threading.Event()
        self.narrator = Narrator(
            job.input,
            str(input_file),
            host=socket.gethostname(),
            version=f"difxnb-{version('difxnb')}",
            cores=max(len(job.threads), 1),
        )

    def __call__(self) -> None:
        """Correlate, from the first message to the last."""
        self._frames.messages(self.narrator.starting())
        self._frames.line(f"embedded correlator, {self._job.n_integrations} integrations")
        summary = correlate(
            self._input_file,
            restart_seconds=self._restart_seconds,
            stop=self.stop,
            on_integration=self._written,
        )
        for note in summary.notes:
            self._frames.messages([self.narrator.problem(note)])
        if summary.stopped:
            self._frames.messages(self.narrator.terminating())
            self._frames.messages(self.narrator.terminated())
        else:
            self._frames.messages(self.narrator.ending())
            self._frames.messages(self.narrator.done(time.monotonic() - self._began))

    def _written(self, integration: Integration) -> None:
        inp = self._job.input
        start = (integration.start_mjd - inp.start_mjd) * 86400 + integration.start_seconds
        written = Written(
            number=self._number,
            offset=start - inp.start_seconds,
            centre_mjd=integration.mjd + integration.seconds / 86400,
            seconds=inp.configurations[integration.config].int_time,
            weights=tuple(integration.weights),
        )
        self._number += 1
        self._frames.messages(self.narrator.written(written, time.monotonic()))
        if self._monitor:
            result = integration.result.astype("<c8", copy=False)
            self._frames.send(FrameId.DUMP, DUMP_HEAD.pack(int(start), len(result)) + result.tobytes())


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one job; the exit status is 0 also after a stop."""
    parser = argparse.ArgumentParser(prog="difxnb.server.engine.process", description=__doc__)
    parser.add_argument("input_file", type=Path)
    parser.add_argument("--monitor", action="store_true", help="also give the results of every integration")
    parser.add_argument("--restart", type=int, default=0, help="leave out so many seconds of its beginning")
    parser.add_argument("--root", type=Path, help="refuse jobs that name files outside this directory")
    options = parser.parse_args(arguments)
    frames = Frames(_own_stdout())
    try:
        return _guarded(options, frames)
    except BrokenPipeError:  # the server is gone; there is nobody to tell
        return 1


def _guarded(options: argparse.Namespace, frames: Frames) -> int:
    try:
        return _run(options, frames)
    except (DifxError, OSError, ValueError) as error:
        frames.line(str(error), error=True)
        return 1


def _run(options: argparse.Namespace, frames: Frames) -> int:
    input_file, root = options.input_file, options.root
    # Before anything is opened: the files may have changed since the server looked.
    named = outside(Confinement(root), read_input(input_file), input_file) if root else []
    if named:
        frames.line(f"outside the server's root: {', '.join(named)}", error=True)
        return 1
    job = open_job(input_file, restart_seconds=options.restart)
    run = Run(job, input_file, frames, monitor=options.monitor, restart_seconds=options.restart)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: run.stop.set())
    threading.Thread(target=_watch_parent, args=(run.stop,), name="parent-watch", daemon=True).start()
    try:
        run()
    except (DifxError, OSError) as error:
        frames.messages([run.narrator.problem(str(error), Severity.FATAL)])
        raise
    return 0


def _own_stdout() -> BinaryIO:
    """Keep the pipe for frames alone: what libraries print goes to standard error."""
    pipe = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return pipe


def _watch_parent(stop: threading.Event) -> None:
    """Set `stop` when standard input ends: nobody is left to report to."""
    while os.read(sys.stdin.fileno(), 4096):
        pass
    stop.set()


if __name__ == "__main__":
    sys.exit(main())
