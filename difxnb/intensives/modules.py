# SPDX-License-Identifier: GPL-3.0-or-later
"""Data of a session that lie on modules of recorders: looked for, copied off, and listed with their times."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from difxnb.formats.mjd import UNIX_EPOCH_MJD
from difxnb.intensives.recipe import StationData
from difxnb.intensives.steps import Context

NOWHERE = "as the .v2d says"
"""In place of a module where a ``.v2d`` names no data of a station."""
_COPY_S = 12 * 3600.0
_LIST_S = 3600.0
_DIRECTORY_S = 600.0


async def look_at_modules(context: Context, one: StationData) -> str:
    """Why the data of a station are not on its modules; empty where they are, or where nobody can tell.

    A Mark5 is asked for the directory of the module, a Mark6 tells only that it is in. Where no recorder is named and
    none was heard of, the module is taken to be where the job looks for it.
    """
    for word in () if one.pattern == NOWHERE else one.pattern.split():
        recorder, vsn = _placed(context, word)
        if not recorder:
            if len(context.difx.recorders.frame()):
                return f"module {vsn} is in none of the recorders that were heard of"
            continue
        if _is_mark6(context, recorder):
            slots = context.difx.recorders.modules(recorder.partition(".")[0])
            if vsn not in set(slots["vsn"]):
                return f"module {vsn} is in no slot of {recorder}"
            continue
        if why := await _uncovered(context, one.station, recorder, vsn):
            return why
    return ""


async def copied_off(context: Context, one: StationData) -> list[str]:
    """Copy the scans of the schedule off the module of a station; gives the files.

    Raises
    ------
    RecorderError, RemoteFileExists, RemoteFileError, NoReply, ConnectionLost
    """
    recorder, vsn = _placed(context, one.pattern)
    directory = await context.difx.recorder(recorder).directory(vsn, timeout=_DIRECTORY_S)
    vex, target = context.vex(), context.named(one.copy_to)
    mine = directory[(directory["stop"] > vex.start) & (directory["start"] < vex.stop)]
    await context.difx.mkdir(target)
    copied = await context.difx.recorder(recorder).copy(
        vsn, [int(number) for number in mine["scan"]], target, overwrite=context.again, timeout=_COPY_S
    )
    return [str(path) for path in copied["file"]]


async def listed(context: Context, one: StationData, files: Sequence[str]) -> str:
    """Have recordings of a station listed with their times, in the place of the session; gives the list."""
    target = f"{context.place}/{context.numbered(context.stem)}-{one.station}.filelist"
    day = int(UNIX_EPOCH_MJD + context.vex().start.astype("datetime64[D]").astype(np.int64))
    await context.difx.mkdir(context.place)
    await context.difx.file_list(list(files), target, one.list_as, day, context.again, timeout=_LIST_S)
    return target


def _placed(context: Context, word: str) -> tuple[str, str]:
    """Recorder and module: as the recipe says (``mark5-03:VSN``), else the recorder that was heard to have it."""
    recorder, _, vsn = word.rpartition(":")
    if not recorder:
        known = context.difx.recorders.modules()
        there = known.loc[known["vsn"] == vsn, "recorder"].tolist()
        recorder = str(there[0]) if there else ""
    return recorder, vsn


def _is_mark6(context: Context, recorder: str) -> bool:
    heard = context.difx.recorders.frame()
    return bool((heard.loc[heard["recorder"] == recorder.partition(".")[0], "type"] == "Mark6").any())


async def _uncovered(context: Context, station: str, recorder: str, vsn: str) -> str:
    """Why no scan of a station is on a module."""
    table = await context.difx.coverage(context.vex(), {station: f"{recorder}:{vsn}"}, timeout=_DIRECTORY_S)
    failed = table.attrs["failed"]
    if len(failed):
        return f"module {vsn} of {recorder} cannot be read: {failed['why'].iloc[0]}"
    own = table[table["station"].str.upper() == station.upper()]
    if not own["state"].isin(("complete", "partly")).any():
        return f"module {vsn} of {recorder} has none of its {len(own)} scans"
    return ""
