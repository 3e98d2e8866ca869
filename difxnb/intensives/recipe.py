# SPDX-License-Identifier: GPL-3.0-or-later
"""What an unattended session is to do: where its schedule and data come from, and what follows.

A recipe is values and nothing else: what cannot be is refused when it is made, what may turn out wrong is a row of
:meth:`Recipe.problems`.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from difxnb.formats.problems import Problem, problem_frame
from difxnb.intensives.recipe_checks import (
    require_number,
    require_one_of,
    require_several,
    require_text,
    require_words,
)
from difxnb.intensives.recipe_parts import (
    ClocksRecipe,
    CorrelateRecipe,
    Hook,
    QualityRecipe,
    ReportRecipe,
    SearchRecipe,
    StationData,
)
from difxnb.reports.notebook_programs import missing_programs

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "ClocksRecipe",
    "CorrelateRecipe",
    "Hook",
    "OnMissing",
    "QualityRecipe",
    "Recipe",
    "ReportRecipe",
    "SearchRecipe",
    "StationData",
]

OnMissing = Literal["wait", "without", "stop"]
"""What follows where data of a station do not arrive."""
NAMES = ("{session}", "{date}")
"""What is replaced in paths of a recipe."""
_BRACED = re.compile(r"\{[^{}]{0,64}\}")


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
            require_text(name, getattr(self, name))
        for name in ("v2d", "template", "eop"):
            if getattr(self, name) is not None:
                require_text(name, getattr(self, name))
        if (self.v2d is None) == (self.template is None):
            raise ValueError("a recipe has a v2d or a template of one: give one of the two")
        if not isinstance(self.variables, Mapping):
            raise TypeError(f"variables are names and values; got {self.variables!r}")
        if self.variables and self.template is None:
            raise ValueError("variables are for a template, and there is none")
        require_words(self, "stations")
        require_several(self, "data", StationData)
        require_several(self, "hooks", Hook)
        for name, kind in _PARTS.items():
            if not isinstance(getattr(self, name), kind):
                raise TypeError(f"{name} is a {kind.__name__}; got {getattr(self, name)!r}")
        require_one_of("on_missing", self.on_missing, get_args(OnMissing))
        for name in ("wait_s", "newest"):
            require_number(name, getattr(self, name))
        require_number("look_s", self.look_s, 3600.0)
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

    def __repr__(self) -> str:
        from difxnb.intensives.recipe_text import shown_recipe

        return shown_recipe(self)

    def _repr_html_(self) -> str:
        return f"<pre>{escape(repr(self))}</pre>"


_PARTS: dict[str, type] = {
    "search": SearchRecipe,
    "clocks": ClocksRecipe,
    "correlate": CorrelateRecipe,
    "quality": QualityRecipe,
    "report": ReportRecipe,
}


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
    yield from _notebook_problems(recipe.report.notebook)
    if not (recipe.report.html or recipe.report.ivs or recipe.report.notebook):
        yield Problem("note", "no report", "nothing is written at the end", "report")


def _notebook_problems(notebook: bool | str) -> Iterable[Problem]:
    if notebook and (missing := missing_programs()):
        said = f"{', '.join(missing)} is not installed, and notebooks are run by it"
        yield Problem(
            "error", "not installed", said, "report", name="notebook", fix="pip install 'difxnb[report]'"
        )
    if (
        isinstance(notebook, str)
        and not any(name in notebook for name in NAMES)
        and not Path(notebook).is_file()
    ):
        said = f"{notebook} is not on this machine"
        yield Problem("warning", "missing file", said, "report", name="notebook", fix="copy it here")


def _paths(recipe: Recipe) -> Iterable[tuple[str, str]]:
    yield from (("schedule", recipe.schedule), ("directory", recipe.directory), ("report", recipe.report.to))
    if recipe.template is not None:
        yield "template", recipe.template
    if recipe.v2d is not None and "\n" not in recipe.v2d:
        yield "v2d", recipe.v2d
    if isinstance(recipe.report.notebook, str):
        yield "report", recipe.report.notebook
    yield from (("data", text) for one in recipe.data for text in (one.pattern, one.copy_to))
    yield from (("clocks", table) for table in recipe.clocks.tables)
