# SPDX-License-Identifier: GPL-3.0-or-later
"""Who does the arithmetic: the process itself, and processes beside it.

Threads alone would not do: the pieces of work between two looks at the interpreter are so short that two threads
spend their time waiting for it, and a second core gains nothing (measured). So the first worker computes in the
calling process, and each further one in a process of its own, which is started as ``difxnb.server.engine.workers``
and talks over its standard input and output: a table of correlators once, then pieces in and sums out, pickled. Both
ends are this program. A worker process ends when its standard input does.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections.abc import Mapping
from typing import BinaryIO, Protocol

from difxnb.server.engine.cross import Correlator, Piece, PieceSums
from difxnb.server.engine.spectra import Workspace

_END_SECONDS = 5.0
_ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


class Worker(Protocol):
    """Computes one piece at a time.

    Attributes
    ----------
    lost : bool
        Whether it broke down, and its work had to be done elsewhere.
    """

    lost: bool

    def sums(self, config: int, piece: Piece) -> PieceSums:
        """Correlate a piece of configuration `config`."""

    def close(self) -> None:
        """Give back what the worker holds."""


class InProcess:
    """Computes where it is called."""

    def __init__(self, correlators: Mapping[int, Correlator]) -> None:
        self.lost = False
        self._correlators = correlators
        self._workspace = Workspace()

    def sums(self, config: int, piece: Piece) -> PieceSums:
        """Correlate a piece of configuration `config`."""
        return self._correlators[config].sums(piece, self._workspace)

    def close(self) -> None:
        """Nothing to give back."""


class ProcessWorker:
    """Computes in a process of its own, and here should that one end early.

    Attributes
    ----------
    lost : bool
        Whether the process ended early. Nothing is lost by that but time: what it had in hand is done again here,
        so an error of the computation shows where it can be raised.
    """

    def __init__(self, correlators: Mapping[int, Correlator]) -> None:
        self.lost = False
        self._here = InProcess(correlators)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "difxnb.server.engine.workers"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, **_ONE_THREAD},
            start_new_session=True,  # Ctrl-C is for this process to answer, not for its workers
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._to: BinaryIO = self._process.stdin  # type: ignore[assignment]
        self._from: BinaryIO = self._process.stdout  # type: ignore[assignment]
        self._send(dict(correlators))

    def sums(self, config: int, piece: Piece) -> PieceSums:
        """Correlate a piece of configuration `config`."""
        if not self.lost and self._send((config, piece)):
            try:
                answer: PieceSums = pickle.load(self._from)
                return answer
            except (EOFError, pickle.UnpicklingError):
                self.lost = True
        return self._here.sums(config, piece)

    def _send(self, what: object) -> bool:
        try:
            pickle.dump(what, self._to, pickle.HIGHEST_PROTOCOL)
            self._to.flush()
        except BrokenPipeError:
            self.lost = True
        return not self.lost

    def close(self) -> None:
        """End the process at once; it holds nothing that anybody needs."""
        self._process.kill()
        self._process.wait(_END_SECONDS)
        self._from.close()
        try:
            self._to.close()
        except BrokenPipeError:
            # A piece that was still on its way; nobody waits for it any more.
            self.lost = True


def main() -> None:
    """Compute for the parent process until it closes standard input."""
    pieces, answers = sys.stdin.buffer, os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what libraries print must not mix with answers
    try:
        worker = InProcess(pickle.load(pieces))
        while True:
            config, piece = pickle.load(pieces)
            pickle.dump(worker.sums(config, piece), answers, pickle.HIGHEST_PROTOCOL)
            answers.flush()
    except (EOFError, BrokenPipeError):  # the parent is done with us
        return


if __name__ == "__main__":
    main()
