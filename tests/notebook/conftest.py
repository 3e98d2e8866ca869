# SPDX-License-Identifier: GPL-3.0-or-later
"""A far end for each test, which ends with it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from difxnb.client.blocking import LoopThread
from tests.notebook.far_end import FarEnd


@pytest.fixture
def far() -> Iterator[FarEnd]:
    with LoopThread("far end") as loop:
        far = FarEnd(loop)
        try:
            yield far
        finally:
            loop.call(far.stack.aclose())
