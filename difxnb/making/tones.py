# SPDX-License-Identifier: GPL-3.0-or-later
"""Which tones of phase calibration go from a band into FITS: the numbers that vex2difx writes for each band.

Tones are counted from the edge of the band where its frequency stands, the first one inside it being 0. As vex2difx
3.1 chooses (``vexdatamodel/vex_channel.cpp``).
"""

from __future__ import annotations

import math
from collections.abc import Iterable

SELECTIONS = ("smart", "vex", "none", "ends", "all", "most")
_EDGE_HZ = 1.0
_NARROWEST_GUARD = 1 / 2000
_SPARED = 1 / 8


def tones(
    edge_hz: float,
    bandwidth_hz: float,
    sideband: str,
    interval_mhz: float,
    *,
    base_mhz: float = 0.0,
    selection: str = "smart",
    guard_mhz: float = -1.0,
    detected: Iterable[int] = (),
) -> tuple[int, ...]:
    """Numbers of the tones of one band.

    Parameters
    ----------
    edge_hz, bandwidth_hz, sideband : float, float, str
        The band as the ``.vex`` has it.
    interval_mhz, base_mhz : float
        Distance of the tones, and where they are counted from; no tones where the distance is 0.
    selection : str
        One of :data:`SELECTIONS`.
    guard_mhz : float
        What is spared at both edges; an eighth of the band where it is negative.
    detected : iterable of int
        The numbers that the ``.vex`` names, from 0.
    """
    if interval_mhz <= 0 or selection == "none":
        return ()
    if selection == "vex":
        return tuple(sorted(detected))
    way = 1 if sideband == "U" else -1
    first = _first(edge_hz, way, interval_mhz, base_mhz)
    reach = bandwidth_hz / 1e6 - way * (first - edge_hz / 1e6)
    count = int(reach) // interval_mhz + 1 if reach >= 0 else 0
    found = range(int(count))
    if selection == "all":
        return tuple(found)
    if selection == "ends" or count <= 2:
        return tuple(found) if count <= 2 else (0, found[-1])
    distances = [way * (first - edge_hz / 1e6) + number * interval_mhz for number in found]
    inside = _inside(distances, bandwidth_hz / 1e6, guard_mhz)
    return (inside[0], inside[-1]) if selection == "smart" and len(inside) > 2 else tuple(inside)


def _first(edge_hz: float, way: int, interval_mhz: float, base_mhz: float) -> float:
    """Sky frequency of the first tone inside the band, MHz."""
    below = math.floor((edge_hz + way * _EDGE_HZ) / 1e6 / interval_mhz)
    return (below + 1 if way > 0 else below) * interval_mhz + base_mhz


def _inside(distances: list[float], width_mhz: float, guard_mhz: float) -> list[int]:
    """Tones farther than the guard from both edges; the guard is halved until there are two."""
    guard = guard_mhz if guard_mhz >= 0 else width_mhz * _SPARED
    while True:
        inside = [number for number, at in enumerate(distances) if guard < at < width_mhz - guard]
        if len(inside) >= 2 or guard <= width_mhz * _NARROWEST_GUARD:
            return inside
        guard /= 2
