# SPDX-License-Identifier: GPL-3.0-or-later
"""Files on the server: look, choose, make and remove directories, read texts, fetch and send."""

from difxnb.panels.files.model import FilesModel, FilesSnapshot
from difxnb.panels.files.view import FilesPanel

__all__ = ["FilesModel", "FilesPanel", "FilesSnapshot"]
