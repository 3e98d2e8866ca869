# SPDX-License-Identifier: GPL-3.0-or-later
"""Keep the tables of large SWIN files in the user's cache directory, so that they open at once.

A SWIN file goes in, its table comes out, from the cache where it is fresh. Mirrors ``difx-files.md`` 13.

A table is kept under the device and inode of its file. It is fresh while size and time of change are what they were,
and the job's numbers of channels too. Where the file has only grown, what was appended is indexed. Whatever is wrong
with the cache, stale, damaged, not to be written, is no error: the file is indexed, as without a cache.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import platformdirs

from difxnb.formats.swin import Channels
from difxnb.formats.swin_bytes import opened
from difxnb.formats.swin_header import HEADER_BYTES
from difxnb.formats.swin_scan import OnError, extend, index_swin
from difxnb.formats.swin_store import UNFINISHED, Kept, load, save
from difxnb.formats.swin_table import SwinTable

SMALLEST_BYTES = 2**24
"""Smaller files are indexed in less time than it takes to look into the cache."""
_LARGEST_CACHE_BYTES = 2**30
_SUFFIX = ".swin-table"
_SAMPLES = 256
_WORTH_KEEPING = 1.1
"""Growth from which on the table of a growing file is written again."""
_FORGOTTEN_S = 86400.0


def cached_index(
    path: str | Path, channels: Channels | None = None, *, on_error: OnError = "raise", growing: bool = False
) -> SwinTable:
    """Index a SWIN file, or take its table from the cache.

    Parameters
    ----------
    path, channels, on_error, growing
        As of :func:`~difxnb.formats.swin_scan.index_swin`, and so are the result and the errors.

    Returns
    -------
    SwinTable
    """
    path = Path(path).absolute()
    found = path.stat()
    if found.st_size < SMALLEST_BYTES:
        return index_swin(path, channels, on_error=on_error, growing=growing)
    place = cache_directory() / f"{found.st_dev:x}-{found.st_ino:x}{_SUFFIX}"
    kept = load(place, path)
    if kept is not None and _agrees(kept.table, channels, on_error):
        if _is_fresh(kept, found, growing):
            return kept.table
        if found.st_size > kept.size and _is_unchanged(kept):
            table = extend(kept.table, channels, on_error=on_error, growing=growing)
            if not growing or found.st_size > _WORTH_KEEPING * kept.size:
                _keep(place, table, found)
            return table
    table = index_swin(path, channels, on_error=on_error, growing=growing)
    _keep(place, table, found)
    return table


def cache_directory() -> Path:
    """Where tables are kept."""
    return platformdirs.user_cache_path("difxnb") / "swin"


def _is_fresh(kept: Kept, found: os.stat_result, growing: bool) -> bool:
    """Whether the file is as it was; an incomplete last record is nothing to be silent of unless it may grow."""
    same = kept.size == found.st_size and kept.mtime_ns == found.st_mtime_ns
    return same and (growing or not kept.table.unfinished)


def _agrees(table: SwinTable, channels: Channels | None, on_error: OnError) -> bool:
    """Whether a table could come of the same question: the same channels, and no damage where that is an error."""
    if table.skipped_places and on_error == "raise":
        return False
    if channels is None:
        return True
    known = dict(zip(table.products["freq"].tolist(), table.products["channels"].tolist(), strict=True))
    try:
        return all(
            (channels[freq] if isinstance(channels, Mapping) else channels(freq)) == count
            for freq, count in known.items()
        )
    except LookupError:
        return False


def _is_unchanged(kept: Kept) -> bool:
    """Whether a file that is longer now still begins as it did."""
    offsets = sample_offsets(kept.table)
    with opened(kept.table.path) as content:
        return b"".join(content.peek(offset, HEADER_BYTES) for offset in offsets) == kept.samples


def sample_offsets(table: SwinTable) -> list[int]:
    """Where some records start, the first and the last of the file among them."""
    offsets = table.offsets[table.offsets >= 0]
    if not offsets.size:
        return []
    chosen = np.linspace(0, offsets.size - 1, min(_SAMPLES, offsets.size)).astype(np.intp)
    return [int(offsets.min()), *offsets[chosen].tolist(), int(offsets.max())]


def _keep(place: Path, table: SwinTable, found: os.stat_result) -> None:
    """Keep a table if that is possible; the cache is only there to save time."""
    with opened(table.path) as content:
        samples = b"".join(content.peek(offset, HEADER_BYTES) for offset in sample_offsets(table))
    kept = Kept(table, found.st_size, found.st_mtime_ns, samples)
    if save(place, kept, most=_LARGEST_CACHE_BYTES // 4):
        prune(place.parent, _LARGEST_CACHE_BYTES)


def prune(directory: Path, most: int) -> None:
    """Delete the tables that were not used for longest, until the others have no more than `most` bytes."""
    total = 0
    for _, size, place in sorted(_files(directory, f"*{_SUFFIX}"), reverse=True):
        total += size
        if total > most:
            place.unlink(missing_ok=True)
    for changed, _, place in _files(directory, f"{UNFINISHED}*"):
        if time.time() - changed > _FORGOTTEN_S:  # its process was killed
            place.unlink(missing_ok=True)


def _files(directory: Path, pattern: str) -> list[tuple[float, int, Path]]:
    """Time of change, bytes and path of files."""
    found = []
    for place in directory.glob(pattern):
        try:
            status = place.stat()
        except FileNotFoundError:  # another process was faster
            continue
        found.append((status.st_mtime, status.st_size, place))
    return found
