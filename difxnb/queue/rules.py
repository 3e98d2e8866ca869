# SPDX-License-Identifier: GPL-3.0-or-later
"""What a queue starts, in which order, and what follows an end.

In: entries, what is known of them and of the hosts, the time. Out: the one to start, or an action. Nothing here waits
or knows a connection, so that what is decided can be looked at, and decided again elsewhere, from the entries alone.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from difxnb.queue.actions import Action, Attach, GiveUp, Keep, RetryNow, RetryWithout, Start
from difxnb.queue.entry import QueueEntry, QueueState
from difxnb.queue.policy import QueueLimits, RetryPolicy
from difxnb.wire.job import JobOutcome

MOST_ROWS = 1000
"""Jobs that a queue shows; of those that are over, the oldest fall out, and are counted."""

_BAD_ENDS = (JobOutcome.DONE_WITH_ERRORS, JobOutcome.FAILED)


@dataclass(frozen=True, slots=True)
class NodeSeen:
    """What is known of a host.

    Attributes
    ----------
    load : float
        Share of its processors that are busy; NaN where nobody knows.
    silence : float
        Seconds since it was heard; NaN where it cannot be told.
    """

    load: float = math.nan
    silence: float = math.nan


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a job beside its entry.

    Attributes
    ----------
    hosts : frozenset of str
        Where it would run; empty where nobody knows.
    seconds : float
        Observed seconds; NaN where nobody knows.
    """

    hosts: frozenset[str] = frozenset()
    seconds: float = math.nan


@dataclass(frozen=True, slots=True)
class Blame:
    """A station that a bad end is put down to.

    Attributes
    ----------
    station : str
        As the job calls it.
    kind : str
        ``weights``, ``missing data`` or ``no data``: what `RetryPolicy.blame` names.
    text : str
        The evidence.
    """

    station: str
    kind: str
    text: str = ""


# --- the order -------------------------------------------------------------------------------------


def in_line(entries: Sequence[QueueEntry]) -> list[QueueEntry]:
    """All entries, those that wait by priority; what does not wait keeps its place."""
    waiting = iter(sorted((one for one in entries if one.state.waits), key=lambda one: -one.priority))
    return [next(waiting) if one.state.waits else one for one in entries]


def positions(entries: Sequence[QueueEntry]) -> dict[int, int]:
    """Place in the line of each job, by its number: 0 is under way, 1 is next; those that are over have none."""
    waiting = [entry for entry in entries if entry.state.waits]
    places = {entry.number: 0 for entry in entries if entry.state.is_under_way}
    return places | {entry.number: place for place, entry in enumerate(waiting, 1)}


def find(entries: Sequence[QueueEntry], job: str) -> QueueEntry:
    """A job by the path of its ``.input`` file or by its name.

    Raises
    ------
    ValueError
        There is no such job, or the name is that of several.
    """
    found = [entry for entry in entries if job in (entry.input_file, entry.job)]
    if not found:
        known = ", ".join(dict.fromkeys(entry.job for entry in entries[-10:])) or "nothing"
        raise ValueError(f"no job {job!r} in the queue; in it: {known}")
    if len(found) > 1:
        raise ValueError(f"several jobs of the queue are named {job!r}; give the path of the .input file")
    return found[0]


def moved(entries: Sequence[QueueEntry], number: int, position: int) -> list[QueueEntry]:
    """All entries, with one that waits at another place of the line.

    Between jobs of another priority it takes the nearest one that lets it stay there.

    Raises
    ------
    ValueError
        It does not wait, or there is no such place.
    """
    entry = next(one for one in entries if one.number == number)
    if not entry.state.waits:
        raise ValueError(f"{entry.job} is {entry.state}; only jobs that wait can be moved")
    places = [index for index, one in enumerate(entries) if one.state.waits]
    if not 1 <= position <= len(places):
        raise ValueError(f"{len(places)} jobs wait: there is no position {position}")
    left = [one for one in entries if one.number != number]
    place = places[position - 1]
    before = [one.priority for one in left[:place] if one.state.waits]
    after = [one.priority for one in left[place:] if one.state.waits]
    least, most = max(after, default=entry.priority), min(before, default=entry.priority)
    priority = min(max(entry.priority, least), most) if before else max(entry.priority, least)
    left.insert(place, replace(entry, priority=priority))
    return left


# --- what to start ---------------------------------------------------------------------------------


def next_to_start(
    entries: Sequence[QueueEntry],
    running: Sequence[QueueEntry],
    limits: QueueLimits,
    *,
    paused: bool,
    now: float,
    nodes: Mapping[str, NodeSeen],
    facts: Mapping[int, Facts] | None = None,
) -> QueueEntry | None:
    """The job to start now; None where there is none, or something speaks against starting any.

    Parameters
    ----------
    entries : sequence of QueueEntry
        All of the queue, in its order.
    running : sequence of QueueEntry
        Those that are under way.
    limits : QueueLimits
        What it may start, and when.
    paused : bool
        Whether nothing is to be started.
    now : float
        Unix seconds.
    nodes : mapping of str to NodeSeen
        Hosts that are known.
    facts : mapping of int to Facts, optional
        What is known of entries, by their numbers.
    """
    if paused:
        return None
    for entry in in_line(entries):
        if entry.state.waits and not why_not_yet(entry, running, limits, now=now, nodes=nodes, facts=facts):
            return entry
    return None


def why_not_yet(
    entry: QueueEntry,
    running: Sequence[QueueEntry],
    limits: QueueLimits,
    *,
    now: float,
    nodes: Mapping[str, NodeSeen],
    facts: Mapping[int, Facts] | None = None,
) -> str:
    """Why a job that waits is not started now, in words; empty where it may be."""
    known = facts or {}
    if _is_too_early(entry, now):
        return f"it is tried again at {_clock(entry.due)} UTC"
    if limits.between is not None and not limits.is_time(datetime.fromtimestamp(now, UTC).time()):
        first, last = limits.between
        return f"jobs are started between {first:%H:%M} and {last:%H:%M} UTC"
    if len(running) >= limits.at_once:
        return f"{limits.at_once} at once, and {_names(running)} under way"
    if any(one.job == entry.job for one in running):
        return "a job of the same name is under way"
    mine = known.get(entry.number, Facts())
    if limits.longest and mine.seconds > limits.longest:
        return f"{mine.seconds:g} s observed, and jobs of more than {limits.longest:g} s are not started"
    return _why_not_there(hosts_of(entry, known), running, limits, nodes, known)


def hosts_of(entry: QueueEntry, facts: Mapping[int, Facts]) -> frozenset[str]:
    """Hosts that a job takes; empty where nobody knows."""
    if not entry.machines:
        return facts.get(entry.number, Facts()).hosts
    named = entry.machines
    return frozenset(
        str(host)
        for host in (named.get("head_node"), *named.get("datastreams", ()), *named.get("processors", ()))
        if host
    )


def _why_not_there(
    hosts: frozenset[str],
    running: Sequence[QueueEntry],
    limits: QueueLimits,
    nodes: Mapping[str, NodeSeen],
    facts: Mapping[int, Facts],
) -> str:
    taken = Counter(host for one in running for host in hosts_of(one, facts))
    for host in sorted(hosts):
        if limits.per_node and taken[host] >= limits.per_node:
            return f"{taken[host]} jobs run on {host} already"
        load = seen_of(nodes, host).load
        if limits.at_once > 1 and load > limits.node_load:
            return f"the load of {host} is {load:.2g} per processor, and above {limits.node_load:g} it gets no job"
    return ""


def seen_of(nodes: Mapping[str, NodeSeen], host: str) -> NodeSeen:
    """What is known of a host, by its whole name or by the first part of it."""
    return nodes.get(host) or nodes.get(host.partition(".")[0].lower()) or NodeSeen()


# --- what follows an end ---------------------------------------------------------------------------


def next_action(
    entry: QueueEntry,
    outcome: JobOutcome,
    findings: Iterable[Blame],
    policy: RetryPolicy | None,
    *,
    now: float,
    why: str = "",
) -> Action:
    """What follows the end of a job.

    Parameters
    ----------
    entry : QueueEntry
        Its `tries` count the one that has just ended.
    outcome : JobOutcome
        How it ended.
    findings : iterable of Blame
        Stations that the end may be put down to, the worst first.
    policy : RetryPolicy or None
        None: nothing follows.
    now : float
        Unix seconds.
    why : str
        What the end is due to.

    Returns
    -------
    Keep, RetryNow, RetryWithout or GiveUp
        Only ends with errors and failures are tried again: what was refused needs somebody who waives a finding, what
        was stopped was stopped on purpose, and what is unknown may still run.
    """
    if policy is None or outcome not in _BAD_ENDS:
        return Keep(number=entry.number, job=entry.job, why=why)
    if entry.tries <= policy.again:
        again = f"try {entry.tries} of {policy.again + 1}: {why or outcome}"
        return RetryNow(number=entry.number, job=entry.job, why=again, at=now + policy.wait)
    blamed = [one for one in findings if one.kind in policy.blame] if policy.without_station else []
    if blamed:
        worst = blamed[0]
        evidence = f"{worst.kind} of {worst.station}{f', {worst.text}' if worst.text else ''}"
        return RetryWithout(
            number=entry.number, job=entry.job, why=_joined(why, evidence), stations=(worst.station,)
        )
    return GiveUp(number=entry.number, job=entry.job, why=why or str(outcome))


def planned_actions(
    entries: Sequence[QueueEntry],
    limits: QueueLimits,
    *,
    held: str,
    now: float,
    nodes: Mapping[str, NodeSeen],
    facts: Mapping[int, Facts] | None = None,
    followed: Iterable[int] = (),
) -> list[Action]:
    """What a queue would do now with each job that is not over, in its order.

    Parameters
    ----------
    entries, limits, now, nodes, facts
        As `next_to_start` has them.
    held : str
        Why nothing is started at all; empty where that is not so.
    followed : iterable of int
        Numbers of those that are under way and are being followed; others are looked for.
    """
    known, running = set(followed), [entry for entry in entries if entry.state.is_under_way]
    plan: list[Action] = []
    for entry in running:
        kind = Keep if entry.number in known else Attach
        plan.append(kind(number=entry.number, job=entry.job, why=f"it is {entry.state}"))
    for entry in in_line(entries):
        if not entry.state.waits:
            continue
        why = held or why_not_yet(entry, running, limits, now=now, nodes=nodes, facts=facts)
        if not why:
            plan.append(Start(number=entry.number, job=entry.job))
            running.append(entry)
        elif entry.state is QueueState.RETRYING and not held and _is_too_early(entry, now):
            plan.append(RetryNow(number=entry.number, job=entry.job, why=entry.why, at=entry.due))
        else:
            plan.append(Keep(number=entry.number, job=entry.job, why=why))
    return plan


def _is_too_early(entry: QueueEntry, now: float) -> bool:
    """Whether the wait before a try is not over; a clock that was set back makes it no longer."""
    return entry.since <= now < entry.due


def _clock(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%H:%M:%S}"


def _names(running: Sequence[QueueEntry]) -> str:
    names = ", ".join(entry.job for entry in running[:3])
    return f"{names}{'…' if len(running) > 3 else ''} {'is' if len(running) == 1 else 'are'}"


def _joined(*parts: str) -> str:
    return "; ".join(part for part in parts if part)
