# SPDX-License-Identifier: GPL-3.0-or-later
"""Making a notebook ready to be shared: live panels become what they last showed."""

from __future__ import annotations

from difxnb.panels.panel import open_panels


def freeze() -> list[str]:
    """Replace every live panel by its static twin, so that the saved notebook shows it to anyone.

    Panels are closed; jobs, connections and monitors are not touched, and new panels can be opened. Save the notebook
    afterwards.

    Returns
    -------
    list of str
        What was frozen, a line each.
    """
    frozen = []
    for panel in open_panels():
        frozen.append(repr(panel).splitlines()[0])
        panel.close()
    return frozen
