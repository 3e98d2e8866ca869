# SPDX-License-Identifier: GPL-3.0-or-later
"""Standard streams that bear whatever is written: closed ones, and terminals that know few characters."""

from __future__ import annotations

import io
import os
import sys


def make_them_bear_all() -> None:
    """Let what a terminal has no character for become ``?``, and let closed streams lead to nothing.

    Otherwise the next file or connection that is opened would be standard output, for whoever writes there.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            _open_nothing(number, name)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace" if stream is sys.stdout else "backslashreplace")


def _open_nothing(number: int, name: str) -> None:
    nothing = os.open(os.devnull, os.O_RDWR)  # the lowest number that is free, which is its own as a rule
    os.set_inheritable(nothing, nothing == number)
    setattr(sys, name, os.fdopen(nothing, "r" if number == 0 else "w", encoding="utf-8", closefd=False))
