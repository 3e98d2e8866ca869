# SPDX-License-Identifier: GPL-3.0-or-later
"""The connection to a correlator: where it leads, whether it stands, and what the server says of itself."""

from difxnb.panels.connection.model import ConnectionModel, ConnectionSnapshot
from difxnb.panels.connection.view import ConnectionPanel

__all__ = ["ConnectionModel", "ConnectionPanel", "ConnectionSnapshot"]
