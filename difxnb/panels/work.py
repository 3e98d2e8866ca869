# SPDX-License-Identifier: GPL-3.0-or-later
"""What panels ask of a correlator: handed over to the loop of its connection, never waited for.

A callback of a widget calls :meth:`Work.do` and is done. What comes back is given to a function that keeps it, and the
painter shows it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass
from typing import Any, TypeVar

T = TypeVar("T")

Submit = Callable[[Coroutine[Any, Any, Any]], "Future[Any]"]
"""Runs a coroutine elsewhere and gives its future, such as :meth:`difxnb.client.blocking.LoopThread.submit`."""


@dataclass(frozen=True)
class UnderWay:
    """Something that was asked for and has not ended."""

    title: str
    begun: float
    """Of the monotonic clock."""


class Work:
    """What is under way for some panels.

    Parameters
    ----------
    submit : callable
        Runs a coroutine elsewhere.
    notify : callable
        Called, on any thread, when something has ended.
    """

    def __init__(self, submit: Submit, notify: Callable[[], None]) -> None:
        self._submit, self._notify = submit, notify
        self._lock = threading.Lock()
        self._under_way: dict[str, _Task] = {}
        self._closed = False

    def do(
        self,
        title: str,
        make: Callable[[], Coroutine[Any, Any, T]],
        then: Callable[[T], None],
        failed: Callable[[Exception], None],
    ) -> bool:
        """Have something done, once at a time.

        Parameters
        ----------
        title : str
            What it is, in words: ``"start of exp_1"``. While something of this title is under way no other begins.
        make : callable
            Gives the coroutine.
        then, failed : callable
            Keep what it gave, or the exception it raised. They are called on another thread and must be quick.

        Returns
        -------
        bool
            False where the same is under way already, or all is closed: nothing was done. True otherwise, though it
            may have failed already.
        """
        task = _Task(title, time.monotonic())
        with self._lock:
            if self._closed or title in self._under_way:
                return False
            self._under_way[title] = task
        try:
            future = self._submit(make())  # out of the lock: `make` may ask for more
        except Exception as error:  # noqa: BLE001 - told to whoever asked
            future = Future()
            future.set_exception(error)
        with self._lock:
            task.future = future
            given_up = task.given_up
        future.add_done_callback(lambda done: self._end(task, done, then, failed))
        if given_up:
            future.cancel()
        return True

    def _end(
        self,
        task: _Task,
        future: Future[T],
        then: Callable[[T], None],
        failed: Callable[[Exception], None],
    ) -> None:
        try:
            if not future.cancelled():
                _deliver(future, then, failed)
        finally:
            with self._lock:
                self._under_way.pop(task.title, None)
            self._notify()

    @property
    def under_way(self) -> list[UnderWay]:
        """What has not ended yet, oldest first."""
        with self._lock:
            tasks = list(self._under_way.values())
        return sorted((UnderWay(task.title, task.begun) for task in tasks), key=lambda what: what.begun)

    def cancel(self, title: str) -> bool:
        """Cancel what is under way; False where there is no such thing. Neither `then` nor `failed` is called."""
        with self._lock:
            task = self._under_way.get(title)
        return task is not None and self._give_up(task)

    def close(self) -> None:
        """Cancel everything; nothing is begun any more. Twice is harmless."""
        with self._lock:
            self._closed = True
            tasks = list(self._under_way.values())
        for task in tasks:
            self._give_up(task)

    def _give_up(self, task: _Task) -> bool:
        with self._lock:
            task.given_up = True
            future = task.future
        return future is None or future.cancel()


@dataclass(eq=False)
class _Task:
    """Something under way; without its future for the moment in which that is made."""

    title: str
    begun: float
    future: Future[Any] | None = None
    given_up: bool = False


def _deliver(future: Future[T], then: Callable[[T], None], failed: Callable[[Exception], None]) -> None:
    try:
        result = future.result()
    except CancelledError:
        return  # the loop has ended meanwhile
    except Exception as error:  # noqa: BLE001 - told to whoever asked
        failed(error)
        return
    try:
        then(result)
    except Exception as error:  # noqa: BLE001 - a mistake in `then` is told like one in the work
        failed(error)
