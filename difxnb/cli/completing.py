# SPDX-License-Identifier: GPL-3.0-or-later
"""``difxnb completion``: the script by which a shell completes verbs and options."""

from __future__ import annotations

import os
from enum import StrEnum
from typing import Annotated

import typer

from difxnb.cli.printed import say
from difxnb.cli.program import app

VARIABLE = "_DIFXNB_COMPLETE"
"""By this variable the shell's script tells the program what to complete."""


class Shell(StrEnum):
    """Shells that can be served."""

    bash = "bash"
    zsh = "zsh"
    fish = "fish"


@app.command(short_help="Print a script that completes verbs and options.")
def completion(
    shell: Annotated[Shell, typer.Argument(help="The shell that is to complete.")],
) -> None:
    """Print the script by which a shell completes verbs and options of difxnb.

    difxnb completion bash > ~/.local/share/bash-completion/completions/difxnb

    difxnb completion zsh > ~/.zfunc/_difxnb

    difxnb completion fish > ~/.config/fish/completions/difxnb.fish
    """
    from typer.completion import get_completion_script  # type: ignore[attr-defined]

    say(get_completion_script(prog_name="difxnb", complete_var=VARIABLE, shell=shell.value))


if VARIABLE in os.environ:  # a shell asks, and nobody else has to wait for what answers it
    from typer.completion import completion_init  # type: ignore[attr-defined]

    completion_init()
