# SPDX-License-Identifier: GPL-3.0-or-later
"""The record of a session: ``record.jsonl`` in its directory, a line before and a line after each step.

Lines are only ever added, each in one write that is on the disk before the step goes on. A crash may cut the last
one: readers pass over what is no whole line and say so. Numbers that are not known are null, never NaN.
"""

from __future__ import annotations

import datetime as dt
import errno
import hashlib
import json
import math
import os
import socket
import time
from collections.abc import Callable, Mapping
from importlib.metadata import version
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from platformdirs import user_state_path

from difxnb.sessions.record_lines import (
    LARGEST_LINE,
    RECORD,
    VERSION,
    RecordLine,
    StepState,
    read_lines,
    read_record,
    record_frame,
)

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "RECORD",
    "VERSION",
    "RecordLine",
    "SessionRecord",
    "StepState",
    "fingerprint",
    "read_record",
    "usual_folder",
]

_LONGEST_NAME = 128
_LONGEST_WHY = 2000
_DEEPEST = 20


class SessionRecord:
    """The record of one session, to be added to; made by :meth:`open`.

    Attributes
    ----------
    path : Path
        The ``record.jsonl``.
    session : str
    notes : tuple of str
        What was passed over when the file was read.
    """

    def __init__(
        self,
        path: Path,
        session: str,
        lines: list[RecordLine],
        notes: tuple[str, ...],
        now: Callable[[], float],
    ) -> None:
        self.path, self.session, self.notes = path, session, notes
        self._lines, self._now = lines, now

    @classmethod
    def open(
        cls, directory: str | PathLike[str], session: str, *, now: Callable[[], float] = time.time
    ) -> SessionRecord:
        """Open the record in a directory, or begin one; the directory is made where it is missing.

        Parameters
        ----------
        directory : path
            Of the session.
        session : str
            Code of the session.
        now : callable
            Gives unix seconds.

        Raises
        ------
        ValueError
            The name is none, or the directory holds the record of another session.
        FileFormatError
            There is a file of that name which is no record, or of a newer version.
        """
        _require_name("session", session)
        folder = Path(directory)
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / RECORD
        lines, notes = read_lines(path) if path.exists() else ([], ())
        others = {line.session for line in lines} - {session}
        if others:
            raise ValueError(f"{path} is the record of {', '.join(sorted(others))}, not of {session}")
        return cls(path, session, lines, notes, now)

    @property
    def directory(self) -> Path:
        """Where the session keeps its files."""
        return self.path.parent

    @property
    def lines(self) -> tuple[RecordLine, ...]:
        """All lines, in the order in which they were written."""
        return tuple(self._lines)

    def begin(self, step: str, inputs: Mapping[str, Any]) -> RecordLine:
        """A step starts with these inputs."""
        return self._add(step, "started", inputs=inputs)

    def end(self, step: str, outputs: Mapping[str, Any], why: str = "") -> RecordLine:
        """A step is done and gave this."""
        return self._add(step, "done", outputs=outputs, why=why)

    def fail(self, step: str, why: str, outputs: Mapping[str, Any] | None = None) -> RecordLine:
        """A step came to an end without what it was for."""
        return self._add(step, "failed", outputs=outputs or {}, why=why)

    def skip(self, step: str, why: str, outputs: Mapping[str, Any] | None = None) -> RecordLine:
        """A step is not done on purpose."""
        return self._add(step, "skipped", outputs=outputs or {}, why=why)

    def wait(self, step: str, why: str, outputs: Mapping[str, Any] | None = None) -> RecordLine:
        """A step waits for something."""
        return self._add(step, "waiting", outputs=outputs or {}, why=why)

    def last(self, step: str) -> RecordLine | None:
        """The newest line of a step; None where it never began."""
        return next((line for line in reversed(self._lines) if line.step == step), None)

    def frame(self) -> pd.DataFrame:
        """One row per line, as of :func:`read_record`."""
        return record_frame(self._lines, self.notes)

    def _add(
        self,
        step: str,
        state: StepState,
        *,
        inputs: Mapping[str, Any] | None = None,
        outputs: Mapping[str, Any] | None = None,
        why: str = "",
    ) -> RecordLine:
        _require_name("step", step)
        begun = self._begun(step)
        now = self._now()
        known = (begun.inputs if begun else {}) if inputs is None else _plain(inputs)
        line = RecordLine(
            session=self.session,
            step=step,
            state=state,
            at=round(now, 3),
            fingerprint=fingerprint(known),
            inputs=known,
            outputs=_plain(outputs or {}),
            why=" ".join(why.split())[:_LONGEST_WHY],
            seconds=max(round(now - begun.at, 3), 0.0) if begun and state != "started" else None,
            host=socket.gethostname(),
            difxnb=version("difxnb"),
        )
        _append(self.path, _text(line))
        self._lines.append(line)
        return line

    def _begun(self, step: str) -> RecordLine | None:
        """The line that started a step for the last time."""
        mine = (line for line in reversed(self._lines) if line.step == step)
        return next((line for line in mine if line.state == "started"), None)

    def __repr__(self) -> str:
        last = f", last {self._lines[-1].step} {self._lines[-1].state}" if self._lines else ""
        return f"<SessionRecord {self.session}: {len(self._lines)} lines{last}>"


def usual_folder() -> Path:
    """Where sessions of this user are kept, a folder for each, unless somebody says where."""
    return user_state_path("difxnb") / "sessions"


def fingerprint(inputs: Mapping[str, Any]) -> str:
    """A short text that is the same for equal inputs, whatever the order of their names."""
    text = json.dumps(_plain(inputs), sort_keys=True, ensure_ascii=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def _require_name(what: str, name: str) -> None:
    """Refuse names that would break lines, tables or names of files."""
    if not isinstance(name, str) or not name or len(name) > _LONGEST_NAME or not name.isprintable():
        raise ValueError(f"a {what} has a name of 1 to {_LONGEST_NAME} printable characters, not {name!r}")


def _text(line: RecordLine) -> str:
    stamp = (
        dt.datetime.fromtimestamp(line.at, dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    )
    whole = {
        "v": VERSION,
        "session": line.session,
        "step": line.step,
        "state": line.state,
        "at": stamp,
        "fingerprint": line.fingerprint,
        "inputs": line.inputs,
        "outputs": line.outputs,
        "why": line.why,
        "seconds": line.seconds,
        "host": line.host,
        "difxnb": line.difxnb,
    }
    text = json.dumps(whole, ensure_ascii=True, allow_nan=False)
    if len(text) > LARGEST_LINE:
        raise ValueError(
            f"{line.step} has {len(text)} bytes to tell; a line of a record has {LARGEST_LINE} at most"
        )
    return text + "\n"


def _plain(value: Any, depth: int = 0) -> Any:
    """The same as plain values of JSON: paths and times as texts, numbers that are not finite as null."""
    if depth > _DEEPEST:
        raise ValueError(f"a record holds values at most {_DEEPEST} deep")
    if value is None or isinstance(value, str | bool | int):
        return value if not isinstance(value, str) else str(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, PathLike):
        return os.fspath(value)
    if isinstance(value, Mapping):
        return {str(name): _plain(one, depth + 1) for name, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        parts = sorted(value, key=str) if isinstance(value, set | frozenset) else value
        return [_plain(one, depth + 1) for one in parts]
    return _foreign(value, depth)


def _foreign(value: Any, depth: int) -> Any:
    """Values of numpy and pandas, and times."""
    if type(value).__name__ in ("NaTType", "NAType"):
        return None
    if hasattr(value, "isoformat"):
        return str(value.isoformat())
    if hasattr(value, "dtype") and hasattr(value, "tolist"):
        return (
            str(value) if value.dtype.kind in "mM" and not value.shape else _plain(value.tolist(), depth + 1)
        )
    raise TypeError(f"a record holds texts, numbers, lists and mappings, not a {type(value).__name__}")


def _append(path: Path, text: str) -> None:
    """Add a line and wait until it is on the disk; what cannot be written whole is taken off again."""
    is_new = not path.exists()
    handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o644)
    try:
        size = os.fstat(handle).st_size
        cut = size > 0 and os.pread(handle, 1, size - 1) != b"\n"
        whole = (b"\n" if cut else b"") + text.encode()
        try:
            written = os.write(handle, whole)
            if written < len(whole):
                raise OSError(errno.ENOSPC, "no room for a line of the record", str(path))
            os.fsync(handle)
        except OSError:
            os.ftruncate(handle, size)
            raise
    finally:
        os.close(handle)
    if is_new:
        _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """The name of a new file is to be on the disk too."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
