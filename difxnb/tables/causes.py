# SPDX-License-Identifier: GPL-3.0-or-later
"""What the texts of alerts mean, in plain language, by a table of rules.

In goes the text of an alert as mpifxcorr, mk5daemon, startdifx or guiServer wrote it (``difxmessage.md`` 6.2), and the
``.input`` file of the job where it is known; out comes its :class:`Cause`. The rules are in
:mod:`difxnb.tables.cause_rules`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from difxnb.tables.cause_rules import RULES
from difxnb.tables.cause_rules.rule import Rule

if TYPE_CHECKING:
    from difxnb.formats.input_model import Input

LONGEST = 1023
"""Characters of a text that are looked at: what receivers of DiFX keep of one."""

# Numbers that stand for themselves; those in names (Mark5, A2.vdif) stay.
_NUMBER = re.compile(r"(?<![A-Za-z\d])[-+]?\d[\d.,:]*(?:e[-+]?\d+)?", re.ASCII)
# Texts come by the thousand that differ in numbers alone, on which no choice of a rule depends.
_FOUND: dict[str, Rule | None] = {}
_MOST_FOUND = 4096
_FIRST = RULES[0]
_IDENTITIES = ("file", "node", "module", "program", "name")  # groups that tell one trouble from another


@dataclass(frozen=True, slots=True)
class Cause:
    """What an alert means.

    Attributes
    ----------
    rule : str
        Name of the rule that knew it.
    text : str
        The cause in plain language: ``no data from antenna AA``.
    antenna : str or None
        The antenna that it is about, where the ``.input`` file of the job is known.
    datastream : int or None
        Index of the datastream in the job, from 0, as in tables of weights.
    file, node : str or None
        The file or module, and the host, that the text names.
    is_progress : bool
        It is no trouble, just what happens.
    key : tuple
        What is the same for two texts about one and the same trouble of a job.
    """

    rule: str
    text: str
    antenna: str | None = None
    datastream: int | None = None
    file: str | None = None
    node: str | None = None
    is_progress: bool = False
    key: tuple[object, ...] = ()


class Finding(NamedTuple):
    """A rule, what its pattern found, and the process and host that spoke; the antenna can be named later."""

    rule: Rule
    found: re.Match[str]
    mpi_id: int | None
    source: str


def plain_cause(
    text: str, input: Input | None = None, *, mpi_id: int | None = None, source: str = ""
) -> Cause | None:
    """What the text of an alert means; None where no rule knows it.

    Parameters
    ----------
    text : str
        The alert.
    input : Input, optional
        The ``.input`` file of its job: names the antennas.
    mpi_id : int, optional
        Rank of the process that sent it: leads to the antenna where the text does not.
    source : str
        Host that sent it.

    Examples
    --------
    >>> plain_cause("Couldn't find any valid data - will be shutting down gracefully!!!", mpi_id=2).text
    'no data from datastream 1'
    """
    finding = find(text, mpi_id, source)
    return None if finding is None else explain(finding, input)


def find(text: str, mpi_id: int | None = None, source: str = "") -> Finding | None:
    """The first rule that knows a text."""
    text = text[:LONGEST]
    kind = without_numbers(text)
    rule = _FOUND.get(kind, _FIRST)
    if rule is None:
        return None
    found = rule.pattern.search(text)
    if found is None or kind not in _FOUND:
        rule, found = _search(text)
        if len(_FOUND) >= _MOST_FOUND:
            _FOUND.clear()
        _FOUND[kind] = rule
    return None if rule is None or found is None else Finding(rule, found, mpi_id, source)


def _search(text: str) -> tuple[Rule | None, re.Match[str] | None]:
    for rule in RULES:
        if rule.seen in text and (found := rule.pattern.search(text)) is not None:
            return rule, found
    return None, None


def explain(finding: Finding, input: Input | None = None) -> Cause:
    """Name the cause that a rule found."""
    rule, groups = finding.rule, finding.found.groupdict()
    datastream = _datastream(finding, input) if rule.is_about_antenna else None
    antenna = None if datastream is None else _telescope(datastream, input)
    known = {name: (value or "").strip() for name, value in groups.items()}
    subjects = {
        "antenna": _phrase(antenna, datastream),
        "host": f"host {finding.source}" if finding.source else "one host",
    }
    return Cause(
        rule.name,
        " ".join(rule.words.format_map(known | subjects).split()).rstrip(" :"),
        antenna,
        datastream,
        known.get("file") or known.get("module") or None,
        known.get("node") or (finding.source or None if rule.is_about_host else None),
        rule.is_progress,
        key_of(finding),
    )


def key_of(finding: Finding) -> tuple[object, ...]:
    """What tells the trouble of a finding from another of the same job."""
    rule, groups = finding.rule, finding.found.groupdict()
    if rule.is_about_host:
        return rule.topic, finding.source
    if rule.is_about_antenna and (datastream := _datastream(finding, None)) is not None:
        return rule.topic, datastream
    return rule.topic, *(groups[name] for name in _IDENTITIES if groups.get(name))


def without_numbers(text: str) -> str:
    """A text with its numbers taken out, which is the same for all that differ in nothing else.

    Examples
    --------
    >>> without_numbers("Core 3 took 1.5e+03 s of Mark5 data at 12:34:56")
    'Core # took # s of Mark5 data at #'
    """
    return _NUMBER.sub("#", text[:LONGEST])


def _datastream(finding: Finding, input: Input | None) -> int | None:
    """Index of the datastream that a text is about: said in it, that of the sender, or that of the file."""
    groups = finding.found.groupdict()
    if said := groups.get("stream"):
        return int(said)
    rank = groups.get("rank")
    number = finding.mpi_id if rank is None else int(rank)
    if number is not None and number > 0:  # the manager is 0, then come the datastreams
        return number - 1
    return _reader_of(groups.get("file") or groups.get("module"), input)


def _reader_of(file: str | None, input: Input | None) -> int | None:
    if not file or input is None:
        return None
    for index, row in enumerate(_streams(input)):
        if file in input.datastreams[row].files:
            return index
    return None


def _streams(input: Input) -> list[int]:
    """Rows of the datastream table in the order of the processes; empty where the file is not complete."""
    rows = input.configurations[0].datastream_indices if input.configurations else []
    return [row for row in rows if 0 <= row < len(input.datastreams)]


def _telescope(datastream: int, input: Input | None) -> str | None:
    rows = [] if input is None else _streams(input)
    if input is None or not 0 <= datastream < len(rows):
        return None
    telescope = input.datastreams[rows[datastream]].telescope_index
    return input.telescopes[telescope].name if 0 <= telescope < len(input.telescopes) else None


def _phrase(antenna: str | None, datastream: int | None) -> str:
    if antenna is not None:
        return f"antenna {antenna}"
    return "one antenna" if datastream is None else f"datastream {datastream}"
