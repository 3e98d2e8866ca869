# SPDX-License-Identifier: GPL-3.0-or-later
"""What an unattended session is to do: where its schedule and data come from, and what follows.

A recipe is values and nothing else: what cannot be is refused when it is made, what may turn out wrong is a row of
:meth:`Recipe.problems`.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

from difxnb.formats.problems import Problem, problem_frame
from difxnb.queue import RetryPolicy

if TYPE_CHECKING:
    import pandas as pd

OnMissing = Literal["wait", "without", "stop"]
"""What follows where data of a station do not arrive."""
DataKind = Literal["files", "filelist", "module"]
"""How data are named in a ``.v2d``."""
HookKind = Literal["callable", "command", "webhook"]
HookOn = Literal["done", "failed", "end"]
HookWhat: TypeAlias = str | tuple[str, ...] | Callable[[Mapping[str, Any]], object]

NAMES = ("{session}", "{date}")
"""What is replaced in paths of a recipe."""
_BRACED = re.compile(r"\{[^{}]{0,64}\}")
_VERDICTS = ("go", "look", "no_go")


@dataclass(frozen=True, slots=True)
class StationData:
    """Data of one station.

    Attributes
    ----------
    station : str
        As the schedule calls it.
    pattern : str
        Recordings on the server (``/data/{session}/*_kk_*.vdif``); for a list its path; for a module its VSN.
    kind : {"files", "filelist", "module"}
    wait_s : float, optional
        How long they are waited for; that of the recipe by default.
    """

    station: str
    pattern: str
    kind: DataKind = "files"
    wait_s: float | None = None

    def __post_init__(self) -> None:
        _text("station", self.station)
        _text("pattern", self.pattern)
        _one_of("kind", self.kind, get_args(DataKind))
        if self.wait_s is not None:
            _number("wait_s", self.wait_s)


@dataclass(frozen=True, slots=True)
class SearchRecipe:
    """Scans of the clock search: those named; else of these sources, in this order; else those with most stations.

    Attributes
    ----------
    scans, sources : tuple of str
    n : int
        How many scans, where they are not named; of equal ones the longest.
    """

    scans: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    n: int = 2

    def __post_init__(self) -> None:
        _words(self, "scans", "sources")
        _whole("n", self.n, 1, 1000)


@dataclass(frozen=True, slots=True)
class ClocksRecipe:
    """How clocks are searched and corrected.

    Attributes
    ----------
    reference : str
        The station whose clock stays; the one with most fringes where none is named.
    tables : tuple of str
        Counts of the stations on this machine (CSV: ``station,time,offset`` in µs), compared and reported.
    positive : {"early", "late"}
        What a positive count means.
    max_change_s : float
        A clock that would be moved further ends the session before anything is written, s.
    max_false_alarm : float
        Fringes with a higher false alarm probability are not detected.
    """

    reference: str = ""
    tables: tuple[str, ...] = ()
    positive: Literal["early", "late"] = "early"
    max_change_s: float = 1e-3
    max_false_alarm: float = 1e-4

    def __post_init__(self) -> None:
        _text("reference", self.reference, empty=True)
        _words(self, "tables")
        _one_of("positive", self.positive, ("early", "late"))
        _number("max_change_s", self.max_change_s)
        _number("max_false_alarm", self.max_false_alarm, 1.0)


@dataclass(frozen=True, slots=True)
class CorrelateRecipe:
    """Where jobs run, and what follows where one fails.

    Attributes
    ----------
    head_node : str
    datastreams : tuple of str
    processors : mapping
        Hosts and threads. Without any, jobs run as their own files say.
    calc : str
        The delay model program.
    priority : int
        In the queue.
    overwrite : bool
        Whether output of the same name that is there already is moved aside.
    policy : RetryPolicy
    """

    head_node: str = ""
    datastreams: tuple[str, ...] = ()
    processors: Mapping[str, int] = field(default_factory=dict)
    calc: str = "difxcalc"
    priority: int = 0
    overwrite: bool = False
    policy: RetryPolicy = field(default_factory=RetryPolicy)

    def __post_init__(self) -> None:
        _text("head_node", self.head_node, empty=True)
        _text("calc", self.calc)
        _words(self, "datastreams")
        _whole("priority", self.priority, -1000, 1000)
        _flag("overwrite", self.overwrite)
        if not isinstance(self.processors, Mapping):
            raise TypeError(f"processors are hosts and their threads; got {self.processors!r}")
        for host, threads in self.processors.items():
            _text("a processor", host)
            _whole(f"threads of {host}", threads, 1, 10_000)
        if not isinstance(self.policy, RetryPolicy):
            raise TypeError(f"policy is a RetryPolicy; got {self.policy!r}")
        if self.processors and not (self.head_node and self.datastreams):
            raise ValueError("processors go with a head_node and datastreams")

    @property
    def machines(self) -> dict[str, Any] | None:
        """Keywords of `Job.set_machines`; None where the files of a job say where it runs."""
        if not self.processors:
            return None
        return {
            "head_node": self.head_node,
            "datastreams": list(self.datastreams),
            "processors": dict(self.processors),
        }


@dataclass(frozen=True, slots=True)
class QualityRecipe:
    """How jobs are judged.

    Attributes
    ----------
    limits : str or mapping, optional
        As of :func:`difxnb.check_quality`.
    stop_on : tuple of str
        Verdicts (``"no_go"``, ``"look"``) with which the session is not done.
    """

    limits: str | Mapping[str, Mapping[str, Any]] | None = None
    stop_on: tuple[str, ...] = ("no_go",)

    def __post_init__(self) -> None:
        _words(self, "stop_on")
        for one in self.stop_on:
            _one_of("stop_on", one, _VERDICTS)
        if self.limits is not None and not isinstance(self.limits, str | Mapping):
            raise TypeError(f"limits are a path or a table of limits; got {self.limits!r}")


@dataclass(frozen=True, slots=True)
class ReportRecipe:
    """What is written at the end.

    Attributes
    ----------
    to : str
        A directory of this machine; that of the session by default.
    html : bool
        One page for each job.
    ivs : bool
        The text as the IVS has it.
    """

    to: str = ""
    html: bool = True
    ivs: bool = True

    def __post_init__(self) -> None:
        _text("to", self.to, empty=True)
        _flag("html", self.html)
        _flag("ivs", self.ivs)


@dataclass(frozen=True, slots=True)
class Hook:
    """Whom to tell when a session is over.

    Attributes
    ----------
    on : {"end", "done", "failed"}
        When: always, or only when it ended so.
    kind : {"command", "webhook", "callable"}
    what : str, tuple of str or callable
        A command and its arguments (no shell; the summary comes on its standard input as JSON), an ``https://``
        address (``http://`` on 127.0.0.1 only) that gets the summary, or a callable that is given it.
    """

    on: HookOn
    kind: HookKind
    what: HookWhat

    def __post_init__(self) -> None:
        _one_of("on", self.on, get_args(HookOn))
        _one_of("kind", self.kind, get_args(HookKind))
        if self.kind == "callable":
            if not callable(self.what):
                raise TypeError(f"a hook of kind callable has a callable; got {self.what!r}")
        elif self.kind == "webhook":
            _text("what", self.what)
            require_address(str(self.what))
        else:
            _words(self, "what")
            if not self.what:
                raise ValueError("a command has a program")


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """An unattended session, from the schedule to the report.

    In paths ``{session}`` and ``{date}`` (YYYY-MM-DD, UTC, of the day on which it began) are replaced.

    Attributes
    ----------
    name : str
    schedule : str
        Path on the server or else of this machine (``file:…``), or an address.
    stations : tuple of str
        Those to correlate; empty for those of the ``.v2d``.
    data : tuple of StationData
        Data that are waited for; stations that are not named have those of the ``.v2d``.
    v2d, template : str, optional
        One of the two: a ``.v2d`` (path, address or text), or a template of one.
    variables : mapping
        For the template.
    search, clocks, correlate, quality, report
        What the steps do.
    hooks : tuple of Hook
        Whom to tell; nobody by default.
    on_missing : {"without", "wait", "stop"}
        Data of a station that have not arrived after `wait_s`: go on without it, wait without end, or end.
    wait_s : float
        How long the schedule, Earth orientation and data are waited for, s.
    look_s : float
        Time between two looks, s; data that grew meanwhile have not arrived yet.
    eop : str, optional
        Earth orientation, as of :func:`difxnb.read_eop`; that of the schedule by default.
    directory : str
        Where jobs go on the server: absolute, or in the directory of the schedule.
    newest : float
        A schedule that ended more days ago ends the session; 0: any.
    """

    name: str
    schedule: str
    stations: tuple[str, ...] = ()
    data: tuple[StationData, ...] = ()
    v2d: str | None = None
    template: str | None = None
    variables: Mapping[str, object] = field(default_factory=dict)
    search: SearchRecipe = field(default_factory=SearchRecipe)
    clocks: ClocksRecipe = field(default_factory=ClocksRecipe)
    correlate: CorrelateRecipe = field(default_factory=CorrelateRecipe)
    quality: QualityRecipe = field(default_factory=QualityRecipe)
    report: ReportRecipe = field(default_factory=ReportRecipe)
    hooks: tuple[Hook, ...] = ()
    on_missing: OnMissing = "without"
    wait_s: float = 3600.0
    look_s: float = 30.0
    eop: str | None = None
    directory: str = "{session}"
    newest: float = 30.0

    def __post_init__(self) -> None:
        for name in ("name", "schedule", "directory"):
            _text(name, getattr(self, name))
        for name in ("v2d", "template", "eop"):
            if getattr(self, name) is not None:
                _text(name, getattr(self, name))
        if (self.v2d is None) == (self.template is None):
            raise ValueError("a recipe has a v2d or a template of one: give one of the two")
        if not isinstance(self.variables, Mapping):
            raise TypeError(f"variables are names and values; got {self.variables!r}")
        if self.variables and self.template is None:
            raise ValueError("variables are for a template, and there is none")
        _words(self, "stations")
        _several(self, "data", StationData)
        _several(self, "hooks", Hook)
        for name, kind in _PARTS.items():
            if not isinstance(getattr(self, name), kind):
                raise TypeError(f"{name} is a {kind.__name__}; got {getattr(self, name)!r}")
        _one_of("on_missing", self.on_missing, get_args(OnMissing))
        for name in ("wait_s", "newest"):
            _number(name, getattr(self, name))
        _number("look_s", self.look_s, 3600.0)
        twice = {one.station.upper() for one in self.data}
        if len(twice) < len(self.data):
            raise ValueError("data of a station are given twice")

    def with_(self, **changes: Any) -> Recipe:
        """The same with other values."""
        return dataclasses.replace(self, **changes)

    def to_toml(self) -> str:
        """The recipe as a file has it; ValueError where it holds a callable."""
        from difxnb.intensives.recipe_text import format_recipe

        return format_recipe(self)

    def problems(self) -> pd.DataFrame:
        """What is likely to go wrong, as far as it can be seen without a server.

        Returns
        -------
        DataFrame
            ``severity``, ``kind``, ``where``, ``line``, ``name``, ``text``, ``fix``; ``attrs["passed"]``: no error.
        """
        return problem_frame(_problems(self))


_PARTS: dict[str, type] = {
    "search": SearchRecipe,
    "clocks": ClocksRecipe,
    "correlate": CorrelateRecipe,
    "quality": QualityRecipe,
    "report": ReportRecipe,
}


def require_address(url: str) -> str:
    """An address that something may be sent to: https, or http on this machine.

    Raises
    ------
    ValueError
    """
    from urllib.parse import urlsplit

    parts = urlsplit(url)
    if parts.username is not None or parts.password is not None:
        raise ValueError("the address of a webhook has no name or password in it")
    here = parts.scheme == "http" and parts.hostname == "127.0.0.1"
    if not (here or parts.scheme == "https") or not parts.hostname or not url.isprintable() or " " in url:
        raise ValueError(f"a webhook is an https:// address, or http://127.0.0.1; got {url[:200]!r}")
    return url


def _problems(recipe: Recipe) -> Iterable[Problem]:
    for name, text in _paths(recipe):
        for braced in _BRACED.findall(text):
            if braced not in NAMES:
                said = f"{name}: {braced} is not replaced; {' and '.join(NAMES)} are"
                yield Problem("error", "unknown name", said, name, name=braced, fix="name a path without it")
    for one in recipe.data:
        listed = [known.upper() for known in recipe.stations]
        if listed and one.station.upper() not in listed:
            said = f"data of {one.station} are given, and it is not among the stations"
            yield Problem(
                "error", "unknown station", said, "data", name=one.station, fix="add it to stations"
            )
        if one.kind == "files" and not one.pattern.startswith("/"):
            said = f"{one.pattern} is no absolute path on the server"
            yield Problem("error", "bad value", said, "data", name=one.station, fix="begin it with /")
    for table in recipe.clocks.tables:
        if not any(name in table for name in NAMES) and not Path(table).is_file():
            said = f"{table} is not on this machine"
            yield Problem("warning", "missing file", said, "clocks", name="tables", fix="copy it here")
    if "{session}" not in recipe.directory and "{date}" not in recipe.directory:
        said = f"every session of this recipe has its jobs in {recipe.directory}"
        yield Problem("warning", "one directory", said, name="directory", fix="put {session} into it")
    if recipe.newest == 0:
        yield Problem("note", "any schedule", "old schedules are taken, too", name="newest")
    if not (recipe.report.html or recipe.report.ivs):
        yield Problem("note", "no report", "nothing is written at the end", "report")


def _paths(recipe: Recipe) -> Iterable[tuple[str, str]]:
    yield from (("schedule", recipe.schedule), ("directory", recipe.directory), ("report", recipe.report.to))
    if recipe.template is not None:
        yield "template", recipe.template
    if recipe.v2d is not None and "\n" not in recipe.v2d:
        yield "v2d", recipe.v2d
    yield from (("data", one.pattern) for one in recipe.data)
    yield from (("clocks", table) for table in recipe.clocks.tables)


# --- checks --------------------------------------------------------------------------------------------------


def _text(name: str, value: object, *, empty: bool = False) -> None:
    if not isinstance(value, str):
        raise TypeError(f"{name} is a text; got {value!r}")
    if not value and not empty:
        raise ValueError(f"{name} is empty")
    if "\0" in value:
        raise ValueError(f"{name} holds a character that no path has")


def _words(owner: object, *names: str) -> None:
    """Take lists for tuples, and refuse what is no list of texts."""
    for name in names:
        value = getattr(owner, name)
        if isinstance(value, str) or not isinstance(value, Iterable):
            raise TypeError(f"{name} is a list of texts; got {value!r}")
        several = tuple(value)
        for one in several:
            _text(name, one)
        object.__setattr__(owner, name, several)


def _several(owner: object, name: str, kind: type) -> None:
    value = getattr(owner, name)
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise TypeError(f"{name} is a list of {kind.__name__}; got {value!r}")
    several = tuple(value)
    for one in several:
        if not isinstance(one, kind):
            raise TypeError(f"{name} is a list of {kind.__name__}; got {one!r}")
    object.__setattr__(owner, name, several)


def _one_of(name: str, value: object, known: Iterable[str]) -> None:
    if value not in tuple(known):
        raise ValueError(f"{name} is one of {', '.join(known)}; got {value!r}")


def _whole(name: str, value: object, least: int, most: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name} is a whole number; got {value!r}")
    if not least <= value <= most:
        raise ValueError(f"{name} is a number from {least} to {most}; got {value}")


def _number(name: str, value: object, most: float = math.inf) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{name} is a number; got {value!r}")
    if not (math.isfinite(value) and 0 <= value <= most):
        limit = f"from 0 to {most:g}" if math.isfinite(most) else "from 0 up"
        raise ValueError(f"{name} is a number {limit}; got {value}")


def _flag(name: str, value: object) -> None:
    if not isinstance(value, bool):
        raise TypeError(f"{name} is true or false; got {value!r}")
