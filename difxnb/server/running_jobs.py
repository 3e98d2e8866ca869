# SPDX-License-Identifier: GPL-3.0-or-later
"""All jobs of a server: which run, and what each last said of itself.

In: launches. Out: :class:`difxnb.server.job_process.RunningJob` objects, and the last states for clients that come
later. Jobs belong to the server, not to the client that started them.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from difxnb.server.confinement import Confinement
from difxnb.server.job_process import Dump, Report, RunningJob
from difxnb.server.quirks import Quirks
from difxnb.server.relay import Document, MessageNetwork, Network
from difxnb.server.start_plan import Launch

REMEMBERED_JOBS = 100
"""Jobs whose last state is kept for clients that come later."""

Correlator = Callable[[Launch, Path], list[str]]
"""Command of the child process for a launch and the server's root."""


def embedded_correlator(launch: Launch, root: Path) -> list[str]:
    """Command that correlates with numpy; see :mod:`difxnb.server.engine.process`."""
    command = [sys.executable, "-m", "difxnb.server.engine.process", str(launch.input_file)]
    command += ["--root", str(root), "--restart", str(launch.restart_seconds)]
    return [*command, *(["--monitor"] if launch.monitor else [])]


class Jobs:
    """All running jobs of a server.

    Parameters
    ----------
    network : MessageNetwork
        Where documents of jobs go, and where requests to stop them come from.
    where : tuple of (str, int)
        Group and port of the jobs.
    publish, dump : callable
        See :class:`RunningJob`.
    correlator : callable
        Gives the command of each job.
    """

    def __init__(
        self,
        root: Confinement,
        quirks: Quirks,
        network: MessageNetwork,
        where: Network,
        *,
        publish: Callable[[bytes], None],
        dump: Dump,
        correlator: Correlator = embedded_correlator,
    ) -> None:
        self._root, self._quirks, self._correlator = root, quirks, correlator
        self._network, self._where = network, where
        self._publish, self._dump = publish, dump
        self._running: dict[Path, tuple[RunningJob, asyncio.Task[None]]] = {}
        self._claimed: set[Path] = set()
        self._closing = False
        self._last_words: OrderedDict[Path, Document] = OrderedDict()

    @property
    def last_words(self) -> list[Document]:
        """What each job last said of its state, also after its end; the job heard of last comes last."""
        return list(self._last_words.values())

    def claim(self, input_file: Path) -> bool:
        """Reserve a job for starting; False when it is running or being started."""
        if input_file in self._claimed or input_file in self._running:
            return False
        self._claimed.add(input_file)
        return True

    def release(self, input_file: Path) -> None:
        """Give a claim back that led to no start."""
        self._claimed.discard(input_file)

    def start(self, launch: Launch, report: Report) -> RunningJob:
        """Run a job that was claimed."""
        # Clients that come now must not take the end of its last run for that of this one.
        self._last_words.pop(launch.input_file, None)
        if self._quirks.failing_restart and launch.restart_seconds:
            launch = replace(launch, problems=(*launch.problems, "cannot open the input file -r"))
        job = RunningJob(
            launch,
            self._root,
            self._quirks,
            command=self._correlator(launch, self._root.root),
            report=report,
            publish=self._publish,
            dump=self._dump,
        )
        task = asyncio.get_running_loop().create_task(self._follow(job), name=f"job {launch.identifier}")
        self._running[launch.input_file] = (job, task)
        self._claimed.discard(launch.input_file)
        if self._closing:
            job.stop()
        return job

    def find(self, path: str) -> RunningJob | None:
        """The running job with this input file, named by any path that leads to it."""
        real = Path(os.path.realpath(path))
        found = self._running.get(real)
        return found[0] if found else None

    async def close(self) -> None:
        """Stop every job, also those that are started from now on, and wait until nothing is left of them."""
        self._closing = True
        for job, _ in self._running.values():
            job.stop()
        while self._running:
            await asyncio.wait({task for _, task in self._running.values()})

    async def _follow(self, job: RunningJob) -> None:
        def hear(document: Document) -> None:
            if job.hear(document):
                self._remember(job.launch.input_file, document)

        forget = self._network.listen(lambda: self._where, hear)
        try:
            await job.run()
        finally:
            forget()
            job.write_log()
            del self._running[job.launch.input_file]

    def _remember(self, input_file: Path, document: Document) -> None:
        self._last_words[input_file] = document
        self._last_words.move_to_end(input_file)
        if len(self._last_words) > REMEMBERED_JOBS:
            self._last_words.popitem(last=False)
