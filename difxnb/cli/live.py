# SPDX-License-Identifier: GPL-3.0-or-later
"""Showing something that changes: tables in a terminal, lines in a pipe, JSON for programs.

In: looks, taken some times a second. Out: a live table where standard output is a terminal, else what is new as lines.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Protocol, TypeVar

from rich.console import Console, RenderableType
from rich.live import Live

from difxnb.cli.printed import plain
from difxnb.markup import printable

PERIOD_S = 0.5
"""Seconds between two looks."""


class Look(Protocol):
    """What is to be shown at one moment."""

    @property
    def is_over(self) -> bool:
        """Whether this is the last look."""

    def table(self, width: int, height: int | None) -> RenderableType:
        """For a terminal of that many columns and rows; all rows where there is no height."""

    def lines(self) -> Mapping[str, str]:
        """In lines, each under a name: a line is printed when it differs from the last of that name."""

    def data(self) -> dict[str, Any]:
        """For programs."""


L = TypeVar("L", bound=Look)


class Printer:
    """Prints looks in one of three ways; used with ``with``.

    Parameters
    ----------
    as_json, once : bool
        As the options of these names.
    console : Console, optional
        Standard output by default.
    """

    def __init__(self, *, as_json: bool, once: bool, console: Console | None = None) -> None:
        self._json, self._once = as_json, once
        self._console = console or Console(highlight=False)
        self._is_live = self._console.is_terminal and not (as_json or once)
        self._said: dict[str, str] = {}
        self._live = Live(console=self._console, auto_refresh=False) if self._is_live else None

    def show(self, look: Look) -> None:
        """Print a look, or what is new in it."""
        now = datetime.now(UTC)
        if self._json:
            text = json.dumps(plain(look.data()), allow_nan=False)
            self._say("", text[1:], f'{{"time": "{now:%Y-%m-%dT%H:%M:%S.%fZ}", ')
        elif self._live is not None:
            height = None if look.is_over else self._console.height
            self._live.update(look.table(self._console.width, height), refresh=True)
        elif self._once:
            self._console.print(look.table(self._console.width, None))
        else:
            for name, text in look.lines().items():
                self._say(name, printable(text), f"{now:%H:%M:%S} ")

    def _say(self, name: str, text: str, before: str = "") -> None:
        if self._said.get(name) != text:
            self._said[name] = text
            sys.stdout.write(f"{before}{text}\n")
            sys.stdout.flush()

    def __enter__(self) -> Printer:
        screen: AbstractContextManager[object] = self._live or nullcontext()
        screen.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.__exit__(kind, error, trace)


def follow(printer: Printer, look: Callable[[], L]) -> L:
    """Show looks until one is the last; gives that."""
    while True:
        now = look()
        printer.show(now)
        if now.is_over:
            return now
        time.sleep(PERIOD_S)
