# SPDX-License-Identifier: GPL-3.0-or-later
"""Measurement Sets of reference jobs, and xradio's opinion of them; tests that use these need xradio."""

from __future__ import annotations

from pathlib import Path

import pytest
import xarray as xr

import difxnb

check = pytest.importorskip("xradio.schema.check")

REFERENCE = Path(__file__).parent / "reference"
SWIN_JOBS = REFERENCE / "mpifxcorr-output"


def opened(name: str, **how) -> xr.Dataset:
    return difxnb.open_visibilities(SWIN_JOBS / name / f"{name}.difx", **how)


def require_valid(tree: xr.DataTree) -> None:
    """Let xradio's schema checker look at every node."""
    assert {node.ds.attrs["type"] for node in tree.children.values()} == {"visibility"}
    issues = check.check_datatree(tree)
    assert not issues, str(issues)
