# SPDX-License-Identifier: GPL-3.0-or-later
"""Setups and rules of a ``.v2d`` that vex2difx 2.9 stops at, or writes so that the correlator finds no scan.

All are warnings, as jobs made here are right. Tried out with the program itself.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

from difxnb.formats.problems import Problem
from difxnb.formats.v2d_block_problems import value

if TYPE_CHECKING:
    from difxnb.formats.v2d import V2d

_CHANNELS = ("nChan", "nFFTChan")


def unused_setups(v2d: V2d, used: Collection[str]) -> Iterator[Problem]:
    """Setups of no scan that count channels: of no bandwidth, as vex2difx knows that from scans only."""
    if not used:
        return  # that nothing is left is told as such
    for setup in v2d.setups.values():
        given = next((name for name in _CHANNELS if value(setup, name)), "")
        if given and not value(setup, "FFTSpecRes") and setup.name not in used:
            told = f"no scan is correlated with it; vex2difx stops at {given} of such a setup: “Resolution ( 0 Hz)”"
            fix = "remove it, make it a COMMENT, or say specRes and FFTSpecRes instead"
            yield Problem("warning", "not used", told, setup.where, setup.line_of(given), given, fix)


def odd_rules(v2d: V2d) -> Iterator[Problem]:
    """Rules by what jobs do not know."""
    renamed = {source.name: new[-1] for source in v2d.blocks("SOURCE") if (new := source.words("name"))}
    for rule in v2d.rules:
        for name in rule.words("source"):
            if renamed.get(name, name) != name:
                told = (
                    f"vex2difx writes {renamed[name]} into it, but {name} into the .calc: no scan would fit"
                )
                fix = f"take name = {renamed[name]} out of SOURCE {name}, or choose by scan"
                yield Problem(
                    "warning", "renamed source", told, rule.where, rule.line_of("source"), "source", fix
                )
        codes = rule.words("calCode")
        if codes:
            told = (
                "vex2difx stops at a rule of several"
                if len(codes) > 1
                else f"vex2difx chooses no scans by it, but writes it into jobs: sources without calCode = {codes[0]} "
                "would not be correlated"
            )
            yield Problem(
                "warning",
                "calibrator code",
                told,
                rule.where,
                rule.line_of("calCode"),
                "calCode",
                "choose by source or by scan",
            )
