# SPDX-License-Identifier: GPL-3.0-or-later
"""Frames on the pipe between the server and a correlator child: ids, and the layout of results.

Framing is that of :mod:`difxnb.wire.packet`. Both ends of the pipe import this and not each other.
"""

from __future__ import annotations

import struct
from enum import IntEnum


class FrameId(IntEnum):
    """What a frame carries."""

    MESSAGE = 1
    """One difxMessage document."""
    STDOUT = 2
    """One line of output."""
    STDERR = 3
    """One line of errors."""
    DUMP = 4
    """Results of one integration: time stamp, number of values, values as little-endian complex64."""


DUMP_HEAD = struct.Struct(">ii")
