# SPDX-License-Identifier: GPL-3.0-or-later
"""Put a report into a file, whole or not at all."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any

import pandas as pd

from difxnb.errors import OutputExists
from difxnb.formats.new_file import new_file
from difxnb.markup import printable
from difxnb.reports.findings import Findings, Reported, findings_of
from difxnb.reports.notebook_report import notebook_report
from difxnb.reports.page import page
from difxnb.reports.pictures import pictures_of
from difxnb.reports.provenance import facts, files


def report(
    job: Reported,
    path: str | PathLike[str] | None = None,
    *,
    notebook: bool | str | PathLike[str] = False,
    parameters: Mapping[str, Any] | None = None,
    overwrite: bool = False,
) -> Path:
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
    notebook : bool or path
        Run a notebook on the job in a kernel of its own and show that as HTML, with the notebook as it ran beside
        it; or write that notebook alone, where `path` ends in ``.ipynb``. True: the notebook of this package. A path:
        one of yours, in which a cell with the tag ``parameters`` names ``job``, the ``.input`` file; what cells with
        the tag ``remove-input`` hold is not shown. Needs ``difxnb[report]``. The page of a notebook of yours is as
        nbconvert makes it, and may fetch scripts.
    parameters : mapping, optional
        More values for that cell: texts, numbers, lists and mappings of them.
    overwrite : bool
        Replace a file that is there already.

    Returns
    -------
    Path
        The file: the HTML, where there are two.

    Raises
    ------
    NotebookFailed
        A cell failed, which is named, or an hour was not enough for it. The notebook as far as it ran is kept
        beside, as ``…-failed.ipynb``.
    ModuleNotFoundError
        What runs notebooks is not installed.
    OutputExists
        The file is there already.
    FileNotFoundError, FileFormatError
        The files of the job are not on this machine, or the ``.input`` or the notebook is damaged.
    ValueError, TypeError
        The name means several jobs; what was given is nothing that could be a job; the notebook has no such parameter.

    Examples
    --------
    >>> difxnb.report("/data/exp/exp_1.input")  # doctest: +SKIP
    PosixPath('exp_1-report.html')
    >>> difxnb.report("/data/exp/exp_1.input", notebook=True, parameters={"limits": "strict.toml"})  # doctest: +SKIP
    PosixPath('exp_1-notebook.html')
    """
    if notebook is not False:
        own = None if notebook is True else notebook
        return notebook_report(job, path, own, parameters or {}, overwrite=overwrite)
    if parameters:
        raise ValueError("parameters are for a notebook: say notebook=True, or which")
    if path is not None and not Path(path).is_dir() and not overwrite:
        _refuse_existing(Path(path))  # before minutes of fitting
    found = findings_of(job)
    target = _target(found, path)
    if not overwrite:
        _refuse_existing(target)
    text = page(found, pictures_of(found), facts(found, _asked(job)), files(found), alerts_of(found))
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


def alerts_of(found: Findings) -> pd.DataFrame:
    """Troubles that the log of the job tells, in plain words, the worst first."""
    log = found.material.log
    if log is None or not len(log):
        return pd.DataFrame()
    alerts = log.alerts()
    return alerts[[name for name in ("severity", "cause", "count", "first", "last") if name in alerts]]
