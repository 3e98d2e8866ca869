# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks of the values of a recipe: ValueError and TypeError name the one that cannot be."""

from __future__ import annotations

import math
from collections.abc import Iterable
from urllib.parse import urlsplit


def require_text(name: str, value: object, *, empty: bool = False) -> None:
    """Refuse what is no text, or an empty one."""
    if not isinstance(value, str):
        raise TypeError(f"{name} is a text; got {value!r}")
    if not value and not empty:
        raise ValueError(f"{name} is empty")
    if "\0" in value:
        raise ValueError(f"{name} holds a character that no path has")


def require_words(owner: object, *names: str) -> None:
    """Take lists for tuples, and refuse what is no list of texts."""
    for name in names:
        value = getattr(owner, name)
        if isinstance(value, str) or not isinstance(value, Iterable):
            raise TypeError(f"{name} is a list of texts; got {value!r}")
        several = tuple(value)
        for one in several:
            require_text(name, one)
        object.__setattr__(owner, name, several)


def require_several(owner: object, name: str, kind: type) -> None:
    """Take lists for tuples, and refuse what holds others than of a kind."""
    value = getattr(owner, name)
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise TypeError(f"{name} is a list of {kind.__name__}; got {value!r}")
    several = tuple(value)
    for one in several:
        if not isinstance(one, kind):
            raise TypeError(f"{name} is a list of {kind.__name__}; got {one!r}")
    object.__setattr__(owner, name, several)


def require_one_of(name: str, value: object, known: Iterable[str]) -> None:
    """Refuse what is none of these."""
    if value not in tuple(known):
        raise ValueError(f"{name} is one of {', '.join(known)}; got {value!r}")


def require_whole(name: str, value: object, least: int, most: int) -> None:
    """Refuse what is no whole number between two."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name} is a whole number; got {value!r}")
    if not least <= value <= most:
        raise ValueError(f"{name} is a number from {least} to {most}; got {value}")


def require_number(name: str, value: object, most: float = math.inf) -> None:
    """Refuse what is no number from 0 up."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{name} is a number; got {value!r}")
    if not (math.isfinite(value) and 0 <= value <= most):
        limit = f"from 0 to {most:g}" if math.isfinite(most) else "from 0 up"
        raise ValueError(f"{name} is a number {limit}; got {value}")


def require_flag(name: str, value: object) -> None:
    """Refuse what is neither true nor false."""
    if not isinstance(value, bool):
        raise TypeError(f"{name} is true or false; got {value!r}")


def require_address(url: str) -> str:
    """An address that something may be sent to: https, or http on this machine.

    Raises
    ------
    ValueError
    """
    parts = urlsplit(url)
    if parts.username is not None or parts.password is not None:
        raise ValueError("the address of a webhook has no name or password in it")
    here = parts.scheme == "http" and parts.hostname == "127.0.0.1"
    if not (here or parts.scheme == "https") or not parts.hostname or not url.isprintable() or " " in url:
        raise ValueError(f"a webhook is an https:// address, or http://127.0.0.1; got {url[:200]!r}")
    return url
