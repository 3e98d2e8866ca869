# SPDX-License-Identifier: GPL-3.0-or-later
"""Lines of the record of a session, as they are read.

In goes a ``record.jsonl``, out come lines and what was passed over. A crash may cut a line: what is no whole line is
passed over and said.
"""

from __future__ import annotations

import datetime as dt
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from difxnb.errors import FileFormatError

if TYPE_CHECKING:
    import pandas as pd

RECORD = "record.jsonl"
"""Name of the file in the directory of a session."""
VERSION = 1
"""Version of the layout of lines."""
LARGEST_LINE = 2**22
"""Bytes of a line at most."""
StepState = Literal["started", "done", "failed", "skipped", "waiting"]
"""What a line says of its step."""

_STATES: tuple[StepState, ...] = ("started", "done", "failed", "skipped", "waiting")
_LARGEST_FILE = 2**26
_OLDEST_S, _NEWEST_S = 0.0, 8e9  # 1970 … 2223, which datetime64[ns] holds


@dataclass(frozen=True, slots=True)
class RecordLine:
    """One line of a record.

    Attributes
    ----------
    session, step : str
    state : str
        ``started``, ``done``, ``failed``, ``skipped`` or ``waiting``.
    at : float
        When, unix seconds.
    fingerprint : str
        Of the inputs of the step, see :func:`difxnb.sessions.record.fingerprint`.
    inputs, outputs : mapping
        Plain values: texts, numbers in SI, lists, mappings.
    why : str
        One sentence.
    seconds : float or None
        Since the step was started.
    host, difxnb : str
        Where, and with which version.
    number : int
        Of the line in its file, from 1; 0 of one that was just added.
    """

    session: str
    step: str
    state: StepState
    at: float
    fingerprint: str = ""
    inputs: Mapping[str, Any] = field(default_factory=dict)
    outputs: Mapping[str, Any] = field(default_factory=dict)
    why: str = ""
    seconds: float | None = None
    host: str = ""
    difxnb: str = ""
    number: int = 0


def read_record(directory: str | PathLike[str]) -> pd.DataFrame:
    """Read the record of a session.

    Parameters
    ----------
    directory : path
        The directory of the session, or its ``record.jsonl``.

    Returns
    -------
    DataFrame
        One row per line, in the order of the file: ``v``, ``session``, ``step``, ``state``, ``at`` (UTC),
        ``seconds``, ``why``, ``inputs``, ``outputs`` (mappings), ``fingerprint``. ``attrs["notes"]`` says which lines
        were passed over, as the last one may have been cut.

    Raises
    ------
    FileNotFoundError
    FileFormatError
        It is no record, or one of a newer version.
    """
    place = Path(directory)
    return record_frame(*read_lines(place / RECORD if place.is_dir() else place))


def read_lines(path: Path) -> tuple[list[RecordLine], tuple[str, ...]]:
    """Lines of a record, and what was passed over; errors as those of :func:`read_record`."""
    with path.open("rb") as file:
        raw = file.read(_LARGEST_FILE + 1)
    if len(raw) > _LARGEST_FILE:
        raise FileFormatError(path, "", f"a record has {_LARGEST_FILE} bytes at most")
    lines, notes = list[RecordLine](), list[str]()
    rows = raw.split(b"\n")
    for number, row in enumerate(rows, start=1):
        if not row.strip():
            continue
        found = _read(path, number, row)
        if isinstance(found, RecordLine):
            lines.append(found)
        else:
            cut = (
                "cut short, by a crash or a full disk" if number == len(rows) else "no whole line of a record"
            )
            notes.append(f"line {number} is passed over: it is {cut} ({found})")
    if notes and not lines and len(notes) > 1:
        raise FileFormatError(path, "line 1", "no line of this file is one of a record")
    return lines, tuple(notes)


def _read(path: Path, number: int, row: bytes) -> RecordLine | str:
    """One line, or why it is none."""
    try:
        found = json.loads(row[: LARGEST_LINE + 1], parse_constant=_refuse)
    except (ValueError, RecursionError):
        return "no JSON"
    if not isinstance(found, dict) or not isinstance(found.get("v"), int) or isinstance(found["v"], bool):
        return "no version"
    if found["v"] > VERSION:
        raise FileFormatError(
            path, f"line {number}", f"a record of version {found['v']}; this difxnb reads up to {VERSION}"
        )
    return _line_of(found, number)


def _line_of(found: Mapping[str, Any], number: int) -> RecordLine | str:
    texts = {
        name: found.get(name, "") for name in ("session", "step", "fingerprint", "why", "host", "difxnb")
    }
    maps = {name: found.get(name, {}) for name in ("inputs", "outputs")}
    wrong = [name for name, value in texts.items() if not isinstance(value, str)]
    wrong += [name for name, value in maps.items() if not isinstance(value, dict)]
    at, seconds, state = _seconds_of(found.get("at")), found.get("seconds"), found.get("state")
    if isinstance(seconds, bool) or not (seconds is None or isinstance(seconds, int | float)):
        wrong.append("seconds")
    if state not in _STATES:
        wrong.append("state")
    if at is None:
        wrong.append("at")
    wrong += [name for name in ("session", "step") if not texts[name]]
    if wrong or at is None:
        return f"{', '.join(dict.fromkeys(wrong))} is missing or of another kind"
    return RecordLine(**texts, **maps, state=state, at=at, seconds=_float(seconds), number=number)  # type: ignore[arg-type]


def _float(value: int | float | None) -> float | None:
    try:
        return float(value) if value is not None and math.isfinite(value) else None
    except OverflowError:
        return None


def _seconds_of(text: object) -> float | None:
    """Unix seconds of an ISO 8601 time in UTC; None for anything else."""
    if not isinstance(text, str) or len(text) > 40:
        return None
    try:
        stamp = dt.datetime.fromisoformat(text)
        seconds = (stamp if stamp.tzinfo else stamp.replace(tzinfo=dt.UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
    return seconds if _OLDEST_S <= seconds <= _NEWEST_S else None


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no number")


def record_frame(lines: Iterable[RecordLine], notes: tuple[str, ...]) -> pd.DataFrame:
    """Lines as the table of :func:`read_record`."""
    import pandas as pd

    from difxnb.tables.columns import numbers, texts, times

    lines = list(lines)
    table = pd.DataFrame(
        {
            "v": pd.Series([VERSION] * len(lines), dtype="int64"),
            "session": texts(line.session for line in lines),
            "step": texts(line.step for line in lines),
            "state": texts(line.state for line in lines),
            "at": times(line.at for line in lines),
            "seconds": numbers(line.seconds for line in lines),
            "why": texts(line.why for line in lines),
            "inputs": pd.Series([dict(line.inputs) for line in lines], dtype=object),
            "outputs": pd.Series([dict(line.outputs) for line in lines], dtype=object),
            "fingerprint": texts(line.fingerprint for line in lines),
        }
    )
    table.attrs["notes"] = notes
    return table
