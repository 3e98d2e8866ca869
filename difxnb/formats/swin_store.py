# SPDX-License-Identifier: GPL-3.0-or-later
"""Write the table of a SWIN file to a file of our own, and read it back.

A table goes in, a file comes out, and the other way round. The file has a line of JSON with the shapes of the arrays,
the arrays as they are in memory, and sums by which damage is seen. There is nothing in it that could be executed.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import zlib
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from difxnb.formats.swin_table import PRODUCT, Skipped, SwinTable

_FORMAT = f"difxnb SWIN table 1 {sys.byteorder}"
_LONGEST_LINE = 2**22
UNFINISHED = ".new-"
"""How names of files begin that are still being written."""
# By size of their items, so that all of them are aligned.
_ARRAYS: dict[str, tuple[np.dtype[Any], int]] = {
    "times_ns": (np.dtype(np.int64), 1),
    "offsets": (np.dtype(np.int64), 2),
    "uvw": (np.dtype(np.float64), 3),
    "sources": (np.dtype(np.int32), 1),
    "configs": (np.dtype(np.int32), 1),
    "weights": (np.dtype(np.float32), 2),
    "pairs": (np.dtype(np.int32), 2),
    "products": (PRODUCT, 1),
}
_NUMBERS = ("end", "duplicates", "skipped_places", "skipped_bytes", "unfinished")


class Kept(NamedTuple):
    """A table, and what its file was like.

    Attributes
    ----------
    table : SwinTable
    size, mtime_ns : int
        Of the file, before it was indexed.
    samples : bytes
        Some of its headers.
    """

    table: SwinTable
    size: int
    mtime_ns: int
    samples: bytes


def save(place: Path, kept: Kept, *, most: int) -> bool:
    """Write a table, at once or not at all; False where that is not possible, or it has more than `most` bytes."""
    arrays = [np.ascontiguousarray(getattr(kept.table, name)) for name in _ARRAYS]
    if sum(array.nbytes for array in arrays) > most:
        return False
    line = _line(kept, arrays)
    try:
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=place.parent, prefix=UNFINISHED, delete=False) as file:
            try:
                file.write(line)
                for array in arrays:
                    file.write(array.view(np.uint8).data if array.size else b"")
                file.flush()
                os.replace(file.name, place)
            except OSError:
                os.unlink(file.name)
                raise
    except OSError:  # a full disk, a home that is read-only: it goes without a cache
        return False
    return True


def load(place: Path, path: Path) -> Kept | None:
    """Read a table, to be of the file at `path`; None where there is none, or it is damaged."""
    try:
        if not place.is_file():  # what is something else might keep us waiting
            return None
        with open(place, "rb") as file:
            line = file.readline(_LONGEST_LINE)
            head = _head(line)
            content = np.fromfile(file, dtype=np.uint8)
        table = _table(head, content, path)
        kept = Kept(table, int(head["size"]), int(head["mtime_ns"]), bytes.fromhex(head["samples"]))
        os.utime(place)  # so that what is used stays when the cache is full
    # Whatever is in it, it is none of ours.
    except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return None
    return kept


def _line(kept: Kept, arrays: list[NDArray[Any]]) -> bytes:
    head = {
        "format": _FORMAT,
        "size": kept.size,
        "mtime_ns": kept.mtime_ns,
        "samples": kept.samples.hex(),
        "shapes": [array.shape for array in arrays],
        "sums": [_sum(array.reshape(-1).view(np.uint8)) for array in arrays],
        "skipped": kept.table.skipped,
        **{name: getattr(kept.table, name) for name in _NUMBERS},
    }
    text = json.dumps(head).encode()
    return b"%08x %s\n" % (zlib.crc32(text), text)


def _head(line: bytes) -> dict[str, Any]:
    """What the first line says; ValueError where it is not one that was written here."""
    text = line[9:].removesuffix(b"\n")
    if line[:9] != b"%08x " % zlib.crc32(text):
        raise ValueError("damaged")
    head = json.loads(text)
    if not isinstance(head, dict) or head.get("format") != _FORMAT:
        raise ValueError("of another version")
    return head


def _table(head: dict[str, Any], content: NDArray[np.uint8], path: Path) -> SwinTable:
    arrays: dict[str, NDArray[Any]] = {}
    begin = 0
    for (name, (dtype, n_dims)), shape, total in zip(
        _ARRAYS.items(), head["shapes"], head["sums"], strict=True
    ):
        end = begin + dtype.itemsize * int(np.prod(shape, dtype=np.int64))
        part = content[begin:end]
        if len(shape) != n_dims or part.size != end - begin or _sum(part) != total:
            raise ValueError(f"{name} is damaged")
        arrays[name], begin = part.view(dtype).reshape(shape), end
    _check_shapes(arrays)
    values: dict[str, Any] = {**arrays, **{name: int(head[name]) for name in _NUMBERS}}
    values["skipped"] = tuple(
        Skipped(int(offset), int(size), str(reason)) for offset, size, reason in head["skipped"]
    )
    return SwinTable(path=path, **values)


def _check_shapes(arrays: dict[str, NDArray[Any]]) -> None:
    n_times, n_products, n_pairs = (arrays[name].shape[0] for name in ("times_ns", "products", "pairs"))
    expected = {
        "offsets": (n_times, n_products),
        "weights": (n_times, n_products),
        "sources": (n_times,),
        "configs": (n_times,),
        "pairs": (n_pairs, 2),
        "uvw": (n_times, n_pairs, 3),
    }
    if any(arrays[name].shape != shape for name, shape in expected.items()):
        raise ValueError("arrays that do not fit each other")


def _sum(content: NDArray[np.uint8]) -> int:
    """A sum that changes with every damaged bit; far quicker than a CRC."""
    whole = content.size // 8 * 8
    rest = int.from_bytes(content[whole:].tobytes(), "little")
    return (int(content[:whole].view(np.uint64).sum(dtype=np.uint64)) + rest) % 2**64
