# SPDX-License-Identifier: GPL-3.0-or-later
"""What recorders and the makers of jobs answer, as DataFrames. Times are UTC.

Every frame keeps in its ``attrs`` what it was made from: ``lines`` as they came, and ``warnings``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath

import pandas as pd

from difxnb.client.file_list import FileList
from difxnb.client.vex2difx import Made
from difxnb.formats.module_directory import ModuleDirectory
from difxnb.tables.columns import integers, mjd_seconds, numbers, times
from difxnb.tables.disk_health import SMART_NAMES, is_suspect
from difxnb.tables.recorders import version_parts
from difxnb.wire.file_list import parse_recording
from difxnb.wire.files import Entry
from difxnb.wire.message import Mark5Status, Mark5Version, Mark6Status, Message, Smart
from difxnb.wire.recorders import OutputLine


def _texts(values: Iterable[str | None]) -> pd.Series[str]:
    """Texts, None where missing; always of the same type, also where there are none at all."""
    return pd.Series(list(values), dtype=object)


Heard = tuple[Message, float]
"""A message, and when it was received (unix seconds)."""


def output_frame(lines: Sequence[OutputLine]) -> pd.DataFrame:
    """What programs printed: ``text``, ``error`` (it came on the error output, which proves little)."""
    return pd.DataFrame(
        {
            "text": _texts(line.text for line in lines),
            "error": pd.Series([line.is_error for line in lines], dtype=bool),
        }
    )


def modules_frame(heard: Iterable[Heard]) -> pd.DataFrame:
    """Modules by recorder: ``recorder bank vsn state heard``; the latest word of each recorder counts.

    `bank` is A or B of a Mark5, 1 to 4 of a Mark6; `vsn` is None where there is no module, or none with a label.
    """
    latest = {message.header.source: (message, time) for message, time in heard}
    rows = [
        (source, bank, vsn, _state(message), time)
        for source, (message, time) in sorted(latest.items())
        for bank, vsn in _banks(message)
    ]
    return pd.DataFrame(
        {
            "recorder": _texts(row[0] for row in rows),
            "bank": _texts(row[1] for row in rows),
            "vsn": _texts(row[2] for row in rows),
            "state": _texts(row[3] for row in rows),
            "heard": times(row[4] for row in rows),
        }
    )


def _banks(message: Message) -> list[tuple[str, str | None]]:
    body = message.body
    if isinstance(body, Mark5Status):
        return [("A", body.bank_a_vsn), ("B", body.bank_b_vsn)]
    return [(str(slot), msn) for slot, msn in enumerate(body.msn, 1)] if isinstance(body, Mark6Status) else []


def _state(message: Message) -> str | None:
    # A Mark6 never says its state: what it sends there means nothing.
    return message.body.state if isinstance(message.body, Mark5Status) else None


def versions_frame(heard: Iterable[Heard]) -> pd.DataFrame:
    """Versions of the parts of Mark5 units: ``recorder part version``."""
    rows: list[tuple[str, str, str]] = []
    for message, _ in heard:
        if isinstance(message.body, Mark5Version):
            rows += [(message.header.source, part, value) for part, value in version_parts(message.body)]
    return pd.DataFrame({name: _texts(row[i] for row in rows) for i, name in enumerate(_VERSION_COLUMNS)})


_VERSION_COLUMNS = ("recorder", "part", "version")


def smart_frame(heard: Iterable[Heard]) -> pd.DataFrame:
    """Health of disks: ``recorder vsn disk time id name value suspect``; `suspect` values should be zero."""
    reports = [(message.header.source, message.body) for message, _ in heard]
    rows = [
        (source, body, number, value)
        for source, body in reports
        if isinstance(body, Smart)
        for number, value in body.values
    ]
    return pd.DataFrame(
        {
            "recorder": _texts(row[0] for row in rows),
            "vsn": _texts(row[1].vsn for row in rows),
            "disk": integers(row[1].slot for row in rows),
            "time": times(mjd_seconds(row[1].mjd) for row in rows),
            "id": integers(row[2] for row in rows),
            "name": _texts(SMART_NAMES.get(row[2]) for row in rows),
            "value": integers(row[3] for row in rows),
            "suspect": pd.Series([is_suspect(row[2], row[3]) for row in rows], dtype=bool),
        }
    )


def directory_frame(directory: ModuleDirectory) -> pd.DataFrame:
    """Scans of a module: ``scan name start stop duration format tracks bytes position rate note``.

    `scan` counts from 1, as mk5cp does; `duration` in s, `bytes` and `position` in bytes, `rate` in Mbit/s; `format` is
    None where the scan could not be decoded.
    """
    scans = directory.scans
    return pd.DataFrame(
        {
            "scan": pd.Series(range(1, len(scans) + 1), dtype="int64"),
            "name": _texts(scan.name for scan in scans),
            "start": times(scan.start_unix for scan in scans),
            "stop": times(scan.start_unix + scan.duration_s for scan in scans),
            "duration": numbers(scan.duration_s for scan in scans),
            "format": _texts(scan.format_name for scan in scans),
            "tracks": pd.Series([scan.tracks for scan in scans], dtype="int64"),
            "bytes": pd.Series([scan.length for scan in scans], dtype="int64"),
            "position": pd.Series([scan.start for scan in scans], dtype="int64"),
            "rate": numbers(
                8e-6 * scan.length / scan.duration_s if scan.duration_s > 0 else None for scan in scans
            ),
            "note": _texts(scan.note for scan in scans),
        }
    )


_NAMED = re.compile(r"outName = (\S+)")
_SCAN_COPIED = re.compile(r"(?:Warning: )?Copied scan (\d+)(?: = (.*?))?\.(?: (\d+) bytes total.*)?")


def copy_frame(lines: Sequence[OutputLine]) -> pd.DataFrame:
    """Scans that were copied, by what mk5cp printed: ``scan name file``; `scan` counts from 1."""
    rows: list[tuple[int, str | None, str | None]] = []
    file: str | None = None
    for line in lines:
        if named := _NAMED.fullmatch(line.text.strip()):
            file = named[1]
        elif copied := _SCAN_COPIED.fullmatch(line.text.strip()):
            rows.append((int(copied[1]), copied[2], file))
            file = None
    return pd.DataFrame(
        {
            "scan": pd.Series([row[0] for row in rows], dtype="int64"),
            "name": _texts(row[1] for row in rows),
            "file": _texts(row[2] for row in rows),
        }
    )


def _to_ms(mjd: float) -> float | None:
    """Unix seconds to the millisecond, which is what the digits of a list are worth."""
    seconds = mjd_seconds(mjd)
    return None if seconds is None else round(seconds, 3)


def recordings_frame(made: FileList) -> pd.DataFrame:
    """Recordings: ``file start stop duration listed``.

    Times are NaT where the server could not read the file; `listed` says whether the recording is in the list: a real
    guiServer leaves out all but one of those that start at the same time.
    """
    rows = made.recordings
    in_list = {found.file for found in map(parse_recording, made.lines) if found is not None}
    known = [recording.start_mjd > 0 for recording in rows]
    start = times(_to_ms(r.start_mjd) if k else None for r, k in zip(rows, known, strict=True))
    stop = times(_to_ms(r.stop_mjd) if k else None for r, k in zip(rows, known, strict=True))
    return pd.DataFrame(
        {
            "file": _texts(recording.file for recording in rows),
            "start": start,
            "stop": stop,
            "duration": (stop - start).dt.total_seconds(),
            "listed": pd.Series([recording.file in in_list for recording in rows], dtype=bool),
        }
    )


def _modified(entry: Entry) -> float | None:
    return None if entry.modified is None else entry.modified.timestamp()


def made_frame(made: Made) -> pd.DataFrame:
    """New jobs: ``job input model replaced modified``; `model` is None where the program made none."""
    rows = made.inputs
    return pd.DataFrame(
        {
            "job": _texts(PurePosixPath(entry.path).stem for entry in rows),
            "input": _texts(entry.path for entry in rows),
            "model": _texts(made.model_of(entry.path) for entry in rows),
            "replaced": pd.Series([entry.path in made.replaced for entry in rows], dtype=bool),
            "modified": times(map(_modified, rows)),
        }
    )


def models_frame(made: Made) -> pd.DataFrame:
    """New delay models: ``job model replaced modified``."""
    rows = made.models
    return pd.DataFrame(
        {
            "job": _texts(PurePosixPath(entry.path).stem for entry in rows),
            "model": _texts(entry.path for entry in rows),
            "replaced": pd.Series([entry.path in made.replaced for entry in rows], dtype=bool),
            "modified": times(map(_modified, rows)),
        }
    )
