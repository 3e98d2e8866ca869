# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a schedule is there: recordings on modules and in files, against scans; and lists of them in a ``.v2d``."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from os import PathLike
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, cast

import pandas as pd

from difxnb.aio.experiment_sources import find_source
from difxnb.aio.overheard import OnLine, require_timeout
from difxnb.aio.recorder_frames import directory_frame
from difxnb.client.plain_values import plain_path
from difxnb.errors import ConnectionLost, DifxError, RecorderError, RemoteFileNotFound
from difxnb.formats.module_directory import parse_module_directory
from difxnb.formats.v2d import V2d, parse_v2d
from difxnb.formats.vex import Vex, parse_vex
from difxnb.tables.attached import AttachedFrame
from difxnb.tables.columns import texts
from difxnb.tables.module_coverage import module_coverage
from difxnb.tables.recording_list import recording_list_frame

if TYPE_CHECKING:
    from difxnb.aio.correlator import Correlator

_DIRECTORY_END = ".dir"


@dataclass(frozen=True, slots=True)
class _Medium:
    """Where recordings of a station are listed: a module in a recorder, or a file on the server."""

    station: str
    text: str
    recorder: str = ""
    vsn: str = ""


@dataclass(frozen=True, slots=True)
class _Failed:
    station: str
    medium: str
    why: str


class CoverageVerbs:
    """The verbs of a `Correlator` that hold recordings against a schedule."""

    async def coverage(
        self,
        vex: str | PathLike[str] | Vex,
        media: Mapping[str, str | Sequence[str]],
        *,
        slack: float = 5.0,
        timeout: float = 60.0,
    ) -> pd.DataFrame:
        """Say of each scan and station of a schedule how much of it was recorded, and on what.

        Parameters
        ----------
        vex : str, path or Vex
            The schedule: a path on the server, of this machine, an address, or what `difxnb.read_vex` gave.
        media : mapping of str to sequence of str
            By station: ``"mark5-03:VSN+0123"`` (the directory of that module is asked of that recorder), or absolute
            paths on the server of lists of files, or of directories of modules (``.dir``). A Mark6 tells no directory
            to guiServer: have its files listed with `list_recordings`.
        slack : float
            Seconds of a scan that may be missing where it still counts as complete.
        timeout : float
            Seconds for each directory.

        Returns
        -------
        DataFrame
            As :func:`difxnb.tables.module_coverage.module_coverage`: ``scan station start stop needed recorded share
            media state note``. In ``attrs``: ``failed``, a DataFrame ``station medium why`` of what could not be read;
            its scans say so in `note`.

        Raises
        ------
        ValueError
            No such station in the schedule; what is no module and no path.
        RemoteFileNotFound, FileNotFoundError, FileFormatError
            Of the schedule.
        ConnectionLost
        """
        difx = cast("Correlator", self)
        require_timeout(timeout)
        wanted = [_medium(station, text) for station, given in media.items() for text in _several(given)]
        for medium in wanted:
            if medium.recorder:
                difx.recorder(medium.recorder)  # which refuses names that are none
        schedule = vex if isinstance(vex, Vex) else await _schedule(difx, vex, timeout)
        frames: dict[str, list[pd.DataFrame]] = {station: [] for station in media}
        failed = list[_Failed]()
        module_coverage(schedule, frames, slack=slack)  # mistakes are told before anything is asked
        for medium in wanted:
            try:
                frames[medium.station].append(await _read(difx, medium, timeout))
            except ConnectionLost:
                raise
            except (DifxError, OSError) as error:
                failed.append(_Failed(medium.station, medium.text, str(error)))
        table = await asyncio.to_thread(module_coverage, schedule, frames, slack=slack)
        _tell_failed(table, failed)
        table.attrs["failed"] = AttachedFrame(
            {name: texts(getattr(one, name) for one in failed) for name in ("station", "medium", "why")}
        )
        return table

    async def list_recordings(
        self,
        v2d: str,
        antenna: str,
        files: str | Sequence[str],
        format: str,
        mjd: int,
        *,
        overwrite: bool = False,
        timeout: float = 600.0,
        progress: OnLine | None = None,
    ) -> pd.DataFrame:
        """List recordings of a station with their times, and have a ``.v2d`` on the server name that list.

        The list goes beside the ``.v2d`` as ``STEM-ANTENNA.filelist``. The antenna gets ``filelist`` and loses ``file``
        and ``module``; everything else in the ``.v2d`` stays, and the old one is kept beside it.

        Parameters
        ----------
        v2d : str
            Absolute path on the server.
        antenna : str
            Station, as the schedule calls it.
        files : str or sequence of str
            Recordings: absolute paths on the server, or patterns with ``*`` and ``?``. Those of a Mark6 as well, once
            its modules are mounted.
        format, mjd
            As for `file_list`.
        overwrite : bool
            Replace a list that is there.
        timeout : float
            Seconds for the whole.
        progress : callable, optional
            Called with each recording that is done.

        Returns
        -------
        DataFrame
            As from `file_list`: ``file start stop duration listed``. In ``attrs`` besides: ``v2d``, ``diff`` (what was
            changed in it) and ``backup`` (path of the old one; None where nothing changed).

        Raises
        ------
        ValueError, FileFormatError
            The ``.v2d`` cannot be read, or cannot name the list; nothing was made.
        RemoteFileExists
            The list is there, and `overwrite` is not said.
        RemoteFileChanged
            Somebody changed the ``.v2d`` meanwhile; a list that is new was removed again.
        RemoteFileNotFound, RemotePermission, RemoteFileError
        UnsafeValue, NoReply, ConnectionLost
        """
        difx = cast("Correlator", self)
        destination = list_path(v2d, antenna)
        opened = await difx.open_text(v2d)
        opened.text = _naming(parse_v2d(opened.text, v2d), antenna, destination).text
        diff = opened.diff()
        is_new = await _is_missing(difx, destination)
        frame = await difx.file_list(
            files, destination, format, mjd, overwrite, timeout=timeout, progress=progress
        )
        try:
            backup = await opened.save()
        except DifxError:
            if is_new:
                with suppress(DifxError):
                    await difx.rm(destination)
            raise
        frame.attrs.update(v2d=v2d, diff=diff, backup=backup)
        return frame


def list_path(v2d: str, antenna: str) -> str:
    """Where the list of a station goes: beside the ``.v2d``.

    Raises
    ------
    UnsafeValue, ValueError
        A path or a name that cannot be sent.
    """
    path = PurePosixPath(plain_path(v2d, "v2d file"))
    if path.suffix != ".v2d":
        raise ValueError(f"a list of recordings goes into a .v2d file, such as /data/exp/e.v2d; got {v2d!r}")
    if not antenna.isalnum():
        raise ValueError(f"a station is called by letters and digits, such as Wz; got {antenna!r}")
    return plain_path(str(path.with_name(f"{path.stem}-{antenna}.filelist")), "list of recordings")


def _naming(v2d: V2d, antenna: str, destination: str) -> V2d:
    return v2d.with_files(antenna, filelist=destination)


async def _is_missing(difx: Correlator, path: str) -> bool:
    try:
        await difx.ls(path)
    except RemoteFileNotFound:
        return True
    return False


async def _schedule(difx: Correlator, vex: str | PathLike[str], timeout: float) -> Vex:
    source = await find_source(difx, vex, "schedule", timeout)
    return await asyncio.to_thread(parse_vex, source.text, source.path or source.name or "schedule")


def _several(given: str | Sequence[str]) -> Sequence[str]:
    return [given] if isinstance(given, str) else given


def _medium(station: str, text: str) -> _Medium:
    if text.startswith("/"):
        return _Medium(station, text)
    recorder, colon, vsn = text.partition(":")
    if not (recorder and colon and vsn):
        raise ValueError(
            f"recordings of {station} are named as RECORDER:VSN, or by the path of a list on the server; got {text!r}"
        )
    return _Medium(station, text, recorder, vsn)


async def _read(difx: Correlator, medium: _Medium, timeout: float) -> pd.DataFrame:
    if medium.recorder:
        _require_directories(difx, medium.recorder, medium.vsn)
        return await difx.recorder(medium.recorder).directory(medium.vsn, timeout=timeout)
    text = (await difx.get_file(medium.text)).decode("utf-8", "replace")
    if not medium.text.endswith(_DIRECTORY_END):
        return recording_list_frame(text, medium.text)
    directory = parse_module_directory(text, medium.text)
    frame = directory_frame(directory)
    frame.attrs["vsn"] = directory.vsn
    return frame


def _require_directories(difx: Correlator, recorder: str, vsn: str) -> None:
    """A Mark6 that was heard of is not asked for what it cannot tell."""
    heard = difx.recorders.frame()
    name = recorder.partition(".")[0]
    if not (heard.loc[heard["recorder"] == name, "type"] == "Mark6").any():
        return
    modules = difx.recorders.modules(name)
    slots = modules.loc[modules["vsn"] == vsn, "bank"].tolist()
    where = f"is in slot {slots[0]}" if slots else "is in no slot of it"
    raise RecorderError(
        f"{recorder} is a Mark6, which tells no directory ({vsn} {where}); mount the module, and have its files "
        "listed with list_recordings"
    )


def _tell_failed(table: pd.DataFrame, failed: Iterable[_Failed]) -> None:
    """Say of scans that are not complete what could not be read."""
    for one in failed:
        rows = (table["station"].str.upper() == one.station.upper()) & (table["state"] != "complete")
        told = f"{one.medium} could not be read"
        table.loc[rows, "note"] = [f"{note}; {told}" if note else told for note in table.loc[rows, "note"]]
