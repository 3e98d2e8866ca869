# SPDX-License-Identifier: GPL-3.0-or-later
"""Texts of experiments put on a server, whole or not at all; and whether they are still those that were put there.

guiServer writes over what is there, and knows no way to take a name before others do. Two people who begin at the same
moment are told apart by reading back what was written, before jobs are made of it and after.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from difxnb.aio.experiment_files import next_stem
from difxnb.errors import DifxError, RemoteFileChanged, RemoteFileNotFound

if TYPE_CHECKING:
    from difxnb.aio.correlator import Correlator
    from difxnb.aio.experiment_plan import ExperimentPlan

_MOST_NAMES = 20


async def write_plan(difx: Correlator, plan: ExperimentPlan) -> None:
    """Make the directory and the two texts, or leave all as it was."""
    if plan.is_new:
        await difx.mkdir(plan.directory)
    written = dict[str, bytes]()
    kept = dict[str, str]()
    try:
        for file in plan.files:
            if file.action == "write":
                written[file.path] = file.content
                await difx.send_file(file.path, file.content)
            elif file.before is not None and file.action == "replace":
                backup = await difx.head_node.replace_file(file.path, file.before, file.content, backup=True)
                kept |= {file.path: backup} if backup else {}
    except (DifxError, asyncio.CancelledError):
        await _undo(difx, plan, written, kept)
        raise


async def _undo(
    difx: Correlator, plan: ExperimentPlan, written: Mapping[str, bytes], kept: Mapping[str, str]
) -> None:
    for path, content in written.items():
        with suppress(DifxError):
            if await _is(difx, path, content):  # else it is somebody else's by now
                await difx.rm(path)
    for path, backup in kept.items():
        with suppress(DifxError):
            await difx.mv(backup, path, overwrite=True)
    if plan.is_new:
        with suppress(DifxError):
            await difx.rmdir(plan.directory)


async def put_beside(difx: Correlator, path: PurePosixPath, content: bytes) -> str:
    """Write a ``.v2d`` beside another, as ``STEM-2.v2d`` or the next number that is free; gives its path."""
    taken = list[str]()
    for _ in range(_MOST_NAMES):
        names: Sequence[str] = (await difx.ls(str(path.parent)))["name"].tolist()
        target = str(path.with_name(f"{next_stem(path.name, [*names, *taken])}.v2d"))
        await difx.send_file(target, content)
        if await _is(difx, target, content):
            return target
        taken.append(PurePosixPath(target).name)  # somebody took it at the same moment
    raise RemoteFileChanged(f"{path}: others write the files that come after it all the time; try again")


async def require_kept(difx: Correlator, texts: Mapping[str, bytes], what: str, then: str = "") -> None:
    """Refuse to go on with texts that somebody wrote over: RemoteFileChanged."""
    for path, content in texts.items():
        if not await _is(difx, path, content):
            raise RemoteFileChanged(
                f"{what}: somebody else wrote {path} at the same time{f', and {then}' if then else ''}; look at it, "
                "and take another directory or another name"
            )


async def _is(difx: Correlator, path: str, content: bytes) -> bool:
    try:
        return await difx.get_file(path) == content
    except RemoteFileNotFound:
        return False
