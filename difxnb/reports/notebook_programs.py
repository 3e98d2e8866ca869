# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs notebooks for reports, and whether it is installed: the extra ``report`` of this package."""

from __future__ import annotations

from importlib.util import find_spec

NEEDED = ("papermill", "nbconvert", "ipykernel")


def missing_programs() -> list[str]:
    """Those that are not installed; nothing is imported for it."""
    return [name for name in NEEDED if find_spec(name) is None]
