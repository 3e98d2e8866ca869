# SPDX-License-Identifier: GPL-3.0-or-later
"""What vex2difx and the delay model program said, as rows that a program can read (guiserver.md 7.7).

How serious a line is stands in its own words: a real server tells everything of the error output as an error, and
vex2difx writes plain progress there as well.
"""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from difxnb.tables.attached import AttachedFrame
from difxnb.tables.columns import texts, times
from difxnb.wire.control import Notice, NoticeSeverity
from difxnb.wire.vex2difx import Remark, RemarkKind, read_remark

_COLUMNS = ("severity", "program", "text")
_WORDS = {
    "error": "error",
    "fatal": "error",
    "developer": "error",
    "warning": "warning",
    "caution": "warning",
    "note": "note",
    "info": "note",
}
# vex2difx writes it where errors go, in each run (captures/35_vex2difx).
_PROGRESS = ("start date:",)
_NEVER = (RemarkKind.COMMAND, RemarkKind.COMPLETE)


def remarks_frame(heard: Iterable[tuple[float, Notice]]) -> pd.DataFrame:
    """Remarks of programs, in their order.

    Parameters
    ----------
    heard : iterable of (float, Notice)
        Unix seconds, and what the server said then.

    Returns
    -------
    DataFrame
        ``time severity program text``. `severity` is ``"error"``, ``"warning"`` or ``"note"``; `program` is
        ``vex2difx``, the delay model program, or empty where the server itself speaks.
    """
    rows = []
    for time, notice in heard:
        remark = read_remark(notice)
        severity = _severity(remark, notice)
        if severity is not None:
            rows.append((time, severity, remark.program, remark.text.strip()))
    frame = pd.DataFrame({"time": times(row[0] for row in rows)})
    for place, name in enumerate(_COLUMNS, 1):
        frame[name] = texts(str(row[place]) for row in rows)
    return AttachedFrame(frame)


def complaints_of(notices: Iterable[Notice]) -> list[str]:
    """What a user is to look at among what was said, each text once."""
    found = []
    for notice in notices:
        remark = read_remark(notice)
        if _severity(remark, notice) in ("warning", "error"):
            is_line = remark.kind in (RemarkKind.COMPLAINT, RemarkKind.OUTPUT)
            found.append(f"{remark.program}: {remark.text}" if is_line else remark.text)
    return list(dict.fromkeys(found))


def _severity(remark: Remark, notice: Notice) -> str | None:
    """How serious a remark is; None where it only says what is being done."""
    if remark.kind in _NEVER or _is_empty(remark):
        return None
    if remark.kind is RemarkKind.MISSING:
        return "error"
    if remark.kind is RemarkKind.ERRORS:
        return "note"  # said of any line of error output, also when all is well
    if remark.kind is RemarkKind.OTHER:
        return {NoticeSeverity.ERROR: "error", NoticeSeverity.WARNING: "note"}.get(notice.severity)
    named = _named(remark.text)
    if named is not None:
        return named
    is_progress = remark.kind is RemarkKind.OUTPUT or remark.text.lstrip().lower().startswith(_PROGRESS)
    return "note" if is_progress else "warning"


def _is_empty(remark: Remark) -> bool:
    """Whether a line of a program says nothing; its notice is ``PROGRAM... ``."""
    words = remark.text.split()
    return not words or (remark.kind is RemarkKind.OTHER and len(words) == 1 and words[0].endswith("..."))


def _named(text: str) -> str | None:
    """The severity that a line begins with, such as ``Warning: …`` or ``*** Error …``."""
    word = text.lstrip(" *!#").split(maxsplit=1)
    return _WORDS.get(word[0].rstrip(":!,.").lower()) if word else None
