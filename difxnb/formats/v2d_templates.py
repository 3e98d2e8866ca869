# SPDX-License-Identifier: GPL-3.0-or-later
"""A ``.v2d`` with variables in it, for sessions that are correlated alike: ``${name}`` or ``${name:default}``.

Values take their place, each as one word or a list of words: what would end a statement, begin a comment or open a
block is refused, so that a value can never say more than its place in the template lets it. ``$$`` is a dollar.

>>> template = read_template("intensive.v2d.in")  # doctest: +SKIP
>>> template.v2d(difxnb.read_vex("i26001.vex"), TINT=1.0).problems()  # doctest: +SKIP
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from difxnb.errors import FileFormatError
from difxnb.formats.keyvalue import read_text
from difxnb.formats.v2d import V2d
from difxnb.formats.v2d_text import parse_v2d_text
from difxnb.formats.v2d_values import require_word, written_time
from difxnb.markup import plain

if TYPE_CHECKING:
    from difxnb.formats.vex import Vex

OF_SCHEDULE = ("EXPERIMENT", "STATIONS", "START", "STOP", "DATE", "VEX")
"""Variables that have values where a schedule is given: its name, stations, times, day, and file name."""

_MOST_TEXT = 1 << 22
_MOST_RENDERED = 1 << 23
_VARIABLE = re.compile(r"\$(?:\$|\{([A-Za-z][A-Za-z0-9_]{0,63})(?::([^{}$\n]{0,1000}))?\})?", re.ASCII)
_COMMENT = re.compile(r"(?<![^\x00-\x20])#[^\n]*")


class _Place(NamedTuple):
    """Where a variable, or ``$$``, stands; the name of ``$$`` is empty."""

    start: int
    stop: int
    name: str
    default: str | None


def read_template(path: str | PathLike[str]) -> V2dTemplate:
    """Read a template of a ``.v2d``.

    Raises
    ------
    FileNotFoundError
        There is no such file.
    FileFormatError
        A ``$`` is neither a variable nor doubled, or a variable has two defaults; with the line.
    """
    return V2dTemplate(read_text(Path(path)), Path(path))


class V2dTemplate:
    """A ``.v2d`` with variables.

    Parameters
    ----------
    text : str
        The template.
    path : path-like, optional
        Its file, for messages.

    Attributes
    ----------
    text : str
        As it was read.
    variables : dict
        Names and defaults, None where there is none. Those in comments are not among them.

    Raises
    ------
    FileFormatError
        A ``$`` is neither a variable nor doubled, or a variable has two defaults; with the line.
    """

    def __init__(self, text: str, path: str | PathLike[str] | None = None) -> None:
        self.path = None if path is None else Path(path)
        self.text = text
        if len(text) > _MOST_TEXT:
            self._fail(0, f"more than {_MOST_TEXT >> 20} MB; that is no template")
        self._places = self._found()
        self.variables: dict[str, str | None] = {}
        for place in self._places:
            if place.name:
                self._add(place)

    def _found(self) -> list[_Place]:
        """Variables outside of comments."""
        comments = [match.span() for match in _COMMENT.finditer(self.text)]
        found, number = list[_Place](), 0
        for match in _VARIABLE.finditer(self.text):
            while number < len(comments) and comments[number][1] <= match.start():
                number += 1
            if number < len(comments) and comments[number][0] <= match.start():
                continue
            if match[0] == "$":
                self._fail(match.start(), "write ${NAME}, ${NAME:default}, or $$ for a dollar")
            found.append(_Place(*match.span(), match[1] or "", match[2]))
        return found

    def _add(self, place: _Place) -> None:
        known = self.variables.get(place.name)
        if known is not None and place.default not in (None, known):
            self._fail(place.start, f"${{{place.name}}} has two defaults, {known} and {place.default}")
        self.variables[place.name] = known if place.default is None else place.default

    def _fail(self, place: int, problem: str) -> None:
        line = self.text.count("\n", 0, place) + 1
        raise FileFormatError(self.path or "template", f"line {line}", problem)

    def render(self, **values: object) -> str:
        """The text with values in place of variables.

        Parameters
        ----------
        **values : str, number, bool, datetime64, or list of them
            A list becomes words with commas between them.

        Returns
        -------
        str
            vex2difx can read it.

        Raises
        ------
        ValueError
            A variable without a value, a value without a variable, a value that would not be read as words, or a text
            that is no ``.v2d`` then.
        """
        given = {name: value for name, value in values.items() if value is not None}
        extra = sorted(set(given) - set(self.variables) - set(OF_SCHEDULE))
        if extra:
            has = ", ".join(self.variables) or "none"
            raise ValueError(f"{self._name}: no variable {', '.join(extra)}; it has {has}")
        missing = [name for name, default in self.variables.items() if default is None and name not in given]
        if missing:
            raise ValueError(f"{self._name}: no value for {', '.join(missing)}")
        words = {name: self._word(name, given) for name in self.variables}
        parts, stop = list[str](), 0
        for place in self._places:
            parts += [self.text[stop : place.start], words[place.name] if place.name else "$"]
            stop = place.stop
        text = "".join([*parts, self.text[stop:]])
        if len(text) > _MOST_RENDERED:
            raise ValueError(f"{self._name}: the text would have more than {_MOST_RENDERED >> 20} MB")
        parse_v2d_text(text, self._name)
        return text

    def _word(self, name: str, given: Mapping[str, object]) -> str:
        """Text of a value; defaults are part of the template and taken as they are."""
        if name not in given:
            return self.variables[name] or ""
        value = given[name]
        try:
            words = [_written(item) for item in _items(value)]
            for word in words:
                require_word(word)
                if set(word) & set('"#$'):
                    raise ValueError(f"{word[:40]!r} holds a quotation mark, a # or a dollar")
        except ValueError as error:
            raise ValueError(f"{self._name}: {name}: {error}") from error
        if not words:
            raise ValueError(f"{self._name}: {name}: the list is empty")
        return ", ".join(words)

    def v2d(self, vex: Vex | None = None, **values: object) -> V2d:
        """The ``.v2d`` with values in place of variables.

        Parameters
        ----------
        vex : Vex, optional
            Schedule. It gives ``EXPERIMENT``, ``STATIONS`` (all that are in scans), ``START`` and ``STOP``, ``DATE``
            (``20240131``) and ``VEX`` (its file name), where `values` do not; and what is made is held against it.
        **values
            As in :meth:`render`.

        Returns
        -------
        V2d
            Without a path: it is no file yet.

        Raises
        ------
        ValueError
            As :meth:`render`.
        """
        facts = {} if vex is None else facts_of(vex)
        wanted = {name: value for name, value in facts.items() if name in self.variables}
        made = V2d(self.render(**{**wanted, **values}))
        made.use(vex)
        return made

    @property
    def _name(self) -> str:
        return str(self.path or "template")

    def __repr__(self) -> str:
        known = self.variables.items()
        shown = {name: "needed" if default is None else default or "nothing" for name, default in known}
        return plain(f"<V2dTemplate {self._name}: {len(self.variables)} variables>", shown)


def facts_of(vex: Vex) -> dict[str, object]:
    """What a schedule says for the variables that are always there."""
    stations = vex.stations()
    seen = list(stations.loc[stations["n_scans"] > 0, "station"])
    facts: dict[str, object] = {
        "EXPERIMENT": vex.exper or None,
        "STATIONS": seen or None,
        "VEX": vex.path.name if vex.path else None,
    }
    for name, time in (("START", vex.start), ("STOP", vex.stop)):
        facts[name] = None if np.isnat(time) else time
    facts["DATE"] = None if np.isnat(vex.start) else np.datetime_as_string(vex.start, "D").replace("-", "")
    return facts


def _items(value: object) -> Iterable[object]:
    """The values of a list, an array or a column; anything else is one value."""
    if isinstance(value, Iterable) and (
        isinstance(value, (list, tuple, np.ndarray)) or hasattr(value, "to_list")
    ):
        return [*value]
    return [value]


def _written(value: object) -> str:
    """One word."""
    if isinstance(value, (bool, np.bool_)):
        return "True" if value else "False"
    if isinstance(value, (int, np.integer)):
        return str(int(value))
    if isinstance(value, (float, np.floating)):
        if not math.isfinite(value):
            raise ValueError(f"{value} is no number that can be written")
        return repr(float(value))
    return value if isinstance(value, str) else written_time(value)
