# SPDX-License-Identifier: GPL-3.0-or-later
"""Two simulated recorders for a demonstration, with the recordings of its directory on their modules.

In: the server's root. Out: a bank of recorders. Each VDIF file is a scan; files of one station make a module.
"""

from __future__ import annotations

import struct
from datetime import datetime
from pathlib import Path

from difxnb.formats.mjd import DAY_S, MJD_ZERO
from difxnb.formats.module_directory import ModuleScan
from difxnb.server.recorder_bank import RecorderBank
from difxnb.server.recorder_setup import ModuleSetup, RecorderSetup

HEARTBEAT = 10.0
"""Seconds between two reports of an idle recorder, as with real ones."""

_HEAD = struct.Struct("<4I")
_VDIF = 3
_LEGACY_BIT = 1 << 30


def demo_recorders(root: Path) -> RecorderBank:
    """Make ``mark5fx01`` with two modules and ``mark5fx02`` with one, or fewer where there are few recordings."""
    modules = [_module(number, files) for number, files in enumerate(_by_station(root), start=1)]
    first, second, third = [*modules, None, None, None][:3]
    setups = (RecorderSetup("mark5fx01", first, second), RecorderSetup("mark5fx02", third))
    return RecorderBank(setups, heartbeat=HEARTBEAT)


def _by_station(root: Path) -> list[list[Path]]:
    """Recordings of each station, the stations in alphabetical order."""
    stations: dict[str, list[Path]] = {}
    for path in sorted(root.resolve().glob("*.vdif")):
        stations.setdefault(path.stem.rpartition("_")[0] or path.stem, []).append(path)
    return list(stations.values())


def _module(number: int, files: list[Path]) -> ModuleSetup:
    scans = tuple(scan for path in files if (scan := _scan(path)) is not None)
    recordings = {path.stem: str(path) for path in files}
    # The second module is new: nobody has had its directory made.
    return ModuleSetup(f"DEMO+{number:03d}", scans, recordings, has_directory_file=number != 2)


def _scan(path: Path) -> ModuleScan | None:
    """The scan that a VDIF file holds; None for what is shorter than two frames."""
    size = path.stat().st_size
    with path.open("rb") as content:
        head = content.read(_HEAD.size)
        frame = _frame_bytes(head)
        if frame == 0 or size < 2 * frame:
            return None
        content.seek(size - frame)
        last = content.read(_HEAD.size)
    first_second, mjd = _time(head)
    duration = float(_time(last)[0] - first_second + 1)
    return ModuleScan(
        name=path.stem,
        start=0,
        length=size,
        mjd=mjd + first_second // DAY_S,
        second=first_second % DAY_S,
        duration_s=duration,
        frame_bytes=frame,
        tracks=1,
        format=_VDIF,
        note=f"Threads={_HEAD.unpack(head)[3] >> 16 & 0x3FF}",
    )


def _frame_bytes(head: bytes) -> int:
    return 8 * (_HEAD.unpack(head)[2] & 0xFFFFFF) if len(head) == _HEAD.size else 0


def _time(head: bytes) -> tuple[int, int]:
    """Seconds, and the day from which they are counted."""
    words = _HEAD.unpack(head)
    epoch = words[1] >> 24 & 0x3F
    day = datetime(2000 + epoch // 2, 1 + 6 * (epoch % 2), 1)
    return words[0] & (_LEGACY_BIT - 1), (day - MJD_ZERO).days
