# SPDX-License-Identifier: GPL-3.0-or-later
"""Which nodes a job could run on, how busy they are, and which of them are recommended, with the reason."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

import pandas as pd

from difxnb.panels.launch.plan import Plan
from difxnb.panels.rows import each_row
from difxnb.panels.shown import duration_words, size_words

IDLE_SHARE = 0.25
"""A node of which no greater share of the cores is wanted counts as idle."""

FULL_MEMORY = 0.9
"""A node that uses a greater share of its memory is not recommended."""

UNKNOWN_THREADS = 5
"""Threads that are proposed where nobody knows the number of cores: four compute, one is the manager's."""

_RECENT_S = 15.0


@dataclass(frozen=True)
class NodeRow:
    """A node as it is shown.

    Attributes
    ----------
    name : str
        As it stands in the plan, otherwise as it is heard of.
    word : str
        ``idle``, ``busy``, ``silent``, ``recorder``, or ``not heard of``.
    reason : str
        Why it is recommended, or why it is not, in words.
    recommended : int
        Threads that it is recommended with; 0 where it is not.
    threads : int
        Threads of the plan.
    """

    name: str
    word: str
    reason: str
    recommended: int
    threads: int
    is_head: bool = False
    answered: bool | None = None


def short(name: str) -> str:
    """A host as tables name it: without its domain, in lower case."""
    return name.partition(".")[0].lower()


def judged(row: Any, recorders: Collection[str]) -> tuple[str, str, int]:
    """Word, reason and recommended threads of a row of `NodeTable.frame`."""
    if row.silent:
        return "silent", f"has not reported for {duration_words(round(row.age))}", 0
    if pd.isna(row.load):
        said = f"computes for {row.jobs}" if row.jobs else "has not reported its load"
        return ("busy" if row.jobs else "unknown"), said, 0
    facts = _facts(row)
    if row.node in recorders:
        return "recorder", f"kept for reading; {facts}", 0
    cores = 0 if pd.isna(row.cores) else int(row.cores)
    free = max(0, cores - math.ceil(row.load))
    if row.jobs:
        return "busy", f"computes for {row.jobs}; {facts}", 0
    if not cores or row.load > IDLE_SHARE * cores:
        return "busy", facts, 0
    if not pd.isna(row.memory) and row.memory > FULL_MEMORY:
        return "busy", f"its memory is full; {facts}", 0
    return "idle", facts, max(1, free)


def _facts(row: Any) -> str:
    said = [f"load {row.load:.1f}" + ("" if pd.isna(row.cores) else f" of {int(row.cores)} cores")]
    if not pd.isna(row.memory):
        said.append(f"{size_words(row.memory_used)} of {size_words(row.memory_total)} memory used")
    # In steps, for each other word is a message to the browser.
    heard = "just now" if row.age < _RECENT_S else f"{duration_words(round(row.age, -1))} ago"
    return ", ".join([*said, f"heard {heard}"])


def node_rows(
    frame: pd.DataFrame, recorders: Collection[str], plan: Plan, added: Iterable[str]
) -> list[NodeRow]:
    """All nodes that a job could run on: those of the plan, those that were added, those heard of.

    Parameters
    ----------
    frame : DataFrame
        As `NodeTable.frame` gives it.
    recorders : collection of str
        Short names of recorder units.
    plan : Plan
        What is chosen.
    added : iterable of str
        Names that somebody typed.
    """
    known = {row.node: row for row in each_row(frame)}
    others = {short(name): name for name in (*known, *added)}
    for host in plan.hosts:  # each as it is written, for files may name one host in two ways
        others.pop(short(host), None)
    names = sorted((short(name), name) for name in (*plan.hosts, *others.values()))
    return [_row(name, known.get(key), recorders, plan) for key, name in names]


def _row(name: str, row: Any, recorders: Collection[str], plan: Plan) -> NodeRow:
    unheard = ("not heard of", "it does not report its load here", 0)
    word, reason, recommended = unheard if row is None else judged(row, recorders)
    return NodeRow(name, word, reason, recommended, plan.threads.get(name, 0), name == plan.head_node)


def recommended_plan(rows: Iterable[NodeRow], head_node: str, places: tuple[str, ...]) -> tuple[Plan, str]:
    """Propose where a job runs, and say why.

    Parameters
    ----------
    rows : iterable of NodeRow
        Nodes there are.
    head_node : str
        Where it is led from.
    places : tuple of str
        For each datastream the node that must read it, empty where any node may.
    """
    idle = {row.name: row.recommended for row in rows if row.recommended}
    if not idle:
        plan = Plan(head_node, tuple(place or head_node for place in places), {head_node: UNKNOWN_THREADS})
        return plan, f"no idle node is known, so everything is placed on the head node {head_node}"
    readers = [name for name in idle if name != head_node] or list(idle)
    nodes = tuple(place or readers[index % len(readers)] for index, place in enumerate(places))
    threads = {name: _left(name, number, nodes, head_node) for name, number in idle.items()}
    computing = {name: number for name, number in threads.items() if number > (name == head_node)}
    if not computing:
        computing = {readers[0]: 2}
    words = ", ".join(f"{name} ({number} threads)" for name, number in computing.items())
    return Plan(
        head_node, nodes, computing
    ), f"idle nodes compute: {words}; one thread is kept for each reader"


def _left(name: str, threads: int, readers: tuple[str, ...], head_node: str) -> int:
    """Threads of a node when it also reads; one more on the head node, which keeps one."""
    least = 2 if name == head_node else 1
    return max(least, threads - readers.count(name))
