# SPDX-License-Identifier: GPL-3.0-or-later
"""``difxnb queue add`` and ``queue run``: jobs into the queue, and the process that runs them."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from difxnb.cli.connection import USUAL, DryRun, Json, Server, connected
from difxnb.cli.files import tell
from difxnb.cli.printed import complain, print_json, say
from difxnb.cli.program import INTERRUPTED, NOT_FINE, told_in_a_line
from difxnb.cli.queueing import File, changed, entries_of, looked_into, name_of_server, queue, where_kept

if TYPE_CHECKING:
    from difxnb.cli.placing import Machines
    from difxnb.cli.queue_look import QueueLook
    from difxnb.notebook import Correlator
    from difxnb.queue import RetryPolicy

_WILDCARDS = "*?"


@queue.command(short_help="Put jobs into it.")
def add(
    jobs: Annotated[
        list[str], typer.Argument(metavar="JOB.input", help="Absolute paths on the server, or patterns.")
    ],
    priority: Annotated[int, typer.Option("--priority", "-q", help="Higher ones go first.")] = 0,
    head: Annotated[
        str | None, typer.Option("--head", "-m", metavar="HOST", help="Host that leads each job.")
    ] = None,
    sources: Annotated[
        str | None,
        typer.Option("--sources", "-d", metavar="HOSTS", help="Hosts that read the data, by commas."),
    ] = None,
    processors: Annotated[
        str | None, typer.Option("--processors", "-p", metavar="HOSTS", help="Hosts that compute, by commas.")
    ] = None,
    threads: Annotated[
        str | None, typer.Option("--threads", "-t", metavar="N", help="Threads of each, or of all of them.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Move output that exists aside.")] = False,
    waive: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="Run with this finding all the same.")
    ] = None,
    stall_after: Annotated[
        float | None,
        typer.Option(min=1, metavar="SECONDS", help="Stop it when it does not get on for so long."),
    ] = None,
    again: Annotated[
        int | None, typer.Option(min=0, metavar="N", help="Try it so often again where it fails.")
    ] = None,
    rebuild: Annotated[
        bool, typer.Option("--rebuild", help="Then make it again without the station to blame.")
    ] = False,
    session: Annotated[str, typer.Option(metavar="NAME", help="What it belongs to.")] = "",
    check: Annotated[
        bool,
        typer.Option("--check", "-c", help="Ask the server what speaks against it; status 3 if it does."),
    ] = False,
    file: File = None,
    dry_run: DryRun = False,
    as_json: Json = False,
    at: Server = USUAL,
) -> None:
    """Put jobs into the queue of a server. The server is asked only for patterns, for machines, and by --check.

    All of them are put into it, or none. 'difxnb queue run' runs them.

    difxnb queue add '/data/exp/*.input'

    difxnb queue add -q 10 --again 1 --rebuild /data/int/int_1.input
    """
    from difxnb.cli.placing import Machines

    with told_in_a_line():
        server = name_of_server(at)
        policy = _policy(again, rebuild=rebuild)
        hosts = Machines.parse(head, sources, processors, threads)
        options: dict[str, Any] = {"overwrite": True} if overwrite else {}
        options |= {"waive": waive} if waive else {}
        options |= {} if stall_after is None else {"stall_after": stall_after}
        if check or hosts.are_named or any(mark in job for job in jobs for mark in _WILDCARDS):
            with connected(at, gently=True) as difx:
                placed = _asked(difx, jobs, hosts, check=check, as_json=as_json)
        else:
            placed = {_path(job): None for job in jobs}
        with changed(file, dry_run=dry_run) as store:
            for path, machines in placed.items():
                store.add(
                    path,
                    server=server,
                    session=session,
                    priority=priority,
                    machines=machines,
                    options=options,
                    policy=policy,
                )
        for path in placed:
            tell("add", path, dry_run=dry_run, as_json=as_json)


def _policy(again: int | None, *, rebuild: bool) -> RetryPolicy | None:
    from difxnb.queue import RetryPolicy

    if again is None and not rebuild:
        return None
    return RetryPolicy(again=1 if again is None else again, without_station=rebuild)


def _path(job: str) -> str:
    from difxnb.client.plain_values import plain_path

    if not job.endswith(".input"):
        raise ValueError(f"a job is named by its .input file; got {job!r}")
    return plain_path(job, "job")


def _asked(
    difx: Correlator, jobs: list[str], hosts: Machines, *, check: bool, as_json: bool
) -> dict[str, dict[str, Any] | None]:
    """Jobs as the server has them, and their machines; leaves with status 3 where a check does not pass."""
    paths = [path for job in jobs for path in _found(difx, job)]
    placed: dict[str, dict[str, Any] | None] = {}
    passed = True
    for path in dict.fromkeys(paths):
        placed[path] = None
        if hosts.are_named:
            hosts.checked(difx.job(path))  # what cannot be is refused now, not in the night
            placed[path] = dict(hosts.of(difx.job(path)))
        if check:
            passed = _is_sound(difx, path, placed[path], as_json=as_json) and passed
    if not passed:
        raise typer.Exit(NOT_FINE)
    return placed


def _found(difx: Correlator, job: str) -> list[str]:
    path = _path(job) if not any(mark in job for mark in _WILDCARDS) else ""
    return [path] if path else [_path(str(one)) for one in difx.ls(job)["path"]]


def _is_sound(difx: Correlator, path: str, machines: dict[str, Any] | None, *, as_json: bool) -> bool:
    from difxnb.cli.schedules import tell_problems

    problems = difx.queue.validate(path, machines)
    if not problems.empty:
        problems["where"] = [path if not where else f"{path}: {where}" for where in problems["where"]]
        tell_problems(problems, as_json=as_json)
    return bool(problems.attrs["passed"])


@queue.command(short_help="Run its jobs until all are over.")
def run(
    at_once: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="So many jobs at once, from now on.")
    ] = None,
    stay: Annotated[bool, typer.Option("--stay", help="Wait for more when all are over.")] = False,
    file: File = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what the file has to be done, and do nothing.")
    ] = False,
    as_json: Json = False,
    at: Server = USUAL,
) -> None:
    """Run the jobs that the queue holds for a server: status 0 where all are done, 3 where one ended in another way.

    One process at a time may run a queue. What was under way when another one ended is looked for and followed, never
    started twice. Ctrl-C leaves what runs running on a server of this package; from a real guiServer, which would not
    survive that, it first waits for it, and a second Ctrl-C stops it.

    difxnb queue run --at-once 2

    difxnb queue run --dry-run
    """
    with told_in_a_line():
        from difxnb.cli.leaving import interrupted_by_term

        if dry_run:
            _tell_plan(file, name_of_server(at), at_once, as_json=as_json)
            return
        with connected(at, gently=True) as difx, interrupted_by_term():
            raise typer.Exit(_run(difx, where_kept(file), at_once, stay=stay, as_json=as_json))


def _run(difx: Correlator, path: Path, at_once: int | None, *, stay: bool, as_json: bool) -> int:
    """Run a queue to its end; gives the exit status."""
    from difxnb.cli.leaving import leave_running
    from difxnb.cli.live import Printer

    jobs = difx.queue
    jobs.keep(path)
    if at_once is not None:
        jobs.limits = replace(jobs.limits, at_once=at_once)
    before = {one.number for one in jobs.rows if one.state.is_over}
    with Printer(as_json=as_json, once=False) as printer:
        try:
            last = _follow(difx, printer, stay=stay)
        except KeyboardInterrupt:
            leave_running(difx, lambda: printer.show(_look(difx)), "the next 'difxnb queue run' follows")
            return INTERRUPTED
    if last.paused:
        complain(f"nothing more is started: {last.paused}; 'difxnb queue resume' goes on")
        return NOT_FINE
    ended = [one for one in last.entries if one.number not in before]
    return 0 if all(str(one.state) == "done" for one in ended) else NOT_FINE


def _follow(difx: Correlator, printer: Any, *, stay: bool) -> QueueLook:
    from difxnb.cli.live import PERIOD_S

    while True:
        look = _look(difx)
        printer.show(look)
        if look.is_over and not stay:
            return look
        time.sleep(PERIOD_S)


def _look(difx: Correlator) -> QueueLook:
    from difxnb.cli.queue_look import QueueLook

    jobs = difx.queue
    return QueueLook(tuple(jobs.rows), jobs.why_paused, jobs.why_suspended)


def _tell_plan(file: Path | None, server: str, at_once: int | None, *, as_json: bool) -> None:
    """Say what would be done with each job that is not over, as far as the file tells."""
    from difxnb.queue import QueueLimits, planned_actions
    from difxnb.queue.policy import limits_of

    with looked_into(file) as store:
        kept = store.setting("limits")
        limits = QueueLimits() if kept is None else limits_of(kept)
        if at_once is not None:
            limits = replace(limits, at_once=at_once)
        plan = planned_actions(
            entries_of(store, server),
            limits,
            held=str(store.setting("paused") or ""),
            now=time.time(),
            nodes={},
        )
    for action in plan:
        if as_json:
            deed = type(action).__name__.lower()
            print_json({"deed": deed, "job": action.job, "why": action.why, "done": False})
        else:
            say(f"would {action}")
