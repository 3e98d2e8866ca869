# SPDX-License-Identifier: GPL-3.0-or-later
"""Statements of a ``.v2d`` that do not go together: setups, data of stations, blocks that name each other."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from difxnb.formats.problems import Problem
from difxnb.formats.v2d_block import V2dParameters
from difxnb.formats.v2d_parameter_list import SKIP

if TYPE_CHECKING:
    from difxnb.formats.v2d import V2d

_DEFAULT = "DEFAULT"
_CLOCK = ("clockOffset", "clockRate", "clockAccel", "clockJerk", "clockEpoch")
_PLACE = ("X", "Y", "Z")
_MEDIA = {
    "file": ("file",),
    "filelist": ("filelist",),
    "mark6": ("mark6file", "mark6filelist"),
    "module": ("module",),
    "network": ("networkPort", "windowSize", "UDP_MTU"),
    "fake": ("fake",),
}
_SOURCES = {"file": ("file", "filelist"), "mark5": ("module",)}
_FORMAT_NAMES = frozenset(
    ("NONE", "VDIF", "VDIFL", "VDIFC", "VDIFD", "INTERLACEDVDIF", "INTERLACEDVDIFC", "INTERLACEDVDIFD")
    + ("CODIF", "CODIFC", "CODIFD", "MARK5B", "MK5B", "VLBA", "VLBN", "MKIV", "MARK4", "KVN5B")
    + ("LBA", "LBASTD", "LBAVSOP", "S2")
)
_NUMBER = r"[1-9]\d{0,8}"
_FORMATS = tuple(
    re.compile(form, re.ASCII)
    for form in (
        r"([A-Z0-9]+)",
        rf"([A-Z]*VDIF[A-Z]*)/[0-9:]{{1,200}}/{_NUMBER}/{_NUMBER}",
        rf"([A-Z]*DIF[A-Z]*)/{_NUMBER}/{_NUMBER}",
        rf"([A-Z]*DIF[A-Z]*){_NUMBER}",
        rf"([A-Z]*VDIF[A-Z]*)[-/]{_NUMBER}",
        rf"([A-Z]*VDIF[A-Z]*)_{_NUMBER}-{_NUMBER}-{_NUMBER}-{_NUMBER}",
        rf"([A-Z0-9]+)-{_NUMBER}-{_NUMBER}-{_NUMBER}",
        r"(VLBA|VLBN|MKIV|MARK4)1_[124]",
        rf"(VLBA|VLBN|MKIV|MARK4)1_{_NUMBER}-{_NUMBER}-{_NUMBER}-{_NUMBER}",
        rf"(CODIF[A-Z]*)/{_NUMBER}/{_NUMBER}/{_NUMBER}",
    )
)


def is_format(text: str) -> bool:
    """Whether vex2difx knows a format of data, such as ``VDIF/8032/2``."""
    matches = (form.fullmatch(text.upper()) for form in _FORMATS)
    return any(match is not None and match[1] in _FORMAT_NAMES for match in matches)


def value(block: V2dParameters, name: str) -> Any:
    """Value of a parameter; None where it is not given, or is none."""
    try:
        return block.get(name)
    except ValueError:
        return None


def media(block: V2dParameters) -> list[str]:
    """Kinds of data that a block names."""
    found = [kind for kind, names in _MEDIA.items() if any(name in block for name in names)]
    said = str(value(block, "source") or "").lower()
    agreed = _SOURCES.get(said, (said,))
    if said and not set(found) & set(agreed) and said not in ("unspecified", "none"):
        found.append(said)
    return found


def has_data(v2d: V2d, block: V2dParameters | None) -> bool:
    """Whether a station has data by what its block says."""
    if block is None:
        return False
    streams = [v2d.datastreams.get(name) for name in block.words("datastreams")]
    return bool(media(block)) or any(one is not None and media(one) for one in streams)


def block_of(v2d: V2d, station: str) -> V2dParameters | None:
    """The block that sets a station up: its own, else that for all others."""
    own = v2d.antennas.get(station)
    return v2d.antennas.get(_DEFAULT) if own is None else own  # an empty block is one too


def block_problems(v2d: V2d) -> Iterator[Problem]:
    """All that can be seen without a schedule."""
    yield from _of_all(v2d)
    for setup in v2d.blocks("SETUP"):
        yield from _of_setup(setup)
    yield from _of_rules(v2d)
    for block in (*v2d.blocks("ANTENNA"), *v2d.blocks("DATASTREAM")):
        yield from _of_data(block)
    zooms = [one.name for one in v2d.blocks("ZOOM")]
    for block in v2d.blocks("ANTENNA"):
        yield from _of_antenna(block, zooms)
    yield from _of_streams(v2d)
    yield from _no_data(v2d)


def _conflict(block: V2dParameters, name: str, text: str, fix: str = "", *, fails: bool = False) -> Problem:
    return Problem(
        "error" if fails else "warning", "conflict", text, block.where, block.line_of(name), name, fix
    )


def _of_all(v2d: V2d) -> Iterator[Problem]:
    common = v2d.block()
    start, stop = value(common, "mjdStart"), value(common, "mjdStop")
    if start is not None and stop is not None and start >= stop:
        yield _conflict(common, "mjdStop", "mjdStop is not after mjdStart", fails=True)
    if bool(value(common, "nCore")) != bool(value(common, "nThread")):
        given = "nCore" if value(common, "nCore") else "nThread"
        yield _conflict(
            common, given, "nCore and nThread go together: both or neither", "set the other one too"
        )
    antennas = common.words("antennas")
    fewest = value(common, "minSubarray")
    fewest = 2 if fewest is None else fewest
    if antennas and "*" not in antennas and len({name.upper() for name in antennas}) < fewest:
        text = f"fewer than {fewest} antennas are listed, so no job would be made"
        yield _conflict(common, "antennas", text, "list more, or set minSubarray", fails=True)
    if not antennas and value(common, "sortAntennas") is False:
        yield _conflict(common, "sortAntennas", "without a list of antennas they cannot keep its order")
    series = common.words("jobSeries")
    if series and not (series[-1].isascii() and series[-1].isalnum()):
        text = f"jobSeries {series[-1]} has other characters than letters and digits"
        yield Problem(
            "error", "bad value", text, "", common.line_of("jobSeries"), "jobSeries", "v2d.renamed(...)"
        )
    for name in common.words("baselines"):
        one, hyphen, other = name.partition("-")
        if not (one and hyphen and other):
            text = f"{name[:40]} is no baseline; write two stations with a hyphen between them"
            yield Problem("error", "bad value", text, "", common.line_of("baselines"), "baselines")


def _of_setup(setup: V2dParameters) -> Iterator[Problem]:
    """Channels and resolutions: two ways to say one thing."""
    n_chan, n_fft = value(setup, "nChan") or 0, value(setup, "nFFTChan") or 0
    fft, output, average = (value(setup, name) for name in ("FFTSpecRes", "specRes", "specAvg"))
    if n_chan and n_fft and average:
        yield _conflict(
            setup, "specAvg", "nChan, nFFTChan and specAvg are one too many", "remove one", fails=True
        )
    if fft and (n_chan or n_fft):
        name = "nChan" if n_chan else "nFFTChan"
        yield _conflict(
            setup, name, f"vex2difx passes over {name} where FFTSpecRes is given", "remove one of them"
        )
    elif output and (n_chan or n_fft):
        name = "nChan" if n_chan else "nFFTChan"
        yield _conflict(
            setup, "specRes", f"vex2difx passes over specRes where {name} is given", "remove one of them"
        )
    elif n_chan and n_fft and n_fft % n_chan:
        yield _conflict(setup, "nChan", f"nFFTChan {n_fft} is no multiple of nChan {n_chan}", fails=True)
    elif n_fft and not n_chan and not average:
        text = "with nFFTChan alone vex2difx takes that number for the resolution of the output, in Hz"
        yield _conflict(setup, "nFFTChan", text, "set nChan too", fails=True)
    yield from _of_resolutions(setup, fft, output, average)


def _of_resolutions(setup: V2dParameters, fft: Any, output: Any, average: Any) -> Iterator[Problem]:
    if fft and output and average:
        yield _conflict(setup, "specAvg", "vex2difx passes over specAvg where both resolutions are given")
    if not any((fft, output, setup.words("nChan"), setup.words("nFFTChan"))):
        text = "it says nothing of channels; vex2difx takes 0.5 MHz for the output"
        yield Problem(
            "warning", "no resolution", text, setup.where, setup.line, "specRes", "set specRes or nChan"
        )
    if not fft or average:
        return
    ratio = (output or 0.5) / fft
    if fft > (output or 0.5):
        text = f"FFTSpecRes {fft:g} MHz is coarser than the output, {output or 0.5:g} MHz"
        yield _conflict(setup, "FFTSpecRes", text, "set both specRes and FFTSpecRes")
    elif abs(ratio - math.floor(ratio + 0.5)) > 1e-4:
        text = f"specRes is no multiple of FFTSpecRes: {ratio:.6g} times"
        yield _conflict(setup, "specRes" if output else "FFTSpecRes", text, fails=True)


def _of_rules(v2d: V2d) -> Iterator[Problem]:
    there = list(v2d.setups)
    for rule in v2d.rules:
        setup = (rule.words("setup") or [""])[-1]
        if not setup:
            text = "it has no setup, so its scans are left out"
            yield Problem(
                "warning", "missing parameter", text, rule.where, rule.line, "setup", "setup = SKIP says so"
            )
        elif setup != SKIP and setup not in v2d.setups and (setup != "default" or v2d.setups):
            yield _missing(rule, "setup", "SETUP", setup, there)


def _missing(block: V2dParameters, name: str, kind: str, wanted: str, there: list[str]) -> Problem:
    text = f"there is no {kind} {wanted}; the file has {', '.join(there[:20]) or 'none'}"
    return Problem(
        "error", "missing block", text, block.where, block.line_of(name), name, f"add {kind} {wanted} {{ }}"
    )


def _of_data(block: V2dParameters) -> Iterator[Problem]:
    kinds = media(block)
    if len(kinds) > 1:
        text = f"data cannot come from {' and '.join(kinds)}"
        line = max(block.line_of(name) or 0 for names in _MEDIA.values() for name in names) or block.line
        fix = (
            "v2d.with_files(...) sets one and removes the others"
            if block.kind == "ANTENNA"
            else "remove all but one"
        )
        yield Problem("error", "conflict", text, block.where, line, kinds[-1], fix)
    form = (block.words("format") or [""])[-1]
    if form and not is_format(form):
        text = f"vex2difx knows no format {form[:40]}"
        yield Problem(
            "error",
            "bad value",
            text,
            block.where,
            block.line_of("format"),
            "format",
            "write it as VDIF/8032/2",
        )
    if "fake" in block:
        text = "fake is the old way to say source = fake"
        yield Problem(
            "note", "old name", text, block.where, block.line_of("fake"), "fake", "write source = fake"
        )


def _of_antenna(block: V2dParameters, zooms: list[str]) -> Iterator[Problem]:
    if "zoom" in block and "addZoomFreq" in block:
        yield _conflict(block, "zoom", "zoom and addZoomFreq cannot be both given", fails=True)
    for name in block.words("zoom")[-1:]:
        if name not in zooms:
            yield _missing(block, "zoom", "ZOOM", name, zooms)
    if "datastreams" in block and media(block):
        text = "data are named here and in its DATASTREAM blocks"
        yield _conflict(block, media(block)[0], text, "leave them to the DATASTREAM blocks", fails=True)
    places = [name for name in _PLACE if name in block]
    if 0 < len(places) < len(_PLACE):
        text = "of X, Y and Z only some are given; the others are those of the schedule"
        yield _conflict(block, places[0], text, "give all three")
    rates = [name for name in _CLOCK[1:4] if value(block, name)]
    if rates and "clockEpoch" not in block:
        text = "without clockEpoch its clock counts from MJD 50000"
        yield Problem(
            "warning", "missing parameter", text, block.where, block.line_of(rates[0]), "clockEpoch"
        )
    if block.name.upper() == _DEFAULT:
        yield from _of_default(block)


def _of_default(block: V2dParameters) -> Iterator[Problem]:
    if "name" in block:
        yield _conflict(block, "name", "one name cannot be that of all stations", fails=True)
    for name in (*_CLOCK, "deltaClock", "deltaClockRate", "deltaClockAccel", *_PLACE):
        if name in block:
            yield _conflict(
                block, name, f"{name} of all stations that have no block of their own is one and the same"
            )


def _of_streams(v2d: V2d) -> Iterator[Problem]:
    used = set[str]()
    there = list(v2d.datastreams)
    for block in v2d.blocks("ANTENNA"):
        for name in block.words("datastreams"):
            used.add(name)
            if name not in v2d.datastreams:
                yield _missing(block, "datastreams", "DATASTREAM", name, there)
    for one in v2d.blocks("DATASTREAM"):
        if one.name not in used:
            text = "no antenna names it among its datastreams"
            yield Problem("note", "not used", text, one.where, one.line)


def _no_data(v2d: V2d) -> Iterator[Problem]:
    """Stations without data; the schedule may know modules."""
    if value(v2d.block(), "fake"):
        return
    listed = [name for name in v2d.words("antennas") if name != "*"]
    stations = listed or [one.name for one in v2d.blocks("ANTENNA") if one.name.upper() != _DEFAULT]
    without = [name for name in stations if not has_data(v2d, block_of(v2d, name))]
    fix = "v2d.with_files(STATION, files=...), unless the schedule names modules"
    if without and len(without) == len(stations):
        yield Problem("warning", "no data", "no station has data", "", v2d.line_of("antennas"), "", fix)
        return
    for name in without:
        block = v2d.antennas.get(name)
        line = v2d.line_of("antennas") if block is None else block.line
        yield Problem("warning", "no data", f"{name} has no data", f"ANTENNA {name}", line, "", fix)
