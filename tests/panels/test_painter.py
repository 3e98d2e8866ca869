# SPDX-License-Identifier: GPL-3.0-or-later
"""The thread that paints: it lives as long as it is needed, and one panel cannot spoil it for another."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator

import pytest

from difxnb.panels.painter import Painter

DEADLINE_S = 30.0


class Picture:
    """Counts how often it was painted, and does then what a test wants."""

    def __init__(self, act: Callable[[], None] = lambda: None) -> None:
        self.act, self.count = act, 0
        self.failures: list[Exception] = []
        self.done = threading.Event()
        self.threads: set[threading.Thread] = set()

    def paint(self) -> None:
        self.count += 1
        self.threads.add(threading.current_thread())
        try:
            self.act()
        finally:
            self.done.set()

    def note_failure(self, error: Exception) -> None:
        self.failures.append(error)

    def painted(self) -> None:
        """Wait for the next time."""
        self.done.clear()
        assert self.done.wait(DEADLINE_S)


class Unable(Picture):
    def note_failure(self, error: Exception) -> None:
        raise ValueError("cannot even say so")


@pytest.fixture
def painter() -> Iterator[Painter]:
    painter = Painter(period=0.01)
    yield painter
    assert not any(thread.name == "difxnb-painter" for thread in threading.enumerate())


def fail() -> None:
    raise RuntimeError("broken")


def test_it_paints_on_one_thread_until_the_last_is_removed(painter: Painter) -> None:
    first, second = Picture(), Picture()
    for picture in (first, second, first):
        painter.add(picture)
    for picture in (first, second):
        picture.painted()
        picture.painted()
    assert len(first.threads | second.threads) == 1
    painter.remove(first)
    count = first.count
    second.painted()
    assert first.count == count
    painter.remove(second)
    painter.remove(second)


def test_a_failure_is_told_and_the_others_go_on(painter: Painter) -> None:
    broken, whole = Picture(fail), Picture()
    painter.add(broken)
    painter.add(whole)
    whole.painted()
    broken.painted()
    whole.painted()
    painter.remove(broken)
    painter.remove(whole)
    assert {str(error) for error in broken.failures} == {"broken"}


def test_what_cannot_tell_its_failure_is_painted_no_more(
    painter: Painter, caplog: pytest.LogCaptureFixture
) -> None:
    unable, whole = Unable(fail), Picture()
    painter.add(unable)
    painter.add(whole)
    whole.painted()
    whole.painted()
    assert unable.count == 1
    (record,) = caplog.records
    assert (record.levelno, record.getMessage()) == (logging.ERROR, "a panel is painted no more: broken")
    painter.remove(whole)


def test_one_that_is_painted_may_remove_itself(painter: Painter) -> None:
    picture = Picture(lambda: painter.remove(picture))
    painter.add(picture)
    assert picture.done.wait(DEADLINE_S)
    (thread,) = picture.threads
    thread.join(DEADLINE_S)
    assert not thread.is_alive()
    assert picture.count == 1


def test_removing_waits_for_what_is_under_way(painter: Painter) -> None:
    begun, go_on, ended = threading.Event(), threading.Event(), threading.Event()

    def slowly() -> None:
        begun.set()
        assert go_on.wait(DEADLINE_S)
        ended.set()

    picture = Picture(slowly)
    painter.add(picture)
    assert begun.wait(DEADLINE_S)
    remover = threading.Thread(target=painter.remove, args=(picture,))
    remover.start()
    remover.join(0.05)
    assert remover.is_alive()
    go_on.set()
    remover.join(DEADLINE_S)
    assert ended.is_set()


def test_adding_while_the_last_one_is_removed_loses_neither(painter: Painter) -> None:
    """Many times, by two threads: nobody waits for a thread that goes on, and nobody is painted twice at a time."""
    pictures = [Picture(), Picture()]

    def come_and_go(picture: Picture) -> None:
        for _ in range(200):
            painter.add(picture)
            painter.remove(picture)
        painter.add(picture)

    threads = [threading.Thread(target=come_and_go, args=(picture,)) for picture in pictures]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE_S)
        assert not thread.is_alive()
    for picture in pictures:
        picture.painted()
        painter.remove(picture)
