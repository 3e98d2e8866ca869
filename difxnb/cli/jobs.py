# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs from a shell: ``job`` shows one, ``start`` runs it to its end, ``stop`` ends it."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Any

import typer

from difxnb.cli.connection import USUAL, DryRun, Json, Server, connected
from difxnb.cli.printed import complain, frame_data, print_frame, print_json, say
from difxnb.cli.program import INTERRUPTED, NOT_FINE, app, in_shell_words, told_in_a_line
from difxnb.cli.versions import DifxVersion

if TYPE_CHECKING:
    import pandas as pd

    from difxnb.cli.placing import Machines
    from difxnb.cli.run_look import RunLook
    from difxnb.notebook import Correlator, Job, JobRun

Input = Annotated[
    str, typer.Argument(metavar="JOB.input", help="The job, by an absolute path on the server.")
]


@app.command(short_help="Show a job, its machines, and what speaks against it.")
def job(
    input_file: Input,
    check: Annotated[
        bool, typer.Option("--check", "-c", help="What speaks against it, also by the server's check.")
    ] = False,
    machines: Annotated[bool, typer.Option("--machines", help="Where it is to run, alone.")] = False,
    difx_version: DifxVersion = None,
    as_json: Json = False,
    at: Server = USUAL,
) -> None:
    """Show a job. With --check the status is 3 where something speaks against running it.

    difxnb job /data/exp/exp_1.input

    difxnb job --check --json /data/exp/exp_1.input
    """
    with told_in_a_line(), connected(at, gently=True) as difx:
        _choose(difx, difx_version)
        one = difx.job(input_file)
        if check:
            findings = _check(one)
            _print_findings(findings, as_json=as_json)
            if not findings.attrs["passed"]:
                raise typer.Exit(NOT_FINE)
        elif machines:
            print_frame(one.machines, as_json=as_json)
        else:
            _show(one, as_json=as_json)


@app.command(short_help="Run a job, and wait for its end.")
def start(
    input_file: Input,
    sources: Annotated[
        str | None,
        typer.Option(
            "--sources",
            "-d",
            metavar="HOSTS",
            help="Hosts that read the data, by commas; one serves for all.",
        ),
    ] = None,
    processors: Annotated[
        str | None, typer.Option("--processors", "-p", metavar="HOSTS", help="Hosts that compute, by commas.")
    ] = None,
    threads: Annotated[
        str | None,
        typer.Option("--threads", "-t", metavar="N", help="Threads of each processor, or of all of them."),
    ] = None,
    head: Annotated[
        str | None, typer.Option("--head", "-m", metavar="HOST", help="Host that leads the job.")
    ] = None,
    test: Annotated[
        bool, typer.Option("--test", help="Try these hosts first; leave out processors that do not answer.")
    ] = False,
    wait: Annotated[
        float | None,
        typer.Option("--wait", "-w", min=0, metavar="SECONDS", help="Leave the job running after so long."),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Move output that exists aside; it is never deleted.")
    ] = False,
    waive: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="Run with this finding of --check all the same.")
    ] = None,
    restart: Annotated[
        int | None, typer.Option(min=0, metavar="SECONDS", help="Begin so late after the job's beginning.")
    ] = None,
    monitor: Annotated[
        bool, typer.Option("--monitor", "-r", help="Show fringes while it runs, as 'difxnb monitor' does.")
    ] = False,
    check: Annotated[
        bool, typer.Option("--check", "-c", help="Check the job, with these machines, and do not run it.")
    ] = False,
    difx_version: DifxVersion = None,
    dry_run: DryRun = False,
    as_json: Json = False,
    at: Server = USUAL,
) -> None:
    """Run a job and wait for its end: status 0 where it is done without errors, 3 where it ended in another way.

    Where the job has machines they are kept, unless -m, -d or -p name others. Ctrl-C leaves the job running on a server
    of this package; a real guiServer would not survive that, so the job is stopped there first.

    difxnb start /data/exp/exp_1.input

    difxnb start -m head -d n1,n2 -p n1,n2,n3 -t 8 /data/exp/exp_1.input

    difxnb start --wait 0 /data/exp/exp_1.input
    """
    from difxnb.cli.placing import Machines

    with told_in_a_line(), connected(at, gently=True) as difx:
        _choose(difx, difx_version)
        if wait is not None and not difx.server.is_embedded:
            raise ValueError("a real guiServer must not be left while a job runs; leave out --wait")
        one = difx.job(input_file)
        hosts = Machines.parse(head, sources, processors, threads)
        if dry_run:
            raise typer.Exit(_plan(difx, one, hosts, overwrite=overwrite, waive=waive or [], as_json=as_json))
        if hosts.are_named:
            one.set_machines(**hosts.of(one), test=test, progress=False)
        if check:
            findings = _check(one)
            _print_findings(findings, as_json=as_json)
            raise typer.Exit(0 if findings.attrs["passed"] else NOT_FINE)
        run = _start(one, monitor=monitor, overwrite=overwrite, waive=waive or [], restart_seconds=restart)
        raise typer.Exit(_follow(difx, run, wait, monitor=monitor, as_json=as_json))


@app.command(short_help="Stop a job, and see that it has stopped.")
def stop(
    input_files: Annotated[
        list[str], typer.Argument(metavar="JOB.input", help="Jobs, by absolute paths on the server.")
    ],
    dry_run: DryRun = False,
    as_json: Json = False,
    at: Server = USUAL,
) -> None:
    """Stop jobs, whoever started them; return when they show no sign of life any more.

    difxnb stop /data/exp/exp_1.input
    """
    with told_in_a_line(), connected(at, gently=True) as difx:
        for input_file in input_files:
            one = difx.job(input_file)
            if not dry_run:
                one._loop.call(one._inner.stop())
            if as_json:
                print_json({"deed": "stop", "job": one.name, "path": input_file, "done": not dry_run})
            elif dry_run:
                say(f"would stop {input_file}; its log says: {_last_state(one) or 'nothing'}")
            else:
                say(f"{one.name} has stopped")


# The blocking face shows bars meanwhile, which do not belong into pipes; so these are called beside it.


def _check(one: Job) -> pd.DataFrame:
    return one._loop.call(one._inner.check())


def _print_findings(findings: pd.DataFrame, *, as_json: bool) -> None:
    said = findings if as_json else findings.assign(text=findings["text"].map(in_shell_words))
    print_frame(said, as_json=as_json)


def _start(
    one: Job, *, monitor: bool, overwrite: bool, waive: list[str], restart_seconds: int | None
) -> JobRun:
    from difxnb.notebook import JobRun

    starting = one._inner.start(
        monitor=monitor, overwrite=overwrite, waive=waive, restart_seconds=restart_seconds
    )
    return JobRun(one._loop.call(starting), one, one._loop)


def _choose(difx: Correlator, version: str | None) -> None:
    if version is not None:
        difx.server.use_version(version)


def _show(one: Job, *, as_json: bool) -> None:
    from difxnb.formats.input_summary import facts

    known = {"input": one.input_file, "state": _last_state(one) or "never started", **facts(one.input)}
    machines = _machines(one)
    if as_json:
        print_json({"job": one.name, **known, "machines": None if machines is None else frame_data(machines)})
        return
    say(one.name)
    for name, value in known.items():
        if value:
            say(f"  {name:<14} {value}")
    if machines is None:
        say("  machines       none yet; 'difxnb start --head --sources --processors' sets them")
    else:
        for role, rows in machines.groupby("role", sort=False):
            say(f"  {role!s:<14} {', '.join(_node(row) for row in rows.to_dict('records'))}")


def _node(row: dict[Any, Any]) -> str:
    return f"{row['node']} ({row['threads']} threads)" if row["role"] == "processor" else str(row["node"])


def _machines(one: Job) -> pd.DataFrame | None:
    from difxnb.errors import RemoteFileNotFound

    try:
        return one.machines
    except RemoteFileNotFound:
        return None


def _last_state(one: Job) -> str | None:
    states = one.status()["state"]
    return None if states.empty else states.iloc[0]


def _plan(
    difx: Correlator, one: Job, hosts: Machines, *, overwrite: bool, waive: list[str], as_json: bool
) -> int:
    """Say what a start would do; gives the exit status."""
    known = hosts.checked(one) if hosts.are_named else one.machines
    findings = _check(one)
    if hosts.are_named:
        findings = findings[findings["id"] != "no-machines"]
    against = findings[findings["blocks"] & ~(findings["id"].isin(waive) | findings["text"].isin(waive))]
    there = _outputs(difx, one)
    refused = not against.empty or (bool(there) and not overwrite)
    if as_json:
        data = {"deed": "start", "path": one.input_file, "done": False, "refused": refused}
        print_json(
            {**data, "outputs": there, "machines": frame_data(known), "findings": frame_data(findings)}
        )
        return NOT_FINE if refused else 0
    say(f"would {'set' if hosts.are_named else 'keep'} these machines:")
    print_frame(known, as_json=False)
    for path in there:
        say(f"would move {path} aside" if overwrite else f"{path} exists; --overwrite moves it aside")
    if not findings.empty:
        _print_findings(findings, as_json=False)
    say(f"would {'refuse to start' if refused else 'start'} {one.input_file}")
    return NOT_FINE if refused else 0


def _outputs(difx: Correlator, one: Job) -> list[str]:
    """Outputs that are there already."""
    from difxnb.errors import RemoteFileNotFound

    there = []
    for path in dict.fromkeys((f"{one.input_file.removesuffix('.input')}.difx", one.input.output_filename)):
        if path.startswith("/"):
            with suppress(RemoteFileNotFound):
                difx.ls(path)
                there.append(path)
    return there


def _follow(difx: Correlator, run: JobRun, wait: float | None, *, monitor: bool, as_json: bool) -> int:
    """Show a run to its end; gives the exit status."""
    try:
        if not _shown(difx, run, wait, monitor=monitor, as_json=as_json):
            complain(f"{run.job.name} runs on; 'difxnb monitor' watches it, 'difxnb stop' ends it")
            return 0
    except KeyboardInterrupt:
        if difx.server.is_embedded:
            complain(f"{run.job.name} runs on; 'difxnb stop {run.job.input_file}' ends it")
        else:
            complain(f"stopping {run.job.name}, without which guiServer could not be left")
            run.stop()
        return INTERRUPTED
    outcome = run.wait(progress=False)
    if as_json:
        print_json({"job": run.job.name, "outcome": str(outcome), "evidence": run.outcome_evidence})
    else:
        say(f"{run.job.name}: {outcome}" + (f" ({run.outcome_evidence})" if run.outcome_evidence else ""))
    return 0 if str(outcome) == "done" else NOT_FINE


def _shown(difx: Correlator, run: JobRun, wait: float | None, *, monitor: bool, as_json: bool) -> bool:
    """Show a run until it is over, or the time for waiting is; whether it is over."""
    from difxnb.cli.live import PERIOD_S, Printer
    from difxnb.cli.watching import Watch

    watch = None
    if monitor and run.monitor is not None:
        watch = Watch(difx, run.job.input_file, run.monitor, run=run)
    end = None if wait is None else time.monotonic() + wait
    with Printer(as_json=as_json, once=False) as printer:
        while not run.done:
            printer.show(_look(run) if watch is None else watch.look())
            if end is not None and time.monotonic() >= end:
                return False
            time.sleep(PERIOD_S if end is None else max(0.0, min(PERIOD_S, end - time.monotonic())))
        run.wait(progress=False)  # by then a monitor has what was written last
        if watch is not None:
            watch.look()
        printer.show(_look(run) if watch is None else watch.look())
    return True


def _look(run: JobRun) -> RunLook:
    from difxnb.cli.run_look import RunLook

    return RunLook(
        job=run.job.name,
        state=str(run.state),
        progress=run.progress,
        weights=run.latest_weights,
        stalled=run.stalled,
        is_over=run.done,
    )
