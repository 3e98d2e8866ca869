# SPDX-License-Identifier: GPL-3.0-or-later
"""A recipe as TOML: the same names as tables. A name that is not known is refused, never passed over."""

from __future__ import annotations

import dataclasses
import json
import tomllib
from collections.abc import Callable, Iterator, Mapping
from os import PathLike
from pathlib import Path
from typing import Any

from difxnb.errors import FileFormatError
from difxnb.formats.keyvalue import read_text
from difxnb.intensives.recipe import (
    ClocksRecipe,
    CorrelateRecipe,
    Hook,
    QualityRecipe,
    Recipe,
    ReportRecipe,
    SearchRecipe,
    StationData,
)
from difxnb.markup import printable
from difxnb.queue import RetryPolicy

_LARGEST = 2**20
_LONGEST_SHOWN = 100
_TABLES: Mapping[str, type] = {
    "search": SearchRecipe,
    "clocks": ClocksRecipe,
    "correlate": CorrelateRecipe,
    "quality": QualityRecipe,
    "report": ReportRecipe,
    "policy": RetryPolicy,
}
_LISTS: Mapping[str, type] = {"data": StationData, "hooks": Hook}


def read_recipe(path: str | PathLike[str]) -> Recipe:
    """Read the recipe of an unattended session.

    Parameters
    ----------
    path : path-like
        A TOML file.

    Returns
    -------
    Recipe
        ``recipe.problems()`` tells what is likely to go wrong.

    Raises
    ------
    FileNotFoundError
    FileFormatError
        It is no TOML (with the line), has a name that is not known, or a value that cannot be (with its name).

    Examples
    --------
    >>> recipe = read_recipe("daily.toml")  # doctest: +SKIP
    >>> recipe.problems()  # doctest: +SKIP
    """
    place = Path(path)
    if place.stat().st_size > _LARGEST:
        raise FileFormatError(place, "", f"a recipe has {_LARGEST} bytes at most")
    return parse_recipe(read_text(place), place)


def parse_recipe(text: str, path: str | Path = "recipe") -> Recipe:
    """Understand the text of a recipe; FileFormatError as of :func:`read_recipe`."""
    try:
        found = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError, ValueError) as error:
        raise FileFormatError(path, "", f"no TOML: {error}") from error
    made: Recipe = _made(Recipe, found, "", path)
    return made


def _made(kind: type, values: Mapping[str, Any], where: str, path: str | Path) -> Any:
    """An object of a table."""
    fields = {one.name: one for one in dataclasses.fields(kind)}
    for name in values:
        if name not in fields:
            raise FileFormatError(
                path, f"{where}{name}", f"a recipe has no such name here; there are {', '.join(fields)}"
            )
    needed = [
        name
        for name, one in fields.items()
        if one.default is dataclasses.MISSING and one.default_factory is dataclasses.MISSING
    ]
    if missing := [name for name in needed if name not in values]:
        raise FileFormatError(path, where.rstrip("."), f"{', '.join(missing)} is missing")
    if kind is Hook and values.get("kind") == "callable":
        raise FileFormatError(path, f"{where}kind", "a callable cannot stand in a file")
    given = {name: _value(name, value, where, path) for name, value in values.items()}
    try:
        return kind(**given)
    except (ValueError, TypeError) as error:
        raise FileFormatError(path, where.rstrip("."), str(error)) from error


def _value(name: str, value: Any, where: str, path: str | Path) -> Any:
    if name in _TABLES:
        if not isinstance(value, dict):
            raise FileFormatError(path, f"{where}{name}", "this is a table")
        return _made(_TABLES[name], value, f"{where}{name}.", path)
    if name in _LISTS:
        if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
            raise FileFormatError(path, f"{where}{name}", f"this is a list of tables: [[{name}]]")
        rows = enumerate(value, start=1)
        return tuple(_made(_LISTS[name], one, f"{where}{name}[{row}].", path) for row, one in rows)
    return value


# --- writing ---------------------------------------------------------------------------------------------------


def format_recipe(recipe: Recipe) -> str:
    """The text of a recipe; what is as it is by default is left out.

    Raises
    ------
    ValueError
        A hook is a callable, or a value has no form in TOML.
    """
    return "\n".join(_lines(recipe, "", _toml)).strip() + "\n"


def shown_recipe(recipe: Recipe) -> str:
    """A recipe to look at: a line for each value that is not as by default, texts of many lines cut."""
    text = "\n".join(_lines(recipe, "", _shown)).strip()
    return printable(f"<Recipe {recipe.name}>\n{text}", keep="\n")


def _shown(value: Any) -> str:
    if isinstance(value, str) and len(value) > _LONGEST_SHOWN:
        return f"{_toml(value[:_LONGEST_SHOWN])} … ({len(value)} characters)"
    if callable(value):
        return str(getattr(value, "__qualname__", type(value).__name__))
    try:
        return _toml(value)
    except ValueError:  # it has no form in a file, and is shown all the same
        return repr(value)


def _lines(owner: Any, prefix: str, told: Callable[[Any], str]) -> Iterator[str]:
    plain, tables, lists = [], list[tuple[str, Any]](), list[tuple[str, Any]]()
    for one in dataclasses.fields(owner):
        value = getattr(owner, one.name)
        if value == _default(one) or value is None:
            continue
        if one.name in _TABLES:
            tables.append((one.name, value))
        elif one.name in _LISTS:
            lists.append((one.name, value))
        else:
            plain.append(f"{one.name} = {told(value)}")
    yield from plain
    for name, value in tables:
        yield from ("", f"[{prefix}{name}]", *_lines(value, f"{prefix}{name}.", told))
    for name, value in lists:
        for row in value:
            yield from ("", f"[[{prefix}{name}]]", *_lines(row, f"{prefix}{name}.", told))


def _default(one: dataclasses.Field[Any]) -> Any:
    if one.default_factory is not dataclasses.MISSING:
        return one.default_factory()
    return one.default


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, str):
        return json.dumps(value).replace("\x7f", "\\u007f")
    if isinstance(value, Mapping):
        inner = ", ".join(f"{json.dumps(str(name))} = {_toml(one)}" for name, one in value.items())
        return "{ " + inner + " }" if inner else "{}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_toml(one) for one in value) + "]"
    raise ValueError(f"{value!r} has no form in a file")
