# SPDX-License-Identifier: GPL-3.0-or-later
"""What models share that have things done: a lock, a version, what is said of the last deed, and asking twice.

In: coroutines, and what to keep of what they give. Out: a version that moves with every change, and words.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from difxnb.panels.work import Work

T = TypeVar("T")

CONFIRM_S = 5.0
"""Seconds in which what destroys or ends something has to be asked for a second time."""

_LONG_S = 3.0


@dataclass(frozen=True)
class Said:
    """What came of the last thing that was asked for.

    Attributes
    ----------
    text : str
        In words; empty where nothing has happened yet.
    is_problem : bool
        Whether it was refused, or failed.
    """

    text: str = ""
    is_problem: bool = False


@dataclass(frozen=True, kw_only=True)
class ActingSnapshot:
    """What every panel with buttons shows; derived classes have the rest.

    Attributes
    ----------
    said : Said
    under_way : tuple of str
        What has been asked for and has not ended, in words.
    """

    said: Said
    under_way: tuple[str, ...]

    @property
    def message(self) -> str:
        """What came of the last thing that was asked for."""
        return self.said.text

    @property
    def is_problem(self) -> bool:
        """Whether it was refused, or failed."""
        return self.said.is_problem


class Confirmation:
    """What is done only when it is asked for twice within a few seconds.

    Parameters
    ----------
    clock : callable
        Seconds of a clock that never goes back.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._asked, self._until = "", 0.0

    @property
    def pending(self) -> str:
        """What waits to be asked for again; empty where nothing does, or the time has passed."""
        return self._asked if self._clock() < self._until else ""

    def confirms(self, what: str) -> bool:
        """Whether this is the second time that `what` is asked for; the first time it is remembered."""
        if self.pending == what:
            self.forget()
            return True
        self._asked, self._until = what, self._clock() + CONFIRM_S
        return False

    def forget(self) -> None:
        """Take the next time for the first one again."""
        self._asked, self._until = "", 0.0


class Server(Protocol):
    """What can be told which version's programs it is to run."""

    def use_version(self, name: str | None) -> Coroutine[Any, Any, None]:
        """Run those of this version from now on."""


class ActingModel:
    """What a panel knows, and has done; derived classes say what.

    Attributes
    ----------
    version : int
        Grows with every change.
    """

    def __init__(self, work: Work, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.version = 0
        self._work, self._clock = work, clock
        self._lock = threading.RLock()
        self._said = Said()
        self._confirmation, self._question = Confirmation(clock), Said()

    @property
    def said(self) -> Said:
        """What came of the last thing that was asked for; a question only while an answer counts."""
        said = self._said
        return Said() if said is self._question and not self._confirmation.pending else said

    @property
    def under_way(self) -> tuple[str, ...]:
        """What has been asked for and has not ended, in words, with its seconds where it takes long."""
        now = time.monotonic()
        found = ((what.title, now - what.begun) for what in self._work.under_way)
        return tuple(title if age < _LONG_S else f"{title} ({age:.0f} s)" for title, age in found)

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """Change the model under its lock."""
        with self._lock:
            yield
            self.version += 1

    def _say(self, text: str, *, is_problem: bool = False) -> None:
        with self._changing():
            self._said = Said(text, is_problem)

    def _confirms(self, what: str, question: str) -> bool:
        """Whether `what` is asked for the second time; the first time that is asked for in words."""
        with self._changing():
            if self._confirmation.confirms(what):
                return True
            self._said = self._question = Said(question)
            return False

    def _refuse(self, error: Exception) -> None:
        """Keep in words what was refused or failed."""
        self._say(words_of(error), is_problem=True)

    def _do(
        self,
        title: str,
        make: Callable[[], Coroutine[Any, Any, T]],
        then: Callable[[T], None],
        failed: Callable[[Exception], None] | None = None,
    ) -> bool:
        """Have something done, and say what came of it; False where the same is under way already."""
        begun = self._work.do(title, make, then, failed or self._refuse)
        if begun:
            with self._changing():
                pass  # a look now shows that it is under way
        else:
            self._say(f"{title}: this is under way already, or the panel is closed", is_problem=True)
        return begun

    def _choose_version(self, server: Server, name: str | None) -> None:
        """Have a server run the programs of an installed version; without a name, of its own choice."""
        used = f"DiFX {name}" if name else "the version that the server finds by itself"
        self._do(
            f"choice of {used}",
            lambda: server.use_version(name or None),
            lambda _: self._say(f"{used} is used from now on"),
        )


def words_of(error: Exception) -> str:
    """An error in words: its own, and its kind where it has none."""
    return str(error) or type(error).__name__
