# SPDX-License-Identifier: GPL-3.0-or-later
"""Open the visibilities of jobs lazily, open them again when they have grown, and say what was passed over.

In go names of ``.difx`` folders, SWIN files or ``.input`` files, out comes one Dataset of the shape in the package
docstring. Mirrors ``difx-files.md`` 13.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from os import PathLike
from typing import Any

import pandas as pd
import xarray as xr

from difxnb.formats.input import Input
from difxnb.formats.swin_scan import OnError
from difxnb.visibility.stored.backend import OPENED, DifxBackend
from difxnb.visibility.stored.chunks import Chunks, in_chunks
from difxnb.visibility.stored.finding import Source, find_jobs, kept_source


def open_visibilities(
    source: Source,
    *,
    input: str | PathLike[str] | Input | None = None,
    on_error: OnError = "raise",
    growing: bool = False,
    chunks: Chunks = None,
    cache: bool | None = None,
    drop_variables: str | Iterable[str] | None = None,
) -> xr.Dataset:
    """Open visibilities as one Dataset; spectra are read when they are used.

    What belongs together becomes one Dataset: phase centres, pulsar bins, the files of restarts, and several jobs of
    an observation. Antennas of different jobs are the same where their names are, bands where their edges, sidebands
    and channels are. A spectrum that was not written is NaN with weight 0; of two of the same product and time the one
    in the later file counts.

    Parameters
    ----------
    source : path, Input, job, or list of these
        A ``.difx`` folder, a SWIN file in it, an ``.input`` file, a pattern of any of them (``"r4*/*.difx"``), a parsed
        :class:`~difxnb.formats.input.Input`, or a job object whose files are on this machine.
    input : path or Input, optional
        The ``.input`` of the job, where it is not beside the output.
    on_error : {"raise", "skip"}
        Whether a damaged file is an error, or what is left of it is given. Of several jobs those that have not run,
        or cannot be read at all, are left out then. What was passed over is told by a warning and by
        `skipped_frame`.
    growing : bool
        Whether the correlator may still be writing: a last record that is not complete is then left out, and
        `reopen` gives what has come since. Products of the last integration that are yet to come are missing as any
        other: NaN with weight 0.
    chunks : int, mapping, "auto" or None
        Chunks of dask arrays, as of ``xarray.open_dataset``; where that leaves time open, as ``{}`` does, a chunk has
        whole integrations of some 64 MB. None makes no dask arrays. A dimension that a job does not have is no
        mistake, one that none has is.
    cache : bool, optional
        Whether spectra stay in memory once they were read; by default where `chunks` is None.
    drop_variables : str or iterable of str, optional
        What to leave out.

    Returns
    -------
    Dataset
        Its ``attrs`` have ``files`` (a line each), ``skipped`` (JSON, empty where nothing was), ``duplicates`` (records
        that a later one replaced) and ``untrusted_autocorrelations`` (1 where they are, see
        :class:`~difxnb.errors.DoubtfulAutocorrelations`). Where there are several phase centres, ``UVW`` has them
        too, and ``phase_center_name`` (time, phase_center) their sources, of which ``field_name`` is the first. Where
        configurations differ there is ``integration_time`` (time), s.

    Raises
    ------
    VisibilitiesNotFound
        No ``.input``, no output or no SWIN file is where it was looked for. Files without records are no error.
    FileFormatError
        A file is damaged (with the byte), of DiFX 1, or does not belong to the ``.input``.
    ValueError, TypeError
        A source or an option that means nothing.

    Warns
    -----
    DamagedData, DoubtfulAutocorrelations
    """
    options: dict[str, Any] = {
        "on_error": on_error,
        "growing": growing,
        "chunks": chunks,
        "cache": cache,
        "drop_variables": drop_variables,
    }
    source = list(source) if isinstance(source, Iterator) else source
    opened = xr.open_dataset(
        find_jobs(source, input, on_error),  # type: ignore[arg-type]
        engine=DifxBackend,
        cache=chunks is None if cache is None else cache,
        drop_variables=drop_variables,
        on_error=on_error,
        growing=growing,
    )
    opened.coords.to_dataset().load()  # they are in memory anyway; xarray makes even them lazy
    if chunks is not None:
        cut = {name: in_chunks(one.variable, chunks, str(name)) for name, one in opened.items()}
        opened = opened.assign(cut)
    opened.encoding["source"] = opened.attrs["files"].partition("\n")[0]
    opened.encoding[OPENED] = {
        "source": kept_source(source),
        "input": None if input is None else kept_source(input),
        **options,
    }
    return opened


def reopen(dataset: xr.Dataset) -> xr.Dataset:
    """Open visibilities again, with what has been written since; indexed is only what is new.

    Parameters
    ----------
    dataset : Dataset
        From :func:`open_visibilities` or ``xarray.open_dataset``. What was selected from it is not selected again.

    Returns
    -------
    Dataset
        A new one; the old one stays what it was.

    Raises
    ------
    ValueError
        The Dataset does not know any more how it was opened, as after most arithmetic.
    """
    how = dataset.encoding.get(OPENED)
    if how is None:
        raise ValueError(
            "this Dataset does not know from which files it was opened (arithmetic and joining lose that); "
            "keep the one that open_visibilities gave and refresh it, or open the files again"
        )
    if (
        "chunks" not in how and dataset.chunksizes
    ):  # opened by xarray, which keeps to itself what was asked for
        how = {**how, "chunks": {}}
    return open_visibilities(**how)


def skipped_frame(dataset: xr.Dataset) -> pd.DataFrame:
    """What was passed over when visibilities were opened with ``on_error="skip"``.

    Parameters
    ----------
    dataset : Dataset
        From :func:`open_visibilities`, or made of it.

    Returns
    -------
    DataFrame
        ``file``, ``offset`` (first byte), ``size`` (bytes), ``reason``; a row per place. Of a job or file that is
        left out as a whole offset and size are 0.
    """
    listed = json.loads(dataset.attrs.get("skipped") or "[]")
    frame = pd.DataFrame(listed, columns=["file", "offset", "size", "reason"])
    return frame.astype({"offset": "int64", "size": "int64"})
