# SPDX-License-Identifier: GPL-3.0-or-later
"""Read and write ``.difxlog`` files: what the processes of a job said while it ran.

Mirrors ``difx-files.md`` 11, ``difxmessage.md`` 10 and, for what is written, ``guiserver.md`` 7.12 and 8.2.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One line of a ``.difxlog``.

    Attributes
    ----------
    time_text : str
        24 characters, local time of the logging host without zone; empty where the line carries none.
    mpi_id : int or None
        Rank of the sender.
    sender : str
        Host of the sender.
    kind : str
        ``STATUS``, ``WEIGHTS``, a severity (``FATAL`` … ``DEBUG``), ``TRANSIENT``, or empty for any other line.
    text : str
        The rest: for STATUS the state, two blanks and the message.
    """

    time_text: str
    mpi_id: int | None
    sender: str
    kind: str
    text: str

    @property
    def state(self) -> str:
        """State that a STATUS line reports; empty for other lines."""
        raise NotImplementedError

    @property
    def weights(self) -> list[float]:
        """Weights of a WEIGHTS line, one per datastream, -1 where one did not report; empty for other lines."""
        raise NotImplementedError


def alert_line(when: datetime, mpi_id: int, sender: str, severity: str, text: str) -> str:
    """Line of an alert; `when` is local time of the writing host."""
    raise NotImplementedError


def status_lines(
    when: datetime, mpi_id: int, sender: str, state: str, message: str, weights: Sequence[float | None] = ()
) -> list[str]:
    """Lines of a status message: one, or two where it carries weights (None: did not report)."""
    raise NotImplementedError


def read_difxlog_lines(path: str | Path) -> Iterator[LogEntry]:
    """Read a ``.difxlog`` line by line; any line gives an entry."""
    raise NotImplementedError


def last_status(text: str) -> str | None:
    """What guiServer reports of a job: time and rest of the last STATUS line, at most 99 bytes; None without one."""
    raise NotImplementedError
