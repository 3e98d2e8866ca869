# SPDX-License-Identifier: GPL-3.0-or-later
"""A guiServer in Python that the same bytes work on.

A sans-IO half (packets in, packets and effects out) and a thin asyncio shell around it; the embedded correlator is in
:mod:`difxnb.server.engine`. Nothing is imported here before it is asked for: the correlator's processes start without
the server.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from difxnb.server.gui_server import GuiServer as GuiServer
    from difxnb.server.program import run_server as run_server

__all__ = ["GuiServer", "run_server"]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from difxnb.server import program

    return getattr(program, name)
