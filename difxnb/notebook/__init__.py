# SPDX-License-Identifier: GPL-3.0-or-later
"""What a notebook cell holds: the verbs of :mod:`difxnb.aio`, blocking.

Every object here wraps its awaitable twin and hands each call to the loop of one thread, which belongs to the
:class:`Correlator` and ends with it. The kernel's own loop is never touched. Snapshots (tables, states, datasets) are
read directly. An interrupt cancels the waiting, not the job.
"""

from __future__ import annotations

from difxnb.notebook.correlator import Correlator, connect
from difxnb.notebook.job import Job
from difxnb.notebook.job_queue import JobQueue
from difxnb.notebook.job_run import JobRun
from difxnb.notebook.live_monitor import Monitor
from difxnb.notebook.messages import Messages, ServerInfo
from difxnb.notebook.recorder import Recorder
from difxnb.notebook.session_recorder import SessionRecorder
from difxnb.notebook.text import RemoteText

__all__ = [
    "Correlator",
    "Job",
    "JobQueue",
    "JobRun",
    "Messages",
    "Monitor",
    "Recorder",
    "RemoteText",
    "ServerInfo",
    "SessionRecorder",
    "connect",
]
