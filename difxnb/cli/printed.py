# SPDX-License-Identifier: GPL-3.0-or-later
"""What commands print: tables of text for people, one JSON object on a line for programs.

In: plain values, rows, or frames of pandas, which is not loaded for the others. Names come from other machines: nothing
in them may act on a terminal.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from difxnb.markup import printable

if TYPE_CHECKING:
    import pandas as pd


def plain(value: Any) -> Any:
    """What JSON knows: times in UTC as text, lengths of time as seconds; what is missing becomes null."""
    if value is None or isinstance(value, str | bool):
        return value
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(one) for one in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if _is_missing(value):
        return None
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, datetime):
        return _moment(value)
    if hasattr(value, "itertuples"):  # a frame of pandas
        return plain(frame_data(value))
    if hasattr(value, "tolist"):  # a number or an array of numpy
        if value.dtype.kind in "mM":  # whose nanoseconds would become a number
            value = value.astype(f"{value.dtype.kind}8[us]")
        return plain(value.tolist())
    return value if isinstance(value, int) else str(value)


def print_json(value: Any) -> None:
    """Print one object on a line."""
    _say(json.dumps(plain(value), allow_nan=False))


def frame_data(frame: pd.DataFrame) -> dict[str, Any]:
    """A frame for programs: its rows, and what it says of itself."""
    return {"rows": frame.to_dict("records"), "attrs": frame.attrs}


def print_frame(frame: pd.DataFrame, *, as_json: bool, columns: Sequence[str] | None = None) -> None:
    """Print a frame: all of it for programs, some of its columns for people."""
    if as_json:
        print_json(frame_data(frame))
        return
    shown = frame if columns is None else frame[[name for name in columns if name in frame]]
    right = [name for name in shown if shown[name].dtype.kind in "iuf"]
    print_rows(shown.itertuples(index=False), list(map(str, shown.columns)), right=list(map(str, right)))


def print_rows(rows: Iterable[Iterable[Any]], heads: Sequence[str], *, right: Sequence[str] = ()) -> None:
    """Print rows as a table under its heads; columns named in `right` are numbers."""
    cells = [[cell(value) for value in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(heads, *cells, strict=True)]
    for line in ([str(head) for head in heads], *cells):
        padded = (
            text.rjust(width) if head in right else text.ljust(width)
            for head, text, width in zip(heads, line, widths, strict=True)
        )
        _say("  ".join(padded).rstrip())


def cell(value: Any) -> str:
    """A value in a few characters."""
    if isinstance(value, str):
        return printable(value)
    if value is None or _is_missing(value):
        return ""
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    if hasattr(value, "tolist"):  # a number or an array of numpy
        return cell(value.tolist())
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list | tuple):
        return ", ".join(map(cell, value))
    return printable(str(value))


def say(text: str) -> None:
    """Print a line, whatever is in it; its line feeds stay."""
    _say(printable(text, keep="\n"))


def complain(text: str) -> None:
    """Print a line on standard error."""
    print(f"difxnb: {printable(text)}", file=sys.stderr, flush=True)


def _is_missing(value: Any) -> bool:
    """Whether it is one of the nothings of pandas; without pandas there are none."""
    pandas = sys.modules.get("pandas")
    return pandas is not None and pandas.api.types.is_scalar(value) and bool(pandas.isna(value))


def _moment(value: datetime) -> str:
    """Times without a zone are in UTC everywhere here."""
    known = value if value.tzinfo is None else value.astimezone(UTC).replace(tzinfo=None)
    return f"{known.isoformat()}Z"


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
