# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests that are coroutines, as in tests/client, and jobs to watch."""

from tests.aio.watched_job import demo, gate
from tests.client.conftest import pytest_pyfunc_call

__all__ = ["demo", "gate", "pytest_pyfunc_call"]
