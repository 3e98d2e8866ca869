# SPDX-License-Identifier: GPL-3.0-or-later
"""What a check says: a verdict, the number it rests on, the limit, and the evidence."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd


class Verdict(StrEnum):
    """How a check ended, from good to bad; `NOT_APPLICABLE` says nothing."""

    GO = "go"
    LOOK = "look"
    NO_GO = "no-go"
    NOT_APPLICABLE = "not applicable"


_BY_WEIGHT = (Verdict.NOT_APPLICABLE, Verdict.GO, Verdict.LOOK, Verdict.NO_GO)


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """The verdict that counts of several; not applicable where there is none."""
    return max(verdicts, key=_BY_WEIGHT.index, default=Verdict.NOT_APPLICABLE)


@dataclass(frozen=True, slots=True)
class Check:
    """The outcome of one check.

    Attributes
    ----------
    name : str
        Also that of its section of limits.
    verdict : Verdict
    value : float or None
        The number that decided, of the worst of what was looked at; None where there is no such number.
    unit : str
        Of `value`; empty of a count or a share.
    limit : str
        What `value` was held against, in words: ``"at least 0.9"``.
    text : str
        What was found, and of what antenna, baseline, band or scan, in a plain sentence.
    evidence : DataFrame
        What was looked at, worst first, with a column ``verdict``. May be empty.
    """

    name: str
    verdict: Verdict
    value: float | None
    unit: str
    limit: str
    text: str
    evidence: pd.DataFrame
