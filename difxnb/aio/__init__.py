# SPDX-License-Identifier: GPL-3.0-or-later
"""The user's verbs, awaitable: a correlator, its jobs, their runs and their live monitors.

>>> async with difxnb.aio.connect("head-node", 50200) as difx:  # doctest: +SKIP
...     run = await difx.job("/data/exp/e_1.input").start(monitor=True)
...     outcome = await run.wait()

What waits for the server is an ``async def``; what only looks at something already here (tables, states,
datasets) is a plain property or method, and may be called from any thread.
"""

from __future__ import annotations

from difxnb.aio.correlator import Connecting, Correlator, connect
from difxnb.aio.job import Job
from difxnb.aio.job_queue import JobQueue
from difxnb.aio.job_run import JobRun
from difxnb.aio.live_monitor import Monitor
from difxnb.aio.messages import Messages
from difxnb.aio.recorder import Recorder
from difxnb.aio.server_info import ServerInfo
from difxnb.aio.session_recorder import SessionRecorder
from difxnb.aio.text import RemoteText

__all__ = [
    "Connecting",
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
