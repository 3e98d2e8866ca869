# SPDX-License-Identifier: GPL-3.0-or-later
"""The runs that one connection follows: which, what is being started, and when a job was last known to be over."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from difxnb.errors import JobRefused
from difxnb.wire.job import Refusal

if TYPE_CHECKING:
    from difxnb.aio.job_files import JobFiles
    from difxnb.aio.job_run import JobRun


MAX_RUNS = 1000
"""Runs that are remembered; of more, those that ended first are forgotten, and counted."""

# What a job said before it was over may arrive by so much later.
_LATE_S = 2.0


class Runs:
    """The latest run of each job, by the path of its ``.input`` file.

    Attributes
    ----------
    forgotten : int
        Runs that ended so long ago that they fell out. Whoever holds them can still look at them.
    """

    def __init__(self) -> None:
        self.forgotten = 0
        self._runs: dict[str, JobRun] = {}
        self._starting: dict[str, str] = {}
        self._stopped: dict[str, float] = {}

    def get(self, input_file: str) -> JobRun | None:
        """The latest run of a job; None where none was followed."""
        return self._runs.get(input_file)

    def values(self) -> list[JobRun]:
        """All runs, those that have ended too."""
        return list(self._runs.values())

    def adopt(self, run: JobRun) -> None:
        """Take in a run; the one before of the same job is not listened for any more."""
        earlier = self._runs.get(run.job.input_file)
        if earlier is not None:
            earlier.let_go()
        self._runs.pop(run.job.input_file, None)  # the latest are the last
        self._runs[run.job.input_file] = run
        finished = [path for path, other in self._runs.items() if other.done]
        for path in finished[: max(0, len(self._runs) - MAX_RUNS)]:
            self._runs.pop(path).let_go()
            self.forgotten += 1

    def let_go(self) -> None:
        """Follow none of them any further."""
        for run in self._runs.values():
            run.let_go()

    def note_stopped(self, input_file: str) -> None:
        """Note that a job, whoever started it, was stopped now."""
        self._stopped[input_file] = time.time()

    def known_over(self, input_file: str) -> float:
        """When a job was last known to be over, unix seconds; what was heard of it before means nothing now."""
        run = self._runs.get(input_file)
        ended = float("-inf") if run is None or run.over_since is None else run.over_since
        return max(ended, self._stopped.get(input_file, float("-inf"))) + _LATE_S

    def _is_live(self, input_file: str, run: JobRun) -> bool:
        """Whether a run may go on.

        A run that nobody reports the end of, and that was stopped from here, is over unless it is heard again: a real
        server's log never says so.
        """
        if run.done:
            return False
        return run.search is None or self._stopped.get(input_file, float("-inf")) < run.watch.last_heard

    @contextmanager
    def claim(self, job: JobFiles, *, mixes_names: bool) -> Iterator[None]:
        """Keep everyone here from starting the same job meanwhile.

        With `mixes_names`, as a real server does, also from starting another one of the same name (H27).

        Raises
        ------
        JobRefused
            It is being started, or runs.
        """
        running = {path: run.job.identifier for path, run in self._runs.items() if self._is_live(path, run)}
        busy = {**running, **self._starting}
        if job.input_file in busy:
            raise JobRefused(
                Refusal.ALREADY_RUNNING,
                f"{job.input_file} runs already, or is being started, from here; wait for it, or stop it first",
            )
        namesake = next((path for path, name in busy.items() if name == job.identifier), None)
        if namesake is not None and mixes_names:
            raise JobRefused(
                Refusal.SAME_NAME,
                f"{job.input_file} was not started: {namesake} has the same name and is running. A real guiServer "
                "would mix their logs, and their messages look alike; wait for it, or rename one",
            )
        self._starting[job.input_file] = job.identifier
        try:
            yield
        finally:
            del self._starting[job.input_file]
