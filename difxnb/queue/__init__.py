# SPDX-License-Identifier: GPL-3.0-or-later
"""The queue of jobs as it is kept: entries, rules, conditions, SQLite. It knows no connection."""
