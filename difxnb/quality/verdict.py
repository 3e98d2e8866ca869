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
class Scale:
    """How the evidence of a check is drawn: which column holds the number that was judged, and the limits on it.

    Attributes
    ----------
    column : str
        A column of numbers.
    look, no_go : float or None
        Where the verdict changes; None where there is no such limit.
    """

    column: str
    look: float | None = None
    no_go: float | None = None


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
    scale : Scale, optional
        How it is drawn; without one the evidence has no picture.
    """

    name: str
    verdict: Verdict
    value: float | None
    unit: str
    limit: str
    text: str
    evidence: pd.DataFrame
    scale: Scale | None = None


def not_applicable(name: str, why: str) -> Check:
    """The outcome of a check that cannot be made, and why."""
    import pandas as pd

    return Check(name, Verdict.NOT_APPLICABLE, None, "", "", why, pd.DataFrame({"verdict": []}))


def graded(value: float, look: float, no_go: float) -> Verdict:
    """The verdict on a number between two limits, whichever of them is the greater: a limit itself is still met.

    NaN is nothing that could be judged, and gives `NOT_APPLICABLE`.
    """
    if value != value:
        return Verdict.NOT_APPLICABLE
    sign = 1.0 if no_go >= look else -1.0
    if sign * value > sign * no_go:
        return Verdict.NO_GO
    return Verdict.LOOK if sign * value > sign * look else Verdict.GO


def worst_first(evidence: pd.DataFrame, *by: str, ascending: bool = True) -> pd.DataFrame:
    """Evidence with the bad verdicts first, and within a verdict in order of columns."""
    weight = evidence["verdict"].map(lambda verdict: -_BY_WEIGHT.index(Verdict(verdict)))
    ordered = evidence.assign(_weight=weight).sort_values(
        ["_weight", *by], ascending=[True, *[ascending] * len(by)], kind="stable"
    )
    return ordered.drop(columns="_weight").reset_index(drop=True)
