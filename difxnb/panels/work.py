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
        self._under_way: dict[str, tuple[UnderWay, Future[Any]]] = {}
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
            False where the same is under way already, or all is closed: nothing was done.
        """
        with self._lock:
            if self._closed or title in self._under_way:
                return False
            try:
                future = self._submit(make())
            except Exception as error:  # noqa: BLE001 - told to whoever asked
                problem: Exception | None = error
            else:
                problem = None
                self._under_way[title] = (UnderWay(title, time.monotonic()), future)
        if problem is not None:
            failed(problem)
            self._notify()
            return True
        future.add_done_callback(lambda done: self._end(title, done, then, failed))
        return True

    def _end(
        self,
        title: str,
        future: Future[T],
        then: Callable[[T], None],
        failed: Callable[[Exception], None],
    ) -> None:
        try:
            result = future.result()
        except CancelledError:
            pass
        except Exception as error:  # noqa: BLE001 - told to whoever asked
            failed(error)
        else:
            then(result)
        finally:
            with self._lock:
                self._under_way.pop(title, None)
            self._notify()

    @property
    def under_way(self) -> list[UnderWay]:
        """What has not ended yet, oldest first."""
        with self._lock:
            return sorted((what for what, _ in self._under_way.values()), key=lambda what: what.begun)

    def cancel(self, title: str) -> bool:
        """Cancel what is under way; False where there is no such thing."""
        with self._lock:
            found = self._under_way.get(title)
        return found is not None and found[1].cancel()

    def close(self) -> None:
        """Cancel everything; nothing is begun any more. Twice is harmless."""
        with self._lock:
            self._closed = True
            futures = [future for _, future in self._under_way.values()]
        for future in futures:
            future.cancel()
