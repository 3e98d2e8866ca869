# SPDX-License-Identifier: GPL-3.0-or-later
"""``difxnb lab``: JupyterLab, set up for notebooks that watch a correlator."""

from __future__ import annotations

import importlib.util
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from difxnb.cli.connection import DryRun
from difxnb.cli.printed import say
from difxnb.cli.program import app, errors_in_one_line
from difxnb.errors import ServerNotStarted

OPTIONS = ("--MappingKernelManager.buffer_offline_messages=False",)
"""What JupyterLab is started with: without it, its server keeps every message of a kernel while no page is open."""


@app.command(
    short_help="Start JupyterLab, set up for long watching.",
    context_settings={"ignore_unknown_options": True, "allow_extra_args": True},
)
def lab(
    context: typer.Context,
    demo: Annotated[
        bool, typer.Option("--demo", help="With a correlator in a box and its experiment in difxnb-demo.")
    ] = False,
    dry_run: DryRun = False,
) -> None:
    """Start JupyterLab so that a night of watching with the page closed fills no memory.

    Options that are not known here are handed on to JupyterLab.

    difxnb lab --demo

    difxnb lab --no-browser --port 8889
    """
    with errors_in_one_line(), ExitStack() as stack:
        command = lab_command(context.args)
        if dry_run:
            say(f"would start {'a correlator in a box and ' if demo else ''}{shlex.join(command)}")
            return
        settings = _box(stack, Path("difxnb-demo")) if demo else {}
        raise typer.Exit(_run(command, {**os.environ, **settings}))


def lab_command(arguments: Sequence[str]) -> list[str]:
    """The command that starts JupyterLab.

    Raises
    ------
    ServerNotStarted
        It is not installed.
    """
    if importlib.util.find_spec("jupyterlab") is None:
        raise ServerNotStarted("JupyterLab is not installed here: pip install 'difxnb[lab]'")
    return [sys.executable, "-m", "jupyterlab", *OPTIONS, *arguments]


def _box(stack: ExitStack, directory: Path) -> Mapping[str, str]:
    """Start a server with a made-up experiment; gives what leads `difxnb.connect` there."""
    from difxnb.server.child import ServerProcess
    from difxnb.synthetic import make_experiment
    from difxnb.synthetic.made_before import free_name

    root = free_name(directory)
    print(f"making an experiment in {root} …", flush=True)
    job = make_experiment(root).input_file
    server = ServerProcess(root)
    stack.callback(server.close)
    print(f"a correlator in a box: difxnb.connect() in a notebook leads to it; its job is {job}", flush=True)
    return {"DIFX_CONTROL_HOST": "127.0.0.1", "DIFX_CONTROL_PORT": str(server.port)}


def _run(command: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run it to its end. Ctrl-C is left to JupyterLab, which asks whether it is meant; an end is passed on."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    signal.signal(signal.SIGINT, lambda *_: None)  # a function, which the child does not inherit
    try:
        with subprocess.Popen(command, env=environment) as jupyter:
            signal.signal(signal.SIGTERM, lambda *_: jupyter.terminate())
            return jupyter.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
