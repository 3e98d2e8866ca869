# SPDX-License-Identifier: GPL-3.0-or-later
"""A far end for programs."""

from tests.notebook.conftest import far

__all__ = ["far"]
