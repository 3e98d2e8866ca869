# SPDX-License-Identifier: GPL-3.0-or-later
"""Unattended sessions of one correlator, as panels begin and find them."""

from __future__ import annotations

import asyncio
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from difxnb import aio
    from difxnb.intensives import IntensiveRun
    from difxnb.panels.intensive import Session

_MOST_OFFERS = 100
_LARGEST_RECIPE = 2**20


class IntensiveDesk:
    """Sessions that were planned or begun over a connection; one of each directory.

    Parameters
    ----------
    difx : aio.Correlator
    """

    def __init__(self, difx: aio.Correlator) -> None:
        self._difx = difx
        self._runs: dict[Path, IntensiveRun] = {}

    @property
    def sessions(self) -> list[Session]:
        """Those that were planned or begun, the one that was noted first at the beginning."""
        return list(self._runs.values())

    def note(self, run: IntensiveRun) -> IntensiveRun:
        """Keep a session; gives the one that is kept: a dry run takes no place of what goes on."""
        known = self._runs.get(run.directory)
        if run.state == "planned" and known is not None and known.running:
            return known
        self._runs[run.directory] = run
        return run

    async def around(self) -> tuple[list[str], list[str]]:
        """Recipes in the working directory, and codes of sessions that this machine keeps, the newest first."""
        return await asyncio.to_thread(lambda: (_recipes(Path()), _codes()))

    async def plan(self, recipe: str, session: str) -> Session:
        """A dry run of the recipe in this file; the session itself where it goes on already."""
        from difxnb.intensives import run_intensive

        path = Path(recipe).expanduser()
        return self.note(await run_intensive(self._difx, path, session=session or None, dry_run=True))

    async def plan_again(self, planned: Session) -> Session:
        """Another dry run of what was planned."""
        return await self._again(planned, dry_run=True)

    async def begin(self, planned: Session) -> Session:
        """Begin what was planned, or take it up where it was."""
        return await self._again(planned, dry_run=False)

    async def begin_anew(self, run: Session) -> Session:
        """Begin a session from its first step, with jobs of other names; what was made before stays."""
        return await self._again(run, dry_run=False, resume=False)

    async def _again(self, planned: Session, *, dry_run: bool, resume: bool = True) -> Session:
        from difxnb.intensives import run_intensive

        run = cast("IntensiveRun", planned)
        made = await run_intensive(
            self._difx,
            run.recipe,
            session=run.session,
            directory=run.directory,
            dry_run=dry_run,
            resume=resume,
        )
        return self.note(made)

    async def read(self, path: Path, longest: int) -> str:
        """The text of a report; ValueError where it is longer than so many bytes, or no file."""
        return await asyncio.to_thread(_read, path, longest)


def _recipes(directory: Path) -> list[str]:
    """Names of files that look like recipes."""
    files = sorted(path for path in directory.glob("*.toml") if path.is_file())[:_MOST_OFFERS]
    return [path.name for path in files if _is_recipe(path)]


def _is_recipe(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            found = tomllib.loads(file.read(_LARGEST_RECIPE).decode())
    except (OSError, ValueError, RecursionError):
        return False
    return {"name", "schedule"} <= found.keys()


def _codes() -> list[str]:
    from difxnb.sessions.record import RECORD, usual_folder

    try:
        found = [(path.stat().st_mtime, path.parent.name) for path in usual_folder().glob(f"*/{RECORD}")]
    except OSError:
        return []
    return [name for _, name in sorted(found, reverse=True)[:_MOST_OFFERS]]


def _read(path: Path, longest: int) -> str:
    if not path.is_file():
        raise ValueError(f"{path} is not there any more, or is no file")
    with path.open("rb") as file:
        raw = file.read(longest + 1)
    if len(raw) > longest:
        raise ValueError(f"{path} has more than {longest // 2**20} MiB: open it in a browser")
    return raw.decode("utf-8", "replace")
