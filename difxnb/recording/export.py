# SPDX-License-Identifier: GPL-3.0-or-later
"""A recording as files that anybody can read: tables as Parquet, visibilities as Parquet, zarr or netCDF.

In: a recording. Out: a folder that comes into being whole or not at all, with a ``manifest.json`` that says what is in
it and what is not.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from difxnb.errors import OutputExists
from difxnb.formats.new_file import new_file

if TYPE_CHECKING:
    import xarray as xr

    from difxnb.recording.monitor import RecordedMonitor
    from difxnb.recording.recording import Recording

FORMATS = ("parquet", "zarr", "netcdf")
_ENDINGS = {"parquet": ".parquet", "zarr": ".zarr", "netcdf": ".nc"}


def export(recording: Recording, path: str | Path, format: str, *, is_anonymous: bool) -> Path:
    """Write the folder; see `Recording.export`."""
    if format not in FORMATS:
        raise ValueError(f"format is one of {', '.join(FORMATS)}; got {format!r}")
    target = Path(path)
    if target.exists():
        raise OutputExists(f"{target} exists already; nothing is written into it. Choose another name")
    partial = target.with_name(f"{target.name}.{secrets.token_hex(4)}.partial")
    partial.mkdir()
    try:
        made = _Export(recording, partial, format)
        made.write(is_anonymous=is_anonymous)
        if target.exists():
            raise OutputExists(f"{target} was made by somebody else meanwhile; it stays as it is")
        os.rename(partial, target)
    except BaseException:
        shutil.rmtree(partial)
        raise
    return target


class _Export:
    """One export that is being made; `files` is what it wrote, with what is in it."""

    def __init__(self, recording: Recording, folder: Path, format: str) -> None:
        self._recording, self._folder, self._format = recording, folder, format
        self.files: dict[str, str] = {}
        self.missing: dict[str, str] = {}

    def write(self, *, is_anonymous: bool) -> None:
        recording = self._recording
        recording.messages.save(self._folder / "messages.parquet")
        self.files["messages.parquet"] = f"{len(recording.messages)} rows"
        for name, frame in _tables(recording).items():
            self._table(f"{name}.parquet", frame)
        for name, run in recording.runs.items():
            self._table(f"runs/{_file_name(name)}.events.parquet", run.events)
        for name, monitor in recording.monitors.items():
            self._monitor(f"monitors/{_file_name(name)}", monitor)
        self._manifest(is_anonymous=is_anonymous)

    def _table(self, name: str, frame: pd.DataFrame) -> None:
        path = self._folder / name
        path.parent.mkdir(exist_ok=True)
        frame.to_parquet(path, engine="pyarrow", index=False)
        self.files[name] = f"{len(frame)} rows"

    def _monitor(self, name: str, monitor: RecordedMonitor) -> None:
        for part in ("products", "scans", "events"):
            self._table(f"{name}.{part}.parquet", getattr(monitor, part))
        file = name + _ENDINGS[self._format]
        try:
            dataset = monitor.dataset
        except ValueError as error:
            self.missing[file] = str(error)
            return
        _WRITERS[self._format](dataset, self._folder / file)
        self.files[file] = f"{dataset.sizes['time']} integrations"

    def _manifest(self, *, is_anonymous: bool) -> None:
        recording = self._recording
        facts = {
            "made_by": recording.software,
            "start": str(recording.start),
            "stop": str(recording.stop),
            "server": recording.server.version,
            "anonymous": is_anonymous,
            "complete": recording.is_complete,
            "damage": [[one.begin, one.end] for one in recording.damage],
            "files": self.files,
            "missing": self.missing,
        }
        (self._folder / "manifest.json").write_text(json.dumps(facts, indent=1, ensure_ascii=False) + "\n")


def _tables(recording: Recording) -> dict[str, pd.DataFrame]:
    """All tables but the messages."""
    jobs = recording.jobs.frame()
    runs = [
        {
            "run": name,
            "job": run.job,
            "input_file": run.input_file,
            "begun": pd.Timestamp(round(run.begun * 1e9)),
            "state": run.state,
            "progress": run.progress,
            "outcome": None if run.outcome is None else str(run.outcome),
            "evidence": run.outcome_evidence,
        }
        for name, run in recording.runs.items()
    ]
    names = list(jobs["job"])
    return {
        "jobs": jobs,
        "job_events": _of_all(names, recording.jobs.events),
        "weights": _of_all(names, recording.jobs.weights_table),
        "runs": pd.DataFrame(runs, columns=["run", "job", "input_file", "begun", "state", *_RUN_END]),
        "nodes": recording.nodes.frame(),
        "node_history": recording.nodes.history(),
        "recorders": recording.recorders.frame(),
        "alerts": recording.alerts.frame(),
        "senders": recording.messages.statistics("sender"),
        "connections": recording.connections,
    }


_RUN_END = ("progress", "outcome", "evidence")


def _of_all(jobs: list[str], table: Callable[[str], pd.DataFrame]) -> pd.DataFrame:
    """A table of every job, with the job in front."""
    frames = [table(job).assign(job=job) for job in jobs]
    filled = [frame for frame in frames if len(frame)]
    if not filled:
        return pd.DataFrame({"job": pd.Series([], dtype=object)})
    whole = pd.concat(filled, ignore_index=True)
    return whole[["job", *whole.columns.drop("job")]]


def _file_name(name: str) -> str:
    """A name that is one of a file, whatever somebody called a job."""
    return re.sub(r"[^\w+-]", "_", name)[:100] or "_"


# --- visibilities ----------------------------------------------------------------------------------------


def _to_netcdf(dataset: xr.Dataset, path: Path) -> None:
    from difxnb.visibility import save_netcdf

    save_netcdf(dataset, path)


def _to_zarr(dataset: xr.Dataset, path: Path) -> None:
    try:
        import zarr  # noqa: F401
    except ImportError as error:
        raise ModuleNotFoundError("format='zarr' needs zarr: pip install 'difxnb[zarr]'") from error
    # Version 3 has no type for texts yet that every reader knows.
    dataset.to_zarr(path, mode="w-", zarr_format=2, consolidated=True)


def _to_parquet(dataset: xr.Dataset, path: Path) -> None:
    """One row for each spectrum that is there, real and imaginary parts as lists over the channels."""
    rows = spectra_frame(dataset)
    with new_file(path, "visibilities") as partial:
        rows.to_parquet(partial, engine="pyarrow", index=False)


def spectra_frame(dataset: xr.Dataset) -> pd.DataFrame:
    """Spectra of a Dataset as rows: ``time baseline band polarization weight scan_name field_name real imag``."""
    visibility = dataset["VISIBILITY"].transpose("time", "baseline", "band", "polarization", "channel").values
    place = np.nonzero(np.isfinite(visibility).any(axis=-1))
    spectra = visibility[place]
    columns: dict[str, Any] = {
        name: dataset[name].values[index]
        for name, index in zip(("time", "baseline", "band", "polarization"), place, strict=True)
    }
    columns["weight"] = dataset["WEIGHT"].transpose("time", "baseline", "band", "polarization").values[place]
    for name in ("scan_name", "field_name"):
        columns[name] = dataset[name].values[place[0]].astype(object)
    channels = dataset["n_channels"].values[place[2]]
    columns["real"] = [row[:count].real for row, count in zip(spectra, channels, strict=True)]
    columns["imag"] = [row[:count].imag for row, count in zip(spectra, channels, strict=True)]
    for name in ("baseline", "polarization"):
        columns[name] = columns[name].astype(object)
    return pd.DataFrame(columns)


_WRITERS: dict[str, Callable[[Any, Path], None]] = {
    "parquet": _to_parquet,
    "zarr": _to_zarr,
    "netcdf": _to_netcdf,
}
