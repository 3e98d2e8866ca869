# SPDX-License-Identifier: GPL-3.0-or-later
"""Parameters that vex2difx knows: in which block they stand, what they are, and what it takes where they are missing.

The list itself is in :mod:`difxnb.formats.v2d_parameter_list`. Mirrors ``difx-files.md`` 12, and vex2difx 3.1 for
what that leaves out (``src/corrparams.cpp``, functions ``setkv`` and the constructors, which have the defaults).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cache
from types import MappingProxyType
from typing import Literal

Kind = Literal["text", "word", "words", "bool", "int", "float", "time", "angle", "list", "pairs"]

MOST_INT = 2**31 - 1
NOTHING: Mapping[str, Parameter] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter.

    Attributes
    ----------
    block : str
        Kind of the block in which it stands, such as ``"ANTENNA"``; empty outside of all blocks.
    name : str
        As it is spelt; upper and lower case differ.
    kind : str
        - ``"text"``: one word, whatever it is; ``"word"``: one of `choices`; ``"words"``: any number of words;
        - ``"bool"``, ``"int"``, ``"float"``;
        - ``"time"``; ``"angle"``: rad in Python;
        - ``"list"``: any number of values, each of the kind `item`;
        - ``"pairs"``: any number of values like ``freq@86012/bw@64``, each a dictionary in Python.
    default : str
        What vex2difx takes where it is not given, as it would be written; empty where there is no such value.
    unit : str
        Of the value in the file, and of that in Python.
    since : str
        Version of DiFX that brought it; empty where it is older than 2.0, or nobody knows.
    text : str
        What it means.
    aliases : tuple of str
        Other names that vex2difx takes for the same.
    choices : tuple of str
        Words that are allowed, whatever their case; of a number: words that may stand in its place.
    least, most : float
        Bounds of a number, both allowed.
    item : str
        Kind of each value of a list; ``"offsets"``: up to three numbers with colons between them.
    sums : bool
        Whether numbers may be added up, ``1.5+0.2``.
    numeral : int
        Base in which a whole number is written.
    parts : mapping
        Parameters within a pair.
    true : tuple of str
        Words that are taken for true, all others for false; empty: the usual rule, by the first letter.
    """

    block: str
    name: str
    kind: Kind
    default: str = ""
    unit: str = ""
    since: str = ""
    text: str = ""
    aliases: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()
    least: float = -1e30
    most: float = 1e30
    item: str = ""
    sums: bool = False
    numeral: int = 10
    parts: Mapping[str, Parameter] = field(default_factory=lambda: NOTHING)
    true: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """All names; the first is the usual one."""
        return (self.name, *self.aliases)

    @property
    def is_many(self) -> bool:
        """Whether vex2difx keeps all values that are given, and not just the last."""
        return self.kind in ("words", "list", "pairs")


@cache
def _by_name() -> dict[tuple[str, str], Parameter]:
    from difxnb.formats.v2d_parameter_list import PARAMETERS

    return {(one.block, name): one for one in PARAMETERS for name in one.names}


def of_block(block: str) -> Iterable[Parameter]:
    """All parameters of a kind of block."""
    from difxnb.formats.v2d_parameter_list import PARAMETERS

    return (one for one in PARAMETERS if one.block == block)


def parameter(block: str, name: str) -> Parameter | None:
    """The parameter with a name; None where vex2difx knows none in such a block."""
    return _by_name().get((block, name))


def blocks_with(name: str) -> list[str]:
    """Kinds of blocks that have a parameter of this name."""
    return sorted({block for block, known in _by_name() if known == name})


def nearest(block: str, name: str) -> str:
    """Name in a block that was probably meant; empty where none is near."""
    names = [known for where, known in _by_name() if where == block]
    same = [known for known in names if known.lower() == name.lower()]
    return next(iter(same or get_close_matches(name, names, 1, 0.8)), "")
