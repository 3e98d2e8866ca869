# SPDX-License-Identifier: GPL-3.0-or-later
"""The program itself: its options, and what becomes of errors."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from difxnb import __version__
from difxnb.cli.verbs import Verbs
from difxnb.errors import DifxError
from difxnb.markup import printable

FAILED, NOT_FINE, INTERRUPTED = 1, 3, 130
"""Exit statuses: an error, "it ran and something is not fine", Ctrl-C. Wrong usage is 2."""

_IN_A_SHELL = {
    "overwrite=True": "--overwrite",
    "recursive=True": "--recursive",
    "force=True": "--force",
    "confirm=True": "--confirm",
    "generate=True": "--generate",
    "resume=False": "--no-resume",
    "with set_machines": "with 'difxnb start --head --sources --processors'",
}
"""What errors advise, in the words of the command line."""

app = Verbs(
    name="difxnb",
    help="Run, watch and check the DiFX VLBI correlator.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@contextmanager
def errors_in_one_line() -> Iterator[None]:
    """Errors that explain themselves become one line on standard error, and exit status 1; Ctrl-C status 130."""
    try:
        yield
    except BrokenPipeError:
        raise  # whoever read has gone, as "head" does: no error, and dealt with further up
    except (DifxError, OSError) as error:
        print(f"difxnb: {printable(in_shell_words(str(error)))}", file=sys.stderr)
        raise typer.Exit(FAILED) from error
    except KeyboardInterrupt as error:
        raise typer.Exit(INTERRUPTED) from error  # what a shell reports for a program that Ctrl-C ended


def in_shell_words(text: str) -> str:
    """What an error says, with options of the program in place of those of Python."""
    for python, shell in _IN_A_SHELL.items():
        text = text.replace(python, shell)
    return text


@contextmanager
def wrong_usage() -> Iterator[None]:
    """A ValueError is a fault of the command line: exit status 2."""
    try:
        yield
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


@contextmanager
def told_in_a_line() -> Iterator[None]:
    """Both: errors of the tree are status 1, a ValueError of the caller's status 2; warnings become lines, too."""
    with wrong_usage(), errors_in_one_line(), warnings.catch_warnings():
        warnings.showwarning = _show_warning
        yield


def _show_warning(message: Warning | str, category: type[Warning], *where: object, **options: object) -> None:
    """Say what a warning says, and not in which line of which module."""
    print(f"difxnb: {printable(in_shell_words(str(message)))}", file=sys.stderr)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(__version__)
        raise typer.Exit


@app.callback()
def _program(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Run, watch and check the DiFX VLBI correlator."""
