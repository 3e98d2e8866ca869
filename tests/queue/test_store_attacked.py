# SPDX-License-Identifier: GPL-3.0-or-later
"""A queue's file against disks that fill up, hostile names, other writers, and a year of jobs."""

from __future__ import annotations

import errno
import sqlite3
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from difxnb.errors import FileFormatError
from difxnb.queue import Lease, QueueState, QueueStore, RetryPolicy
from difxnb.queue.rules import MOST_ROWS
from tests.full_disk import room_for

HOSTILE = st.one_of(
    st.text(max_size=60),
    st.sampled_from(
        [
            "/d/x'); DROP TABLE entries; --.input",
            '/d/"quoted" and $(touch me).input',
            "/d/two\nlines\r.input",
            "/d/nul\0nul.input",
            "/d/\udcff.input",
            "/d/\u202etupni.exe",
            "/d/" + "x" * 5000 + ".input",
            "%s%n{}",
            "",
        ]
    ),
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "queue.sqlite"


@settings(max_examples=60, deadline=None)
@given(name=HOSTILE, server=HOSTILE, session=HOSTILE, why=HOSTILE)
def test_hostile_names_are_kept_as_they_are_or_refused(
    tmp_path_factory: pytest.TempPathFactory, name: str, server: str, session: str, why: str
) -> None:
    path = tmp_path_factory.mktemp("names") / "queue.sqlite"
    with QueueStore(path) as store:
        store.add("/d/before.input")
        try:
            one = store.add(name, server=server, session=session, why=why)
        except ValueError:
            one = None
        store.add("/d/after.input")
    with QueueStore(path) as store:
        shown = {entry.number: entry for entry in store.entries()}
        assert len(shown) == 2 + (one is not None)
        if one is not None:
            assert (shown[one.number].input_file, shown[one.number].server) == (name, server)
            assert shown[one.number].of_session == session
        assert len(store.history()) == len(shown)


def _fill(store: QueueStore) -> None:
    for k in range(1000):
        store.add(f"/full_{k}.input", why="x" * 400)


def test_a_disk_that_fills_up_loses_one_change_and_no_half_of_it(path: Path) -> None:
    with QueueStore(path) as store:
        one = store.add("/e_1.input")
        with (
            room_for(path.stat().st_size),
            pytest.raises(OSError, match="cannot be read or written") as caught,
        ):
            _fill(store)
        assert caught.value.errno in (errno.ENOSPC, errno.EIO)
        shown = [entry.job for entry in store.entries()]
        store.set_state(one.number, QueueState.DONE, what="ended")
        store.add("/after.input")
    with QueueStore(path) as store:
        assert [entry.job for entry in store.entries()] == [*shown, "after"]
        assert {line.job for line in store.told()} == {*shown, "after"}


def test_a_disk_that_is_full_from_the_start_leaves_no_file_of_another_kind(path: Path) -> None:
    with room_for(0), pytest.raises(OSError, match="cannot be used"):
        QueueStore(path)
    with QueueStore(path) as store:
        store.add("/e_1.input")


def test_where_nothing_can_be_written_there_is_no_queue() -> None:
    with pytest.raises(OSError):  # noqa: PT011 - which one, is for the file system to say
        QueueStore("/proc/queue.sqlite")
    with pytest.raises(OSError):  # noqa: PT011
        Lease("/proc/queue.sqlite")


def test_who_waited_once_for_another_writer_does_not_wait_again(path: Path) -> None:
    with QueueStore(path, patience=0.3) as store:
        store.add("/e_1.input")
        other = sqlite3.connect(path, isolation_level=None)
        try:
            other.execute("BEGIN IMMEDIATE")
            waited = [_refused_after(store) for _ in range(4)]
            assert waited[0] >= 0.25
            assert sum(waited[1:]) < waited[0]
            assert [entry.job for entry in store.entries()] == ["e_1"], "to look is always possible"
            other.execute("ROLLBACK")
        finally:
            other.close()
        store.add("/e_2.input")
        assert [entry.job for entry in store.entries()] == ["e_1", "e_2"]


def _refused_after(store: QueueStore) -> float:
    begun = time.monotonic()
    with pytest.raises(OSError, match="another process is writing it") as caught:
        store.add("/e_2.input")
    assert caught.value.errno == errno.EBUSY
    return time.monotonic() - begun


def test_a_file_without_the_index_of_names_gets_it(path: Path) -> None:
    QueueStore(path).close()
    database = sqlite3.connect(path)
    database.execute("DROP INDEX named")
    database.close()
    with QueueStore(path) as store:
        (plan,) = store._file.read("EXPLAIN QUERY PLAN SELECT 1 FROM entries WHERE input_file = ''")
        assert "INDEX named" in plan[-1]


def test_a_history_has_the_same_types_in_memory_after_a_restart_and_when_it_is_empty(path: Path) -> None:
    with QueueStore(path) as store:
        nothing = store.history().dtypes
        one = store.add("/e_1.input", policy=RetryPolicy(), session="i26327")
        store.claim(one.number)
        store.set_state(one.number, QueueState.RUNNING, what="accepted", tries=1)
        store.note(None, "rain", what="suspended")
        before = store.history()
    with QueueStore(path) as store:
        after = store.history()
    assert after.equals(before)
    assert after.dtypes.equals(before.dtypes)
    assert nothing.equals(before.dtypes)


def test_of_a_year_of_jobs_as_many_are_read_as_are_shown(path: Path) -> None:
    """What it costs to add one does not grow with those that are over; see also the benchmark."""
    with QueueStore(path) as store, store.together():
        for k in range(2 * MOST_ROWS):
            number = store.add(f"/e_{k}.input").number
            store._file.execute("UPDATE entries SET state = 'done' WHERE number = ?", number)
    with QueueStore(path) as store:
        store.add("/next.input")
        assert len(store.entries()) == MOST_ROWS
        assert len(store.entries(hidden=True)) == 2 * MOST_ROWS + 1
        assert store.entries()[-1].job == "next"
        assert store.claim(store.entries()[-1].number) is not None
        for text in ("hidden = 0 ORDER BY position, number", "input_file = '/next.input'"):
            (plan, *_) = store._file.read(f"EXPLAIN QUERY PLAN SELECT number FROM entries WHERE {text}")
            assert plan[-1].startswith("SEARCH"), plan


def test_a_file_that_is_cut_is_a_named_error_or_a_queue(path: Path) -> None:
    with QueueStore(path) as store:
        for k in range(50):
            store.add(f"/e_{k}.input", why="x" * 200)
    whole = path.read_bytes()
    for size in (0, 1, 100, 4096, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:size])
        try:
            with QueueStore(path) as store:
                store.entries()
        except (FileFormatError, OSError):
            assert path.read_bytes()[:size] == whole[:size], "what it is, is for somebody to find out"
        else:
            assert size == 0
