# SPDX-License-Identifier: GPL-3.0-or-later
"""Put a report into a file, whole or not at all."""

from __future__ import annotations

import os
import re
from os import PathLike
from pathlib import Path

import pandas as pd

from difxnb.errors import OutputExists
from difxnb.formats.new_file import new_file
from difxnb.markup import printable
from difxnb.reports.findings import Findings, Reported, findings_of
from difxnb.reports.page import page
from difxnb.reports.pictures import pictures_of
from difxnb.reports.provenance import facts, files


def report(job: Reported, path: str | PathLike[str] | None = None, *, overwrite: bool = False) -> Path:
    """Write a report on a job: one file of HTML with verdicts, fringes, figures, clocks, messages and provenance.

    The file needs nothing else: pictures are inside, there are no scripts, and nothing is fetched. It reads in
    light and dark, and on paper.

    Parameters
    ----------
    job : path, job, run or Dataset
        An ``.input`` file or ``.difx`` folder, a stored job, one of a correlator or a run of it, a run of a recording
        (``recording.runs[name]``), or visibilities.
    path : path, optional
        File to write, or the folder in which it gets the name of the job; by default that name in the current folder.
    overwrite : bool
        Replace a file that is there already.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    OutputExists
        The file is there already.
    FileNotFoundError, FileFormatError
        The files of the job are not on this machine, or the ``.input`` is damaged.
    ValueError, TypeError
        The name means several jobs; what was given is nothing that could be a job.

    Examples
    --------
    >>> difxnb.report("/data/exp/exp_1.input")  # doctest: +SKIP
    PosixPath('exp_1-report.html')
    """
    if path is not None and not Path(path).is_dir() and not overwrite:
        _refuse_existing(Path(path))  # before minutes of fitting
    found = findings_of(job)
    target = _target(found, path)
    if not overwrite:
        _refuse_existing(target)
    text = page(found, pictures_of(found), facts(found, _asked(job)), files(found), _alerts(found))
    return _written(target, text, overwrite=overwrite)


def _target(found: Findings, path: str | PathLike[str] | None) -> Path:
    """Names of jobs come from files: no folder and no control character may be in the name of ours."""
    own = re.sub(r"[^\w.+-]", "_", found.name or "visibilities").lstrip(".") + "-report.html"
    if path is None:
        return Path(own)
    return Path(path) / own if Path(path).is_dir() else Path(path)


def _refuse_existing(target: Path) -> None:
    if target.exists():
        raise OutputExists(f"{target} exists already; overwrite=True replaces it")


def _written(target: Path, text: str, *, overwrite: bool) -> Path:
    if overwrite and target.exists():
        partial = target.with_name(f"{target.name}.partial")
        partial.write_text(text, encoding="utf-8")
        os.replace(partial, target)
        return target
    _refuse_existing(target)
    with new_file(target, "reports") as partial:
        partial.write_text(text, encoding="utf-8")
    return target


def _asked(job: Reported) -> str:
    """What was asked, in one line."""
    said = f"{type(job).__name__}" if not isinstance(job, str | PathLike) else repr(os.fspath(job))
    return printable(f"difxnb.report({said})")


def _alerts(found: Findings) -> pd.DataFrame:
    """Troubles that the log of the job tells, in plain words, the worst first."""
    log = found.material.log
    if log is None or not len(log):
        return pd.DataFrame()
    alerts = log.alerts()
    return alerts[[name for name in ("severity", "cause", "count", "first", "last") if name in alerts]]
