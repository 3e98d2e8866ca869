# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables that lie in the ``attrs`` of another table."""

from __future__ import annotations

from typing import Any

import pandas as pd


class AttachedFrame(pd.DataFrame):
    """A table for the ``attrs`` of another one.

    When pandas joins tables it asks whether their ``attrs`` are equal, which tables answer cell by cell and so with an
    error. This one answers whether it is the same object; tables made of it are ordinary ones.
    """

    def __eq__(self, other: object) -> bool:  # type: ignore[override]
        return self is other

    __hash__ = None

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> AttachedFrame:
        return attached(self.copy())


def attached(frame: pd.DataFrame) -> AttachedFrame:
    """A table with its own ``attrs``, ready to lie in those of another one."""
    made = AttachedFrame(frame)
    made.attrs = dict(frame.attrs)
    return made
