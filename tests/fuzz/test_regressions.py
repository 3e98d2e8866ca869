# SPDX-License-Identifier: GPL-3.0-or-later
"""Input that a campaign once found to be mistreated, cut down to what matters."""

from __future__ import annotations

import pytest

from tests.fuzz.targets import TARGETS

FOUND = [
    # A link with the two numbers of a device in place of its size.
    ("ls -l", b"lrw-rw-rw- 1 root root 1, 3 Nov 22  2025 null"),
    # The heading of a directory without a name.
    ("ls -l", b":"),
    # A log whose line has no rank, which was looked for among four billion.
    (
        ".difxlog",
        b"Sun Nov 22 10:56:36 2026   0 nput file...\nSun Nov 22 10:56:36 2026 INFO\nSun Nov 22 10:56:36 2026",
    ),
    # A year that is no number of 32 bits.
    ("Earth orientation", b"99999999999999999999 12 29 57751.00 0.08 0.26 -0.40"),
]


@pytest.mark.parametrize(("name", "data"), FOUND)
def test_what_a_campaign_found_stays_repaired(name: str, data: bytes) -> None:
    TARGETS[name].run(data)
