# SPDX-License-Identifier: GPL-3.0-or-later
"""A queue in a file: what is written is there again, whoever opens it, and whatever ended the process before."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from difxnb.errors import FileFormatError, QueueTaken
from difxnb.queue import Lease, QueueState, QueueStore, RetryPolicy
from difxnb.queue.rules import MOST_ROWS
from difxnb.queue.store_layout import VERSION

MACHINES = {"head_node": "head", "datastreams": ["one", "two"], "processors": {"one": 4}}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "queue.sqlite"


@pytest.fixture
def store(path: Path) -> Iterator[QueueStore]:
    with QueueStore(path) as opened:
        yield opened


def jobs(store: QueueStore) -> list[str]:
    return [one.job for one in store.entries()]


def test_entries_are_there_again_when_the_file_is_opened_again(path: Path) -> None:
    with QueueStore(path) as store:
        policy = RetryPolicy(again=3, blame=("no data",))
        one = store.add(
            "/data/e_1.input",
            server="head:50200",
            session="i26327",
            priority=2,
            machines=MACHINES,
            options={"overwrite": True, "waive": {"b", "a"}},
            policy=policy,
        )
        store.add("/data/e_2.input", server="head:50200")
        store.claim(one.number)
        store.set_state(one.number, QueueState.RUNNING, "so far", tries=1, progress=0.25)
        before = store.entries()
    with QueueStore(path) as store:
        assert store.entries() == before
        one = before[0]
        assert (one.state, one.tries, one.progress, one.priority) == (QueueState.RUNNING, 1, 0.25, 2)
        assert (one.machines, one.options, one.policy) == (
            MACHINES,
            {"overwrite": True, "waive": ["a", "b"]},
            policy,
        )
        assert one.key == "head:50200|/data/e_1.input|i26327|1"
        history = store.history()
        assert history["what"].tolist() == ["added", "added", "started", "noted"]
        assert history["session"].tolist() == ["i26327", "", "i26327", "i26327"]


def test_a_job_is_taken_in_once_and_begins_anew_when_it_is_over(store: QueueStore) -> None:
    first = store.add("/data/e_1.input", session="a")
    for session in ("a", "b"):
        with pytest.raises(ValueError, match="in the queue already"):
            store.add("/data/e_1.input", session=session)
    assert store.add("/data/e_1.input", server="other:1").key == "other:1|/data/e_1.input||1"
    store.set_state(first.number, QueueState.DONE)
    second = store.add("/data/e_1.input", session="a")
    assert second.key.endswith("|a|2")
    assert [one.number for one in store.entries() if not one.server] == [second.number]
    assert store.entry(first.number).state is QueueState.DONE


def test_nobody_starts_anew_what_may_still_run_without_having_removed_it(store: QueueStore) -> None:
    mine = store.add("/data/e_1.input", session="i26327")
    store.set_state(mine.number, QueueState.UNKNOWN, "nobody knows")
    with pytest.raises(ValueError, match="still runs is not known"):
        store.add("/data/e_1.input", session="i26327")
    store.remove(mine.number)
    assert store.add("/data/e_1.input", session="i26327").key.endswith("|2")


def test_what_is_removed_stays_in_the_history(store: QueueStore) -> None:
    waits, runs, over = (store.add(f"/e_{k}.input").number for k in range(3))
    store.claim(runs)
    store.set_state(over, QueueState.FAILED, "no luck")
    with pytest.raises(ValueError, match="starting; stop the job"):
        store.remove(runs)
    store.remove(waits)
    store.remove(over)
    assert jobs(store) == ["e_1"]
    assert store.entry(waits).state is QueueState.REMOVED
    assert store.entry(over).state is QueueState.FAILED
    assert [one.what for one in store.told(number=waits)] == ["added", "removed"]
    with pytest.raises(KeyError):
        store.entry(99)


def test_what_was_taken_out_of_the_line_is_not_started(store: QueueStore) -> None:
    one = store.add("/e_1.input")
    assert store.claim(one.number) is not None
    assert store.claim(one.number) is None, "nobody claims it twice"
    two = store.add("/e_2.input")
    store.remove(two.number)
    assert store.claim(two.number) is None


def test_the_line_is_put_in_order_by_moves_and_priorities(store: QueueStore) -> None:
    numbers = [store.add(f"/e_{k}.input").number for k in range(4)]
    store.move(numbers[3], 1)
    assert jobs(store) == ["e_3", "e_0", "e_1", "e_2"]
    store.priority(numbers[2], 5)
    assert jobs(store) == ["e_2", "e_3", "e_0", "e_1"]
    store.move(numbers[1], 1)
    assert jobs(store)[0] == "e_1"
    assert store.entry(numbers[1]).priority == 5, "it stays where it was put"
    store.add("/e_9.input", priority=9)
    line = jobs(store)
    assert line[0] == "e_9"
    store.claim(store.entries()[0].number)
    assert jobs(store) == line, "what is started keeps its place"


def test_places_are_those_among_the_jobs_of_one_server(store: QueueStore) -> None:
    for k in range(3):
        store.add(f"/e_{k}.input", server="a")
        last = store.add(f"/e_{k}.input", server="b")
    store.move(last.number, 1, server="b")
    assert [(one.server, one.job) for one in store.entries()] == [
        ("a", "e_0"),
        ("b", "e_2"),
        ("a", "e_1"),
        ("b", "e_0"),
        ("a", "e_2"),
        ("b", "e_1"),
    ]


def test_of_too_many_the_oldest_that_are_over_are_not_shown() -> None:
    with QueueStore() as store:
        with store._file.changing():
            for k in range(MOST_ROWS):
                store._insert(f"{k}", "", f"/e_{k}.input", "", 0, "", (None, "{}", None))
            store._file.execute("UPDATE entries SET state = 'done' WHERE number > 1")
        store.add("/new.input")
        assert store.dropped == 1
        assert len(store.entries()) == MOST_ROWS
        assert "e_0" in jobs(store), "what waits is shown however old it is"
        assert "e_1" not in jobs(store)


def test_a_change_by_somebody_else_is_seen(store: QueueStore, path: Path) -> None:
    seen, version = store.seen_version(), store.version
    store.add("/mine.input")
    assert store.seen_version() == seen, "our own changes are no news"
    with QueueStore(path) as other:
        other.add("/theirs.input")
        other.put_setting("paused", "by somebody")
    assert store.seen_version() != seen
    assert store.version > version
    assert jobs(store) == ["mine", "theirs"]
    assert store.setting("paused") == "by somebody"


def test_progress_is_kept_without_a_word(store: QueueStore, path: Path) -> None:
    one = store.add("/e_1.input")
    version = store.version
    store.set_progress(one.number, 0.5)
    assert store.version == version
    assert store.entry(one.number).progress == 0.5
    assert len(store.told()) == 1


def test_what_cannot_be_written_down_is_held_in_memory_and_refused_by_a_file(store: QueueStore) -> None:
    chosen = {"monitor": lambda table: table}
    with pytest.raises(ValueError, match="monitor: a file keeps texts"):
        store.add("/e_1.input", options=chosen)
    assert not store.entries()
    with QueueStore() as memory:
        assert memory.add("/e_1.input", options=chosen).options == chosen
        with pytest.raises(ValueError, match="monitor"):
            store.take_over(memory)
        memory.set_state(1, QueueState.DONE)
        memory.add("/e_2.input", priority=3)
        store.add("/e_3.input")
        assert store.take_over(memory) == {1: 2, 2: 3}
    assert [(one.job, str(one.state)) for one in store.entries()] == [
        ("e_2", "waiting"),
        ("e_1", "done"),
        ("e_3", "waiting"),
    ]


def test_what_is_taken_over_brings_its_times_tries_and_history_along(store: QueueStore) -> None:
    """By the time of its start a job that runs is told from an older run, once its process has ended."""
    store.add("/e_0.input")
    with QueueStore() as memory:
        memory.add("/e_1.input", session="i26327")
        memory.set_state(1, QueueState.DONE, what="ended")
        memory.add("/e_1.input", session="i26327")
        memory.claim(2)
        memory.set_state(2, QueueState.RUNNING, what="accepted", tries=1)
        memory.note(None, "rain", what="suspended")
        before, told = memory.entry(2), memory.told(number=2)
        numbers = store.take_over(memory, also=[1])
        assert numbers == {1: 2, 2: 3}
    after = store.entry(3)
    assert (after.state, after.since, after.added, after.tries) == (
        QueueState.RUNNING,
        before.since,
        before.added,
        1,
    )
    assert store.told(number=3) == told
    assert store.told()[-1].why == "rain"
    assert [one.number for one in store.entries()] == [1, 3], "what was not shown is not shown here"
    assert store.entry(2).state is QueueState.DONE


def test_taking_over_is_whole_or_not_at_all(store: QueueStore) -> None:
    store.add("/e_2.input")
    with QueueStore() as memory:
        memory.add("/e_1.input")
        memory.add("/e_2.input")
        with pytest.raises(ValueError, match="in the queue already"):
            store.take_over(memory)
    assert jobs(store) == ["e_2"]
    assert len(store.told()) == 1


def test_reasons_are_cut_and_priorities_bounded(store: QueueStore) -> None:
    one = store.add("/e_1.input")
    assert len(store.set_state(one.number, QueueState.FAILED, "x" * 10_000).why) == 500
    for value in (2**31, -(2**31)):
        with pytest.raises(ValueError, match="priority"):
            store.priority(one.number, value)
    with pytest.raises(TypeError, match="priority"):
        store.add("/e_2.input", priority=1.5)  # type: ignore[arg-type]


def test_a_closed_store_shows_what_it_held(path: Path) -> None:
    store = QueueStore(path)
    store.add("/e_1.input")
    store.put_setting("paused", "so")
    store.close()
    store.close()
    assert jobs(store) == ["e_1"]
    assert store.setting("paused") == "so"
    assert store.seen_version() is not None
    with pytest.raises(ValueError, match="closed"):
        store.add("/e_2.input")


def test_other_files_are_refused_by_what_they_are(tmp_path: Path) -> None:
    text = tmp_path / "text"
    text.write_text("no database " * 100)
    with pytest.raises(FileFormatError, match="no queue"):
        QueueStore(text)
    assert text.read_text().startswith("no database")
    other = tmp_path / "other.sqlite"
    with sqlite3.connect(other) as database:
        database.execute("CREATE TABLE t(x)")
    database.close()
    with pytest.raises(FileFormatError, match="file of SQLite, and no queue"):
        QueueStore(other)
    with pytest.raises(FileNotFoundError, match="no directory"):
        QueueStore(tmp_path / "none" / "queue.sqlite")
    with pytest.raises(OSError, match="cannot be opened"):
        QueueStore(tmp_path)


def test_a_newer_layout_is_refused_and_left_alone(path: Path) -> None:
    QueueStore(path).close()
    database = sqlite3.connect(path)
    database.execute(f"PRAGMA user_version = {VERSION + 1}")
    database.close()
    with pytest.raises(FileFormatError, match=f"version {VERSION + 1}"):
        QueueStore(path)


@settings(max_examples=40, deadline=None)
@given(
    column=st.sampled_from(["state", "machines", "options", "policy", "since", "priority", "input_file"]),
    value=st.one_of(
        st.text(max_size=20), st.integers(-(2**63), 2**63 - 1), st.binary(max_size=8), st.floats()
    ),
)
def test_a_damaged_entry_is_an_entry_or_a_named_error(
    tmp_path_factory: pytest.TempPathFactory, column: str, value: object
) -> None:
    path = tmp_path_factory.mktemp("damaged") / "queue.sqlite"
    with QueueStore(path) as store:
        store.add("/e_1.input", policy=RetryPolicy())
    database = sqlite3.connect(path)
    try:
        database.execute(f"UPDATE entries SET {column} = ?", (value,))
        database.commit()
    except (sqlite3.IntegrityError, UnicodeEncodeError):
        return
    finally:
        database.close()
    with QueueStore(path) as store:
        try:
            assert len(store.entries()) == 1
        except FileFormatError:
            return  # which says what is damaged


def _fill(store: QueueStore) -> None:
    for k in range(1000):
        store.add(f"/full_{k}.input", why="x" * 400)


def test_a_full_disk_loses_one_change_and_no_half_of_it(store: QueueStore) -> None:
    store.add("/e_1.input")
    store._file.execute("PRAGMA max_page_count = 1")  # the least it may have: as many as there are
    with pytest.raises(OSError, match="full") as caught:
        _fill(store)
    assert caught.value.errno == 28
    shown = store.entries()
    store._file.execute("PRAGMA max_page_count = 100000")
    assert [one.job for one in store.entries()] == [one.job for one in shown]
    assert store.add("/after.input").state is QueueState.WAITING
    assert {line.job for line in store.told()} == {one.job for one in store.entries()}


_RUNNER = """
import sys, time
from difxnb.queue import Lease, QueueStore
path = sys.argv[1]
lease, store = Lease(path), QueueStore(path)
one = store.add("/data/e_1.input")
store.claim(one.number)
print("claimed", flush=True)
store._file.execute("BEGIN IMMEDIATE")
store._file.execute("UPDATE entries SET state = 'done'")
print("half", flush=True)
time.sleep(60)
"""


def test_a_killed_process_leaves_whole_changes_and_frees_its_lease(path: Path) -> None:
    """Killed between STARTING and RUNNING, with another change half written."""
    child = subprocess.Popen([sys.executable, "-c", _RUNNER, str(path)], stdout=subprocess.PIPE, text=True)
    try:
        assert child.stdout is not None
        assert [child.stdout.readline().strip() for _ in range(2)] == ["claimed", "half"]
        with pytest.raises(QueueTaken, match=f"process {child.pid} on "):
            Lease(path)
    finally:
        os.kill(child.pid, signal.SIGKILL)
        child.communicate()
    lease = Lease(path)
    with QueueStore(path) as store:
        assert [(one.job, str(one.state)) for one in store.entries()] == [("e_1", "starting")]
        assert [line.what for line in store.told()] == ["added", "started"]
    assert lease.is_held
    lease.give_back()


def test_two_runners_of_one_file_cannot_be(path: Path) -> None:
    lease = Lease(path)
    with pytest.raises(QueueTaken, match=f"queue.sqlite is run by process {os.getpid()}"):
        Lease(path)
    lease.give_back()
    lease.give_back()
    assert not lease.is_held
    Lease(path).give_back()
    link = path.with_name("link.sqlite")
    link.symlink_to(path)
    held = Lease(link)
    with pytest.raises(QueueTaken):
        Lease(path)
    held.give_back()
    lease.path.write_text("\x00garbage")
    held = Lease(path)
    held.path.write_text("[1]")
    with pytest.raises(QueueTaken, match="another process"):
        Lease(path)
    held.give_back()
