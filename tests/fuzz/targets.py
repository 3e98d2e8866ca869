# SPDX-License-Identifier: GPL-3.0-or-later
"""Every decoder of the package as a function of bytes, with what it was fed in real life as seeds.

A decoder may give a value, or raise one of the errors it documents; anything else is a defect. Streams are
decoded twice, whole and cut up, and must give the same: bytes come as the network likes.
"""

from __future__ import annotations

from tests.fuzz import file_targets, schedule_targets, wire_targets
from tests.fuzz.decoding import Target

TARGETS: dict[str, Target] = wire_targets.TARGETS | file_targets.TARGETS | schedule_targets.TARGETS
"""All decoders, by what they read."""
