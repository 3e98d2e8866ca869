# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of an experiment by what they are: schedules, orders for vex2difx, jobs and their outputs."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import count
from pathlib import PurePosixPath

import pandas as pd

from difxnb.tables.columns import texts

_SCHEDULES = (".vex", ".vex2", ".ovex", ".skd", ".vix", ".vex.obs", ".vex.difx")
_OF_JOBS = ("input", "calc", "im", "flag", "machines", "threads", "difx", "difxlog", "binconfig", "polyco")
_OTHERS = ("v2d", "joblist", "filelist", "vdif", "log", "dir")
# What was moved aside: JOB.difx.1; what was kept when a text was saved: NAME~, NAME~2.
_ASIDE = re.compile(r"(.+)\.(difx|difxlog)\.\d+")
_KEPT = re.compile(r"(.+)~\d*")


def kind_of(name: str) -> tuple[str, str]:
    """What a file is, and the job that it belongs to; empty for none.

    Returns
    -------
    kind, job : str
        `kind` is ``vex``, ``backup``, the end of a name that is known, or ``other``.
    """
    if _KEPT.fullmatch(name):
        return "backup", ""
    if name.endswith(_SCHEDULES):
        return "vex", ""
    if aside := _ASIDE.fullmatch(name):
        return aside[2], aside[1]
    stem, _, end = name.rpartition(".")
    if stem and end in _OF_JOBS:
        return end, stem
    return (end, "") if stem and end in _OTHERS else ("other", "")


def files_frame(listed: pd.DataFrame) -> pd.DataFrame:
    """Of the files of one directory: ``name kind job size modified path``; `job` is None for what belongs to none."""
    kinds = [kind_of(name) for name in listed["name"]]
    return pd.DataFrame(
        {
            "name": texts(listed["name"]),
            "kind": texts(kind for kind, _ in kinds),
            "job": texts(job or None for _, job in kinds),
            "size": listed["size"].to_numpy(dtype="int64"),
            "modified": listed["modified"].to_numpy(dtype="datetime64[ns]"),
            "path": texts(listed["path"]),
        }
    )


def next_stem(v2d: str, there: Iterable[str]) -> str:
    """Name, without its end, for a ``.v2d`` that follows another: ``e-2`` after ``e``, ``e-3`` after ``e-2``.

    Parameters
    ----------
    v2d : str
        Path of the other one.
    there : iterable of str
        Names of all that is in the directory; a name is free where nothing begins with it.
    """
    stem = re.sub(r"-\d+$", "", PurePosixPath(v2d).stem)
    names = list(there)
    taken = (f"{stem}-{{}}.", f"{stem}-{{}}_")
    return next(
        f"{stem}-{number}"
        for number in count(2)
        if not any(name.startswith(tuple(mark.format(number) for mark in taken)) for name in names)
    )
