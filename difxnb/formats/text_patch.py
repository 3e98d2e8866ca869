# SPDX-License-Identifier: GPL-3.0-or-later
"""Write a ``KEY: value`` file as it was read, but for the lines whose values have changed since.

A file may hold what is not known here: keys of other versions, comments, blank lines, other spacing, other line ends.
None of that is in the values that reading gives, so writing them anew would lose it. Instead the text is kept beside
the values, and what is written is that text, patched: the usual text of the values as they were read says which line
stands where, the usual text of the values as they are now says which lines have changed. Mirrors
``difx-files.md`` 2 ("unknown extra lines are skipped").
"""

from __future__ import annotations

import re
import sys
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple, Protocol, TypeVar

from difxnb.formats.keyvalue import MISSPELT

_LINES = re.compile(r"[^\n]*\n|[^\n]+")
_DECORATION = "#! "


class _WithSource(Protocol):
    source_text: str


_Values = TypeVar("_Values", bound=_WithSource)
_NOWHERE = -1


def kept_text(values: _Values, write: Callable[[_Values], str], read: Callable[[str], _Values]) -> str:
    """Text of values that were read from a file, with everything else that stood in it.

    Parameters
    ----------
    values : object
        Its attribute ``source_text`` is the text it was read from; empty where it was made.
    write, read : callable
        Values to their usual text, and any text to values.

    Returns
    -------
    str
        `values.source_text` itself where no value has changed.
    """
    now = write(values)
    return patched(values.source_text, write(read(values.source_text)), now) if values.source_text else now


def patched(source: str, before: str, now: str) -> str:
    """Make of one text another by the difference between two usual ones.

    Parameters
    ----------
    source : str
        A text with everything that stood in it.
    before, now : str
        What is known of it, in its usual form, and what it is to become.

    Returns
    -------
    str
        `source`, with other values in the lines that differ between `before` and `now`, without the lines that only
        `before` has, and with those that only `now` has.
    """
    if before == now:
        return source
    return _Patch(source).to(before.removesuffix("\n").split("\n"), now.removesuffix("\n").split("\n"))


class _Section(NamedTuple):
    """Usual lines from one heading to the next, and what each is called."""

    lines: Sequence[str]
    names: Sequence[str]


class _Patch:
    """A text under change: new values, lost lines and added lines, by the place where they stand."""

    def __init__(self, source: str) -> None:
        self._lines: list[str] = _LINES.findall(source)
        self._names = _names(self._lines)
        self._known: set[int] = set()
        self._changed: dict[int, str] = {}
        self._lost: set[int] = set()
        self._added: dict[int, list[str]] = defaultdict(list)
        self._end = "\r\n" if source.count("\r\n") * 2 > len(self._lines) else "\n"

    def to(self, before: list[str], now: list[str]) -> str:
        """Text with the difference between two usual texts."""
        old, new = _usual_sections(before), _usual_sections(now)
        self._use_headings(list(old))
        here = _sections(self._names, known=old)
        places = {
            heading: self._places(here.get(heading, range(0)), section.names)
            for heading, section in old.items()
        }
        self._known.update(place for found in places.values() for place in found)
        self._lost.update(place for heading in old.keys() - new.keys() for place in places[heading])
        last = _NOWHERE
        for heading, section in new.items():
            last = self._change(old.get(heading, _Section([], [])), section, places.get(heading, []), last)
        return self._result()

    def _use_headings(self, headings: Sequence[str]) -> None:
        """Name the headings of the text as the usual ones, whatever words stand behind theirs."""
        for place, name in enumerate(self._names):
            if name.startswith("# "):
                self._names[place] = next(
                    (known for known in headings if known and name.startswith(known)), name
                )

    def _places(self, here: range, wanted: Sequence[str]) -> list[int]:
        """Line of the text for each usual line of a section; nowhere where the text can do without it.

        A text may have the lines of a row in another order. But the first of several lines of a name is the first
        there too, as every known line was read in its turn.
        """
        occurrences = _occurrences(self._names, here)
        turns = {name: iter(places) for name, places in occurrences.items()}
        found = [next(turns.get(name, iter(())), _NOWHERE) if _is_key(name) else _NOWHERE for name in wanted]
        # Comments and blank lines have many namesakes; theirs stand between the same values.
        begin, stops = here.start, _stops(found, here.stop)
        for row, name in enumerate(wanted):
            if not _is_key(name):
                found[row] = _first(occurrences.get(name, ()), begin, stops[row])
            begin = max(begin, found[row] + 1)
        return found

    def _change(self, before: _Section, now: _Section, places: Sequence[int], last: int) -> int:
        """Note what changes in a section; `last` is the last line of the text before it, and then of it."""
        same = _same_lines(before, now)
        kept = set(same.values())
        self._lost.update(place for row, place in enumerate(places) if row not in kept)
        for row, line in enumerate(now.lines):
            was = same.get(row)
            if was is not None and places[was] != _NOWHERE:
                last = places[was]
                if before.lines[was] != line:
                    self._changed[last] = line
            elif was is None or before.lines[was] != line:
                self._added[self._behind(last)].append(line)
        return last

    def _behind(self, place: int) -> int:
        """Last of the unknown values that follow a line: they belong to it, and new lines come after them."""
        following = range(place + 1, len(self._lines))
        while place + 1 in following and place + 1 not in self._known and _is_key(self._names[place + 1]):
            place += 1
        return place

    def _result(self) -> str:
        lines = list(self._written())
        if lines and self._lines and not self._lines[-1].endswith("\n"):
            lines[-1] = lines[-1].removesuffix(self._end)
        return "".join(lines)

    def _written(self) -> Iterator[str]:
        yield from (line + self._end for line in self._added.get(_NOWHERE, ()))
        for place, line in enumerate(self._lines):
            text = line.rstrip("\r\n") if line.endswith("\n") else line
            end = line[len(text) :] or self._end
            if place not in self._lost:
                yield self._changed.get(place, text) + end
            yield from (added + end for added in self._added.get(place, ()))


def _name(line: str) -> str:
    """What makes a line the same one with another value: its key; of a heading the words; of others the text."""
    name = line.partition(":")[0].strip()
    return name.rstrip(_DECORATION) if name.startswith("# ") else MISSPELT.get(name, name)


def _names(lines: Sequence[str]) -> list[str]:
    return [_name(line) for line in lines]


def _is_key(name: str) -> bool:
    """Whether a line holds a value; if not, it is blank, a comment or a heading."""
    return name[:1] not in ("", "@", "#")


def _sections(names: Sequence[str], known: Container[str] | None = None) -> dict[str, range]:
    """Lines from one heading to the next; those before the first heading are under ``""``."""
    headings = [
        (row, name)
        for row, name in enumerate(names)
        if name.startswith("# ") and (known is None or name in known)
    ]
    bounds = [(0, ""), *headings, (len(names), "")]
    return {name: range(row, stop) for (row, name), (stop, _) in pairwise(bounds)}


def _occurrences(names: Sequence[str], rows: range) -> dict[str, list[int]]:
    occurrences: dict[str, list[int]] = defaultdict(list)
    for row in rows:
        occurrences[names[row]].append(row)
    return occurrences


def _in_order(occurrences: Mapping[str, Sequence[int]], wanted: Iterable[str]) -> Iterator[int]:
    """Place of each name behind that of the one before; nowhere where there is none any more."""
    begin = 0
    for name in wanted:
        place = _first(occurrences.get(name, ()), begin)
        begin = max(begin, place + 1)
        yield place


def _usual_sections(lines: Sequence[str]) -> dict[str, _Section]:
    names = _names(lines)
    return {
        heading: _Section(lines[rows.start : rows.stop], names[rows.start : rows.stop])
        for heading, rows in _sections(names).items()
    }


def _first(places: Sequence[int], begin: int, stop: int = sys.maxsize) -> int:
    """First of some ascending places from one to another."""
    nearest = bisect_left(places, begin)
    return places[nearest] if nearest < len(places) and places[nearest] < stop else _NOWHERE


def _stops(found: Sequence[int], stop: int) -> list[int]:
    """For each row the next place that is taken after it."""
    stops = []
    for place in reversed(found):
        stops.append(stop)
        stop = stop if place == _NOWHERE else place
    return stops[::-1]


def _same_lines(before: _Section, now: _Section) -> dict[int, int]:
    """Which line of `before` each line of `now` is, perhaps with another value; new ones are left out."""
    old, new = before.names, now.names
    if old == new:
        return {row: row for row in range(len(new))}
    same: dict[int, int] = {}
    anchors = [(-1, -1), *_anchors(before, now), (len(old), len(new))]
    for (old_begin, new_begin), (old_stop, new_stop) in pairwise(anchors):
        between = range(new_begin + 1, new_stop)
        found = _in_order(_occurrences(old, range(old_begin + 1, old_stop)), (new[row] for row in between))
        same.update((row, was) for row, was in zip(between, found, strict=True) if was != _NOWHERE)
        same[new_stop] = old_stop
    del same[len(new)]
    return same


def _anchors(before: _Section, now: _Section) -> list[tuple[int, int]]:
    """Pairs of lines that are the same beyond doubt: their key, or key and value, stands once in either text."""
    pairs = dict(_once_in_both(before.lines, now.lines)) | dict(_once_in_both(before.names, now.names))
    return _ascending(sorted(pairs.items()))


def _once_in_both(old: Sequence[str], new: Sequence[str]) -> Iterator[tuple[int, int]]:
    counts, others = Counter(old), Counter(new)
    place = {text: row for row, text in enumerate(new)}
    for row, text in enumerate(old):
        if counts[text] == 1 and others[text] == 1:
            yield row, place[text]


def _ascending(pairs: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Longest part of some pairs, ascending in the first, that ascends in the second too."""
    lowest: list[int] = []  # for each length, the lowest second at which a part of that length can end
    ends: list[int] = []  # and the pair where it does
    before: list[int] = []  # for each pair, the one before it in the longest part that ends with it
    for row, (_, second) in enumerate(pairs):
        length = bisect_left(lowest, second)
        before.append(ends[length - 1] if length else _NOWHERE)
        lowest[length : length + 1] = [second]
        ends[length : length + 1] = [row]
    chosen, row = [], ends[-1] if ends else _NOWHERE
    while row != _NOWHERE:
        chosen.append(pairs[row])
        row = before[row]
    return chosen[::-1]
