# SPDX-License-Identifier: GPL-3.0-or-later
"""``difxnb queue``: jobs kept in a file, added and ordered without a server. `cli.queue_run` is what runs them.

A process that runs the queue sees changes within a second; where there is none, they wait in the file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from difxnb.cli.connection import USUAL_ADDRESS, Address, DryRun, Json
from difxnb.cli.files import tell
from difxnb.cli.printed import print_frame, say
from difxnb.cli.program import app, told_in_a_line
from difxnb.cli.verbs import Verbs

if TYPE_CHECKING:
    from difxnb.queue import QueueEntry, QueueStore, SuspendCondition

queue = Verbs(name="queue", no_args_is_help=True)
app.add_typer(
    queue,
    name="queue",
    help="Keep jobs in a queue, and run them.",
    short_help="Keep and run a queue of jobs.",
)

File = Annotated[
    Path | None,
    typer.Option(
        "--queue", "-Q", metavar="FILE", help="What it is kept in. Default: one in your directory for that."
    ),
]
Job = Annotated[str, typer.Argument(metavar="JOB", help="Path of its .input file, or its name.")]
Jobs = Annotated[list[str], typer.Argument(metavar="JOB", help="Paths of .input files, or names.")]


class _NothingDoneError(Exception):
    """Ends a change that was only tried."""


def where_kept(file: Path | None) -> Path:
    """The file of the queue; the directory of the usual one is made."""
    if file is not None:
        return file.expanduser().resolve()
    from platformdirs import user_state_path

    directory = user_state_path("difxnb")
    directory.mkdir(parents=True, exist_ok=True)
    return (directory / "queue.sqlite").resolve()  # as JobQueue.keep has it


def name_of_server(at: Address) -> str:
    """How entries name the server that these options mean."""
    from difxnb.client.address import find_address
    from difxnb.queue import server_name

    found = find_address(at.host, at.port, ssh=at.ssh)
    return server_name(found.host, found.port, found.ssh)


@contextmanager
def looked_into(file: Path | None) -> Iterator[QueueStore]:
    """The queue, to be looked at: an empty one where there is no file."""
    from difxnb.queue import QueueStore

    path = where_kept(file)
    with QueueStore(path if path.exists() else None) as store:
        yield store


@contextmanager
def changed(file: Path | None, *, dry_run: bool) -> Iterator[QueueStore]:
    """The queue, to be changed: all of it at once, or not at all. A dry run takes everything back."""
    from difxnb.queue import QueueStore

    path = where_kept(file)
    with (
        QueueStore(path if path.exists() or not dry_run else None) as store,
        suppress(_NothingDoneError),
        store.together(),
    ):
        yield store
        if dry_run:
            raise _NothingDoneError


def entries_of(store: QueueStore, server: str) -> list[QueueEntry]:
    """Jobs of one server, in their order."""
    from difxnb.queue.rules import in_line

    return in_line([one for one in store.entries() if one.server == server])


def _each(
    jobs: list[str],
    deed: str,
    work: Callable[[QueueStore, QueueEntry], str | None],
    file: Path | None,
    server: str,
    *,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Do something with each of some jobs, all of them or none; then say so."""
    from difxnb.queue.rules import find

    told = []
    with changed(file, dry_run=dry_run) as store:
        for job in jobs:
            entry = find(entries_of(store, server), job)
            told.append((entry.input_file, work(store, entry)))
    for path, target in told:
        tell(deed, path, target, dry_run=dry_run, as_json=as_json)


@queue.command(short_help="Take jobs that wait or are over out of it.")
def remove(
    jobs: Jobs,
    file: File = None,
    dry_run: DryRun = False,
    as_json: Json = False,
    at: Address = USUAL_ADDRESS,
) -> None:
    """Take jobs out of the queue; one that is under way has to be stopped first. The history keeps them.

    difxnb queue remove exp_3
    """
    with told_in_a_line():
        server = name_of_server(at)
        _each(jobs, "remove", _remove, file, server, dry_run=dry_run, as_json=as_json)


def _remove(store: QueueStore, entry: QueueEntry) -> None:
    store.remove(entry.number)


@queue.command(short_help="Put a job to another place in the line.")
def move(
    job: Job,
    position: Annotated[int, typer.Argument(min=1, help="Its place among those that wait; 1 is next.")],
    file: File = None,
    dry_run: DryRun = False,
    as_json: Json = False,
    at: Address = USUAL_ADDRESS,
) -> None:
    """Put a job that waits to another place; among jobs of another priority it takes theirs.

    difxnb queue move exp_3 1
    """
    with told_in_a_line():
        server = name_of_server(at)

        def put(store: QueueStore, entry: QueueEntry) -> str:
            store.move(entry.number, position, server=server)
            return f"position {position}"

        _each([job], "move", put, file, server, dry_run=dry_run, as_json=as_json)


@queue.command(short_help="Give jobs another priority.", context_settings={"ignore_unknown_options": True})
def priority(
    job: Job,
    value: Annotated[int, typer.Argument(help="Higher ones go first; 0 is usual, and it may be below.")],
    file: File = None,
    dry_run: DryRun = False,
    as_json: Json = False,
    at: Address = USUAL_ADDRESS,
) -> None:
    """Give a job another priority; what runs is not interrupted.

    difxnb queue priority exp_3 10
    """
    with told_in_a_line():

        def put(store: QueueStore, entry: QueueEntry) -> str:
            store.priority(entry.number, value)
            return f"priority {value}"

        server = name_of_server(at)
        _each([job], "set", put, file, server, dry_run=dry_run, as_json=as_json)


@queue.command(short_help="Have jobs that did not end well tried again.")
def retry(
    jobs: Jobs,
    file: File = None,
    dry_run: DryRun = False,
    as_json: Json = False,
    at: Address = USUAL_ADDRESS,
) -> None:
    """Put jobs that have failed, or were stopped or refused, into the line again.

    What their own earlier try has written is moved aside when they start.

    difxnb queue retry exp_3
    """
    with told_in_a_line():
        server = name_of_server(at)
        _each(jobs, "retry", _retry, file, server, dry_run=dry_run, as_json=as_json)


def _retry(store: QueueStore, entry: QueueEntry) -> None:
    from difxnb.aio.job_queue_changes import AGAIN
    from difxnb.queue import QueueState

    if entry.state not in AGAIN:
        raise ValueError(
            f"{entry.job} is {entry.state}; only what has failed, or was stopped, is tried again"
        )
    store.set_state(entry.number, QueueState.WAITING, "it is tried again", what="retried")


@queue.command(short_help="Start nothing more; what runs goes on.")
def pause(file: File = None, dry_run: DryRun = False, as_json: Json = False) -> None:
    """Start nothing more, of any server, until 'difxnb queue resume'; what runs goes on.

    difxnb queue pause
    """
    with told_in_a_line():
        with changed(file, dry_run=dry_run) as store:
            if not store.setting("paused"):
                store.put_setting("paused", "it was paused")
                store.note(None, "it was paused", what="suspended")
        tell("pause", str(where_kept(file)), dry_run=dry_run, as_json=as_json)


@queue.command(short_help="Go on after a pause, or without a condition.")
def resume(
    condition: Annotated[
        str | None,
        typer.Argument(
            metavar="[CONDITION]", help="Forget this condition of 'queue suspend'; by default, end the pause."
        ),
    ] = None,
    file: File = None,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Go on after a pause, or after the queue has paused itself; or forget a condition.

    difxnb queue resume

    difxnb queue resume 'disk low /data'
    """
    with told_in_a_line():
        with changed(file, dry_run=dry_run) as store:
            if condition is None:
                store.put_setting("paused", "")
                store.note(None, "", what="resumed")
            else:
                _forget(store, condition)
        tell("resume", str(where_kept(file)), dry_run=dry_run, as_json=as_json)


def conditions_of(store: QueueStore) -> dict[str, SuspendCondition]:
    """Conditions that are kept, by id."""
    from difxnb.queue.conditions import condition_of

    kept = [condition_of(one) for one in store.setting("conditions") or ()]
    return {one.id: one for one in kept}


def _keep(store: QueueStore, conditions: dict[str, SuspendCondition]) -> None:
    from difxnb.queue.conditions import condition_json

    store.put_setting("conditions", [condition_json(one) for one in conditions.values()])


def _forget(store: QueueStore, condition: str) -> None:
    conditions = conditions_of(store)
    if condition not in conditions:
        raise ValueError(f"no condition {condition!r}; there are: {', '.join(conditions) or 'none'}")
    _keep(store, {name: one for name, one in conditions.items() if name != condition})


@queue.command(short_help="Start nothing while a condition holds.")
def suspend(
    node_silent: Annotated[
        str | None, typer.Option(metavar="NODES", help="While one of these has not been heard for --seconds.")
    ] = None,
    disk_low: Annotated[
        str | None, typer.Option(metavar="PATH", help="While less than --below of its disk is free.")
    ] = None,
    weights_low: Annotated[
        str | None, typer.Option(metavar="STATION", help="While its weights are --below for --seconds.")
    ] = None,
    below: Annotated[
        float | None, typer.Option(min=0, max=1, help="A share. Default: 0.05 of a disk, 0.1 of weights.")
    ] = None,
    seconds: Annotated[
        float | None, typer.Option(min=0, help="Default: 120 of silence, 60 of low weights.")
    ] = None,
    file: File = None,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Start nothing as long as a condition holds, and go on by itself afterwards; what runs goes on.

    difxnb queue suspend --disk-low /data --below 0.1

    difxnb queue suspend --node-silent n1,n2 --seconds 300
    """
    with told_in_a_line():
        condition = _condition(node_silent, disk_low, weights_low, below, seconds)
        with changed(file, dry_run=dry_run) as store:
            _keep(store, {**conditions_of(store), condition.id: condition})
        tell("suspend while", condition.id, dry_run=dry_run, as_json=as_json)


def _condition(
    nodes: str | None, path: str | None, station: str | None, below: float | None, seconds: float | None
) -> SuspendCondition:
    from difxnb.queue import DiskLow, NodeSilent, WeightsLow

    if sum(one is not None for one in (nodes, path, station)) != 1:
        raise ValueError("give one of --node-silent, --disk-low and --weights-low")
    numbers: dict[str, Any] = {}
    if seconds is not None:
        numbers["seconds"] = seconds
    if nodes is not None:
        if below is not None:
            raise ValueError("--below does not belong to --node-silent")
        return NodeSilent(tuple(word.strip() for word in nodes.split(",") if word.strip()), **numbers)
    if station is not None:
        return WeightsLow(station, **numbers, **({} if below is None else {"below": below}))
    if seconds is not None:
        raise ValueError("--seconds does not belong to --disk-low")
    return DiskLow(0.05 if below is None else below, path or "/")


@queue.command(short_help="Show its jobs, in their order.")
def show(
    over: Annotated[
        bool, typer.Option("--all", help="Also those, before the others, that are shown no more.")
    ] = False,
    file: File = None,
    as_json: Json = False,
    at: Address = USUAL_ADDRESS,
) -> None:
    """Show the jobs of a server that the queue holds, as they stand in its file, and why it is paused.

    difxnb queue show

    difxnb queue show --json -Q exp.queue
    """
    with told_in_a_line(), looked_into(file) as store:
        from difxnb.queue.frames import queue_frame
        from difxnb.queue.rules import in_line

        server = name_of_server(at)
        found = [one for one in store.entries(hidden=over) if one.server == server]
        frame = queue_frame(in_line(found), store.dropped)
        paused = str(store.setting("paused") or "")
        frame.attrs.update(server=server, paused=paused, conditions=list(conditions_of(store)))
        columns = ("position", "job", "state", "priority", "progress", "since", "tries", "why")
        print_frame(frame, as_json=as_json, columns=columns)
        if paused and not as_json:
            say(f"nothing is started: {paused}; 'difxnb queue resume' goes on")


@queue.command(short_help="Show what happened to its jobs.")
def history(
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help="From this time (UTC) on, as 2026-11-23T04:00.")
    ] = None,
    last: Annotated[int, typer.Option("--last", "-n", min=1, help="So many lines, the latest.")] = 1000,
    file: File = None,
    as_json: Json = False,
) -> None:
    """Show what happened to the jobs of a queue, of all servers, oldest first.

    difxnb queue history --since 2026-11-23
    """
    with told_in_a_line(), looked_into(file) as store:
        frame = store.history(None if since is None else _seconds(since), last)
        print_frame(frame, as_json=as_json, columns=("at", "job", "what", "state", "why"))


def _seconds(text: str) -> float:
    from datetime import UTC, datetime

    when = datetime.fromisoformat(text)
    return (when.replace(tzinfo=UTC) if when.tzinfo is None else when).timestamp()
