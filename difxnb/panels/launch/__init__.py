# SPDX-License-Identifier: GPL-3.0-or-later
"""Launching a job: choose, check, say where it runs, start, watch, stop; refusals in words."""

from difxnb.panels.launch.look import LaunchSnapshot
from difxnb.panels.launch.model import LaunchModel
from difxnb.panels.launch.view import LaunchPanel

__all__ = ["LaunchModel", "LaunchPanel", "LaunchSnapshot"]
