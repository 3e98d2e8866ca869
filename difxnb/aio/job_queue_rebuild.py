# SPDX-License-Identifier: GPL-3.0-or-later
"""Making a job again without some stations: which ``.v2d`` it came from, and which of the new jobs takes its place."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from difxnb.errors import NothingMade
from difxnb.formats.joblist import parse_joblist

if TYPE_CHECKING:
    import pandas as pd

_NUMBERED = re.compile(r"(?P<series>.+)_(?P<number>[0-9]{1,9})")


async def rebuild_from_joblist(
    get_file: Callable[[str], Awaitable[bytes]],
    rebuild_without: Callable[[str, Sequence[str]], Awaitable[pd.DataFrame]],
    input_file: str,
    stations: Sequence[str],
) -> list[str]:
    """Make the jobs of the ``.v2d`` of a job again, as `Correlator.rebuild_without`, and find the one like it.

    Parameters
    ----------
    get_file, rebuild_without : callable
        Those of a `Correlator`.
    input_file : str
        A job of vex2difx: its ``.joblist`` names the ``.v2d``.
    stations : sequence of str
        Those to leave out.

    Returns
    -------
    list of str
        The ``.input`` file of the same number, or of the only job that was made.

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
    listed = path.with_name(f"{named['series']}.joblist")
    text = (await get_file(str(listed))).decode("utf-8", "replace")
    v2d = PurePosixPath(parse_joblist(text, Path(listed)).header.get("v2d", "")).name
    if not v2d.endswith(".v2d"):
        raise ValueError(f"{listed} does not say from which .v2d it was made")
    made = await rebuild_without(str(path.with_name(v2d)), stations)
    paths = [str(one) for one in made["input"]]
    same = [one for one in paths if PurePosixPath(one).stem.rpartition("_")[2] == named["number"]]
    if len(paths) > 1 and len(same) != 1:
        raise NothingMade(
            f"{len(paths)} jobs were made of {v2d}, and none of them has the number of {path.stem}"
        )
    return same if len(same) == 1 else paths
