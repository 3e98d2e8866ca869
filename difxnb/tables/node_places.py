# SPDX-License-Identifier: GPL-3.0-or-later
"""Which processes of which jobs are on which host.

In go the messages of jobs, out come numbers of processes. A process is known from its first message to its last
(``says BYE!``), to the end of its job, or until nothing has been heard of the job for long, as nothing says that a job
has crashed (``difxmessage.md`` 6.2, 6.3, 14.14).
"""

from __future__ import annotations

import re
from collections import Counter, OrderedDict
from dataclasses import dataclass, field

from difxnb.tables.job_life import is_terminal
from difxnb.wire.message import Alert, JobState, Message, Status

FORGOTTEN_SECONDS = 300.0
"""Processes of a job that was silent for so long are no longer shown."""

_LONGEST_NAME = 255
_BYE = re.compile(r"MPI ID (\d{1,9}) says BYE", re.ASCII)


@dataclass(slots=True)
class _Crew:
    """The processes of a job: host by rank."""

    last: float
    hosts: dict[int, str] = field(default_factory=dict)


class Places:
    """Hosts of processes, by job.

    Attributes
    ----------
    limit : int
        Most processes kept, over all jobs; the job heard of least recently falls out with all of its own.
    """

    def __init__(self, limit: int = 20_000) -> None:
        self.limit = limit
        self._processes = 0
        self._crews: OrderedDict[str, _Crew] = OrderedDict()

    def add(self, item: Message, host: str, time: float) -> None:
        """Follow one message from a host."""
        job, rank, body = item.header.identifier[:_LONGEST_NAME], item.header.mpi_id, item.body
        if isinstance(body, Status) and (is_terminal(body.state or "") or body.state == JobState.SPAWNING):
            self._forget(job)
        elif rank is not None and rank >= 0 and job:
            bye = _BYE.match(body.text or "") if isinstance(body, Alert) else None
            self._follow(job, rank if bye is None else int(bye[1]), None if bye else host, time)

    def _follow(self, job: str, rank: int, host: str | None, time: float) -> None:
        crew = self._crews.get(job)
        if crew is None:
            if host is None:
                return
            crew = self._crews[job] = _Crew(time)
        self._crews.move_to_end(job)
        crew.last = time
        before = len(crew.hosts)
        if host is None:
            crew.hosts.pop(rank, None)
        else:
            crew.hosts[rank] = host
        self._processes += len(crew.hosts) - before
        if not crew.hosts:
            del self._crews[job]
        while self._processes > self.limit:
            self._forget(next(iter(self._crews)))

    def _forget(self, job: str) -> None:
        crew = self._crews.pop(job, None)
        self._processes -= 0 if crew is None else len(crew.hosts)

    def by_host(self, now: float) -> dict[str, Counter[str]]:
        """Processes on each host, by job."""
        found: dict[str, Counter[str]] = {}
        for job, crew in self._crews.items():
            if now - crew.last <= FORGOTTEN_SECONDS:
                for host in crew.hosts.values():
                    found.setdefault(host, Counter())[job] += 1
        return found
