# SPDX-License-Identifier: GPL-3.0-or-later
"""The program ``difxnb``: the correlator from a terminal.

Each command imports what it needs when it runs, so that ``difxnb --help`` is quick. Errors of the tree in
:mod:`difxnb.errors` become one line on standard error and exit status 1; wrong usage is status 2, Ctrl-C status 130.
"""

from __future__ import annotations

from difxnb.cli import (
    busy,
    clocks,
    completing,
    correlating,
    experiments,
    files,
    fringes,
    intensives,
    jobs,
    journals,
    lab,
    measurement_sets,
    messages,
    queue_run,
    queueing,
    recorders,
    recordings,
    remaking,
    reporting,
    schedules,
    sending,
    serving,
    sessions,
    status,
    tables,
    transfers,
    verdicts,
    versions,
    watching,
)
from difxnb.cli.program import app

__all__ = [
    "app",
    "busy",
    "clocks",
    "completing",
    "correlating",
    "experiments",
    "files",
    "fringes",
    "intensives",
    "jobs",
    "journals",
    "lab",
    "measurement_sets",
    "messages",
    "queue_run",
    "queueing",
    "recorders",
    "recordings",
    "remaking",
    "reporting",
    "schedules",
    "sending",
    "serving",
    "sessions",
    "status",
    "tables",
    "transfers",
    "verdicts",
    "versions",
    "watching",
]
