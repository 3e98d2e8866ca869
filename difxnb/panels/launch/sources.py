# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the data of a job come from: files that are looked for, modules that are looked for in recorders."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

import pandas as pd

from difxnb.formats.input_model import Datastream, Input
from difxnb.panels.rows import each_row

_MODULES = ("MODULE", "MARK6")
_SHOWN_FILES = 3


@dataclass(frozen=True)
class Source:
    """The data of one datastream.

    Attributes
    ----------
    index : int
        Place among the datastreams of the machines file.
    antenna : str
    kind : str
        ``FILE``, ``MODULE``, ``MARK6``, ``NETWORK`` or ``FAKE``.
    names : tuple of str
        Files, or serial numbers of modules.
    """

    index: int
    antenna: str
    kind: str
    names: tuple[str, ...]

    @property
    def is_module(self) -> bool:
        """Whether it is read from a module in a recorder."""
        return self.kind in _MODULES


@dataclass(frozen=True)
class Found:
    """What was found of a source.

    Attributes
    ----------
    text : str
        In words.
    tone : str
        ``good``, ``warn``, or empty where nothing can be known from here.
    node : str
        Node that must read it; empty where any may.
    """

    text: str
    tone: str = ""
    node: str = ""


def sources_of(inp: Input) -> tuple[Source, ...]:
    """Data of the datastreams that take part, in the order of the machines file."""
    listed = inp.configurations[0].datastream_indices if inp.configurations else []
    indices = [index for index in listed if 0 <= index < len(inp.datastreams)] or list(
        range(len(inp.datastreams))
    )
    chosen = indices[: inp.active_datastreams]
    return tuple(_source(inp, place, inp.datastreams[index]) for place, index in enumerate(chosen))


def _source(inp: Input, place: int, stream: Datastream) -> Source:
    known = 0 <= stream.telescope_index < len(inp.telescopes)
    antenna = inp.telescopes[stream.telescope_index].name if known else "?"
    return Source(place, antenna, stream.data_source, tuple(stream.files))


def directories_of(sources: Collection[Source], input_file: str) -> list[str]:
    """Directories with the files of some sources, each once."""
    files = [name for source in sources if source.kind == "FILE" for name in source.names]
    return list(dict.fromkeys(str(PurePosixPath(place(name, input_file)).parent) for name in files))


def place(name: str, input_file: str) -> str:
    """Path of a recording; a relative one counts from the job."""
    return str(PurePosixPath(input_file).parent / name)


def look_for(
    source: Source, input_file: str, seen: Collection[str], *, beside: bool, modules: pd.DataFrame
) -> Found:
    """Say what is known of a source.

    Parameters
    ----------
    source : Source
        What is looked for.
    input_file : str
        The job.
    seen : collection of str
        Paths that the server has shown.
    beside : bool
        Whether files of the same name beside the job will do, as for the correlator in a box.
    modules : DataFrame
        As `RecorderTable.modules` gives it.
    """
    if source.kind == "FILE":
        return _look_for_files(source, input_file, seen, beside=beside)
    if source.is_module:
        return _look_for_modules(source, modules)
    words = {"NETWORK": "comes over the network while the job runs", "FAKE": "made up by the correlator"}
    return Found(words.get(source.kind, f"of a kind that is not known here: {source.kind}"))


def _look_for_files(source: Source, input_file: str, seen: Collection[str], *, beside: bool) -> Found:
    folder = PurePosixPath(input_file).parent
    missing = [
        name
        for name in source.names
        if place(name, input_file) not in seen
        and not (beside and str(folder / PurePosixPath(name).name) in seen)
    ]
    count = f"{len(source.names)} file" + ("" if len(source.names) == 1 else "s")
    if not source.names:
        return Found("names no file", "warn")
    if not missing:
        return Found(f"{count} seen", "good")
    more = f" and {len(missing) - _SHOWN_FILES} more" if len(missing) > _SHOWN_FILES else ""
    where = "" if beside else " from the head node; the node that reads must see them"
    return Found(f"{', '.join(missing[:_SHOWN_FILES])}{more}: not seen{where}", "warn")


def _look_for_modules(source: Source, modules: pd.DataFrame) -> Found:
    banks: Mapping[str, tuple[str, str]] = {
        str(row.vsn): (row.recorder, row.bank) for row in each_row(modules) if row.vsn
    }
    known = [name for name in source.names if name in banks]
    if known:
        recorder, bank = banks[known[0]]
        return Found(f"module {known[0]} is in {recorder}, bank {bank}", "good", recorder)
    wanted = ", ".join(source.names) or "that is not named"
    return Found(f"module {wanted} is in no recorder that was heard of", "warn")
