# SPDX-License-Identifier: GPL-3.0-or-later
"""Attempts at a job in one log, with every line that may be missing, broken or late."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from difxnb.formats.difxlog import parse_line
from difxnb.formats.difxlog_runs import split_runs


def lines(*steps: str, begin: int = 0) -> list[str]:
    """A line a second: ``rank 3``, ``announced``, a state, or a state with a message after a colon."""
    made = []
    for second, step in enumerate(steps, start=begin):
        tag = f"Sun Dec 29 07:{second // 60:02d}:{second % 60:02d} 2024 "
        name, _, message = step.partition(":")
        if step.startswith("rank "):
            made.append(f"{tag}{step[5:]:>3} n INFO  MPI Process {step[5:]} is running on host n")
        elif step == "announced":
            made.append(f"{tag}  0 n INFO  STARTING mpifxcorr version 2.9.1")
        elif step == "alert":
            made.append(f"{tag}  0 n INFO  Vis. 0 to write out time 0")
        else:
            made.append(f"{tag}  0 n  STATUS {name}  {message}")
    return made


def runs(*steps: str) -> list[list[int]]:
    """Numbers of the lines of each run."""
    found, numbers = split_runs(map(parse_line, lines(*steps)))
    return [[line for line, of in enumerate(numbers) if of == run.number] for run in found]


WHOLE = (
    "Spawning:Spawning 3 processes",
    "rank 1",
    "rank 0",
    "announced",
    "Starting:Version 2.9.1",
    "Running",
    "Done",
)


@pytest.mark.parametrize(
    ("steps", "sizes"),
    [
        ([*WHOLE, "MpiDone"], [8]),
        ([*WHOLE, "MpiDone", *WHOLE, "MpiDone"], [8, 8]),
        # started through guiServer: no spawning, and the first lines are the ranks'
        (["rank 1", "rank 0", "announced", "Starting", "Running", "Done"] * 2, [6, 6]),
        # crashed: no end of the first
        (["rank 1", "rank 0", "announced", "Starting", "Running"] * 3, [5, 5, 5]),
        (["announced", "Starting", "Running", "Starting", "Running"], [3, 2]),
        # the lines of a rank come when they come
        (["rank 1", "announced", "Starting", "rank 0", "Running"], [5]),
        (["Starting", "announced", "Running"], [3]),
        # the launcher deletes, refuses and spawns, all under the first of all states
        (["Spawning:Deleting /d/e_1.difx", "Spawning:Spawning 3 processes", "Starting"], [3]),
        ([*WHOLE, "Spawning:Deleting /d/e_1.difx", *WHOLE], [7, 8]),
        (["announced", "Starting", "Running", "Spawning:Deleting /d/e_1.difx", *WHOLE], [3, 8]),
        # a state that was broken on its way is logged like a first one, and empty
        (["announced", "Starting", "Running", "Spawning:", "Running", "Done"], [6]),
        # what is written after the end belongs to it, unless it comes much later
        ([*WHOLE, "Running", "alert"], [9]),
        ([*WHOLE, *["alert"] * 20, "Running"], [27, 1]),
        ([], []),
    ],
)
def test_runs_are_told_apart(steps: list[str], sizes: list[int]) -> None:
    """difxmessage.md 10.2: a file holds all attempts without a mark between them."""
    assert [len(run) for run in runs(*steps)] == sizes


@pytest.mark.parametrize(
    ("steps", "state", "is_over", "version"),
    [
        (WHOLE, "Done", True, "2.9.1"),
        ((*WHOLE, "MpiDone"), "Done", True, "2.9.1"),
        (
            ("Starting:Version 2.9", "Running", "Terminating", "Terminated", "MpiDone"),
            "Terminated",
            True,
            "2.9",
        ),
        (("Starting:Version 2.9", "Running", "MpiDone"), "MpiDone", True, "2.9"),
        (("Starting:Version 2.9", "Running", "MpiDone", "Done"), "Done", True, "2.9"),
        (("Starting:Version 2.9", "Running", "Spawning:"), "Running", False, "2.9"),
        (("Running", "Sleeping"), "Sleeping", False, ""),
        ((*WHOLE, "Running"), "Done", True, "2.9.1"),
        (("alert",), "", False, ""),
    ],
)
def test_states_of_runs(steps: tuple[str, ...], state: str, is_over: bool, version: str) -> None:
    found, _ = split_runs(map(parse_line, lines(*steps)))
    assert [(run.state, run.is_over, run.version) for run in found] == [(state, is_over, version)]


def test_times_of_runs() -> None:
    (run,), _ = split_runs(map(parse_line, ["what", *lines("rank 0", "Starting", "Running"), "more"]))
    assert (str(run.begun), str(run.ended), run.lines) == ("2024-12-29 07:00:00", "2024-12-29 07:00:02", 5)


STEPS = st.sampled_from(
    [*WHOLE, "MpiDone", "Spawning:", "Terminated", "alert", "rank 2", "Spawning:Deleting x"]
)


@settings(max_examples=60)
@given(st.lists(STEPS, max_size=40))
def test_every_line_belongs_to_one_run_in_order(steps: list[str]) -> None:
    found, numbers = split_runs(map(parse_line, lines(*steps)))
    assert len(numbers) == len(steps)
    assert numbers == sorted(numbers)
    assert sorted(set(numbers)) == [run.number for run in found]
    assert sum(run.lines for run in found) == len(steps)
