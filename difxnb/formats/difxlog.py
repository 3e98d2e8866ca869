# SPDX-License-Identifier: GPL-3.0-or-later
"""Read and write ``.difxlog`` files: what the processes of a job said while it ran.

Lines come in and entries go out, and the other way round. Times are local times of the writing host, without
zone. Mirrors ``difx-files.md`` 11, ``difxmessage.md`` 10 and, in what it writes,
``guiserver.md`` 7.12 and 8.2.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from difxnb.formats.keyvalue import read_text

SEVERITIES = ("FATAL", "SEVERE", "ERROR", "WARNING", "INFO", "INFO", "DEBUG")
"""Names of the severities 0 to 6 in a log; 5 is called verbose elsewhere."""

LEAST_SEVERE = 4
"""Alerts of a higher number are not logged."""

_STATUS_REPORT_BYTES = 99
_TRANSIENT = "Transient event received:"
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_INT32 = range(-(2**31), 2**31)

# Columns are not fixed: ranks may have more than three digits, hosts any length, or none where a message had none.
_STAMP = r"([A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \d{4})"
USUAL_LINE = (
    rf"{_STAMP} +(-?\d{{1,19}}) (\S*)"
    r" +(FATAL|SEVERE|ERROR|WARNING|INFO|DEBUG|STATUS|WEIGHTS(?=[-\d ]|$))((?: .*|[-\d].*)?)"
)
"""Pattern of a line that DiFX's own programs write: time, rank, host, kind, rest."""
_LINE = re.compile(USUAL_LINE, re.ASCII | re.DOTALL)
# Some sites keep the log of another program under this name.
_OTHER_LINE = re.compile(
    r"(?P<time>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:[,.]\d{1,6})?) \S+ +(?P<kind>[A-Z]+) +"
    r"MPI\[ *(?P<mpi_id>-?\d{1,19})\] +(?P<sender>\S+) +(?P<job>\S+)(?P<text>.*)",
    re.ASCII | re.DOTALL,
)
_OTHER_JOB_WIDTH = 12
ONE_BLANK = ("STATUS", "WEIGHTS")
# What is left of a line that was cut, or of one that no program is known to write.
_REST = re.compile(
    _STAMP + r"(?: +(?P<mpi_id>-?\d{1,19})(?: (?P<sender>\S*))?(?= |$))?(?P<text>.*)", re.ASCII | re.DOTALL
)
_DECIMALS = re.compile(r"\.(\d+)", re.ASCII)


class LogEntry(NamedTuple):
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
    job : str
        Name of the job, where the line says it; only the log of another program does.
    """

    time_text: str
    mpi_id: int | None
    sender: str
    kind: str
    text: str
    job: str = ""

    @property
    def time(self) -> datetime | None:
        """Local time of the logging host, without zone; None where the line has none that can be."""
        return parse_time(self.time_text)

    @property
    def state(self) -> str:
        """State that a STATUS line reports; empty for other lines."""
        return self.text.partition(" ")[0] if self.kind == "STATUS" else ""

    @property
    def message(self) -> str:
        """What came with the state of a STATUS line; the text of any other."""
        return self.text.partition("  ")[2] if self.kind == "STATUS" else self.text

    @property
    def weights(self) -> list[float]:
        """Weights of a WEIGHTS line, one per datastream, -1 where one did not report; else empty."""
        return read_weights(self.text) if self.kind == "WEIGHTS" else []


def read_weights(text: str) -> list[float]:
    """Read the numbers of a WEIGHTS line, in whatever format the site chose.

    They may touch: the usual width leaves no blank before -1.00, nor before 10.00. What tells them apart is that
    all have as many decimals as the last one.
    """
    decimals = _DECIMALS.findall(text)
    if not decimals:
        return [float(word) for word in text.split() if _NUMBER.fullmatch(word)]
    return [float(word) for word in _weight(len(decimals[-1])).findall(text)]


_NUMBER = re.compile(r"-?(?:\d+|nan|inf)", re.ASCII)


@lru_cache
def _weight(decimals: int) -> re.Pattern[str]:
    return re.compile(rf"-?(?:\d+\.\d{{{decimals}}}(?:e[-+]\d\d)?|nan|inf)", re.ASCII)


@lru_cache(maxsize=4096)  # hundreds of lines carry the same second
def parse_time(text: str) -> datetime | None:
    """Read the time of a line, or of job status, whatever the language of this host.

    Returns
    -------
    datetime or None
        Without zone: local time of whoever wrote it. None for what is no time.
    """
    try:
        if text[:4].isdigit():
            when = datetime.fromisoformat(text.replace(",", "."))
        else:
            month = MONTHS.index(text[4:7]) + 1
            hour, minute, second = text[11:19].split(":")
            when = datetime(int(text[20:24]), month, int(text[8:10]), int(hour), int(minute), int(second))
    except ValueError:
        return None
    return when if 1970 <= when.year <= 2200 and when.tzinfo is None else None


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
    if match := _LINE.fullmatch(line):
        time_text, rank, sender, kind, text = match.groups()
        # One blank ends the keyword of a state, two end a level; further ones belong to the text.
        if text.startswith("  ") and kind not in ONE_BLANK:
            text = text[2:]
        elif text.startswith(" "):
            text = text[1:]
        return LogEntry(time_text, parse_rank(rank), sender, kind, text)
    if match := _OTHER_LINE.fullmatch(line):
        text, job = match["text"], match["job"]
        padding = max(0, _OTHER_JOB_WIDTH - len(job)) + 1
        text = text[padding:] if text[:padding].isspace() else text.lstrip(" ")
        return LogEntry(match["time"], parse_rank(match["mpi_id"]), match["sender"], match["kind"], text, job)
    if line.startswith(_TRANSIENT):
        return LogEntry("", None, "", "TRANSIENT", line)
    if match := _REST.fullmatch(line):
        rest = match["text"].removeprefix(" ")
        return LogEntry(match[1], parse_rank(match["mpi_id"]), match["sender"] or "", "", rest)
    return LogEntry("", None, "", "", line)


@lru_cache(maxsize=4096)  # a job has as many as it has processes
def parse_rank(text: str | None) -> int | None:
    """Rank of the sender; None where there is none, or none that can be."""
    if not text or (rank := int(text)) not in _INT32:
        return None
    return rank


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
        if "STATUS" not in line:
            continue  # most are alerts, which take a hundred times as long to understand
        entry = parse_line(line.removesuffix("\r"))
        if entry.kind == "STATUS":
            report = (entry.time_text + entry.text).encode("utf-8", "surrogateescape")
            return report[:_STATUS_REPORT_BYTES].decode("utf-8", "ignore")
    return None
