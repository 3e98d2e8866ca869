# SPDX-License-Identifier: GPL-3.0-or-later
"""Coroutines from ordinary code: results, errors, interrupts, and an orderly end."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest

from difxnb.client.blocking import LoopThread
from difxnb.client.head_node import AsyncHeadNode
from difxnb.errors import ConnectionLost, NoReply


async def answer(value: object) -> object:
    await asyncio.sleep(0)
    if isinstance(value, BaseException):
        raise value
    return value


class Waiting:
    """A coroutine that waits for ever and tells how it ended."""

    def __init__(self) -> None:
        self.begun, self.cancelled = threading.Event(), threading.Event()

    async def __call__(self) -> None:
        self.begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.cancelled.set()


def test_results_and_errors() -> None:
    with LoopThread() as loop:
        assert loop.call(answer(42)) == 42
        with pytest.raises(KeyError, match="no"):
            loop.call(answer(KeyError("no")))
        assert loop.running
    assert not loop.running


def test_start_and_stop_twice() -> None:
    loop = LoopThread()
    loop.stop()
    loop.start()
    loop.start()
    assert loop.call(answer(1)) == 1
    loop.stop()
    loop.stop()
    with pytest.raises(ConnectionLost, match="connect again"):
        loop.call(answer(1))
    loop.start()
    assert loop.call(answer(2)) == 2
    loop.stop()


def test_time_out_cancels() -> None:
    waiting = Waiting()
    with LoopThread() as loop:
        with pytest.raises(NoReply, match=r"within 0\.05 s"):
            loop.call(waiting(), timeout=0.05)
        assert waiting.cancelled.wait(5)


def test_interrupt_cancels() -> None:
    waiting = Waiting()

    def interrupt() -> None:
        if waiting.begun.is_set():
            raise KeyboardInterrupt

    with LoopThread() as loop:
        with pytest.raises(KeyboardInterrupt):
            loop.call(waiting(), while_waiting=interrupt, every=0.01)
        assert waiting.cancelled.wait(5)


def test_something_to_do_while_waiting() -> None:
    release = threading.Event()
    seen: list[str] = []

    async def wait() -> str:
        await asyncio.to_thread(release.wait)
        return "done"

    def look() -> None:
        seen.append(threading.current_thread().name)
        if len(seen) == 3:
            release.set()

    with LoopThread() as loop:
        assert loop.call(wait(), while_waiting=look, every=0.01) == "done"
    assert seen[:3] == [threading.current_thread().name] * 3


def test_refused_on_its_own_thread() -> None:
    """A blocking call inside a callback would wait for itself."""
    with LoopThread() as loop:

        async def call_from_inside() -> object:
            return loop.call(answer(1))

        async def stop_from_inside() -> None:
            loop.stop()

        with pytest.raises(RuntimeError, match=r"use difxnb\.aio there"):
            loop.call(call_from_inside())
        with pytest.raises(RuntimeError, match=r"use difxnb\.aio there"):
            loop.call(stop_from_inside())


def test_stop_cancels_what_still_runs() -> None:
    waiting = Waiting()
    loop = LoopThread()
    loop.start()

    async def spawn() -> asyncio.Task[None]:
        return asyncio.create_task(waiting())

    task = loop.call(spawn())
    assert waiting.begun.wait(5)
    loop.stop()
    assert waiting.cancelled.is_set()
    assert task.cancelled()


def test_stop_by_another_thread_ends_a_call() -> None:
    """Whoever waits learns that the connection was closed, and nobody waits for ever."""
    waiting = Waiting()
    loop = LoopThread()
    loop.start()

    def stop() -> None:
        waiting.begun.wait()
        loop.stop()

    other = threading.Thread(target=stop)
    other.start()
    with pytest.raises(ConnectionLost, match="closed by another thread"):
        loop.call(waiting())
    other.join()
    assert waiting.cancelled.is_set()


def test_calls_that_race_a_stop_all_end() -> None:
    """A call is run, cancelled, or refused; none is lost between the last look and the end of the loop."""
    loop = LoopThread()
    loop.start()
    ends: list[object] = []

    def call() -> None:
        while True:
            try:
                loop.call(answer(1))
            except ConnectionLost as error:
                ends.append(error)
                return

    callers = [threading.Thread(target=call) for _ in range(4)]
    for caller in callers:
        caller.start()
    assert loop.call(answer(2)) == 2
    loop.stop()
    for caller in callers:
        caller.join(timeout=10)
    assert len(ends) == 4


def test_a_head_node_on_it(tmp_path: Path) -> None:
    """Server and client on two loops of two threads: what a notebook does."""
    from difxnb.server.gui_server import GuiServer

    root = tmp_path.resolve()
    server = GuiServer(root)
    with LoopThread("server") as far, LoopThread("client") as near:
        far.call(server.start())
        node = AsyncHeadNode("127.0.0.1", server.port)
        near.call(node.connect())
        assert near.call(node.send_file(f"{root}/x", b"hello")) == 5
        assert near.call(node.get_file(f"{root}/x")) == b"hello"
        near.call(node.close())
        far.call(server.close())
