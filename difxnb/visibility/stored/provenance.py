# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the data of a Dataset are from, what of it was passed over, and what is not to be trusted."""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Iterable, Sequence
from typing import Any

from difxnb.errors import DamagedData, DoubtfulAutocorrelations
from difxnb.formats.swin_table import Skipped, SwinTable
from difxnb.visibility.stored.finding import PassedOver
from difxnb.visibility.stored.opened_job import OpenedJob


def provenance(
    jobs: Sequence[OpenedJob], duplicates: int, absent: Sequence[PassedOver] = ()
) -> dict[str, Any]:
    """Attributes of a Dataset; see :func:`difxnb.open_visibilities`."""
    tables = [table for job in jobs for table in job.tables]
    return {
        "job": ", ".join(dict.fromkeys(job.input.job_name for job in jobs)),
        "input_file": "\n".join(str(job.input.path or "") for job in jobs),
        "files": "\n".join(str(table.path) for table in tables),
        "integration_time": float(jobs[0].input.configurations[_first_config(jobs[0])].int_time),
        "visibility_source": "SWIN",
        "skipped": _skipped_text(tables, absent),
        "duplicates": duplicates + sum(table.duplicates for table in tables),
        "untrusted_autocorrelations": int(any(job.is_doubtful for job in jobs)),
    }


def _first_config(job: OpenedJob) -> int:
    found = [int(table.configs[0]) for table in job.tables if len(table.configs)]
    return found[0] if found and 0 <= found[0] < len(job.input.configurations) else 0


def _skipped_text(tables: Iterable[SwinTable], absent: Iterable[PassedOver]) -> str:
    """What was passed over as JSON; places of a file that are not listed one by one are summed up."""
    listed = [
        {"file": str(table.path), "offset": one.offset, "size": one.size, "reason": one.reason}
        for table in tables
        for one in (*table.skipped, *_rest(table))
    ]
    listed += [{"file": one.path, "offset": 0, "size": 0, "reason": one.reason} for one in absent]
    return json.dumps(listed) if listed else ""


def _rest(table: SwinTable) -> list[Skipped]:
    """Places of a file that are counted and not listed, as one."""
    left = table.skipped_places - len(table.skipped)
    size = table.skipped_bytes - sum(one.size for one in table.skipped)
    return (
        [Skipped(table.skipped[-1].offset, size, f"{left} more places behind this one")] if left > 0 else []
    )


def warn_of_problems(jobs: Sequence[OpenedJob], absent: Sequence[PassedOver] = ()) -> None:
    """Warn, where the files were opened, of what was passed over and of doubtful autocorrelations."""
    if absent:
        warnings.warn(
            f"{len(absent)} jobs or files were passed over as a whole, the first {absent[0].path}: "
            f"{absent[0].reason}; skipped_frame(dataset) lists them",
            DamagedData,
            stacklevel=_caller(),
        )
    damaged = [table for job in jobs for table in job.tables if table.skipped]
    if damaged:
        places, size = (
            sum(getattr(table, name) for table in damaged) for name in ("skipped_places", "skipped_bytes")
        )
        first = damaged[0].skipped[0]
        warnings.warn(
            f"{places} places ({size} bytes) in {len(damaged)} files were passed over, the first in "
            f"{damaged[0].path}, byte {first.offset}: {first.reason}; skipped_frame(dataset) lists them",
            DamagedData,
            stacklevel=_caller(),
        )
    doubtful = [job.input.job_name for job in jobs if job.is_doubtful]
    if doubtful:
        warnings.warn(
            f"{', '.join(doubtful)}: only some bands are stitched, and mpifxcorr 2.9 then writes autocorrelations of "
            "wrong bands and hands; do not normalise by them (make the job with exhaustiveAutocorrs instead)",
            DoubtfulAutocorrelations,
            stacklevel=_caller(),
        )


def _caller() -> int:
    """How many calls away the code is that opened the files, neither here nor in xarray."""
    level, frame = 1, sys._getframe(1)
    while frame.f_back and str(frame.f_globals.get("__name__")).partition(".")[0] in ("difxnb", "xarray"):
        level, frame = level + 1, frame.f_back
    return level
