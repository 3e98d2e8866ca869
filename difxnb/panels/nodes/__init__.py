# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts and recorders: how busy they are, how they feel, and who has fallen silent."""

from __future__ import annotations

from difxnb.panels.nodes.model import NodesModel
from difxnb.panels.nodes.recorders import RecordersModel
from difxnb.panels.nodes.view import NodesPanel

__all__ = ["NodesModel", "NodesPanel", "RecordersModel"]
