# SPDX-License-Identifier: GPL-3.0-or-later
"""What a step of a session is: what it starts from, what it gives, and when it need not be done again.

A step that was done with the same inputs is not done again. One that was begun and not ended is begun anew, and finds
what it has made before.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import itertools
import os
import re
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from difxnb.errors import DifxError
from difxnb.formats.keyvalue import read_text
from difxnb.formats.v2d import V2d, parse_v2d
from difxnb.formats.vex import Vex, parse_vex
from difxnb.sessions.record import SessionRecord, fingerprint

if TYPE_CHECKING:
    import xarray as xr

    from difxnb.aio.correlator import Correlator
    from difxnb.intensives.recipe import Recipe

Outputs = Mapping[str, Any]
"""What a step gives: plain values, as a record holds them."""
IN_THE_WAY = "in_the_way"
"""What a step gives that found files of others under its names."""
_LONGEST_STEM = 40
_FAR_S = 1e10


class StepFailed(DifxError):
    """A step came to an end without what it was for.

    Attributes
    ----------
    outputs : mapping
        What it found all the same.
    """

    def __init__(self, why: str, outputs: Outputs | None = None) -> None:
        self.outputs: Outputs = outputs or {}
        super().__init__(why)


class NotThereYet(StepFailed):
    """What a step has waited for may still come."""


@dataclass(frozen=True, slots=True)
class Done:
    """What a step gave, and what has to be said of it."""

    outputs: Outputs
    why: str = ""


@dataclass
class Context:
    """What steps work with.

    Attributes
    ----------
    difx : Correlator
    recipe : Recipe
    session : str
    record : SessionRecord
    outputs : dict
        Of the steps that are done, by their names.
    step : str
        The one that is under way.
    again : bool
        Whether it was begun before and not ended: files of its names are then its own.
    generation : int
        How often it has been done from something else, and 1.
    anew : int
        How often the whole session was begun anew.
    told : str
        What has to be said of a session that is done all the same.
    only_looks : bool
        Whether this is a dry run, in which nothing may be done on the server.
    opened : dict
        Visibilities of jobs that were opened, by their ``.input`` files.
    """

    difx: Correlator
    recipe: Recipe
    session: str
    record: SessionRecord
    outputs: dict[str, Outputs] = field(default_factory=dict)
    step: str = ""
    again: bool = False
    generation: int = 1
    anew: int = 0
    state: str = "running"
    why: str = ""
    progress: float = 0.0
    told: str = ""
    only_looks: bool = False
    opened: dict[str, xr.Dataset] = field(default_factory=dict)

    @property
    def directory(self) -> Path:
        """Where this machine keeps what belongs to the session."""
        return self.record.directory

    @property
    def date(self) -> str:
        """The day on which the session began, UTC."""
        lines = self.record.lines
        begun = lines[0].at if lines else time.time()
        return dt.datetime.fromtimestamp(begun, dt.UTC).strftime("%Y-%m-%d")

    @property
    def stem(self) -> str:
        """How files of the session are called: letters, digits and dashes, a letter first."""
        plain = re.sub(r"[^A-Za-z0-9-]", "", self.session)[:_LONGEST_STEM]
        return plain if plain[:1].isalpha() else f"s{plain}"

    def named(self, text: str) -> str:
        """A path of the recipe, with the session and the date in it."""
        return text.replace("{session}", self.session).replace("{date}", self.date)

    def numbered(self, stem: str) -> str:
        """The name of what a step makes, another one each time that it is done from something else."""
        # Not as the queue calls what it makes without a station: STEM-2.
        return stem if self.generation == 1 else f"{stem}-r{self.generation}"

    def keep_text(self, name: str, text: str) -> str:
        """Put a text into the directory of the session, whole; gives its path."""
        path = self.directory / name
        partial = path.with_name(f"{name}.{secrets.token_hex(4)}.partial")
        try:
            with partial.open("w", encoding="utf-8", errors="surrogateescape", newline="") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            os.replace(partial, path)
        except OSError:
            partial.unlink(missing_ok=True)
            raise
        return str(path)

    def keep_new_text(self, name: str, text: str) -> str:
        """The same under a name that no other text has there: the one given, or that with a number."""
        stem, dot, end = name.rpartition(".")
        whole = text.encode("utf-8", "surrogateescape")
        names = itertools.chain([name], (f"{stem}-{number}{dot}{end}" for number in itertools.count(2)))
        paths = (self.directory / one for one in names)
        return self.keep_text(
            next(one.name for one in paths if not one.exists() or one.read_bytes() == whole), text
        )

    def wait(self, why: str, outputs: Outputs | None = None) -> None:
        """Say what is waited for, once."""
        last = self.record.last(self.step)
        if last is None or last.state != "waiting" or last.why != " ".join(why.split()):
            self.record.wait(self.step, why, outputs)
        self.state, self.why = "waiting", why

    def suspend(self, why: str, seconds: float) -> None:
        """Say what the session waits for by itself before anything goes on, and until when at most; once."""
        if self.state != "suspended":
            self.wait(f"{why}; waited for until {clock_words(seconds)} at most")
            self.state = "suspended"

    def go_on(self) -> None:
        """What was waited for is there."""
        self.state, self.why = "running", ""

    async def look_again(self) -> None:
        """Let some time pass between two looks."""
        await asyncio.sleep(self.recipe.look_s)

    # --- what earlier steps have put down -----------------------------------------------------------------

    def vex(self) -> Vex:
        """The schedule as it is to be used."""
        path = Path(self.outputs["eop"]["vex"])
        return parse_vex(read_text(path), path)

    def orders(self) -> V2d:
        """The ``.v2d`` for the stations that are there, of all scans."""
        path = Path(self.outputs["data"]["v2d"])
        orders = parse_v2d(read_text(path), path)
        orders.use(self.vex())
        return orders

    @property
    def place(self) -> str:
        """Directory of the session on the server."""
        given = self.named(self.recipe.directory)
        beside = PurePosixPath(str(self.outputs["schedule"]["source"])).parent
        if not given.startswith("/") and not str(beside).startswith("/"):
            raise StepFailed(
                f"directory {given} is in that of the schedule, which is not on the server: name it from / on"
            )
        return str(beside / given)


@dataclass(frozen=True, slots=True)
class Step:
    """One step.

    Attributes
    ----------
    id : str
    inputs : callable
        What its result depends on, of the recipe and the steps before.
    run : callable
        Does it; raises StepFailed, or another error of ours.
    news : callable, optional
        Of one that was done from the same: what has come since that it did not know of, and why it matters; without a
        reason all is as it was.
    """

    id: str
    inputs: Callable[[Context], Mapping[str, Any]]
    run: Callable[[Context], Awaitable[Done]]
    news: Callable[[Context, Outputs], Awaitable[Done]] | None = None


def clock_words(seconds: float) -> str:
    """The time in so many seconds, UTC."""
    at = dt.datetime.fromtimestamp(time.time(), dt.UTC) + dt.timedelta(seconds=min(seconds, _FAR_S))
    return at.strftime("%Y-%m-%d %H:%M:%S UTC")


ORDER = (
    "schedule",
    "eop",
    "data",
    "search_jobs",
    "search_correlate",
    "clocks",
    "correct",
    "jobs",
    "correlate",
    "quality",
    "report",
    "hooks",
)
"""Steps of a session."""
GO_ON_AFTER = ("quality",)
"""Steps whose failure is reported before the session ends with it."""
ALWAYS = ("hooks",)
"""Steps that are done however the session goes."""


def inputs_of(context: Context, step: Step) -> dict[str, Any]:
    """What a step starts from; in a session that was begun anew everything is something else."""
    inputs = dict(step.inputs(context))
    return {**inputs, "anew": context.anew} if context.anew else inputs


def times_begun_anew(record: SessionRecord) -> int:
    """How often a session was begun anew."""
    known = [line.inputs.get("anew", 0) for line in record.lines if line.step == ORDER[0]]
    return max((one for one in known if isinstance(one, int)), default=0)


def result_of(record: SessionRecord, step: str, inputs: Mapping[str, Any]) -> Outputs | None:
    """What a step gave, where it was done last with the same inputs; None where it is to be done."""
    last = record.last(step)
    if last is None or last.state != "done" or last.fingerprint != fingerprint(inputs):
        return None
    return last.outputs


def is_correlated(record: SessionRecord) -> bool:
    """Whether jobs of all scans were submitted since the data were taken last."""
    steps = [
        line.step for line in record.lines if line.state == "started" and line.step in ("data", "correlate")
    ]
    return bool(steps) and steps[-1] == "correlate"


def was_begun(record: SessionRecord, step: str, inputs: Mapping[str, Any]) -> bool:
    """Whether a step was begun from the same before, so that what has its names is its own.

    Where others' files were in the way it had made nothing.
    """
    wanted, begun = fingerprint(inputs), False
    for line in record.lines:
        if line.step == step and line.fingerprint == wanted:
            begun = not (line.state == "failed" and line.outputs.get(IN_THE_WAY))
    return begun


def generation_of(record: SessionRecord, step: str, inputs: Mapping[str, Any]) -> int:
    """1, and how often a step was begun from something else before it was first begun from this."""
    begun = [line.fingerprint for line in record.lines if line.step == step and line.state == "started"]
    known = list(dict.fromkeys(begun))
    wanted = fingerprint(inputs)
    return (known.index(wanted) if wanted in known else len(known)) + 1
