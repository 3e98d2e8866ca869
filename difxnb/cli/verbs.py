# SPDX-License-Identifier: GPL-3.0-or-later
"""Verbs whose options are looked at when they are used: looking at all of them takes as long as loading the rest.

A parameter that is a dataclass stands for options that belong together: one for each of its fields.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from functools import cache, wraps
from inspect import Parameter, Signature, signature
from typing import Any, TypeVar, get_type_hints

import typer
from typer.core import TyperGroup

from difxnb.cli.streams import make_them_bear_all

Function = TypeVar("Function", bound=Callable[..., Any])

_BUILD = "build_verb"


class LazyGroup(TyperGroup):
    """Commands of which only the names and a line of help are known until one is asked for."""

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command of that name, with its options; None where there is none."""
        known = self.commands.get(cmd_name)
        build = getattr(known.callback, _BUILD, None) if known is not None else None
        return known if build is None else build()

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the list of commands, from what is known of all of them."""
        limit = formatter.width - 6 - max(map(len, self.commands), default=0)
        rows = [
            (name, one.get_short_help_str(limit))
            for name, one in sorted(self.commands.items())
            if not one.hidden
        ]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


def _taken_apart(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function with a parameter for each field of those of its parameters that are dataclasses."""
    hints = get_type_hints(function, include_extras=True)
    bundles = {name: hint for name, hint in hints.items() if is_dataclass(hint) and isinstance(hint, type)}
    if not bundles:
        return function

    @wraps(function)
    def call(**given: Any) -> Any:
        for name, bundle in bundles.items():
            given[name] = bundle(**{one.name: given.pop(one.name) for one in fields(bundle)})
        return function(**given)

    parameters: list[Parameter] = []
    for one in signature(function).parameters.values():
        if one.name in bundles:
            parameters += signature(bundles[one.name], eval_str=True).parameters.values()
        else:
            parameters.append(one.replace(annotation=hints[one.name]))
    shown: Any = call  # functions have no signature of their own as far as types go
    shown.__signature__ = Signature(parameters)
    shown.__annotations__ = {one.name: one.annotation for one in parameters}
    return call


class Verbs(typer.Typer):
    """A program, or a part of one, whose commands are built when they are used."""

    def __init__(self, **options: Any) -> None:
        # Loading rich, for boxes around the help, takes longer than all else.
        super().__init__(**{"cls": LazyGroup, "rich_markup_mode": None, "add_completion": False, **options})

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the program, whatever its standard streams are; a full disk is a line also where help is written."""
        make_them_bear_all()
        try:
            return super().__call__(*args, **kwargs)
        except OSError as error:
            print(f"difxnb: {error}", file=sys.stderr)
            sys.exit(1)

    def command(self, name: str | None = None, **options: Any) -> Callable[[Function], Function]:
        """Make a function a command; parameters are those of `typer.Typer.command`."""
        register = super().command

        def put_down(function: Function) -> Function:
            @cache
            def build() -> Any:
                alone = typer.Typer(add_completion=False, rich_markup_mode=None)
                alone.command(name, **options)(_taken_apart(function))
                return typer.main.get_command(alone)

            def stub() -> None:
                """Stand for the command, by its name and its line of help."""

            stub.__name__ = function.__name__
            setattr(stub, _BUILD, build)
            register(name, short_help=options.get("short_help"), hidden=options.get("hidden", False))(stub)
            return function

        return put_down
