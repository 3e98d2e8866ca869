# SPDX-License-Identifier: GPL-3.0-or-later
"""``xarray.open_dataset(path, engine="difx")``: the entry point by which xarray finds DiFX visibilities."""

from __future__ import annotations

import re
from collections.abc import Iterable
from os import PathLike
from pathlib import Path
from typing import Any, ClassVar

import xarray as xr
from xarray.backends import BackendEntrypoint

from difxnb.formats.input import Input
from difxnb.formats.swin import name_of
from difxnb.formats.swin_scan import OnError
from difxnb.visibility.stored.building import build_dataset
from difxnb.visibility.stored.chunks import KeptVariable
from difxnb.visibility.stored.finding import FoundJobs, find_jobs, kept_source

OPENED = "difx"
"""Key of ``Dataset.encoding`` under which stands how a Dataset was opened."""

_OUTPUT = re.compile(r".+\.difx(\.\d+)?")


class DifxBackend(BackendEntrypoint):
    """Opens ``.difx`` folders, single SWIN files and ``.input`` files as :func:`difxnb.open_visibilities` does."""

    description: ClassVar[str] = (
        "Open the visibilities of DiFX jobs (.difx folders, SWIN files, .input files)"
    )
    url: ClassVar[str] = "https://github.com/difx/difx"
    open_dataset_parameters = ("filename_or_obj", "drop_variables", "input", "on_error", "growing")

    def open_dataset(
        self,
        filename_or_obj: Any,
        *,
        drop_variables: str | Iterable[str] | None = None,
        input: str | PathLike[str] | Input | None = None,
        on_error: OnError = "raise",
        growing: bool = False,
    ) -> xr.Dataset:
        """Open visibilities.

        Parameters
        ----------
        filename_or_obj, drop_variables, input, on_error, growing
            See :func:`difxnb.open_visibilities`, whose errors are raised here too.
        """
        is_found = isinstance(filename_or_obj, FoundJobs)
        found = filename_or_obj if is_found else find_jobs(filename_or_obj, input, on_error)
        built = build_dataset(found, on_error=on_error, growing=growing)
        if not is_found:
            built = _with_kept_coordinates(built)
            built.encoding[OPENED] = {
                "source": kept_source(filename_or_obj),
                "input": None if input is None else kept_source(input),
                "on_error": on_error,
                "growing": growing,
                "drop_variables": drop_variables,
            }
        if drop_variables is None:
            return built
        names = [drop_variables] if isinstance(drop_variables, str) else list(drop_variables)
        return built.drop_vars(names, errors="ignore")

    def guess_can_open(self, filename_or_obj: Any) -> bool:
        """Whether the name is that of a ``.difx`` folder, of a SWIN file, or of an ``.input`` beside its output."""
        if not isinstance(filename_or_obj, str | PathLike):
            return False
        path = Path(filename_or_obj)
        if path.suffix == ".input":
            return path.with_suffix(".difx").is_dir()
        return name_of(path) is not None or (_OUTPUT.fullmatch(path.name) is not None and path.is_dir())


def _with_kept_coordinates(dataset: xr.Dataset) -> xr.Dataset:
    """The same with coordinates that xarray does not put on dask."""
    kept = {
        name: KeptVariable(one.dims, one.values, one.attrs)
        for name, one in dataset.coords.variables.items()
        if name not in dataset.xindexes
    }
    # As coordinates they would become plain variables.
    return dataset.drop_vars(kept).assign(kept).set_coords(kept)
