# SPDX-License-Identifier: GPL-3.0-or-later
"""Correlate a DiFX job here: read what DiFX wrote, compute what mpifxcorr would, write SWIN.

:func:`open_job` reads a job and refuses by name what cannot be done; :class:`EmbeddedJob` computes it, one
integration after the other; :func:`correlate` writes the output folder. The arithmetic is that of
``mpifxcorr-algorithm.md``, in the modules beside this one.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from difxnb.formats.calc import Calc
from difxnb.formats.im import Im
from difxnb.formats.input_model import Input


@dataclass(frozen=True, slots=True)
class Integration:
    """What one integration gave.

    Attributes
    ----------
    config, scan, source : int
        Rows of the configurations, of the ``.calc``'s scans and of its sources.
    start_mjd, start_seconds : int, float
        Start of the integration, UTC.
    mjd, seconds : int, float
        Its nominal centre as the records carry it: the day of the start, so seconds may exceed 86400.
    records : bytes
        SWIN records ready to append, in mpifxcorr's order; products of no weight are absent.
    n_records : int
        How many they are.
    weights : list of float
        Per datastream of the configuration: mean weight of the autocorrelations of its used recorded bands.
    result : ndarray
        complex64, the whole array of results in the order of :func:`difxnb.formats.result_layout.result_layout`.
    """

    config: int
    scan: int
    source: int
    start_mjd: int
    start_seconds: float
    mjd: int
    seconds: float
    records: bytes
    n_records: int
    weights: list[float]
    result: NDArray[np.complex64]


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


class EmbeddedJob:
    """A job that can be correlated here; made by :func:`open_job`.

    Attributes
    ----------
    input, calc, im : Input, Calc, Im
        The job's files.
    threads : list of int
        Threads of each core process as the ``.threads`` file asks; empty without such a file.
    n_integrations : int
        Integrations that the job will give.
    output_file : Path
        The SWIN file that belongs to the job.
    """

    input: Input
    calc: Calc
    im: Im
    threads: list[int]
    n_integrations: int
    output_file: Path

    def integrations(
        self, *, threads: int | None = None, stop: threading.Event | None = None
    ) -> Iterator[Integration]:
        """Compute the job, integration after integration, in order of time.

        Parameters
        ----------
        threads : int, optional
            Threads to compute with; all processors by default.
        stop : threading.Event, optional
            Once set, the iteration ends within a moment; an integration that is not whole is not yielded.
        """
        raise NotImplementedError

    def notes(self) -> tuple[str, ...]:
        """What the user should know about the computation so far."""
        raise NotImplementedError


def open_job(input_file: str | Path) -> EmbeddedJob:
    """Read a job and check that it can be done.

    Raises
    ------
    FileFormatError
        A job file or recording is damaged.
    UnsupportedJob
        The job needs what this correlator does not have; every reason is named.
    MissingData
        Recordings do not exist.
    """
    raise NotImplementedError


def correlate(
    input_file: str | Path,
    *,
    overwrite: bool = False,
    threads: int | None = None,
    stop: threading.Event | None = None,
    on_integration: Callable[[Integration], None] | None = None,
) -> CorrelationSummary:
    """Correlate a job and write its ``.difx`` folder.

    Parameters
    ----------
    overwrite : bool
        Move an existing output folder aside (``name.difx.1``…); nothing is ever deleted.
    threads, stop
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
    raise NotImplementedError
