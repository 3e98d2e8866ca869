# SPDX-License-Identifier: GPL-3.0-or-later
"""Read and write ``.channelflags`` files: channels of an antenna that are not to be used.

Text comes in and a list of :class:`ChannelFlag` goes out, and the other way round. Mirrors ``difx-files.md`` 7.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from difxnb.errors import FileFormatError
from difxnb.formats import frames
from difxnb.formats.keyvalue import WrittenFloat, read_text, write_text, written
from difxnb.markup import titled

if TYPE_CHECKING:
    import pandas as pd

_NUMBER = r"(\d+(?:\.\d*)?)"
_CHANNELS = r"(\d{1,6})\s+(\d{1,9})\s+(\d{1,9})"
_LINE = re.compile(rf"([^\s\x00-\x1f]+)\s+{_NUMBER}\s+{_NUMBER}\s+{_CHANNELS}(?:\s+(\S.*))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class ChannelFlag:
    """Channels of an antenna are bad between two times.

    Attributes
    ----------
    antenna : str
        Its name.
    mjd_start, mjd_stop : float
        UTC.
    freq_index : int
        Row of the FREQ table.
    channel_first, channel_last : int
        Output channels, both included.
    reason : str
        Why, in words.
    """

    antenna: str
    mjd_start: float
    mjd_stop: float
    freq_index: int
    channel_first: int
    channel_last: int
    reason: str = ""


class ChannelFlags(list[ChannelFlag]):
    """The channel flags of a job: a list with a :meth:`frame`."""

    def frame(self) -> pd.DataFrame:
        """Flags as a DataFrame, in the order of the file.

        Returns
        -------
        DataFrame
            ``antenna``, ``start`` and ``stop`` (UTC, to 0.01 s), ``band`` (row of the FREQ table), ``channel_first``,
            ``channel_last`` (output channels, both included), ``reason``.
        """
        return frames.table(
            {
                "antenna": frames.texts(flag.antenna for flag in self),
                "start": frames.utc((flag.mjd_start for flag in self), step_ns=frames.WRITTEN_MJD_NS),
                "stop": frames.utc((flag.mjd_stop for flag in self), step_ns=frames.WRITTEN_MJD_NS),
                "band": frames.integers(flag.freq_index for flag in self),
                "channel_first": frames.integers(flag.channel_first for flag in self),
                "channel_last": frames.integers(flag.channel_last for flag in self),
                "reason": frames.texts(flag.reason for flag in self),
            }
        )

    def __repr__(self) -> str:
        antennas = len({flag.antenna for flag in self})
        return f"<ChannelFlags: {len(self)} in {len({flag.freq_index for flag in self})} bands of {antennas} antennas>"

    def _repr_html_(self) -> str:
        return titled(repr(self), self.frame())


def parse_channelflags(text: str, path: Path | None = None) -> ChannelFlags:
    """Read the text of a ``.channelflags`` file; an empty one has no flags.

    Raises
    ------
    FileFormatError
        With the line, where it is neither a flag nor a comment.
    """
    lines = enumerate(text.split("\n"), start=1)
    flags = ((number, line) for number, line in lines if line.strip() and not line.lstrip().startswith("#"))
    return ChannelFlags(_parse_line(line, path, number) for number, line in flags)


def _parse_line(line: str, path: Path | None, line_number: int) -> ChannelFlag:
    match = _LINE.fullmatch(line.strip())
    if not match:
        problem = (
            "expected 'antenna mjdStart mjdStop freqIndex channelFirst channelLast reason', "
            f"found {line[:60]!r}"
        )
        raise FileFormatError(path or "text", f"line {line_number}", problem)
    antenna, start, stop, freq, first, last, reason = match.groups(default="")
    if int(first) > int(last):
        raise FileFormatError(
            path or "text", f"line {line_number}", f"the first channel {first} is beyond the last, {last}"
        )
    return ChannelFlag(
        antenna, WrittenFloat(start), WrittenFloat(stop), int(freq), int(first), int(last), _unquoted(reason)
    )


def _unquoted(reason: str) -> str:
    quoted = len(reason) >= 2 and reason[0] == reason[-1] == "'"
    return reason[1:-1] if quoted else reason


def format_channelflags(flags: Sequence[ChannelFlag]) -> str:
    """Write the text of a ``.channelflags`` file.

    Raises
    ------
    ValueError
        Where a name or a reason cannot be written on one line.
    """
    return "".join(f"{_format_flag(flag)}\n" for flag in flags)


def _format_flag(flag: ChannelFlag) -> str:
    if not flag.antenna or flag.antenna.startswith("#") or len(flag.antenna.split()) != 1:
        raise ValueError(f"{flag.antenna!r} is no name of an antenna")
    if not flag.reason.isprintable():
        raise ValueError(f"the reason {flag.reason[:40]!r} holds control characters")
    start, stop = (written(mjd, ".7f", exact=False) for mjd in (flag.mjd_start, flag.mjd_stop))
    channels = f"{flag.freq_index} {flag.channel_first} {flag.channel_last}"
    return f"{flag.antenna} {start} {stop} {channels} '{flag.reason}'"


def read_channelflags(path: str | Path) -> ChannelFlags:
    """Read a ``.channelflags`` file; FileFormatError with file and line where it is damaged."""
    return parse_channelflags(read_text(path), Path(path))


def write_channelflags(flags: Sequence[ChannelFlag], path: str | Path, *, overwrite: bool = False) -> None:
    """Write a ``.channelflags`` file; FileExistsError where there is one already, unless `overwrite`."""
    write_text(path, format_channelflags(flags), overwrite=overwrite)
