# SPDX-License-Identifier: GPL-3.0-or-later
"""Messages, jobs, hosts, recorders and alerts as pandas tables: bounded, thread-safe, made anew only for what is new.

In go typed messages with the time they were received, from one thread; out come DataFrames, to any thread.
All times are UTC as ``datetime64[ns]``.
"""

from difxnb.tables.alerts import AlertTable, gather_alerts
from difxnb.tables.causes import Cause, plain_cause
from difxnb.tables.jobs import JobTable
from difxnb.tables.messages import MessageTable
from difxnb.tables.nodes import NodeTable
from difxnb.tables.recorders import RecorderTable

__all__ = [
    "AlertTable",
    "Cause",
    "JobTable",
    "MessageTable",
    "NodeTable",
    "RecorderTable",
    "gather_alerts",
    "plain_cause",
]
