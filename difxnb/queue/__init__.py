# SPDX-License-Identifier: GPL-3.0-or-later
"""The queue of jobs as it is kept: entries, rules, conditions, SQLite. It knows no connection."""

from __future__ import annotations

from difxnb.queue.actions import Action, Attach, GiveUp, Keep, RetryNow, RetryWithout, Start
from difxnb.queue.conditions import DiskLow, NodeSilent, Seen, SuspendCondition, WeightsLow
from difxnb.queue.entry import QueueEntry, QueueState, server_name
from difxnb.queue.lease import Lease
from difxnb.queue.policy import QueueLimits, RetryPolicy
from difxnb.queue.rules import Blame, Facts, NodeSeen, next_action, next_to_start, planned_actions
from difxnb.queue.store import QueueStore

__all__ = [
    "Action",
    "Attach",
    "Blame",
    "DiskLow",
    "Facts",
    "GiveUp",
    "Keep",
    "Lease",
    "NodeSeen",
    "NodeSilent",
    "QueueEntry",
    "QueueLimits",
    "QueueState",
    "QueueStore",
    "RetryNow",
    "RetryPolicy",
    "RetryWithout",
    "Seen",
    "Start",
    "SuspendCondition",
    "WeightsLow",
    "next_action",
    "next_to_start",
    "planned_actions",
    "server_name",
]
