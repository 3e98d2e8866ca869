# SPDX-License-Identifier: GPL-3.0-or-later
"""A guiServer in Python that the same bytes work on.

A sans-IO half (packets in, packets and effects out) and a thin asyncio shell around it; the embedded
correlator is in :mod:`difxnb.server.engine`.
"""

from __future__ import annotations

from difxnb.server.gui_server import GuiServer, run_server

__all__ = ["GuiServer", "run_server"]
