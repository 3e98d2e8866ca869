# SPDX-License-Identifier: GPL-3.0-or-later
"""Read and write ``.difxlog`` files: what the processes of a job said while it ran.

Lines come in and entries go out, and the other way round. Times are local times of the writing host, without
zone. Mirrors ``difx-files.md`` 11, ``difxmessage.md`` 10 and, in what it writes,
``guiserver.md`` 7.12 and 8.2.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from difxnb.formats.keyvalue import read_text

SEVERITIES = ("FATAL", "SEVERE", "ERROR", "WARNING", "INFO", "INFO", "DEBUG")
"""Names of the severities 0 to 6 in a log; 5 is called verbose elsewhere."""

LEAST_SEVERE = 4
"""Alerts of a higher number are not logged."""

_STATUS_REPORT_BYTES = 99
_TRANSIENT = "Transient event received:"
_LINE = re.compile(
    r"(?P<time>\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4}) +(?P<mpi_id>-?\d{1,9}) (?P<sender>\S+) +"
    r"(?P<kind>FATAL|SEVERE|ERROR|WARNING|INFO|DEBUG|STATUS|WEIGHTS(?=[-\d ]|$))(?P<text>.*)",
    re.ASCII,
)
# Some sites keep the log of another program under this name.
_OTHER_LINE = re.compile(
    r"(?P<time>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}) \S+ +(?P<kind>[A-Z]+) +MPI\[ *(?P<mpi_id>-?\d{1,9})\] +"
    r"(?P<sender>\S+) +\S+(?P<text>.*)",
    re.ASCII,
)
# Weights may touch: the usual width leaves no blank before 10.00 and before -1.00.
_WEIGHT = re.compile(r"-?\d+\.\d+", re.ASCII)


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One line of a ``.difxlog``.

    Attributes
    ----------
    time_text : str
        Local time of the logging host without zone, as it stands there; empty where the line carries none.
    mpi_id : int or None
        Rank of the sender.
    sender : str
        Host of the sender.
    kind : str
        ``STATUS``, ``WEIGHTS``, a severity (``FATAL`` … ``DEBUG``), ``TRANSIENT``; empty for any other line.
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
        return self.text.partition(" ")[0] if self.kind == "STATUS" else ""

    @property
    def weights(self) -> list[float]:
        """Weights of a WEIGHTS line, one per datastream, -1 where one did not report; else empty."""
        return [float(word) for word in _WEIGHT.findall(self.text)] if self.kind == "WEIGHTS" else []


def alert_line(when: datetime, mpi_id: int, sender: str, severity: str, text: str) -> str:
    """Line of an alert, without line end.

    Parameters
    ----------
    when : datetime
        Local time of the writing host.
    mpi_id, sender : int, str
        Rank and host of the sender.
    severity : str
        One of ``SEVERITIES``.
    text : str
        What happened.
    """
    return f"{_tag(when, mpi_id, sender)} {severity}  {_one_line(text)}"


def status_lines(
    when: datetime, mpi_id: int, sender: str, state: str, message: str, weights: Sequence[float | None] = ()
) -> list[str]:
    """Lines of a status message, without line ends: a second one where it carries weights (None: missing)."""
    tag = _tag(when, mpi_id, sender)
    lines = [f"{tag}  STATUS {state}  {_one_line(message)}"]
    if weights:
        numbers = "".join(f" {-1.0 if weight is None else weight:4.2f}" for weight in weights)
        lines.append(f"{tag}  WEIGHTS{numbers}")
    return lines


def _tag(when: datetime, mpi_id: int, sender: str) -> str:
    return f"{when.ctime()} {mpi_id:3d} {sender}"


def _one_line(text: str) -> str:
    return text.replace("\r", "").replace("\n", " ")


class LogWriter:
    """Appends to a ``.difxlog`` what a job says; use it in a ``with`` block.

    Every call writes whole lines at once, so that who reads the file meanwhile finds no half ones.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._stream = open(self.path, "ab", buffering=0)  # noqa: SIM115 - lives as long as this object

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def alert(self, when: datetime, mpi_id: int, sender: str, severity: int, text: str) -> None:
        """Log an alert, unless it is less severe than a log is to hold."""
        if 0 <= severity <= LEAST_SEVERE:
            self._append([alert_line(when, mpi_id, sender, SEVERITIES[severity], text)])

    def status(
        self,
        when: datetime,
        mpi_id: int,
        sender: str,
        state: str,
        message: str,
        weights: Sequence[float | None] = (),
    ) -> None:
        """Log a status message with its weights."""
        self._append(status_lines(when, mpi_id, sender, state, message, weights))

    def close(self) -> None:
        """Close the file; closing twice does no harm."""
        self._stream.close()

    def _append(self, lines: Iterable[str]) -> None:
        self._stream.write("".join(f"{line}\n" for line in lines).encode("utf-8", "surrogateescape"))


def parse_line(line: str) -> LogEntry:
    """Understand one line; what is no line of a log is kept as text without kind."""
    match = _LINE.fullmatch(line) or _OTHER_LINE.fullmatch(line)
    if match:
        text = match["text"]
        blanks = 1 if match["kind"] in ("STATUS", "WEIGHTS") else len(text) - len(text.lstrip(" "))
        return LogEntry(
            match["time"], int(match["mpi_id"]), match["sender"], match["kind"], _drop(text, blanks)
        )
    return LogEntry("", None, "", "TRANSIENT" if line.startswith(_TRANSIENT) else "", line)


def _drop(text: str, blanks: int) -> str:
    return text[blanks:] if text.startswith(" " * blanks) else text


def read_difxlog_lines(path: str | Path) -> Iterator[LogEntry]:
    """Read a ``.difxlog`` line by line, over all attempts of the job; any line gives an entry."""
    yield from _entries(read_text(path))


def _entries(text: str) -> Iterator[LogEntry]:
    lines = text.split("\n")
    if lines[-1] == "":
        lines.pop()
    for line in lines:
        yield parse_line(line.removesuffix("\r"))


def last_status(text: str) -> str | None:
    """What guiServer reports of a job from the text of its log.

    Returns
    -------
    str or None
        Time, directly followed by the rest of the last STATUS line, at most 99 bytes; None without one.
    """
    for line in reversed(text.split("\n")):
        entry = parse_line(line.removesuffix("\r"))
        if entry.kind == "STATUS":
            report = (entry.time_text + entry.text).encode("utf-8", "surrogateescape")
            return report[:_STATUS_REPORT_BYTES].decode("utf-8", "ignore")
    return None
