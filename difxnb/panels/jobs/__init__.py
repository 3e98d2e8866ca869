# SPDX-License-Identifier: GPL-3.0-or-later
"""Every job that was heard of: a tree of experiments, passes and jobs, and what became of each."""

from __future__ import annotations

from difxnb.panels.jobs.model import JobsModel
from difxnb.panels.jobs.view import JobsPanel

__all__ = ["JobsModel", "JobsPanel"]
