# SPDX-License-Identifier: GPL-3.0-or-later
"""Experiments: a schedule and a ``.v2d`` put down on the server, and jobs made of them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from os import PathLike
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, cast

from difxnb.aio.experiment_files import files_frame
from difxnb.aio.experiment_orders import Named, find_orders, fitted, schedule_name
from difxnb.aio.experiment_sources import encoded, find_source, server_name
from difxnb.aio.experiment_writing import put_beside, require_kept, write_plan
from difxnb.aio.overheard import OnLine, require_timeout
from difxnb.client.plain_values import plain_path, plain_word
from difxnb.errors import RemoteFileError, RemoteFileExists, RemoteFileNotFound, UnsafeValue
from difxnb.formats.v2d import V2d, parse_v2d
from difxnb.formats.v2d_antennas import require_enough
from difxnb.formats.vex import Vex, parse_vex

if TYPE_CHECKING:
    import pandas as pd

    from difxnb.aio.correlator import Correlator
    from difxnb.aio.experiment_plan import ExperimentPlan
    from difxnb.formats.v2d_templates import V2dTemplate

_MOST_TOLD = 5
_LONGEST_PROGRAM = 255


class ExperimentVerbs:
    """The verbs of a `Correlator` that put down experiments, and make their jobs again."""

    async def new_experiment(
        self,
        directory: str,
        *,
        vex: str | PathLike[str] | Vex,
        v2d: str | PathLike[str] | V2d | V2dTemplate | None = None,
        template: str | PathLike[str] | None = None,
        variables: Mapping[str, object] | None = None,
        stations: Sequence[str] | None = None,
        without: Sequence[str] = (),
        make: bool = True,
        calc: str = "difxcalc",
        overwrite: bool = False,
        preview: bool = False,
        timeout: float = 600.0,
        progress: OnLine | None = None,
    ) -> pd.DataFrame:
        """Put a schedule and a ``.v2d`` into a directory of the server, and make jobs of them.

        Everything is looked at first. What is in the way, and what vex2difx would stumble over, is told before
        anything is written; where writing fails half way, what was written goes again.

        Parameters
        ----------
        directory : str
            Absolute path on the server; made if need be.
        vex : str, path or Vex
            The schedule: a path on the server or else of this machine (``file:…`` means this machine), an ``http://``
            or ``https://`` address, or what `difxnb.read_vex` gave.
        v2d : str, path, V2d or V2dTemplate, optional
            What vex2difx is told: the text itself (it has line breaks), a path or address as of `vex`, or what
            `difxnb.read_v2d` gave. It is made to name the schedule.
        template : str or path, optional
            Instead: a template, rendered with `variables` and what the schedule says.
        variables : mapping, optional
            Values for the template.
        stations : sequence of str, optional
            Correlate these; by default those that the ``.v2d`` names.
        without : sequence of str
            Leave these out.
        make : bool
            Whether to make jobs.
        calc : str
            The delay model program.
        overwrite : bool
            Allow that files of the same names, and jobs of the series, are replaced. Of the two texts the old one is
            kept beside the new one.
        preview : bool
            Do nothing, and tell what would be done.
        timeout : float
            Seconds for the programs.
        progress : callable, optional
            Called with each line that is said meanwhile, and with each file that is done.

        Returns
        -------
        DataFrame
            As from `make_jobs`: ``job input model replaced modified``. For a preview, and where no jobs are wanted:
            ``action path text detail exists``, one row for each thing that would be (or was) done. In ``attrs``, of
            both: ``directory``, ``vex`` and ``v2d`` (paths), ``problems`` (a DataFrame as `Vex.problems` gives it) and
            ``jobs`` (those that are planned, as far as their rules are known here); of a preview ``clashes`` (what
            would be replaced) and ``texts`` (both files whole, by their paths; the column ``text`` their beginning).

        Raises
        ------
        RemoteFileExists
            Something is in the way, and `overwrite` is not said; nothing was written.
        RemoteFileNotFound, FileNotFoundError, FileFormatError, OSError
            Of the texts.
        ValueError
            A problem that is an error, as a preview shows it; a station that the schedule has not; no ``.v2d``.
        RemoteFileChanged
            Somebody else wrote one of the two texts at the same time, so the jobs may be of theirs.
        NothingMade
            No job is there afterwards. The texts stay, to be looked at.
        UnsafeValue, RemotePermission, RemoteFileError, NoReply, ConnectionLost
        """
        from difxnb.aio.experiment_plan import lists_of, plan_experiment  # with all that makes jobs

        difx = cast("Correlator", self)
        plain_path(directory, "directory")
        plain_word(calc, "delay model program", _LONGEST_PROGRAM)
        require_timeout(timeout)
        schedule, named = await _schedule(difx, vex, timeout)
        orders, orders_named = await find_orders(difx, (schedule, named), v2d, template, variables, timeout)
        at = PurePosixPath(directory)
        orders = fitted(orders, schedule, named.name, str(at / orders_named.name), stations, without)
        for one in (named, orders_named):
            plain_path(str(at / one.name), "file of the experiment")
        there, inputs = await _look_around(difx, str(at), (named.name, orders_named.name))
        plan = await asyncio.to_thread(
            plan_experiment,
            str(at),
            (schedule, named),
            (orders, orders_named),
            there,
            inputs,
            calc=calc if make else "",
            lists=await _lists(difx, lists_of(orders, str(at))) if make else {},
        )
        if preview:
            return plan.frame()
        _require_room(plan, difx, overwrite=overwrite)
        _require_sound(plan)
        await write_plan(difx, plan)
        if not make:
            return plan.frame()
        texts = {file.path: file.content for file in plan.files}
        await require_kept(difx, texts, "new experiment")
        made = await difx.make_jobs(
            plan.v2d.path, calc=calc, overwrite=overwrite, timeout=timeout, progress=progress
        )
        await require_kept(
            difx, texts, "new experiment", f"the jobs of {plan.v2d.path} may be of another one"
        )
        made.attrs.update(plan.attached())
        return made

    async def rebuild_without(
        self,
        v2d: str,
        stations: Sequence[str],
        *,
        calc: str = "difxcalc",
        timeout: float = 600.0,
        progress: OnLine | None = None,
    ) -> pd.DataFrame:
        """Make the jobs of a ``.v2d`` again without some stations, as other jobs; what is there stays as it is.

        A new ``.v2d`` goes beside the old one, as ``STEM-2.v2d`` or the next number that is free, and the jobs are
        called after it.

        Parameters
        ----------
        v2d : str
            Absolute path on the server.
        stations : sequence of str
            Stations to leave out.
        calc, timeout, progress
            As for `make_jobs`.

        Returns
        -------
        DataFrame
            As from `make_jobs`. In ``attrs`` besides: ``v2d`` (path of the new one), ``without``, and ``diff`` (how it
            differs from the old one).

        Raises
        ------
        ValueError
            No station is named, one is not among those of the ``.v2d``, or fewer would be left than its
            ``minSubarray`` asks for (2 where it says nothing); nothing was written.
        RemoteFileNotFound, FileFormatError
            Of the ``.v2d``, or the schedule that it names.
        RemoteFileChanged
            Somebody else wrote over the new ``.v2d`` meanwhile, so the jobs may be of theirs.
        NothingMade
            No job is there afterwards. The new ``.v2d`` stays, to be looked at.
        UnsafeValue, RemotePermission, RemoteFileError, NoReply, ConnectionLost
        """
        difx = cast("Correlator", self)
        path = PurePosixPath(plain_path(v2d, "v2d file"))
        require_timeout(timeout)
        text = (await difx.get_file(str(path))).decode("utf-8", "surrogateescape")
        new = await _without(difx, parse_v2d(text, str(path)), path, stations)
        content = encoded(new.text)
        target = await put_beside(difx, path, content)
        made = await difx.make_jobs(target, calc=calc, timeout=timeout, progress=progress)
        await require_kept(
            difx, {target: content}, "rebuild_without", f"its jobs may not be without {', '.join(stations)}"
        )
        made.attrs.update(v2d=target, without=list(stations), diff=new.edit().diff)
        return made

    async def experiment_files(self, directory: str) -> pd.DataFrame:
        """List the files of a directory by what they are.

        Parameters
        ----------
        directory : str
            Absolute path on the server.

        Returns
        -------
        DataFrame
            ``name kind job size modified path``: `kind` is ``vex``, ``v2d``, ``input``, ``calc``, ``im``, ``flag``,
            ``machines``, ``threads``, ``joblist``, ``difx``, ``difxlog``, ``filelist``, ``backup``, … or ``other``;
            `job` is None for what belongs to no job.

        Raises
        ------
        RemoteFileNotFound, RemotePermission, UnsafeValue, ValueError, NoReply, ConnectionLost
        """
        return files_frame(await cast("Correlator", self).ls(directory))


async def _schedule(difx: Correlator, vex: str | PathLike[str] | Vex, timeout: float) -> tuple[Vex, Named]:
    if isinstance(vex, Vex):
        return vex, Named(
            schedule_name(vex.path.name if vex.path else "", vex), "the schedule that was given"
        )
    source = await find_source(difx, vex, "schedule", timeout)
    found = await asyncio.to_thread(parse_vex, source.text, source.path or source.name or "schedule")
    return found, Named(schedule_name(source.name, found), source.note)


async def _look_around(
    difx: Correlator, directory: str, names: Sequence[str]
) -> tuple[dict[str, bytes] | None, list[str]]:
    """What the directory holds under some names, None where there is none; and the ``.input`` files in it."""
    try:
        listed = await difx.ls(directory)
    except RemoteFileNotFound:
        return None, []
    if listed["path"].tolist() == [directory]:
        raise RemoteFileExists(
            f"new experiment {directory}: a file of that name is in the way on {server_name(difx)}"
        )
    there = {}
    for name, path, kind in zip(listed["name"], listed["path"], listed["type"], strict=True):
        if name in names and kind == "directory":
            raise RemoteFileExists(f"new experiment: a directory {path} is in the way on {server_name(difx)}")
        if name in names:
            there[name] = await difx.get_file(path)
    return there, [path for path in listed["path"] if path.endswith(".input")]


async def _lists(difx: Correlator, paths: Sequence[str]) -> dict[str, str]:
    """Lists of recordings, as far as they can be read; vex2difx tells of the others."""
    found = {}
    for path in paths:
        with suppress(RemoteFileError, UnsafeValue):
            found[path] = (await difx.get_file(path)).decode("utf-8", "surrogateescape")
    return found


def _require_room(plan: ExperimentPlan, difx: Correlator, *, overwrite: bool) -> None:
    found = plan.clashes
    if found and not overwrite:
        more = f" and {len(found) - _MOST_TOLD} more" if len(found) > _MOST_TOLD else ""
        raise RemoteFileExists(
            f"new experiment {plan.directory}: {', '.join(found[:_MOST_TOLD])}{more} would be replaced on "
            f"{server_name(difx)}; overwrite=True allows that"
        )


def _require_sound(plan: ExperimentPlan) -> None:
    table = plan.problems
    errors = table[table["severity"] == "error"]
    if errors.empty:
        return
    told = [
        f"{where}: {text}" if where else str(text)
        for where, text in zip(errors["where"], errors["text"], strict=True)
    ]
    more = f"; and {len(told) - _MOST_TOLD} more" if len(told) > _MOST_TOLD else ""
    raise ValueError(
        f"no experiment was made of {plan.v2d.path}: {'; '.join(told[:_MOST_TOLD])}{more} (preview=True shows all)"
    )


async def _schedule_of(difx: Correlator, orders: V2d, path: PurePosixPath) -> Vex:
    """The schedule that a ``.v2d`` on the server names, which is there and nowhere else."""
    if not orders.get("vex"):
        raise ValueError(f"{path} names no schedule: vex = …")
    place = str(path.parent / str(orders["vex"]))
    text = (await difx.get_file(place)).decode("utf-8", "surrogateescape")
    return await asyncio.to_thread(parse_vex, text, place)


async def _without(difx: Correlator, orders: V2d, path: PurePosixPath, stations: Sequence[str]) -> V2d:
    """The same for other stations; jobs are called after its file again, as vex2difx does where nothing is said."""
    if isinstance(stations, str) or not stations:
        raise ValueError(f"which stations to leave out, as a list of names; got {stations!r}")
    if "*" in (orders.words("antennas") or "*"):
        orders.use(await _schedule_of(difx, orders, path))
    new = orders.without(*stations)
    require_enough(new)
    if "jobSeries" in new:
        del new["jobSeries"]
    return new
