# SPDX-License-Identifier: GPL-3.0-or-later
"""Steps that correlate: jobs go into the queue under the name of the session, each one once, and are waited for.

The queue is kept in a file. What is in it already is looked at and never put in again, so a session that was cut off
finds its jobs where they are.
"""

from __future__ import annotations

import asyncio
import itertools
import re
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from difxnb.intensives.steps import Context, Done, StepFailed
from difxnb.queue import QueueEntry, QueueState, QueueStore

QUEUE = "queue.sqlite"
"""Name of the file in the directory of a session that keeps its queue, where the connection keeps none."""
_LOOK_S = 0.2
_NUMBER = re.compile(r"_(\d{1,9})$")
_AGAIN = (QueueState.FAILED, QueueState.DONE_WITH_ERRORS, QueueState.STOPPED, QueueState.REFUSED)


def correlating(step: str) -> Callable[[Context], Awaitable[Done]]:
    """The step that correlates the jobs that another has made."""

    async def run(context: Context) -> Done:
        return await _correlate(context, [str(path) for path in context.outputs[step]["jobs"]])

    return run


def correlate_inputs(step: str) -> Callable[[Context], Mapping[str, Any]]:
    """Which jobs, and where they run."""

    def inputs(context: Context) -> Mapping[str, Any]:
        return {"jobs": context.outputs[step]["jobs"], "machines": context.recipe.correlate.machines}

    return inputs


async def _correlate(context: Context, jobs: list[str]) -> Done:
    await _keep(context, jobs)
    for path in jobs:
        await _submit(context, path)
    lost: float | None = None
    while True:
        rows = _rows(context, jobs)
        queue = context.difx.queue
        lost = None if context.difx.connected else lost or time.monotonic()
        # What is over may still be made again without a station, as long as its turn lasts.
        if all(row.state.is_over and row.number not in queue.desk.turns for row in rows):
            break
        shares = [1.0 if row.state.is_over else row.progress for row in rows]
        context.progress = sum(shares) / len(shares)
        held = queue.why_paused or queue.why_suspended
        if lost is not None:
            _say_lost(context, time.monotonic() - lost)
        elif held and not any(row.state.is_under_way for row in rows):
            context.wait(f"nothing is started: {held}")
        elif why := _why_not_yet(context, rows):
            context.wait(why)
        else:
            context.go_on()
        await asyncio.sleep(_LOOK_S)
    context.go_on()
    return _judged(context, jobs, rows)


def _why_not_yet(context: Context, rows: list[QueueEntry]) -> str:
    """Why none of its jobs is started, in the queue's words; empty where one runs, or is about to be started."""
    if any(row.state.is_under_way for row in rows):
        return ""
    mine = {row.number for row in rows if row.state.waits}
    told = [
        f"{one.job} waits in the queue: {one.why}"
        for one in context.difx.queue.actions()
        if one.number in mine and one.why
    ]
    return next(iter(told), "")


def _say_lost(context: Context, seconds: float) -> None:
    """Wait for the connection as long as the recipe waits: nothing is started, and what runs goes on."""
    server, most = context.difx.queue.desk.server, context.recipe.wait_s
    if seconds >= most:
        raise StepFailed(
            f"no connection to {server} for {most:g} s; its jobs stay in the queue, and what runs goes on. Take the "
            "session up again when the server is there: it looks for them and starts none a second time"
        )
    context.suspend(
        f"the connection to {server} is lost; jobs that run are looked for when it is back", most - seconds
    )


async def _keep(context: Context, jobs: list[str]) -> None:
    """Have the queue in a file: that of this session, unless the connection keeps it elsewhere already.

    Where it is, is written down before a job goes into it: a job that was submitted is looked for there and nowhere
    else.
    """
    queue, named = context.difx.queue, _queue_of(context, jobs)
    if queue.kept_in is None:
        await queue.keep(named or context.directory / QUEUE)
    elif named is not None and named != queue.kept_in:
        raise StepFailed(
            f"its jobs are in the queue that is kept in {named}, and this connection keeps one in {queue.kept_in}; "
            "take the session up over a connection that keeps none"
        )
    if named is None:
        submitted = {"queue": str(queue.kept_in), "submitted": jobs}
        context.record.wait(context.step, f"jobs go into the queue in {queue.kept_in}", submitted)


def _queue_of(context: Context, jobs: list[str]) -> Path | None:
    """The file of the queue into which jobs of this step went before it was cut off or failed."""
    for line in reversed(context.record.lines):
        if line.step == context.step and line.outputs.get("submitted") == jobs:
            return Path(str(line.outputs.get("queue")))
    return None


async def _submit(context: Context, path: str) -> None:
    """Put a job into the queue unless it is there; one that had ended badly in an earlier run is tried again."""
    queue, recipe = context.difx.queue, context.recipe.correlate
    there = [row for row in _mine(context) if row.input_file == path]
    if not there:
        _require_here(context, path)
        await queue.add(
            path,
            priority=recipe.priority,
            machines=await _machines(context, path),
            policy=recipe.policy,
            session=context.session,
            overwrite=recipe.overwrite,
        )
    elif there[-1].state in _AGAIN and _had_failed(context) and not _replaced(there[-1], _mine(context)):
        await queue.retry(path)
    else:
        return
    if Path(path).stem in queue.why_paused.split():  # it was held for this job, and somebody has seen to it
        await queue.resume()


def _require_here(context: Context, path: str) -> None:
    """Refuse to submit a job here that was submitted under another address of a server, which may be the same."""
    desk = context.difx.queue.desk
    elsewhere = [
        row.server
        for row in desk.store.entries(hidden=True)
        if (row.of_session, row.input_file) == (context.session, path)
        and row.server != desk.server
        and row.state is not QueueState.REMOVED
        and not (row.state in (QueueState.UNKNOWN, *_AGAIN) and _was_taken_out(desk.store, row))
    ]
    if elsewhere:
        raise StepFailed(
            f"{Path(path).stem} was submitted to {elsewhere[-1]}, and this is {desk.server}: take the session up "
            "over that one, or remove the job from its queue"
        )


async def _machines(context: Context, path: str) -> dict[str, Any] | None:
    """Where a job runs: its datastreams take turns on the hosts that the recipe has for them."""
    machines = context.recipe.correlate.machines
    if machines is None:
        return None
    count = (await context.difx.job(path).input()).active_datastreams
    hosts = itertools.cycle(machines["datastreams"])
    return {**machines, "datastreams": list(itertools.islice(hosts, count))}


def _had_failed(context: Context) -> bool:
    """Whether this step has come to an end without success before."""
    return any(line.step == context.step and line.state == "failed" for line in context.record.lines)


def _mine(context: Context) -> list[QueueEntry]:
    """Jobs of this session on this server, also those that are not shown any more, but none that was taken out."""
    desk = context.difx.queue.desk
    rows = [row for row in desk.entries(hidden=True) if row.of_session == context.session]
    settled = [row for row in rows if row.state is QueueState.UNKNOWN and _was_taken_out(desk.store, row)]
    return [row for row in rows if row.state is not QueueState.REMOVED and row not in settled]


def _was_taken_out(store: QueueStore, row: QueueEntry) -> bool:
    """Whether somebody has looked at a job that was over, and taken it out."""
    told = store.told(number=row.number, limit=1)
    return bool(told) and told[-1].what == "removed"


def _rows(context: Context, jobs: list[str]) -> list[QueueEntry]:
    """The newest row of each job of this step, and of those that were made in their place."""
    mine = _mine(context)
    found = dict[str, QueueEntry]()
    for row in mine:
        if row.input_file in jobs or any(_takes_place(row, path) for path in jobs):
            found[row.input_file] = row
    return list(found.values())


def _takes_place(row: QueueEntry, path: str) -> bool:
    """Whether this is a job that the queue has made without a station, in place of another."""
    old, new = Path(path), Path(row.input_file)
    number, own = _NUMBER.search(old.stem), _NUMBER.search(new.stem)
    if old == new or number is None or own is None or number[1] != own[1] or old.parent != new.parent:
        return False
    series = old.stem[: number.start()]
    return re.fullmatch(re.escape(series) + r"-\d{1,4}", new.stem[: own.start()]) is not None


def _replaced(row: QueueEntry, others: Iterable[QueueEntry]) -> bool:
    return any(_takes_place(other, row.input_file) and other.number > row.number for other in others)


def _judged(context: Context, jobs: list[str], rows: list[QueueEntry]) -> Done:
    """What became of the jobs; StepFailed where one was not correlated and none took its place."""
    told = [_told(context, row) for row in rows]
    outputs = {"jobs": told, "queue": str(context.difx.queue.kept_in)}
    bad, notes = list[str](), list[str]()
    for row in rows:
        if row.state is QueueState.DONE:
            continue
        text = f"{row.job} {row.state}" + (f": {row.why}" if row.why else "")
        if any(_takes_place(other, row.input_file) and other.state is QueueState.DONE for other in rows):
            notes.append(f"{text}; another was made in its place")
        else:
            bad.append(text + _next_step(row))
    missing = [path for path in jobs if path not in {row.input_file for row in rows}]
    bad += [f"{Path(path).stem} is not in the queue any more" for path in missing]
    if bad:
        raise StepFailed("; ".join(bad), outputs)
    outputs["jobs"] = [one for one in told if one["state"] == QueueState.DONE] + [
        one for one in told if one["state"] != QueueState.DONE
    ]
    return Done(outputs, "; ".join(notes))


def _next_step(row: QueueEntry) -> str:
    if row.state is QueueState.UNKNOWN:
        return (
            " (nobody knows whether it still runs: look at its log; then take it out of the queue, "
            f"difx.queue.remove({row.job!r}), and take the session up again)"
        )
    if row.state in _AGAIN:
        return " (taken up again, the session tries it again, and moves aside what it has written)"
    return ""


def _told(context: Context, row: QueueEntry) -> dict[str, Any]:
    history = context.difx.queue.history()
    own = history[history["input"] == row.input_file] if len(history) else history
    begun = own.loc[own["what"] == "started", "at"] if len(own) else pd.Series(dtype="datetime64[ns]")
    return {
        "input": row.input_file,
        "state": str(row.state),
        "why": row.why if row.state is not QueueState.DONE else "",
        "begun": pd.Timestamp(begun.iloc[-1]) if len(begun) else None,
        "ended": pd.Timestamp(np.datetime64(int(row.since * 1e3), "ms")),
        "tries": row.tries,
    }


def correlated_jobs(context: Context, step: str) -> list[str]:
    """``.input`` files of what was correlated in a step."""
    return [str(one["input"]) for one in context.outputs[step]["jobs"] if one["state"] == QueueState.DONE]
