# SPDX-License-Identifier: GPL-3.0-or-later
"""Making a job again without some stations: which ``.v2d`` it came from, and which of the new jobs take its place."""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from difxnb.errors import NothingMade, RemoteFileNotFound
from difxnb.formats.joblist import JobEntry, JobList, parse_joblist
from difxnb.formats.mjd import DAY_S
from difxnb.formats.v2d import parse_v2d

if TYPE_CHECKING:
    import pandas as pd

_NUMBERED = re.compile(r"(?P<series>.+)_[0-9]{1,9}")
# Times in a .joblist are good to hundredths of a second.
_SLACK_S = 0.1
_MOST_SERIES = 100

GetFile = Callable[[str], Awaitable[bytes]]
RebuildWithout = Callable[[str, Sequence[str]], Awaitable["pd.DataFrame"]]


class OncePerSeries:
    """Makes all jobs of a ``.v2d`` again without some stations, once for all of those that fail.

    Another time it is made only where the ``.v2d`` or its schedule was changed meanwhile, or what was made is gone.

    Parameters
    ----------
    get_file, rebuild_without : callable
        Those of a `Correlator`.
    recall, keep : callable
        Give what was made so far, and take it, as plain values.
    """

    def __init__(
        self,
        get_file: GetFile,
        rebuild_without: RebuildWithout,
        recall: Callable[[], object],
        keep: Callable[[list[dict[str, object]]], None],
    ) -> None:
        self._get_file, self._rebuild_without = get_file, rebuild_without
        self._recall, self._keep = recall, keep
        self._at_it = asyncio.Lock()

    async def __call__(self, v2d: str, stations: Sequence[str]) -> pd.DataFrame:
        """The jobs that were made; see `Correlator.rebuild_without`."""
        import pandas as pd

        async with self._at_it:
            mark, known = await self._mark(v2d, stations), self._known()
            for one in known:
                if one["mark"] == mark and await self._is_there(one["made"]):
                    return pd.DataFrame({"input": one["made"]})
            made = await self._rebuild_without(v2d, stations)
            kept = [*known, {"mark": mark, "made": [str(path) for path in made["input"]]}]
            self._keep(kept[-_MOST_SERIES:])
            return made

    def _known(self) -> list[dict[str, Any]]:
        """What was made; nothing of what is damaged."""
        listed = self._recall()
        whole = listed if isinstance(listed, list) else []
        return [one for one in whole if isinstance(one, dict) and one.get("made") and "mark" in one]

    async def _mark(self, v2d: str, stations: Sequence[str]) -> str:
        """What tells apart two series that differ: stations, and what the jobs are made of."""
        content = await self._get_file(v2d)
        marked = hashlib.sha256(repr((v2d, sorted(stations))).encode() + content)
        named = parse_v2d(content.decode("utf-8", "surrogateescape"), v2d).get("vex")
        if named:
            marked.update(await self._get_file(str(PurePosixPath(v2d).parent / str(named))))
        return marked.hexdigest()

    async def _is_there(self, made: Sequence[str]) -> bool:
        try:
            await self._get_file(str(made[0]))
        except RemoteFileNotFound:
            return False
        return True


async def rebuild_from_joblist(
    get_file: GetFile,
    rebuild_without: RebuildWithout,
    input_file: str,
    stations: Sequence[str],
) -> list[str]:
    """Make the jobs of the ``.v2d`` of a job again, as `Correlator.rebuild_without`, and find those in its place.

    Parameters
    ----------
    get_file : callable
        That of a `Correlator`.
    rebuild_without : callable
        That of a `Correlator`, or `OncePerSeries`.
    input_file : str
        A job of vex2difx: its ``.joblist`` names the ``.v2d``.
    stations : sequence of str
        Those to leave out.

    Returns
    -------
    list of str
        The ``.input`` files of those of the same time, or of the only one where that is not known. Numbers say nothing:
        without a station there may be fewer jobs.

    Raises
    ------
    ValueError
        The name is none that vex2difx gives, or the list does not say where the job is from.
    NothingMade
        None of the new jobs can be told to take its place.
    DifxError
        As those of `Correlator.rebuild_without`.
    """
    path = PurePosixPath(input_file)
    named = _NUMBERED.fullmatch(path.stem)
    if named is None:
        raise ValueError(f"{path.stem} has no number, so nobody knows which .joblist it is in")
    place = path.with_name(f"{named['series']}.joblist")
    listed = await _read(get_file, place)
    v2d = PurePosixPath(listed.header.get("v2d", "")).name
    if not v2d.endswith(".v2d"):
        raise ValueError(f"{place} does not say from which .v2d it was made")
    made = await rebuild_without(str(path.with_name(v2d)), stations)
    paths = [str(one) for one in made["input"]]
    old = next((job for job in listed.jobs if job.name == path.stem), None)
    if old is None and len(paths) == 1:
        return paths
    if old is None:
        raise NothingMade(
            f"{len(paths)} jobs were made of {v2d}, and {place} does not say when {path.stem} was"
        )
    series = PurePosixPath(paths[0]).stem.rpartition("_")[0]
    new = await _read(get_file, path.with_name(f"{series}.joblist"))
    same = {job.name for job in new.jobs if _overlap_s(job, old) > _SLACK_S}
    found = [one for one in paths if PurePosixPath(one).stem in same]
    if not found:
        count = "1 job was" if len(paths) == 1 else f"{len(paths)} jobs were"
        raise NothingMade(f"{count} made of {v2d}, and none at the time of {path.stem}")
    return found


async def _read(get_file: GetFile, path: PurePosixPath) -> JobList:
    return parse_joblist((await get_file(str(path))).decode("utf-8", "replace"), Path(path))


def _overlap_s(one: JobEntry, other: JobEntry) -> float:
    return DAY_S * (min(one.mjd_stop, other.mjd_stop) - max(one.mjd_start, other.mjd_start))
