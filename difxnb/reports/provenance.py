# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a report comes from: files with their sums, programs with their versions."""

from __future__ import annotations

import hashlib
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import pandas as pd

from difxnb.catalogue import StoredJob
from difxnb.errors import DifxError
from difxnb.reports.findings import Findings

MOST_SUMMED_BYTES = 32_000_000
"""Larger files are told by size and date alone: a checksum of terabytes is no part of a report."""
_PACKAGES = ("difxnb", "numpy", "scipy", "pandas", "xarray", "matplotlib")
_MOST_LETTERS = 300


def programs() -> dict[str, str]:
    """Versions of what computed and drew."""
    return {"Python": platform.python_version()} | {name: version(name) for name in _PACKAGES}


def facts(found: Findings, asked: str) -> dict[str, str]:
    """What a reader must know to make the same again."""
    from_data = {} if found.material.dataset is None else found.material.dataset.attrs
    said = {str(name): str(value)[:_MOST_LETTERS] for name, value in from_data.items()}
    own = {
        "made": f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC",
        "made by": asked,
        "DiFX": _difx_version(found),
        "input file": "" if found.input_file is None else str(found.input_file),
    }
    return own | {f"data: {name}": value for name, value in sorted(said.items())} | programs()


def _difx_version(found: Findings) -> str:
    """As the log tells it; several runs may have had several."""
    if found.material.log is None:
        return ""
    runs = found.material.log.runs
    told = [runs[name].dropna().astype(str) for name in runs.columns if "version" in str(name)]
    return ", ".join(sorted({text for column in told for text in column if text}))


def files(found: Findings) -> pd.DataFrame:
    """Files of the job: ``file size modified sha256``; no rows where they are not on this machine."""
    columns = ["file", "size", "modified", "sha256"]
    if found.input_file is None:
        return pd.DataFrame(columns=columns)
    try:
        table = StoredJob(found.input_file).files()
    except (DifxError, OSError) as error:
        return pd.DataFrame([(str(found.input_file), 0, str(error), "")], columns=columns)
    rows = [
        (path, size, f"{modified:%Y-%m-%d %H:%M:%S} UTC", _checksum(Path(path)))
        for path, size, modified in zip(table["path"], table["size"], table["modified"], strict=True)
    ]
    return pd.DataFrame(rows, columns=columns)


def _checksum(path: Path) -> str:
    if not path.is_file():
        return "a folder"
    if path.stat().st_size > MOST_SUMMED_BYTES:
        return f"not summed: more than {MOST_SUMMED_BYTES // 1_000_000} MB"
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
