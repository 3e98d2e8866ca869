# SPDX-License-Identifier: GPL-3.0-or-later
"""What a panel of unattended sessions is handed: sessions, and where they are begun."""

from __future__ import annotations

from collections.abc import Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol


class Line(Protocol):
    """One line of a record, such as :class:`difxnb.sessions.record.RecordLine`."""

    @property
    def step(self) -> str: ...

    @property
    def state(self) -> str: ...

    @property
    def at(self) -> float: ...

    @property
    def why(self) -> str: ...

    @property
    def seconds(self) -> float | None: ...

    @property
    def inputs(self) -> Mapping[str, Any]: ...

    @property
    def outputs(self) -> Mapping[str, Any]: ...


class Record(Protocol):
    """What was written down of a session, such as :class:`difxnb.sessions.SessionRecord`."""

    @property
    def lines(self) -> Sequence[Line]: ...


class Recipe(Protocol):
    """What a session does, such as :class:`difxnb.intensives.Recipe`."""

    @property
    def name(self) -> str: ...

    def to_toml(self) -> str: ...

    def problems(self) -> Any: ...


class Session(Protocol):
    """What is shown, such as :class:`difxnb.intensives.IntensiveRun`; of a dry run the state is ``"planned"``."""

    @property
    def session(self) -> str: ...

    @property
    def recipe(self) -> Recipe: ...

    @property
    def record(self) -> Record: ...

    @property
    def directory(self) -> Path: ...

    @property
    def state(self) -> str: ...

    @property
    def running(self) -> bool: ...

    @property
    def why(self) -> str: ...

    @property
    def step(self) -> str: ...

    @property
    def progress(self) -> float: ...

    def frame(self) -> Any: ...

    def stop(self) -> Coroutine[Any, Any, None]: ...

    def resume(self) -> Coroutine[Any, Any, None]: ...


class Desk(Protocol):
    """Where sessions are begun: those of one connection."""

    @property
    def sessions(self) -> Sequence[Session]:
        """Those that were planned or begun, oldest first."""
        ...

    def around(self) -> Coroutine[Any, Any, tuple[Sequence[str], Sequence[str]]]:
        """Files of recipes, and codes of earlier sessions, on this machine."""
        ...

    def plan(self, recipe: str, session: str) -> Coroutine[Any, Any, Session]:
        """A dry run of the recipe in this file; the session itself where it goes on already."""
        ...

    def plan_again(self, planned: Session) -> Coroutine[Any, Any, Session]:
        """Another dry run of what was planned."""
        ...

    def begin(self, planned: Session) -> Coroutine[Any, Any, Session]:
        """Begin what was planned, or take it up where it was."""
        ...

    def begin_anew(self, run: Session) -> Coroutine[Any, Any, Session]:
        """Begin a session from its first step, with jobs of other names; what was made before stays."""
        ...

    def read(self, path: Path, longest: int) -> Coroutine[Any, Any, str]:
        """The text of a report; ValueError where it is longer than so many bytes."""
        ...
