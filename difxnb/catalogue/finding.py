# SPDX-License-Identifier: GPL-3.0-or-later
"""Which ``.input`` files a name stands for: a file, a list of jobs, output, a folder, or a pattern of these.

In goes a name, out come paths. Nothing is read but lists of jobs. Names are as in ``difx-files.md`` 1.
"""

from __future__ import annotations

import glob
import os
import re
import warnings
from pathlib import Path

from difxnb.formats.joblist import read_joblist

_OUTPUT = re.compile(r"(.+)\.difx(\.\d+)?")  # output that is moved aside gets a number


def input_files(name: str) -> list[Path]:
    """``.input`` files of a name or pattern, in order of name.

    Raises
    ------
    FileNotFoundError
        A name without wildcards does not exist.
    ValueError
        It stands for no job.
    FileFormatError
        A ``.joblist`` is damaged.
    """
    name = os.path.expanduser(name)
    if glob.has_magic(name) and not os.path.lexists(name):
        return [one for found in sorted(glob.glob(name, recursive=True)) for one in _within(Path(found))]
    path = Path(name)
    if not os.path.lexists(path):
        raise FileNotFoundError(f"{name} does not exist; give an .input file, a folder or a pattern of jobs")
    found = _within(path)
    if not found and not path.is_dir():
        raise ValueError(f"{name} is no .input file, no .joblist and no folder")
    return found


def _within(path: Path) -> list[Path]:
    """Input files that a name stands for; none for what a pattern caught by the way."""
    if path.is_dir():
        return _of_output(path) if _OUTPUT.fullmatch(path.absolute().name) else _below(path)
    if path.suffix == ".input":
        return [path]
    if path.suffix == ".joblist":
        return [path.parent / f"{job.name}.input" for job in read_joblist(path).jobs]
    return []


def _of_output(folder: Path) -> list[Path]:
    match = _OUTPUT.fullmatch(folder.absolute().name)
    return [] if match is None else [folder.absolute().parent / f"{match[1]}.input"]


def _below(folder: Path) -> list[Path]:
    """All in a folder and below; output folders, which may be large, are not looked into."""
    closed: list[OSError] = []
    found = []
    for place, folders, files in os.walk(folder, onerror=closed.append):
        folders[:] = [one for one in folders if not _OUTPUT.fullmatch(one)]
        found += [Path(place, one) for one in files if one.endswith(".input")]
    if closed:
        names = ", ".join(str(error.filename) for error in closed[:3])
        more = f" and {len(closed) - 3} more" if len(closed) > 3 else ""
        warnings.warn(f"{names}{more} cannot be looked into; jobs there are left out", stacklevel=5)
    return sorted(found)
