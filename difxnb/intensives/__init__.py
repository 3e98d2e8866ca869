# SPDX-License-Identifier: GPL-3.0-or-later
"""Unattended sessions: from the schedule to the report, step by step, without anybody there.

A recipe (`recipe`, `recipe_text`) says what to do. `run` takes its steps one after the other: `waiting` for the
schedule, Earth orientation and data, `jobs_made`, `correlated` through the queue, `clock_pass`, `checked`, `hooks`.
Before and after each the record of the session gets a line, so that a session that was cut off is taken up where it
was.
"""

from __future__ import annotations

from difxnb.intensives.recipe import Recipe
from difxnb.intensives.recipe_text import read_recipe
from difxnb.intensives.run import IntensiveRun, run_intensive

__all__ = ["IntensiveRun", "Recipe", "read_recipe", "run_intensive"]
