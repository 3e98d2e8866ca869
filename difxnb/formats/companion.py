# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a file is that another file of the same job names.

Job files name each other by absolute paths of the machine that made them. Once a job has been copied, those
paths lead nowhere, and the file of the same base name beside the naming one is meant (``difx-files.md`` 1).
"""

from __future__ import annotations

from pathlib import Path


def companion(named: str, beside: Path | None) -> Path:
    """Find the file that a job file names.

    Parameters
    ----------
    named : str
        The name as written; a relative one counts from the folder of the naming file.
    beside : Path or None
        The naming file; None when it was never on disk.

    Returns
    -------
    Path
        The named file if it exists, else the same base name beside the naming file (which need not exist).
    """
    if beside is None:
        return Path(named)
    as_named = beside.parent / named
    return as_named if as_named.exists() else beside.parent / Path(named).name


def output_folder(named: str, beside: Path | None) -> Path:
    """Find the output folder that a job names, which the correlator is to make where it does not exist.

    It is the named one wherever that exists or could be made, else its namesake beside the ``.input``.
    """
    if beside is None:
        return Path(named)
    as_named = beside.parent / named
    return as_named if as_named.parent.is_dir() else beside.parent / Path(named).name
