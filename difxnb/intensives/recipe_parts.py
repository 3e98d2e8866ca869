# SPDX-License-Identifier: GPL-3.0-or-later
"""Parts of a recipe: data of a station, the clock search, correlation, quality, reports, and whom to tell."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias, get_args

from difxnb.intensives.recipe_checks import (
    require_address,
    require_flag,
    require_number,
    require_one_of,
    require_text,
    require_whole,
    require_words,
)
from difxnb.queue import RetryPolicy

DataKind = Literal["files", "filelist", "module"]
"""How data are named in a ``.v2d``."""
HookKind = Literal["callable", "command", "webhook"]
HookOn = Literal["done", "failed", "end"]
HookWhat: TypeAlias = str | tuple[str, ...] | Callable[[Mapping[str, Any]], object]
_VERDICTS = ("go", "look", "no_go")


@dataclass(frozen=True, slots=True)
class StationData:
    """Data of one station.

    Attributes
    ----------
    station : str
        As the schedule calls it.
    pattern : str
        Recordings on the server (``/data/{session}/*_kk_*.vdif``); for a list its path; for a module its VSN, with the
        recorder that has it (``mark5-03:VSN``) where that is to be asked what is on it.
    kind : {"files", "filelist", "module"}
    wait_s : float, optional
        How long they are waited for; that of the recipe by default.
    copy_to : str
        Directory into which the scans of the schedule are copied off the module, as recorder and server see it.
    list_as : str
        Data format, as `Correlator.file_list` takes it (``VDIF/8032``): recordings are listed with their times, and the
        ``.v2d`` names that list.
    """

    station: str
    pattern: str
    kind: DataKind = "files"
    wait_s: float | None = None
    copy_to: str = ""
    list_as: str = ""

    def __post_init__(self) -> None:
        require_text("station", self.station)
        require_text("pattern", self.pattern)
        require_one_of("kind", self.kind, get_args(DataKind))
        if self.wait_s is not None:
            require_number("wait_s", self.wait_s)
        for name in ("copy_to", "list_as"):
            require_text(name, getattr(self, name), empty=True)
        if self.copy_to and (self.kind != "module" or ":" not in self.pattern):
            raise ValueError("copy_to goes with a module and its recorder, such as mark5-03:NRAO+123")
        if self.copy_to and not self.copy_to.startswith("/"):
            raise ValueError(f"copy_to is an absolute path on the server; got {self.copy_to!r}")
        if self.list_as and self.kind != "files" and not self.copy_to:
            raise ValueError("list_as goes with files, or with what is copied off a module")


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
        require_words(self, "scans", "sources")
        require_whole("n", self.n, 1, 1000)


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
        require_text("reference", self.reference, empty=True)
        require_words(self, "tables")
        require_one_of("positive", self.positive, ("early", "late"))
        require_number("max_change_s", self.max_change_s)
        require_number("max_false_alarm", self.max_false_alarm, 1.0)


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
        require_text("head_node", self.head_node, empty=True)
        require_text("calc", self.calc)
        require_words(self, "datastreams")
        require_whole("priority", self.priority, -1000, 1000)
        require_flag("overwrite", self.overwrite)
        if not isinstance(self.processors, Mapping):
            raise TypeError(f"processors are hosts and their threads; got {self.processors!r}")
        for host, threads in self.processors.items():
            require_text("a processor", host)
            require_whole(f"threads of {host}", threads, 1, 10_000)
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
        require_words(self, "stop_on")
        for one in self.stop_on:
            require_one_of("stop_on", one, _VERDICTS)
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
    notebook : bool or str
        A notebook that is run on each job, and its page: true for that of this package, or a path of this machine;
        see :func:`difxnb.report`.
    """

    to: str = ""
    html: bool = True
    ivs: bool = True
    notebook: bool | str = False

    def __post_init__(self) -> None:
        require_text("to", self.to, empty=True)
        require_flag("html", self.html)
        require_flag("ivs", self.ivs)
        if isinstance(self.notebook, str):
            require_text("notebook", self.notebook)
        else:
            require_flag("notebook", self.notebook)


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
        require_one_of("on", self.on, get_args(HookOn))
        require_one_of("kind", self.kind, get_args(HookKind))
        if self.kind == "callable":
            if not callable(self.what):
                raise TypeError(f"a hook of kind callable has a callable; got {self.what!r}")
        elif self.kind == "webhook":
            require_text("what", self.what)
            require_address(str(self.what))
        else:
            require_words(self, "what")
            if not self.what:
                raise ValueError("a command has a program")
