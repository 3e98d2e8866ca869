# SPDX-License-Identifier: GPL-3.0-or-later
"""The limits of the checks: those of ``limits.toml``, and what somebody puts in their place."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from os import PathLike
from pathlib import Path
from typing import Any, TypeAlias

from difxnb.errors import FileFormatError

Section: TypeAlias = Mapping[str, Any]
"""Limits of one check, by name."""
Limits: TypeAlias = Mapping[str, Section]
"""Sections of limits, by the name of the check."""


@cache
def default_limits() -> Limits:
    """The limits as ``limits.toml`` in this package has them, with a comment to each."""
    return tomllib.loads(files("difxnb.quality").joinpath("limits.toml").read_text(encoding="utf-8"))


def limits_with(changes: str | PathLike[str] | Limits | None) -> Limits:
    """The usual limits with some in their places.

    Parameters
    ----------
    changes : path or mapping, optional
        A TOML file, or the same as nested mappings; sections are checks. What is not named stays.

    Raises
    ------
    ValueError
        There is no such check or limit, or it has another type; what there is is named.
    FileFormatError
        The file is no TOML.
    FileNotFoundError
    """
    usual = default_limits()
    wanted = _read(Path(changes)) if isinstance(changes, str | PathLike) else changes or {}
    for section, values in wanted.items():
        if section not in usual:
            raise ValueError(f"there is no check {section!r}; checks are {', '.join(usual)}")
        if not isinstance(values, Mapping):
            raise ValueError(f"[{section}] must be a table of limits, not {values!r}")
        for name, value in values.items():
            _require_like(section, name, value, usual[section])
    return {section: {**values, **wanted.get(section, {})} for section, values in usual.items()}


def _read(path: Path) -> Limits:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise FileFormatError(path, "", f"no TOML: {error}") from error


def _require_like(section: str, name: str, value: object, usual: Section) -> None:
    """Refuse a limit that does not exist, or of another type."""
    if name not in usual:
        raise ValueError(f"[{section}] has no limit {name!r}; it has {', '.join(usual)}")
    known = usual[name]
    numbers = (
        not isinstance(value, bool) and isinstance(value, int | float) and isinstance(known, int | float)
    )
    if type(value) is not type(known) and not (numbers and not isinstance(known, bool)):
        raise ValueError(f"[{section}] {name} is a {type(known).__name__}, not {value!r}")
