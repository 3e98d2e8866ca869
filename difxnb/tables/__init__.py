# SPDX-License-Identifier: GPL-3.0-or-later
"""Messages and job states as pandas tables: bounded, thread-safe, rebuilt only when something new came.

In go typed messages with the time they were received, from one thread; out come DataFrames, to any thread.
All times are UTC as ``datetime64[ns]``.
"""

from difxnb.tables.jobs import JobTable
from difxnb.tables.messages import MessageTable

__all__ = ["JobTable", "MessageTable"]
