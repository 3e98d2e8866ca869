# SPDX-License-Identifier: GPL-3.0-or-later
"""Coroutines from ordinary code: an event loop on a thread of its own.

A notebook cell blocks while the loop goes on reading; the interrupt button reaches the cell, and what it
waited for is cancelled on the loop. (A top-level ``await`` in a cell cannot be interrupted.)
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
import warnings
from collections import deque
from collections.abc import Callable, Coroutine
from time import monotonic
from types import TracebackType
from typing import Any, TypeVar

from difxnb.errors import ConnectionLost, NoReply

T = TypeVar("T")

_KEPT_WARNINGS = 100


class LoopThread:
    """An event loop on its own thread; it belongs to one object and ends with it.

    Use it with ``with``, or call `start` and `stop`.
    """

    def __init__(self, name: str = "difxnb") -> None:
        self._name = name
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        # What is handed over before a stop is begun, and so cancelled by it; nothing is handed over later.
        self._handing_over = threading.Lock()
        self._warnings: deque[Warning] = deque(maxlen=_KEPT_WARNINGS)

    @property
    def running(self) -> bool:
        """Whether coroutines can be run."""
        return self._thread is not None and self._thread.is_alive()

    def start(self) -> None:
        """Start the thread; a second call does nothing."""
        if self.running:
            return
        ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        # A daemon, because a forgotten connection must not keep an interpreter from ending.
        self._thread = threading.Thread(
            target=self._run, args=(self._loop, ready), name=self._name, daemon=True
        )
        self._thread.start()
        ready.wait()

    def stop(self) -> None:
        """Cancel what still runs, end the thread and wait for it. A second call does nothing.

        Raises
        ------
        RuntimeError
            Called on the loop's own thread, which cannot wait for itself.
        """
        self._refuse_own_thread("stop")
        with self._handing_over:
            thread, loop = self._thread, self._loop
            self._thread = self._loop = None
            if loop is not None and thread is not None and thread.is_alive():
                loop.call_soon_threadsafe(loop.stop)
        if thread is not None:
            thread.join()

    def call(
        self,
        coroutine: Coroutine[Any, Any, T],
        timeout: float | None = None,
        *,
        while_waiting: Callable[[], None] | None = None,
        every: float = 0.2,
    ) -> T:
        """Run a coroutine on the loop and wait for what it gives.

        Parameters
        ----------
        coroutine : coroutine
            What to run. An interrupt (Ctrl-C) or a time-out cancels it.
        timeout : float, optional
            Seconds to wait; without it only the coroutine's own time-outs count.
        while_waiting : callable, optional
            Called on this thread every `every` seconds, to draw a progress bar for example.
        every : float
            Seconds between two such calls.

        Raises
        ------
        RuntimeError
            This is the loop's own thread, which would wait for itself for ever.
        ConnectionLost
            The loop does not run, or was stopped by another thread meanwhile.
        NoReply
            `timeout` has passed.
        """
        if threading.current_thread() is self._thread:
            coroutine.close()
            raise RuntimeError(
                "a blocking call inside a callback would wait for itself; use difxnb.aio there"
            )
        future = self.submit(coroutine)
        try:
            result = _result(future, timeout, while_waiting, every)
            self._show_warnings()
            return result
        except concurrent.futures.CancelledError as error:
            raise ConnectionLost("the connection was closed by another thread meanwhile") from error
        except BaseException:
            future.cancel()
            raise

    def warn(self, warning: Warning) -> None:
        """Have the thread that waits show a warning: what this one prints, no cell shows."""
        self._warnings.append(warning)

    def _show_warnings(self) -> None:
        while self._warnings:
            # Where the verb was called: this, `call`, the verb, the cell.
            warnings.warn(self._warnings.popleft(), stacklevel=4)

    def submit(self, coroutine: Coroutine[Any, Any, T]) -> concurrent.futures.Future[T]:
        """Run a coroutine on the loop without waiting for it.

        Raises
        ------
        ConnectionLost
            The loop does not run.
        """
        with self._handing_over:
            if self._loop is not None and self.running:
                return asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        coroutine.close()
        raise ConnectionLost("this connection has been closed here; connect again")

    def __enter__(self) -> LoopThread:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _refuse_own_thread(self, what: str) -> None:
        if threading.current_thread() is self._thread:
            raise RuntimeError(f"{what} was called on the loop's own thread; use difxnb.aio there")

    @staticmethod
    def _run(loop: asyncio.AbstractEventLoop, ready: threading.Event) -> None:
        asyncio.set_event_loop(loop)
        loop.call_soon(ready.set)
        try:
            loop.run_forever()
        finally:
            _end_tasks(loop)
            asyncio.set_event_loop(None)
            loop.close()


def _result(
    future: concurrent.futures.Future[T],
    timeout: float | None,
    while_waiting: Callable[[], None] | None,
    every: float,
) -> T:
    end = None if timeout is None else monotonic() + timeout
    while True:
        left = None if end is None else max(0.0, end - monotonic())
        if while_waiting is not None:
            left = every if left is None else min(every, left)
        done, _ = concurrent.futures.wait([future], left)
        if done:
            return future.result()
        if end is not None and monotonic() >= end:
            raise NoReply(f"no result within {timeout:g} s; what was under way has been cancelled")
        if while_waiting is not None:
            while_waiting()


def _end_tasks(loop: asyncio.AbstractEventLoop) -> None:
    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel()
    loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
    loop.run_until_complete(loop.shutdown_asyncgens())
