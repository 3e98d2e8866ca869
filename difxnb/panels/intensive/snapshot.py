# SPDX-License-Identifier: GPL-3.0-or-later
"""All that a panel of unattended sessions shows at one moment; texts are as they came, not escaped."""

from __future__ import annotations

from dataclasses import dataclass

from difxnb.panels.acting import ActingSnapshot
from difxnb.panels.intensive.look import Standing


@dataclass(frozen=True)
class Choice:
    """A session that may be chosen: where it is kept, its code and its state."""

    key: str
    name: str
    state: str


@dataclass(frozen=True)
class RecipeText:
    """A recipe as a file has it, and what is likely to go wrong with it: how bad, where, what, and what to do."""

    text: str
    problems: tuple[tuple[str, str, str, str], ...]


@dataclass(frozen=True)
class Detail:
    """All that one step took and gave, as text."""

    step: str
    inputs: str
    outputs: str


@dataclass(frozen=True)
class Opened:
    """A report that is shown."""

    path: str
    text: str

    @property
    def is_page(self) -> bool:
        """Whether it is HTML."""
        return self.path.lower().endswith((".html", ".htm"))


@dataclass(frozen=True)
class IntensiveSnapshot(ActingSnapshot):
    """All that a panel of sessions shows.

    Attributes
    ----------
    path, code : str
        Of the recipe and the session of which a dry run is made.
    choices : tuple of Choice
    chosen : str
        Key of the chosen one; empty for none.
    standing : Standing, optional
        How it stands.
    recipe : RecipeText, optional
        None where it is not shown.
    detail : Detail, optional
        Of the step that was chosen.
    report : str
        The report that would be opened.
    opened : Opened, optional
    asks : str
        What the words ask for, ``"stop"`` or ``"begin anew"``; empty where they are no question.
    recipes, codes : tuple of str
        Files of recipes and codes of earlier sessions on this machine, to choose from.
    """

    path: str
    code: str
    choices: tuple[Choice, ...]
    chosen: str
    standing: Standing | None
    recipe: RecipeText | None
    detail: Detail | None
    report: str
    opened: Opened | None
    asks: str
    recipes: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()
