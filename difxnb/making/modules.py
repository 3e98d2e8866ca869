# SPDX-License-Identifier: GPL-3.0-or-later
"""Modules on which a station recorded, as ``$TAPELOG_OBS`` of the schedule names them.

``VSN = drive : label : start : stop``. As vex2difx 3.1 reads them (``vexdatamodel/vexload.cpp``,
``vexdatamodel/vex_basebanddata.cpp``, ``src/applycorrparams.cpp``).
"""

from __future__ import annotations

import itertools
import re

from difxnb.formats.mjd import DAY_S, UNIX_EPOCH_MJD
from difxnb.formats.vex_quantities import vex_moment
from difxnb.formats.vex_text import VexStatement, VexText
from difxnb.making.spans import Span

Modules = tuple[tuple[str, Span], ...]
"""Labels of modules, and when each was recorded on."""

_MARK5 = re.compile(r"(?=.{8}\Z)[A-Za-z]{1,6}[-+]\d{1,6}", re.ASCII)
_MARK6 = re.compile(r"[A-Za-z]{1,6}%\d{1,6}", re.ASCII)
_VLBA = frozenset(["BR", "FD", "HN", "KP", "LA", "MK", "NL", "OV", "PT", "SC"])
_MOST_MODULES = 100
_FIRST_S = 1e-3  # a recording begins so much later than it says
_INSTEAD = "name the data with file, filelist or module"


class NoModules(ValueError):
    """A reason why what stands in ``$TAPELOG_OBS`` cannot be used."""


def modules_of(vex: VexText, station: str) -> Modules:
    """Modules of a station in their order; none where the schedule names none.

    Raises
    ------
    NoModules
        What stands there is no Mark5 module, or cannot be read.
    """
    block = vex.block("TAPELOG_OBS")
    definition = block.definition(station) if block else None
    lines = definition.all("VSN") if definition else []
    if len(lines) > _MOST_MODULES:
        raise NoModules(f"there are {len(lines)} modules; {_INSTEAD}")
    found = tuple(_module(one) for one in lines)
    if len({_recorder(station, one) for one in lines}) > 1:
        raise NoModules(f"several recorders are several datastreams, which cannot be made here; {_INSTEAD}")
    for (label, one), (_, other) in itertools.combinations(found, 2):
        if one.meets(other):
            raise NoModules(f"{label} is recorded on at the same time as another module; {_INSTEAD}")
    return found


def _module(line: VexStatement) -> tuple[str, Span]:
    written = "".join(line.field(1))
    label = _with_letters(written)
    if not _MARK5.fullmatch(label):
        raise NoModules(f"{written[:40] or 'a module without label'} {_why_not(label)}; {_INSTEAD}")
    start, stop = (vex_moment("".join(line.field(place))) for place in (2, 3))
    if start is None or stop is None:
        raise NoModules(f"when {label} was recorded on cannot be read; {_INSTEAD}")
    span = Span(*(round((one.day - UNIX_EPOCH_MJD) * DAY_S + one.second, 6) for one in (start, stop)))
    if span.length <= _FIRST_S:
        raise NoModules(f"{label} ends before it begins; {_INSTEAD}")
    return label, Span(span.start + _FIRST_S, span.stop)


def _with_letters(label: str) -> str:
    """A label whose name has O where somebody wrote 0."""
    name = re.match(r"[^-+%]*", label)
    assert name is not None
    return name[0].replace("0", "O") + label[name.end() :]


def _why_not(label: str) -> str:
    if label.startswith("/"):
        return "is a file, which vex2difx 3.1 does not take from there"
    if _MARK6.fullmatch(label):
        return "is a Mark6 module, whose files have to be named"
    return "is no label of a Mark5 module such as NRAO+445"


def _recorder(station: str, line: VexStatement) -> int:
    """Number of the recorder: each bank of a Mark5 counts for the VLBA, and nothing does elsewhere."""
    drive = re.match(r"[+-]?\d{1,9}", "".join(line.field(0)), re.ASCII)
    number = int(drive[0]) if drive else 0
    return int((number - 1) / 2) if station.upper() in _VLBA else int(number / 100)
