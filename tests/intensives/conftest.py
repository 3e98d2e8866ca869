# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests that are coroutines, as in tests/client."""

from tests.client.conftest import pytest_pyfunc_call

__all__ = ["pytest_pyfunc_call"]
