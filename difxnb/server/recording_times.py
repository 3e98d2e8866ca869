# SPDX-License-Identifier: GPL-3.0-or-later
"""When a recording begins and ends, read from its first and last frame.

In: an open file, its data format as guiServer names it, a day near the recording. Out: two modified Julian dates, by
the rules of the programs that guiServer runs: whole seconds for VDIF (``vsum``), frames for Mark5B (``m5bsum``) and
Mark4.
"""

from __future__ import annotations

import os
import re
from typing import IO, Any

from difxnb.errors import FileFormatError
from difxnb.server.vdif_ends import find_vdif_ends
from difxnb.wire.file_list import Recording

_MARK4 = re.compile(r"MKIV1_(\d+)-(\d+)-(\d+)-(\d+)", re.ASCII)


def recording_times(content: IO[bytes], path: str, data_format: str, mjd: int) -> Recording:
    """Read first and last frame of a recording.

    Parameters
    ----------
    content : binary file
        Open for reading.
    path : str
        What the recording is called.
    data_format : str
        Begins with ``VDIF``, ``MARK5B`` or ``MKIV``; of the last, the numbers matter: ``MKIV1_4-512-8-2`` is fan-out
        4, 512 Mbit/s, 8 channels, 2 bits.
    mjd : int
        A day near the recording; Mark5B tells three digits of the date only, Mark4 one digit of the year.

    Raises
    ------
    FileFormatError
        No frame was found, or the format is none of these.
    """
    try:
        if data_format.startswith("VDIF"):
            start, stop = _vdif(content, path)
        elif data_format.startswith("MARK5B"):
            start, stop = _mark5b(content, mjd)
        elif data_format.startswith("MKIV"):
            start, stop = _mark4(content, _tracks(data_format, path), mjd)
        else:
            raise FileFormatError(path, "", f"recordings of format {data_format} cannot be read here")
    except (OSError, EOFError, ValueError, AssertionError, LookupError) as error:
        # What the readers raise on what is no such recording is not of one kind.
        if isinstance(error, FileFormatError):
            raise
        raise FileFormatError(path, "", f"no frame of {data_format} was found ({error})") from error
    return Recording(path, start, stop)


def _vdif(content: IO[bytes], path: str) -> tuple[float, float]:
    ends = find_vdif_ends(content)
    if ends is None:
        raise FileFormatError(path, "", "no VDIF frame was found")
    return ends.start_mjd, ends.stop_mjd


def _mark5b(content: IO[bytes], mjd: int) -> tuple[float, float]:
    from astropy.time import Time
    from baseband.mark5b.base import Mark5BFileReader

    reader = Mark5BFileReader(content, ref_time=Time(mjd, format="mjd"), nchan=1)
    return _ends(reader, content)


def _mark4(content: IO[bytes], tracks: int, mjd: int) -> tuple[float, float]:
    from astropy.time import Time
    from baseband.mark4.base import Mark4FileReader

    reader = Mark4FileReader(content, ntrack=tracks, ref_time=Time(mjd, format="mjd"))
    return _ends(reader, content)


def _ends(reader: Any, content: IO[bytes]) -> tuple[float, float]:
    """Times of the first and the last frame."""
    first = reader.find_header()
    content.seek(0, os.SEEK_END)
    last = reader.find_header(forward=False)
    return float(first.time.mjd), float(last.time.mjd)


def _tracks(data_format: str, path: str) -> int:
    numbers = _MARK4.fullmatch(data_format)
    if numbers is None:
        raise FileFormatError(path, "", f"{data_format} does not tell its tracks, as MKIV1_4-512-8-2 does")
    fan_out, _, channels, bits = map(int, numbers.groups())
    return fan_out * channels * bits
