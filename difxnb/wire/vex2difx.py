# SPDX-License-Identifier: GPL-3.0-or-later
"""What guiServer says while vex2difx and the delay model program run, and what they made (guiserver.md 7.7).

The names of files come on a side connection, without ids; everything else is notices for humans on the main
connection. In: notices and paths. Out: remarks with a program and a meaning, and jobs with their models. What
ended well is judged by the files alone: "RETURNED ERRORS" comes with any line of error output.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from difxnb.wire.events import Notice, NoticeSeverity


class RemarkKind(StrEnum):
    """What a remark says."""

    COMMAND = "command"
    OUTPUT = "output"
    COMPLAINT = "complaint"
    COMPLETE = "complete"
    ERRORS = "errors"
    MISSING = "missing"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Remark:
    """One notice, understood.

    Attributes
    ----------
    program : str
        ``vex2difx``, the delay model program, or empty.
    kind : RemarkKind
    text : str
        The line of the program, or the whole notice.
    """

    program: str
    kind: RemarkKind
    text: str


_LINE = re.compile(r"(\S+?)\.\.\. (.*)", re.DOTALL)
_END = re.compile(r"(\S+) (complete|RETURNED ERRORS)")
_RUNNING = re.compile(r"running (\S+) on all new \.calc files")
_MISSING = re.compile(r"(\S+) (?:failed to create|product) (\S+).*", re.DOTALL)


def read_remark(notice: Notice) -> Remark:
    """Understand a notice; one of something else gives a remark of kind OTHER."""
    text = notice.text.strip()
    if text.startswith(("Executing: ", "executing: ")):
        return Remark("", RemarkKind.COMMAND, text.partition(": ")[2])
    if line := _LINE.fullmatch(text):
        is_error = notice.severity is NoticeSeverity.ERROR
        return Remark(line[1], RemarkKind.COMPLAINT if is_error else RemarkKind.OUTPUT, line[2])
    if end := _END.fullmatch(text):
        return Remark(end[1], RemarkKind.COMPLETE if end[2] == "complete" else RemarkKind.ERRORS, text)
    if running := _RUNNING.fullmatch(text):
        return Remark(running[1], RemarkKind.COMMAND, text)
    if missing := _MISSING.fullmatch(text):
        return Remark(missing[1], RemarkKind.MISSING, text)
    return Remark("", RemarkKind.OTHER, text)


@dataclass(frozen=True, slots=True)
class MadeFiles:
    """What a run has made, by the paths that the server sent.

    Attributes
    ----------
    inputs, models : tuple of str
        ``.input`` and ``.im`` files.
    others : tuple of str
        Anything else.
    """

    inputs: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    others: tuple[str, ...] = ()

    @classmethod
    def of(cls, paths: Iterable[str]) -> MadeFiles:
        """Sort paths by what they are."""
        found = list(paths)
        inputs = tuple(path for path in found if path.endswith(".input"))
        models = tuple(path for path in found if path.endswith(".im"))
        return cls(inputs, models, tuple(path for path in found if not path.endswith((".input", ".im"))))

    def model_of(self, input_file: str) -> str | None:
        """The delay model of a job among `models`."""
        model = f"{input_file.removesuffix('.input')}.im"
        return model if model in self.models else None


_SERIES = re.compile(r"^\s*jobSeries\s*=\s*([^\s#]+)", re.MULTILINE)


def job_series(v2d: str, name: str) -> str:
    """How the jobs of a ``.v2d`` file begin: its ``jobSeries``, or its own name.

    Parameters
    ----------
    v2d : str
        Text of the file.
    name : str
        Its name without directory and extension.
    """
    named = _SERIES.findall(v2d)
    return str(named[-1]) if named else name
