# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists of recordings, as a ``.v2d`` names them by ``filelist``: a file in each line, and its times where known.

In: text, one ``name [mjdStart mjdStop]`` in each line (``difx-files.md`` 12). Out: a table.
"""

from __future__ import annotations

import math

import pandas as pd

from difxnb.errors import FileFormatError
from difxnb.tables.columns import mjd_seconds, texts, times

MAX_RECORDINGS = 100_000
"""Files of one list."""

_LAST_MJD = 100_000.0


def recording_list_frame(text: str, path: object) -> pd.DataFrame:
    """Read a list of recordings.

    Parameters
    ----------
    text : str
        Its text; empty lines and those that begin with ``#`` are passed over.
    path : path-like
        The list, for messages.

    Returns
    -------
    DataFrame
        ``file start stop``, in the order of the list; times are NaT where the list has none, or zeros, which servers
        write for what they cannot read.

    Raises
    ------
    FileFormatError
        A line is no recording, with its number; more than `MAX_RECORDINGS`.
    """
    rows = list[tuple[str, float | None, float | None]]()
    for number, line in enumerate(text.splitlines(), 1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if len(rows) >= MAX_RECORDINGS:
            raise FileFormatError(path, f"line {number}", f"more than {MAX_RECORDINGS} recordings")
        rows.append((words[0], *_span(words[1:], path, number)))
    return pd.DataFrame(
        {
            "file": texts(row[0] for row in rows),
            "start": times(row[1] for row in rows),
            "stop": times(row[2] for row in rows),
        }
    )


def _span(words: list[str], path: object, number: int) -> tuple[float | None, float | None]:
    """Begin and end in unix seconds, to the millisecond, which is what the digits are worth."""
    if not words or words[0].startswith("#"):
        return None, None
    try:
        begin, end = map(float, words[:2])
    except ValueError as error:
        raise FileFormatError(
            path, f"line {number}", "a recording is a name, or a name and the days of its begin and end"
        ) from error
    if not (math.isfinite(begin) and math.isfinite(end)):
        raise FileFormatError(path, f"line {number}", "the days of a recording are finite numbers")
    if not 0 < begin < end < _LAST_MJD:
        return None, None
    return _to_ms(begin), _to_ms(end)


def _to_ms(mjd: float) -> float | None:
    seconds = mjd_seconds(mjd)
    return None if seconds is None else round(seconds, 3)
