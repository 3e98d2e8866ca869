# SPDX-License-Identifier: GPL-3.0-or-later
"""A job by its files: what stands beside an ``.input`` file, read when it is asked for.

Nothing is kept open and nothing is asked of a server. The file set is that of ``difx-files.md`` 1.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from stat import S_ISREG
from typing import TYPE_CHECKING, Any

from difxnb.catalogue.row import job_row
from difxnb.errors import FileFormatError
from difxnb.formats import frames
from difxnb.formats.calc import Calc, read_calc
from difxnb.formats.im import Im, read_im
from difxnb.formats.input import Input, read_input
from difxnb.markup import listed, plain
from difxnb.tables.difxlog import JobLog, read_difxlog

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

_ENDINGS = ("input", "calc", "im", "flag", "channelflags", "threads", "machines", "difxlog", "difx")


class StoredJob:
    """A job by its ``.input`` file. Everything else is found from it, and read once.

    Parameters
    ----------
    input_file : path
        The ``.input`` file; it is not read before something needs it.

    Attributes
    ----------
    input_file : Path
    """

    def __init__(self, input_file: str | Path) -> None:
        self.input_file = Path(input_file).absolute()

    @property
    def name(self) -> str:
        """Name of the job: that of the file, without its ending."""
        return self.input_file.stem

    @cached_property
    def input(self) -> Input:
        """The ``.input`` file; FileFormatError where it is damaged."""
        return read_input(_ordinary(self.input_file))

    @cached_property
    def calc(self) -> Calc:
        """The ``.calc`` file; FileNotFoundError where there is none."""
        return read_calc(_ordinary(self.path("calc")))

    @cached_property
    def im(self) -> Im:
        """The delay model; FileNotFoundError where it has not been made."""
        return read_im(_ordinary(self.path("im")))

    @cached_property
    def log(self) -> JobLog:
        """The ``.difxlog``; FileNotFoundError where the job never ran."""
        return read_difxlog(_ordinary(self.path("difxlog")), input=self.input)

    def path(self, ending: str) -> Path:
        """Where a file of the job is or would be: ``"calc"``, ``"im"``, ``"flag"``, ``"difxlog"``, ``"difx"``…"""
        return self.input_file if ending == "input" else self.input.companion(ending)

    def visibilities(self, **options: Any) -> xr.Dataset:
        """Open the visibilities; `options` as those of :func:`difxnb.open_visibilities`."""
        from difxnb.visibility.stored.opening import open_visibilities

        return open_visibilities(self.input_file, **options)

    @cached_property
    def row(self) -> dict[str, Any]:
        """What the catalogue says of this job (see :meth:`difxnb.catalogue.Catalogue.frame`)."""
        return job_row(self)

    def files(self) -> pd.DataFrame:
        """Files of the job that are there: ``ending path size modified`` (bytes, UTC); a folder as its files."""
        import pandas as pd

        found = [(ending, self.path(ending)) for ending in _ENDINGS]
        rows = [(ending, path, *size_and_time(path)) for ending, path in found if path.exists()]
        endings, paths, sizes, times = zip(*rows, strict=True) if rows else ((), (), (), ())
        return frames.table(
            {
                "ending": frames.texts(endings),
                "path": frames.texts(map(str, paths)),
                "size": frames.integers(sizes),
                "modified": pd.to_datetime(pd.Series(times, dtype=float), unit="s").astype("datetime64[ns]"),
            }
        )

    def __reduce__(self) -> tuple[type[StoredJob], tuple[Path]]:
        # A worker elsewhere reads what it needs; the parsed files would only be carried about.
        return type(self), (self.input_file,)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, StoredJob) and other.input_file == self.input_file

    def __hash__(self) -> int:
        return hash(self.input_file)

    def _facts(self) -> dict[str, str]:
        row = self.row
        known = row["start"] is not None and row["stop"] is not None
        span = f"{row['start']:%Y-%m-%d %H:%M:%S} – {row['stop']:%H:%M:%S} UTC" if known else ""
        weight = row["mean_weight"]
        size = f"{row['size'] / 1e6:.1f} MB in {row['files']} files" if row["files"] else "no visibilities"
        log = f"{row['runs']} runs, {row['warnings']} warnings, {row['errors']} errors" if row["runs"] else ""
        return {
            "state": row["state"],
            "time": span,
            "antennas": row["antennas"],
            "bands": str(row["n_bands"] or ""),
            "sources": row["sources"],
            "visibilities": size,
            "mean weight": "" if weight is None else f"{weight:.3f}",
            "log": log,
            "problem": row["problem"],
            "input": str(self.input_file),
        }

    def __repr__(self) -> str:
        return plain(f"<StoredJob {self.name}>", self._facts())

    def _repr_html_(self) -> str:
        return listed(f"<StoredJob {self.name}>", self._facts())

    def frame(self) -> pd.DataFrame:
        """The one row of this job in a catalogue, see :meth:`difxnb.catalogue.Catalogue.frame`."""
        from difxnb.catalogue.row import rows_frame

        return rows_frame([self.row])

    def __fspath__(self) -> str:
        return str(self.input_file)


def _ordinary(path: Path) -> Path:
    """The path of an ordinary file; reading from a pipe would wait for ever."""
    if not S_ISREG(path.stat().st_mode):
        raise FileFormatError(path, "", "expected a file, found a folder, a pipe or a device")
    return path


def size_and_time(path: Path) -> tuple[int, float]:
    """Bytes of a file, or of the files of a folder, and when the newest was last written (unix seconds)."""
    status = path.stat()
    if not path.is_dir():
        return status.st_size, status.st_mtime
    inside = [one.stat() for one in path.iterdir() if one.is_file()]
    return sum(one.st_size for one in inside), max([one.st_mtime for one in inside], default=status.st_mtime)
