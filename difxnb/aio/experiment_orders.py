# SPDX-License-Identifier: GPL-3.0-or-later
"""The ``.v2d`` of a new experiment: found, rendered of a template, and fitted to the stations that are wanted."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from difxnb.aio.experiment_sources import find_source
from difxnb.formats.v2d import V2d, parse_v2d
from difxnb.formats.v2d_templates import V2dTemplate

if TYPE_CHECKING:
    from difxnb.aio.correlator import Correlator
    from difxnb.formats.vex import Vex

# A dash is fine; an underscore divides the name of a job from its number (difx-files.md 12).
_STEM = re.compile(r"[A-Za-z][A-Za-z0-9-]*")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]*")
_LONGEST_NAME = 64


@dataclass(frozen=True, slots=True)
class Named:
    """A text of the experiment, with the name that its file gets and where it comes from."""

    name: str
    note: str


async def find_orders(
    difx: Correlator,
    vex: tuple[Vex, Named],
    v2d: str | PathLike[str] | V2d | V2dTemplate | None,
    template: str | PathLike[str] | None,
    variables: Mapping[str, object] | None,
    timeout: float,
) -> tuple[V2d, Named]:
    """The ``.v2d`` as the user means it; nothing of what was given is changed.

    Raises
    ------
    ValueError
        Neither a ``.v2d`` nor a template, or both; variables without a template; a variable without a value; a name
        that vex2difx does not take.
    RemoteFileNotFound, FileNotFoundError, FileFormatError
    """
    if (v2d is None) == (template is None):
        raise ValueError("an experiment is made with a v2d or with a template of one: give one of the two")
    if template is not None:
        source = await find_source(difx, template, "template", timeout)
        made = V2dTemplate(source.text, source.path or source.name or None)
        return _rendered(vex, made, variables or {}, source.note)
    if isinstance(v2d, V2dTemplate):
        return _rendered(vex, v2d, variables or {}, "the template that was given")
    if variables:
        raise ValueError(f"variables are for templates; a v2d was given with {', '.join(variables)}")
    if isinstance(v2d, V2d):
        name = _v2d_name(v2d.path.name if v2d.path else "", vex[0])
        return v2d, Named(name, "the v2d that was given")
    source = await find_source(difx, v2d or "", "v2d file", timeout)
    return parse_v2d(source.text), Named(_v2d_name(source.name, vex[0]), source.note)


def _rendered(
    vex: tuple[Vex, Named], template: V2dTemplate, variables: Mapping[str, object], origin: str
) -> tuple[V2d, Named]:
    schedule, named = vex
    own = {"VEX": named.name} if "VEX" in template.variables else {}
    made = template.v2d(schedule, **{**own, **variables})
    return made, Named(f"{experiment_stem(schedule)}.v2d", f"rendered of {origin}")


def fitted(
    v2d: V2d, vex: Vex, vex_name: str, path: str, stations: Sequence[str] | None, without: Sequence[str]
) -> V2d:
    """The same for a file: it names the schedule, and the stations that are wanted.

    Raises
    ------
    ValueError
        A station that the schedule has not, or none is left.
    """
    for what, given in (("stations", stations), ("without", without)):
        if isinstance(given, str):
            raise ValueError(f"{what} is a list of names; got {given!r}")
    known = {name.upper(): name for name in vex.stations()["station"]}
    for station in (*(stations or ()), *without):
        if station.upper() not in known:
            raise ValueError(
                f"there is no station {station!r} in the schedule; there are {', '.join(known.values())}"
            )
    fit = parse_v2d(v2d.text, path)
    fit.use(vex)
    if fit.get("vex") != vex_name:
        fit["vex"] = vex_name
    if stations is not None:
        fit["antennas"] = [known[station.upper()] for station in stations]
    return fit.without(*without) if without else fit


def experiment_stem(vex: Vex) -> str:
    """How files of an experiment are called where nothing else says.

    Raises
    ------
    ValueError
        Its name has no letter to begin with.
    """
    return v2d_stem(re.sub(r"[^A-Za-z0-9-]", "", vex.exper).lower())


def v2d_stem(name: str) -> str:
    """Return the name of a ``.v2d`` without its end, if vex2difx takes it.

    Raises
    ------
    ValueError
        It begins with no letter, holds an underscore or what is no letter, digit or dash, or is too long.
    """
    if not _STEM.fullmatch(name) or len(name) > _LONGEST_NAME:
        raise ValueError(
            "vex2difx names jobs after the .v2d, which has letters, digits and dashes, a letter first; "
            f"got {name[:80]!r}"
        )
    return name


def _v2d_name(name: str, vex: Vex) -> str:
    if not name:
        return f"{experiment_stem(vex)}.v2d"
    return f"{v2d_stem(PurePosixPath(name).stem)}.v2d"


def schedule_name(name: str, vex: Vex) -> str:
    """Name of the file of a schedule: as it was called, where a ``.v2d`` can hold that.

    Raises
    ------
    ValueError
        Neither that nor the name of the experiment will do.
    """
    if _NAME.fullmatch(name) and len(name) <= _LONGEST_NAME and Path(name).suffix != ".v2d":
        return name
    return f"{experiment_stem(vex)}.vex"
