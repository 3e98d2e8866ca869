# SPDX-License-Identifier: GPL-3.0-or-later
"""What the numbers mean that disks report of their health (``difxmessage.md`` 7.8)."""

from __future__ import annotations

SMART_NAMES = {
    1: "read errors",
    3: "spin-up time, ms",
    4: "start/stop count",
    5: "reallocated sectors",
    7: "seek errors",
    8: "seek time performance",
    9: "power-on time, h",
    10: "spin retries",
    11: "recalibration retries",
    12: "power cycles",
    187: "reported uncorrectable",
    189: "high-fly writes",
    190: "airflow temperature",
    192: "retract cycles",
    193: "load cycles",
    194: "temperature, deg C",
    195: "ECC recovered",
    196: "relocation events",
    197: "questionable sectors",
    198: "uncorrectable sectors",
    199: "DMA CRC errors",
    200: "multi-zone errors",
    201: "off-track errors",
    202: "address-mark errors",
    209: "offline seek performance",
    212: "shock during write",
}
"""Attributes of disks by their number."""

_CRITICAL = frozenset({1, 5, 10, 196, 197, 198, 201})


def is_suspect(attribute: int, value: int) -> bool:
    """Whether a value should be zero, and is not."""
    return attribute in _CRITICAL and value != 0
