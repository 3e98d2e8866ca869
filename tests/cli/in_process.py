# SPDX-License-Identifier: GPL-3.0-or-later
"""The program in this process: what it prints, and its exit status, without the seconds that a process takes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from typer.testing import CliRunner

from difxnb.cli import app


@dataclass(frozen=True)
class Done:
    """What a run of the program left."""

    status: int
    out: str
    complaints: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()

    @property
    def objects(self) -> list[dict[str, Any]]:
        """The JSON objects that were printed, one on a line."""
        return [json.loads(line) for line in self.lines]


def difxnb_program(*arguments: object, given: bytes | None = None) -> Done:
    """Run ``difxnb ARGUMENTS``; `given` is its standard input."""
    done = CliRunner().invoke(app, list(map(str, arguments)), input=given, prog_name="difxnb")
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return Done(done.exit_code, done.stdout, done.stderr)
