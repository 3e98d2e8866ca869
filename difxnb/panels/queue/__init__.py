# SPDX-License-Identifier: GPL-3.0-or-later
"""The queue of a session: which jobs run one after another, and what became of each."""

from __future__ import annotations

from difxnb.panels.queue.model import Queue, QueueModel, QueueSnapshot
from difxnb.panels.queue.view import QueuePanel

__all__ = ["Queue", "QueueModel", "QueuePanel", "QueueSnapshot"]
