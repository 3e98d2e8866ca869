# SPDX-License-Identifier: GPL-3.0-or-later
"""The visibilities that a job has written, wherever they are: opened in place, or fetched and opened."""

from __future__ import annotations

import asyncio
from os import PathLike
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from difxnb.aio.job_files import JobFiles
from difxnb.client.remote_files import Progress
from difxnb.errors import RemoteFileNotFound, VisibilitiesNotFound

if TYPE_CHECKING:
    import xarray as xr

_BESIDE = ("calc", "im", "flag", "difxlog")


class WrittenJob(JobFiles):
    """A job and its output."""

    async def visibilities(
        self,
        directory: str | PathLike[str] | None = None,
        *,
        overwrite: bool = False,
        progress: Progress | None = None,
        **options: Any,
    ) -> xr.Dataset:
        """Open what the job has written.

        Where the files are on this machine under the same name, as on a head node or a shared disk, they are opened
        there. From elsewhere they are fetched into a directory first.

        Parameters
        ----------
        directory : path-like, optional
            Where to put ``.input``, ``.calc``, ``.im``, ``.flag``, ``.difxlog`` and the output folder where they have
            to be fetched; made if need be.
        overwrite : bool
            Replace what is there already, as when a running job is fetched again.
        progress : callable, optional
            Called with bytes of the output received and bytes in all.
        **options
            As of :func:`difxnb.open_visibilities`; ``growing`` is True by itself while the job runs.

        Returns
        -------
        Dataset

        Raises
        ------
        VisibilitiesNotFound
            They are not on this machine, and no directory is given; or the job has no output.
        RemoteFileNotFound
            There is no such job.
        FileExistsError
            A local file is in the way. Nothing is overwritten unless that is asked for.
        FileFormatError, RemoteFileError, OSError, NoReply, ConnectionLost
        """
        from difxnb.visibility import open_visibilities

        # It may end meanwhile, so it is asked before anything is read.
        options.setdefault("growing", self._is_running())
        input_file = Path(self.input_file)
        if await self._is_here(input_file):
            return await asyncio.to_thread(open_visibilities, input_file, **options)
        if directory is None:
            raise VisibilitiesNotFound(
                f"{self.input_file} is on {self._correlator.address.host} and not under that name on this machine; "
                "visibilities(directory=...) fetches its files",
                (input_file,),
            )
        local = Path(directory).expanduser().absolute()
        output = await self._fetch(local, overwrite, progress)
        options.setdefault("input", local / input_file.name)
        return await asyncio.to_thread(open_visibilities, output, **options)

    def _is_running(self) -> bool:
        run = self._correlator.runs.get(self.input_file)
        return (run is not None and not run.done) or self._correlator.jobs.is_running(self.identifier)

    async def _is_here(self, input_file: Path) -> bool:
        """Whether this machine has the same file under the same name."""
        content = await self._correlator.get_file(self.input_file)
        return input_file.is_file() and await asyncio.to_thread(input_file.read_bytes) == content

    async def _fetch(self, local: Path, overwrite: bool, progress: Progress | None) -> Path:
        """Fetch the job's files; gives the output folder."""
        inp, download = await self.input(), self._correlator.download
        found = await self._output(self.outputs(inp))
        local.mkdir(parents=True, exist_ok=True)
        await download(self.input_file, local / PurePosixPath(self.input_file).name, overwrite=overwrite)
        beside = [f"{self.base}.{ending}" for ending in _BESIDE]
        if inp.calc_filename.startswith("/"):
            beside[0] = inp.calc_filename
        for path in beside:
            try:
                await download(path, local / PurePosixPath(path).name, overwrite=overwrite)
            except RemoteFileNotFound:
                continue  # a job works without them, only with fewer names
        return await download(found, local, recursive=True, overwrite=overwrite, progress=progress)

    async def _output(self, candidates: list[str]) -> str:
        """The first output folder that exists."""
        for path in candidates:
            try:
                await self._correlator.ls(path)
                return path
            except RemoteFileNotFound:
                continue
        host = self._correlator.address.host
        raise VisibilitiesNotFound(
            f"there is no output {' or '.join(candidates)} on {host}: was the job run?", candidates
        )
