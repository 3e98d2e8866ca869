# SPDX-License-Identifier: GPL-3.0-or-later
"""Correlate a DiFX job here: read what DiFX wrote, compute what mpifxcorr would, write SWIN and tones.

:func:`open_job` reads a job and refuses by name what cannot be done; :class:`EmbeddedJob` computes it, one
integration after the other; :func:`correlate` writes the output folder. The arithmetic is that of
``mpifxcorr-algorithm.md``, in the modules beside this one.

Results differ from mpifxcorr's in two cases, in which mpifxcorr is wrong: frames missing from plain ``VDIF``
are left out here and lower the weight, and frames marked invalid do so with ``INTERLACEDVDIF`` too.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from difxnb.errors import FileFormatError, MissingData, UnsupportedJob
from difxnb.formats.calc import read_calc
from difxnb.formats.im import Im, read_im
from difxnb.formats.input import read_input
from difxnb.formats.input_model import Input
from difxnb.formats.machines import read_threads
from difxnb.server.engine.job import EmbeddedJob, Integration, recording_paths
from difxnb.server.engine.output import AppendingWriter, ToneWriter, make_folder
from difxnb.server.engine.refusals import refusals
from difxnb.server.engine.schedule import NS, ScanPlan, plan_scans

__all__ = ["CorrelationSummary", "EmbeddedJob", "Integration", "correlate", "open_job"]


@dataclass(frozen=True, slots=True)
class CorrelationSummary:
    """What :func:`correlate` did.

    Attributes
    ----------
    output : Path
        The SWIN file.
    moved_aside : Path or None
        Where an earlier output folder went.
    integrations, records : int
        How many were written.
    observed_seconds, wall_seconds : float
        Time correlated, and time it took.
    stopped : bool
        Whether it was stopped before its end.
    notes : tuple of str
        What the user should know: damaged frames, things asked for and not made, differences to mpifxcorr.
    """

    output: Path
    moved_aside: Path | None
    integrations: int
    records: int
    observed_seconds: float
    wall_seconds: float
    stopped: bool
    notes: tuple[str, ...]


def open_job(input_file: str | Path, *, restart_seconds: int = 0) -> EmbeddedJob:
    """Read a job and check that it can be done.

    Parameters
    ----------
    input_file : str or Path
        The job's ``.input``.
    restart_seconds : int
        Leave out so much of its beginning: it starts later then, and is shorter.

    Raises
    ------
    ValueError
        Nothing of the job would be left.
    FileFormatError
        A job file or recording is damaged.
    UnsupportedJob
        The job needs what this correlator does not have; every reason is named.
    MissingData
        Recordings do not exist.
    """
    inp = _later(read_input(input_file), restart_seconds)
    calc = read_calc(inp.companion("calc"))
    im = read_im(calc.companion("im"))
    scans = plan_scans(inp, calc)
    reasons = refusals(inp, calc, im, scans)
    if reasons:
        raise UnsupportedJob(input_file, reasons)
    _require_recordings(inp, scans)
    _require_delays(inp, im, scans)
    threads_file = inp.companion("threads")
    return EmbeddedJob(inp, calc, im, read_threads(threads_file) if threads_file.is_file() else [], scans)


def _later(inp: Input, seconds: int) -> Input:
    """The job from some second on, as mpifxcorr sees it when it is restarted."""
    if not 0 <= seconds < max(inp.execute_time, 1):
        raise ValueError(f"a restart at {seconds} s: the job lasts {inp.execute_time:g} s")
    days, rest = divmod(inp.start_seconds + seconds, 86400)
    return replace(
        inp,
        start_mjd=inp.start_mjd + int(days),
        start_seconds=rest,
        execute_time=inp.execute_time - seconds,
    )


def _require_recordings(inp: Input, scans: Sequence[ScanPlan]) -> None:
    used = {row for scan in scans for row in inp.configurations[scan.config].datastream_indices}
    absent = [str(path) for row in sorted(used) for path in recording_paths(inp, row) if not path.is_file()]
    if absent:
        raise MissingData(inp.path, tuple(absent))


def _require_delays(inp: Input, im: Im, scans: Sequence[ScanPlan]) -> None:
    for scan in scans:
        for time_ns in (scan.start_ns, scan.end_ns):
            try:
                im.polynomial_index(scan.scan, inp.start_mjd, inp.start_seconds + time_ns / NS)
            except ValueError as error:
                raise FileFormatError(im.path, f"scan {scan.scan}", str(error)) from error


def correlate(
    input_file: str | Path,
    *,
    overwrite: bool = False,
    restart_seconds: int = 0,
    cores: int | None = None,
    stop: threading.Event | None = None,
    on_integration: Callable[[Integration], None] | None = None,
) -> CorrelationSummary:
    """Correlate a job and write its ``.difx`` folder.

    Parameters
    ----------
    input_file : str or Path
        The job's ``.input``; its other files are those that it names, or of the same names beside it.
    overwrite : bool
        Move an existing output folder aside (``name.difx.1``…); nothing is ever deleted.
    restart_seconds : int
        As in :func:`open_job`.
    cores, stop
        As in :meth:`EmbeddedJob.integrations`.
    on_integration : callable, optional
        Called with every integration after its records are in the file.

    Raises
    ------
    OutputExists
        There is output already, and `overwrite` is not set.
    FileFormatError, UnsupportedJob, MissingData
        As :func:`open_job`, before anything is written.
    """
    began = time.monotonic()
    stop = stop or threading.Event()
    job = open_job(input_file, restart_seconds=restart_seconds)
    moved = make_folder(job.output_file.parent, overwrite=overwrite)
    done, records, observed = 0, 0, 0.0
    folder = job.output_file.parent
    with (
        AppendingWriter(job.output_file) as writer,
        ToneWriter(folder, job.input, job.tone_antennas) as tones,
    ):
        for integration in job.integrations(cores=cores, stop=stop):
            writer.append(integration.records)
            tones.append(integration.tones)
            done, records = done + 1, records + integration.n_records
            observed += job.input.configurations[integration.config].int_time
            if on_integration is not None:
                on_integration(integration)
    return CorrelationSummary(
        output=job.output_file,
        moved_aside=moved,
        integrations=done,
        records=records,
        observed_seconds=observed,
        wall_seconds=time.monotonic() - began,
        stopped=stop.is_set() and done < job.n_integrations,
        notes=job.notes(),
    )
