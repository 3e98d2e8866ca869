# SPDX-License-Identifier: GPL-3.0-or-later
"""Reports of single disks as rows: health and response times (``difxmessage.md`` 6.16, 6.17).

In go the bodies of messages, out come rows, and the columns that are made of them.
"""

from __future__ import annotations

from collections.abc import Sequence

from difxnb.tables.columns import DATES, FLAGS, INTEGERS, NUMBERS, TEXTS, TIMES
from difxnb.tables.disk_health import SMART_NAMES, is_suspect
from difxnb.tables.growing import place
from difxnb.wire.message import DriveStats, Smart

GIGA = 10**9
BINS = 8

_MOST_GIGABYTES = 10**9
_FIRST_SLOW = 5  # bins from here on are later than 18 ms
_COPIER = "mk5cp"  # which leaves some fields as they happen to be

Row = tuple[object, ...]

SMART = tuple(
    place(name, kind, index)
    for index, (name, kind) in enumerate(
        {
            "received": TIMES,
            "recorder": TEXTS,
            "vsn": TEXTS,
            "disk": INTEGERS,
            "time": DATES,
            "id": INTEGERS,
            "name": TEXTS,
            "value": INTEGERS,
            "suspect": FLAGS,
        }.items()
    )
)

DRIVE_STATISTICS = tuple(
    place(name, kind, index)
    for index, (name, kind) in enumerate(
        {
            "received": TIMES,
            "recorder": TEXTS,
            "vsn": TEXTS,
            "disk": INTEGERS,
            "type": TEXTS,
            "serial": TEXTS,
            "model": TEXTS,
            "size": INTEGERS,
            "begin": DATES,
            "end": DATES,
            "start_byte": INTEGERS,
            **{f"bin{number}": INTEGERS for number in range(BINS)},
            "slow": NUMBERS,
        }.items()
    )
)


def smart_rows(body: Smart, recorder: str, time: float) -> list[Row]:
    """One row per value."""
    return [
        (
            time, recorder, body.vsn, body.slot, body.mjd, number, SMART_NAMES.get(number), value,
            is_suspect(number, value),
        )
        for number, value in body.values
    ]  # fmt: skip


def drive_rows(body: DriveStats, recorder: str, program: str, time: float) -> list[Row]:
    """One row."""
    copied = program == _COPIER
    size = None if not body.size or not 0 < body.size < _MOST_GIGABYTES else body.size * GIGA
    bins = [None if count is None or count < 0 else count for count in (*body.bins, *(None,) * BINS)[:BINS]]
    serial, model = (None, None) if copied else (body.serial_number, body.model_number)
    start = None if copied else body.start_byte
    return [
        (
            time, recorder, body.module_vsn, body.module_slot, body.type, serial, model, size,
            body.start_mjd, body.stop_mjd, start, *bins, _slow(bins),
        )
    ]  # fmt: skip


def _slow(bins: Sequence[int | None]) -> float | None:
    known = [0 if count is None else count for count in bins]
    return sum(known[_FIRST_SLOW:]) / sum(known) if sum(known) else None
