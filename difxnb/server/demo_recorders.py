# SPDX-License-Identifier: GPL-3.0-or-later
"""Two simulated recorders for a demonstration, with the recordings of its directory on their modules.

In: the server's root. Out: a bank of recorders. Each VDIF file is a scan; files of one station make a module.
"""

from __future__ import annotations

from pathlib import Path

from difxnb.formats.mjd import DAY_S
from difxnb.formats.module_directory import ModuleScan
from difxnb.server.recorder_bank import RecorderBank
from difxnb.server.recorder_setup import ModuleSetup, RecorderSetup
from difxnb.server.vdif_ends import find_vdif_ends

_VDIF = 3
_HEARTBEAT_S = 10.0  # as real ones


def demo_recorders(root: Path) -> RecorderBank:
    """Make ``mark5fx01`` with two modules and ``mark5fx02`` with one, or fewer where there are few recordings."""
    modules = [_module(number, files) for number, files in enumerate(_by_station(root), start=1)]
    first, second, third = [*modules, None, None, None][:3]
    setups = (RecorderSetup("mark5fx01", first, second), RecorderSetup("mark5fx02", third))
    return RecorderBank(setups, heartbeat=_HEARTBEAT_S)


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
    """The scan that a VDIF file holds; None where it holds none."""
    with path.open("rb") as content:
        ends = find_vdif_ends(content)
    if ends is None:
        return None
    return ModuleScan(
        name=path.stem,
        start=0,
        length=path.stat().st_size,
        mjd=ends.epoch_mjd + ends.first_second // DAY_S,
        second=ends.first_second % DAY_S,
        duration_s=float(ends.last_second - ends.first_second + 1),
        frame_bytes=ends.frame_bytes,
        tracks=1,
        format=_VDIF,
        note=f"Threads={ends.thread}",
    )
